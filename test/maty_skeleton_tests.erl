%% What is generated in Erlang compiles, is right to the checker, and plays its role, for
%% every role of every protocol, and of random ones.
-module(maty_skeleton_tests).

-include_lib("eunit/include/eunit.hrl").

every_role_test_() ->
    {setup,
        fun() ->
            maty_player:start_engine(),
            Folder = filename:join(
                os:getenv("TMPDIR", "/tmp"), "maty_skeleton_tests." ++ os:getpid()
            ),
            ok = filelib:ensure_dir(filename:join(Folder, "x")),
            Folder
        end,
        fun file:del_dir_r/1, fun(Folder) ->
            [
                {timeout, 300, {Path, fun() -> every_role(Path, Folder, #{}) end}}
             || Path <- filelib:wildcard("test/protocols/*.scr")
            ] ++ [{timeout, 300, {"random ones", fun() -> random_ones(Folder) end}}]
        end}.

%% One after the other of the accepted ones, by the seed of the property's first value.
random_ones(Folder) ->
    Path = filename:join(Folder, "random.scr"),
    Seeds = lists:seq(1, 120),
    Accepted = [Seed || Seed <- Seeds, random_one(Seed, Path, Folder)],
    ?assert(length(Accepted) >= 40).

random_one(Seed, Path, Folder) ->
    {ok, Global} = proper_gen:pick(maty_random_tests:global_type(), 20, {Seed, Seed, Seed}),
    Text = unicode:characters_to_binary(maty_random_tests:text(Global)),
    case maty_protocol:from_string(Text) of
        {ok, _} ->
            ok = file:write_file(Path, Text),
            try
                %% Larger than what the runs have the time for.
                every_role(Path, Folder, #{coverage => none, runs => 10, seed => Seed}),
                true
            catch
                Class:Reason:Stack ->
                    io:format(user, "~nseed ~b:~n~ts~n", [Seed, Text]),
                    erlang:raise(Class, Reason, Stack)
            end;
        {error, {rejected, _}} ->
            false
    end.

every_role(Path, Folder, Options) ->
    {ok, #{protocols := [_ | _] = Protocols}} = maty_protocol:check_file(Path),
    [
        plays(Protocol, Role, Path, Folder, Options)
     || Protocol <- Protocols,
        Role <- maty_protocol:roles(Protocol),
        waits_or_ends(Protocol, Role)
    ].

%% A role that only sends, for ever, would do so.
waits_or_ends(Protocol, Role) ->
    lists:any(fun({Phase, _}) -> Phase =/= send end, maty_protocol:machine(Protocol, Role)).

plays(Protocol, Role, Path, Folder, Options) ->
    Name = maty_protocol:name(Protocol),
    Module = list_to_atom(lists:flatten(io_lib:format("generated_~ts_~ts", [Name, Role]))),
    {ok, Source} = maty_protocol:skeleton(Protocol, Role, erlang, Module, filename:absname(Path)),
    File = filename:join(Folder, atom_to_list(Module) ++ ".erl"),
    ok = file:write_file(File, Source),
    {ok, Module, Beam, []} = compile:file(File, [binary, return]),
    {module, Module} = code:load_binary(Module, File, Beam),
    maty_testing:assert_plays(Module, Options#{protocol => Protocol, role => Role}).

%% The check is made: a skeleton that is changed does not compile.
is_checked_test_() ->
    maty_player:tests([fun is_checked/0]).

is_checked() ->
    Path = filename:absname("examples/two_buyer/two_buyer.scr"),
    {ok, Protocol} = maty_protocol:from_file(Path),
    {ok, Source} = maty_protocol:skeleton(Protocol, 'Buyer1', erlang, buyer, Path),
    File = filename:join(
        os:getenv("TMPDIR", "/tmp"), "maty_skeleton_tests." ++ os:getpid() ++ ".erl"
    ),
    try
        ok = file:write_file(File, string:replace(Source, "{share, 0}", "{share, none}")),
        {error, [{_, [{_, maty_transform, {handlers, Finding}}]}], []} =
            compile:file(File, [binary, return]),
        ?assertMatch(#{class := <<"bad-payload">>}, Finding)
    after
        file:delete(File)
    end.
