%% What the protocol does not allow: refused at the sender, where it is an error
%% at that line, and at the receiver, where it is dropped, counted and reported.
%% Either way the session goes on as if nothing had been.
-module(maty_refusal_tests).

-include_lib("eunit/include/eunit.hrl").

-import(maty_player, [play/3, next/1, go/1, access_point/1]).

-define(ORDER, <<
    "global protocol Order(role Buyer, role Seller, role Clerk) {\n"
    "  order(string, amount: 1..9) from Buyer to Seller;\n"
    "  choice at Seller {\n"
    "    price(number) from Seller to Buyer;\n"
    "    note(integer) from Seller to Clerk;\n"
    "  } or {\n"
    "    none() from Seller to Buyer;\n"
    "    none() from Seller to Clerk;\n"
    "  }\n"
    "}\n"
>>).

%% Handles and commands as c_src/include/maty.h and c_src/beam/maty_drv.c say.
-define(RECEIVE(Action, Ticket), ((3 bsl 28) bor ((Action) bsl 16) bor (Ticket))).

refusals_test_() ->
    maty_player:tests([
        fun every_wrong_send/0,
        fun refused_send_as_text/0,
        fun refused_send_ends_an_actor_that_does_not_catch_it/0,
        fun send_outside_of_a_session/0,
        fun send_after_the_end/0,
        fun suspend_where_the_role_sends/0,
        fun noreply_where_the_role_sends/0,
        fun done_before_the_end/0,
        fun noreply_keeps_handler_and_state/0,
        fun bad_returns/0,
        fun every_forged_message/0,
        fun garbage_in_every_position/0,
        fun replayed_messages/0,
        fun forged_behind_messages_that_wait/0,
        fun forged_for_a_session_of_others/0,
        fun garbage_while_traced/0,
        fun handle_of_another_process/0,
        fun stale_handle/0,
        fun made_up_handles/0,
        fun registering_for_what_is_not_there/0,
        fun access_point_of_a_bad_protocol/0,
        fun access_point_options/0,
        fun nothing_is_left/0
    ]).

%% ----- At the sender -----

%% Each wrong message in turn, and after all of them the right one.
every_wrong_send() ->
    AccessPoint = access_point(?ORDER),
    Cases = [
        {no_action, 'Buyer', {price, 1}, #{}},
        {no_action, 'Seller', {offer, <<"a">>, 1}, #{}},
        {not_a_message, 'Seller', {}, #{}},
        {no_action, 'Seller', {<<"order">>, <<"a">>, 1}, #{}},
        {not_a_message, 'Seller', order, #{}},
        {not_a_message, 'Seller', [order, <<"a">>, 1], #{}},
        {no_action, 'Clerk', {order, <<"a">>, 1}, #{}},
        {no_action, 'Nobody', {order, <<"a">>, 1}, #{}},
        {no_action, "Seller", {order, <<"a">>, 1}, #{}},
        {payload, 'Seller', {order}, #{field => 0}},
        {payload, 'Seller', {order, <<"a">>}, #{field => 0}},
        {payload, 'Seller', {order, <<"a">>, 1, 1}, #{field => 0}},
        {payload, 'Seller', {order, a, 1}, #{field => 1}},
        {payload, 'Seller', {order, <<255>>, 1}, #{field => 1}},
        {payload, 'Seller', {order, <<"a">>, 10}, #{field => 2}},
        {payload, 'Seller', {order, <<"a">>, 1.0}, #{field => 2}}
    ],
    Buyer = play(
        AccessPoint,
        'Buyer',
        [{call, fun maty:session/0}] ++
            [{refused, To, Message} || {_, To, Message, _} <- Cases] ++
            [pause, {send, 'Seller', {order, <<"a">>, 9}}, wait]
    ),
    Seller = play(AccessPoint, 'Seller', [
        begun, wait, {send, 'Buyer', {none}}, {send, 'Clerk', {none}}
    ]),
    Clerk = play(AccessPoint, 'Clerk', [begun, wait]),
    [{begun, _} = next(Actor) || Actor <- [Seller, Clerk]],
    {result, #{id := Id}} = next(Buyer),
    Order = #{
        direction => send,
        peer => 'Seller',
        label => order,
        target => 1,
        fields => [{<<>>, <<"string">>}, {<<"amount">>, <<"1..9">>}],
        line => 2,
        column => 3
    },
    lists:foreach(
        fun({Reason, To, Message, Also}) ->
            Expected = Also#{
                reason => Reason,
                direction => send,
                attempt => Message,
                peer => To,
                session => Id,
                role => 'Buyer',
                protocol => 'Order',
                source => <<"nofile">>,
                allowed => [Order]
            },
            ?assertEqual({refused, Expected}, next(Buyer))
        end,
        Cases
    ),
    ?assertEqual({paused, 'Buyer'}, next(Buyer)),
    %% Nothing has left: to nobody, through neither way.
    [?assertEqual({messages, []}, process_info(Actor, messages)) || Actor <- [Buyer, Seller, Clerk]],
    go(Buyer),
    ?assertEqual({got, 'Seller', {order, <<"a">>, 9}}, next(Seller)),
    ?assertEqual({got, 'Buyer', {none}}, next(Buyer)),
    [
        ?assertEqual({ended, Role, {done, normal}}, next(Actor))
     || {Role, Actor} <- [{'Buyer', Buyer}, {'Seller', Seller}]
    ].

refused_send_as_text() ->
    AccessPoint = access_point(?ORDER),
    Buyer = play(AccessPoint, 'Buyer', [
        {send, 'Seller', {order, <<"a">>, 9}},
        {refused, 'Seller', {order, <<"a">>, 9}},
        wait
    ]),
    Seller = play(AccessPoint, 'Seller', [
        wait,
        {refused, 'Clerk', {note, 1}},
        {refused, 'Buyer', {price, cheap}},
        {refused, 'Buyer', {price}},
        {refused, 'Buyer', price},
        {send, 'Buyer', {none}},
        {send, 'Clerk', {none}},
        {refused, 'Clerk', {none}}
    ]),
    _Clerk = play(AccessPoint, 'Clerk', [wait]),
    {refused, #{session := Session} = AfterOrder} = next(Buyer),
    Name = maty:format_session(Session),
    Text = fun(Violation) -> lists:flatten(io_lib:format("~ts", [maty_error:format(Violation)])) end,
    ?assertEqual(
        "Buyer in session " ++ Name ++ " of Order sends {order,<<\"a\">>,9} to 'Seller', which the "
        "protocol does not allow here; allowed here:\n"
        "    price(number) from Seller   nofile:4:5\n"
        "    none() from Seller   nofile:7:5",
        Text(AfterOrder)
    ),
    {got, 'Seller', _} = next(Seller),
    Refused = [Violation || {refused, Violation} <- [next(Seller) || _ <- lists:seq(1, 5)]],
    Allowed =
        "; allowed here:\n"
        "    price(number) to Buyer   nofile:4:5\n"
        "    none() to Buyer   nofile:7:5",
    Head = "Seller in session " ++ Name ++ " of Order sends ",
    ?assertEqual(
        [
            Head ++ "{note,1} to 'Clerk', which the protocol does not allow here" ++ Allowed,
            Head ++ "{price,cheap} to 'Buyer', but field 1 is not of the declared type" ++ Allowed,
            Head ++ "{price} to 'Buyer', with the wrong number of fields" ++ Allowed,
            Head ++ "price to 'Buyer', which is no message: a message is a tuple of a label, an "
                "atom, and its payload" ++ Allowed,
            Head ++ "{none} to 'Clerk', which the protocol does not allow here; the role has come "
                "to its end"
        ],
        [Text(Violation) || Violation <- Refused]
    ).

refused_send_ends_an_actor_that_does_not_catch_it() ->
    AccessPoint = access_point(?ORDER),
    {Buyer, Monitor} = watched(AccessPoint, 'Buyer', [pause, {send, 'Seller', {offer}}]),
    Seller = play(AccessPoint, 'Seller', [wait]),
    Clerk = play(AccessPoint, 'Clerk', [wait]),
    {paused, 'Buyer'} = next(Buyer),
    go(Buyer),
    {{protocol_violation, Violation}, [{maty, send, ['Seller', {offer}], Where} | _]} =
        end_of(Monitor),
    ?assertMatch(#{reason := no_action, attempt := {offer}, peer := 'Seller'}, Violation),
    ?assertEqual(#{module => maty_error}, proplists:get_value(error_info, Where)),
    ?assertEqual(
        #{reason => iolist_to_binary(maty_error:format(Violation))},
        maty_error:format_error({protocol_violation, Violation}, [])
    ),
    ?assertEqual({ended, 'Seller', {failed, {cancelled, 'Buyer'}}}, next(Seller)),
    ?assertEqual({ended, 'Clerk', {failed, {cancelled, 'Seller'}}}, next(Clerk)).

send_outside_of_a_session() ->
    Text = <<
        "{hello} was sent outside of a session: only a handler, init_session and setup_actor can "
        "send to a role, in the actor's own process"
    >>,
    AccessPoint = access_point(?ORDER),
    Buyer = play(AccessPoint, 'Buyer', [wait]),
    Send = fun() ->
        try
            maty:send('Seller', {hello})
        catch
            error:{protocol_violation, Violation} -> Violation
        end
    end,
    [
        begin
            ?assertEqual(
                #{
                    reason => no_session,
                    direction => send,
                    attempt => {hello},
                    peer => 'Seller'
                },
                Violation
            ),
            ?assertEqual(Text, iolist_to_binary(maty_error:format(Violation)))
        end
     || Violation <- [Send(), maty_player:run(Buyer, Send)]
    ],
    maty_player:stop(Buyer).

send_after_the_end() ->
    AccessPoint = access_point(?ORDER),
    _Buyer = play(AccessPoint, 'Buyer', [{send, 'Seller', {order, <<>>, 1}}, wait]),
    Seller = play(AccessPoint, 'Seller', [
        wait, {send, 'Buyer', {none}}, {send, 'Clerk', {none}}, {refused, 'Buyer', {none}}
    ]),
    Clerk = play(AccessPoint, 'Clerk', [wait]),
    {got, _, _} = next(Seller),
    ?assertMatch({refused, #{reason := not_now, allowed := []}}, next(Seller)),
    ?assertEqual({ended, 'Seller', {done, normal}}, next(Seller)),
    ?assertEqual({got, 'Clerk', {none}}, next(Clerk)).

%% ----- What handlers return -----

watched(AccessPoint, Role, Steps) ->
    Pid = play(AccessPoint, Role, Steps),
    {Pid, erlang:monitor(process, Pid)}.

end_of(Monitor) ->
    receive
        {'DOWN', Monitor, process, _, Reason} -> Reason
    end.

%% The reason that an actor ends with whose handler, or init_session, returns
%% what it should not; and that the others fail because of it.
ends_with(BuyerSteps, SellerSteps) ->
    AccessPoint = access_point(?ORDER),
    {Buyer, BuyerMonitor} = watched(AccessPoint, 'Buyer', [pause | BuyerSteps]),
    {Seller, SellerMonitor} = watched(AccessPoint, 'Seller', [pause | SellerSteps]),
    Clerk = play(AccessPoint, 'Clerk', [wait]),
    [{paused, _} = next(Actor) || Actor <- [Buyer, Seller]],
    [go(Actor) || Actor <- [Buyer, Seller]],
    ?assertMatch({ended, 'Clerk', {failed, {cancelled, 'Seller'}}}, next(Clerk)),
    receive
        {'DOWN', BuyerMonitor, process, _, Reason} ->
            {ended, 'Seller', {failed, {cancelled, 'Buyer'}}} = next(Seller),
            maty_player:stop(Seller),
            Reason;
        {'DOWN', SellerMonitor, process, _, Reason} ->
            maty_player:kill(Buyer),
            Reason
    end.

suspend_where_the_role_sends() ->
    {{protocol_violation, Violation}, [_ | _]} = ends_with([wait], [wait]),
    ?assertMatch(
        #{
            reason := not_waiting,
            direction := suspend,
            role := 'Buyer',
            allowed := [#{direction := send, label := order}]
        },
        Violation
    ),
    ?assertMatch(
        {match, _},
        re:run(
            maty_error:format(Violation),
            "^Buyer in session #[0-9]+\\.[0-9]+\\.[0-9]+ of Order suspends where the protocol does not wait; "
            "allowed here:\n    order\\(string, amount: 1..9\\) to Seller   nofile:2:3$"
        )
    ),
    %% In a handler, and at the end.
    {{protocol_violation, InHandler}, [_ | _]} =
        ends_with([{send, 'Seller', {order, <<>>, 1}}, wait], [wait, wait]),
    ?assertMatch(#{reason := not_waiting, role := 'Seller'}, InHandler),
    {{protocol_violation, AtEnd}, [_ | _]} =
        ends_with(
            [{send, 'Seller', {order, <<>>, 1}}, wait],
            [wait, {send, 'Buyer', {none}}, {return, {suspend, fun(_, S) -> {done, x, S} end, s}}]
        ),
    ?assertMatch(#{reason := not_waiting, role := 'Seller'}, AtEnd).

noreply_where_the_role_sends() ->
    {{protocol_violation, Violation}, [_ | _]} =
        ends_with([{send, 'Seller', {order, <<>>, 1}}, wait], [wait, {return, noreply}]),
    ?assertMatch(#{reason := not_waiting, direction := suspend, role := 'Seller'}, Violation).

done_before_the_end() ->
    {{protocol_violation, Violation}, [_ | _]} =
        ends_with([{send, 'Seller', {order, <<>>, 1}}, wait], [wait]),
    ?assertMatch(
        #{
            reason := unfinished,
            direction := done,
            role := 'Seller',
            allowed := [#{label := price}, #{label := none}]
        },
        Violation
    ),
    ?assertMatch(
        {match, _},
        re:run(maty_error:format(Violation), "of Order is done before the end of the protocol; allowed")
    ),
    {{protocol_violation, AtStart}, [_ | _]} = ends_with([], [wait]),
    ?assertMatch(#{reason := unfinished, role := 'Buyer'}, AtStart).

noreply_keeps_handler_and_state() ->
    AccessPoint = access_point(
        "global protocol Twice(role A, role B) { m(integer) from A to B; m(integer) from A to B; }"
    ),
    Test = self(),
    Handler = fun
        ({m, 2}, State) ->
            {done, State, State};
        ({m, 1}, State) ->
            Test ! {state, State},
            noreply
    end,
    B = play(AccessPoint, 'B', [{return, {suspend, Handler, kept}}]),
    _A = play(AccessPoint, 'A', [{send, 'B', {m, 1}}, {send, 'B', {m, 2}}]),
    receive
        {state, State} -> ?assertEqual(kept, State)
    end,
    maty_player:until(fun() -> maty:sessions(B) =:= [] end),
    maty_player:stop(B).

bad_returns() ->
    Sent = [{send, 'Seller', {order, <<>>, 1}}, wait],
    [
        ?assertMatch({{bad_handler_return, _, Bad}, [_ | _]}, ends_with(Sent, [wait, {return, Bad}]))
     || Bad <- [ok, {suspend, not_a_fun, s}, {suspend, fun(_) -> ok end, s}, {done, s}, {noreply, s}, []]
    ],
    [
        ?assertMatch({{bad_return_value, Bad}, [_ | _]}, ends_with([{return, Bad}], [wait]))
     || Bad <- [ok, noreply, {ok, not_a_fun, local, state}]
    ].

%% ----- At the receiver -----

%% A session of Order that waits: the buyer before it sends, seller and clerk in
%% their first wait. Returns the handle of the session.
waiting_session() ->
    AccessPoint = access_point(?ORDER),
    Buyer = play(AccessPoint, 'Buyer', [
        {call, fun maty:session/0}, pause, {send, 'Seller', {order, <<"a">>, 1}}, wait
    ]),
    Seller = play(AccessPoint, 'Seller', [
        begun, wait, {send, 'Buyer', {price, 5}}, {send, 'Clerk', {note, 1}}
    ]),
    Clerk = play(AccessPoint, 'Clerk', [begun, wait]),
    [{begun, _} = next(Actor) || Actor <- [Seller, Clerk]],
    {result, #{id := Id}} = next(Buyer),
    {paused, 'Buyer'} = next(Buyer),
    {Id, Buyer, Seller, Clerk}.

%% The session of waiting_session/0 comes to its end, all as it should.
goes_on({_, Buyer, Seller, Clerk}) ->
    go(Buyer),
    ?assertEqual({got, 'Seller', {order, <<"a">>, 1}}, next(Seller)),
    ?assertEqual({got, 'Buyer', {price, 5}}, next(Buyer)),
    ?assertEqual({got, 'Clerk', {note, 1}}, next(Clerk)),
    [
        ?assertEqual({ended, Role, {done, normal}}, next(Actor))
     || {Role, Actor} <- [{'Buyer', Buyer}, {'Seller', Seller}, {'Clerk', Clerk}]
    ].

%% Sends an actor what nobody should have sent. Returns the violation it reports;
%% the message is counted, and the actor is as it was.
forge(Actor, Envelope) ->
    ok = maty_event:subscribe(violation),
    State = sys:get_state(Actor),
    Sessions = maty:sessions(Actor),
    {Violation, #{refused := Refused}} = maty_player:counted(fun() ->
        Actor ! Envelope,
        receive
            {maty_event, violation, Reported} -> Reported
        end
    end),
    ?assertEqual({Envelope, 1}, {Envelope, Refused}),
    ?assertEqual(State, sys:get_state(Actor)),
    ?assertEqual(Sessions, maty:sessions(Actor)),
    ok = maty_event:unsubscribe(violation),
    Violation.

%% The seller's actions: the numbers are the image's, so each is tried.
every_forged_message() ->
    {Id, _Buyer, Seller, _Clerk} = Session = waiting_session(),
    Handle = Id + 1,
    Forge = fun(Action, Ticket, Message) ->
        forge(Seller, {'$maty', Handle, ?RECEIVE(Action, Ticket), Message})
    end,
    %% The right message, but the buyer did not send it: whatever the ticket.
    Action = receiving(Seller, Handle, {order, <<"a">>, 1}),
    ?assertEqual(
        #{
            reason => forged,
            direction => 'receive',
            attempt => {order, <<"a">>, 1},
            peer => 'Buyer',
            session => Id,
            role => 'Seller',
            protocol => 'Order',
            source => <<"nofile">>,
            allowed => [
                #{
                    direction => 'receive',
                    peer => 'Buyer',
                    label => order,
                    target => 1,
                    fields => [{<<>>, <<"string">>}, {<<"amount">>, <<"1..9">>}],
                    line => 2,
                    column => 3
                }
            ]
        },
        Forge(Action, 0, {order, <<"a">>, 1})
    ),
    [?assertMatch(#{reason := forged}, Forge(Action, T, {order, <<"a">>, 1})) || T <- [1, 77, 65535]],
    %% Wrong payload.
    [
        ?assertMatch(#{reason := forged, attempt := Message}, Forge(Action, 1, Message))
     || Message <- [{order}, {order, a, b}, {order, <<"a">>, 1, 2}]
    ],
    %% Wrong label: not of this action, or of no message at all.
    [
        ?assertMatch(#{reason := no_action, attempt := Message}, Forge(Action, 1, Message))
     || Message <- [{none}, {price, 1}, {unknown}, {<<"order">>}, order, {}, [], 5]
    ],
    %% Wrong role: an action that sends, and actions that are not there.
    [
        ?assertMatch(#{reason := no_action}, Forge(Other, 1, {order, <<"a">>, 1}))
     || Other <- [0, 1, 2, 3, 4, 5, 100, 4095], Other =/= Action
    ],
    goes_on(Session).

%% The number of the action by which an endpoint receives a message: the only one
%% that the engine does not refuse for the protocol's sake.
receiving(Actor, Handle, Message) ->
    ok = maty_event:subscribe(violation),
    Found = [
        Action
     || Action <- lists:seq(0, 10),
        begin
            Actor ! {'$maty', Handle, ?RECEIVE(Action, 0), Message},
            receive
                {maty_event, violation, #{reason := Reason}} -> Reason =:= forged
            end
        end
    ],
    ok = maty_event:unsubscribe(violation),
    [Action] = Found,
    Action.

garbage_in_every_position() ->
    {Id, _, Seller, _} = Session = waiting_session(),
    Garbage = [
        [], {}, foo, <<1, 2, 3>>, <<1:3>>, 1.5, -1, 1 bsl 80, -(1 bsl 80), self(), make_ref(),
        fun() -> ok end, #{a => b}, [a | b], "text"
    ],
    Message = {order, <<"a">>, 1},
    Handle = Id + 1,
    %% A handle that no endpoint has: reported if it is none, else as of an
    %% endpoint that has ended, without a word.
    Silent = fun(Envelope) ->
        Seller ! Envelope,
        maty:sessions(Seller)
    end,
    Before = maty:sessions(Seller),
    [?assertEqual(Before, Silent({'$maty', G, ?RECEIVE(0, 0), Message})) || G <- Garbage],
    [?assertMatch(#{reason := no_action}, forge(Seller, {'$maty', Handle, G, Message})) || G <- Garbage],
    [
        ?assertMatch(#{direction := 'receive'}, forge(Seller, {'$maty', Handle, ?RECEIVE(A, 0), G}))
     || G <- Garbage, A <- [0, 1, 2, 4095]
    ],
    [
        ?assertMatch(#{reason := no_action}, forge(Seller, {'$maty', Handle, Op bsl 28, Message}))
     || Op <- [0, 1, 2, 5, 6, 7, 15]
    ],
    %% As from another node, but the buyer is of this one.
    ?assertMatch(#{reason := forged}, forge(Seller, {'$maty', Handle, 4 bsl 28, Message})),
    %% Envelopes of another size are ordinary messages.
    [
        begin
            Seller ! Envelope,
            ?assertEqual({info, Envelope}, next(Seller))
        end
     || Envelope <- [{'$maty'}, {'$maty', Handle}, {'$maty', Handle, 1}, {'$maty', Handle, 1, 2, 3}]
    ],
    goes_on(Session).

%% What really was sent, sent again: before its turn, in its turn, after it.
replayed_messages() ->
    {_, Buyer, Seller, Clerk} = waiting_session(),
    1 = erlang:trace(Seller, true, ['receive']),
    go(Buyer),
    {got, 'Seller', _} = next(Seller),
    Envelope =
        receive
            {trace, Seller, 'receive', {'$maty', _, _, _} = Sent} -> Sent
        end,
    1 = erlang:trace(Seller, false, ['receive']),
    [?assertEqual({ended, Role, {done, normal}}, next(Actor)) || {Role, Actor} <- [{'Seller', Seller}]],
    %% The session is over: nothing happens, and nothing is kept.
    Seller ! Envelope,
    ?assertEqual([], maty:sessions(Seller)),
    [{got, _, _} = next(Actor) || Actor <- [Buyer, Clerk]],

    %% Now one that goes on: a(1) is sent, and replayed while b is waited for.
    AccessPoint = access_point(
        "global protocol Replay(role A, role B, role C) {"
        "  a(integer) from A to B; b() from C to B; a(integer) from A to B; d() from C to B;"
        "  c() from B to A; }"
    ),
    ok = maty_event:subscribe(violation),
    B = play(AccessPoint, 'B', [pause, wait, wait, wait, wait, {send, 'A', {c}}]),
    A = play(AccessPoint, 'A', [{send, 'B', {a, 1}}, {send, 'B', {a, 2}}, pause, wait]),
    C = play(AccessPoint, 'C', [pause, {send, 'B', {b}}, pause, {send, 'B', {d}}]),
    [{paused, _} = next(Actor) || Actor <- [A, B, C]],
    {messages, [First, Second]} = process_info(B, messages),
    %% Both once more behind the real ones. What B waits for when it is their turn is d,
    %% so a comes at the wrong moment; and so does the first once more.
    B ! Second,
    B ! First,
    go(B),
    ?assertEqual({got, 'B', {a, 1}}, next(B)),
    go(C),
    ?assertEqual([{got, 'B', {b}}, {got, 'B', {a, 2}}], [next(B), next(B)]),
    ?assertMatch({a, 2}, violation_of(not_now)),
    ?assertMatch({a, 1}, violation_of(not_now)),
    B ! First,
    ?assertMatch({a, 1}, violation_of(not_now)),
    go(C),
    ?assertEqual({got, 'B', {d}}, next(B)),
    go(A),
    ?assertEqual({got, 'A', {c}}, next(A)),
    ?assertEqual({ended, 'B', {done, normal}}, next(B)),
    ok = maty_event:unsubscribe(violation).

%% Messages wait behind one another, and the engine is asked about the first only. What
%% nobody has sent is refused when its turn comes, and at once if it has no label of
%% the sender that it is said to be from.
forged_behind_messages_that_wait() ->
    AccessPoint = access_point(
        "global protocol Behind(role A, role B, role C) {"
        "  b() from C to B; a(integer) from A to B; a(integer) from A to B; a(integer) from A to B; }"
    ),
    ok = maty_event:subscribe(violation),
    #{waited := Before} = maty:counters(),
    B = play(AccessPoint, 'B', [pause, wait, wait, wait, wait]),
    A = play(AccessPoint, 'A', [pause, {send, 'B', {a, 1}}, {send, 'B', {a, 2}}, pause, {send, 'B', {a, 3}}, pause]),
    C = play(AccessPoint, 'C', [pause, {send, 'B', {b}}]),
    [{paused, _} = next(Actor) || Actor <- [A, B, C]],
    go(B),
    1 = erlang:trace(B, true, ['receive']),
    go(A),
    [First, Second] = [
        receive
            {trace, B, 'receive', {'$maty', _, _, {a, N}} = Sent} -> Sent
        end
     || N <- [1, 2]
    ],
    1 = erlang:trace(B, false, ['receive']),
    {paused, _} = next(A),
    {'$maty', Handle, Command, {a, 2}} = Second,
    %% A ticket that nobody has got, and labels that the ticket is not for.
    B ! {'$maty', Handle, Command bxor 16#8000, {a, 7}},
    B ! {'$maty', Handle, Command, {b}},
    ?assertMatch({b}, violation_of(no_action)),
    B ! setelement(4, First, not_a_message),
    ?assertMatch(not_a_message, violation_of(no_action)),
    go(A),
    {paused, _} = next(A),
    go(C),
    ?assertEqual([{got, 'B', {b}} | [{got, 'B', {a, N}} || N <- [1, 2, 3]]], [next(B) || _ <- "1234"]),
    ?assertMatch({a, 7}, violation_of(forged)),
    #{waited := After} = maty:counters(),
    ?assertEqual(1, After - Before),
    go(A),
    ok = maty_event:unsubscribe(violation).

violation_of(Reason) ->
    receive
        {maty_event, violation, #{reason := Reason, attempt := Message}} -> Message
    end.

%% A good handle, but of an endpoint that is another's.
forged_for_a_session_of_others() ->
    {Id, Buyer, Seller, Clerk} = Session = waiting_session(),
    ?assertEqual(
        #{reason => forged, direction => 'receive', attempt => {order, <<"a">>, 1}},
        forge(Clerk, {'$maty', Id + 1, ?RECEIVE(0, 0), {order, <<"a">>, 1}})
    ),
    ?assertMatch(#{reason := forged}, forge(Seller, {'$maty', Id, ?RECEIVE(0, 0), {price, 1}})),
    ?assertMatch({messages, []}, process_info(Buyer, messages)),
    goes_on(Session).

garbage_while_traced() ->
    {Id, _, Seller, _} = Session = waiting_session(),
    ok = sys:trace(Seller, true),
    [Seller ! {'$maty', G, ?RECEIVE(0, 0), G} || G <- [a, -1, 1.5, <<>>, [], 1 bsl 70]],
    Seller ! {'$maty', Id + 1, a, b},
    ?assertMatch([#{role := 'Seller'}], maty:sessions(Seller)),
    ok = sys:trace(Seller, false),
    goes_on(Session).

%% ----- Handles -----

control(Handle, Operation, Action) ->
    Port = maty_engine:port(Handle bsr 51),
    [First | _] = port_control(Port, (Operation bsl 28) bor (Action bsl 16), <<Handle:64/native>>),
    status(First).

status(Byte) when Byte >= 128 -> maty_error:status(Byte - 128);
status(Byte) -> {phase, Byte}.

handle_of_another_process() ->
    {Id, _, _, _} = Session = waiting_session(),
    {ok, _} = maty_engine:attach(),
    [
        ?assertEqual({Operation, not_owner}, {Operation, control(Id + Role, Operation, 0)})
     || Operation <- [1, 3, 5, 6], Role <- [0, 1, 2]
    ],
    %% Anyone may look; it is not the caller's.
    ?assertMatch({ok, 1, _, false}, maty_engine:info(Id)),
    goes_on(Session).

stale_handle() ->
    {Id, Buyer, _, _} = Session = waiting_session(),
    goes_on(Session),
    maty_player:until(fun() -> maty_engine:info(Id) =:= {error, stale} end),
    [?assertEqual(stale, control(Id, Operation, 0)) || Operation <- [1, 3, 5, 6, 8 + 1]],
    ?assertEqual(
        [stale, stale],
        maty_player:run(Buyer, fun() -> [control(Id, Operation, 0) || Operation <- [1, 6]] end)
    ).

made_up_handles() ->
    {Id, _, _, _} = Session = waiting_session(),
    Around = [Id + (1 bsl Bit) || Bit <- lists:seq(2, 58)] ++ [Id + 3, Id + 4095],
    [
        ?assertEqual({H, stale}, {H, control(H, Operation, 0)})
     || H <- Around, Operation <- [1, 3, 5, 6], H =/= Id + 1, H =/= Id + 2, not lives(H)
    ],
    goes_on(Session).

%% Another session that an earlier test left is no made-up handle.
lives(Handle) ->
    maty_engine:info(Handle) =/= {error, stale}.

%% ----- Access points -----

registering_for_what_is_not_there() ->
    AccessPoint = access_point(?ORDER),
    ?assertError({unknown_role, 'Broker', ['Buyer', 'Clerk', 'Seller']}, maty:register(AccessPoint, 'Broker')),
    ?assertError({unknown_role, "Buyer", _}, maty:register(AccessPoint, "Buyer")),
    ?assertEqual(
        #{2 => <<"no role 'Broker'; the protocol has Buyer, Clerk, Seller">>},
        maty_error:format_error({unknown_role, 'Broker', ['Buyer', 'Clerk', 'Seller']}, [])
    ),
    [
        ?assertError({no_access_point, Nobody}, maty:register(Nobody, 'Buyer'))
     || Nobody <- [nobody, self(), {global, nobody}, {via, global, nobody}, {local, nobody}, 5, "ap"]
    ],
    ok = maty_access_point:stop(AccessPoint),
    maty_player:until(fun() ->
        not lists:keymember(AccessPoint, 1, maty_access_point:list())
    end),
    ?assertError({no_access_point, AccessPoint}, maty:register(AccessPoint, 'Buyer')),
    %% In init_actor the error ends the start.
    ?assertMatch(
        {error, {{no_access_point, nobody}, _}},
        maty_actor:start(maty_player, {self(), [{nobody, 'Buyer', []}]}, [])
    ).

access_point_of_a_bad_protocol() ->
    Text = <<"global protocol Bad(role A, role B) {\n  m() from A to Z;\n}\n">>,
    Before = maty_access_point:list(),
    {error, Reason} = maty_access_point:start_link({string, Text}),
    ?assertMatch({rejected, #{accepted := false, protocols := []}}, Reason),
    ?assertMatch(
        {match, _},
        re:run(
            maty_protocol:format_error(Reason),
            "^nofile:2:17: error\\[unbound-role\\]: .*\n"
            "    m\\(\\) from A to Z;\n"
            "                  \\^"
        )
    ),
    {error, NotAProtocol} = maty_access_point:start_link({text, Text}),
    ?assertEqual(
        <<
            "{text,<<\"global protocol Bad(role A, role B) {\\n  m() from A to Z;\\n}\\n\">>} is no "
            "protocol; expected {file, Path}, {file, Path, Name}, {string, Text}, {string, Text, "
            "Name}, a module that embeds a protocol, or a protocol"
        >>,
        iolist_to_binary(maty_protocol:format_error(NotAProtocol))
    ),
    ?assertEqual({error, {not_a_protocol, lists}}, maty_access_point:start_link(lists)),
    ?assertMatch({error, {file, #{reason := enoent}}}, maty_access_point:start_link({file, "no/such.scr"})),
    ?assertEqual([], maty_access_point:list() -- Before).

access_point_options() ->
    Protocol = {string, ?ORDER},
    ?assertEqual(
        {error,
            {unknown_option, protocl, [
                drop, max_under_way, max_waiting, max_waiting_in_all, name, overload, protocol
            ]}},
        maty_access_point:start_link(#{protocl => Protocol})
    ),
    ?assertEqual(
        {error, {missing_option, protocol}}, maty_access_point:start_link(#{name => order})
    ),
    {ok, Pid} = maty_access_point:start_link(#{protocol => Protocol, name => order}),
    ?assertEqual(Pid, whereis(order)),
    ?assertEqual(
        {error, {already_started, Pid}},
        maty_access_point:start_link(#{protocol => Protocol, name => order})
    ),
    ?assertEqual('Order', maty_protocol:name(maty_access_point:protocol(order))),
    ?assertEqual(#{'Buyer' => [], 'Seller' => [], 'Clerk' => []}, maty_access_point:waiting(order)),
    {ok, Global} = maty_access_point:start_link({global, order}, Protocol),
    Buyer = play({global, order}, 'Buyer', []),
    ?assertEqual(
        #{'Buyer' => [Buyer], 'Seller' => [], 'Clerk' => []}, maty_access_point:waiting(Global)
    ),
    maty_player:kill(Buyer),
    maty_player:until(fun() ->
        maty_access_point:waiting(Global) =:= #{'Buyer' => [], 'Seller' => [], 'Clerk' => []}
    end),
    [ok = maty_access_point:stop(P) || P <- [order, {global, order}]].

nothing_is_left() ->
    maty_player:settled(),
    ?assertEqual([], maty:sessions()).
