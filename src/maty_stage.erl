%% @private
%% Where one run of {@link maty_testing} takes place: it owns the access point, and
%% sees what the actor sends, in its order, and what it refuses.
%%
%% The order of what an actor sends to different roles is known to nobody but
%% itself, so it is traced. The stage is a process of its own to have the trace, the
%% events and the access point out of the way of whoever runs the test, and gone
%% with it.
-module(maty_stage).

-behaviour(gen_server).

-include("maty_internal.hrl").

-export([start/1, access_point/1, watch/2, seen/1, stop/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).

-record(stage, {
    owner :: reference(),
    access_point :: pid(),
    actor :: pid() | undefined,
    %% Since the last question, the latest first.
    sent = [] :: [{maty_engine:handle(), maty:message()}],
    violations = [] :: [maty_error:violation()]
}).

-spec start(maty_protocol:protocol()) -> {ok, pid()} | {error, term()}.
start(Protocol) ->
    gen_server:start(?MODULE, {self(), Protocol}, []).

-spec access_point(pid()) -> pid().
access_point(Stage) ->
    gen_server:call(Stage, access_point).

%% From now on what the actor sends is seen.
-spec watch(pid(), pid()) -> ok | {error, traced}.
watch(Stage, Actor) ->
    gen_server:call(Stage, {watch, Actor}).

%% What the actor has sent since the last question, as receiver's handle and
%% message; and the violations that were reported.
-spec seen(pid()) -> {[{maty_engine:handle(), maty:message()}], [maty_error:violation()]}.
seen(Stage) ->
    gen_server:call(Stage, seen, infinity).

-spec stop(pid()) -> ok.
stop(Stage) ->
    gen_server:stop(Stage).

-spec init({pid(), maty_protocol:protocol()}) -> {ok, #stage{}} | {stop, term()}.
init({Owner, Protocol}) ->
    _ = process_flag(trap_exit, true),
    case maty_access_point:start_link(Protocol) of
        {ok, AccessPoint} ->
            ok = maty_event:subscribe(violation),
            {ok, #stage{owner = erlang:monitor(process, Owner), access_point = AccessPoint}};
        {error, Reason} ->
            {stop, Reason}
    end.

-spec handle_call(term(), gen_server:from(), #stage{}) -> {reply, term(), #stage{}}.
handle_call(access_point, _From, #stage{access_point = AccessPoint} = Stage) ->
    {reply, AccessPoint, Stage};
handle_call({watch, Actor}, _From, Stage) ->
    try
        _ = erlang:trace(Actor, true, [send]),
        {reply, ok, Stage#stage{actor = Actor}}
    catch
        %% One process has one tracer; or the actor has ended, and will not send.
        error:badarg ->
            case is_process_alive(Actor) of
                true -> {reply, {error, traced}, Stage};
                false -> {reply, ok, Stage}
            end
    end;
handle_call(seen, _From, #stage{actor = undefined} = Stage) ->
    {reply, {[], []}, Stage};
handle_call(seen, _From, #stage{actor = Actor} = Stage) ->
    Delivered = erlang:trace_delivered(Actor),
    #stage{sent = Sent, violations = Violations} = take_in(Delivered, Stage),
    {reply, {lists:reverse(Sent), lists:reverse(Violations)}, Stage#stage{
        sent = [], violations = []
    }}.

%% All trace messages that were on their way, and the events that are here.
take_in(Delivered, #stage{actor = Actor} = Stage) ->
    receive
        {trace, Actor, _, _, _} = Traced -> take_in(Delivered, noted(Traced, Stage));
        {trace_delivered, Actor, Delivered} -> take_in(Stage)
    end.

take_in(Stage) ->
    receive
        {maty_event, violation, _} = Event -> take_in(noted(Event, Stage))
    after 0 -> Stage
    end.

noted({trace, _, _, ?MESSAGE(Handle, _, Message), _To}, #stage{sent = Sent} = Stage) ->
    Stage#stage{sent = [{Handle, Message} | Sent]};
noted({maty_event, violation, Violation}, #stage{violations = Violations} = Stage) ->
    Stage#stage{violations = [Violation | Violations]};
noted(_Message, Stage) ->
    Stage.

-spec handle_cast(term(), #stage{}) -> {noreply, #stage{}}.
handle_cast(_Request, Stage) ->
    {noreply, Stage}.

-spec handle_info(term(), #stage{}) -> {noreply, #stage{}} | {stop, term(), #stage{}}.
handle_info({'DOWN', Owner, process, _, _}, #stage{owner = Owner} = Stage) ->
    {stop, normal, Stage};
handle_info({'EXIT', AccessPoint, Reason}, #stage{access_point = AccessPoint} = Stage) ->
    {stop, Reason, Stage};
handle_info(Message, Stage) ->
    {noreply, noted(Message, Stage)}.

-spec terminate(term(), #stage{}) -> ok.
terminate(_Reason, #stage{access_point = AccessPoint}) ->
    _ = catch maty_access_point:stop(AccessPoint),
    ok.
