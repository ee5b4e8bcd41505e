%% @private
%% One run of {@link maty_testing}: an actor, a partner for each other role, and a
%% session of theirs.
%%
%% The process that calls drives the run. It waits for what the partners tell
%% (maty_partner) and for the actor's end, decides for a partner that sends what it says,
%% and before each decision takes in what the actor has sent meanwhile (maty_stage).
%%
%% What always holds in between: `said' is the conversation in an order that agrees with
%% every participant's; whoever has neither ended nor been killed has its process.
-module(maty_testing_run).

-include("maty_internal.hrl").

-export([run/6, none_tried/0, numbered/2]).

-export_type([tried/0, result/0, said/0]).

-type fault() :: crash | garbage | {delay, Milliseconds :: non_neg_integer()}.
%% A message, or what a partner did wrong.
-type said() ::
    {From :: maty:role(), To :: maty:role(), maty:message()}
    | {note, maty:role(), unicode:chardata()}.

%% What was said, the first first; the state that the actor's role came to, and the
%% transitions it took, by number in their state, the last one 'end' if it came to the end;
%% whether the run was cut, how many faults were made, how many messages the actor
%% refused.
-type result() :: #{
    number := pos_integer(),
    said := [said()],
    state := non_neg_integer(),
    taken := [{State :: non_neg_integer(), pos_integer() | 'end'}],
    cut := boolean(),
    faults := non_neg_integer(),
    refused := non_neg_integer(),
    tried := tried()
}.

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

-opaque tried() :: #tried{}.

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

-spec none_tried() -> tried().
none_tried() ->
    #tried{}.

%% ----- One run -----

-spec run(pos_integer(), module(), map(), maty_machine:machine(), maty_machine:role(), tried()) ->
    {ok, result()} | {{failed, atom(), term()}, result()} | {error, term()}.
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
    try
        case start_actor(Run) of
            {ok, Started} -> loop(start_partners(Started));
            {error, Reason} -> {{failed, not_started, Reason}, Run}
        end
    of
        {Outcome, Ended} ->
            clear(Ended),
            {Outcome, result(Ended)}
    catch
        throw:{?MODULE, Problem, Stopped} ->
            clear(Stopped),
            {error, Problem}
    end.

result(#run{number = Number, cut = Cut, faults = Faults, refused = Refused} = Run) ->
    #run{said = Said, tried = Tried} = Run,
    {State, Taken} = path(Run),
    #{
        number => Number,
        said => lists:reverse(Said),
        state => State,
        taken => Taken,
        cut => Cut,
        faults => Faults,
        refused => Refused,
        tried => Tried
    }.

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
            Started = Run#run{actor = Actor, monitor = Monitor},
            case maty_stage:watch(Stage, Actor) of
                ok -> {ok, Started};
                {error, traced} -> throw({?MODULE, {traced, Actor}, Started})
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
        Other -> {error, io_lib:format("expect returned ~0tp, not ok or {error, Text}", [Other])}
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
    Ends = [S || S <- maty_machine:states(Role), maty_machine:state(Role, S) =:= final],
    Distances = distances(Role, maps:from_keys(Ends, 0)),
    [
        {Index, maps:get(Target, Distances)}
     || {{Index, _}, Target} <- lists:zip(numbered(Role, State), maty_machine:targets(Role, State)),
        is_map_key(Target, Distances)
    ].

distances(Role, Known) ->
    Next = lists:foldl(
        fun(State, Distances) ->
            Targets = maty_machine:targets(Role, State),
            case [maps:get(T, Known) || T <- Targets, is_map_key(T, Known)] of
                [_ | _] = Found when not is_map_key(State, Known) ->
                    Distances#{State => lists:min(Found) + 1};
                _ ->
                    Distances
            end
        end,
        Known,
        maty_machine:states(Role)
    ),
    case map_size(Next) =:= map_size(Known) of
        true -> Known;
        false -> distances(Role, Next)
    end.

message(#{label := Label, fields := Fields}, From, Run) ->
    #run{options = Options, number = Number, turns = Turns, turns_of = TurnsOf} = Run,
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
                fun({_, Text}, R) -> maty_value:value(type(Text, Label, Run), language(Run), R) end,
                Random,
                Fields
            ),
            {list_to_tuple([Label | Values]), Next}
    end.

type(Text, Label, Run) ->
    case maty_value:parse(Text) of
        {ok, Type} -> Type;
        {error, _} -> throw({?MODULE, {no_value, Label, Text}, Run})
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

check_end(#run{partners = Partners, ended = Ended} = Run) when
    map_size(Partners) > map_size(Ended)
->
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
             || {I, #{peer := P, label := L}} <- Numbered,
                {ok, [M | _]} <- [maps:find(P, Received)],
                M =:= L
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

%% The transitions of a state, each with its number, from 1.
-spec numbered(maty_machine:role(), non_neg_integer()) ->
    [{pos_integer(), maty_machine:transition()}].
numbered(Role, State) ->
    Transitions = maty_machine:transitions(Role, State),
    lists:zip(lists:seq(1, length(Transitions)), Transitions).
