%% @doc A circuit breaker: stops asking for a while what fails again and again
%% (Nygard, "Release It!", 2007).
%%
%% ```
%% {ok, _} = maty_breaker:start_link(payments, #{failures => 5, window => 10000}),
%% case maty_breaker:run(payments, fun() -> payment:ask(Order) end) of
%%     {ok, Receipt} -> ...;
%%     {error, {failed, Value}} -> ...;
%%     {error, open} -> ...
%% end.
%% '''
%%
%% <dl>
%% <dt>closed</dt>
%% <dd>functions run; after so many failures in so much time it opens</dd>
%% <dt>open</dt>
%% <dd>no function runs; after the cooldown it is half-open</dd>
%% <dt>half-open</dt>
%% <dd>one function runs, the first that comes, and everybody else is refused; if
%% it succeeds the breaker closes, if it fails or takes too long, the breaker
%% opens again</dd>
%% </dl>
%%
%% The function runs in the calling process. While the breaker is closed, a
%% function that does not fail costs one look into an ETS table and no message.
%% A failure is a call of the breaker's process, so that it is counted when
%% {@link run/2} returns.
%%
%% Options, times in milliseconds:
%%
%% <dl>
%% <dt>`failures'</dt><dd>how many open it; 5 unless given</dd>
%% <dt>`window'</dt><dd>within what time; 10000 unless given</dd>
%% <dt>`cooldown'</dt><dd>how long it is open; 5000 unless given</dd>
%% <dt>`probe'</dt>
%% <dd>how long the one function may take while the breaker is half-open; 30000
%% unless given</dd>
%% <dt>`is_failure'</dt>
%% <dd>a function that says of a value whether it is a failure; `error' and
%% tuples that begin with it are, unless given. An exception always is.</dd>
%% </dl>
%%
%% Each change is an event `breaker' of {@link maty_event}. A breaker needs
%% nothing else of Maty, and does not need the application to run.
%%
%% What always holds: the table's one row is as the process's state says, and
%% every change of state has a number of its own; what began under another
%% number than the present one does not count.
-module(maty_breaker).

-behaviour(gen_statem).

-export([start_link/1, start_link/2, child_spec/1, child_spec/2]).
-export([run/2, state/1, trip/1, reset/1, format_error/1]).
-export([init/1, callback_mode/0, handle_event/4, code_change/4, is_error/1]).

-export_type([name/0, options/0, state/0]).

%% The process is registered under it, and the table has it, too.
-type name() :: atom().
-type state() :: closed | open | half_open.
-type options() :: #{
    failures => pos_integer(),
    window => pos_integer(),
    cooldown => non_neg_integer(),
    probe => timeout(),
    is_failure => fun((term()) -> boolean())
}.

-record(data, {
    name :: name(),
    options :: options(),
    %% How often the state has changed.
    change = 0 :: non_neg_integer(),
    %% While closed, the failures of the window, the latest first; each is the
    %% name of a timer.
    failures = [] :: [reference()]
}).

%% @doc A breaker with the options as they are unless given.
-spec start_link(name()) -> gen_statem:start_ret().
start_link(Name) ->
    start_link(Name, #{}).

%% @doc Starts a breaker, linked to the caller. A wrong option is an error, see
%% {@link format_error/1}.
-spec start_link(name(), options()) -> gen_statem:start_ret().
start_link(Name, Options) when is_atom(Name) ->
    Count = fun(Value) -> is_integer(Value) andalso Value > 0 end,
    Known = #{
        failures => {{default, 5}, "an integer from 1", Count},
        window => maty_options:time(10000, 1),
        cooldown => maty_options:time(5000, 0),
        probe => maty_options:timeout(30000, 1),
        is_failure =>
            {{default, fun ?MODULE:is_error/1}, "a function of one argument", fun(Fun) ->
                is_function(Fun, 1)
            end}
    },
    case maty_options:take(Options, Known) of
        {ok, Taken} -> gen_statem:start_link({local, Name}, ?MODULE, {Name, Taken}, []);
        {error, Reason} -> {error, Reason}
    end.

%% @private
%% Called with its module's name: it is kept as long as the breaker lives, and the code
%% may be replaced meanwhile.
-spec is_error(term()) -> boolean().
is_error(error) -> true;
is_error(Value) when is_tuple(Value), tuple_size(Value) > 0 -> element(1, Value) =:= error;
is_error(_) -> false.

%% @doc A child specification, with the name as id.
-spec child_spec(name()) -> supervisor:child_spec().
child_spec(Name) ->
    child_spec(Name, #{}).

-spec child_spec(name(), options()) -> supervisor:child_spec().
child_spec(Name, Options) ->
    #{id => Name, start => {?MODULE, start_link, [Name, Options]}}.

%% @doc Runs the function, if the breaker lets it. Returns
%%
%% <dl>
%% <dt>`{ok, Value}'</dt><dd>what the function returned</dd>
%% <dt>`{error, {failed, Value}}'</dt>
%% <dd>what the function returned, which is a failure</dd>
%% <dt>`{error, open}'</dt><dd>it did not run</dd>
%% <dt>`{error, no_breaker}'</dt>
%% <dd>it did not run: there is no breaker of that name, or it is being restarted</dd>
%% </dl>
%%
%% What the function raises is counted, and raised.
-spec run(name(), fun(() -> Value)) ->
    {ok, Value} | {error, {failed, Value} | open | no_breaker}.
run(Name, Fun) when is_function(Fun, 0) ->
    case look(Name) of
        {closed, Change, IsFailure} ->
            attempt(Name, Change, closed, IsFailure, Fun);
        {open, _, _} ->
            {error, open};
        {half_open, _, IsFailure} ->
            case ask(Name, probe) of
                {go, Change} -> attempt(Name, Change, probe, IsFailure, Fun);
                Refused -> {error, Refused}
            end;
        none ->
            {error, no_breaker}
    end.

attempt(Name, Change, Kind, IsFailure, Fun) ->
    try
        Value = Fun(),
        {Value, IsFailure(Value)}
    of
        {Value, false} when Kind =:= closed ->
            {ok, Value};
        {Value, false} ->
            _ = ask(Name, {succeeded, Change}),
            {ok, Value};
        {Value, true} ->
            _ = ask(Name, {failed, Change}),
            {error, {failed, Value}}
    catch
        Class:Reason:Stack ->
            _ = ask(Name, {failed, Change}),
            erlang:raise(Class, Reason, Stack)
    end.

look(Name) ->
    try ets:lookup(Name, state) of
        [{state, State, Change, IsFailure}] -> {State, Change, IsFailure}
    catch
        error:badarg -> none
    end.

%% A breaker that has gone meanwhile is not the function's fault.
ask(Name, Request) ->
    try
        gen_statem:call(Name, Request)
    catch
        exit:_ -> no_breaker
    end.

%% @doc The state of a breaker.
-spec state(name()) -> state() | {error, no_breaker}.
state(Name) ->
    case look(Name) of
        {State, _, _} -> State;
        none -> {error, no_breaker}
    end.

%% @doc Opens the breaker by hand, for a cooldown.
-spec trip(name()) -> ok.
trip(Name) ->
    gen_statem:call(Name, trip).

%% @doc Closes the breaker by hand, and forgets the failures.
-spec reset(name()) -> ok.
reset(Name) ->
    gen_statem:call(Name, reset).

%% @doc The text of an error of {@link start_link/2}.
-spec format_error(maty_options:error_reason()) -> unicode:chardata().
format_error(Reason) ->
    maty_options:format_error(Reason).

%% ----- The process -----
%%
%% Its states are closed, open, half_open, and {probing, Monitor}, which is open
%% to all but the one who probes.

%% @private
-spec callback_mode() -> handle_event_function.
callback_mode() -> handle_event_function.

%% @private
-spec init({name(), options()}) -> {ok, closed, #data{}}.
init({Name, Options}) ->
    _ = ets:new(Name, [named_table, protected, {read_concurrency, true}]),
    Data = #data{name = Name, options = Options},
    show(closed, Data),
    {ok, closed, Data}.

show(State, #data{name = Name, change = Change, options = #{is_failure := IsFailure}}) ->
    true = ets:insert(Name, {state, State, Change, IsFailure}).

%% @private
-spec handle_event(gen_statem:event_type(), term(), term(), #data{}) ->
    gen_statem:event_handler_result(term()).
handle_event({call, From}, {failed, Change}, closed, #data{change = Change} = Data) ->
    failed(From, Data);
handle_event({timeout, Failure}, forget, closed, #data{failures = Failures} = Data) ->
    {keep_state, Data#data{failures = lists:delete(Failure, Failures)}};
handle_event(state_timeout, cooled, open, Data) ->
    change(half_open, open, [], Data);
handle_event({call, {Pid, _} = From}, probe, half_open, #data{} = Data) ->
    Monitor = erlang:monitor(process, Pid),
    #data{change = Change, options = #{probe := Time}} = Data,
    %% Others are refused without a question.
    Probing = Data#data{change = Change + 1},
    show(open, Probing),
    {next_state, {probing, Monitor}, Probing, [
        {reply, From, {go, Change + 1}},
        {state_timeout, Time, late}
    ]};
handle_event({call, From}, {Result, Change}, {probing, Monitor}, #data{change = Change} = Data) ->
    true = erlang:demonitor(Monitor, [flush]),
    case Result of
        succeeded -> close(From, half_open, Data);
        failed -> open([{reply, From, ok}], half_open, Data)
    end;
handle_event(info, {'DOWN', Monitor, process, _, _}, {probing, Monitor}, Data) ->
    open([], half_open, Data);
handle_event(state_timeout, late, {probing, Monitor}, Data) ->
    true = erlang:demonitor(Monitor, [flush]),
    open([], half_open, Data);
handle_event({call, From}, probe, closed, #data{change = Change}) ->
    %% Somebody else's probe was faster, and succeeded.
    {keep_state_and_data, {reply, From, {go, Change}}};
handle_event({call, From}, probe, _State, _Data) ->
    {keep_state_and_data, {reply, From, open}};
handle_event({call, From}, trip, State, Data) ->
    open([{reply, From, ok}], public(State), Data);
handle_event({call, From}, reset, State, Data) ->
    close(From, public(State), Data);
handle_event({call, From}, _Late, _State, _Data) ->
    {keep_state_and_data, {reply, From, ok}};
handle_event(_Type, _Event, _State, _Data) ->
    keep_state_and_data.

public({probing, _}) -> half_open;
public(State) -> State.

failed(From, #data{failures = Failures, options = Options} = Data) ->
    case Options of
        #{failures := Most} when length(Failures) + 1 >= Most ->
            open([{reply, From, ok}], closed, Data);
        #{window := Window} ->
            Failure = make_ref(),
            {keep_state, Data#data{failures = [Failure | Failures]}, [
                {reply, From, ok},
                {{timeout, Failure}, Window, forget}
            ]}
    end.

open(Actions, Before, #data{options = #{cooldown := Cooldown}} = Data) ->
    change(open, Before, [{state_timeout, Cooldown, cooled} | Actions], Data).

close(From, Before, Data) ->
    change(closed, Before, [{reply, From, ok}], Data).

%% From here on nothing counts that began before. The event is for those who look
%% from outside, to whom a breaker that is opened again has been half-open.
change(State, Before, Actions, #data{name = Name, change = Change, failures = Failures} = Data) ->
    Changed = Data#data{change = Change + 1, failures = []},
    show(State, Changed),
    State =:= Before orelse
        maty_event:notify(breaker, #{name => Name, from => Before, to => State}),
    Forget = [{{timeout, Failure}, cancel} || Failure <- Failures],
    {next_state, State, Changed, Forget ++ Actions}.

%% @private
-spec code_change(term(), term(), #data{}, term()) -> {ok, term(), #data{}}.
code_change(_Version, State, Data, _Extra) -> {ok, State, Data}.
