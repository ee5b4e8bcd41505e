%% @doc Protocols: from text to what an access point can be started with.
%%
%% ```
%% {ok, Protocol} = maty_protocol:from_file("two_buyer.scr"),
%% 'TwoBuyer' = maty_protocol:name(Protocol),
%% ['Buyer1', 'Buyer2', 'Seller'] = maty_protocol:roles(Protocol).
%% '''
%%
%% The checker is C and runs on a thread of the VM's own, never on a scheduler.
%% A protocol that it accepts is an image, a binary, that can be kept and sent.
-module(maty_protocol).

-include("maty_internal.hrl").

-export([from_file/1, from_file/2, from_string/1, from_string/2, from_module/1, resolve/1]).
-export([check_file/1, check_string/2, choose/2]).
-export([name/1, roles/1, image/1, from_image/1, transitions/3, format_error/1]).

-export_type([protocol/0, source/0, diagnostic/0, verdict/0, error_reason/0]).

-type protocol() :: #{name := atom(), image := binary()}.

%% What can be made a protocol: a file or a text, and the protocol's name if it
%% has more than one; a module that embeds a protocol; or a protocol.
-type source() ::
    {file, file:name_all()}
    | {file, file:name_all(), name()}
    | {string, unicode:chardata()}
    | {string, unicode:chardata(), name()}
    | module()
    | protocol().

-type name() :: atom() | binary() | string().

%% A finding of the checker. `run' is empty, or a numbered sequence of messages
%% that shows what goes wrong.
-type diagnostic() :: #{
    severity := error | note,
    class := binary(),
    line := non_neg_integer(),
    column := non_neg_integer(),
    length := non_neg_integer(),
    text := binary(),
    run := binary()
}.

%% What a text turned out to be: its protocols that are accepted, and what was
%% found. It is accepted as a whole if no diagnostic is an error.
-type verdict() :: #{
    source := binary(),
    text := binary(),
    accepted := boolean(),
    protocols := [protocol()],
    diagnostics := [diagnostic()]
}.

-type error_reason() ::
    {rejected, verdict()}
    | {no_protocol, #{name := name() | any, source := binary(), protocols := [atom()]}}
    | {file, #{path := file:name_all(), reason := file:posix() | badarg | terminated | system_limit}}
    | {not_text, #{source := binary()}}
    | {not_a_protocol, term()}
    | {engine, maty_error:status()}.

%% ----- Making protocols -----

%% @doc The only protocol of a file.
-spec from_file(file:name_all()) -> {ok, protocol()} | {error, error_reason()}.
from_file(Path) ->
    from_file(Path, any).

%% @doc The protocol of that name in a file.
-spec from_file(file:name_all(), name() | any) -> {ok, protocol()} | {error, error_reason()}.
from_file(Path, Name) ->
    choose(Name, check_file(Path)).

%% @doc The only protocol of a text.
-spec from_string(unicode:chardata()) -> {ok, protocol()} | {error, error_reason()}.
from_string(Text) ->
    from_string(Text, any).

%% @doc The protocol of that name in a text.
-spec from_string(unicode:chardata(), name() | any) -> {ok, protocol()} | {error, error_reason()}.
from_string(Text, Name) ->
    choose(Name, check_string("nofile", Text)).

%% @doc The protocol that a module embeds: what its function `maty_protocol/0'
%% returns. {@link maty_transform} writes that function for Erlang modules.
-spec from_module(module()) -> {ok, protocol()} | {error, error_reason()}.
from_module(Module) ->
    _ = code:ensure_loaded(Module),
    case erlang:function_exported(Module, maty_protocol, 0) of
        true -> resolve(Module:maty_protocol());
        false -> {error, {not_a_protocol, Module}}
    end.

%% @doc The protocol that a source stands for.
-spec resolve(source()) -> {ok, protocol()} | {error, error_reason()}.
resolve({file, Path}) -> from_file(Path);
resolve({file, Path, Name}) -> from_file(Path, Name);
resolve({string, Text}) -> from_string(Text);
resolve({string, Text, Name}) -> from_string(Text, Name);
resolve(#{name := _, image := _} = Protocol) -> {ok, Protocol};
resolve(Module) when is_atom(Module) -> from_module(Module);
resolve(Other) -> {error, {not_a_protocol, Other}}.

%% @doc Of what was checked, the protocol of that name, or with `any' the only one.
-spec choose(name() | any, {ok, verdict()} | {error, error_reason()}) ->
    {ok, protocol()} | {error, error_reason()}.
choose(Name, {ok, #{accepted := true, protocols := Protocols, source := Source}}) ->
    Wanted = [P || #{name := N} = P <- Protocols, Name =:= any orelse same_name(Name, N)],
    case Wanted of
        [Protocol] ->
            {ok, Protocol};
        _ ->
            Names = [N || #{name := N} <- Protocols],
            {error, {no_protocol, #{name => Name, source => Source, protocols => Names}}}
    end;
choose(_Name, {ok, Verdict}) ->
    {error, {rejected, Verdict}};
choose(_Name, {error, Reason}) ->
    {error, Reason}.

same_name(Name, Atom) when is_atom(Name) -> Name =:= Atom;
same_name(Name, Atom) -> unicode:characters_to_list(Name) =:= atom_to_list(Atom).

%% ----- Checking -----

%% @doc Checks a file, and says all that was found.
-spec check_file(file:name_all()) -> {ok, verdict()} | {error, error_reason()}.
check_file(Path) ->
    case file:read_file(Path) of
        {ok, Text} -> check_string(Path, Text);
        {error, Reason} -> {error, {file, #{path => Path, reason => Reason}}}
    end.

%% @doc Checks a text. The name is what errors call it.
-spec check_string(file:name_all(), unicode:chardata()) ->
    {ok, verdict()} | {error, error_reason()}.
check_string(Name, Chardata) ->
    Source = unicode:characters_to_binary(Name),
    %% A binary is checked as it is: the checker names the byte that is no UTF-8.
    Text =
        case is_binary(Chardata) of
            true -> Chardata;
            false -> unicode:characters_to_binary(Chardata)
        end,
    case is_binary(Text) andalso maty_engine:compile(Source, Text) of
        {error, Status} ->
            {error, {engine, Status}};
        {Result, {Diagnostics, Protocols}} ->
            {ok, #{
                source => Source,
                text => Text,
                accepted => Result =:= ok,
                protocols => [
                    #{name => binary_to_atom(ProtocolName, utf8), image => Image}
                 || {ProtocolName, Image} <- Protocols, Image =/= <<>>
                ],
                diagnostics => [diagnostic(Diagnostic) || Diagnostic <- Diagnostics]
            }};
        false ->
            {error, {not_text, #{source => Source}}}
    end.

diagnostic({Severity, Class, Line, Column, Length, Text, Run}) ->
    #{
        severity => element(Severity + 1, {error, note}),
        class => Class,
        line => Line,
        column => Column,
        length => Length,
        text => Text,
        run => Run
    }.

%% ----- Looking at protocols -----

-spec name(protocol()) -> atom().
name(#{name := Name}) ->
    Name.

%% @doc The image, for keeping; see {@link from_image/1}.
-spec image(protocol()) -> binary().
image(#{image := Image}) ->
    Image.

%% @doc A protocol from an image that was kept. It is verified.
-spec from_image(binary()) -> {ok, protocol()} | {error, error_reason()}.
from_image(Image) ->
    case maty_machine:load(Image) of
        {ok, _Number, #machine{protocol = Name}} -> {ok, #{name => Name, image => Image}};
        {error, Status} -> {error, {engine, Status}}
    end.

%% @doc The roles in the order of the protocol.
-spec roles(protocol()) -> [maty:role()].
roles(Protocol) ->
    [Name || #role{name = Name} <- maty_machine:roles(machine(Protocol))].

%% @doc The machine of a role: for each state, numbered from 0, its first one,
%% whether it sends, receives or is final, and what may be done in it.
-spec transitions(protocol(), maty:role(), non_neg_integer()) ->
    {send | 'receive' | final, [maty_machine:transition()]}.
transitions(Protocol, RoleName, Number) ->
    [#role{first_state = First} = Role] =
        [Role || #role{name = Name} = Role <- maty_machine:roles(machine(Protocol)), Name =:= RoleName],
    State = First + Number,
    {maty_machine:state(Role, State), maty_machine:transitions(Role, State)}.

machine(#{image := Image}) ->
    {ok, _Number, Machine} = maty_machine:load(Image),
    Machine.

%% ----- Errors as text -----

%% @doc The text of an error: for a protocol that is not accepted, each finding
%% with its place, the line of the source and a mark under it.
-spec format_error(error_reason() | term()) -> unicode:chardata().
format_error({rejected, #{source := Source, text := Text, diagnostics := Diagnostics}}) ->
    Lines = list_to_tuple(binary:split(Text, <<"\n">>, [global])),
    lists:join("\n", [format_diagnostic(Source, Lines, D) || D <- Diagnostics]);
format_error({no_protocol, #{name := any, source := Source, protocols := []}}) ->
    io_lib:format("~ts has no protocol", [Source]);
format_error({no_protocol, #{name := any, source := Source, protocols := Names}}) ->
    io_lib:format("~ts has several protocols, name one: ~ts", [Source, names(Names)]);
format_error({no_protocol, #{name := Name, source := Source, protocols := Names}}) ->
    io_lib:format("~ts has no protocol ~ts; it has ~ts", [Source, Name, names(Names)]);
format_error({file, #{path := Path, reason := Reason}}) ->
    io_lib:format("~ts: ~ts", [Path, file:format_error(Reason)]);
format_error({not_text, #{source := Source}}) ->
    io_lib:format("~ts: not Unicode text", [Source]);
format_error({not_a_protocol, Term}) ->
    io_lib:format(
        "~0tp is no protocol; expected {file, Path}, {file, Path, Name}, {string, Text}, "
        "{string, Text, Name}, a module that embeds a protocol, or a protocol",
        [Term]
    );
format_error({engine, Status}) ->
    io_lib:format("the engine says ~tp", [Status]);
format_error(Other) ->
    io_lib:format("~tp", [Other]).

names(Names) ->
    lists:join(", ", [atom_to_list(Name) || Name <- Names]).

format_diagnostic(Source, Lines, Diagnostic) ->
    #{severity := Severity, class := Class, line := Line, column := Column} = Diagnostic,
    #{length := Length, text := Text, run := Run} = Diagnostic,
    Kind =
        case Severity of
            error -> ["error[", Class, "]"];
            note -> "note"
        end,
    Head = io_lib:format("~ts:~b:~b: ~ts: ~ts", [Source, Line, Column, Kind, Text]),
    [Head, excerpt(Lines, Line, Column, Length), [["\n", Run] || Run =/= <<>>]].

excerpt(Lines, Line, Column, Length) when Line >= 1, Line =< tuple_size(Lines) ->
    Code = element(Line, Lines),
    Before = binary_part(Code, 0, min(max(Column - 1, 0), byte_size(Code))),
    %% Tabs stay tabs, so that the mark stands under what it means.
    Indent = [
        case Byte of
            $\t -> $\t;
            _ -> $\s
        end
     || <<Byte>> <= Before, Byte band 16#c0 =/= 16#80
    ],
    Marks = max(1, min(Length, byte_size(Code) - byte_size(Before))),
    ["\n  ", Code, "\n  ", Indent, lists:duplicate(Marks, $^)];
excerpt(_Lines, _Line, _Column, _Length) ->
    "".
