%% @doc A parse transform that embeds a protocol in a module.
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
-module(maty_transform).

-export([parse_transform/2, format_error/1]).

%% @private
-spec parse_transform([erl_parse:abstract_form() | erl_parse:form_info()], [term()]) -> term().
parse_transform(Forms, _Options) ->
    case [Found || {attribute, _, maty_protocol, _} = Found <- Forms] of
        [] -> Forms;
        [Attribute] -> embed(Attribute, Forms);
        [_, {attribute, Where, _, _} | _] -> failed(Where, several, Forms)
    end.

embed({attribute, Where, maty_protocol, Source}, Forms) ->
    {ok, _} = application:ensure_all_started(maty),
    case maty_protocol:resolve(beside(Source, Forms)) of
        {ok, Protocol} -> add_function(Where, Protocol, Forms);
        {error, Reason} -> failed(Where, {protocol, Reason}, Forms)
    end.

beside({file, Path}, Forms) -> {file, beside_path(Path, Forms)};
beside({file, Path, Name}, Forms) -> {file, beside_path(Path, Forms), Name};
beside(Source, _Forms) -> Source.

beside_path(Path, Forms) ->
    [File | _] = [File || {attribute, _, file, {File, _}} <- Forms],
    filename:join(filename:dirname(File), Path).

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
    [File | _] = [File || {attribute, _, file, {File, _}} <- Forms],
    {error, [{File, [{Where, ?MODULE, Reason}]}], []}.

%% @private
-spec format_error(term()) -> unicode:chardata().
format_error(several) ->
    "a module can embed one protocol";
format_error({protocol, Reason}) ->
    ["the protocol is not accepted:\n", maty_protocol:format_error(Reason)].
