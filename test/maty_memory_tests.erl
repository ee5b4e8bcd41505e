%% The engine with little memory: a limit, and allocations that fail one by one.
-module(maty_memory_tests).

-include_lib("eunit/include/eunit.hrl").
-include("../src/maty_internal.hrl").

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
            end_others(),
            ok = application:stop(maty)
        end,
        fun(_) ->
            _ = application:stop(maty),
            ok = application:unset_env(maty, max_memory),
            flush()
        end,
        maty_player:patiently([
            fun limit_of_sessions/0,
            fun limit_of_protocols/0,
            fun limit_that_is_too_low/0,
            fun names_make_no_atoms/0,
            fun every_allocation_fails/0
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
    B = play(AccessPoint, 'B', lists:append(lists:duplicate(100, [wait, {send, 'A', {answer, 1}}])) ++ [wait]),
    A = play(
        AccessPoint,
        'A',
        lists:append(lists:duplicate(50, [{send, 'B', {ask, 1, <<"x">>}}, wait])) ++ [pause] ++
            lists:append(lists:duplicate(50, [{send, 'B', {ask, 1, <<"x">>}}, wait])) ++ [{send, 'B', {stop}}]
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
                    unicode:characters_to_binary(maty_protocol:format_error(Reason)), <<"max_memory">>
                )
            )
        end
     || Reason <- Errors
    ],
    #{memory := Held} = maty:counters(),
    ?assert(Held =< Most),
    [maty_access_point:stop(Pid) || {ok, Pid} <- Results],
    ok = application:stop(maty).

flush() ->
    receive
        _ -> flush()
    after 0 -> ok
    end.

limit_that_is_too_low() ->
    {error, Reason} = start(1000),
    ?assertMatch({_, _}, binary:match(text(Reason), <<"{no_memory,#{max_memory => 1000}}">>)),
    {error, Bad} = start(lots),
    ?assertMatch({_, _}, binary:match(text(Bad), <<"{bad_option,max_memory,lots,">>)),
    ok = start(infinity),
    ok = application:stop(maty).

text(Term) ->
    unicode:characters_to_binary(io_lib:format("~0p", [Term])).

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
                text => iolist_to_binary(["protocol ", Name, "(role A", Name, ", role B) {", Body, "}"]),
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
    gen_server:call(Actor, {run, fun() -> ok end}),
    Data = <<(Session + 1):64/native>>,
    Atom = <<131, 104, 2, 119, (byte_size(Name)), Name/binary, 97, 1>>,
    [
        try
            port_control(maty_engine:port(0), (Op bsl 28), [Data, Atom])
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

%% ----- Allocations that fail -----

%% Only a driver that is built for it (MATY_FAULTS) can let them fail. One that is
%% ends the VM when it is unloaded and has not given back all its memory.
every_allocation_fails() ->
    Image = image(),
    Sessions = until_none_fails(fun(N) -> attempt(N, Image) end, 1),
    ok = start(infinity),
    Questions = until_none_fails(fun(N) -> failing(N, fun ask/0) end, 1),
    ok = application:stop(maty),
    ?assert(lists:member({Sessions, Questions}, [{1, 1}]) orelse (Sessions > 10 andalso Questions > 10)).

%% Whoever is left from other tests would take of the memory, and the failure that is
%% meant for somebody else.
end_others() ->
    Left = [
        Pid
     || Pid <- processes(),
        proc_lib:initial_call(Pid) =:= {maty_access_point, init, ['Argument__1']} orelse
            process_info(Pid, current_function) =:= {current_function, {maty_actor, loop, 2}}
    ],
    lists:foreach(fun maty_player:kill/1, Left).

%% Returns the first number with which none fails, there being fewer.
until_none_fails(Attempt, N) ->
    case Attempt(N) of
        no_memory -> until_none_fails(Attempt, N + 1);
        ok -> N
    end.

%% With an engine of its own, so that its tables grow from nothing.
attempt(N, Image) ->
    ok = start(infinity),
    Engine = maty_engine:pid(),
    Result = failing(N, fun() -> steps(Image) end),
    ?assertEqual(Engine, maty_engine:pid()),
    ok = application:stop(maty),
    Result.

%% What failed for want of memory can be done again.
failing(N, Fun) ->
    fail_at(N),
    Result = scenario(Fun),
    fail_at(0),
    ok = scenario(Fun),
    maty_player:settled(),
    Result.

fail_at(N) ->
    ?assertError(
        badarg, open_port({spawn_driver, "maty_drv fail " ++ integer_to_list(N)}, [])
    ).

%% More roles than the driver has room for without asking.
text() ->
    Roles = [[$R | integer_to_list(N)] || N <- lists:seq(1, 20)],
    [
        "global protocol Chain(", lists:join(", ", [["role ", Role] || Role <- Roles]), ") {",
        [["m(string) from ", From, " to ", To, ";"] || {From, To} <- lists:zip(lists:droplast(Roles), tl(Roles))],
        "}"
    ].

image() ->
    ok = start(infinity),
    {ok, Protocol} = maty_protocol:from_string(text()),
    ok = application:stop(maty),
    maty_protocol:image(Protocol).

scenario(Fun) ->
    {Pid, Monitor} = spawn_monitor(fun() ->
        exit(
            try
                Fun()
            catch
                throw:no_memory -> no_memory
            end
        )
    end),
    receive
        {'DOWN', Monitor, process, Pid, Result} ->
            ?assert(lists:member(Result, [ok, no_memory]), Result),
            Result
    end.

ask() ->
    Text = iolist_to_binary(text()),
    {ok, [], [_], []} = got(
        maty_checker:check(#{name => <<"x">>, text => Text, path => "x", settings => #{}})
    ),
    ok.

steps(Image) ->
    Engine = maty_engine:pid(),
    {ok, Number, Machine} = got(maty_machine:load(Engine, Image)),
    {ok, Token} = got(maty_engine:attach()),
    Places = [maty_engine:place(Token, Role) || Role <- lists:seq(1, 20)],
    ok = got(maty_engine:open(0, Number, {100, refuse}, Places)),
    Endpoints = [
        receive
            {'$maty_start', Role, Handle, Participants, Number} ->
                Port = maty_engine:port_of(Handle, Engine),
                Id = Handle - ?HANDLE_ROLE(Handle),
                maty_session:endpoint(Handle, Port, Participants, Id, Machine, self())
        end
     || Role <- lists:seq(1, 20)
    ],
    #endpoint{port = Port, data = Data} = lists:nth(2, Endpoints),
    %% OP_DEADLINE
    ok = got_reply(port_control(Port, 15 bsl 28, [Data, <<100000:32/native>>])),
    case maty_engine:sessions() of
        [_] -> ok;
        [] -> throw(no_memory)
    end,
    ok = pass_on(Endpoints).

got({error, no_memory}) -> throw(no_memory);
got(Result) -> Result.

got_reply([0]) -> ok;
got_reply([129]) -> throw(no_memory).

pass_on([Last]) ->
    maty_session:close(Last);
pass_on([#endpoint{role = #role{sends = #{m := #send{to = To}}}} = First, Second | Rest]) ->
    maty_session:enter(First),
    ok = maty_session:send(To, {m, <<"text">>}),
    ok = maty_session:close(First),
    receive
        {'$maty', _, Command, Message} ->
            true = is_integer(maty_session:offer(Second, Command, Message))
    end,
    pass_on([Second | Rest]).
