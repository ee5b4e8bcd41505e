%% @private
%% The abstract code of modules, and what can be told of a module without reading it.
%%
%% Erlang and Elixir are one case here: what a compiler keeps as debug information
%% can be asked for as Erlang's abstract code. A module is one of
%%
%%   plain    it never sends in a session: code of a library, or code that calls
%%            neither maty:send/2 nor, at any remove, a module that does;
%%   session  it may, and here is its code;
%%   opaque   it may, and nothing is known: it is not compiled yet, or was compiled
%%            in memory or without debug information.
%%
%% Code is looked up once in a cache that is handed on. A file is believed only if
%% it is the code that is loaded, or none is.
-module(maty_code).

-export([new/0, from_beam/1, from_forms/1, from_forms/2, classify/2, keep/2]).

-export_type([code/0, cache/0]).

-type code() :: #{
    module := module(),
    %% As the compiler was given it.
    source := string(),
    functions := #{{atom(), arity()} => {erl_anno:anno(), [erl_parse:abstract_clause()]}},
    exports := #{{atom(), arity()} => true} | all,
    specs := #{{atom(), arity()} => term()},
    attributes := [{atom(), erl_anno:anno(), term()}]
}.

-type cache() :: #{module() => plain | opaque | {session, code()}}.

%% Attribute of a module whose functions may send, though its calls do not show it.
-define(MARK, maty_session).

-spec new() -> cache().
new() ->
    #{}.

%% @doc The code in a compiled module: a file's name or the bytes.
-spec from_beam(file:name_all() | binary()) ->
    {ok, code()} | {error, {no_debug_info | no_beam, term()}}.
from_beam(Beam) ->
    case beam_lib:chunks(Beam, [debug_info, exports]) of
        {ok, {Module, [{debug_info, {debug_info_v1, Backend, Data}}, {exports, Exports}]}} ->
            case Backend:debug_info(erlang_v1, Module, with_columns(Backend, Data), []) of
                {ok, Forms} ->
                    Code = from_forms([placed(Form) || Form <- Forms]),
                    {ok, Code#{exports := maps:from_keys(Exports, true)}};
                {error, _} ->
                    {error, {no_debug_info, Module}}
            end;
        {ok, {Module, _}} ->
            {error, {no_debug_info, Module}};
        {error, beam_lib, Reason} ->
            {error, {no_beam, element(2, Reason)}}
    end.

%% Elixir keeps columns, if it is told to, but gives Erlang's code lines only. So a column
%% goes there and back as a part of the line.
-define(COLUMN, (1 bsl 24)).

with_columns(elixir_erl, {elixir_v1, #{definitions := Definitions} = Map, Specs}) ->
    {elixir_v1, Map#{definitions := [definition(Each) || Each <- Definitions]}, Specs};
with_columns(_, Data) ->
    Data.

definition({Name, Kind, Meta, Clauses}) ->
    {Name, Kind, Meta, [
        {in_line(Where), quoted(Arguments), quoted(Guards), quoted(Body)}
     || {Where, Arguments, Guards, Body} <- Clauses
    ]}.

quoted({Form, Meta, Arguments}) when is_list(Meta) ->
    {quoted(Form), in_line(Meta), quoted(Arguments)};
quoted({One, Other}) ->
    {quoted(One), quoted(Other)};
quoted([Head | Tail]) ->
    [quoted(Head) | quoted(Tail)];
quoted(Literal) ->
    Literal.

in_line(Meta) ->
    case {lists:keyfind(line, 1, Meta), lists:keyfind(column, 1, Meta)} of
        {{_, Line}, {_, Column}} ->
            lists:keyreplace(line, 1, Meta, {line, Line + Column * ?COLUMN});
        _ ->
            Meta
    end.

placed({function, Where, Name, Arity, Clauses}) ->
    {function, Where, Name, Arity, lined(place(Clauses), 0)};
placed(Form) ->
    Form.

place([Head | Tail]) ->
    [place(Head) | place(Tail)];
place(Tuple) when is_tuple(Tuple), is_integer(element(2, Tuple)), element(2, Tuple) >= ?COLUMN ->
    Where = {element(2, Tuple) rem ?COLUMN, element(2, Tuple) div ?COLUMN},
    parts(setelement(2, Tuple, Where));
place(Tuple) when is_tuple(Tuple) ->
    parts(Tuple);
place(Other) ->
    Other.

%% Behind the place of an expression are its parts.
parts({Kind, _, _} = Literal) when
    Kind =:= integer; Kind =:= atom; Kind =:= string; Kind =:= float; Kind =:= char; Kind =:= var
->
    Literal;
parts(Tuple) ->
    list_to_tuple([place(Element) || Element <- tuple_to_list(Tuple)]).

%% Elixir keeps no line of literals. An expression of a body without one has that of what
%% stands before it.
lined({clause, Where, Patterns, Guard, Body}, Line) ->
    {clause, Where, Patterns, Guard, body(Body, line_of(Where, Line))};
lined({block, Where, Body}, Line) ->
    {block, Where, body(Body, line_of(Where, Line))};
lined([Head | Tail], Line) ->
    [lined(Head, Line) | lined(Tail, Line)];
lined(Tuple, Line) when is_tuple(Tuple), tuple_size(Tuple) > 2 ->
    Known = line_of(element(2, Tuple), Line),
    list_to_tuple([lined(Element, Known) || Element <- tuple_to_list(Tuple)]);
lined(Other, _) ->
    Other.

body([], _) ->
    [];
body([Expression | Rest], Line) ->
    Known = line_of(element(2, Expression), Line),
    Placed =
        case line_of(element(2, Expression), 0) of
            0 -> setelement(2, Expression, Known);
            _ -> Expression
        end,
    [lined(Placed, Known) | body(Rest, Known)].

line_of(Where, Otherwise) ->
    case erl_anno:is_anno(Where) andalso erl_anno:line(Where) of
        false -> Otherwise;
        0 -> Otherwise;
        Line -> Line
    end.

%% @doc The code of a module that is being compiled.
-spec from_forms([erl_parse:abstract_form() | erl_parse:form_info()]) -> code().
from_forms(Forms) ->
    from_forms(Forms, []).

%% @doc The same, with the options of the compiler.
-spec from_forms([erl_parse:abstract_form() | erl_parse:form_info()], [term()]) -> code().
from_forms(Forms, Options) ->
    Attributes = [{Name, Where, Value} || {attribute, Where, Name, Value} <- Forms],
    {_, _, Module} = lists:keyfind(module, 1, Attributes),
    {_, _, {Source, _}} = find(file, Attributes, {file, 0, {atom_to_list(Module), 1}}),
    #{
        module => Module,
        source => Source,
        functions => maps:from_list([
            {{Name, Arity}, {Where, Clauses}}
         || {function, Where, Name, Arity, Clauses} <- Forms
        ]),
        exports => exports(Attributes, Options),
        specs => maps:from_list([
            {{Name, Arity}, hd(Types)}
         || {spec, _, {{Name, Arity}, Types}} <- Attributes
        ]),
        attributes => Attributes
    }.

find(Key, List, Default) ->
    case lists:keyfind(Key, 1, List) of
        false -> Default;
        Found -> Found
    end.

exports(Attributes, Options) ->
    Own = lists:flatten([Value || {compile, _, Value} <- Attributes]),
    case lists:member(export_all, Own ++ Options) of
        true -> all;
        false -> maps:from_keys(lists:append([Names || {export, _, Names} <- Attributes]), true)
    end.

%% @doc Keeps the bytes of a module that may have no file.
-spec keep(module(), binary()) -> ok.
keep(Module, Bytes) ->
    persistent_term:put({?MODULE, Module}, Bytes).

%% @doc What a module is.
-spec classify(module(), cache()) -> {plain | opaque | {session, code()}, cache()}.
classify(Module, Cache) when is_map_key(Module, Cache) ->
    {maps:get(Module, Cache), Cache};
classify(Module, Cache) ->
    case persistent_term:get({?MODULE, Module}, none) of
        none -> classify_file(Module, code:which(Module), Cache);
        Bytes -> classify_beam(Module, same(Module, Bytes), Cache)
    end.

classify_file(Module, preloaded, Cache) ->
    {plain, Cache#{Module => plain}};
classify_file(Module, [_ | _] = Path, Cache) ->
    case lists:any(fun(Root) -> lists:prefix(Root, Path) end, roots()) of
        true -> {plain, Cache#{Module => plain}};
        false -> classify_beam(Module, same(Module, Path), Cache)
    end;
classify_file(Module, _, Cache) ->
    {opaque, Cache#{Module => opaque}}.

classify_beam(Module, none, Cache) ->
    {opaque, Cache#{Module => opaque}};
classify_beam(Module, Beam, Cache) ->
    {ok, {_, [{imports, Imports}, {attributes, Attributes}]}} =
        beam_lib:chunks(Beam, [imports, attributes]),
    %% Modules that call each other are plain if nothing else is found.
    {Sends, Known} = may_send(Imports, Attributes, Cache#{Module => plain}),
    Class =
        case Sends andalso from_beam(Beam) of
            false -> plain;
            {ok, Code} -> {session, Code};
            {error, _} -> opaque
        end,
    {Class, Known#{Module => Class}}.

may_send(Imports, Attributes, Cache) ->
    Own = lists:any(fun is_send/1, Imports) orelse lists:keymember(?MARK, 1, Attributes),
    case Own of
        true -> {true, Cache};
        false -> calls_sender(lists:usort([M || {M, _, _} <- Imports]), Cache)
    end.

is_send({maty, send, 2}) -> true;
is_send({'Elixir.Maty', send, 2}) -> true;
is_send(_) -> false.

%% An unknown module that is called by another makes that one unknown as well only
%% if it is the one that is asked for; else every module would be.
calls_sender([], Cache) ->
    {false, Cache};
calls_sender([Module | Modules], Cache) ->
    case classify(Module, Cache) of
        {{session, _}, Known} -> {true, Known};
        {_, Known} -> calls_sender(Modules, Known)
    end.

%% Where Erlang's and Elixir's own modules are, and Maty's.
roots() ->
    Own = [Path || Module <- [?MODULE, 'Elixir.Kernel'], [_ | _] = Path <- [code:which(Module)]],
    [code:lib_dir() | [filename:dirname(filename:dirname(Path)) ++ "/" || Path <- Own]].

%% A module's code, if it is what is loaded, or none is.
same(Module, Beam) ->
    case {erlang:module_loaded(Module), beam_lib:md5(Beam)} of
        {false, {ok, _}} ->
            Beam;
        {true, {ok, {_, Digest}}} ->
            case Module:module_info(md5) of
                Digest -> Beam;
                _ -> none
            end;
        {_, {error, _, _}} ->
            none
    end.
