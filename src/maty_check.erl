%% @doc Checks the handlers of compiled modules, from the command line.
%%
%% ```
%% erl -noshell -pa MATY/ebin -run maty_check main -extra [OPTION] FILE...
%% '''
%%
%% A file is a module's `.beam'; a folder stands for all in it. Modules that do not say
%% which roles they play are passed over. Their code, and that of the modules they call,
%% has to have debug information.
%%
%% <dl>
%% <dt>`--json'</dt><dd>one object for each finding, one a line</dd>
%% <dt>`--strict'</dt><dd>what cannot be known from the code is an error</dd>
%% </dl>
%%
%% The exit status is 0 if no handler is wrong, 1 if one is, and 2 if something could not
%% be checked at all.
-module(maty_check).

-export([main/0, main/1, beam/2, beams/2, report/2, format_error/1]).

-define(USAGE, "usage: maty_check [--json] [--strict] FILE...\n").

-type options() :: #{strict => boolean()}.

%% @doc As `main/1', with the arguments behind `-extra'.
-spec main() -> no_return().
main() ->
    main(init:get_plain_arguments()).

%% @doc Runs with arguments, and stops the node.
-spec main([string()]) -> no_return().
main(Arguments) ->
    {Flags, Files} = lists:partition(fun(Argument) -> lists:prefix("--", Argument) end, Arguments),
    case {Flags -- ["--json", "--strict"], Files} of
        {["--help" | _], _} ->
            io:put_chars(?USAGE),
            erlang:halt(0);
        {[], [_ | _]} ->
            Status = start_and_run(
                Files, lists:member("--json", Flags), #{strict => lists:member("--strict", Flags)}
            ),
            erlang:halt(Status);
        {[Flag | _], _} ->
            io:format(
                standard_error,
                "maty_check: unknown option ~ts; expected --json, --strict~n",
                [Flag]
            ),
            erlang:halt(2);
        {[], []} ->
            io:put_chars(standard_error, ?USAGE),
            erlang:halt(2)
    end.

start_and_run(Files, Json, Options) ->
    case application:ensure_all_started(maty) of
        {ok, _} ->
            report(beams(Files, Options), #{json => Json});
        {error, Reason} ->
            io:format(standard_error, "maty_check: maty cannot be started: ~tp~n", [Reason]),
            2
    end.

%% @doc Prints what was found, and what could not be checked. Returns an exit status: 0 if no
%% handler is wrong, 1 if one is, 2 if something could not be checked.
-spec report({[maty_handlers:finding()], [{file:filename(), term()}]}, #{json => boolean()}) ->
    0..2.
report({Findings, Failures}, Options) ->
    lists:foreach(
        fun({File, Reason}) ->
            io:format(standard_error, "~ts: ~ts~n", [File, format_error(Reason)])
        end,
        Failures
    ),
    Text =
        case Options of
            #{json := true} -> [[json(Finding), "\n"] || Finding <- Findings];
            #{} -> maty_handlers:format(Findings)
        end,
    io:put_chars(Text),
    case {Failures, [error || #{severity := error} <- Findings]} of
        {[_ | _], _} -> 2;
        {[], [_ | _]} -> 1;
        {[], []} -> 0
    end.

%% @doc The text of what keeps a module from being checked.
-spec format_error(term()) -> unicode:chardata().
format_error({bad_option, _} = Reason) -> maty_handlers:format_error(Reason);
format_error({no_debug_info, Module}) ->
    [maty_language:term(Module, maty_language:of_module(Module)), " has no debug information"];
format_error({no_beam, _}) -> "no compiled module";
format_error(no_beams) -> "no compiled module in this folder";
format_error(Other) -> io_lib:format("~tp", [Other]).

%% @doc Checks files and folders. Returns what was found, and what could not be checked.
-spec beams([file:filename()], options()) ->
    {[maty_handlers:finding()], [{file:filename(), term()}]}.
beams(Files, Options) ->
    Expanded = [{File, expand(File)} || File <- Files],
    All = lists:append([Beams || {_, Beams} <- Expanded]),
    Folders = lists:usort([filename:dirname(File) || File <- All]),
    ok = code:add_pathsz(Folders),
    Results = [{File, beam(File, Options)} || File <- All],
    {
        lists:append([Found || {_, {ok, Found}} <- Results]),
        [{Folder, no_beams} || {Folder, []} <- Expanded] ++
            [{File, Reason} || {File, {error, Reason}} <- Results]
    }.

expand(File) ->
    case filelib:is_dir(File) of
        true -> lists:sort(filelib:wildcard(filename:join(File, "*.beam")));
        false -> [File]
    end.

%% @doc Checks one compiled module. What cannot be known is a warning here, unless
%% `strict' makes it an error or the module is only to be warned of.
-spec beam(file:filename() | binary(), options()) ->
    {ok, [maty_handlers:finding()]} | {error, term()}.
beam(Beam, Options) ->
    case says_roles(Beam) of
        true ->
            case maty_code:from_beam(Beam) of
                {ok, Code} -> code(Code, Options);
                {error, Reason} -> {error, Reason}
            end;
        Other ->
            Other
    end.

says_roles(Beam) ->
    case beam_lib:chunks(Beam, [attributes]) of
        {ok, {_, [{attributes, Attributes}]}} ->
            lists:keymember(maty, 1, Attributes) orelse {ok, []};
        {error, beam_lib, Reason} ->
            {error, {no_beam, Reason}}
    end.

code(Code, Options) ->
    case maty_handlers:declared(Code) of
        {ok, #{check := off}, _} ->
            {ok, []};
        {ok, #{check := Level} = Declared, Line} ->
            Strict = Level =:= strict orelse maps:get(strict, Options, false),
            Found = maty_handlers:check(Code, Declared#{check := strict}, Line),
            {ok, [severity(Level, Strict, Finding) || Finding <- Found]};
        {error, Reason, _} ->
            {error, Reason};
        none ->
            {ok, []}
    end.

severity(_, false, #{class := <<"unknown">>} = Finding) -> Finding#{severity := warning};
severity(warn, _, Finding) -> Finding#{severity := warning};
severity(_, _, Finding) -> Finding.

%% A finding as a JSON object.
-spec json(maty_handlers:finding()) -> unicode:chardata().
json(#{severity := Severity, class := Class, text := Text, run := Run, notes := Notes} = Finding) ->
    [
        "{\"severity\":",
        string(atom_to_binary(Severity)),
        ",\"class\":",
        string(Class),
        place(Finding),
        ",\"text\":",
        string(Text),
        ",\"run\":",
        string(Run),
        ",\"notes\":[",
        lists:join(
            ",", [
                ["{", tl(place(Note)), ",\"text\":", string(T), "}"] || #{text := T} = Note <- Notes
            ]
        ),
        "]}"
    ].

place(#{source := Source, line := Line, column := Column}) ->
    [
        ",",
        "\"source\":",
        string(Source),
        ",\"line\":",
        integer_to_list(Line),
        ",\"column\":",
        integer_to_list(Column)
    ].

string(Text) ->
    [$", [character(C) || C <- unicode:characters_to_list(Text)], $"].

character($") -> "\\\"";
character($\\) -> "\\\\";
character(C) when C < 32 -> io_lib:format("\\u~4.16.0b", [C]);
character(C) -> C.
