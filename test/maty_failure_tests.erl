%% What happens when a participant or an access point ends: whoever waits for it is told,
%% whoever does not need it goes on, nobody hangs.
-module(maty_failure_tests).

-include_lib("eunit/include/eunit.hrl").
-include("maty_protocols.hrl").

-import(maty_player, [play/3, play/1, next/1, go/1, access_point/1, begun/1, waits/2]).
-import(maty_callbacks, [started/4, told/1]).

failures_test_() ->
    maty_player:tests([
        fun crash_after_its_message/0,
        fun crash_before_its_message/0,
        fun every_way_to_end/0,
        fun crash_in_init_session/0,
        fun crash_while_a_message_of_it_waits/0,
        fun failure_before_the_start_of_the_session/0,
        fun sending_in_a_session_that_has_failed/0,
        fun message_to_an_endpoint_that_is_gone/0,
        fun other_sessions_of_the_actor_go_on/0,
        fun dead_registrations/0,
        fun access_point_killed/0,
        fun raising_leaves_the_session/0,
        fun raising_in_a_role_that_has_failed/0,
        fun unknown_on_raise/0,
        fun failure_is_told_to_one/0,
        fun failure_told_to_a_function_that_is_wrong/0,
        fun peer_that_is_gone_when_it_suspends/0,
        fun stop_from_terminate_session/0,
        fun maty_player:nothing_is_left/0
    ]).

%% ----- Crashing -----

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
    Failed = #{session => Id, protocol => 'Cascade'},
    ?assertEqual(
        lists:sort([
            Failed#{role => 'A', actor => A, cause => {cancelled, 'C'}},
            Failed#{role => 'C', actor => C, cause => {cancelled, 'B'}}
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
    ok = maty_player:until(fun() -> [1] =:= [N || #{waiting := N} <- maty:sessions(C)] end),
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
    ok = maty_player:until(fun() -> length(maty:sessions(Server)) =:= 2 end),
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
    ok = waits(AccessPoint, #{'Client' => [], 'Server' => [B]}),
    Client = play(AccessPoint, 'Client', [{send, 'Server', {ask, 1}}, wait]),
    ?assertEqual({got, 'Server', {ask, 1}}, next(B)),
    ?assertEqual({got, 'Client', {answer, 1}}, next(Client)).

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

%% ----- Raising -----

%% With on_raise, what a handler raises ends its session and nothing else.
raising_leaves_the_session() ->
    ok = maty_event:subscribe(session_failed),
    Handlers = [
        {fun(_, _) -> error(crash) end, fun({crash, [_ | _]}) -> ok end},
        {fun(_, _) -> throw(crash) end, fun({{nocatch, crash}, [_ | _]}) -> ok end},
        {fun(_, _) -> exit(crash) end, fun(crash) -> ok end},
        {fun(_, _) -> nothing end, fun({{bad_handler_return, _, nothing}, [_ | _]}) -> ok end},
        {fun(_, L) -> {done, normal, L} end,
            fun({{protocol_violation, #{reason := unfinished}}, [_ | _]}) -> ok end},
        {fun(_, L) -> {suspend, fun(_, _) -> L end, L} end,
            fun({{protocol_violation, #{reason := not_waiting}}, [_ | _]}) -> ok end},
        {fun(_, _) -> maty:send('Client', {answer, no}) end,
            fun({{protocol_violation, #{reason := payload}}, [_ | _]}) -> ok end}
    ],
    AccessPoint = access_point(?REQUEST),
    Server = started(AccessPoint, 'Server', #{
        init_actor => fun() ->
            [maty:register(AccessPoint, 'Server') || _ <- Handlers],
            {ok, Handlers}
        end,
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
    Raises = fun({x}, _) ->
        Test ! {self(), running},
        receive
            go -> error(crash)
        end
    end,
    C = started(AccessPoint, 'C', #{
        init_session => fun(_, State) -> {ok, Raises, none, State} end
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

client_that_crashes(AccessPoint, Server) ->
    Client = play(AccessPoint, 'Client', [pause]),
    {paused, 'Client'} = next(Client),
    begun(Server),
    maty_player:kill(Client).

failure_is_told_to_one() ->
    AccessPoint = access_point(?REQUEST),
    Test = self(),
    Plain = server(AccessPoint, #{}, #{}),
    client_that_crashes(AccessPoint, Plain),
    ?assertEqual({handle_failure, {cancelled, 'Client'}, none}, told(Plain)),
    ?assertEqual(changed, maty_player:call(Plain, state)),
    Tell = fun(Failure, {Callbacks, State}) ->
        Test ! {self(), {on_failure, Failure, State, maty:session()}},
        {ok, {Callbacks, own}}
    end,
    Own = server(AccessPoint, #{on_failure => Tell}, #{}),
    client_that_crashes(AccessPoint, Own),
    ?assertEqual({on_failure, {cancelled, 'Client'}, none, undefined}, told(Own)),
    ?assertEqual(own, maty_player:call(Own, state)),
    Stop = fun(Failure, State) -> {stop, {shutdown, Failure}, State} end,
    Stops = server(AccessPoint, [{on_failure, Stop}], #{}),
    Monitor = erlang:monitor(process, Stops),
    client_that_crashes(AccessPoint, Stops),
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
            client_that_crashes(AccessPoint, Server),
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
    Tell = fun(Failure, State) ->
        Test ! {self(), {on_failure, Failure}},
        {ok, State}
    end,
    Suspends = fun({x}, _) ->
        Test ! {self(), running},
        receive
            go -> ok
        end,
        {suspend, fun(_, _) -> error(unexpected) end, none, #{on_failure => Tell}}
    end,
    C = started(AccessPoint, 'C', #{
        init_session => fun(_, State) -> {ok, Suspends, none, State} end
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

stop_from_terminate_session() ->
    AccessPoint = access_point(?REQUEST),
    Server = started(AccessPoint, 'Server', #{
        init_session => fun(_, State) -> {ok, fun(_, S) -> {done, x, S} end, local, State} end,
        terminate_session => fun(Ending, #{role := Role}, Local, State) ->
            {stop, {shutdown, {Ending, Role, Local, State}}, State}
        end
    }, []),
    Monitor = erlang:monitor(process, Server),
    client_that_crashes(AccessPoint, Server),
    receive
        {'DOWN', Monitor, process, Server, Reason} ->
            ?assertEqual(
                {shutdown, {{failed, {cancelled, 'Client'}}, 'Server', local, none}}, Reason
            )
    end.
