%% What is generated in Erlang compiles, is right to the checker, and plays its role, for
%% every role of every protocol.
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
                {timeout, 300, {Path, fun() -> every_role(Path, Folder) end}}
             || Path <- filelib:wildcard("test/protocols/*.scr")
            ]
        end}.

every_role(Path, Folder) ->
    {ok, #{protocols := [_ | _] = Protocols}} = maty_protocol:check_file(Path),
    [
        plays(Protocol, Role, Path, Folder)
     || Protocol <- Protocols,
        Role <- maty_protocol:roles(Protocol),
        waits_or_ends(Protocol, Role)
    ].

%% A role that only sends, for ever, would do so.
waits_or_ends(Protocol, Role) ->
    lists:any(fun({Phase, _}) -> Phase =/= send end, maty_protocol:machine(Protocol, Role)).

plays(Protocol, Role, Path, Folder) ->
    Name = maty_protocol:name(Protocol),
    Module = list_to_atom(lists:flatten(io_lib:format("generated_~ts_~ts", [Name, Role]))),
    {ok, Source} = maty_protocol:skeleton(Protocol, Role, erlang, Module, filename:absname(Path)),
    File = filename:join(Folder, atom_to_list(Module) ++ ".erl"),
    ok = file:write_file(File, Source),
    {ok, Module, Beam, []} = compile:file(File, [binary, return]),
    {module, Module} = code:load_binary(Module, File, Beam),
    maty_testing:assert_plays(Module, #{protocol => Protocol, role => Role}).

%% The check is made: a skeleton that is changed does not compile.
is_checked_test_() ->
    maty_player:tests([fun is_checked/0]).

is_checked() ->
    Path = filename:absname("examples/two_buyer/two_buyer.scr"),
    {ok, Protocol} = maty_protocol:from_file(Path),
    {ok, Source} = maty_protocol:skeleton(Protocol, 'Buyer1', erlang, buyer, Path),
    File = filename:join(os:getenv("TMPDIR", "/tmp"), "maty_skeleton_tests." ++ os:getpid() ++ ".erl"),
    try
        ok = file:write_file(File, string:replace(Source, "{share, 0}", "{share, none}")),
        {error, [{_, [{_, maty_transform, {handlers, Finding}}]}], []} =
            compile:file(File, [binary, return]),
        ?assertMatch(#{class := <<"bad-payload">>}, Finding)
    after
        file:delete(File)
    end.
