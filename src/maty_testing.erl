%% @doc Tests one actor alone: the other roles of its protocol are played by partners
%% that are made from the protocol.
%%
%% ```
%% seller_test() ->
%%     maty_testing:assert_plays(seller, #{
%%         protocol => {file, "two_buyer.scr"},
%%         role => 'Seller'
%%     }).
%% '''
%%
%% The partners are processes that register at an access point, like any actor, and
%% the session runs on the engine, which checks every message. They send what the
%% protocol lets them send, with payloads of the declared types. Run after run has
%% the actor started anew, until all that its role can do has been done: where a
%% partner chooses, it takes in turn what it has not taken before.
%%
%% An actor passes if each run comes to the end of the protocol, and all that the
%% partners could have it do was done. The result is a report of what was done, or a
%% failure with the conversation so far; {@link format_report/1} and {@link
%% format_failure/1} are their texts.
%%
%% == Options ==
%%
%% <dl>
%% <dt>`protocol', `role' (required)</dt>
%% <dd>a {@link maty_protocol:source()}, and the role that the actor plays in it</dd>
%% <dt>`argument'</dt>
%% <dd>what the actor is started with: a function of the access point, or a term; the
%% access point unless given</dd>
%% <dt>`start'</dt>
%% <dd>instead, a function of the access point that starts the actor and returns `{ok,
%% Pid}'; the actor must not be linked to the caller</dd>
%% <dt>`messages'</dt>
%% <dd>what partners send, by label: a list of messages that are taken in turn, or a
%% function that returns one. For payloads whose type says too little: `#{title =>
%% [{title, <<"Logic">>}]}'</dd>
%% <dt>`expect'</dt>
%% <dd>a function of each message of the actor, `{From, To, Message}', and of the list of all that
%% came before it, the first first; returns `ok' or `{error, Text}'</dd>
%% <dt>`order'</dt>
%% <dd>`systematic', or `random': partners choose by chance, `runs' times</dd>
%% <dt>`runs'</dt><dd>at most so many; 100 unless given</dd>
%% <dt>`seed'</dt><dd>an integer; the same makes the partners choose and send the same</dd>
%% <dt>`steps'</dt>
%% <dd>after so many messages of a run partners leave loops, and after fifty more, or where
%% no way leads out, the run is cut; 50 unless given</dd>
%% <dt>`timeout'</dt>
%% <dd>for how many milliseconds nothing may happen; 5000 unless given</dd>
%% <dt>`coverage'</dt>
%% <dd>what must have been done: `receives', all that the actor can be sent where it
%% came to, unless given; `all', also what it may choose itself; `none'</dd>
%% <dt>`fault'</dt>
%% <dd>what a partner does wrong, `{Fault, Where}'. `crash': it is killed, and the actor
%% has to live on without the session, or to end by its own `terminate_session';
%% nothing need be covered then. `{delay, Milliseconds}': it waits. `garbage': it
%% sends the actor messages that the engine must refuse, before the right one. Where is
%% the number of the partners' message before which it happens, from 1; `random'; or `each', one
%% after the other in a run of its own</dd>
%% </dl>
%%
%% The functions run in the calling process.
-module(maty_testing).

-include("maty_internal.hrl").

-export([plays/2, assert_plays/2, property/2, generator/1]).
-export([format_report/1, format_failure/1, format_error/1]).

-export_type([options/0, report/0, failure/0, step/0]).

-type step() :: {From :: maty:role(), To :: maty:role(), maty:message()}.
-type fault() :: crash | garbage | {delay, Milliseconds :: non_neg_integer()}.
-type options() :: #{
    protocol := maty_protocol:source(),
    role := maty:role(),
    argument => term() | fun((pid()) -> term()),
    start => fun((pid()) -> {ok, pid()} | {error, term()} | ignore),
    messages => #{Label :: atom() => [maty:message()] | fun(() -> maty:message())},
    expect => fun((step(), [step()]) -> ok | {error, unicode:chardata()}),
    order => systematic | random,
    runs => pos_integer(),
    seed => integer(),
    steps => pos_integer(),
    timeout => pos_integer(),
    coverage => receives | all | none,
    fault => none | {fault(), pos_integer() | random | each},
    %% For another language than Erlang: how terms, exit reasons and stack traces are
    %% written, and more options of maty_actor:start/3.
    format => #{
        term => fun((term()) -> unicode:chardata()),
        exit => fun((term()) -> unicode:chardata()),
        stack => fun((list()) -> unicode:chardata()),
        options => list()
    }
}.

%% How often the role was in each state and took each of its transitions, over all
%% runs. States are numbered from 0, the first one. `faults' is how many were
%% made, `refused' how many messages the actor refused, `cut' how many runs did not come to
%% an end by themselves.
-type report() :: #{
    module := module(),
    role := maty:role(),
    protocol := atom(),
    seed := integer(),
    runs := pos_integer(),
    cut := non_neg_integer(),
    faults := non_neg_integer(),
    refused := non_neg_integer(),
    states := [
        #{
            state := non_neg_integer(),
            phase := send | 'receive' | final,
            count := non_neg_integer(),
            transitions := [{maty_machine:transition(), non_neg_integer()}]
        }
    ]
}.

%% What went wrong, in which run, what was said in it, and what the role may do
%% next. `kind' and `detail' go together:
%%
%% <dl>
%% <dt>`not_started'</dt><dd>the reason</dd>
%% <dt>`not_registered'</dt><dd>none</dd>
%% <dt>`crashed', `ended'</dt><dd>the exit reason; `ended' is a normal one</dd>
%% <dt>`left'</dt><dd>none: the role ended early, and the actor lives</dd>
%% <dt>`stuck'</dt><dd>the stack trace of the actor</dd>
%% <dt>`endless'</dt><dd>none: the actor sent ten thousand messages in one run</dd>
%% <dt>`unexpected'</dt><dd>what `expect' said</dd>
%% <dt>`message'</dt><dd>a violation: a message of `messages' is not allowed</dd>
%% <dt>`not_covered'</dt><dd>the transitions that were not taken</dd>
%% </dl>
-type failure() :: #{
    kind := atom(),
    detail := term(),
    module := module(),
    role := maty:role(),
    protocol := atom(),
    source := binary(),
    seed := integer(),
    run := pos_integer(),
    conversation := [maty_testing_run:said()],
    phase := send | 'receive' | final,
    next := [maty_machine:transition()],
    report := report(),
    format := map()
}.

%% After so many runs in which the actor did nothing new, there is nothing new.
-define(PATIENCE, 20).

%% What is tested.
-record(test, {
    module :: module(),
    options :: map(),
    machine :: maty_machine:machine(),
    role :: maty_machine:role()
}).

%% What all runs came to.
-record(total, {
    runs = 0 :: non_neg_integer(),
    %% Runs without anything new.
    idle = 0 :: non_neg_integer(),
    cut = 0 :: non_neg_integer(),
    faults = 0 :: non_neg_integer(),
    refused = 0 :: non_neg_integer(),
    tried = maty_testing_run:none_tried() :: maty_testing_run:tried(),
    %% By {State, Index}, and of final states by {State, 'end'}.
    covered = #{} :: map()
}).

%% ----- What users call -----

%% @doc Has an actor of the module play its role. A wrong option or a protocol that is not
%% accepted is an error for {@link format_error/1}; a failure is a map.
-spec plays(module(), options()) -> {ok, report()} | {error, failure() | tuple()}.
plays(Module, Options) ->
    {ok, _} = application:ensure_all_started(maty),
    case configure(Options) of
        {ok, Configured, Machine, Role} ->
            Test = #test{
                module = Module, options = Configured, machine = Machine, role = Role
            },
            runs(Test, #total{});
        {error, Reason} -> {error, Reason}
    end.

%% @doc The same for EUnit: returns the report, or prints what went wrong and raises.
-spec assert_plays(module(), options()) -> report().
assert_plays(Module, Options) ->
    case plays(Module, Options) of
        {ok, Report} ->
            Report;
        {error, #{kind := Kind} = Failure} ->
            io:put_chars(format_failure(Failure)),
            erlang:error({assert_plays, [{module, Module}, {failure, Kind}]});
        {error, Reason} ->
            io:put_chars([format_error(Reason), "\n"]),
            erlang:error({assert_plays, [{module, Module}, {reason, Reason}]})
    end.

%% @doc A property for PropEr: that the actor plays its role, whatever the partners do. A
%% counterexample is the seed of a run.
-spec property(module(), options()) -> term().
property(Module, Options) ->
    %% Called by a name that is no constant: nothing else here needs PropEr.
    Proper = proper,
    Types = proper_types,
    Proper:forall(Types:integer(1, 1 bsl 50), fun(Seed) ->
        case plays(Module, Options#{order => random, runs => 1, seed => Seed, coverage => none}) of
            {ok, _} ->
                true;
            {error, Failure} ->
                io:put_chars(format_any(Failure)),
                false
        end
    end).

format_any(#{kind := _} = Failure) -> format_failure(Failure);
format_any(Reason) -> [format_error(Reason), "\n"].

%% @doc A generator for PropEr of the values of a type, written as in a protocol:
%% `generator("list({integer, string})")'.
-spec generator(unicode:chardata()) -> term().
generator(Text) ->
    case maty_value:parse(Text) of
        {ok, Type} -> maty_value:generator(Type, erlang);
        {error, Reason} -> erlang:error(Reason, [Text])
    end.

%% ----- Options -----

configure(Options) ->
    Positive = fun(Value) -> is_integer(Value) andalso Value > 0 end,
    Known = #{
        protocol => {required, "a protocol", fun(_) -> true end},
        role => {required, "an atom", fun is_atom/1},
        argument => {{default, fun(AccessPoint) -> AccessPoint end}, "a term", fun(_) -> true end},
        start =>
            {{default, none}, "a function of an access point", fun(Fun) -> is_function(Fun, 1) end},
        messages => {
            {default, #{}},
            "a map from labels to lists of messages that begin with the label, or to functions "
            "that return one",
            fun is_messages/1
        },
        expect =>
            {{default, none}, "a function of a message and those before it", fun(Fun) ->
                is_function(Fun, 2)
            end},
        order => maty_options:one_of(systematic, [systematic, random]),
        runs => {{default, 100}, "an integer from 1", Positive},
        seed =>
            {{default, rand:uniform(1 bsl 32)}, "an integer", fun is_integer/1},
        steps => {{default, 50}, "an integer from 1", Positive},
        timeout => {{default, 5000}, "milliseconds, an integer from 1", Positive},
        coverage => maty_options:one_of(default, [receives, all, none]),
        fault => {
            {default, none},
            "'none', or {'crash' | 'garbage' | {'delay', milliseconds}, "
            "number | 'random' | 'each'}",
            fun is_fault/1
        },
        format =>
            {{default, #{}}, "a map with keys term, exit, stack and options", fun is_map/1}
    },
    case maty_options:take(Options, Known) of
        {ok, #{protocol := Source, role := Name} = Taken} ->
            case protocol(Source) of
                {ok, Protocol} -> role(Name, Taken#{protocol := Protocol});
                {error, Reason} -> {error, Reason}
            end;
        {error, Reason} ->
            {error, Reason}
    end.

is_messages(Messages) when is_map(Messages) ->
    lists:all(
        fun({Label, Value}) ->
            is_function(Value, 0) orelse
                is_list(Value) andalso Value =/= [] andalso
                    lists:all(
                        fun(M) -> is_tuple(M) andalso M =/= {} andalso element(1, M) =:= Label end,
                        Value
                    )
        end,
        maps:to_list(Messages)
    );
is_messages(_) ->
    false.

is_fault(none) -> true;
is_fault({Fault, Where}) ->
    Known =
        case Fault of
            {delay, Time} -> is_integer(Time) andalso Time >= 0;
            _ -> Fault =:= crash orelse Fault =:= garbage
        end,
    Known andalso
        (Where =:= random orelse Where =:= each orelse is_integer(Where) andalso Where > 0);
is_fault(_) -> false.

protocol(Source) ->
    case maty_protocol:resolve(Source) of
        {ok, Protocol} -> {ok, Protocol};
        {error, Reason} -> {error, {protocol, Reason}}
    end.

role(Name, #{protocol := Protocol, fault := Fault, coverage := Coverage} = Options) ->
    {ok, _, Machine} = maty_machine:load(maty_protocol:image(Protocol)),
    Roles = maty_machine:roles(Machine),
    case [Role || #role{name = N} = Role <- Roles, N =:= Name] of
        [Role] ->
            Covered =
                case {Coverage, Fault} of
                    {default, {crash, _}} -> none;
                    {default, _} -> receives;
                    _ -> Coverage
                end,
            Sent = sent_by(Roles -- [Role]),
            case maps:keys(maps:get(messages, Options)) -- Sent of
                [] -> {ok, Options#{coverage := Covered}, Machine, Role};
                [Label | _] -> {error, {unknown_label, Label, Sent}}
            end;
        [] ->
            {error, {unknown_role, Name, [N || #role{name = N} <- Roles]}}
    end.

sent_by(Roles) ->
    lists:usort([
        Label
     || #role{states = States} <- Roles,
        {send, Transitions} <- tuple_to_list(States),
        #{label := Label} <- Transitions
    ]).

%% ----- Run after run -----

runs(Test, #total{runs = Runs, tried = Tried} = Total) ->
    #test{module = Module, options = Options, machine = Machine, role = Role} = Test,
    Number = Runs + 1,
    case maty_testing_run:run(Number, Module, Options, Machine, Role, Tried) of
        {ok, Run} ->
            Next = add(Run, Total),
            case enough(Run, Next, Test) of
                true -> covered(Run, Next, Test);
                false -> runs(Test, Next)
            end;
        {{failed, Kind, Detail}, Run} ->
            Report = report(add(Run, Total), Test),
            {error, failure(Kind, Detail, Run, Report, Test)};
        {error, Reason} ->
            {error, Reason}
    end.

add(#{cut := Cut, faults := Faults, refused := Refused} = Run, Total) ->
    #{taken := Path, tried := Tried} = Run,
    #total{covered = Before} = Total,
    Covered = lists:foldl(
        fun(Taken, Counts) -> Counts#{Taken => maps:get(Taken, Counts, 0) + 1} end, Before, Path
    ),
    Total#total{
        runs = Total#total.runs + 1,
        idle =
            case map_size(Covered) > map_size(Before) of
                true -> 0;
                false -> Total#total.idle + 1
            end,
        cut =
            Total#total.cut +
                case Cut of
                    true -> 1;
                    false -> 0
                end,
        faults = Total#total.faults + Faults,
        refused = Total#total.refused + Refused,
        tried = Tried,
        covered = Covered
    }.

enough(#{faults := Faults}, #total{runs = Runs, idle = Idle} = Total, Test) ->
    #test{options = Options, role = Role} = Test,
    case Options of
        #{runs := Most} when Runs >= Most -> true;
        #{fault := {_, each}} -> Faults =:= 0;
        #{fault := {_, random}} -> false;
        #{order := random} -> false;
        #{} -> Idle >= ?PATIENCE orelse missing(all, Role, Total) =:= []
    end.

covered(Run, Total, #test{options = #{coverage := Wanted}, role = Role} = Test) ->
    Report = report(Total, Test),
    case missing(Wanted, Role, Total) of
        [] -> {ok, Report};
        Missing -> {error, failure(not_covered, Missing, Run, Report, Test)}
    end.

missing(none, _Role, _Total) ->
    [];
missing(Wanted, Role, #total{covered = Covered}) ->
    [
        Transition
     || State <- maty_machine:states(Role),
        Wanted =:= all orelse was_in(State, Role, Covered),
        {Index, #{direction := Direction} = Transition} <- maty_testing_run:numbered(Role, State),
        Wanted =:= all orelse Direction =:= 'receive',
        not is_map_key({State, Index}, Covered)
    ].

was_in(State, #role{initial_state = State}, _Covered) ->
    true;
was_in(State, Role, Covered) ->
    lists:any(
        fun
            ({_, 'end'}) -> false;
            ({From, Index}) -> lists:nth(Index, maty_machine:targets(Role, From)) =:= State
        end,
        maps:keys(Covered)
    ).

times(Key, Counts) ->
    maps:get(Key, Counts, 0).

report(Total, #test{module = Module, options = #{seed := Seed}, machine = Machine, role = Role}) ->
    #role{name = Name, first_state = First} = Role,
    #total{covered = Covered, runs = Runs, cut = Cut, faults = Faults, refused = Refused} = Total,
    #{
        module => Module,
        role => Name,
        protocol => Machine#machine.protocol,
        seed => Seed,
        runs => Runs,
        cut => Cut,
        faults => Faults,
        refused => Refused,
        states => [
            begin
                Transitions = [
                    {Transition, times({State, Index}, Covered)}
                 || {Index, Transition} <- maty_testing_run:numbered(Role, State)
                ],
                #{
                    state => State - First,
                    phase => maty_machine:state(Role, State),
                    count =>
                        times({State, 'end'}, Covered) + lists:sum([N || {_, N} <- Transitions]),
                    transitions => Transitions
                }
            end
         || State <- maty_machine:states(Role)
        ]
    }.

failure(Kind, Detail, Run, Report, Test) ->
    #{number := Number, said := Said, state := State} = Run,
    #test{module = Module, options = Options, machine = Machine, role = Role} = Test,
    #{seed := Seed, format := Format} = Options,
    #{
        kind => Kind,
        detail => Detail,
        module => Module,
        role => Role#role.name,
        protocol => Machine#machine.protocol,
        source => Machine#machine.source,
        seed => Seed,
        run => Number,
        conversation => Said,
        phase => maty_machine:state(Role, State),
        next => maty_machine:transitions(Role, State),
        report => Report,
        format => Format
    }.

%% ----- As text -----

%% @doc The text of a report: what of the role was done, as a table.
-spec format_report(report()) -> unicode:chardata().
format_report(Report) ->
    maty_testing_text:report(Report).

%% @doc The text of a failure: what went wrong, the conversation so far as numbered
%% messages, and what was expected.
-spec format_failure(failure()) -> unicode:chardata().
format_failure(Failure) ->
    maty_testing_text:failure(Failure).

%% @doc The text of an error that is no failure of the actor.
-spec format_error(term()) -> unicode:chardata().
format_error({protocol, Reason}) ->
    maty_protocol:format_error(Reason);
format_error({unknown_role, Role, Roles}) ->
    io_lib:format("there is no role ~ts; the protocol has ~ts", [
        Role, lists:join(", ", [atom_to_list(R) || R <- Roles])
    ]);
format_error({unknown_label, Label, Labels}) ->
    io_lib:format("the option messages has ~tp, which partners do not send; they send ~ts", [
        Label, lists:join(", ", [atom_to_list(L) || L <- Labels])
    ]);
format_error({traced, Actor}) ->
    io_lib:format("~tp is traced by somebody else, so what it sends cannot be seen", [Actor]);
format_error({no_value, Label, Type}) ->
    io_lib:format("no value can be made for ~ts(~ts); give the option messages for it", [
        Label, Type
    ]);
format_error(Reason) ->
    maty_options:format_error(Reason).
