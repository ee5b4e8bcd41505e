%% What happens when a participant, an access point or the engine ends: whoever
%% waits for it is told, whoever does not need it goes on, nobody hangs.
-module(maty_failure_tests).

-include_lib("eunit/include/eunit.hrl").
-include("../src/maty_internal.hrl").

-import(maty_player, [play/3, play/1, next/1, go/1, access_point/1]).

-define(CASCADE,
    "global protocol Cascade(role A, role B, role C) {"
    "  x() from A to C;"
    "  y() from B to C;"
    "  z() from C to A;"
    "}"
).

-define(REQUEST,
    "global protocol Request(role Client, role Server) {"
    "  ask(integer) from Client to Server;"
    "  answer(integer) from Server to Client;"
    "}"
).

-define(TWICE,
    "global protocol Twice(role Client, role Server) {"
    "  ask(integer) from Client to Server;"
    "  ask(integer) from Client to Server;"
    "}"
).

failures_test_() ->
    maty_player:tests([
        fun crash_after_its_message/0,
        fun crash_before_its_message/0,
        fun every_way_to_end/0,
        fun crash_in_init_session/0,
        fun crash_while_a_message_of_it_waits/0,
        fun failure_before_the_start_of_the_session/0,
        fun sending_in_a_session_that_has_failed/0,
        fun leave_from_a_handler/0,
        fun leave_from_init_session/0,
        fun leave_from_a_callback/0,
        fun leave_inside_of_the_handler/0,
        fun leave_a_session_that_has_failed/0,
        fun leave_a_session_of_somebody_else/0,
        fun leave_with_every_role/0,
        fun raising_leaves_the_session/0,
        fun raising_in_a_role_that_has_failed/0,
        fun unknown_on_raise/0,
        fun failure_is_told_to_one/0,
        fun failure_told_to_a_function_that_is_wrong/0,
        fun peer_that_is_gone_when_it_suspends/0,
        fun timeout_of_a_suspension/0,
        fun timeout_of_a_first_suspension/0,
        fun deadline_of_the_protocol/0,
        fun sooner_of_two_deadlines/0,
        fun registration_that_expires/0,
        fun registration_that_is_answered/0,
        fun registration_that_expires_without_a_callback/0,
        fun registration_that_expires_elsewhere/0,
        fun wrong_options_of_a_registration/0,
        fun timeout_that_comes_too_late/0,
        fun timeout_again_with_noreply/0,
        fun wrong_options/0,
        fun become_goes_on/0,
        fun become_once/0,
        fun held_is_shown/0,
        fun hold_where_it_waits/0,
        fun hold_by_a_name_that_is_taken/0,
        fun leave_what_is_held/0,
        fun held_when_the_engine_ends/0,
        fun message_to_an_endpoint_that_is_gone/0,
        fun stop_from_terminate_session/0,
        fun other_sessions_of_the_actor_go_on/0,
        fun dead_registrations/0,
        fun engine_killed_under_load/0,
        fun engine_killed_again_and_again/0,
        fun starts_of_an_engine_that_has_gone/0,
        fun late_start_of_an_engine_that_has_gone/0,
        fun access_point_killed/0,
        fun reload_of_the_engine_module/0,
        fun reload_of_the_actor_module/0,
        fun nothing_is_left/0
    ]).

cascade(B) ->
    AccessPoint = access_point(?CASCADE),
    A = play(AccessPoint, 'A', [{send, 'C', {x}}, wait]),
    C = play(AccessPoint, 'C', [wait, pause, wait, {send, 'A', {z}}]),
    {A, play(AccessPoint, 'B', B), C}.

%% If B dies after its message, A and C still finish.
crash_after_its_message() ->
    {A, B, C} = cascade([{send, 'C', {y}}, pause]),
    [{got, 'C', {x}}, {paused, 'C'}] = [next(C), next(C)],
    {paused, 'B'} = next(B),
    maty_player:kill(B),
    go(C),
    ?assertEqual({got, 'C', {y}}, next(C)),
    ?assertEqual({ended, 'C', {done, normal}}, next(C)),
    ?assertEqual({got, 'A', {z}}, next(A)),
    ?assertEqual({ended, 'A', {done, normal}}, next(A)),
    maty_player:settled().

%% If B dies before it, C fails because of B, and then A because of C.
crash_before_its_message() ->
    ok = maty_event:subscribe(session_failed),
    {A, B, C} = cascade([pause]),
    [{got, 'C', {x}}, {paused, 'C'}] = [next(C), next(C)],
    {paused, 'B'} = next(B),
    [#{id := Id}] = maty:sessions(A),
    {_, Counted} = maty_player:counted(fun() ->
        maty_player:kill(B),
        go(C),
        ?assertEqual({ended, 'C', {failed, {cancelled, 'B'}}}, next(C)),
        ?assertEqual({ended, 'A', {failed, {cancelled, 'C'}}}, next(A))
    end),
    ?assertMatch(#{cancelled := 3, sessions_closed := 1, endpoints := -3}, Counted),
    ?assertEqual(
        lists:sort([
            #{session => Id, protocol => 'Cascade', role => 'A', actor => A, cause => {cancelled, 'C'}},
            #{session => Id, protocol => 'Cascade', role => 'C', actor => C, cause => {cancelled, 'B'}}
        ]),
        lists:sort([failed_event(), failed_event()])
    ),
    ok = maty_event:unsubscribe(session_failed),
    ?assertEqual([[], []], [maty:sessions(Actor) || Actor <- [A, C]]).

failed_event() ->
    receive
        {maty_event, session_failed, Failed} -> Failed
    end.

%% An actor's endpoints go with it, however it ends.
every_way_to_end() ->
    lists:foreach(
        fun(End) ->
            AccessPoint = access_point(?REQUEST),
            Server = play(AccessPoint, 'Server', [wait]),
            Client = play(AccessPoint, 'Client', [pause, {call, fun() -> End(in_handler) end}]),
            {paused, 'Client'} = next(Client),
            Monitor = erlang:monitor(process, Client),
            End({outside, Client}),
            receive
                {'DOWN', Monitor, process, Client, _} -> ok
            end,
            ?assertEqual({ended, 'Server', {failed, {cancelled, 'Client'}}}, next(Server)),
            maty_player:settled()
        end,
        [
            fun
                ({outside, Client}) -> exit(Client, kill);
                (in_handler) -> ok
            end,
            fun
                ({outside, Client}) -> exit(Client, shutdown);
                (in_handler) -> ok
            end
        ] ++
            [
                fun
                    ({outside, Client}) -> go(Client);
                    (in_handler) -> Raise()
                end
             || Raise <- [
                    fun() -> error(crash) end,
                    fun() -> exit(normal) end,
                    fun() -> exit(shutdown) end,
                    fun() -> throw(thrown) end
                ]
            ]
    ).

%% The others may not even have begun.
crash_in_init_session() ->
    AccessPoint = access_point(?CASCADE),
    B = play(AccessPoint, 'B', [{call, fun() -> exit(crash) end}]),
    C = play(AccessPoint, 'C', [wait, wait]),
    A = play(AccessPoint, 'A', [{send, 'C', {x}}, wait]),
    Monitor = erlang:monitor(process, B),
    receive
        {'DOWN', Monitor, process, B, Reason} -> ?assertEqual(crash, Reason)
    end,
    ?assertEqual({got, 'C', {x}}, next(C)),
    ?assertEqual({ended, 'C', {failed, {cancelled, 'B'}}}, next(C)),
    ?assertEqual({ended, 'A', {failed, {cancelled, 'C'}}}, next(A)).

%% What was sent before the crash is still received, though it came early.
crash_while_a_message_of_it_waits() ->
    AccessPoint = access_point(?CASCADE),
    C = play(AccessPoint, 'C', [begun, wait, wait, {send, 'A', {z}}]),
    B = play(AccessPoint, 'B', [{send, 'C', {y}}, pause]),
    A = play(AccessPoint, 'A', [pause, {send, 'C', {x}}, wait]),
    {begun, 'C'} = next(C),
    {paused, 'B'} = next(B),
    {paused, 'A'} = next(A),
    ?assertMatch([#{waiting := 1}], maty:sessions(C)),
    maty_player:kill(B),
    maty_player:until(fun() -> length(maty:sessions()) =:= 1 andalso two_left() end),
    go(A),
    ?assertEqual([{got, 'C', {x}}, {got, 'C', {y}}], [next(C), next(C)]),
    ?assertEqual({ended, 'C', {done, normal}}, next(C)),
    ?assertEqual({got, 'A', {z}}, next(A)).

two_left() ->
    [#{roles := Roles}] = maty:sessions(),
    length(Roles) =:= 2.

%% The one that fails is told of its failure before it is told of the session.
failure_before_the_start_of_the_session() ->
    AccessPoint = access_point(?REQUEST),
    Server = play([{not_yet, AccessPoint, 'Server', [wait, {send, 'Client', {answer, 1}}]}]),
    Client = play(AccessPoint, 'Client', [pause]),
    [Start] = maty_player:take_start(Server, {AccessPoint, 'Server'}, 0),
    {paused, 'Client'} = next(Client),
    maty_player:kill(Client),
    maty_player:settled(),
    Server ! Start,
    ?assertEqual({ended, 'Server', {failed, {cancelled, 'Client'}}}, next(Server)),
    ?assertEqual([], maty:sessions(Server)).

%% What is sent in a session that has failed while the handler ran is no error of
%% the handler's: the session ends as failed.
sending_in_a_session_that_has_failed() ->
    AccessPoint = access_point(
        "global protocol Talk(role A, role B) {"
        "  a() from A to B; b() from B to A; c() from A to B; b() from B to A; }"
    ),
    B = play(AccessPoint, 'B', [wait, {send, 'A', {b}}, wait, {send, 'A', {b}}]),
    A = play(AccessPoint, 'A', [{send, 'B', {a}}, wait, pause, {send, 'B', {c}}, wait]),
    {got, 'B', {a}} = next(B),
    {got, 'A', {b}} = next(A),
    {paused, 'A'} = next(A),
    maty_player:kill(B),
    maty_player:until(fun() -> [R || #{roles := [_, _]} = R <- maty:sessions()] =:= [] end),
    %% A was about to send, so it has not failed; now it waits for B in vain.
    go(A),
    ?assertEqual({ended, 'A', {failed, {cancelled, 'B'}}}, next(A)).

%% ----- Leaving -----

%% Who waits for the role fails as by a crash, and the actor goes on.
leave_from_a_handler() ->
    AccessPoint = access_point(?REQUEST),
    Server = play([
        {AccessPoint, 'Server', [wait, {return, {leave, bored, {[], {self(), 'Server'}}}}]},
        {AccessPoint, 'Server', [wait, {send, 'Client', {answer, 2}}]}
    ]),
    First = play(AccessPoint, 'Client', [{send, 'Server', {ask, 1}}, wait]),
    ?assertEqual({got, 'Server', {ask, 1}}, next(Server)),
    ?assertEqual({ended, 'Server', {left, bored}}, next(Server)),
    ?assertEqual({ended, 'Client', {failed, {cancelled, 'Server'}}}, next(First)),
    Second = play(AccessPoint, 'Client', [{send, 'Server', {ask, 2}}, wait]),
    ?assertEqual({got, 'Server', {ask, 2}}, next(Server)),
    ?assertEqual({got, 'Client', {answer, 2}}, next(Second)),
    maty_player:settled().

leave_from_init_session() ->
    AccessPoint = access_point(?REQUEST),
    Server = started(AccessPoint, 'Server', #{
        init_session => fun(_, State) -> {leave, not_today, State} end
    }, []),
    Client = play(AccessPoint, 'Client', [{send, 'Server', {ask, 1}}, wait]),
    ?assertEqual({ended, {left, not_today}}, told(Server)),
    ?assertEqual({ended, 'Client', {failed, {cancelled, 'Server'}}}, next(Client)),
    ?assert(is_process_alive(Server)).

%% At once: what has come meanwhile runs no handler.
leave_from_a_callback() ->
    AccessPoint = access_point(?REQUEST),
    Server = started(AccessPoint, 'Server', #{
        init_session => fun(Session, _) ->
            {ok, fun(_, _) -> error(left_before) end, none, Session}
        end,
        handle_call => fun(leave, _, #{id := Id} = Session) ->
            ok = maty:leave(Session, bored),
            ok = maty:leave(Session, again),
            {reply, Id, Session}
        end
    }, []),
    Client = play(AccessPoint, 'Client', [pause, {send, 'Server', {ask, 1}}, wait]),
    {paused, 'Client'} = next(Client),
    ok = sys:suspend(Server),
    Left = gen_server:send_request(Server, leave),
    go(Client),
    maty_player:until(fun() ->
        {message_queue_len, Length} = erlang:process_info(Server, message_queue_len),
        Length =:= 2
    end),
    ok = sys:resume(Server),
    ?assertMatch({reply, _}, gen_server:wait_response(Left, infinity)),
    ?assertEqual({ended, {left, bored}}, told(Server)),
    ?assertEqual({ended, 'Client', {failed, {cancelled, 'Server'}}}, next(Client)),
    ?assertEqual([], maty:sessions(Server)).

leave_inside_of_the_handler() ->
    Ways = [
        fun(Local) -> {suspend, fun(_, _) -> error(left_before) end, Local} end,
        fun(Local) -> {done, normal, Local} end,
        fun(Local) -> {leave, second, Local} end,
        fun(Local) -> maty:send('Client', {answer, 1}), {done, normal, Local} end
    ],
    [
        begin
            AccessPoint = access_point(?REQUEST),
            Server = started(AccessPoint, 'Server', #{
                init_session => fun(_, State) ->
                    {ok, fun(_, Local) -> maty:leave(maty:session(), first), Way(Local) end, none, State}
                end
            }, []),
            Client = play(AccessPoint, 'Client', [{send, 'Server', {ask, 1}}, wait]),
            ?assertEqual({ended, {left, first}}, told(Server)),
            ?assertEqual({ended, 'Client', {failed, {cancelled, 'Server'}}}, next(Client)),
            ?assertEqual([], maty:sessions(Server))
        end
     || Way <- Ways
    ].

%% It has failed already, and that is what it is told.
leave_a_session_that_has_failed() ->
    AccessPoint = access_point(?REQUEST),
    Server = started(AccessPoint, 'Server', #{
        init_session => fun(Session, _) -> {ok, fun(_, L) -> {done, x, L} end, none, Session} end,
        handle_call => fun(leave, _, Session) -> {reply, maty:leave(Session), Session} end
    }, []),
    Client = play(AccessPoint, 'Client', [pause]),
    {paused, 'Client'} = next(Client),
    ok = sys:suspend(Server),
    Left = gen_server:send_request(Server, leave),
    maty_player:kill(Client),
    maty_player:settled(),
    ok = sys:resume(Server),
    ?assertEqual({reply, ok}, gen_server:wait_response(Left, infinity)),
    ?assertEqual({ended, {failed, {cancelled, 'Client'}}}, told(Server)).

leave_a_session_of_somebody_else() ->
    AccessPoint = access_point(?REQUEST),
    Server = play(AccessPoint, 'Server', [wait, {send, 'Client', {answer, 1}}]),
    Client = play(AccessPoint, 'Client', [{call, fun maty:session/0}, pause, {send, 'Server', {ask, 1}}, wait]),
    {result, Session} = next(Client),
    ?assertEqual(ok, maty:leave(Session)),
    {paused, 'Client'} = next(Client),
    go(Client),
    {got, 'Client', {answer, 1}} = next(Client),
    {got, 'Server', {ask, 1}} = next(Server),
    maty_player:settled().

%% An actor that has several roles leaves with all of them.
leave_with_every_role() ->
    AccessPoint = access_point(?CASCADE),
    Both = started(AccessPoint, 'B', #{
        init_actor => fun() -> [maty:register(AccessPoint, Role) || Role <- ['A', 'B']], {ok, none} end,
        init_session => fun
            (#{role := 'A'}, State) -> maty:send('C', {x}), {ok, fun(_, L) -> {done, x, L} end, none, State};
            (#{role := 'B'} = Session, _) -> maty:leave(Session), maty:send('C', {y}), {done, no, Session}
        end
    }, []),
    C = play(AccessPoint, 'C', [pause, wait, wait]),
    {paused, 'C'} = next(C),
    ?assertEqual([{ended, {left, normal}} || _ <- "ab"], [told(Both), told(Both)]),
    go(C),
    ?assertMatch({got, 'C', {x}}, next(C)),
    ?assertMatch({ended, 'C', {failed, {cancelled, 'B'}}}, next(C)),
    ?assertEqual([], maty:sessions(Both)),
    maty_player:settled().

%% An actor whose callbacks are functions, and which tells how its sessions end.
started(AccessPoint, Role, Callbacks, Options) ->
    Test = self(),
    {ok, Actor} = maty_actor:start(maty_callbacks, maps:merge(#{
        init_actor => fun() -> maty:register(AccessPoint, Role), {ok, none} end,
        terminate_session => fun(Ending, _, _, State) ->
            Test ! {self(), {ended, Ending}},
            {ok, State}
        end
    }, Callbacks), Options),
    Actor.

told(Actor) ->
    receive
        {Actor, What} -> What
    after 30000 -> error({nothing_from, Actor, maty:sessions()})
    end.

%% ----- Raising -----

%% With on_raise, what a handler raises ends its session and nothing else.
raising_leaves_the_session() ->
    ok = maty_event:subscribe(session_failed),
    Handlers = [
        {fun(_, _) -> error(crash) end, fun({crash, [_ | _]}) -> ok end},
        {fun(_, _) -> throw(crash) end, fun({{nocatch, crash}, [_ | _]}) -> ok end},
        {fun(_, _) -> exit(crash) end, fun(crash) -> ok end},
        {fun(_, _) -> nothing end, fun({{bad_handler_return, _, nothing}, [_ | _]}) -> ok end},
        {fun(_, L) -> {done, normal, L} end, fun({{protocol_violation, #{reason := unfinished}}, [_ | _]}) -> ok end},
        {fun(_, L) -> {suspend, fun(_, _) -> L end, L} end, fun({{protocol_violation, #{reason := not_waiting}}, [_ | _]}) -> ok end},
        {fun(_, _) -> maty:send('Client', {answer, no}) end,
            fun({{protocol_violation, #{reason := payload}}, [_ | _]}) -> ok end}
    ],
    AccessPoint = access_point(?REQUEST),
    Server = started(AccessPoint, 'Server', #{
        init_actor => fun() -> [maty:register(AccessPoint, 'Server') || _ <- Handlers], {ok, Handlers} end,
        init_session => fun(_, [{Handler, _} | Later]) -> {ok, Handler, local, Later} end
    }, [{on_raise, leave}]),
    [
        begin
            Client = play(AccessPoint, 'Client', [{send, 'Server', {ask, 1}}, wait]),
            {ended, {failed, {raised, Reason}}} = told(Server),
            ok = Expected(Reason),
            ?assertEqual({ended, 'Client', {failed, {cancelled, 'Server'}}}, next(Client)),
            Events = [failed_event(), failed_event()],
            ?assertMatch([#{cause := {raised, Reason}}], [E || #{role := 'Server'} = E <- Events])
        end
     || {_, Expected} <- Handlers
    ],
    ok = maty_event:unsubscribe(session_failed),
    ?assertEqual([], maty:sessions(Server)),
    maty_player:settled().

%% The role has failed while its handler ran, which raises then.
raising_in_a_role_that_has_failed() ->
    AccessPoint = access_point(?CASCADE),
    Test = self(),
    C = started(AccessPoint, 'C', #{
        init_session => fun(_, State) ->
            {ok, fun({x}, _) -> Test ! {self(), running}, receive go -> error(crash) end end, none, State}
        end
    }, [{on_raise, leave}]),
    A = play(AccessPoint, 'A', [{send, 'C', {x}}, wait]),
    B = play(AccessPoint, 'B', [pause]),
    {paused, 'B'} = next(B),
    running = told(C),
    maty_player:kill(B),
    maty_player:settled(),
    go(C),
    ?assertMatch({ended, {failed, {raised, {crash, _}}}}, told(C)),
    ?assertEqual({ended, 'A', {failed, {cancelled, 'C'}}}, next(A)),
    ?assertEqual([], maty:sessions(C)).

unknown_on_raise() ->
    ?assertEqual(
        {error, {bad_option, on_raise, never, "'stop' or 'leave'"}},
        maty_actor:start(maty_callbacks, #{}, [{on_raise, never}])
    ).

%% ----- Who is told -----

%% A server that tells which callback it was that heard of its failure.
server(AccessPoint, Options, Callbacks) ->
    Test = self(),
    started(AccessPoint, 'Server', maps:merge(#{
        init_session => fun(_, State) ->
            {ok, fun({ask, _}, _) -> error(unexpected) end, local, State, Options}
        end,
        handle_failure => fun(Failure, #{role := 'Server'}, local, State) ->
            Test ! {self(), {handle_failure, Failure, State}},
            {ok, changed}
        end,
        handle_call => fun(state, _, State) -> {reply, State, State} end
    }, Callbacks), []).

client_that_crashes(AccessPoint) ->
    Client = play(AccessPoint, 'Client', [pause]),
    {paused, 'Client'} = next(Client),
    maty_player:kill(Client).

failure_is_told_to_one() ->
    AccessPoint = access_point(?REQUEST),
    Test = self(),
    Plain = server(AccessPoint, #{}, #{}),
    client_that_crashes(AccessPoint),
    ?assertEqual({handle_failure, {cancelled, 'Client'}, none}, told(Plain)),
    ?assertEqual(changed, gen_server:call(Plain, state)),
    Own = server(AccessPoint, #{on_failure => fun(Failure, {Callbacks, State}) ->
        Test ! {self(), {on_failure, Failure, State, maty:session()}},
        {ok, {Callbacks, own}}
    end}, #{}),
    client_that_crashes(AccessPoint),
    ?assertEqual({on_failure, {cancelled, 'Client'}, none, undefined}, told(Own)),
    ?assertEqual(own, gen_server:call(Own, state)),
    Stops = server(AccessPoint, [{on_failure, fun(Failure, State) -> {stop, {shutdown, Failure}, State} end}], #{}),
    Monitor = erlang:monitor(process, Stops),
    client_that_crashes(AccessPoint),
    receive
        {'DOWN', Monitor, process, Stops, Reason} ->
            ?assertEqual({shutdown, {cancelled, 'Client'}}, Reason)
    end,
    receive
        {_, What} -> error(What)
    after 0 -> ok
    end.

%% It is a callback of the actor, not a handler: what it raises ends the actor.
failure_told_to_a_function_that_is_wrong() ->
    AccessPoint = access_point(?REQUEST),
    [
        begin
            Server = server(AccessPoint, #{on_failure => Wrong}, #{}),
            Monitor = erlang:monitor(process, Server),
            client_that_crashes(AccessPoint),
            receive
                {'DOWN', Monitor, process, Server, Reason} -> ok = Expected(Reason)
            end
        end
     || {Wrong, Expected} <- [
            {fun(_, _) -> error(wrong) end, fun({wrong, [_ | _]}) -> ok end},
            {fun(_, _) -> wrong end, fun({bad_return_value, wrong}) -> ok end}
        ]
    ].

%% The peer has gone while the handler ran; the suspension that it returns counts.
peer_that_is_gone_when_it_suspends() ->
    AccessPoint = access_point(?CASCADE),
    Test = self(),
    C = started(AccessPoint, 'C', #{
        init_session => fun(_, State) ->
            {ok,
                fun({x}, _) ->
                    Test ! {self(), running},
                    receive go -> ok end,
                    {suspend, fun(_, _) -> error(unexpected) end, none, #{
                        on_failure => fun(Failure, S) ->
                            Test ! {self(), {on_failure, Failure}},
                            {ok, S}
                        end
                    }}
                end,
                none, State}
        end
    }, []),
    A = play(AccessPoint, 'A', [{send, 'C', {x}}, wait]),
    B = play(AccessPoint, 'B', [pause]),
    {paused, 'B'} = next(B),
    running = told(C),
    maty_player:kill(B),
    maty_player:settled(),
    go(C),
    ?assertEqual({on_failure, {cancelled, 'B'}}, told(C)),
    ?assertEqual({ended, 'A', {failed, {cancelled, 'C'}}}, next(A)).

%% ----- Deadlines -----

%% Nobody crashes: what is waited for does not come in time.
timeout_of_a_suspension() ->
    AccessPoint = access_point(?REQUEST),
    Server = play(AccessPoint, 'Server', [wait, pause, {send, 'Client', {answer, 1}}]),
    Client = play(AccessPoint, 'Client', [{send, 'Server', {ask, 1}}, {wait, #{timeout => 1}}]),
    ?assertEqual({got, 'Server', {ask, 1}}, next(Server)),
    ?assertEqual({paused, 'Server'}, next(Server)),
    ?assertEqual({ended, 'Client', {failed, timeout}}, next(Client)),
    %% What is sent to it now goes nowhere.
    go(Server),
    ?assertEqual({ended, 'Server', {done, normal}}, next(Server)),
    maty_player:settled().

%% Neither actor says anything of time.
deadline_of_the_protocol() ->
    AccessPoint = access_point(
        "global protocol Slow(role Client, role Server) {"
        "  ask() from Client to Server; @\"within 1ms\"\n"
        "  answer() from Server to Client; @\"within 1ms\"\n"
        "  more() from Client to Server;"
        "}"
    ),
    %% The first step.
    Server = play(AccessPoint, 'Server', [wait]),
    Client = play(AccessPoint, 'Client', [pause]),
    ?assertEqual({ended, 'Server', {failed, timeout}}, next(Server)),
    maty_player:kill(Client),
    %% A later one: the server waits at once, so it may fail in its first state.
    Second = play(AccessPoint, 'Client', [{send, 'Server', {ask}}, wait]),
    Busy = play(AccessPoint, 'Server', [pause, wait]),
    ?assertEqual({ended, 'Client', {failed, timeout}}, next(Second)),
    maty_player:kill(Busy),
    {_, #machine{roles = Roles}} = machine(AccessPoint),
    ?assertEqual(
        [[infinity, 1, infinity, infinity], [1, infinity, infinity, infinity]],
        [[maty_machine:deadline(R, S) || S <- maty_machine:states(R)] || R <- tuple_to_list(Roles)]
    ).

machine(AccessPoint) ->
    {ok, Pid, Machine} = maty_access_point:locate(AccessPoint),
    {Pid, Machine}.

sooner_of_two_deadlines() ->
    AccessPoint = access_point(
        "global protocol Slow(role Client, role Server) { ask() from Client to Server; @\"within 1h\"\n }"
    ),
    Soon = play(AccessPoint, 'Server', [{wait, #{timeout => 1}}]),
    Client = play(AccessPoint, 'Client', [pause]),
    ?assertEqual({ended, 'Server', {failed, timeout}}, next(Soon)),
    maty_player:kill(Client),
    Quick = access_point(
        "global protocol Quick(role Client, role Server) { ask() from Client to Server; @\"within 1ms\"\n }"
    ),
    Late = play(Quick, 'Server', [{wait, #{timeout => 3600000}}]),
    Other = play(Quick, 'Client', [pause]),
    ?assertEqual({ended, 'Server', {failed, timeout}}, next(Late)),
    maty_player:kill(Other).

%% ----- Deadlines of registrations -----

registrant(AccessPoint, Timeout, Callbacks) ->
    Test = self(),
    {ok, Actor} = maty_actor:start(maty_callbacks, maps:merge(#{
        init_actor => fun() ->
            maty:register(AccessPoint, 'Server', #{timeout => Timeout}),
            {ok, none}
        end,
        init_session => fun(_, State) -> {ok, fun(_, L) -> {leave, enough, L} end, none, State} end,
        terminate_session => fun(Ending, _, _, State) -> Test ! {self(), Ending}, {ok, State} end,
        registration_expired => fun(A, Role, _) ->
            Test ! {self(), {expired, A, Role}},
            {ok, expired}
        end
    }, Callbacks), []),
    Actor.

registration_that_expires() ->
    AccessPoint = access_point(?REQUEST),
    Actor = registrant(AccessPoint, 1, #{}),
    ?assertEqual({expired, AccessPoint, 'Server'}, told(Actor)),
    ?assertEqual(#{'Client' => [], 'Server' => []}, maty_access_point:waiting(AccessPoint)),
    Stops = registrant(AccessPoint, 1, #{
        registration_expired => fun(_, _, State) -> {stop, {shutdown, lonely}, State} end
    }),
    Monitor = erlang:monitor(process, Stops),
    receive
        {'DOWN', Monitor, process, Stops, Reason} ->
            ?assert(lists:member(Reason, [{shutdown, lonely}, noproc]))
    end.

%% Its time is over while the session goes on.
registration_that_is_answered() ->
    AccessPoint = access_point(?REQUEST),
    Client = play(AccessPoint, 'Client', [pause, {send, 'Server', {ask, 1}}, wait]),
    Actor = registrant(AccessPoint, 3600000, #{}),
    {paused, 'Client'} = next(Client),
    %% As from a timer that went off just before the answer came.
    Actor ! {timeout, make_ref(), '$maty_registration'},
    go(Client),
    ?assertEqual({left, enough}, told(Actor)).

registration_that_expires_without_a_callback() ->
    AccessPoint = access_point(?REQUEST),
    Server = play([{not_yet, AccessPoint, 'Server', []}]),
    ok = maty_player:run(Server, fun() -> maty:register(AccessPoint, 'Server', #{timeout => 1}) end),
    maty_player:until(fun() ->
        maty_access_point:waiting(AccessPoint) =:= #{'Client' => [], 'Server' => []}
    end),
    ?assertEqual(not_registered, maty_player:run(Server, fun() -> maty:unregister(AccessPoint, 'Server') end)).

%% The access point has ended, and nobody has its name.
registration_that_expires_elsewhere() ->
    {ok, AccessPoint} = maty_access_point:start_link({local, expires_here}, {string, ?REQUEST}),
    Actor = registrant(expires_here, 200, #{}),
    unlink(AccessPoint),
    maty_player:kill(AccessPoint),
    ?assertEqual({expired, expires_here, 'Server'}, told(Actor)).

wrong_options_of_a_registration() ->
    AccessPoint = access_point(?REQUEST),
    Server = play([{not_yet, AccessPoint, 'Server', []}]),
    [
        ?assertEqual(
            Expected,
            maty_player:run(Server, fun() ->
                try
                    maty:register(AccessPoint, 'Server', Options)
                catch
                    error:Reason -> Reason
                end
            end)
        )
     || {Options, Expected} <- [
            {#{timeout => soon}, {bad_option, timeout, soon, "milliseconds, up to 2^32 - 1, or 'infinity'"}},
            {#{within => 5}, {unknown_option, within, [timeout]}}
        ]
    ].

%% Who waits for the one that fails hears of that.
timeout_of_a_first_suspension() ->
    AccessPoint = access_point(?CASCADE),
    B = play(AccessPoint, 'B', [pause]),
    C = play(AccessPoint, 'C', [{wait, #{timeout => 1}}]),
    A = play(AccessPoint, 'A', [{send, 'C', {x}}, wait]),
    {paused, 'B'} = next(B),
    %% x was sent before or after C's deadline.
    case next(C) of
        {got, 'C', {x}} -> maty_player:kill(C);
        {ended, 'C', {failed, timeout}} -> ok
    end,
    ?assertEqual({ended, 'A', {failed, {cancelled, 'C'}}}, next(A)),
    maty_player:kill(B).

%% The message has been sent before the deadline, and is received after it.
timeout_that_comes_too_late() ->
    AccessPoint = access_point(?TWICE),
    Server = play(AccessPoint, 'Server', [wait, pause, {wait, #{timeout => 0}}]),
    Client = play(AccessPoint, 'Client', [{send, 'Server', {ask, 1}}, pause, {send, 'Server', {ask, 2}}]),
    [{got, 'Server', {ask, 1}}, {paused, 'Server'}] = [next(Server), next(Server)],
    {paused, 'Client'} = next(Client),
    Suspended = spawn_monitor(fun() -> ok = sys:suspend(Server, infinity) end),
    maty_player:until(fun() ->
        erlang:process_info(Server, message_queue_len) =:= {message_queue_len, 1}
    end),
    {_, #{expired := Expired}} = maty_player:counted(fun() ->
        go(Client),
        {ended, 'Client', {done, normal}} = next(Client),
        go(Server),
        receive
            {'DOWN', Monitor, process, Pid, normal} when Suspended =:= {Pid, Monitor} -> ok
        end,
        ok = sys:resume(Server),
        ?assertEqual({got, 'Server', {ask, 2}}, next(Server)),
        ?assertEqual({ended, 'Server', {done, normal}}, next(Server))
    end),
    ?assertEqual(0, Expired),
    maty_player:settled().

%% Handler and options stay as they are, and the time begins again.
timeout_again_with_noreply() ->
    AccessPoint = access_point(?TWICE),
    Server = started(AccessPoint, 'Server', #{
        init_session => fun(_, State) -> {ok, fun({ask, _}, _) -> noreply end, none, State, #{timeout => 100}} end
    }, []),
    Client = play(AccessPoint, 'Client', [{send, 'Server', {ask, 1}}, pause, {send, 'Server', {ask, 2}}]),
    {paused, 'Client'} = next(Client),
    ?assertEqual({ended, {failed, timeout}}, told(Server)),
    go(Client),
    ?assertEqual({ended, 'Client', {done, normal}}, next(Client)).

wrong_options() ->
    [
        begin
            AccessPoint = access_point(?REQUEST),
            Server = started(AccessPoint, 'Server', #{
                init_session => fun(_, State) -> {ok, fun(_, _) -> noreply end, none, State, Options} end
            }, []),
            Monitor = erlang:monitor(process, Server),
            Client = play(AccessPoint, 'Client', [pause]),
            receive
                {'DOWN', Monitor, process, Server, {Reason, [_ | _]}} -> ?assertEqual(Expected, Reason)
            end,
            maty_player:kill(Client)
        end
     || {Options, Expected} <- [
            {#{timeout => soon},
                {bad_option, timeout, soon, "milliseconds, up to 2^32 - 1, or 'infinity'"}},
            {#{timeout => 1 bsl 32},
                {bad_option, timeout, 1 bsl 32, "milliseconds, up to 2^32 - 1, or 'infinity'"}},
            {[{on_failure, none_of_it}],
                {bad_option, on_failure, none_of_it, "a function of the failure and the actor's state"}},
            {[{within, 5}], {unknown_option, within, [on_failure, timeout]}},
            {nothing, {not_options, nothing}}
        ]
    ].

%% ----- Holding -----

-define(STREAM,
    "global protocol Stream(role Source, role Sink) {"
    "  rec Loop {"
    "    choice at Source { item(integer) from Source to Sink; continue Loop; }"
    "    or { last() from Source to Sink; }"
    "  }"
    "}"
).

%% A source that holds its session, by the name it is given, and goes on with it
%% when it is called.
source(AccessPoint, Callbacks) ->
    started(AccessPoint, 'Source', maps:merge(#{
        init_session => fun(_, State) -> {hold, stream, fun source_goes_on/2, 0, State} end,
        handle_call => fun(Argument, _, State) ->
            {reply, [maty:become(stream, Argument), maty:held()], State}
        end
    }, Callbacks), []).

source_goes_on({item, N}, Sum) ->
    ok = maty:send('Sink', {item, Sum + N}),
    {hold, stream, fun source_goes_on/2, Sum + N};
source_goes_on(last, Sum) ->
    ok = maty:send('Sink', {last}),
    {done, Sum, Sum}.

become_goes_on() ->
    AccessPoint = access_point(?STREAM),
    Source = source(AccessPoint, #{}),
    Sink = play(AccessPoint, 'Sink', [begun, wait, wait, wait]),
    {begun, 'Sink'} = next(Sink),
    ?assertMatch([#{role := 'Source', state := send, waiting := 0}], maty:sessions(Source)),
    ?assertEqual([ok, [stream]], gen_server:call(Source, {item, 2})),
    ?assertEqual({got, 'Sink', {item, 2}}, next(Sink)),
    ?assertEqual([ok, [stream]], gen_server:call(Source, {item, 3})),
    ?assertEqual({got, 'Sink', {item, 5}}, next(Sink)),
    ?assertEqual([ok, [stream]], gen_server:call(Source, last)),
    ?assertEqual({ended, {done, 5}}, told(Source)),
    ?assertEqual({got, 'Sink', {last}}, next(Sink)),
    maty_player:settled().

%% Each time it is held it is gone on with once; what is asked meanwhile waits, and
%% goes with the session.
become_once() ->
    AccessPoint = access_point(?STREAM),
    Source = source(AccessPoint, #{
        handle_call => fun
            (all, _, State) ->
                Asked = [maty:become(stream, What) || What <- [{item, 1}, {item, 2}, last, {item, 3}]],
                {reply, Asked ++ [maty:held()], State};
            (unknown, _, State) ->
                {reply,
                    try
                        maty:become(stream, last)
                    catch
                        error:Reason -> Reason
                    end,
                    State}
        end
    }),
    Sink = play(AccessPoint, 'Sink', [begun, wait, wait, wait]),
    {begun, 'Sink'} = next(Sink),
    ?assertEqual([ok, ok, ok, ok, [stream]], gen_server:call(Source, all)),
    ?assertEqual({got, 'Sink', {item, 1}}, next(Sink)),
    ?assertEqual({got, 'Sink', {item, 3}}, next(Sink)),
    ?assertEqual({got, 'Sink', {last}}, next(Sink)),
    ?assertEqual({ended, {done, 3}}, told(Source)),
    ?assertEqual({not_held, stream, []}, gen_server:call(Source, unknown)).

%% While a session waits it is not held, though it keeps its name.
held_is_shown() ->
    Test = self(),
    AccessPoint = access_point(
        "global protocol Poll(role Source, role Sink) {"
        "  ask() from Source to Sink; answer() from Sink to Source; thanks() from Source to Sink; }"
    ),
    Ask = fun(ask, none) ->
        maty:send('Sink', {ask}),
        {suspend, fun({answer}, none) ->
            Test ! answered,
            {hold, poll, fun(thanks, none) -> maty:send('Sink', {thanks}), {done, normal, none} end, none}
        end, none}
    end,
    Source = source(AccessPoint, #{
        init_session => fun(_, State) -> {hold, {my, poll}, Ask, none, State} end,
        handle_call => fun({Name, Argument}, _, State) ->
            {reply, {maty:become(Name, Argument), maty:held()}, State}
        end
    }),
    Sink = play(AccessPoint, 'Sink', [begun, wait, pause, {send, 'Source', {answer}}, wait]),
    {begun, 'Sink'} = next(Sink),
    ?assertMatch([#{state := send, held := {my, poll}}], maty:sessions(Source)),
    [OfSink] = maty:sessions(Sink),
    ?assertNot(is_map_key(held, OfSink)),

    ?assertEqual({ok, [{my, poll}]}, gen_server:call(Source, {{my, poll}, ask})),
    [{got, 'Sink', {ask}}, {paused, 'Sink'}] = [next(Sink), next(Sink)],
    [#{state := 'receive'} = Waits] = maty:sessions(Source),
    ?assertNot(is_map_key(held, Waits)),

    go(Sink),
    receive
        answered -> ?assertMatch([#{state := send, held := poll}], maty:sessions(Source))
    end,
    ?assertEqual({ok, [poll]}, gen_server:call(Source, {poll, thanks})),
    ?assertEqual({got, 'Sink', {thanks}}, next(Sink)).

hold_where_it_waits() ->
    AccessPoint = access_point(?STREAM),
    Sink = started(AccessPoint, 'Sink', #{
        init_session => fun(_, State) -> {hold, sink, fun(_, _) -> noreply end, none, State} end
    }, []),
    Monitor = erlang:monitor(process, Sink),
    _ = source(AccessPoint, #{}),
    receive
        {'DOWN', Monitor, process, Sink, {{protocol_violation, Violation}, [_ | _]}} ->
            ?assertMatch(#{reason := not_sending, direction := hold, role := 'Sink'}, Violation),
            ?assertMatch(
                {match, _},
                re:run(maty_error:format(Violation), "Stream holds the session where the protocol does not send; allowed here:")
            )
    end.

hold_by_a_name_that_is_taken() ->
    AccessPoint = access_point(?STREAM),
    Source = source(AccessPoint, #{
        init_actor => fun() -> [maty:register(AccessPoint, 'Source') || _ <- "ab"], {ok, none} end
    }),
    Monitor = erlang:monitor(process, Source),
    [First, Second] = [play(AccessPoint, 'Sink', [wait]) || _ <- "ab"],
    receive
        {'DOWN', Monitor, process, Source, Reason} -> ?assertMatch({{name_held, stream}, [_ | _]}, Reason)
    end,
    [{ended, 'Sink', {failed, {cancelled, 'Source'}}} = next(Sink) || Sink <- [First, Second]].

leave_what_is_held() ->
    AccessPoint = access_point(?STREAM),
    Source = source(AccessPoint, #{
        init_session => fun(Session, _) -> {hold, stream, fun source_goes_on/2, 0, Session} end,
        handle_call => fun
            (leave, _, Session) -> {reply, {maty:leave(Session), maty:held()}, Session};
            (both, _, Session) -> {reply, {maty:become(stream, last), maty:leave(Session)}, Session}
        end
    }),
    Sink = play(AccessPoint, 'Sink', [wait]),
    maty_player:until(fun() -> maty:sessions(Source) =/= [] end),
    ?assertEqual({ok, []}, gen_server:call(Source, leave)),
    ?assertEqual({ended, 'Sink', {failed, {cancelled, 'Source'}}}, next(Sink)),
    ?assertEqual({ended, {left, normal}}, told(Source)),
    ?assertEqual([], maty:sessions(Source)).

held_when_the_engine_ends() ->
    AccessPoint = access_point(?STREAM),
    Source = source(AccessPoint, #{
        handle_call => fun(held, _, State) -> {reply, maty:held(), State} end
    }),
    Sink = play(AccessPoint, 'Sink', [wait]),
    maty_player:until(fun() -> gen_server:call(Source, held) =:= [stream] end),
    maty_player:until(fun() -> maty:sessions(Sink) =/= [] end),
    kill_engine(),
    ?assertEqual({ended, {failed, engine_down}}, told(Source)),
    ?assertEqual({ended, 'Sink', {failed, engine_down}}, next(Sink)),
    ?assertEqual([], gen_server:call(Source, held)).

%% Messages to an endpoint that is gone are dropped without a word.
message_to_an_endpoint_that_is_gone() ->
    ok = maty_event:subscribe(violation),
    AccessPoint = access_point(
        "global protocol One(role A, role B) { m(integer) from A to B; n() from A to B; }"
    ),
    B = play(AccessPoint, 'B', [{call, fun() -> exit(crash) end}]),
    A = play(AccessPoint, 'A', [pause, {send, 'B', {m, 1}}, {send, 'B', {n}}]),
    {paused, 'A'} = next(A),
    maty_player:until(fun() -> not is_process_alive(B) end),
    go(A),
    ?assertEqual({ended, 'A', {done, normal}}, next(A)),
    receive
        {maty_event, _, _} = Event -> error(Event)
    after 0 -> ok
    end,
    ok = maty_event:unsubscribe(violation).

stop_from_terminate_session() ->
    AccessPoint = access_point(?REQUEST),
    {ok, Server} = maty_actor:start(maty_callbacks, #{
        init_actor => fun() -> maty:register(AccessPoint, 'Server'), {ok, state} end,
        init_session => fun(_, State) -> {ok, fun(_, S) -> {done, x, S} end, local, State} end,
        terminate_session => fun(Ending, #{role := Role}, Local, State) ->
            {stop, {shutdown, {Ending, Role, Local, State}}, State}
        end
    }, []),
    Monitor = erlang:monitor(process, Server),
    Client = play(AccessPoint, 'Client', [pause]),
    {paused, 'Client'} = next(Client),
    maty_player:kill(Client),
    receive
        {'DOWN', Monitor, process, Server, Reason} ->
            ?assertEqual(
                {shutdown, {{failed, {cancelled, 'Client'}}, 'Server', local, state}}, Reason
            )
    end.

other_sessions_of_the_actor_go_on() ->
    AccessPoint = access_point(?REQUEST),
    Server = play([
        {AccessPoint, 'Server', [wait, {send, 'Client', {answer, N}}]}
     || N <- [1, 2]
    ]),
    [First, Second] = [
        play(AccessPoint, 'Client', [pause, {send, 'Server', {ask, N}}, wait])
     || N <- [1, 2]
    ],
    [{paused, _} = next(Client) || Client <- [First, Second]],
    maty_player:kill(First),
    ?assertEqual({ended, 'Server', {failed, {cancelled, 'Client'}}}, next(Server)),
    go(Second),
    ?assertEqual({got, 'Server', {ask, 2}}, next(Server)),
    ?assertEqual({got, 'Client', {answer, 2}}, next(Second)).

%% Who has ended is not matched, wherever it stands in the queue.
dead_registrations() ->
    AccessPoint = access_point(?REQUEST),
    [A, B, C] = [play(AccessPoint, 'Server', [wait, {send, 'Client', {answer, 1}}]) || _ <- "abc"],
    [maty_player:kill(Server) || Server <- [A, C]],
    maty_player:until(fun() ->
        maty_access_point:waiting(AccessPoint) =:= #{'Client' => [], 'Server' => [B]}
    end),
    Client = play(AccessPoint, 'Client', [{send, 'Server', {ask, 1}}, wait]),
    ?assertEqual({got, 'Server', {ask, 1}}, next(B)),
    ?assertEqual({got, 'Client', {answer, 1}}, next(Client)).

%% ----- The engine -----

kill_engine() ->
    Old = maty_engine:pid(),
    maty_player:kill(Old),
    maty_player:until(fun() ->
        case maty_engine:pid() of
            Old -> false;
            Pid -> is_pid(Pid) andalso whereis(maty_engine) =:= Pid
        end
    end).

%% Sessions that wait fail, sessions that talk all the time fail, registrations
%% that wait are there again, and new sessions begin.
engine_killed_under_load() ->
    ok = maty_event:subscribe(session_failed),
    AccessPoint = access_point(?REQUEST),
    Lonely = access_point(?REQUEST),
    Waiting = [play(AccessPoint, 'Server', [wait]) || _ <- lists:seq(1, 50)],
    Clients = [play(AccessPoint, 'Client', [pause, {send, 'Server', {ask, 1}}, wait]) || _ <- Waiting],
    [{paused, 'Client'} = next(Client) || Client <- Clients],
    Loop = access_point(
        "global protocol Loop(role A, role B) { rec L { a() from A to B; b() from B to A; continue L; } }"
    ),
    Busy = [start_busy(Loop, Role) || Role <- ['A', 'B'], _ <- lists:seq(1, 20)],
    maty_player:until(fun() -> lists:all(fun(Pid) -> length(maty:sessions(Pid)) =:= 1 end, Waiting ++ Busy) end),
    Early = play(Lonely, 'Server', [wait, {send, 'Client', {answer, 7}}]),

    kill_engine(),
    [?assertEqual({ended, 'Server', {failed, engine_down}}, next(Server)) || Server <- Waiting],
    [go(Client) || Client <- Clients],
    [?assertEqual({ended, 'Client', {failed, engine_down}}, next(Client)) || Client <- Clients],
    [
        receive
            {Pid, Ending} -> ?assertEqual({failed, engine_down}, Ending)
        end
     || Pid <- Busy
    ],
    Causes = [maps:get(cause, failed_event()) || _ <- lists:seq(1, 50 + 50 + 40)],
    ?assertEqual([engine_down], lists:usort(Causes)),
    ok = maty_event:unsubscribe(session_failed),

    Late = play(Lonely, 'Client', [{send, 'Server', {ask, 1}}, wait]),
    ?assertEqual({got, 'Server', {ask, 1}}, next(Early)),
    ?assertEqual({got, 'Client', {answer, 7}}, next(Late)),
    [gen_server:stop(Pid) || Pid <- Busy],
    maty_player:settled().

start_busy(AccessPoint, Role) ->
    Test = self(),
    Peer = case Role of 'A' -> 'B'; 'B' -> 'A' end,
    {ok, Pid} = maty_actor:start(maty_callbacks, #{
        init_actor => fun() -> maty:register(AccessPoint, Role), {ok, none} end,
        init_session => fun(_, State) ->
            [maty:send('B', {a}) || Role =:= 'A'],
            {ok, fun(Message, Local) -> busy(Message, Peer, Local) end, Peer, State}
        end,
        terminate_session => fun(Ending, _, _, State) ->
            Test ! {self(), Ending},
            {ok, State}
        end
    }, []),
    Pid.

busy({a}, Peer, Local) ->
    maty:send(Peer, {b}),
    {suspend, fun(Message, L) -> busy(Message, Peer, L) end, Local};
busy({b}, Peer, Local) ->
    maty:send(Peer, {a}),
    {suspend, fun(Message, L) -> busy(Message, Peer, L) end, Local}.

%% Servers that register again in every session are there after each time.
engine_killed_again_and_again() ->
    AccessPoint = access_point(?REQUEST),
    Answer = fun({ask, N}, Local) ->
        maty:send('Client', {answer, -N}),
        {done, normal, Local}
    end,
    {ok, Server} = maty_actor:start(maty_callbacks, #{
        init_actor => fun() -> maty:register(AccessPoint, 'Server'), {ok, none} end,
        init_session => fun(_, State) ->
            maty:register(AccessPoint, 'Server'),
            {ok, Answer, none, State}
        end
    }, []),
    [
        begin
            Client = play(AccessPoint, 'Client', [{send, 'Server', {ask, N}}, wait]),
            ?assertEqual({got, 'Client', {answer, -N}}, next(Client)),
            kill_engine(),
            maty_player:until(fun() ->
                maps:get('Server', maty_access_point:waiting(AccessPoint)) =:= [Server]
            end)
        end
     || N <- lists:seq(1, 5)
    ],
    gen_server:stop(Server).

%% A start that comes after the actor has found a new engine: that session is no
%% more, and the registration is made again.
late_start_of_an_engine_that_has_gone() ->
    AccessPoint = access_point(?REQUEST),
    Server = play([{not_yet, AccessPoint, 'Server', [wait, {send, 'Client', {answer, 1}}]}]),
    First = play(AccessPoint, 'Client', [{send, 'Server', {ask, 1}}, wait]),
    [Start, Ask] = maty_player:take_start(Server, {AccessPoint, 'Server'}, 1),
    kill_engine(),
    ?assertEqual({ended, 'Client', {failed, engine_down}}, next(First)),
    maty_player:until(fun() ->
        maps:get('Server', maty_access_point:waiting(AccessPoint)) =:= [Server]
    end),
    Server ! Start,
    Server ! Ask,
    ?assertEqual([], maty:sessions(Server)),
    Second = play(AccessPoint, 'Client', [{send, 'Server', {ask, 2}}, wait]),
    ?assertEqual({got, 'Server', {ask, 2}}, next(Server)),
    ?assertEqual({got, 'Client', {answer, 1}}, next(Second)).

%% A start and a message that are in the mailbox when the engine goes: as late as
%% those that come afterwards.
starts_of_an_engine_that_has_gone() ->
    AccessPoint = access_point(?REQUEST),
    Server = play(AccessPoint, 'Server', [wait, {send, 'Client', {answer, 1}}]),
    ok = sys:suspend(Server),
    Client = play(AccessPoint, 'Client', [{send, 'Server', {ask, 1}}, wait]),
    maty_player:until(fun() -> {message_queue_len, 2} =:= process_info(Server, message_queue_len) end),
    kill_engine(),
    ?assertEqual({ended, 'Client', {failed, engine_down}}, next(Client)),
    ok = sys:resume(Server),
    ?assertEqual([], maty:sessions(Server)),
    Again = play(AccessPoint, 'Client', [{send, 'Server', {ask, 2}}, wait]),
    ?assertEqual({got, 'Server', {ask, 2}}, next(Server)),
    ?assertEqual({got, 'Client', {answer, 1}}, next(Again)).

%% Sessions outlive their access point.
access_point_killed() ->
    {ok, AccessPoint} = maty_access_point:start_link({string, ?REQUEST}),
    Server = play(AccessPoint, 'Server', [wait, {send, 'Client', {answer, 1}}]),
    Client = play(AccessPoint, 'Client', [pause, {send, 'Server', {ask, 1}}, wait]),
    {paused, 'Client'} = next(Client),
    unlink(AccessPoint),
    maty_player:kill(AccessPoint),
    go(Client),
    ?assertEqual({got, 'Server', {ask, 1}}, next(Server)),
    ?assertEqual({got, 'Client', {answer, 1}}, next(Client)).

%% The driver belongs to the process, not to the module's code.
reload_of_the_engine_module() ->
    reload(maty_engine).

%% An actor is told to take the new code as any OTP process is.
reload_of_the_actor_module() ->
    AccessPoint = access_point(?REQUEST),
    Server = play(AccessPoint, 'Server', [wait, {send, 'Client', {answer, 1}}]),
    Client = play(AccessPoint, 'Client', [pause, {send, 'Server', {ask, 1}}, wait]),
    {paused, 'Client'} = next(Client),
    go(Client),
    {got, 'Server', _} = next(Server),
    {got, 'Client', _} = next(Client),
    maty_player:stop(Client),
    Again = play(AccessPoint, 'Server', [wait, {send, 'Client', {answer, 2}}]),
    maty_player:stop(Server),
    lists:foreach(
        fun(_) ->
            ok = sys:suspend(Again),
            {module, maty_actor} = code:load_file(maty_actor),
            ok = sys:change_code(Again, maty_actor, undefined, []),
            ok = sys:resume(Again),
            %% Only then has it left the old code behind.
            [] = maty:sessions(Again),
            code:purge(maty_actor)
        end,
        [1, 2]
    ),
    Late = play(AccessPoint, 'Client', [{send, 'Server', {ask, 1}}, wait]),
    ?assertEqual({got, 'Server', {ask, 1}}, next(Again)),
    ?assertEqual({got, 'Client', {answer, 2}}, next(Late)).

reload(Module) ->
    Engine = maty_engine:pid(),
    AccessPoint = access_point(?REQUEST),
    Server = play(AccessPoint, 'Server', [wait, {send, 'Client', {answer, 1}}]),
    Client = play(AccessPoint, 'Client', [pause, {send, 'Server', {ask, 1}}, pause, wait]),
    {paused, 'Client'} = next(Client),
    Reload = fun() ->
        code:purge(Module),
        {module, Module} = code:load_file(Module)
    end,
    Reload(),
    go(Client),
    ?assertEqual({got, 'Server', {ask, 1}}, next(Server)),
    {paused, 'Client'} = next(Client),
    Reload(),
    code:purge(Module),
    go(Client),
    ?assertEqual({got, 'Client', {answer, 1}}, next(Client)),
    ?assertEqual(Engine, maty_engine:pid()),
    ?assert(is_process_alive(Engine)).

nothing_is_left() ->
    maty_player:settled(),
    ?assertEqual([], maty:sessions()).
