%% @doc A parse transform that embeds a protocol in a module, and checks the handlers
%% of an actor.
%%
%% ```
%% -module(two_buyer).
%% -compile({parse_transform, maty_transform}).
%% -maty_protocol({file, "two_buyer.scr"}).
%% '''
%%
%% The path is relative to the module's own file. The protocol is checked when
%% the module is compiled, and compiling fails where it is not accepted. The
%% module gets a function `maty_protocol/0'; its name can be given wherever a
%% protocol is wanted.
%%
%% ```
%% -module(seller).
%% -behaviour(maty_actor).
%% -compile({parse_transform, maty_transform}).
%% -maty([{protocol, two_buyer}, {role, 'Seller'}]).
%% '''
%%
%% Compiling fails where a handler does what the protocol does not allow its role; see
%% {@link maty_handlers} for what can be said there. A module that embeds the protocol may
%% be the same one. Of one whose source is in the same folder the source is read, so that
%% it does not matter which is compiled first; any other has to be compiled before.
-module(maty_transform).

-export([parse_transform/2, format_error/1]).

%% @private
-spec parse_transform([erl_parse:abstract_form() | erl_parse:form_info()], [term()]) -> term().
parse_transform(Forms, Options) ->
    case [Found || {attribute, _, maty_protocol, _} = Found <- Forms] of
        [] -> handlers(none, Forms, Options);
        [Attribute] -> embed(Attribute, Forms, Options);
        [_, {attribute, Where, _, _} | _] -> failed(Where, several, Forms)
    end.

embed({attribute, Where, maty_protocol, Source}, Forms, Options) ->
    {ok, _} = application:ensure_all_started(maty),
    {_, _, module, Module} = lists:keyfind(module, 3, Forms),
    %% A text goes by the module's name.
    case maty_protocol:resolve(beside(Source, Forms), maty_language:module(Module)) of
        {ok, Protocol} -> handlers(Protocol, add_function(Where, Protocol, Forms), Options);
        {error, Reason} -> failed(Where, {protocol, Reason}, Forms)
    end.

%% Checks the handlers, unless the module says nothing of roles, or cannot be read: then
%% the compiler says so.
handlers(Embedded, Forms, CompileOptions) ->
    case [Form || Form <- Forms, element(1, Form) =:= error] of
        [] ->
            Code = maty_code:from_forms(Forms, CompileOptions),
            case maty_handlers:declared(Code) of
                none -> Forms;
                {ok, #{roles := Roles} = Options, Line} ->
                    {ok, _} = application:ensure_all_started(maty),
                    Sources = [
                        {source(Protocol, Embedded, Code, CompileOptions), Role}
                     || {Protocol, Role} <- Roles
                    ],
                    findings(maty_handlers:check(Code, Options#{roles := Sources}, Line), Forms);
                {error, Reason, Line} -> failed(Line, {options, Reason}, Forms)
            end;
        _ ->
            Forms
    end.

%% The module may embed the protocol itself, and another one may not be compiled yet, or not
%% again: its source knows better.
source(Module, Protocol, #{module := Module}, _) when is_map(Protocol) ->
    Protocol;
source(Module, _, #{source := Source}, Options) when is_atom(Module) ->
    Folder = filename:dirname(Source),
    case said_in(filename:join(Folder, atom_to_list(Module) ++ ".erl"), Options) of
        %% A path is relative to the same folder.
        [{attribute, _, maty_protocol, Embedded}] when element(1, Embedded) =:= string ->
            case maty_protocol:resolve(Embedded, maty_language:module(Module)) of
                {ok, Resolved} -> Resolved;
                {error, Reason} -> {error, Reason}
            end;
        [{attribute, _, maty_protocol, Embedded}] ->
            Embedded;
        _ ->
            Module
    end;
source(Other, _, _, _) ->
    Other.

said_in(File, Options) ->
    Found = epp:parse_file(File, [
        {includes, [filename:dirname(File) | proplists:get_all_values(i, Options)]},
        {macros, [macro(Option) || Option <- Options, is_tuple(Option), element(1, Option) =:= d]}
    ]),
    case Found of
        {ok, Forms} -> [Form || {attribute, _, maty_protocol, _} = Form <- Forms];
        {error, _} -> []
    end.

macro({d, Name}) -> Name;
macro({d, Name, Value}) -> {Name, Value}.

findings(Findings, Forms) ->
    Errors = [Finding || #{severity := error} = Finding <- Findings],
    Warnings = [Finding || #{severity := warning} = Finding <- Findings],
    case {Errors, Warnings} of
        {[], []} -> Forms;
        {[], _} -> {warning, Forms, placed(Warnings, Forms)};
        _ -> {error, placed(Errors, Forms), placed(Warnings, Forms)}
    end.

placed(Findings, Forms) ->
    [
        {
            file(Forms), [{where(Finding), ?MODULE, {handlers, Finding}} || Finding <- Findings]
        } || Findings =/= []
    ].

where(#{line := 0}) -> none;
where(#{line := Line, column := 0}) -> Line;
where(#{line := Line, column := Column}) -> {Line, Column}.

file(Forms) ->
    [File | _] = [File || {attribute, _, file, {File, _}} <- Forms],
    File.

beside({file, Path}, Forms) -> {file, beside_path(Path, Forms)};
beside({file, Path, Name}, Forms) -> {file, beside_path(Path, Forms), Name};
beside(Source, _Forms) -> Source.

beside_path(Path, Forms) ->
    filename:join(filename:dirname(file(Forms)), Path).

add_function(Where, Protocol, Forms) ->
    Function =
        {function, Where, maty_protocol, 0, [
            {clause, Where, [], [], [erl_parse:abstract(Protocol, Where)]}
        ]},
    Export = {attribute, Where, export, [{maty_protocol, 0}]},
    {Before, [Module | After]} =
        lists:splitwith(fun(Form) -> not is_module(Form) end, Forms),
    {Body, End} = lists:splitwith(fun(Form) -> element(1, Form) =/= eof end, After),
    Before ++ [Module, Export | Body] ++ [Function | End].

is_module({attribute, _, module, _}) -> true;
is_module(_) -> false.

failed(Where, Reason, Forms) ->
    {error, [{file(Forms), [{Where, ?MODULE, Reason}]}], []}.

%% @private
-spec format_error(term()) -> unicode:chardata().
format_error(several) ->
    "a module can embed one protocol";
format_error({options, Reason}) ->
    maty_handlers:format_error(Reason);
format_error({handlers, #{class := Class, text := Text} = Finding}) ->
    Below = unicode:characters_to_list(maty_handlers:format(Finding, [])),
    ["[", Class, "] ", Text, [["\n", string:trim(Below, trailing)] || Below =/= ""]];
format_error({protocol, Reason}) ->
    ["the protocol is not accepted:\n", maty_protocol:format_error(Reason)].
