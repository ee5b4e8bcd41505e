%% What happens when a participant, an access point or the engine ends: whoever
%% waits for it is told, whoever does not need it goes on, nobody hangs.
-module(maty_failure_tests).

-include_lib("eunit/include/eunit.hrl").

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
    maty_player:until(fun() -> lists:all(fun(Pid) -> length(maty:sessions(Pid)) =:= 1 end, Busy) end),
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
