%% @private
%% One child of {@link maty_escalation}: starts it, sees it end, and does what the
%% policy says. To its supervisor it is a transient, significant child; to
%% whoever asks, the supervisor of one child.
%%
%% What always holds: the child runs, or its end was one that it stays ended after.
-module(maty_guard).

-behaviour(gen_server).

-export([child_spec/2, start_link/1]).
-export([init/1, handle_continue/2, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).

-record(state, {
    child :: maty_child:specification(),
    %% How a child is started that goes on as it was.
    resume :: {module(), atom(), [term()]} | none,
    policy :: {maty_escalation:policy(), fun((term()) -> maty_escalation:kind())},
    pid :: pid() | undefined
}).

-spec child_spec(map(), term()) -> {ok, supervisor:child_spec()} | {error, term()}.
child_spec(Child, Policy) ->
    case {maty_child:specification(maps:remove(resume, Child)), Child} of
        {{ok, #{id := Id} = Spec}, #{resume := {Module, Function, Arguments} = Resume}} when
            is_atom(Module), is_atom(Function), is_list(Arguments)
        ->
            {ok, child_spec(Id, Spec, Resume, Policy)};
        {{ok, _}, #{resume := Other}} ->
            {error, {bad_child, Child, {invalid_resume, Other}}};
        {{ok, #{id := Id} = Spec}, _} ->
            {ok, child_spec(Id, Spec, none, Policy)};
        {{error, Reason}, _} ->
            {error, Reason}
    end.

child_spec(Id, Spec, Resume, Policy) ->
    State = #state{child = Spec, resume = Resume, policy = Policy},
    #{
        id => Id,
        start => {?MODULE, start_link, [State]},
        restart => transient,
        significant => true,
        shutdown => infinity,
        type => supervisor
    }.

-spec start_link(#state{}) -> gen_server:start_ret().
start_link(State) ->
    gen_server:start_link(?MODULE, State, []).

-spec init(#state{}) ->
    {ok, #state{}} | {ok, #state{}, {continue, {escalate, term()}}} | {stop, term()}.
init(#state{child = #{start := Start} = Child} = State) ->
    process_flag(trap_exit, true),
    case maty_child:start(Start) of
        {ok, Pid} ->
            {ok, State#state{pid = Pid}};
        ignore ->
            {ok, State};
        {error, Reason} ->
            maty_child:report(?MODULE, start_error, Reason, undefined, Child),
            case decide(Reason, State) of
                restart -> {stop, Reason};
                escalate -> {ok, State, {continue, {escalate, Reason}}};
                %% There is nothing yet that it could go on with.
                _ -> {ok, State}
            end
    end.

-spec handle_continue({escalate, term()}, #state{}) -> {stop, term(), #state{}}.
handle_continue({escalate, Reason}, State) ->
    escalate(Reason, State).

escalate(Reason, #state{child = #{id := Id}} = State) ->
    {stop, {shutdown, {escalated, Id, Reason}}, State}.

decide(Reason, #state{child = #{id := Id, restart := Restart}, policy = Policy}) ->
    case {maty_escalation:decide(Policy, Id, Reason), Restart} of
        {escalate, _} -> escalate;
        {_, temporary} -> stop;
        {Decision, _} -> Decision
    end.

-spec handle_info(term(), #state{}) -> {noreply, #state{}} | {stop, term(), #state{}}.
handle_info({'EXIT', Pid, Reason}, #state{pid = Pid, child = Child} = State) ->
    Ended = State#state{pid = undefined},
    case {maty_child:ended_normally(Reason), Child} of
        {true, #{restart := permanent}} ->
            maty_child:follow({child_ended, Reason});
        {true, _} ->
            {noreply, Ended};
        {false, _} ->
            maty_child:report(?MODULE, child_terminated, Reason, Pid, Child),
            failed(Reason, Ended)
    end;
handle_info(_Message, State) ->
    {noreply, State}.

failed(Reason, #state{resume = Resume} = State) ->
    case decide(Reason, State) of
        restart -> maty_child:follow(Reason);
        escalate -> escalate(Reason, State);
        resume when Resume =/= none -> resume(Resume, State);
        _ -> {noreply, State}
    end.

%% A child that cannot go on as it was has failed for good.
resume(Resume, #state{child = Child} = State) ->
    case maty_child:start(Resume) of
        {ok, Pid} ->
            {noreply, State#state{pid = Pid}};
        ignore ->
            {noreply, State};
        {error, Reason} ->
            maty_child:report(?MODULE, start_error, Reason, undefined, Child),
            escalate(Reason, State)
    end.

-spec handle_call(term(), gen_server:from(), #state{}) -> {reply, term(), #state{}}.
handle_call(Request, _From, #state{child = Child, pid = Pid} = State) ->
    case maty_child:answer(Request, Pid, Child) of
        {ok, Answer} -> {reply, Answer, State};
        no -> request(Request, State)
    end.

request({terminate_child, _}, #state{pid = undefined} = State) ->
    {reply, ok, State};
request({terminate_child, _}, #state{pid = Pid, child = Child} = State) ->
    ok = maty_child:stop(Pid, Child),
    {reply, ok, State#state{pid = undefined}};
request({restart_child, _}, #state{pid = undefined} = State) ->
    #state{child = #{start := Start}, resume = Resume} = State,
    Way =
        case Resume of
            none -> Start;
            _ -> Resume
        end,
    case maty_child:start(Way) of
        {ok, Pid} -> {reply, {ok, Pid}, State#state{pid = Pid}};
        ignore -> {reply, {ok, undefined}, State};
        {error, Reason} -> {reply, {error, Reason}, State}
    end;
request({restart_child, _}, State) ->
    {reply, {error, running}, State};
request(_Request, State) ->
    {reply, {error, one_child}, State}.

-spec handle_cast(term(), #state{}) -> {noreply, #state{}}.
handle_cast(_Request, State) ->
    {noreply, State}.

-spec terminate(term(), #state{}) -> ok.
terminate(_Reason, #state{pid = undefined}) -> ok;
terminate(_Reason, #state{pid = Pid, child = Child}) -> maty_child:stop(Pid, Child).
