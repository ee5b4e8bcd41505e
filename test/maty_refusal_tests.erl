%% What the protocol does not allow, refused at the sender: an error at that line. The
%% session goes on as if nothing had been, unless the error ends the actor.
-module(maty_refusal_tests).

-include_lib("eunit/include/eunit.hrl").
-include("maty_protocols.hrl").

-import(maty_player, [play/3, next/1, go/1, access_point/1]).

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
        fun maty_player:nothing_is_left/0
    ]).

%% ----- What is sent -----

%% Each wrong message in turn, and after all of them the right one.
every_wrong_send() ->
    AccessPoint = access_point(?ORDER),
    Roles = #{roles => ['Buyer', 'Clerk', 'Seller']},
    Cases = [
        {no_action, 'Buyer', {price, 1}, #{}},
        {no_action, 'Seller', {offer, <<"a">>, 1}, #{}},
        {not_a_message, 'Seller', {}, #{}},
        {no_action, 'Seller', {<<"order">>, <<"a">>, 1}, #{}},
        {not_a_message, 'Seller', order, #{}},
        {not_a_message, 'Seller', [order, <<"a">>, 1], #{}},
        {no_action, 'Clerk', {order, <<"a">>, 1}, #{}},
        {no_action, 'Nobody', {order, <<"a">>, 1}, Roles},
        {no_action, "Seller", {order, <<"a">>, 1}, Roles},
        {not_a_message, 'Nobody', order, Roles},
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
    [
        ?assertEqual({messages, []}, process_info(Actor, messages))
     || Actor <- [Buyer, Seller, Clerk]
    ],
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
    Text = fun(Violation) ->
        lists:flatten(io_lib:format("~ts", [maty_error:format(Violation)]))
    end,
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
        "send to a role, in the actor's own process; to send from another callback, hold the "
        "session and call become there"
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
            "^Buyer in session #[0-9]+\\.[0-9]+\\.[0-9]+ of Order suspends where the protocol does "
            "not wait; allowed here:\n    order\\(string, amount: 1..9\\) to Seller   nofile:2:3$"
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
        re:run(
            maty_error:format(Violation),
            "of Order is done before the end of the protocol; allowed"
        )
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
        ?assertMatch(
            {{bad_handler_return, _, Bad}, [_ | _]}, ends_with(Sent, [wait, {return, Bad}])
        )
     || Bad <- [
            ok, {suspend, not_a_fun, s}, {suspend, fun(_) -> ok end, s}, {done, s}, {noreply, s}, []
        ]
    ],
    [
        ?assertMatch({{bad_return_value, Bad}, [_ | _]}, ends_with([{return, Bad}], [wait]))
     || Bad <- [ok, noreply, {ok, not_a_fun, local, state}]
    ].
