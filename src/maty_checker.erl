%% @private
%% Questions to the checker, and its answers as Erlang has them.
%%
%% The checker is C and answers on a thread of the VM's own (c_src/beam/job.h has
%% the questions). It never reads a file: what a text imports is read here, and
%% the question asked again with it, until nothing that can be found is missing.
-module(maty_checker).

-export([check/1, format/1, draw/4]).
-export([explore/3, subtype/2, machines/3, draw_role/3, skeleton/5, handlers/2]).

-export_type([source/0, settings/0, diagnostic/0, part/0, exploration/0, effort/0]).

-define(CHECK, 1).
-define(EXPLORE, 2).
-define(COMPATIBLE, 3).
-define(SUBTYPE, 4).
-define(MACHINES, 5).
-define(DRAW_ROLE, 6).
-define(DRAW_PROTOCOL, 7).
-define(FORMAT, 8).
-define(SKELETON, 9).
-define(HANDLERS, 10).

-define(ALL_ROLES, 16#ffffffff).

-type settings() :: #{
    dialect => maty | scribble | nuscr,
    choice => fair | unfair,
    form => protocol | machines | cfsm,
    path => [file:name_all()]
}.

%% A finding. `class' is the rule that is broken. `run' is empty, or a text with
%% the message sequences that show it; `parts' are the same as data, `sequence'
%% as a Mermaid diagram. Lines and columns count from 1, columns and lengths in
%% bytes; 0 where no place can be named.
-type diagnostic() :: #{
    severity := error | warning | note,
    class := binary(),
    source := binary(),
    line := non_neg_integer(),
    column := non_neg_integer(),
    length := non_neg_integer(),
    text := binary(),
    run := binary(),
    parts := [part()],
    sequence := binary()
}.

%% One run. In a run of the conversation as a whole a step is a message; where
%% machines run against one another, sending and receiving are two.
-type part() :: #{
    heading := binary(),
    steps := [
        #{
            kind := message | send | 'receive',
            number := pos_integer(),
            sender := binary(),
            receiver := binary(),
            label := binary(),
            line := non_neg_integer()
        }
    ],
    ending := binary()
}.

%% What exploring came to. `limit': a bound was reached, and nothing wrong was
%% found before.
-type exploration() :: #{
    outcome := ok | wrong | limit,
    bound := non_neg_integer(),
    states := non_neg_integer(),
    transitions := non_neg_integer(),
    bytes := non_neg_integer(),
    diagnostics := [diagnostic()]
}.

%% What an exploration may cost; `timeout' in milliseconds.
-type effort() :: #{
    bound := pos_integer(),
    max_states => non_neg_integer(),
    timeout := non_neg_integer(),
    choice => fair | unfair,
    safety_only => boolean(),
    whole => boolean()
}.

-type status() :: maty_error:status().

%% A text, and what it is to be checked as.
-type source() :: #{name := binary(), text := binary(), settings := settings()}.

-type imports() :: [{Module :: binary(), Name :: binary(), Text :: binary()}].

%% ----- Texts -----

%% @doc Checks a text. With what was found come the texts that it imports.
-spec check(source()) ->
    {ok | rejected, [diagnostic()], Protocols :: [{binary(), binary()}], imports()}
    | {error, status()}.
check(Source) ->
    check(Source, []).

check(#{settings := Settings} = Source, Imports) ->
    case maty_engine:ask(question(?CHECK, source(Source, Imports))) of
        {Status, {Diagnostics, Protocols, Missing}} ->
            case lists:append([find(M, maps:get(path, Settings, [])) || M <- Missing]) of
                [] -> {Status, [diagnostic(D) || D <- Diagnostics], Protocols, Imports};
                Found -> check(Source, Imports ++ Found)
            end;
        {Status, none} ->
            {error, Status}
    end.

%% @doc The text in the one layout. Refused as `rejected' if it cannot be read.
-spec format(source()) -> {ok, binary()} | {error, status()}.
format(Source) ->
    text(?FORMAT, source(Source, [])).

%% @doc A protocol of a text, drawn as a whole.
-spec draw(source(), imports(), binary(), graphviz | mermaid | sequence) ->
    {ok, binary()} | {error, status()}.
draw(Source, Imports, Protocol, Diagram) ->
    text(?DRAW_PROTOCOL, [words([diagram(Diagram)]), zero(Protocol) | source(Source, Imports)]).

source(#{name := Name, text := Text, settings := Settings}, Imports) ->
    Dialect = index(maps:get(dialect, Settings, maty), [maty, scribble, nuscr]),
    Form = index(maps:get(form, Settings, protocol), [protocol, machines, cfsm]),
    [<<Dialect, (choice(Settings)), Form>>, zero(Name), Text] ++
        lists:append([[zero(M), zero(N), T] || {M, N, T} <- Imports]).

%% "a.b.C" is the file a/b/C.scr in the first folder that has it: first the one
%% of the text that imports it, then the one that this text's modules are in (of
%% x/y/Z.scr, which says that it is x.y.Z, the one above x), then the path.
find({Module, From, FromModule}, Folders) ->
    File = filename:join(binary:split(Module, <<".">>, [global])),
    Own = filename:dirname(From),
    Depth = length(binary:matches(FromModule, <<".">>)),
    Modules = filename:join([Own | lists:duplicate(Depth, "..")]),
    Paths = [filename:join(Folder, <<File/binary, ".scr">>) || Folder <- [Own, Modules | Folders]],
    case lists:search(fun filelib:is_regular/1, Paths) of
        {value, Path} ->
            case file:read_file(Path) of
                {ok, Text} -> [{Module, unicode:characters_to_binary(Path), Text}];
                {error, _} -> []
            end;
        false ->
            []
    end.

%% ----- Machines -----

%% @doc Runs the machines of an image against one another, or looks for the
%% least bound up to the one given at which they are compatible.
-spec explore(explore | compatible, binary(), effort()) -> exploration() | {error, status()}.
explore(What, Image, Effort) ->
    Settings =
        <<(maps:get(max_states, Effort, 0)):64/native, (maps:get(bound, Effort)):32/native,
            (maps:get(timeout, Effort)):32/native, (choice(Effort)),
            (flag(safety_only, Effort)), (flag(whole, Effort)), 0:40>>,
    Kind = element(index(What, [explore, compatible]) + 1, {?EXPLORE, ?COMPATIBLE}),
    exploration(maty_engine:ask(question(Kind, [Settings, Image]))).

%% @doc Whether the one role's machine can stand where the other's is expected.
-spec subtype({binary(), non_neg_integer()}, {binary(), non_neg_integer()}) ->
    exploration() | {error, status()}.
subtype({Sub, SubRole}, {Super, SuperRole}) ->
    exploration(maty_engine:ask(question(?SUBTYPE, [words([SubRole, SuperRole]), Sub, Super]))).

%% @doc Whether what a module's handlers do (the notation of
%% c_src/core/behaviour.h) is what the role of an image may do.
-spec handlers(binary(), iodata()) -> exploration() | {error, status()}.
handlers(Image, Behaviour) ->
    exploration(maty_engine:ask(question(?HANDLERS, [Image, Behaviour]))).

%% Stopped by its time is one more limit.
exploration({canceled, none}) ->
    #{outcome => limit, bound => 0, states => 0, transitions => 0, bytes => 0, diagnostics => []};
exploration({Status, {Diagnostics, {Bound, States, Transitions, Bytes}}}) ->
    #{
        outcome => outcome(Status),
        bound => Bound,
        states => States,
        transitions => Transitions,
        bytes => Bytes,
        diagnostics => [diagnostic(D) || D <- Diagnostics]
    };
exploration({Status, none}) ->
    {error, Status}.

outcome(ok) -> ok;
outcome(rejected) -> wrong;
outcome(limit) -> limit.

%% @doc The machine of a role, or of all roles, as text.
-spec machines(binary(), non_neg_integer() | all, machines | cfsm) ->
    {ok, binary()} | {error, status()}.
machines(Image, all, Format) ->
    machines(Image, ?ALL_ROLES, Format);
machines(Image, Role, Format) ->
    text(?MACHINES, [words([index(Format, [machines, cfsm]), Role]), Image]).

%% @doc The machine of a role, drawn.
-spec draw_role(binary(), non_neg_integer(), graphviz | mermaid) ->
    {ok, binary()} | {error, status()}.
draw_role(Image, Role, Diagram) ->
    text(?DRAW_ROLE, [words([diagram(Diagram), Role]), Image]).

%% @doc A module that plays a role, and finds the protocol in a file, if it has a name.
-spec skeleton(binary(), non_neg_integer(), elixir | erlang, binary(), binary()) ->
    {ok, binary()} | {error, status()}.
skeleton(Image, Role, Language, Module, File) ->
    Settings = words([index(Language, [elixir, erlang]), Role]),
    text(?SKELETON, [Settings, zero(Module), zero(File), Image]).

%% ----- Questions -----

question(Kind, Fields) ->
    [<<Kind:32/native>> | [[<<(iolist_size(F)):32/native>>, F] || F <- Fields]].

text(Kind, Fields) ->
    case maty_engine:ask(question(Kind, Fields)) of
        {ok, Text} -> {ok, Text};
        {Status, _} -> {error, Status}
    end.

words(Numbers) ->
    <<<<Number:32/native>> || Number <- Numbers>>.

zero(Text) ->
    [Text, 0].

index(Item, Items) ->
    length(lists:takewhile(fun(Other) -> Other =/= Item end, Items)).

diagram(Diagram) ->
    index(Diagram, [graphviz, mermaid, sequence]).

choice(Settings) ->
    index(maps:get(choice, Settings, default), [default, fair, unfair]).

flag(Key, Settings) ->
    case maps:get(Key, Settings, false) of
        true -> 1;
        false -> 0
    end.

%% ----- Answers -----

diagnostic({Severity, Class, Source, Line, Column, Length, Text, Run, Parts, Sequence}) ->
    #{
        severity => element(Severity + 1, {error, note, warning}),
        class => Class,
        source => Source,
        line => Line,
        column => Column,
        length => Length,
        text => Text,
        run => Run,
        parts => [part(Part) || Part <- Parts],
        sequence => Sequence
    }.

part({Heading, Steps, Ending}) ->
    #{heading => Heading, steps => [step(Step) || Step <- Steps], ending => Ending}.

step({Kind, Number, Sender, Receiver, Label, Line}) ->
    #{
        kind => element(Kind + 1, {message, send, 'receive'}),
        number => Number,
        sender => Sender,
        receiver => Receiver,
        label => Label,
        line => Line
    }.
