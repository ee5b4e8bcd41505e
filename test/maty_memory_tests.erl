%% The engine with little memory: a limit. maty_allocation_tests lets allocations fail.
-module(maty_memory_tests).

-include_lib("eunit/include/eunit.hrl").

-import(maty_player, [play/3, next/1, go/1, access_point/1]).

-define(TALK,
    "global protocol Talk(role A, role B) {"
    "  rec Loop { choice at A {"
    "    ask(integer, string) from A to B; answer(integer) from B to A; continue Loop;"
    "  } or { stop() from A to B; } } }"
).

memory_test_() ->
    {foreach,
        fun() ->
            maty_player:start_engine(),
            maty_player:end_others(),
            ok = application:stop(maty)
        end,
        fun(_) ->
            _ = application:stop(maty),
            ok = application:unset_env(maty, max_memory),
            maty_player:flush()
        end,
        maty_player:patiently([
            fun limit_of_sessions/0,
            fun limit_of_protocols/0,
            fun limit_that_is_too_low/0,
            fun deadline_beyond_the_limit/0,
            fun names_make_no_atoms/0
        ])}.

start(MaxMemory) ->
    ok = application:set_env(maty, max_memory, MaxMemory),
    application:start(maty).

%% What an engine without sessions holds.
at_rest() ->
    ok = start(infinity),
    #{memory := Memory, max_memory := 0} = maty:counters(),
    ok = application:stop(maty),
    Memory.

%% ----- A limit -----

%% Sessions are opened until there is no memory for one more. The one that runs goes on,
%% and with those that end there is room again.
limit_of_sessions() ->
    %% A port that has no room for one more session must not take of it in vain.
    Most = at_rest() + 150000,
    ok = start(Most),
    AccessPoint = access_point(?TALK),
    B = play(
        AccessPoint,
        'B',
        lists:append(lists:duplicate(100, [wait, {send, 'A', {answer, 1}}])) ++ [wait]
    ),
    A = play(
        AccessPoint,
        'A',
        lists:append(lists:duplicate(50, [{send, 'B', {ask, 1, <<"x">>}}, wait])) ++ [pause] ++
            lists:append(lists:duplicate(50, [{send, 'B', {ask, 1, <<"x">>}}, wait])) ++
            [{send, 'B', {stop}}]
    ),
    [{got, 'A', _} = next(A) || _ <- lists:seq(1, 50)],
    {paused, 'A'} = next(A),
    Filler = filler(AccessPoint),
    fill(Filler, AccessPoint, 5000),
    #{memory := Full, max_memory := Most} = maty:counters(),
    ?assert(Full =< Most andalso Full > Most - 10000),
    Text = unicode:characters_to_list(maty_error:format_status(no_memory)),
    ?assertNotEqual(nomatch, string:find(Text, integer_to_list(Most))),
    ?assertNotEqual(nomatch, string:find(Text, integer_to_list(Full))),
    go(A),
    [{got, 'A', _} = next(A) || _ <- lists:seq(1, 50)],
    ?assertEqual({ended, 'A', {done, normal}}, next(A)),
    [maty_player:kill(Actor) || Actor <- [A, B, Filler]],
    maty_player:settled(),
    #{memory := Less} = maty:counters(),
    ?assert(Less < Full),
    C = play(AccessPoint, 'B', [wait]),
    D = play(AccessPoint, 'A', [{send, 'B', {stop}}]),
    ?assertEqual({ended, 'A', {done, normal}}, next(D)),
    [maty_player:stop(Actor) || Actor <- [C, D]],
    ok = maty_access_point:stop(AccessPoint),
    ok = application:stop(maty).

%% An actor in any number of sessions with itself, which stand where they began.
filler(AccessPoint) ->
    {ok, Pid} = maty_actor:start(
        maty_callbacks,
        #{
            init_actor => fun() -> {ok, none} end,
            handle_call => fun(Count, From, State) ->
                [maty:register(AccessPoint, Role) || _ <- lists:seq(1, Count), Role <- ['A', 'B']],
                gen_server:reply(From, ok),
                %% The starts that it is told are not looked at.
                receive
                    never -> {noreply, State}
                end
            end
        },
        []
    ),
    Pid.

%% Registers until there are those who wait for both roles, which is for want of
%% memory alone.
fill(Filler, AccessPoint, Count) ->
    ok = gen_server:call(Filler, Count, infinity),
    #{waiting := #{'A' := As, 'B' := Bs}} = maty_access_point:info(AccessPoint),
    ?assert(As > 0 andalso Bs > 0).

limit_of_protocols() ->
    Most = at_rest() + 150000,
    ok = start(Most),
    Results = [
        begin
            Text = io_lib:format("global protocol P~b(role A, role B) { m() from A to B; }", [N]),
            maty_access_point:start_link({string, Text})
        end
     || N <- lists:seq(1, 600)
    ],
    Errors = [Reason || {error, Reason} <- Results],
    ?assert(length(Errors) > 0 andalso length(Errors) < 600),
    [
        begin
            ?assert(lists:member(Reason, [{engine, no_memory}, {image_not_loaded, no_memory}])),
            ?assertMatch(
                {_, _},
                binary:match(
                    unicode:characters_to_binary(maty_protocol:format_error(Reason)),
                    <<"max_memory">>
                )
            )
        end
     || Reason <- Errors
    ],
    #{memory := Held} = maty:counters(),
    ?assert(Held =< Most),
    [maty_access_point:stop(Pid) || {ok, Pid} <- Results],
    ok = application:stop(maty).

limit_that_is_too_low() ->
    {error, Reason} = start(1000),
    maty_player:refused_start(),
    ?assertMatch({_, _}, binary:match(text(Reason), <<"{no_memory,#{max_memory => 1000}}">>)),
    {error, Bad} = start(lots),
    maty_player:refused_start(),
    ?assertMatch({_, _}, binary:match(text(Bad), <<"{bad_option,max_memory,lots,">>)),
    ok = start(infinity),
    ok = application:stop(maty).

text(Term) ->
    unicode:characters_to_binary(io_lib:format("~0p", [Term])).

%% A port notes deadlines where there was none before. Whose deadline cannot be noted
%% fails at once, and nobody waits for ever.
deadline_beyond_the_limit() ->
    ok = start(infinity),
    AccessPoint = access_point(?TALK),
    Answer = {send, 'A', {answer, 1}},
    Ask = {send, 'B', {ask, 1, <<"x">>}},
    B = play(AccessPoint, 'B', [wait, pause, Answer, {wait, #{timeout => 3600000}}]),
    A = play(AccessPoint, 'A', [Ask, wait, Ask, wait]),
    ?assertEqual({got, 'B', {ask, 1, <<"x">>}}, next(B)),
    {paused, 'B'} = next(B),
    #{memory := Held} = maty:counters(),
    limit(Held),
    go(B),
    ?assertEqual({ended, 'B', {failed, no_memory}}, next(B)),
    ?assertEqual({got, 'A', {answer, 1}}, next(A)),
    ?assertEqual({ended, 'A', {failed, {cancelled, 'B'}}}, next(A)),
    limit(0),
    [maty_player:stop(Actor) || Actor <- [A, B]],
    ok = maty_access_point:stop(AccessPoint),
    ok = application:stop(maty).

%% The limit is that of the port opened last; one that it leaves no room for does not open.
limit(Most) ->
    try open_port({spawn_driver, "maty_drv 0 1 " ++ integer_to_list(Most)}, []) of
        Port -> port_close(Port)
    catch
        error:enomem -> ok
    end.

%% ----- Names -----

%% Whatever comes in under whatever names, and is not a protocol that is loaded.
names_make_no_atoms() ->
    ok = start(infinity),
    AccessPoint = access_point(?TALK),
    B = play(AccessPoint, 'B', [wait]),
    A = play(AccessPoint, 'A', [{call, fun maty:session/0}, pause, {send, 'B', {stop}}]),
    {result, #{id := Id}} = next(A),
    {paused, 'A'} = next(A),
    _ = flood(B, Id, 0),
    Before = erlang:system_info(atom_count),
    [flood(B, Id, N) || N <- lists:seq(1, 300)],
    go(A),
    ?assertEqual({got, 'B', {stop}}, next(B)),
    %% Fewer than names; what the VM loads meanwhile may bring some.
    ?assert(erlang:system_info(atom_count) - Before < 300),
    [maty_player:stop(Actor) || Actor <- [A, B]],
    ok = maty_access_point:stop(AccessPoint),
    ok = application:stop(maty).

flood(Actor, Session, N) ->
    Name = <<"new_name_", (integer_to_binary(N))/binary>>,
    %% Rejected, and accepted but not loaded.
    [
        begin
            _ = maty_checker:check(#{
                name => Name,
                text => iolist_to_binary([
                    "protocol ", Name, "(role A", Name, ", role B) {", Body, "}"
                ]),
                path => Name,
                settings => #{}
            })
        end
     || Body <- [
            [Name, "() from A", Name, " to B;"],
            [Name, "(", Name, ") from ", Name, " to B;"],
            ["choice at B { ", Name, "() from A", Name, " to B; } or { x() from B to C; }"],
            ["$", Name]
        ]
    ],
    [Actor ! {'$maty', Session + 1, Command, {Name, 1}} || Command <- [0, 3 bsl 28, Name, -1]],
    Actor ! {'$maty', Name, 3 bsl 28, {Name}},
    maty_player:call(Actor, {run, fun() -> ok end}),
    Data = <<(Session + 1):64/native>>,
    Atom = <<131, 104, 2, 119, (byte_size(Name)), Name/binary, 97, 1>>,
    [
        try
            port_control(maty_engine:port(0), (Op bsl 28), [Data, 0, Atom])
        catch
            error:badarg -> ok
        end
     || Op <- [2, 4, 7, 12]
    ],
    flush_replies().

flush_replies() ->
    receive
        {'$maty_reply', _, _, _, _} -> flush_replies()
    after 0 -> ok
    end.
