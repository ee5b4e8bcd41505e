%% What is to be compiled again when a protocol has changed. The times of all files are set,
%% so that nothing depends on the clock.
-module(maty_outdated_tests).

-include_lib("eunit/include/eunit.hrl").

-define(SCR,
    "global protocol Tell(role Alice, role Bob) {\n"
    "  tell(integer) from Alice to Bob;\n"
    "}\n"
).

-define(EMBEDS,
    "-module(tell).\n"
    "-compile({parse_transform, maty_transform}).\n"
    "-maty_protocol(~ts).\n"
).

-define(PLAYS,
    "-module(~ts).\n"
    "-compile({parse_transform, maty_transform}).\n"
    "-maty([{protocol, ~ts}, {role, 'Alice'}]).\n"
    "-export([init_session/2]).\n"
    "init_session(_, S) -> maty:send('Bob', {tell, 1}), {done, normal, S}.\n"
).

outdated_test_() ->
    {setup,
        fun() ->
            {ok, _} = application:ensure_all_started(maty),
            Folder = filename:join("/tmp", "maty_outdated_" ++ os:getpid()),
            ok = filelib:ensure_dir(filename:join([Folder, "ebin", "x"])),
            write(Folder, "tell.scr", ?SCR),
            write(Folder, "tell.erl", io_lib:format(?EMBEDS, ["{file, \"tell.scr\"}"])),
            write(Folder, "by_module.erl", io_lib:format(?PLAYS, ["by_module", "tell"])),
            File = "{file, \"tell.scr\", 'Tell'}",
            write(Folder, "by_file.erl", io_lib:format(?PLAYS, ["by_file", File])),
            Text = io_lib:format("{string, ~p}", [?SCR]),
            write(Folder, "by_text.erl", io_lib:format(?PLAYS, ["by_text", Text])),
            write(Folder, "other.erl", "-module(other).\n"),
            NoSource = "-module(no_source).\n-maty_protocol({file, \"tell.scr\"}).\n",
            write(Folder, "no_source.erl", NoSource),
            Files = ["tell", "by_module", "by_file", "by_text", "other"],
            lists:foreach(fun(Name) -> compile(Folder, Name, []) end, Files),
            compile(Folder, "no_source", [deterministic]),
            write(Folder, "ebin/broken.beam", "no module"),
            Folder
        end,
        fun file:del_dir_r/1, fun(Folder) ->
            maty_player:patiently([
                {"nothing is outdated", ?_assertEqual([], outdated(Folder, []))},
                {"another protocol",
                    ?_assertEqual(
                        ["by_file.beam", "by_module.beam", "tell.beam"],
                        outdated(Folder, ["tell.scr"])
                    )},
                {"another module that embeds it; rebar3 knows of that one's source itself",
                    ?_assertEqual(["by_module.beam"], outdated(Folder, ["tell.erl"]))},
                {"another actor", ?_assertEqual([], outdated(Folder, ["by_file.erl"]))},
                {"folders that are not there",
                    ?_assertEqual([], maty_outdated:beams([filename:join(Folder, "nowhere")]))}
            ])
        end}.

write(Folder, File, Text) ->
    ok = file:write_file(filename:join(Folder, File), Text).

compile(Folder, Name, Options) ->
    {ok, _} = compile:file(filename:join(Folder, Name), [
        {outdir, filename:join(Folder, "ebin")}, return_errors, debug_info | Options
    ]).

%% When these files are of the second that the modules were compiled in, and all others older.
outdated(Folder, Changed) ->
    Made = {{2026, 1, 1}, {12, 0, 1}},
    Before = {{2026, 1, 1}, {12, 0, 0}},
    Sources = filelib:wildcard("*.{erl,scr}", Folder),
    Beams = filelib:wildcard("ebin/*.beam", Folder),
    [set(Folder, File, Before) || File <- Sources -- Changed],
    [set(Folder, File, Made) || File <- Beams ++ Changed],
    [filename:basename(Beam) || Beam <- maty_outdated:beams([filename:join(Folder, "ebin")])].

set(Folder, File, Time) ->
    ok = file:change_time(filename:join(Folder, File), Time).
