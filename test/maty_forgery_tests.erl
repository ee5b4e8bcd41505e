%% What no role has sent, refused at the receiver: it is dropped, counted and reported, and the
%% session goes on as if nothing had been.
-module(maty_forgery_tests).

-include_lib("eunit/include/eunit.hrl").
-include("maty_protocols.hrl").

-import(maty_player, [play/3, next/1, go/1, access_point/1]).

%% Handles and commands as c_src/include/maty.h and c_src/beam/command.h say.
-define(RECEIVE(Action, Ticket), ((3 bsl 28) bor ((Action) bsl 16) bor (Ticket))).

forgeries_test_() ->
    maty_player:tests([
        fun every_forged_message/0,
        fun garbage_in_every_position/0,
        fun replayed_messages/0,
        fun forged_behind_messages_that_wait/0,
        fun forged_for_a_session_of_others/0,
        fun garbage_while_traced/0,
        fun handle_of_another_process/0,
        fun stale_handle/0,
        fun made_up_handles/0,
        fun maty_player:nothing_is_left/0
    ]).

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

%% ----- Messages -----

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
    [
        ?assertMatch(#{reason := forged}, Forge(Action, T, {order, <<"a">>, 1}))
     || T <- [1, 77, 65535]
    ],
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
    [
        ?assertMatch(#{reason := no_action}, forge(Seller, {'$maty', Handle, G, Message}))
     || G <- Garbage
    ],
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
    ?assertEqual({ended, 'Seller', {done, normal}}, next(Seller)),
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
        "  b() from C to B;"
        "  a(integer) from A to B; a(integer) from A to B; a(integer) from A to B; }"
    ),
    ok = maty_event:subscribe(violation),
    #{waited := Before} = maty:counters(),
    B = play(AccessPoint, 'B', [pause, wait, wait, wait, wait]),
    A = play(AccessPoint, 'A', [
        pause, {send, 'B', {a, 1}}, {send, 'B', {a, 2}}, pause, {send, 'B', {a, 3}}, pause
    ]),
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
    [?assertEqual({got, 'B', Message}, next(B)) || Message <- [{b}, {a, 1}, {a, 2}, {a, 3}]],
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
