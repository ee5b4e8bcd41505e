%% @doc Handlers against their protocol, before they run.
%%
%% A module that plays roles says which, and its code is held against the machine of
%% each: what it sends and when, a clause for every message that may come, that it
%% waits where the role waits and ends where it ends. The parse transform {@link
%% maty_transform} does this for Erlang when a module is compiled, `use Maty.Actor' for
%% Elixir, {@link maty_check} for modules that are compiled already.
%%
%% ```
%% -maty([{protocol, two_buyer}, {role, 'Seller'}]).
%% '''
%%
%% Keys are `protocol', what {@link maty_protocol:resolve/1} takes, the path of a file
%% being relative to the module's own; `role', one or a list; `roles', instead of both,
%% a list of `{Protocol, Role}'; and `check': with `error', the default, what is wrong
%% is an error; with `strict', so is what cannot be known from the code; with `warn',
%% nothing is; with `off', nothing is looked at.
-module(maty_handlers).

-include("maty_internal.hrl").

-export(
    [options/1, declared/1, check/2, check/3, not_checked/1, format/1, format/2, format_error/1]
).

-export_type([options/0, finding/0, note/0, level/0]).

-type level() :: strict | error | warn | off.
-type options() :: #{roles := [{source(), maty:role()}], check := level()}.
%% Or why what was given is none.
-type source() :: maty_protocol:source() | {error, maty_protocol:error_reason()}.

%% What is wrong or not known, and where: a line of 0 is the module as a whole, a column
%% of 0 is unknown. `run' is empty, or the messages after which it happens.
-type finding() :: #{
    severity := error | warning,
    class := binary(),
    source := binary(),
    line := non_neg_integer(),
    column := non_neg_integer(),
    text := binary(),
    run := binary(),
    notes := [note()]
}.

-type note() :: #{
    source := binary(),
    line := non_neg_integer(),
    column := non_neg_integer(),
    text := binary()
}.

%% How a role begins in one way, and what is found then.
-type run() :: {
    {atom(), maty:role()}, maty_behaviour_starts:start(), ok | wrong | inapplicable, [finding()]
}.

-define(LEVELS, [strict, error, warn, off]).

%% ----- What a module says -----

%% @doc What a list of options says.
-spec options([{atom(), term()}]) -> {ok, options()} | {error, {bad_option, term()}}.
options(List) ->
    Level = proplists:get_value(check, List, error),
    Unknown = [Key || {Key, _} <- List, not lists:member(Key, [protocol, role, roles, check])],
    Roles =
        case {
            lists:keyfind(roles, 1, List),
            lists:keyfind(protocol, 1, List),
            lists:keyfind(role, 1, List)
        } of
            {{_, Pairs}, false, false} -> Pairs;
            {false, {_, Protocol}, {_, Role}} when is_list(Role) -> [{Protocol, R} || R <- Role];
            {false, {_, Protocol}, {_, Role}} -> [{Protocol, Role}];
            {false, {_, _}, false} -> {missing, role};
            {false, false, {_, _}} -> {missing, protocol};
            {false, false, false} -> {missing, protocol};
            _ -> {both, roles}
        end,
    case Unknown of
        [] ->
            case {is_pairs(Roles), lists:member(Level, ?LEVELS)} of
                {true, true} -> {ok, #{roles => Roles, check => Level}};
                {false, _} when is_tuple(Roles) -> {error, {bad_option, Roles}};
                {false, _} -> {error, {bad_option, wrong_roles(List)}};
                {true, false} -> {error, {bad_option, {check, Level}}}
            end;
        [Key | _] ->
            {error, {bad_option, {unknown, Key}}}
    end.

%% As they were given.
wrong_roles(List) ->
    hd([Option || {Key, _} = Option <- List, Key =:= role orelse Key =:= roles]).

is_pairs([_ | _] = Pairs) ->
    lists:all(
        fun
            ({_, Role}) -> is_atom(Role);
            (_) -> false
        end,
        Pairs
    );
is_pairs(_) ->
    false.

%% @doc The options in the code of a module, with the place of the attribute.
-spec declared(maty_code:code()) ->
    {ok, options(), non_neg_integer()} | none | {error, term(), non_neg_integer()}.
declared(#{attributes := Attributes}) ->
    case lists:keyfind(maty, 1, Attributes) of
        false ->
            none;
        {maty, Where, Found} ->
            %% As Elixir persists it, a list in a list.
            List =
                case Found of
                    [Inner] when is_list(Inner) -> Inner;
                    _ -> Found
                end,
            case is_list(List) andalso options(List) of
                {ok, Options} -> {ok, Options, erl_anno:line(Where)};
                {error, Reason} -> {error, Reason, erl_anno:line(Where)};
                false -> {error, {not_options, Found}, erl_anno:line(Where)}
            end
    end.

%% ----- Checking -----

%% @doc All that is found in a module's code. The line is that of what says the roles.
-spec check(maty_code:code(), options()) -> [finding()].
check(Code, Options) ->
    check(Code, Options, 0).

-spec check(maty_code:code(), options(), non_neg_integer()) -> [finding()].
check(_Code, #{check := off}, _Line) ->
    [];
check(Code, #{roles := Pairs, check := Level}, Line) ->
    {Views, Failed} = views(Pairs, Code, Line),
    Found =
        case Failed of
            [] -> registrations(Code, Views) ++ behaviour(Code, Views, Line);
            _ -> Failed
        end,
    Seen = lists:append([at_level(Level, Finding) || Finding <- Found]),
    lists:sort(fun before/2, [unread(Finding, Code) || Finding <- Seen]).

before(#{line := One}, #{line := Other}) -> One =< Other.

at_level(strict, #{class := <<"unknown">>} = Finding) -> [Finding#{severity := error}];
at_level(_, #{class := <<"unknown">>}) -> [];
at_level(warn, Finding) -> [Finding#{severity := warning}];
at_level(_, Finding) -> [Finding].

%% Each role with its machine as the code has to see it.
views(Pairs, Code, Line) ->
    lists:foldr(
        fun({Source, Role}, {Views, Failed}) ->
            case view(Source, Role, Code) of
                {ok, View} -> {[View | Views], Failed};
                {error, Class, Text} -> {Views, [finding(Class, Code, Line, 0, Text) | Failed]}
            end
        end,
        {[], []},
        Pairs
    ).

view(Source, RoleName, #{module := Module} = Code) ->
    case loaded(beside(Source, Code), Module) of
        {ok, Image, #machine{protocol = Name} = Machine} ->
            Roles = maty_machine:roles(Machine),
            case [Role || #role{name = N} = Role <- Roles, N =:= RoleName] of
                [Role] ->
                    {
                        ok, {
                            {Name, RoleName}, Image, [
                                N || #role{name = N} <- Roles
                            ], seen(Name, Role, Roles)
                        }
                    };
                [] ->
                    Names = lists:join(", ", [atom_to_list(N) || #role{name = N} <- Roles]),
                    {error, <<"no-role">>,
                        io_lib:format("~ts has no role ~ts; it has ~ts", [Name, RoleName, Names])}
            end;
        {error, Reason} ->
            {error, <<"no-role">>, [
                "the protocol of ", atom_to_list(RoleName), " cannot be used:\n",
                unusable(Reason, maty_language:of_module(Module))
            ]}
    end.

%% A text goes by the name of the module that gives it.
loaded({error, Reason}, _) ->
    {error, Reason};
loaded(Source, Module) ->
    case maty_protocol:resolve(Source, maty_language:module(Module)) of
        {ok, #{image := Image}} ->
            case maty_machine:load(Image) of
                {ok, _, Machine} -> {ok, Image, Machine};
                {error, Status} -> {error, {engine, Status}}
            end;
        {error, Reason} ->
            {error, Reason}
    end.

unusable({not_a_protocol, Module}, erlang) when is_atom(Module) ->
    io_lib:format(
        "~tw is no module that embeds a protocol, or is not compiled; where its source is in "
        "another folder, it has to be compiled before this one",
        [Module]
    );
unusable({not_a_protocol, Module}, elixir) when is_atom(Module) ->
    ["there is no module ", maty_language:term(Module, elixir), " with \"use Maty.Protocol\""];
unusable({not_a_protocol, Term}, elixir) ->
    [
        maty_language:term(Term, elixir),
        " is no protocol; expected {:file, path}, {:file, path, name}, {:string, text}, "
        "{:string, text, name}, a module with \"use Maty.Protocol\", or a Maty.Protocol"
    ];
unusable(Reason, _) ->
    maty_protocol:format_error(Reason).

beside({file, Path}, Code) -> {file, beside_path(Path, Code)};
beside({file, Path, Name}, Code) -> {file, beside_path(Path, Code), Name};
beside(Source, _) -> Source.

beside_path(Path, #{source := Source}) ->
    filename:join(filename:dirname(Source), Path).

seen(Protocol, #role{name = Name, states = States}, Roles) ->
    Transitions = lists:append([Ts || {_, Ts} <- tuple_to_list(States)]),
    Received = maps:groups_from_list(
        fun(#{peer := Peer, label := Label}) -> {Peer, Label} end,
        fun(#{fields := Fields}) -> [Type || {_, Type} <- Fields] end,
        [T || #{direction := 'receive'} = T <- Transitions]
    ),
    #{
        role => Name,
        protocol => Protocol,
        receives => [
            {Peer, Label, lists:usort(All)} || {{Peer, Label}, All} <- maps:to_list(Received)
        ],
        told =>
            length(lists:usort([Label || {_, Label} <- maps:keys(Received)])) < map_size(Received),
        sends => lists:usort([Label || #{direction := send, label := Label} <- Transitions]),
        roles => [N || #role{name = N} <- Roles]
    }.

registrations(Code, Views) ->
    Declared = [Role || {{_, Role}, _, _, _} <- Views],
    All = lists:usort(lists:append([Roles || {_, _, Roles, _} <- Views])),
    [
        finding(
            <<"no-role">>,
            Code,
            erl_anno:line(Where),
            column(Where),
            case lists:member(Role, All) of
                true ->
                    io_lib:format("registers for ~ts, for which it has no init_session: "
                        "it says that it plays ~ts", [
                        Role, names(Declared)
                    ]);
                false ->
                    io_lib:format("registers for ~ts, which is no role of the protocol; "
                        "it has ~ts", [
                        Role, names(All)
                    ])
            end
        )
     || {_, {atom, _, Role}, Where} <- maty_behaviour:calls(register, Code),
        not lists:member(Role, Declared)
    ].

names(Names) ->
    lists:join(", ", [atom_to_list(Name) || Name <- Names]).

column(Where) ->
    case erl_anno:column(Where) of
        undefined -> 0;
        Column -> Column
    end.

%% One role: everything that init_session may do has to be right for it. Several: the
%% actor's state, which is not known, may say which clause is for which role; so each
%% clause has to be right for one of them, and each role needs one. If a clause is not, its
%% branches may be for different roles.
behaviour(#{functions := #{{init_session, 2} := {Where, _}}, exports := Exports} = Code, _, _) when
    is_map(Exports), not is_map_key({init_session, 2}, Exports)
->
    Line = erl_anno:line(Where),
    [finding(<<"no-handler">>, Code, Line, column(Where), "init_session/2 is not exported")];
behaviour(#{functions := #{{init_session, 2} := _}} = Code, [_] = Views, _) ->
    {[{_, _, _, Found}], Others} = runs(Views, [#{}], Code),
    Found ++ Others;
behaviour(#{functions := #{{init_session, 2} := _}} = Code, Views, _) ->
    Clauses = maty_behaviour_starts:clauses(Code),
    {Runs, Others} = runs(Views, Clauses, Code),
    case useless(Clauses, Runs) of
        [] ->
            assigned(Clauses, Runs, Views) ++ Others;
        Useless ->
            Ways = lists:append([maty_behaviour_starts:ways(Start, Code) || Start <- Useless]),
            Starts = (Clauses -- Useless) ++ Ways,
            {Told, More} = runs(Views, Starts, Code),
            assigned(Starts, Told, Views) ++ More
    end;
behaviour(Code, _, Line) ->
    [finding(<<"no-handler">>, Code, Line, 0, "init_session/2 is missing")].

%% Each role in each way of beginning; and what is wrong with sessions that are held, which
%% may be gone on with from anywhere in the module.
-spec runs([tuple()], [maty_behaviour_starts:start()], maty_code:code()) -> {[run()], [finding()]}.
runs(Views, Starts, Code) ->
    Pairs = [{View, Start} || View <- Views, Start <- Starts],
    {Runs, Uses, Cache} = runs(Pairs, Code, maty_code:new(), unknown),
    case {maty_behaviour:calls(become, Code), [Hold || #{holds := Holds} <- Uses, Hold <- Holds]} of
        {[], []} ->
            {Runs, []};
        _ ->
            [{_, _, _, View} | _] = Views,
            {Outside, Known} = maty_behaviour:becomes(Code, View, Cache),
            Becomes = lists:usort(Outside ++ lists:append([Seen || #{becomes := Seen} <- Uses])),
            {Again, All, _} = runs(Pairs, Code, Known, Becomes),
            Held = lists:append([Holds || #{holds := Holds} <- All]),
            {Again, held(Becomes, Held, Again, Code)}
    end.

runs(Pairs, Code, Cache, Becomes) ->
    {Results, Known} = lists:mapfoldl(
        fun({{Key, Image, _, View}, Start}, Now) ->
            {Result, Found, Uses, Next} = run(Image, View, Start, Code, {Now, Becomes}),
            {{{Key, Start, Result, Found}, Uses}, Next}
        end,
        Cache,
        Pairs
    ),
    {Runs, Uses} = lists:unzip(Results),
    {Runs, Uses, Known}.

run(Image, View, Start, #{functions := Functions} = Code, Known) ->
    Nothing = #{becomes => [], holds => []},
    Begins = Code#{functions := maps:merge(Functions, Start)},
    case maty_behaviour:build(Begins, View, Known) of
        {ok, Behaviour, Uses, Now} ->
            {Result, Found} = judged(maty_checker:handlers(Image, Behaviour), Code),
            {applicable(Result, Found), Found, Uses, Now};
        {error, elsewhere, Now} ->
            {inapplicable, [], Nothing, Now};
        {error, too_large, Now} ->
            {ok, [too_large(Code)], Nothing, Now}
    end.

judged(#{outcome := wrong, diagnostics := Diagnostics}, _) -> {wrong, findings(Diagnostics)};
judged(#{outcome := ok, diagnostics := Diagnostics}, _) -> {ok, findings(Diagnostics)};
judged(#{outcome := limit}, Code) -> {ok, [too_large(Code)]};
judged({error, limit}, Code) -> {ok, [too_large(Code)]};
judged({error, Status}, Code) -> {ok, [unchecked(Status, Code)]}.

too_large(Code) ->
    unknown(Code, "its handlers do too much to be checked").

%% Never passed over, as what is not known may be.
unchecked(Status, Code) ->
    Text = ["its handlers could not be checked: ", maty_error:format_status(Status)],
    finding(<<"unchecked">>, Code, 0, 0, Text).

%% A call of become/2 has to be of a name that is held, and its argument for a handler that is
%% held so. Where something is not known, a session may be held there.
held(Becomes, Holds, Runs, Code) ->
    case [F || {_, _, _, Found} <- Runs, #{class := <<"unknown">>} = F <- Found] of
        [] -> lists:append([become(Become, Holds, Code) || Become <- Becomes]);
        _ -> []
    end.

become({Name, Argument, Where}, Holds, #{module := Module} = Code) ->
    Language = maty_language:of_module(Module),
    Held = [Taken || {N, Taken} <- Holds, maty_abstract:compare('=:=', Name, N) =/= no],
    case {Held, lists:member(Argument, lists:append(Held)), Name, erl_anno:line(Where)} of
        {_, _, _, 0} ->
            [];
        {[], _, {atom, Atom}, Line} ->
            Text = [
                "no session is held under the name ",
                maty_language:term(Atom, Language),
                " in this module"
            ],
            [(finding(<<"not-held">>, Code, Line, column(Where), Text))#{severity := warning}];
        {[_ | _], false, _, Line} ->
            Text = [
                "goes on with ",
                maty_abstract:describe(Argument, Language),
                ", for which no handler of a session that is held so has a clause"
            ],
            [finding(<<"no-clause">>, Code, Line, column(Where), Text)];
        _ ->
            []
    end.

unknown(Code, Text) ->
    (finding(<<"unknown">>, Code, 0, 0, Text))#{severity := warning}.

applicable(
    wrong, [#{class := <<"no-clause">>, text := <<"no clause of init_session/2", _/binary>>}]
) ->
    inapplicable;
applicable(Result, _) ->
    Result.

%% Ways that are right for no role.
useless(Starts, Runs) ->
    [
        Start
     || Start <- Starts, not lists:any(fun({_, S, R, _}) -> S =:= Start andalso R =:= ok end, Runs)
    ].

%% What is wrong if a role has no way that is right for it, or a way no role: of the former
%% a way is shown that is right for no other role, if there is one.
assigned(Starts, Runs, Views) ->
    Useless = useless(Starts, Runs),
    Lacking = [
        Key
     || {Key, _, _, _} <- Views,
        not lists:any(fun({K, _, R, _}) -> K =:= Key andalso R =:= ok end, Runs)
    ],
    Shown = [
        nearest(first_of(
            [Run || {K, S, _, _} = Run <- Runs, K =:= Key, lists:member(S, Useless)],
            [Run || {K, _, _, _} = Run <- Runs, K =:= Key]
        ))
     || Key <- Lacking
    ],
    Others = [
        nearest([Run || {_, S, _, _} = Run <- Runs, S =:= Start])
     || Start <- Useless, not lists:keymember(Start, 2, Shown)
    ],
    Wrong = [Found || {_, _, _, Found} <- Shown ++ Others],
    Unknown = [F || {_, _, ok, Found} <- Runs, #{class := <<"unknown">>} = F <- Found],
    lists:usort(lists:append(Wrong) ++ Unknown).

%% The run that is right but for the least.
nearest(Runs) ->
    Applicable = first_of(
        [Run || {_, _, Result, _} = Run <- Runs, Result =/= inapplicable], Runs
    ),
    [{_, Run} | _] = lists:sort([
        {length([F || #{severity := error} = F <- Found]), Run}
     || {_, _, _, Found} = Run <- Applicable
    ]),
    Run.

first_of([], Others) -> Others;
first_of(Some, _) -> Some.

%% ----- Calls that are not read -----

%% What seems not to be sent may be sent by a function whose code is not there: of where
%% that is wrong the finding says which.
unread(#{class := Class, line := Line, source := Source, notes := Notes} = Finding, Code) when
    Class =:= <<"bad-send">>; Class =:= <<"bad-suspend">>; Class =:= <<"bad-done">>
->
    #{functions := Functions, module := Module} = Code,
    Before = [
        {erl_anno:line(Where), Clause}
     || {_, Clauses} <- maps:values(Functions),
        {clause, Where, _, _, _} = Clause <- Clauses,
        erl_anno:line(Where) =< Line
    ],
    case Before of
        [] ->
            Finding;
        _ ->
            {_, Clause} = lists:max(Before),
            Language = maty_language:of_module(Module),
            Unread = [
                #{
                    source => Source,
                    line => erl_anno:line(Where),
                    column => column(Where),
                    text => unicode:characters_to_binary(unread_text(M, F, Arity, Language))
                }
             || {M, F, Arity, Where} <- remote_calls(Clause),
                element(1, maty_code:classify(M, maty_code:new())) =:= opaque
            ],
            Finding#{notes := Notes ++ Unread}
    end;
unread(Finding, _) ->
    Finding.

unread_text(Module, Name, Arity, Language) ->
    Needs =
        case Language of
            elixir -> "say \"use Maty.Helper\"";
            erlang -> "be compiled before this one"
        end,
    io_lib:format("the code of ~ts is not there; if it sends, its module has to ~ts", [
        maty_language:call(Module, Name, Arity, Language), Needs
    ]).

remote_calls({call, Where, {remote, _, {atom, _, Module}, {atom, _, Name}}, Arguments}) ->
    [{Module, Name, length(Arguments), Where} | remote_calls(Arguments)];
remote_calls(Tuple) when is_tuple(Tuple) -> remote_calls(tuple_to_list(Tuple));
remote_calls([Head | Tail]) -> remote_calls(Head) ++ remote_calls(Tail);
remote_calls(_) -> [].

%% ----- Findings -----

%% @doc What is said of a module whose code is not there to be read.
-spec not_checked(non_neg_integer()) -> finding().
not_checked(Line) ->
    Text = "its handlers are not checked: the module is compiled without debug information",
    (finding(<<"unknown">>, #{source => ""}, Line, 0, Text))#{severity := warning}.

finding(Class, #{source := Source}, Line, Column, Text) ->
    #{
        severity => error,
        class => Class,
        source => unicode:characters_to_binary(Source),
        line => Line,
        column => Column,
        text => unicode:characters_to_binary(Text),
        run => <<>>,
        notes => []
    }.

%% Notes follow what they belong to.
findings([]) ->
    [];
findings([Diagnostic | Rest]) ->
    {Notes, Others} = lists:splitwith(fun(#{severity := Severity}) -> Severity =:= note end, Rest),
    Keys = [severity, class, source, line, column, text, run],
    Finding = (maps:with(Keys, Diagnostic))#{
        notes => [maps:with([source, line, column, text], Note) || Note <- Notes]
    },
    [Finding | findings(Others)].

%% @doc Findings as text.
-spec format([finding()]) -> unicode:chardata().
format(Findings) ->
    [[head(Finding), format(Finding, [])] || Finding <- Findings].

head(
    #{
        severity := Severity,
        class := Class,
        source := Source,
        line := Line,
        column := Column,
        text := Text
    }
) ->
    [where(Source, Line, Column), atom_to_list(Severity), "[", Class, "]: ", Text, "\n"].

%% @doc What stands below the first line of a finding: the run, and the notes.
-spec format(finding(), []) -> unicode:chardata().
format(#{run := Run, notes := Notes}, []) ->
    [
        Run,
        [
            [where(Source, Line, Column), "note: ", Text, "\n"]
         || #{source := Source, line := Line, column := Column, text := Text} <- Notes
        ]
    ].

where(Source, 0, _) -> [Source, ": "];
where(Source, Line, 0) -> [Source, ":", integer_to_list(Line), ": "];
where(Source, Line, Column) ->
    [Source, ":", integer_to_list(Line), ":", integer_to_list(Column), ": "].

%% @doc The text of what is wrong with options.
-spec format_error(term()) -> unicode:chardata().
format_error({bad_option, {missing, Key}}) ->
    io_lib:format("the option ~ts is missing", [Key]);
format_error({bad_option, {both, roles}}) ->
    "give either roles, or protocol and role";
format_error({bad_option, {unknown, Key}}) ->
    io_lib:format("unknown option ~tp; expected protocol, role, roles, check", [Key]);
format_error({bad_option, {role, Role}}) ->
    io_lib:format("expected role to be an atom, or a list of atoms, got: ~0tp", [Role]);
format_error({bad_option, {roles, Roles}}) ->
    io_lib:format("expected roles to be a list of {Protocol, Role}, got: ~0tp", [Roles]);
format_error({not_options, Term}) ->
    io_lib:format("expected a list of options, got: ~0tp", [Term]);
format_error({bad_option, {check, Level}}) ->
    io_lib:format("expected check to be strict, error, warn or off, got: ~tp", [Level]);
format_error(Other) ->
    io_lib:format("~tp", [Other]).
