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

-export([from_file/1, from_file/2, from_string/1, from_string/2, from_string/3]).
-export([from_module/1, resolve/1, resolve/2]).
-export([check_file/1, check_file/2, check_string/2, check_string/3, choose/2]).
-export([name/1, roles/1, image/1, from_image/1, machine/2]).
-export([explore/1, explore/2, compatible/2, compatible/3, compare/2, subtype/2]).
-export([machine_text/3, diagram/3, drawing/3, format/1, format/2, skeleton/4, skeleton/5]).
-export([format_error/1]).

-export_type([protocol/0, source/0, options/0, diagnostic/0, verdict/0, error_reason/0]).
-export_type([exploration/0, effort/0, difference/0]).

-type protocol() :: #{name := atom(), image := binary()}.

%% What can be made a protocol: a file or a text, with the protocol's name if it
%% has more than one or with options; a module that embeds a protocol; or a
%% protocol.
-type source() ::
    {file, file:name_all()}
    | {file, file:name_all(), name() | options()}
    | {string, unicode:chardata()}
    | {string, unicode:chardata(), name() | options()}
    | module()
    | protocol().

-type name() :: atom() | binary() | string().

%% How a text is read and checked. `protocol' is the one that is wanted of
%% several. `dialect' is Maty's own unless given. `choice' says which endless runs
%% count (`unfair': whoever chooses may take one branch for ever); each dialect
%% has its own default. `path' are the folders that imports are looked for in,
%% after the text's own. `form' is `machines' or `cfsm' where the text is a set of
%% machines and not a protocol.
-type options() :: #{
    protocol => name() | any,
    dialect => maty | scribble | nuscr,
    choice => fair | unfair,
    path => [file:name_all()],
    form => protocol | machines | cfsm
}.

%% A finding of the checker. `class' is the rule that is broken. `run' is empty,
%% or the message sequences that show it, as text; `parts' are the same as data,
%% and `sequence' as a Mermaid diagram.
-type diagnostic() :: maty_checker:diagnostic().

%% What a text turned out to be: its protocols that are accepted, and what was
%% found. It is accepted as a whole if no diagnostic is an error. `sources' are
%% the texts that were read, itself included, by the names that diagnostics have
%% for them.
-type verdict() :: #{
    source := binary(),
    sources := #{binary() => binary()},
    accepted := boolean(),
    protocols := [protocol()],
    diagnostics := [diagnostic()]
}.

%% What looking at machines came to, with the number of states found, and of
%% bytes that they took. `limit': a bound was reached before anything wrong was
%% found.
-type exploration() :: maty_checker:exploration().

%% What an exploration may take: `bound' messages under way from one role to
%% another (1), at most `max_states' (0: the engine's own limit), `timeout' in
%% milliseconds (5000; 0: none). `choice' is fair unless given. `safety_only'
%% leaves out what needs endless runs, `whole' looks at every order of steps.
%% Explorations share the VM's async threads (`+A') with all other questions to
%% the checker, so one without a timeout keeps others waiting.
-type effort() :: #{
    bound => pos_integer(),
    max_states => non_neg_integer(),
    timeout => non_neg_integer(),
    choice => fair | unfair,
    safety_only => boolean(),
    whole => boolean()
}.

%% Why a role of a new version cannot take the place of that of the old one;
%% `unknown' if it cannot be told.
-type difference() :: added | removed | {incompatible | unknown, [diagnostic()]}.

-type error_reason() ::
    {rejected, verdict()}
    | {no_protocol, #{name := name() | any, source := binary(), protocols := [atom()]}}
    | {no_role, #{role := term(), protocol := atom(), roles := [maty:role()]}}
    | {file, #{
        path := file:name_all(), reason := file:posix() | badarg | terminated | system_limit
    }}
    | {not_text, #{source := binary()}}
    | {not_a_protocol, term()}
    | {incompatible, [{maty:role(), difference()}]}
    | {unknown_option, term(), [atom()]}
    | {bad_option, atom(), term(), Expected :: string()}
    | {engine, maty_error:status()}.

%% ----- Making protocols -----

%% @doc The only protocol of a file.
-spec from_file(file:name_all()) -> {ok, protocol()} | {error, error_reason()}.
from_file(Path) ->
    from_file(Path, any).

%% @doc The protocol of that name in a file, or as the options say.
-spec from_file(file:name_all(), name() | any | options()) ->
    {ok, protocol()} | {error, error_reason()}.
from_file(Path, Options) when is_map(Options) ->
    choose(maps:get(protocol, Options, any), check_file(Path, Options));
from_file(Path, Name) ->
    from_file(Path, #{protocol => Name}).

%% @doc The only protocol of a text.
-spec from_string(unicode:chardata()) -> {ok, protocol()} | {error, error_reason()}.
from_string(Text) ->
    from_string(Text, any).

%% @doc The protocol of that name in a text, or as the options say.
-spec from_string(unicode:chardata(), name() | any | options()) ->
    {ok, protocol()} | {error, error_reason()}.
from_string(Text, Options) ->
    from_string(Text, Options, "nofile").

%% @doc The same, with what errors call the text.
-spec from_string(unicode:chardata(), name() | any | options(), file:name_all()) ->
    {ok, protocol()} | {error, error_reason()}.
from_string(Text, Options, Called) when is_map(Options) ->
    choose(maps:get(protocol, Options, any), check_string(Called, Text, Options));
from_string(Text, Name, Called) ->
    from_string(Text, #{protocol => Name}, Called).

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
resolve(Source) -> resolve(Source, "nofile").

%% @private
%% The same, with what errors call a text.
-spec resolve(source(), file:name_all()) -> {ok, protocol()} | {error, error_reason()}.
resolve({file, Path}, _) -> from_file(Path);
resolve({file, Path, Name}, _) -> from_file(Path, Name);
resolve({string, Text}, Called) -> from_string(Text, any, Called);
resolve({string, Text, Name}, Called) -> from_string(Text, Name, Called);
resolve(#{name := _, image := _} = Protocol, _) -> {ok, Protocol};
resolve(Module, _) when is_atom(Module) -> from_module(Module);
resolve(Other, _) -> {error, {not_a_protocol, Other}}.

%% @doc Of what was checked, the protocol of that name, or with `any' the only one.
-spec choose(name() | any, {ok, verdict()} | {error, error_reason()}) ->
    {ok, protocol()} | {error, error_reason()}.
choose(Name, {ok, #{accepted := true, protocols := Protocols} = Verdict}) ->
    case choose_name(Name, [N || #{name := N} <- Protocols], Verdict) of
        {ok, Chosen} -> {ok, hd([P || #{name := N} = P <- Protocols, N =:= Chosen])};
        {error, Reason} -> {error, Reason}
    end;
choose(_Name, {ok, Verdict}) ->
    {error, {rejected, Verdict}};
choose(_Name, {error, Reason}) ->
    {error, Reason}.

choose_name(Name, Names, #{source := Source}) ->
    case [N || N <- Names, Name =:= any orelse same_name(Name, N)] of
        [Chosen] -> {ok, Chosen};
        _ -> {error, {no_protocol, #{name => Name, source => Source, protocols => Names}}}
    end.

same_name(Name, Atom) when is_atom(Name) -> Name =:= Atom;
same_name(Name, Atom) -> unicode:characters_to_list(Name) =:= atom_to_list(Atom).

%% ----- Checking -----

%% @doc Checks a file, and says all that was found.
-spec check_file(file:name_all()) -> {ok, verdict()} | {error, error_reason()}.
check_file(Path) ->
    check_file(Path, #{}).

-spec check_file(file:name_all(), options()) -> {ok, verdict()} | {error, error_reason()}.
check_file(Path, Options) ->
    case read(Path) of
        {ok, Text} -> check_string(Path, Text, Options);
        {error, Reason} -> {error, Reason}
    end.

%% @doc Checks a text. The name is what errors call it; imports are looked for
%% beside the file of that name.
-spec check_string(file:name_all(), unicode:chardata()) ->
    {ok, verdict()} | {error, error_reason()}.
check_string(Name, Text) ->
    check_string(Name, Text, #{}).

-spec check_string(file:name_all(), unicode:chardata(), options()) ->
    {ok, verdict()} | {error, error_reason()}.
check_string(Name, Text, Options) ->
    case source(Name, Text, Options) of
        {ok, Source} -> verdict(Source, maty_checker:check(Source));
        {error, Reason} -> {error, Reason}
    end.

verdict(_Source, {error, Status}) ->
    {error, {engine, Status}};
verdict(#{name := Name, text := Text}, {Status, Diagnostics, Protocols, Imports}) ->
    {ok, #{
        source => Name,
        sources => maps:from_list([{Name, Text} | [{N, T} || {_Module, N, T} <- Imports]]),
        accepted => Status =:= ok,
        protocols => [
            #{name => binary_to_atom(ProtocolName, utf8), image => Image}
         || {ProtocolName, Image} <- Protocols, Image =/= <<>>
        ],
        diagnostics => Diagnostics
    }}.

read(Path) ->
    case file:read_file(Path) of
        {ok, Text} -> {ok, Text};
        {error, Reason} -> {error, {file, #{path => Path, reason => Reason}}}
    end.

source(Path, Chardata, Options) ->
    Name = unicode:characters_to_binary(Path),
    %% A binary is checked as it is: the checker names the byte that is no UTF-8.
    Text =
        case is_binary(Chardata) of
            true -> Chardata;
            false -> to_binary(Chardata)
        end,
    case check_options(Options, text_options()) of
        ok when is_binary(Text) ->
            {ok, #{name => Name, text => Text, settings => Options}};
        ok ->
            {error, {not_text, #{source => Name}}};
        {error, Reason} ->
            {error, Reason}
    end.

to_binary(Chardata) ->
    try
        unicode:characters_to_binary(Chardata)
    catch
        error:badarg -> error
    end.

%% Each option with a test of its values, and what they can be.
text_options() ->
    #{
        protocol => {fun(N) -> is_atom(N) orelse is_list(N) orelse is_binary(N) end, "a name"},
        dialect => one_of([maty, scribble, nuscr]),
        choice => one_of([fair, unfair]),
        path => {fun is_list/1, "a list of folders"},
        form => one_of([protocol, machines, cfsm])
    }.

effort_options() ->
    Count = {
        fun(N) -> is_integer(N) andalso N >= 0 andalso N < 1 bsl 32 end, "a number, 0 or more"
    },
    Flag = one_of([true, false]),
    #{
        bound => {
            fun(N) -> is_integer(N) andalso N > 0 andalso N < 1 bsl 32 end, "a number, 1 or more"
        },
        max_states => Count,
        timeout => Count,
        choice => one_of([fair, unfair]),
        safety_only => Flag,
        whole => Flag
    }.

one_of(Values) ->
    {
        fun(Value) -> lists:member(Value, Values) end,
        lists:flatten(lists:join(" or ", [atom_to_list(V) || V <- Values]))
    }.

%% For an argument, as for an option.
one_of(What, Value, Values, Fun) ->
    {Test, Expected} = one_of(Values),
    case Test(Value) of
        true -> Fun();
        false -> {error, {bad_option, What, Value, Expected}}
    end.

check_options(Options, Known) ->
    case maty_options:check(Options, maps:map(fun(_, _) -> optional end, Known)) of
        ok ->
            Bad = [
                {error, {bad_option, Key, Value, Expected}}
             || {Key, Value} <- lists:sort(maps:to_list(Options)),
                {Test, Expected} <- [maps:get(Key, Known)],
                not Test(Value)
            ],
            hd(Bad ++ [ok]);
        {error, Reason} ->
            {error, Reason}
    end.

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
    case load(#{image => Image}) of
        {ok, #machine{protocol = Name}} -> {ok, #{name => Name, image => Image}};
        {error, Reason} -> {error, Reason}
    end.

%% @doc The roles in the order of the protocol. Raises `{engine, _}' if it cannot be
%% loaded, as for want of memory.
-spec roles(protocol()) -> [maty:role()].
roles(Protocol) ->
    [Name || #role{name = Name} <- maty_machine:roles(machine(Protocol))].

%% @doc The machine of a role as data: its states in order, the first one initial,
%% each with its phase and what may be done in it; a target counts from 0. Raises
%% `{no_role, _}' if the protocol does not have the role, and `{engine, _}' if it
%% cannot be loaded, as for want of memory.
-spec machine(protocol(), maty:role()) ->
    [{send | 'receive' | final, [maty_machine:transition()]}].
machine(Protocol, Role) ->
    case with_role(Protocol, Role, fun(Index) -> maty_machine:role(machine(Protocol), Index) end) of
        #role{states = States} -> tuple_to_list(States);
        {error, Reason} -> error(Reason)
    end.

machine(Protocol) ->
    case load(Protocol) of
        {ok, Machine} -> Machine;
        {error, Reason} -> error(Reason)
    end.

load(#{image := Image}) ->
    case maty_machine:load(Image) of
        {ok, _Number, Machine} -> {ok, Machine};
        {error, Status} -> {error, {engine, Status}}
    end.

%% ----- Looking at machines -----

%% @doc Runs the machines of a protocol against one another in every order, and
%% says what can go wrong: a second opinion on an accepted protocol, and the first
%% one on machines that were written by hand.
-spec explore(protocol()) -> {ok, exploration()} | {error, error_reason()}.
explore(Protocol) ->
    explore(Protocol, #{}).

-spec explore(protocol(), effort()) -> {ok, exploration()} | {error, error_reason()}.
explore(Protocol, Effort) ->
    explore(explore, Protocol, maps:merge(#{bound => 1}, Effort)).

explore(What, #{image := Image}, Effort) ->
    case check_options(Effort, effort_options()) of
        ok -> engine(maty_checker:explore(What, Image, maps:merge(#{timeout => 5000}, Effort)));
        {error, Reason} -> {error, Reason}
    end.

%% @doc Looks for the least `k' up to the one given for which the machines are
%% `k'-multiparty compatible: then they are safe whatever the size of their
%% queues. It is the exploration's `bound'.
-spec compatible(protocol(), pos_integer()) -> {ok, exploration()} | {error, error_reason()}.
compatible(Protocol, Most) ->
    compatible(Protocol, Most, #{}).

-spec compatible(protocol(), pos_integer(), effort()) ->
    {ok, exploration()} | {error, error_reason()}.
compatible(Protocol, Most, Effort) ->
    explore(compatible, Protocol, Effort#{bound => Most}).

%% @doc Whether the first role's machine can stand wherever the second's is
%% expected. If not, the diagnostics show where they differ.
-spec subtype({protocol(), maty:role()}, {protocol(), maty:role()}) ->
    {ok, exploration()} | {error, error_reason()}.
subtype({#{image := Sub} = SubProtocol, SubRole}, {#{image := Super} = SuperProtocol, SuperRole}) ->
    with_role(SubProtocol, SubRole, fun(SubIndex) ->
        with_role(SuperProtocol, SuperRole, fun(SuperIndex) ->
            engine(maty_checker:subtype({Sub, SubIndex}, {Super, SuperIndex}))
        end)
    end).

%% @doc A new version of a protocol against the old one, role by role: whether an
%% actor that plays the role in the new version can take its place in the old one.
-spec compare(Old :: protocol(), New :: protocol()) ->
    {ok, [{maty:role(), compatible | difference()}]}
    | {error, error_reason()}.
compare(Old, New) ->
    case {load(Old), load(New)} of
        {{ok, _}, {ok, _}} ->
            OldRoles = roles(Old),
            NewRoles = roles(New),
            compare(Old, New, NewRoles, OldRoles ++ (NewRoles -- OldRoles), []);
        {{error, Reason}, _} ->
            {error, Reason};
        {_, {error, Reason}} ->
            {error, Reason}
    end.

compare(_Old, _New, _NewRoles, [], Compared) ->
    {ok, lists:reverse(Compared)};
compare(Old, New, NewRoles, [Role | Roles], Compared) ->
    case {lists:member(Role, NewRoles), lists:member(Role, roles(Old))} of
        {false, true} ->
            compare(Old, New, NewRoles, Roles, [{Role, removed} | Compared]);
        {true, false} ->
            compare(Old, New, NewRoles, Roles, [{Role, added} | Compared]);
        {true, true} ->
            case subtype({New, Role}, {Old, Role}) of
                {ok, Found} ->
                    compare(Old, New, NewRoles, Roles, [{Role, compared(Found)} | Compared]);
                {error, Reason} -> {error, Reason}
            end
    end.

compared(#{outcome := ok}) -> compatible;
compared(#{outcome := wrong, diagnostics := Diagnostics}) -> {incompatible, Diagnostics};
compared(#{outcome := limit, diagnostics := Diagnostics}) -> {unknown, Diagnostics}.

with_role(Protocol, Role, Fun) ->
    case load(Protocol) of
        {ok, #machine{role_index = #{Role := Index}}} ->
            Fun(Index);
        {ok, _} ->
            {error,
                {no_role, #{role => Role, protocol => name(Protocol), roles => roles(Protocol)}}};
        {error, Reason} ->
            {error, Reason}
    end.

engine({error, Status}) -> {error, {engine, Status}};
engine({ok, Text}) -> {ok, Text};
engine(Found) -> {ok, Found}.

%% ----- Writing and drawing -----

%% @doc The machine of a role, or of all, as text: in Maty's notation, or in the
%% one of tools for communicating finite-state machines.
-spec machine_text(protocol(), maty:role() | all, machines | cfsm) ->
    {ok, binary()} | {error, error_reason()}.
machine_text(#{image := Image} = Protocol, Role, Format) ->
    Write = fun(Roles) -> engine(maty_checker:machines(Image, Roles, Format)) end,
    one_of(format, Format, [machines, cfsm], fun() ->
        case Role of
            all -> Write(all);
            _ -> with_role(Protocol, Role, Write)
        end
    end).

%% @doc The machine of a role as a diagram.
-spec diagram(protocol(), maty:role(), graphviz | mermaid) ->
    {ok, binary()} | {error, error_reason()}.
diagram(#{image := Image} = Protocol, Role, Diagram) ->
    Draw = fun(Index) -> engine(maty_checker:draw_role(Image, Index, Diagram)) end,
    one_of(format, Diagram, [graphviz, mermaid], fun() -> with_role(Protocol, Role, Draw) end).

%% @doc A protocol of a file as a whole, as a diagram: its states, or the sequence
%% of its messages. It need not be accepted, but has to be readable.
-spec drawing(file:name_all(), graphviz | mermaid | sequence, options()) ->
    {ok, binary()} | {error, error_reason()}.
drawing(Path, Diagram, Options) ->
    one_of(format, Diagram, [graphviz, mermaid, sequence], fun() ->
        case read(Path) of
            {ok, Text} -> drawing(Path, Text, Diagram, Options);
            {error, Reason} -> {error, Reason}
        end
    end).

drawing(Path, Text, Diagram, Options) ->
    case source(Path, Text, Options) of
        {ok, Source} ->
            Checked = maty_checker:check(Source),
            case {verdict(Source, Checked), Checked} of
                {{ok, Verdict}, {_, _, Protocols, Imports}} ->
                    Names = [binary_to_atom(Name, utf8) || {Name, _} <- Protocols],
                    case choose_name(maps:get(protocol, Options, any), Names, Verdict) of
                        {ok, Name} ->
                            Drawn = maty_checker:draw(
                                Source, Imports, atom_to_binary(Name, utf8), Diagram
                            ),
                            drawn(Drawn, Verdict);
                        {error, Reason} ->
                            {error, Reason}
                    end;
                {{error, Reason}, _} ->
                    {error, Reason}
            end;
        {error, Reason} ->
            {error, Reason}
    end.

drawn({error, rejected}, Verdict) -> {error, {rejected, Verdict}};
drawn(Drawn, _Verdict) -> engine(Drawn).

%% @doc The text of a file in the one layout; what it says stays the same.
-spec format(file:name_all()) -> {ok, binary()} | {error, error_reason()}.
format(Path) ->
    format(Path, #{}).

-spec format(file:name_all(), options()) -> {ok, binary()} | {error, error_reason()}.
format(Path, Options) ->
    case read(Path) of
        {ok, Text} -> format(Path, Text, Options);
        {error, Reason} -> {error, Reason}
    end.

format(Path, Text, Options) ->
    case source(Path, Text, Options) of
        {ok, Source} ->
            case maty_checker:format(Source) of
                {error, rejected} ->
                    case check_string(Path, Text, Options) of
                        {ok, Verdict} -> {error, {rejected, Verdict}};
                        {error, Reason} -> {error, Reason}
                    end;
                Formatted ->
                    engine(Formatted)
            end;
        {error, Reason} ->
            {error, Reason}
    end.

%% @doc The text of a module that plays a role.
-spec skeleton(protocol(), maty:role(), elixir | erlang, module()) ->
    {ok, binary()} | {error, error_reason()}.
skeleton(Protocol, Role, Language, Module) ->
    skeleton(Protocol, Role, Language, Module, "").

%% @doc The same, and checked when it is compiled: the file is that of the protocol, as
%% it is seen from the module's folder.
-spec skeleton(protocol(), maty:role(), elixir | erlang, module(), file:name_all()) ->
    {ok, binary()} | {error, error_reason()}.
skeleton(#{image := Image} = Protocol, Role, Language, Module, File) ->
    Beside = unicode:characters_to_binary(File),
    one_of(language, Language, [elixir, erlang], fun() ->
        Name = module_name(Language, atom_to_binary(Module, utf8)),
        with_role(Protocol, Role, fun(Index) ->
            engine(maty_checker:skeleton(Image, Index, Language, Name, Beside))
        end)
    end).

module_name(elixir, Name) -> iolist_to_binary(string:replace(Name, "Elixir.", ""));
module_name(erlang, Name) -> Name.

%% ----- Errors as text -----

%% @doc The text of an error: for a protocol that is not accepted, each finding
%% with its place, the line of the source and a mark under it.
-spec format_error(error_reason() | term()) -> unicode:chardata().
format_error({rejected, #{sources := Sources, diagnostics := Diagnostics}}) ->
    Lines = maps:map(
        fun(_Name, Text) -> list_to_tuple(binary:split(Text, <<"\n">>, [global])) end, Sources
    ),
    lists:join("\n", [format_diagnostic(Lines, D) || D <- Diagnostics]);
format_error({no_protocol, #{name := any, source := Source, protocols := []}}) ->
    io_lib:format("~ts has no protocol", [Source]);
format_error({no_protocol, #{name := any, source := Source, protocols := Names}}) ->
    io_lib:format("~ts has several protocols, name one: ~ts", [Source, names(Names)]);
format_error({no_protocol, #{name := Name, source := Source, protocols := Names}}) ->
    io_lib:format("~ts has no protocol ~ts; it has ~ts", [Source, Name, names(Names)]);
format_error({no_role, #{role := Role, protocol := Protocol, roles := Roles}}) ->
    io_lib:format("~ts has no role ~0tp; it has ~ts", [Protocol, Role, names(Roles)]);
format_error({unknown_option, Option, Known}) ->
    io_lib:format("unknown option ~0tp; the options are ~ts", [Option, names(Known)]);
format_error({bad_option, Option, Value, Expected}) ->
    io_lib:format("the option ~ts is ~0tp; expected ~ts", [Option, Value, Expected]);
format_error({file, #{path := Path, reason := badarg}}) ->
    io_lib:format("~0tp is no path of a file", [Path]);
format_error({file, #{path := Path, reason := Reason}}) ->
    io_lib:format("~ts: ~ts", [Path, file:format_error(Reason)]);
format_error({not_text, #{source := Source}}) ->
    io_lib:format("~ts: not Unicode text", [Source]);
format_error({not_a_protocol, Term}) ->
    case is_atom(Term) andalso names_protocol(Term) of
        true ->
            io_lib:format(
                "~tp has -maty_protocol, and was compiled without "
                "-compile({parse_transform, maty_transform})",
                [Term]
            );
        false ->
            io_lib:format(
                "~0tp is no protocol; expected {file, Path}, {file, Path, Name}, {string, Text}, "
                "{string, Text, Name}, a module that embeds a protocol, or a protocol",
                [Term]
            )
    end;
format_error({incompatible, Differences}) ->
    [
        "actors of the new version cannot stand in for those of the old one:"
        | [["\n", format_difference(Role, Difference)] || {Role, Difference} <- Differences]
    ];
format_error({engine, Status}) ->
    maty_error:format_status(Status);
format_error({image_not_loaded, Status}) ->
    ["the protocol could not be loaded: ", maty_error:format_status(Status)];
format_error(no_memory) ->
    maty_error:format_status(no_memory);
format_error(maty_not_started) ->
    "the application maty is not started";
format_error(Other) ->
    io_lib:format("~tp", [Other]).

%% Whether a module has the attribute, which without the parse transform does nothing.
names_protocol(Module) ->
    try Module:module_info(attributes) of
        Attributes -> lists:keymember(maty_protocol, 1, Attributes)
    catch
        error:undef -> false
    end.

format_difference(Role, added) ->
    io_lib:format("~ts is not in the old one", [Role]);
format_difference(Role, removed) ->
    io_lib:format("~ts is not in the new one", [Role]);
format_difference(Role, {incompatible, Diagnostics}) ->
    [
        io_lib:format("~ts differs", [Role])
        | [["\n", format_diagnostic(#{}, D)] || D <- Diagnostics]
    ];
format_difference(Role, {unknown, Diagnostics}) ->
    [
        io_lib:format("~ts: cannot be told", [Role])
        | [["\n", format_diagnostic(#{}, D)] || D <- Diagnostics]
    ].

names(Names) ->
    lists:join(", ", [atom_to_list(Name) || Name <- Names]).

format_diagnostic(Sources, Diagnostic) ->
    #{severity := Severity, class := Class, source := Source} = Diagnostic,
    #{line := Line, column := Column} = Diagnostic,
    Lines = maps:get(Source, Sources, {}),
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
