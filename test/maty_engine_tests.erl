%% The engine ends, or is loaded again: whoever is in a session is told, and whoever waits for
%% one waits again.
-module(maty_engine_tests).

-include_lib("eunit/include/eunit.hrl").
-include("maty_protocols.hrl").

-import(maty_player, [play/3, play/1, next/1, go/1, access_point/1, begun/1]).
-import(maty_callbacks, [started/4, told/1]).

engine_test_() ->
    maty_player:tests([
        fun engine_killed_under_load/0,
        fun engine_killed_again_and_again/0,
        fun starts_of_an_engine_that_has_gone/0,
        fun late_start_of_an_engine_that_has_gone/0,
        fun reload_of_the_engine_module/0,
        fun reload_of_the_actor_module/0,
        fun maty_player:nothing_is_left/0
    ]).

%% ----- The engine ends -----

%% Sessions that wait fail, sessions that talk all the time fail, registrations
%% that wait are there again, and new sessions begin.
engine_killed_under_load() ->
    ok = maty_event:subscribe(session_failed),
    AccessPoint = access_point(?REQUEST),
    Lonely = access_point(?REQUEST),
    Waiting = [play(AccessPoint, 'Server', [wait]) || _ <- lists:seq(1, 50)],
    Clients = [
        play(AccessPoint, 'Client', [pause, {send, 'Server', {ask, 1}}, wait])
     || _ <- Waiting
    ],
    [{paused, 'Client'} = next(Client) || Client <- Clients],
    Loop = access_point(
        "global protocol Loop(role A, role B) {"
        "  rec L { a() from A to B; b() from B to A; continue L; } }"
    ),
    Busy = [start_busy(Loop, Role) || Role <- ['A', 'B'], _ <- lists:seq(1, 20)],
    [begun(Pid) || Pid <- Waiting ++ Busy],
    Early = play(Lonely, 'Server', [wait, {send, 'Client', {answer, 7}}]),

    maty_player:kill_engine(),
    [?assertEqual({ended, 'Server', {failed, engine_down}}, next(Server)) || Server <- Waiting],
    [go(Client) || Client <- Clients],
    [?assertEqual({ended, 'Client', {failed, engine_down}}, next(Client)) || Client <- Clients],
    [?assertEqual({ended, {failed, engine_down}}, told(Pid)) || Pid <- Busy],
    Causes = [
        receive
            {maty_event, session_failed, #{cause := Cause}} -> Cause
        end
     || _ <- lists:seq(1, 50 + 50 + 40)
    ],
    ?assertEqual([engine_down], lists:usort(Causes)),
    ok = maty_event:unsubscribe(session_failed),

    Late = play(Lonely, 'Client', [{send, 'Server', {ask, 1}}, wait]),
    ?assertEqual({got, 'Server', {ask, 1}}, next(Early)),
    ?assertEqual({got, 'Client', {answer, 7}}, next(Late)),
    [gen_server:stop(Pid) || Pid <- Busy],
    maty_player:settled().

start_busy(AccessPoint, Role) ->
    Peer =
        case Role of
            'A' -> 'B';
            'B' -> 'A'
        end,
    Init = fun(_, State) ->
        [maty:send('B', {a}) || Role =:= 'A'],
        {ok, fun(Message, Local) -> busy(Message, Peer, Local) end, Peer, State}
    end,
    started(AccessPoint, Role, #{init_session => Init}, []).

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
        init_actor => fun() ->
            maty:register(AccessPoint, 'Server'),
            {ok, none}
        end,
        init_session => fun(_, State) ->
            maty:register(AccessPoint, 'Server'),
            {ok, Answer, none, State}
        end
    }, []),
    [
        begin
            Client = play(AccessPoint, 'Client', [{send, 'Server', {ask, N}}, wait]),
            ?assertEqual({got, 'Client', {answer, -N}}, next(Client)),
            maty_player:kill_engine(),
            maty_player:until(fun() ->
                maps:get('Server', maty_access_point:waiting(AccessPoint)) =:= [Server]
            end)
        end
     || N <- lists:seq(1, 5)
    ],
    gen_server:stop(Server).

%% A start and a message that are in the mailbox when the engine goes: as late as
%% those that come afterwards.
starts_of_an_engine_that_has_gone() ->
    AccessPoint = access_point(?REQUEST),
    Server = play(AccessPoint, 'Server', [wait, {send, 'Client', {answer, 1}}]),
    ok = sys:suspend(Server),
    Client = play(AccessPoint, 'Client', [{send, 'Server', {ask, 1}}, wait]),
    maty_player:until(fun() ->
        {message_queue_len, 2} =:= process_info(Server, message_queue_len)
    end),
    maty_player:kill_engine(),
    ?assertEqual({ended, 'Client', {failed, engine_down}}, next(Client)),
    ok = sys:resume(Server),
    ?assertEqual([], maty:sessions(Server)),
    Again = play(AccessPoint, 'Client', [{send, 'Server', {ask, 2}}, wait]),
    ?assertEqual({got, 'Server', {ask, 2}}, next(Server)),
    ?assertEqual({got, 'Client', {answer, 1}}, next(Again)).

%% A start that comes after the actor has found a new engine: that session is no
%% more, and the registration is made again.
late_start_of_an_engine_that_has_gone() ->
    AccessPoint = access_point(?REQUEST),
    Server = play([{not_yet, AccessPoint, 'Server', [wait, {send, 'Client', {answer, 1}}]}]),
    First = play(AccessPoint, 'Client', [{send, 'Server', {ask, 1}}, wait]),
    [Start, Ask] = maty_player:take_start(Server, {AccessPoint, 'Server'}, 1),
    maty_player:kill_engine(),
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

%% ----- Its code is loaded again -----

%% The driver belongs to the process, not to the module's code.
reload_of_the_engine_module() ->
    reload(maty_engine).

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
