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
    conversation := [step() | {note, maty:role(), unicode:chardata()}],
    phase := send | 'receive' | final,
    next := [maty_machine:transition()],
    report := report(),
    format := map()
}.

%% After so many runs in which the actor did nothing new, there is nothing new.
-define(PATIENCE, 20).
%% Messages of a run after those of the option "steps", before it is cut.
-define(MORE_STEPS, 50).
%% An actor that has come to so many messages sends without end.
-define(MAX_SAID, 10000).
%% Among the first so many messages a random fault happens.
-define(FAULT_RANGE, 8).

%% What is known of the choices over all runs.
-record(tried, {
    %% How often each choice was made after the choices of its run before it.
    after_others = #{} :: map(),
    %% How often each choice was made by its role in its state.
    alone = #{} :: map()
}).

%% One run.
-record(run, {
    number :: pos_integer(),
    options :: map(),
    module :: module(),
    machine :: #machine{},
    role :: #role{},
    reference :: reference(),
    stage :: pid(),
    access_point :: pid(),
    actor = none :: pid() | none,
    monitor = none :: reference() | none,
    partners = #{} :: #{pid() => #role{}},
    session = none :: maty:session_id() | none,
    %% The conversation, the latest first, and what of it are messages.
    said = [] :: list(),
    count = 0 :: non_neg_integer(),
    %% Messages of partners, in all and by role.
    turns = 0 :: non_neg_integer(),
    turns_of = #{} :: #{maty:role() => non_neg_integer()},
    %% The choices so far, the latest first.
    chosen = [] :: list(),
    tried :: #tried{},
    ended = #{} :: #{pid() => maty_actor:ending() | killed},
    %% The exit reason of an actor that has ended as it may.
    gone = no :: no | {yes, term()},
    fault :: none | {fault(), pos_integer()},
    faults = 0 :: non_neg_integer(),
    cut = false :: boolean(),
    refused = 0 :: non_neg_integer()
}).

%% What all runs came to.
-record(total, {
    runs = 0 :: non_neg_integer(),
    %% Runs without anything new.
    idle = 0 :: non_neg_integer(),
    cut = 0 :: non_neg_integer(),
    faults = 0 :: non_neg_integer(),
    refused = 0 :: non_neg_integer(),
    tried = #tried{} :: #tried{},
    %% By {State, Index}, and of final states by {State, 'end'}.
    covered = #{} :: map()
}).

%% ----- What users call -----

%% @doc Has an actor of the module play its role. A wrong option or a protocol that is not
%% accepted is an error for {@link format_error/1}; a failure is a map.
-spec plays(module(), options()) -> {ok, report()} | {error, failure() | {atom(), term()} | tuple()}.
plays(Module, Options) ->
    {ok, _} = application:ensure_all_started(maty),
    case configure(Options) of
        {ok, Configured, Machine, Role} -> runs(Module, Configured, Machine, Role, #total{});
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
            "a map from labels to lists of messages, or functions that return one",
            fun is_messages/1
        },
        expect =>
            {{default, none}, "a function of a message and those before it", fun(Fun) ->
                is_function(Fun, 2)
            end},
        order => one_of(systematic, [systematic, random]),
        runs => {{default, 100}, "an integer from 1", Positive},
        seed =>
            {{default, rand:uniform(1 bsl 32)}, "an integer", fun is_integer/1},
        steps => {{default, 50}, "an integer from 1", Positive},
        timeout => {{default, 5000}, "milliseconds, an integer from 1", Positive},
        coverage => one_of(default, [receives, all, none]),
        fault => {
            {default, none},
            "none, or {crash | garbage | {delay, Milliseconds}, Number | random | each}",
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

one_of(Default, Values) ->
    Names = lists:flatten(lists:join(" or ", [atom_to_list(Value) || Value <- Values])),
    {{default, Default}, Names, fun(Value) -> lists:member(Value, Values) end}.

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
            {ok, Options#{coverage := Covered}, Machine, Role};
        [] ->
            {error, {unknown_role, Name, [N || #role{name = N} <- Roles]}}
    end.

%% ----- Run after run -----

runs(Module, Options, Machine, Role, #total{runs = Runs, tried = Tried} = Total) ->
    Number = Runs + 1,
    case run(Number, Module, Options, Machine, Role, Tried) of
        {ok, #run{} = Run} ->
            Next = add(Run, Total),
            case enough(Run, Next, Options, Role) of
                true -> covered(Module, Options, Machine, Role, Run, Next);
                false -> runs(Module, Options, Machine, Role, Next)
            end;
        {{failed, Kind, Detail}, Run} ->
            Report = report(Module, Options, Machine, Role, add(Run, Total)),
            {error, failure(Kind, Detail, Run, Report)};
        {error, Reason} ->
            {error, Reason}
    end.

add(#run{cut = Cut, faults = Faults, refused = Refused, tried = Tried} = Run, Total) ->
    #total{covered = Before} = Total,
    {_, Path} = path(Run),
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

enough(_Run, #total{runs = Runs}, #{runs := Most}, _Role) when Runs >= Most -> true;
enough(#run{faults = Faults}, _Total, #{fault := {_, each}}, _Role) -> Faults =:= 0;
enough(_Run, _Total, #{fault := {_, random}}, _Role) -> false;
enough(_Run, _Total, #{order := random}, _Role) -> false;
enough(_Run, #total{idle = Idle}, _Options, _Role) when Idle >= ?PATIENCE -> true;
enough(_Run, Total, _Options, Role) -> missing(all, Role, Total) =:= [].

covered(Module, #{coverage := Wanted} = Options, Machine, Role, Run, Total) ->
    Report = report(Module, Options, Machine, Role, Total),
    case missing(Wanted, Role, Total) of
        [] -> {ok, Report};
        Missing -> {error, failure(not_covered, Missing, Run#run{said = []}, Report)}
    end.

missing(none, _Role, _Total) ->
    [];
missing(Wanted, Role, #total{covered = Covered}) ->
    [
        Transition
     || State <- states(Role),
        Wanted =:= all orelse was_in(State, Role, Covered),
        {Index, #{direction := Direction} = Transition} <- numbered(Role, State),
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

states(#role{first_state = First, states = States}) ->
    lists:seq(First, First + tuple_size(States) - 1).

numbered(Role, State) ->
    Transitions = maty_machine:transitions(Role, State),
    lists:zip(lists:seq(1, length(Transitions)), Transitions).

%% ----- One run -----

run(Number, Module, #{protocol := Protocol} = Options, Machine, Role, Tried) ->
    {ok, Stage} = maty_stage:start(Protocol),
    Run = #run{
        number = Number,
        options = Options,
        module = Module,
        machine = Machine,
        role = Role,
        reference = make_ref(),
        stage = Stage,
        access_point = maty_stage:access_point(Stage),
        tried = Tried,
        fault = fault(Options, Number)
    },
    try start_actor(Run) of
        {ok, Started} ->
            case loop(start_partners(Started)) of
                {ok, Ended} -> clear(Ended), {ok, Ended};
                {Failed, Ended} -> clear(Ended), {Failed, Ended}
            end;
        {error, Reason} ->
            clear(Run),
            {{failed, not_started, Reason}, Run}
    catch
        throw:{?MODULE, Reason} ->
            clear(Run),
            {error, Reason}
    end.

fault(#{fault := none}, _Number) -> none;
fault(#{fault := {Fault, each}}, Number) -> {Fault, Number};
fault(#{fault := {Fault, random}} = Options, Number) ->
    {Where, _} = rand:uniform_s(?FAULT_RANGE, random(Options, Number, fault)),
    {Fault, Where};
fault(#{fault := Fault}, _Number) -> Fault.

%% Chance depends on the seed, the run, and on what it is for: not on the order in
%% which independent partners have their turn.
random(#{seed := Seed}, Number, For) ->
    rand:seed_s(exsss, {Seed, Number, erlang:phash2(For)}).

start_actor(#run{options = Options, access_point = AccessPoint, stage = Stage} = Run) ->
    #run{module = Module} = Run,
    Result =
        case Options of
            #{start := none, argument := Argument} ->
                Given =
                    case is_function(Argument, 1) of
                        true -> Argument(AccessPoint);
                        false -> Argument
                    end,
                maty_actor:start(Module, Given, maps:get(options, maps:get(format, Options), []));
            #{start := Start} ->
                Start(AccessPoint)
        end,
    case Result of
        {ok, Actor} ->
            Monitor = erlang:monitor(process, Actor),
            case maty_stage:watch(Stage, Actor) of
                ok -> {ok, Run#run{actor = Actor, monitor = Monitor}};
                {error, traced} -> throw({?MODULE, {traced, Actor}})
            end;
        {error, Reason} ->
            {error, Reason};
        ignore ->
            {error, ignore};
        Other ->
            {error, {bad_return, Other}}
    end.

start_partners(#run{machine = Machine, role = #role{name = Own}} = Run) ->
    #run{access_point = AccessPoint, reference = Reference} = Run,
    Partners = [
        begin
            {ok, Pid} = maty_partner:start(AccessPoint, Name, Reference),
            {Pid, Role}
        end
     || #role{name = Name} = Role <- maty_machine:roles(Machine), Name =/= Own
    ],
    Run#run{partners = maps:from_list(Partners)}.

%% Nothing of the run is left. An actor that hangs does not stop by itself.
clear(#run{actor = Actor, monitor = Monitor, stage = Stage} = Run) ->
    #run{partners = Partners, reference = Reference, gone = Gone} = Run,
    lists:foreach(fun kill/1, maps:keys(Partners)),
    _ = is_pid(Actor) andalso Gone =:= no andalso stop_actor(Actor, Monitor),
    ok = maty_stage:stop(Stage),
    flush(Reference).

stop_actor(Actor, Monitor) ->
    true = erlang:demonitor(Monitor, [flush]),
    %% Asks it only if it is not in a handler.
    try
        proc_lib:stop(Actor, shutdown, 100)
    catch
        exit:_ -> kill(Actor)
    end.

kill(Pid) ->
    Monitor = erlang:monitor(process, Pid),
    true = exit(Pid, kill),
    receive
        {'DOWN', Monitor, process, Pid, _} -> ok
    end.

flush(Reference) ->
    receive
        {Reference, _, _} -> flush(Reference)
    after 0 -> ok
    end.

%% ----- What happens -----

loop(#run{reference = Reference, monitor = Monitor, options = #{timeout := Timeout}} = Run) ->
    receive
        {Reference, Partner, What} -> told(What, Partner, Run);
        {'DOWN', Monitor, process, _, Reason} -> actor_ended(Reason, Run)
    after Timeout -> stuck(Run)
    end.

told({session, Id}, _Partner, Run) ->
    loop(Run#run{session = Id});
told({got, _Message}, _Partner, Run) ->
    heard(Run, fun loop/1);
told({ask, State}, Partner, Run) ->
    heard(Run, fun(Heard) -> turn(State, Partner, Heard) end);
told({refused, Violation}, _Partner, Run) ->
    {{failed, message, Violation}, Run};
told({ended, Ending}, Partner, #run{ended = Ended} = Run) ->
    check_end(Run#run{ended = Ended#{Partner => Ending}}).

%% Takes in what the actor has sent meanwhile, and goes on if all of it was as
%% expected.
heard(#run{stage = Stage, session = Session, refused = Refused} = Run, Continue) ->
    #run{role = #role{name = Name}} = Run,
    {Sent, Violations} = maty_stage:seen(Stage),
    More = [ok || #{session := S, role := R} <- Violations, S =:= Session, R =:= Name],
    hear(Sent, Run#run{refused = Refused + length(More)}, Continue).

hear([], Run, Continue) ->
    Continue(Run);
hear([{Handle, _} | _] = Sent, #run{session = none} = Run, Continue) ->
    hear(Sent, Run#run{session = Handle - ?HANDLE_ROLE(Handle)}, Continue);
hear([{Handle, Message} | Sent], #run{session = Session} = Run, Continue) when
    Handle - ?HANDLE_ROLE(Handle) =:= Session
->
    #run{machine = Machine, role = #role{name = From}, options = #{expect := Expect}} = Run,
    #role{name = To} = maty_machine:role(Machine, ?HANDLE_ROLE(Handle)),
    Step = {From, To, Message},
    Said = say(Step, Run),
    case expectation(Expect, Step, Run) of
        ok when Said#run.count > ?MAX_SAID -> {{failed, endless, none}, Said};
        ok -> hear(Sent, Said, Continue);
        {error, Text} -> {{failed, unexpected, Text}, Said}
    end;
hear([_OfAnotherSession | Sent], Run, Continue) ->
    hear(Sent, Run, Continue).

expectation(none, _Step, _Run) ->
    ok;
expectation(Expect, Step, Run) ->
    try Expect(Step, messages(Run)) of
        ok -> ok;
        {error, Text} -> {error, Text};
        Other -> {error, io_lib:format("expect returned ~0tp, and not ok or {error, Text}", [Other])}
    catch
        Class:Reason:Stack -> {error, erl_error:format_exception(Class, Reason, Stack)}
    end.

say(Step, #run{said = Said, count = Count} = Run) ->
    Run#run{said = [Step | Said], count = Count + 1}.

%% The messages of the conversation, without what was noted, the first first.
messages(#run{said = Said}) ->
    [Step || {From, _, _} = Step <- lists:reverse(Said), From =/= note].

note(Partner, Text, #run{said = Said, partners = Partners, faults = Faults} = Run) ->
    #{Partner := #role{name = Name}} = Partners,
    Run#run{said = [{note, Name, Text} | Said], fault = none, faults = Faults + 1}.

%% ----- A partner's turn -----

turn(State, Partner, #run{fault = {Fault, Where}, turns = Turns} = Run) when Turns + 1 =:= Where ->
    case Fault of
        crash ->
            kill(Partner),
            check_end(killed(Partner, note(Partner, "is killed", Run)));
        {delay, Time} ->
            #run{reference = Reference} = Run,
            _ = erlang:send_after(Time, self(), {Reference, Partner, {ask, State}}),
            loop(note(Partner, io_lib:format("waits for ~b ms", [Time]), Run));
        garbage ->
            turn(State, Partner, note(Partner, "sends garbage", garbage(Run)))
    end;
turn(State, Partner, #run{partners = Partners, reference = Reference} = Run) ->
    #{Partner := Role} = Partners,
    case choice(State, Role, Run) of
        {Index, Chosen} ->
            #{peer := To} = Transition = lists:nth(Index, maty_machine:transitions(Role, State)),
            #role{name = From} = Role,
            {Message, Next} = message(Transition, From, Chosen),
            maty_partner:say(Partner, Reference, To, Message),
            loop(say({From, To, Message}, Next));
        none ->
            cut(Run)
    end.

killed(Partner, #run{ended = Ended} = Run) ->
    Run#run{ended = Ended#{Partner => killed}}.

%% A conversation that has no end is ended.
cut(#run{partners = Partners, ended = Ended} = Run) ->
    Left = [Pid || Pid <- maps:keys(Partners), not is_map_key(Pid, Ended)],
    lists:foreach(fun kill/1, Left),
    check_end(lists:foldl(fun killed/2, Run#run{cut = true}, Left)).

%% Messages to the actor that no partner has sent: of every kind that it can
%% receive, and of none.
garbage(#run{actor = Actor, session = Session, role = Role, number = Number} = Run) ->
    #run{options = Options} = Run,
    #role{index = Index, labels = Labels} = Role,
    Handle = Session + Index,
    {Ticket, _} = rand:uniform_s(16#10000, random(Options, Number, garbage)),
    Forged = [
        ?MESSAGE(Handle, ?COMMAND(?OP_RECEIVE, Action) bor (Ticket - 1), {Label, forged})
     || {Action, Label} <- lists:zip(
            lists:seq(0, tuple_size(Labels) - 1), tuple_to_list(Labels)
        ),
        Label =/= []
    ],
    Strange = [
        ?MESSAGE(Handle, ?COMMAND(?OP_RECEIVE, 16#fff), {garbage}),
        ?MESSAGE(Handle, garbage, garbage)
    ],
    lists:foreach(fun(Message) -> Actor ! Message end, Forged ++ Strange),
    Run.

%% Which transition a partner takes, by its number. After enough messages, one
%% that leads to the end soonest; none, if there is no end, or it does not come.
choice(State, Role, #run{count = Count, options = #{steps := Steps}} = Run) when Count < Steps ->
    case numbered(Role, State) of
        [{Index, _}] -> {Index, Run};
        Several -> chosen([Index || {Index, _} <- Several], State, Role, Run)
    end;
choice(State, Role, #run{count = Count, options = #{steps := Steps}} = Run) ->
    case lists:sort([{Distance, Index} || {Index, Distance} <- ways_out(State, Role)]) of
        [{_, Index} | _] when Count < Steps + ?MORE_STEPS -> {Index, Run};
        _ -> none
    end.

chosen(Indices, State, #role{name = Name}, #run{options = #{order := random}} = Run) ->
    #run{options = Options, number = Number, turns_of = TurnsOf} = Run,
    For = {choice, Name, maps:get(Name, TurnsOf, 0)},
    {Index, _} = rand:uniform_s(length(Indices), random(Options, Number, For)),
    {Index, Run#run{chosen = [{Name, State, Index} | Run#run.chosen]}};
chosen(Indices, State, #role{name = Name}, #run{chosen = Chosen, tried = Tried} = Run) ->
    #tried{after_others = AfterOthers, alone = Alone} = Tried,
    %% What was taken least often after the same choices of all partners in this
    %% run; among those, what this partner took least often at this point.
    {_, Index} = lists:min([
        {{times([{Name, State, I} | Chosen], AfterOthers), times({Name, State, I}, Alone)}, I}
     || I <- Indices
    ]),
    Choice = {Name, State, Index},
    Now = [Choice | Chosen],
    {Index, Run#run{
        chosen = Now,
        tried = Tried#tried{
            after_others = AfterOthers#{Now => times(Now, AfterOthers) + 1},
            alone = Alone#{Choice => times(Choice, Alone) + 1}
        }
    }}.

times(Key, Counts) ->
    maps:get(Key, Counts, 0).

%% How far it is to the end by each transition of a state, for those by which there
%% is one.
ways_out(State, Role) ->
    Distances = distances(Role, maps:from_list([{S, 0} || S <- states(Role), is_final(S, Role)])),
    [
        {Index, maps:get(Target, Distances)}
     || {{Index, _}, Target} <- lists:zip(numbered(Role, State), maty_machine:targets(Role, State)),
        is_map_key(Target, Distances)
    ].

distances(Role, Known) ->
    Next = lists:foldl(
        fun(State, Distances) ->
            case [maps:get(T, Known) || T <- maty_machine:targets(Role, State), is_map_key(T, Known)] of
                [_ | _] = Found when not is_map_key(State, Known) ->
                    Distances#{State => lists:min(Found) + 1};
                _ ->
                    Distances
            end
        end,
        Known,
        states(Role)
    ),
    case map_size(Next) =:= map_size(Known) of
        true -> Known;
        false -> distances(Role, Next)
    end.

is_final(State, Role) ->
    maty_machine:state(Role, State) =:= final.

message(#{label := Label, fields := Fields}, From, #run{options = Options, number = Number} = Run) ->
    #run{turns = Turns, turns_of = TurnsOf} = Run,
    Turn = maps:get(From, TurnsOf, 0) + 1,
    Next = Run#run{turns = Turns + 1, turns_of = TurnsOf#{From => Turn}},
    #{messages := Messages} = Options,
    case Messages of
        #{Label := Given} when is_function(Given) ->
            {Given(), Next};
        #{Label := Given} ->
            Before = length([ok || {_, _, M} <- messages(Run), element(1, M) =:= Label]),
            {lists:nth((Number - 1 + Before) rem length(Given) + 1, Given), Next};
        #{} ->
            Random = random(Options, Number, {payload, From, Turn}),
            {Values, _} = lists:mapfoldl(
                fun({_, Text}, R) -> maty_value:value(type(Text, Label), language(Run), R) end,
                Random,
                Fields
            ),
            {list_to_tuple([Label | Values]), Next}
    end.

type(Text, Label) ->
    case maty_value:parse(Text) of
        {ok, Type} -> Type;
        {error, _} -> throw({?MODULE, {no_value, Label, Text}})
    end.

%% Dates and times are written as the actor's language does.
language(#run{module = Module}) ->
    case atom_to_list(Module) of
        "Elixir." ++ _ -> elixir;
        _ -> erlang
    end.

%% ----- The end of a run -----

%% The actor's process has ended. It may, once its role has; whether it has, the
%% partners' endings tell.
actor_ended(Reason, Run) ->
    heard(Run#run{gone = {yes, Reason}}, fun(Heard) ->
        case may_end(Reason, Heard) of
            true -> check_end(Heard);
            false -> {{failed, crashed, Reason}, Heard}
        end
    end).

may_end({cancelled, _}, Run) -> was_disturbed(Run);
may_end(Reason, _Run) -> maty_child:ended_normally(Reason).

was_disturbed(#run{ended = Ended}) ->
    lists:member(killed, maps:values(Ended)).

check_end(#run{partners = Partners, ended = Ended} = Run) when map_size(Partners) > map_size(Ended) ->
    loop(Run);
check_end(Run) ->
    heard(Run, fun all_ended/1).

all_ended(#run{ended = Ended, gone = Gone} = Run) ->
    Failed = [Cause || {failed, Cause} <- maps:values(Ended)],
    case {Failed =:= [] orelse was_disturbed(Run), Gone} of
        {true, no} -> free(Run);
        {true, {yes, _}} -> {ok, Run};
        {false, no} -> await_end(Run);
        {false, {yes, Reason}} -> {{failed, ended, Reason}, Run}
    end.

%% The actor left the conversation: with its process, or without.
await_end(#run{actor = Actor, monitor = Monitor} = Run) ->
    case is_process_alive(Actor) of
        true ->
            {{failed, left, none}, Run};
        false ->
            receive
                {'DOWN', Monitor, process, _, Reason} -> actor_ended(Reason, Run)
            end
    end.

%% The actor lives; it must have done with the session, or be about to.
free(#run{options = #{timeout := Timeout}} = Run) ->
    free(erlang:monotonic_time(millisecond) + Timeout, Run).

free(Deadline, #run{actor = Actor, session = Session, monitor = Monitor} = Run) ->
    Left = max(0, Deadline - erlang:monotonic_time(millisecond)),
    try [ok || #{id := Id} <- gen_server:call(Actor, '$maty_sessions', Left), Id =:= Session] of
        [] ->
            heard(Run, fun(Heard) -> {ok, Heard} end);
        [_ | _] when Left > 0 ->
            %% What ends it is on its way.
            erlang:yield(),
            free(Deadline, Run);
        [_ | _] ->
            stuck(Run)
    catch
        exit:{timeout, _} ->
            stuck(Run);
        exit:_ ->
            receive
                {'DOWN', Monitor, process, _, Reason} -> actor_ended(Reason, Run)
            end
    end.

stuck(#run{session = none, access_point = AccessPoint, role = #role{name = Name}} = Run) ->
    case maty_access_point:waiting(AccessPoint) of
        #{Name := []} -> {{failed, not_registered, none}, Run};
        _ -> stuck_at(Run)
    end;
stuck(Run) ->
    stuck_at(Run).

stuck_at(#run{actor = Actor} = Run) ->
    Stack =
        case erlang:process_info(Actor, current_stacktrace) of
            {current_stacktrace, Found} -> Found;
            undefined -> []
        end,
    heard(Run, fun(Heard) -> {{failed, stuck, Stack}, Heard} end).

%% ----- What the actor's role did -----

%% The way of the role through its machine: the state it came to, and the transitions
%% it took. What it sends is known in its order; what it receives is taken, where it
%% waits, from whoever it can wait for there.
path(#run{role = #role{name = Name, initial_state = Initial} = Role} = Run) ->
    Steps = messages(Run),
    Sent = [{To, element(1, M)} || {From, To, M} <- Steps, From =:= Name],
    Received = maps:groups_from_list(
        fun({From, _, _}) -> From end,
        fun({_, _, M}) -> element(1, M) end,
        [Step || {_, To, _} = Step <- Steps, To =:= Name]
    ),
    path(Initial, Sent, Received, Role, []).

path(State, Sent, Received, Role, Taken) ->
    Targets = maty_machine:targets(Role, State),
    Numbered = numbered(Role, State),
    case maty_machine:state(Role, State) of
        final ->
            {State, lists:reverse([{State, 'end'} | Taken])};
        send ->
            case Sent of
                [First | Rest] ->
                    Found = [I || {I, #{peer := P, label := L}} <- Numbered, {P, L} =:= First],
                    path_on(Found, Targets, State, Rest, Received, Role, Taken);
                [] ->
                    {State, lists:reverse(Taken)}
            end;
        'receive' ->
            Found = [
                {I, P}
             || {I, #{peer := P, label := L}} <- Numbered, {ok, [M | _]} <- [maps:find(P, Received)], M =:= L
            ],
            case Found of
                [{Index, Peer} | _] ->
                    Left = maps:update_with(Peer, fun tl/1, Received),
                    path_on([Index], Targets, State, Sent, Left, Role, Taken);
                [] ->
                    {State, lists:reverse(Taken)}
            end
    end.

path_on([Index | _], Targets, State, Sent, Received, Role, Taken) ->
    path(lists:nth(Index, Targets), Sent, Received, Role, [{State, Index} | Taken]);
path_on([], _Targets, State, _Sent, _Received, _Role, Taken) ->
    {State, lists:reverse(Taken)}.

report(Module, #{seed := Seed}, Machine, #role{name = Name, first_state = First} = Role, Total) ->
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
                 || {Index, Transition} <- numbered(Role, State)
                ],
                #{
                    state => State - First,
                    phase => maty_machine:state(Role, State),
                    count =>
                        times({State, 'end'}, Covered) + lists:sum([N || {_, N} <- Transitions]),
                    transitions => Transitions
                }
            end
         || State <- states(Role)
        ]
    }.

failure(Kind, Detail, #run{role = Role, machine = Machine, said = Said} = Run, Report) ->
    #run{number = Number, module = Module, options = #{seed := Seed, format := Format}} = Run,
    {State, _} = path(Run),
    #{
        kind => Kind,
        detail => Detail,
        module => Module,
        role => Role#role.name,
        protocol => Machine#machine.protocol,
        source => Machine#machine.source,
        seed => Seed,
        run => Number,
        conversation => lists:reverse(Said),
        phase => maty_machine:state(Role, State),
        next => maty_machine:transitions(Role, State),
        report => Report,
        format => Format
    }.

%% ----- As text -----

%% As many messages of a conversation are written, the last ones.
-define(SHOWN, 50).

%% @doc The text of a report: what of the role was done, as a table.
-spec format_report(report()) -> unicode:chardata().
format_report(#{module := Module, role := Role, protocol := Protocol, states := States} = Report) ->
    #{seed := Seed, runs := Runs, cut := Cut, faults := Faults, refused := Refused} = Report,
    Counts = [N || #{transitions := Transitions} <- States, {_, N} <- Transitions],
    Rows = lists:append([rows(State) || State <- States]),
    Width = lists:max([6 | [string:length(Text) || {_, Text, _} <- Rows]]),
    [
        io_lib:format("~ts as ~ts of ~ts: ~b of ~b states, ~b of ~b transitions in ~ts, seed ~b~n", [
            module(Module),
            Role,
            Protocol,
            length([ok || #{count := N} <- States, N > 0]),
            length(States),
            length([N || N <- Counts, N > 0]),
            length(Counts),
            plural(Runs, "run"),
            Seed
        ]),
        [[plural(Faults, "fault"), ", ", plural(Refused, "message"), " refused\n"] || Faults > 0],
        [[plural(Cut, "run"), " cut\n"] || Cut > 0],
        ["\n  state  ", string:pad("", Width), "  count\n"],
        [
            io_lib:format("  ~5ts  ~ts  ~5b~n", [Number, string:pad(Text, Width), Count])
         || {Number, Text, Count} <- Rows
        ]
    ].

rows(#{state := State, phase := final, count := Count}) ->
    [{integer_to_list(State), "is at its end", Count}];
rows(#{state := State, phase := Phase, transitions := [First | More]}) ->
    Row = fun(Number, {Transition, Count}) -> {Number, next(Phase, [Transition]), Count} end,
    [Row(integer_to_list(State), First) | [Row("", Transition) || Transition <- More]].

next(Phase, Transitions) ->
    unicode:characters_to_list(maty_error:format_next(Phase, Transitions)).

plural(1, Noun) -> ["1 ", Noun];
plural(Count, Noun) -> [integer_to_list(Count), " ", Noun, "s"].

%% Elixir's modules as Elixir writes them.
module(Module) ->
    case atom_to_list(Module) of
        "Elixir." ++ Name -> Name;
        Name -> Name
    end.

%% @doc The text of a failure: what went wrong, the conversation so far as numbered
%% messages, and what was expected.
-spec format_failure(failure()) -> unicode:chardata().
format_failure(#{kind := Kind, module := Module, role := Role, protocol := Protocol} = Failure) ->
    #{report := Report} = Failure,
    [
        io_lib:format("~ts does not play ~ts of ~ts: ", [module(Module), Role, Protocol]),
        what(Kind, Failure),
        "\n",
        case Kind of
            not_covered -> ["\n", format_report(Report)];
            _ -> conversation(Failure)
        end
    ].

what(not_started, #{detail := Reason} = Failure) ->
    ["it could not be started\n", indented(exit_text(Reason, Failure))];
what(not_registered, #{role := Role}) ->
    io_lib:format("it did not register for ~ts", [Role]);
what(crashed, #{detail := Reason} = Failure) ->
    ["it crashed\n", indented(exit_text(Reason, Failure))];
what(ended, #{detail := Reason} = Failure) ->
    ["its process ended before the role did\n", indented(exit_text(Reason, Failure))];
what(left, _) ->
    "it left the session before the role had ended";
what(stuck, #{detail := Stack, format := Format}) ->
    Write = maps:get(stack, Format, fun stack/1),
    ["it does not go on; it stands\n", indented(string:trim(Write(Stack), leading))];
what(endless, _) ->
    "it sends without end";
what(unexpected, #{detail := Text}) ->
    ["its last message is not as expected\n", indented(Text)];
what(message, #{detail := Violation} = Failure) ->
    [
        "a message that was to be sent to it is not of the protocol\n",
        indented(maty_error:format(Violation, writer(Failure)))
    ];
what(not_covered, #{detail := Missing}) ->
    [
        "it was not seen to do all that it has to",
        [["\n  ", next(Direction, [T])] || #{direction := Direction} = T <- Missing]
    ].

conversation(#{run := Run, seed := Seed, conversation := Said, role := Role} = Failure) ->
    #{phase := Phase, next := Next, source := Source} = Failure,
    Left = max(0, length(Said) - ?SHOWN),
    [
        io_lib:format("~nThe conversation of run ~b, seed ~b:~n", [Run, Seed]),
        [io_lib:format("  ... ~b more~n", [Left]) || Left > 0],
        [
            [string:pad(integer_to_list(Number), 3, leading), ". ", said(Step, Failure), "\n"]
         || {Number, Step} <- lists:zip(lists:seq(Left + 1, length(Said)), lists:nthtail(Left, Said))
        ],
        [io_lib:format("  nothing was said~n", []) || Said =:= []],
        io_lib:format("Expected of ~ts:~n", [Role]),
        case Next of
            [] ->
                "  is at its end\n";
            _ ->
                [
                    io_lib:format("  ~ts   ~ts:~b:~b~n", [next(Phase, [T]), Source, Line, Column])
                 || #{line := Line, column := Column} = T <- Next
                ]
        end
    ].

said({note, Role, Text}, _Failure) ->
    [atom_to_list(Role), " ", Text];
said({From, To, Message}, Failure) ->
    [Label | Payload] = tuple_to_list(Message),
    Write = writer(Failure),
    io_lib:format("~ts -> ~ts  ~ts(~ts)", [
        From, To, Label, lists:join(", ", [Write(Value) || Value <- Payload])
    ]).

indented(Text) ->
    Lines = string:split(string:trim(unicode:characters_to_list(Text)), "\n", all),
    lists:join("\n", [["  ", Line] || Line <- Lines]).

writer(#{format := Format}) ->
    maps:get(term, Format, fun(Term) -> io_lib:format("~0tP", [Term, 20]) end).

exit_text(Reason, #{format := #{exit := Write}}) ->
    Write(Reason);
exit_text({{protocol_violation, Violation}, Stack}, Failure) ->
    [maty_error:format(Violation, writer(Failure)), stack(Stack)];
exit_text({Reason, [Frame | _] = Stack}, _Failure) when is_tuple(Frame), tuple_size(Frame) =:= 4 ->
    [io_lib:format("~0tP", [Reason, 30]), stack(Stack)];
exit_text(Reason, _Failure) ->
    io_lib:format("~0tP", [Reason, 30]).

%% Where the actor's own code was, the innermost call first.
stack(Stack) ->
    [
        io_lib:format("~n  at ~ts:~ts/~b (~ts:~b)", [
            module(M),
            F,
            arity(A),
            filename:basename(proplists:get_value(file, Where)),
            proplists:get_value(line, Where)
        ])
     || {M, F, A, Where} <- Stack,
        proplists:is_defined(line, Where),
        not lists:member(M, [maty, maty_session, maty_actor, proc_lib])
    ].

arity(Arity) when is_integer(Arity) -> Arity;
arity(Arguments) -> length(Arguments).

%% @doc The text of an error that is no failure of the actor.
-spec format_error(term()) -> unicode:chardata().
format_error({protocol, Reason}) ->
    maty_protocol:format_error(Reason);
format_error({unknown_role, Role, Roles}) ->
    io_lib:format("there is no role ~ts; the protocol has ~ts", [
        Role, lists:join(", ", [atom_to_list(R) || R <- Roles])
    ]);
format_error({traced, Actor}) ->
    io_lib:format("~tp is traced by somebody else, so what it sends cannot be seen", [Actor]);
format_error({no_value, Label, Type}) ->
    io_lib:format("no value can be made for ~ts(~ts); give the option messages for it", [Label, Type]);
format_error(Reason) ->
    maty_options:format_error(Reason).
