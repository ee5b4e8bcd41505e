%% @doc Restarts a child after a delay that grows with every failure.
%%
%% A supervisor restarts at once, and gives up after a few times: right for what
%% goes wrong inside, wrong for a child that needs something that is not there for
%% a while. This process stands between the two. To its supervisor it is a
%% supervisor of one child, which does not fail; to the child it is its supervisor.
%%
%% ```
%% init([]) ->
%%     Connection = #{id => connection, start => {connection, start_link, []}},
%%     {ok, {#{strategy => rest_for_one}, [
%%         maty_backoff:child_spec(Connection, #{min => 100, max => 30000}),
%%         ...
%% '''
%%
%% The child's `restart' says when it is restarted, as in OTP. Where it is not,
%% this process ends with the child and with its reason. A child that could not be
%% started has failed like one that has ended, at the first start too: whoever is
%% started after it cannot count on it being there, and has to ask
%% (`supervisor:which_children/1', a registered name).
%%
%% Options:
%%
%% <dl>
%% <dt>`min', `max', `factor', `jitter', `seed'</dt>
%% <dd>how the delay grows; see {@link maty_delay}</dd>
%% <dt>`reset'</dt>
%% <dd>after so many milliseconds without a failure the delay is the first one
%% again; the same as `max' unless given</dd>
%% <dt>`attempts'</dt>
%% <dd>after so many failures in a row this process ends with the child's reason,
%% for its own supervisor to decide; `infinity' unless given</dd>
%% <dt>`name'</dt>
%% <dd>as in `gen_statem:start_link/4', or an atom</dd>
%% </dl>
%%
%% The functions of `supervisor' work on it: `which_children', `count_children',
%% `get_childspec', `terminate_child', and `restart_child', which also ends a wait.
-module(maty_backoff).

-behaviour(gen_statem).

-export([start_link/2, child_spec/2, info/1, format_error/1]).
-export([init/1, callback_mode/0, handle_event/4, terminate/3, code_change/4]).

-export_type([options/0, info/0]).

-type options() :: #{
    min => pos_integer(),
    max => pos_integer(),
    factor => number(),
    jitter => maty_delay:jitter(),
    seed => integer(),
    reset => timeout(),
    attempts => pos_integer() | infinity,
    name => atom() | gen_statem:server_name()
}.

%% `failures' are those in a row; `delay' is what is waited for, in milliseconds.
-type info() :: #{
    state := running | waiting | stopped,
    child := pid() | undefined,
    failures := non_neg_integer(),
    delay => non_neg_integer(),
    reason => term()
}.

-record(data, {
    child :: maty_child:specification(),
    pid :: pid() | undefined,
    delays :: maty_delay:delays(),
    reset :: timeout(),
    attempts :: pos_integer() | infinity,
    failures = 0 :: non_neg_integer(),
    %% Of the last failure.
    reason :: term(),
    delay = 0 :: non_neg_integer()
}).

%% @doc Starts the process, linked to the caller, and the child, linked to the
%% process. A wrong option or child is an error, see {@link format_error/1}.
-spec start_link(supervisor:child_spec(), options()) -> gen_statem:start_ret().
start_link(Child, Options) ->
    case configure(Child, Options) of
        {ok, Data, none} -> gen_statem:start_link(?MODULE, Data, []);
        {ok, Data, Name} when is_atom(Name) ->
            gen_statem:start_link({local, Name}, ?MODULE, Data, []);
        {ok, Data, Name} ->
            gen_statem:start_link(Name, ?MODULE, Data, []);
        {error, Reason} -> {error, Reason}
    end.

%% @doc The specification under which a supervisor has the child restarted like
%% this: with the same id, and the same `restart'.
-spec child_spec(supervisor:child_spec(), options()) -> supervisor:child_spec().
child_spec(Child, Options) ->
    {Id, Restart} =
        case Child of
            #{id := I} -> {I, maps:get(restart, Child, permanent)};
            {I, _, R, _, _, _} -> {I, R}
        end,
    #{
        id => Id,
        start => {?MODULE, start_link, [Child, Options]},
        restart => Restart,
        shutdown => infinity,
        type => supervisor,
        modules => [?MODULE]
    }.

%% @doc How the child is.
-spec info(gen_statem:server_ref()) -> info().
info(Server) ->
    gen_statem:call(Server, info).

%% @doc The text of an error of {@link start_link/2}.
-spec format_error(term()) -> unicode:chardata().
format_error({bad_child, Child, Reason}) ->
    io_lib:format("~0tP is no child specification: ~0tp", [Child, 20, Reason]);
format_error(Reason) ->
    maty_options:format_error(Reason).

configure(Child, Options) ->
    Count = fun(Value) -> Value =:= infinity orelse is_integer(Value) andalso Value > 0 end,
    Known = (maty_delay:options())#{
        reset => maty_options:timeout(max, 0),
        attempts => {{default, infinity}, "an integer from 1, or 'infinity'", Count},
        name => maty_options:name(none)
    },
    case {maty_child:specification(Child), maty_options:take(Options, Known)} of
        {{ok, Spec}, {ok, #{max := Max, attempts := Attempts, name := Name} = Taken}} ->
            case maty_delay:new(maps:with(maps:keys(maty_delay:options()), Options)) of
                {ok, Delays} ->
                    Reset =
                        case Taken of
                            #{reset := max} -> Max;
                            #{reset := Given} -> Given
                        end,
                    Data = #data{
                        child = Spec, delays = Delays, reset = Reset, attempts = Attempts
                    },
                    {ok, Data, Name};
                {error, Reason} ->
                    {error, Reason}
            end;
        {{error, Reason}, _} ->
            {error, Reason};
        {_, {error, Reason}} ->
            {error, Reason}
    end.

%% @private
-spec callback_mode() -> handle_event_function.
callback_mode() -> handle_event_function.

%% @private
-spec init(#data{}) -> gen_statem:init_result(running | waiting | stopped).
init(Data) ->
    process_flag(trap_exit, true),
    case start(Data) of
        {next_state, State, Started, Actions} -> {ok, State, Started, Actions};
        {stop, Reason, _} -> {stop, Reason}
    end.

%% ----- Starting and failing -----

start(#data{child = #{start := Start} = Child, reset = Reset} = Data) ->
    case maty_child:start(Start) of
        {ok, Pid} ->
            Running = Data#data{pid = Pid},
            {next_state, running, Running, [{{timeout, healthy}, Reset, healthy}]};
        ignore ->
            {next_state, stopped, Data#data{pid = undefined}, []};
        {error, Reason} ->
            maty_child:report(?MODULE, start_error, Reason, undefined, Child),
            failed(Reason, Data)
    end.

failed(Reason, #data{failures = Failures, attempts = Attempts} = Data) when
    Failures + 1 >= Attempts
->
    {stop, Reason, Data#data{pid = undefined}};
failed(Reason, #data{failures = Failures, delays = Delays} = Data) ->
    {Delay, Rest} = maty_delay:next(Delays),
    Waiting = Data#data{
        pid = undefined, failures = Failures + 1, reason = Reason, delays = Rest, delay = Delay
    },
    {next_state, waiting, Waiting, [
        {{timeout, healthy}, cancel},
        {state_timeout, Delay, restart}
    ]}.

%% The child has ended by itself.
ended(Reason, #data{pid = Pid, child = #{restart := Restart} = Child} = Data) ->
    Normal = maty_child:ended_normally(Reason),
    Normal orelse maty_child:report(?MODULE, child_terminated, Reason, Pid, Child),
    case Restart of
        permanent -> failed(Reason, Data);
        transient when not Normal -> failed(Reason, Data);
        _ -> {stop, Reason, Data#data{pid = undefined}}
    end.

%% What is reported of the child is not reported again.
given_up({stop, Reason, Data}) ->
    case maty_child:ended_normally(Reason) of
        true -> {stop, Reason, Data};
        false -> maty_child:follow(Reason)
    end;
given_up(GoesOn) ->
    GoesOn.

%% ----- Events -----

%% @private
-spec handle_event(gen_statem:event_type(), term(), atom(), #data{}) ->
    gen_statem:event_handler_result(atom()).
handle_event(info, {'EXIT', Pid, Reason}, running, #data{pid = Pid} = Data) ->
    given_up(ended(Reason, Data));
handle_event(state_timeout, restart, waiting, Data) ->
    given_up(start(Data));
handle_event({timeout, healthy}, healthy, running, #data{delays = Delays} = Data) ->
    {keep_state, Data#data{failures = 0, delays = maty_delay:reset(Delays)}};
handle_event({call, From}, info, State, Data) ->
    {keep_state_and_data, {reply, From, describe(State, Data)}};
handle_event({call, From}, Request, State, #data{child = Child} = Data) ->
    case maty_child:answer(Request, visible(State, Data), Child) of
        {ok, Answer} -> {keep_state_and_data, {reply, From, Answer}};
        no -> request(Request, From, State, Data)
    end;
handle_event(_Type, _Event, _State, _Data) ->
    keep_state_and_data.

request({terminate_child, _}, From, State, Data) ->
    stop_child(State, Data),
    {next_state, stopped, Data#data{pid = undefined}, [
        {{timeout, healthy}, cancel},
        {reply, From, ok}
    ]};
request({restart_child, _}, From, running, _Data) ->
    {keep_state_and_data, {reply, From, {error, running}}};
request({restart_child, _}, From, _State, Data) ->
    case start(Data) of
        {next_state, running, #data{pid = Pid} = Started, Actions} ->
            {next_state, running, Started, [{reply, From, {ok, Pid}} | Actions]};
        {next_state, stopped, Started, Actions} ->
            {next_state, stopped, Started, [{reply, From, {ok, undefined}} | Actions]};
        %% A state of the same name is entered again here: its timer starts anew.
        {next_state, waiting, #data{reason = Reason} = Started, Actions} ->
            {next_state, waiting, Started, [{reply, From, {error, Reason}} | Actions]};
        {stop, Reason, Stopped} ->
            {stop_and_reply, Reason, {reply, From, {error, Reason}}, Stopped}
    end;
request({delete_child, _}, From, running, _Data) ->
    {keep_state_and_data, {reply, From, {error, running}}};
request(_Request, From, _State, _Data) ->
    {keep_state_and_data, {reply, From, {error, one_child}}}.

visible(waiting, _Data) -> restarting;
visible(_State, #data{pid = Pid}) -> Pid.

describe(State, #data{pid = Pid, failures = Failures, delay = Delay, reason = Reason}) ->
    Info = #{state => State, child => Pid, failures => Failures},
    case State of
        waiting -> Info#{delay => Delay, reason => Reason};
        _ -> Info
    end.

stop_child(running, #data{pid = Pid, child = Child}) -> maty_child:stop(Pid, Child);
stop_child(_State, _Data) -> ok.

%% @private
-spec terminate(term(), atom(), #data{}) -> ok.
terminate(_Reason, _State, #data{pid = undefined}) -> ok;
terminate(_Reason, State, Data) -> stop_child(State, Data).

%% @private
-spec code_change(term(), atom(), #data{}, term()) -> {ok, atom(), #data{}}.
code_change(_Version, State, Data, _Extra) -> {ok, State, Data}.
