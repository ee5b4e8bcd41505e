%% Handlers that are checked when their module is compiled: a test changes one thing of a
%% module that is right, and states the error in full.
-module(maty_handlers_case).

-include_lib("eunit/include/eunit.hrl").

-export([tests/1, wrong/5, passes/3, compile/3]).

-define(SCR, [
    "global protocol TwoBuyer(role Buyer1, role Buyer2, role Seller) {\n"
    "  title(binary) from Buyer1 to Seller;\n"
    "  quote(integer) from Seller to Buyer1;\n"
    "  share(integer) from Buyer1 to Buyer2;\n"
    "  choice at Buyer2 {\n"
    "    address(binary) from Buyer2 to Seller;\n"
    "    date(date) from Seller to Buyer2;\n"
    "  } or {\n"
    "    quit() from Buyer2 to Seller;\n"
    "  }\n"
    "}\n"
]).

%% For EUnit: functions that return tests, of a folder in which the protocol is.
tests(Groups) ->
    {setup,
        fun() ->
            {ok, _} = application:ensure_all_started(maty),
            Folder = filename:join("/tmp", "maty_handlers_" ++ os:getpid()),
            ok = filelib:ensure_dir(filename:join(Folder, "x")),
            ok = file:write_file(filename:join(Folder, "two_buyer.scr"), ?SCR),
            Folder
        end,
        fun file:del_dir_r/1, fun(Folder) ->
            maty_player:patiently(lists:flatten([Group(Folder) || Group <- Groups]))
        end}.

wrong(Title, Folder, Text, Changes, Expected) ->
    {Title, ?_assertEqual({error, Expected}, compile(Folder, Text, Changes))}.

passes(Folder, Text, Changes) ->
    ?_assertEqual({ok, []}, compile(Folder, Text, Changes)).

%% Compiles a text in which parts are replaced. Returns errors and warnings, each with
%% its place.
compile(Folder, Text, Changes) ->
    Changed = lists:foldl(
        fun({From, To}, T) ->
            ?assertNotEqual({From, nomatch}, {From, string:find(T, From)}),
            lists:flatten(string:replace(T, From, To))
        end,
        Text,
        Changes
    ),
    File = filename:join(Folder, "an_actor.erl"),
    ok = file:write_file(File, Changed),
    case compile:file(File, [return, binary, debug_info]) of
        {ok, an_actor, _, Warnings} -> {ok, messages(Folder, Warnings)};
        {error, Errors, _} -> {error, messages(Folder, Errors)}
    end.

%% Paths are those of the folder.
messages(Folder, Found) ->
    [
        {
            Where, lists:flatten(
                string:replace(
                    unicode:characters_to_list(Module:format_error(What)), Folder ++ "/", "", all
                )
            )
        }
     || {_, InFile} <- Found, {Where, Module, What} <- InFile, Module =:= maty_transform
    ].
