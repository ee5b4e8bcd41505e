%% @doc The behaviour of an actor: one process that takes part in many sessions.
%%
%% An actor registers for roles at access points. When a session begins, its
%% `init_session' returns the first handler; from then on each message that the
%% protocol expects runs the handler that is suspended for it. A handler takes
%% the message and the session's own state, sends what it has to send, and
%% returns one of
%%
%% <dl>
%% <dt>`{suspend, Handler, State}'</dt>
%% <dd>wait for the next message of this session, with this handler</dd>
%% <dt>`{suspend, Handler, State, Options}'</dt>
%% <dd>the same, and what to do if the message does not come; see below</dd>
%% <dt>`{hold, Name, Handler, State}'</dt>
%% <dd>stand still where the role sends next, until {@link maty:become/2} calls
%% the handler, with its argument in place of a message</dd>
%% <dt>`{done, Reason, State}'</dt>
%% <dd>the role has come to its end</dd>
%% <dt>`{leave, Reason, State}'</dt>
%% <dd>leave the session here; who waits for this role fails, and the actor goes on</dd>
%% <dt>`noreply'</dt>
%% <dd>wait for the next message, with handler and state as they are</dd>
%% </dl>
%%
%% Suspending is allowed where the protocol lets the role wait, holding where it
%% sends, being done where it has nothing left to do; anything else is a violation,
%% and raised.
%%
%% A handler that is given as `fun ?MODULE:name/2' is that of the newest code when its
%% message comes; `fun name/2' is that of the code that gave it, and raises `badfun' once
%% that has been loaded over twice.
%%
%% The options of a suspension are a map (from Elixir, keywords will do, too):
%%
%% <dl>
%% <dt>`timeout'</dt>
%% <dd>milliseconds, up to 2^32 - 1, or `infinity'. If what the role waits for has not
%% been sent by then, the role fails with the cause `timeout'. Where the protocol
%% gives a deadline of its own, the sooner one counts.</dd>
%% <dt>`on_failure'</dt>
%% <dd>`fun((Failure, ActorState) -> {ok, ActorState} | {stop, Reason, ActorState})',
%% called if the role fails in this suspension</dd>
%% </dl>
%%
%% A failure is told to one function: `on_failure' of the suspension, else
%% `handle_failure/4' of the module, else `terminate_session/4', which every other
%% ending is told to. None of them can send in the session, which is over for the
%% actor; each may change the actor's state, or stop the actor. Without any, the
%% actor goes on.
%%
%% ```
%% -module(seller).
%% -behaviour(maty_actor).
%% -export([init_actor/1, init_session/2]).
%%
%% init_actor(AccessPoint) ->
%%     maty:register(AccessPoint, 'Seller'),
%%     {ok, AccessPoint}.
%%
%% init_session(_Session, AccessPoint) ->
%%     maty:register(AccessPoint, 'Seller'),
%%     {ok, fun title/2, #{}, AccessPoint}.
%%
%% title({title, Title}, State) ->
%%     maty:send('Buyer1', {quote, price(Title)}),
%%     {suspend, fun decision/2, State}.
%%
%% decision({address, _Address}, State) ->
%%     maty:send('Buyer2', {date, {2026, 12, 1}}),
%%     {done, normal, State};
%% decision({quit}, State) ->
%%     {done, normal, State}.
%% '''
%%
%% An actor is an OTP process in full. `handle_call', `handle_cast',
%% `handle_info', `handle_continue', `terminate' and `code_change' are those of
%% `gen_server', with the actor's state; `gen_server:call/2' and
%% `gen_server:cast/2' reach it, and so does `sys'. What a handler raises ends
%% the actor, as it would end a `gen_server', unless it was started with the
%% option `{on_raise, leave}'; then it ends that session, and the actor goes on.
%%
%% == The process ==
%%
%% It runs its own loop and not `gen_server's, because the way from a message to
%% its handler is what a conversation costs. The session whose handler ran last
%% is in hand: its endpoint is the current one of the process, and it goes back
%% into the map of sessions only when another one takes its place, so that a
%% conversation that goes to and fro touches no map.
%%
%% What always holds between two messages: a session is in hand or in the map
%% from its `init_session' to its end; its endpoint waits for a message; messages
%% that came before their turn are in its `waiting', by sender and in order, and
%% none of them is next.
-module(maty_actor).

-include("maty_internal.hrl").
-include("maty_actor.hrl").

-export([start_link/2, start_link/3, start_link/4, start/2, start/3, start/4]).
-export([sessions/1, child_spec/1]).
-export([init_it/6, reconnect/1]).
-export([
    system_continue/3,
    system_terminate/4,
    system_code_change/4,
    system_get_state/1,
    system_replace_state/2,
    format_status/2
]).

-export_type([handler/0, held/0, handled/0, options/0, session_info/0, ending/0, failure/0]).

-type state() :: term().
-type local_state() :: term().
-type handler() :: fun((maty:message(), local_state()) -> handled()).
-type handled() ::
    {suspend, handler(), local_state()}
    | {suspend, handler(), local_state(), options()}
    | {hold, Name :: term(), held(), local_state()}
    | {done, Reason :: term(), local_state()}
    | {leave, Reason :: term(), local_state()}
    | noreply.

%% What goes on with a session that was held; the argument is that of maty:become/2.
-type held() :: fun((Argument :: term(), local_state()) -> handled()).

-type options() ::
    #{
        timeout => timeout(),
        on_failure => fun((failure(), state()) -> {ok, state()} | {stop, term(), state()})
    }
    | [{atom(), term()}].

%% How a role came to its end: as the protocol has it, or it has left, or failed.
-type ending() :: {done, term()} | {left, term()} | {failed, failure()}.

%% A role that it waited for has gone; what it waited for was not sent in time; more
%% messages waited than may; its handler raised, or ended as the protocol does not
%% allow, the reason as a process would exit with it; the engine has ended; or it had no
%% memory for the deadline.
-type failure() :: {cancelled, maty:role()} | timeout | overload | {raised, term()} | engine_down
    | no_memory.

-type session_info() :: #{
    id := maty:session_id(),
    protocol := atom(),
    role := maty:role(),
    state := send | 'receive' | final,
    next := [maty_machine:transition()],
    handler := handler(),
    waiting := non_neg_integer(),
    %% The name it is held by, of a session that is held.
    held => term()
}.

-callback init_actor(Argument :: term()) ->
    {ok, state()} | {ok, state(), timeout() | hibernate | {continue, term()}}
    | {stop, Reason :: term()} | ignore.
-callback init_session(maty:session(), state()) ->
    {ok, handler(), local_state(), state()}
    | {ok, handler(), local_state(), state(), options()}
    | {hold, Name :: term(), held(), local_state(), state()}
    | {done, Reason :: term(), state()}
    | {leave, Reason :: term(), state()}.
%% Runs after init_session and before the role suspends for the first time.
-callback setup_actor(maty:session(), state()) -> {ok, state()}.
%% A role of the actor's has failed.
-callback handle_failure(failure(), maty:session(), local_state(), state()) ->
    {ok, state()} | {stop, Reason :: term(), state()}.
%% A session has ended for this actor; a failure is told here only if there is no
%% handle_failure. The state of one that has ended in init_session is `undefined'.
-callback terminate_session(ending(), maty:session(), local_state(), state()) ->
    {ok, state()} | {stop, Reason :: term(), state()}.
%% An access point has ended where the actor had registered for these roles, or is one
%% of another node that does not have them. Without it, that is logged. It is not for
%% an access point that the actor gave by a name: there it registers again with
%% whoever gets the name.
-callback access_point_down(maty:access_point(), [maty:role()], state()) ->
    {ok, state()} | {stop, Reason :: term(), state()}.
%% A registration has not been answered in its time, and is taken back. Without
%% it, that is logged.
-callback registration_expired(maty:access_point(), maty:role(), state()) ->
    {ok, state()} | {stop, Reason :: term(), state()}.
%% A registration was turned away, because more waited than may. Without it, that
%% is logged.
-callback turned_away(maty:access_point(), maty:role(), state()) ->
    {ok, state()} | {stop, Reason :: term(), state()}.
-callback handle_call(term(), gen_server:from(), state()) -> term().
-callback handle_cast(term(), state()) -> term().
-callback handle_info(term(), state()) -> term().
-callback handle_continue(term(), state()) -> term().
-callback terminate(Reason :: term(), state()) -> term().
-callback code_change(term(), state(), term()) -> {ok, state()} | {error, term()}.
-optional_callbacks([
    setup_actor/2,
    handle_failure/4,
    terminate_session/4,
    access_point_down/3,
    registration_expired/3,
    turned_away/3,
    handle_call/3,
    handle_cast/2,
    handle_info/2,
    handle_continue/2,
    terminate/2,
    code_change/3
]).

%% Of a suspension.
-define(OPTIONS, #{
    timeout => maty_options:timeout(),
    on_failure =>
        {{default, none}, "a function of the failure and the actor's state", fun(Fun) ->
            is_function(Fun, 2)
        end}
}).

%% Words. A conversation makes some garbage with every message; with the VM's
%% smallest heap of 233 words an actor collects it every few messages.
-define(MIN_HEAP, 610).

%% Between two looks for an engine that is being restarted, in milliseconds.
-define(RECONNECT, 10).

%% Of start and start_link; the first of them are gen's.
-define(START_OPTIONS, #{
    name => optional,
    timeout => optional,
    debug => optional,
    spawn_opt => optional,
    hibernate_after => optional,
    on_raise => optional,
    max_waiting => optional,
    report_cb => optional
}).

%% ----- Starting -----

%% @doc Starts an actor of a module, linked to the caller. `init_actor' gets the
%% argument. Waits until it has returned.
-spec start_link(module(), term()) -> gen_server:start_ret().
start_link(Module, Argument) ->
    start_link(Module, Argument, []).

%% @doc The same with the options of `gen_server:start_link/3' (an actor begins
%% with a heap of 610 words unless `spawn_opt' says otherwise), and `{name,
%% Name}' where Name is an atom, `{local, Atom}', `{global, Term}' or `{via,
%% Module, Term}'. `{on_raise, stop | leave}' says what a handler that raises takes
%% with it: the actor, or its session only. `{max_waiting, Count}' bounds the messages
%% that wait for their turn or for the start of their session, over all sessions of
%% the actor: the session that gets one more fails here, with `overload'. `{report_cb,
%% Fun}' is what the actor's log entries are written with, for another language than
%% Erlang. The options may be a map, too.
-spec start_link(module(), term(), [term()] | map()) -> gen_server:start_ret().
start_link(Module, Argument, Options) ->
    do_start(link, Module, Argument, Options).

-spec start_link(gen_server:server_name(), module(), term(), [term()]) -> gen_server:start_ret().
start_link(Name, Module, Argument, Options) ->
    gen:start(?MODULE, link, Name, Module, Argument, defaults(Options)).

%% @doc As start_link/2, not linked.
-spec start(module(), term()) -> gen_server:start_ret().
start(Module, Argument) ->
    start(Module, Argument, []).

%% @doc As start_link/3, not linked.
-spec start(module(), term(), [term()] | map()) -> gen_server:start_ret().
start(Module, Argument, Options) ->
    do_start(nolink, Module, Argument, Options).

-spec start(gen_server:server_name(), module(), term(), [term()]) -> gen_server:start_ret().
start(Name, Module, Argument, Options) ->
    gen:start(?MODULE, nolink, Name, Module, Argument, defaults(Options)).

do_start(Link, Module, Argument, Options) when is_map(Options) ->
    do_start(Link, Module, Argument, maps:to_list(Options));
do_start(Link, Module, Argument, Options) ->
    case lists:keytake(name, 1, Options) of
        {value, {name, Name}, Rest} when is_atom(Name) ->
            gen:start(?MODULE, Link, {local, Name}, Module, Argument, defaults(Rest));
        {value, {name, Name}, Rest} ->
            gen:start(?MODULE, Link, Name, Module, Argument, defaults(Rest));
        false ->
            gen:start(?MODULE, Link, Module, Argument, defaults(Options))
    end.

%% The user's options come last and win.
defaults(Options) ->
    Spawn = proplists:get_value(spawn_opt, Options, []),
    [{spawn_opt, [{min_heap_size, ?MIN_HEAP} | Spawn]} | proplists:delete(spawn_opt, Options)].

%% @doc A child specification: `{Module, Argument}' or `{Module, Argument,
%% Options}', with the module as the child's id.
-spec child_spec({module(), term()} | {module(), term(), [term()]}) -> supervisor:child_spec().
child_spec({Module, Argument}) ->
    child_spec({Module, Argument, []});
child_spec({Module, Argument, Options}) ->
    #{
        id => Module,
        start => {?MODULE, start_link, [Module, Argument, Options]},
        modules => [Module]
    }.

%% @private
-spec init_it(
    pid(), pid() | self, gen_server:server_name() | pid(), module(), term(), [term()]
) -> no_return().
init_it(Starter, self, Name, Module, Argument, Options) ->
    init_it(Starter, self(), Name, Module, Argument, Options);
init_it(Starter, Parent, Name, Module, Argument, Options) ->
    ok = maty_registration:new(),
    ok = maty_report:new(proplists:get_value(report_cb, Options)),
    Actor = #actor{
        module = Module,
        state = undefined,
        max_waiting = proplists:get_value(max_waiting, Options, infinity),
        parent = Parent,
        name = gen:name(Name),
        debug = gen:debug_options(gen:name(Name), Options),
        on_raise = proplists:get_value(on_raise, Options, stop),
        hibernate_after = gen:hibernate_after(Options)
    },
    case check(Options, Actor) of
        ok -> connect_first(Starter, Name, Argument, Actor);
        {error, Reason} -> init_failed(Starter, Name, {error, Reason}, Reason)
    end.

check(Options, Actor) ->
    Names = [Name || {Name, _} <- Options],
    case maty_options:check(maps:from_keys(Names, given), ?START_OPTIONS) of
        ok -> check(Actor);
        {error, Reason} -> {error, Reason}
    end.

check(#actor{on_raise = OnRaise}) when OnRaise =/= stop, OnRaise =/= leave ->
    {error, {bad_option, on_raise, OnRaise, "'stop' or 'leave'"}};
check(#actor{max_waiting = Most}) when
    Most =/= infinity, not (is_integer(Most) andalso Most > 0)
->
    {error, {bad_option, max_waiting, Most, "a number from 1 on, or 'infinity'"}};
check(#actor{}) ->
    ok.

connect_first(Starter, Name, Argument, Actor) ->
    case connect(Actor) of
        {ok, Connected} -> init_actor(Starter, Name, Argument, Connected);
        {error, Reason} -> init_failed(Starter, Name, {error, Reason}, Reason)
    end.

init_actor(Starter, Name, Argument, #actor{module = Module} = Actor) ->
    try Module:init_actor(Argument) of
        {ok, State} ->
            proc_lib:init_ack(Starter, {ok, self()}),
            loop(none, Actor#actor{state = State});
        {ok, State, Action} ->
            proc_lib:init_ack(Starter, {ok, self()}),
            act(Action, Actor#actor{state = State});
        {stop, Reason} ->
            init_failed(Starter, Name, {error, Reason}, Reason);
        ignore ->
            init_failed(Starter, Name, ignore, normal);
        Other ->
            Reason = {bad_return_value, Other},
            init_failed(Starter, Name, {error, Reason}, Reason)
    catch
        exit:Reason ->
            init_failed(Starter, Name, {error, Reason}, Reason);
        Class:Reason:Stack ->
            Exit = exit_reason(Class, Reason, Stack),
            init_failed(Starter, Name, {error, Exit}, Exit)
    end.

%% The name has to be free again before the starter hears of it.
-spec init_failed(pid(), term(), term(), term()) -> no_return().
init_failed(Starter, Name, Answer, Reason) ->
    gen:unregister_name(Name),
    proc_lib:init_ack(Starter, Answer),
    exit(Reason).

exit_reason(error, Reason, Stack) -> {Reason, Stack};
exit_reason(throw, Value, Stack) -> {{nocatch, Value}, Stack};
exit_reason(exit, Reason, _Stack) -> Reason.

%% ----- The engine -----

connect(Actor) ->
    case maty_registration:connect() of
        {ok, Monitor} -> {ok, Actor#actor{engine = Monitor}};
        {error, Reason} -> {error, Reason}
    end.

%% Every session went with the engine. Registrations that wait are made again
%% once there is a new one.
engine_down(#actor{sessions = Sessions, early = Early} = Actor) ->
    ok = maty_registration:disconnect(),
    ok = maty_held:clear(),
    look_for_engine(),
    Left = waiting(-maty_waiting:early_count(Early), Actor#actor{
        engine = undefined, early = maty_waiting:no_early()
    }),
    Fail = fun(Session, Each) -> fail(Session, engine_down, Each) end,
    loop(none, lists:foldl(Fail, Left, maps:values(Sessions))).

look_for_engine() ->
    _ = erlang:send_after(?RECONNECT, self(), '$maty_reconnect'),
    ok.

%% @private
%% Called with its module's name: if the library has been upgraded, all of the new
%% version is loaded when its engine runs, and here the actor goes over to it.
-spec reconnect(#actor{}) -> no_return().
reconnect(Actor) ->
    case connect(Actor) of
        {ok, Connected} ->
            registrations_lost(maty_registration:renew(), Connected);
        {error, _} ->
            look_for_engine(),
            loop(none, Actor)
    end.

%% ----- Access points that have ended -----

%% Registrations that no session will answer.
registrations_lost(Lost, Actor) ->
    lost_each(maps:to_list(Lost), Actor).

lost_each([], Actor) ->
    loop(none, Actor);
lost_each([{AccessPoint, Roles} | Lost], Actor) ->
    lost_each(Lost, tell_lost(access_point_down, AccessPoint, Roles, Actor)).

registration_expired({expired, AccessPoint, Role}, Actor) ->
    loop(none, tell_lost(registration_expired, AccessPoint, Role, Actor));
registration_expired(asked, Actor) ->
    loop(none, Actor).

%% Calls the module back, or logs it. Returns the actor, unless that stops.
tell_lost(Event, AccessPoint, Roles, #actor{module = Module, state = State} = Actor) ->
    case erlang:function_exported(Module, Event, 3) of
        false ->
            maty_report:log(warning, Event, #{access_point => AccessPoint, roles => Roles}, Actor),
            Actor;
        true ->
            maty_session:leave(),
            try Module:Event(AccessPoint, Roles, State) of
                {ok, NewState} -> Actor#actor{state = NewState};
                {stop, Reason, NewState} -> terminate(Reason, Actor#actor{state = NewState});
                Other -> bad_return(Event, Other, #{}, Actor)
            catch
                Class:Reason:Stack -> crash(Class, Reason, Stack, Actor)
            end
    end.

%% ----- The loop -----

loop(Hand, #actor{debug = [], timeout = infinity, hibernate_after = infinity} = Actor) ->
    receive
        Message -> handle(Message, Hand, Actor)
    end;
loop(Hand, #actor{timeout = infinity, hibernate_after = After} = Actor) ->
    receive
        Message -> handle_debug(Message, Hand, Actor)
    after After ->
        hibernate(put_back(Hand, Actor))
    end;
loop(Hand, #actor{timeout = Timeout} = Actor) ->
    receive
        %% Whoever only looks does not disturb: the timeout begins again.
        {system, _, _} = Message -> handle(Message, Hand, Actor);
        {'$gen_call', _, '$maty_sessions'} = Message -> handle(Message, Hand, Actor);
        Message -> handle_debug(Message, Hand, Actor#actor{timeout = infinity})
    after Timeout ->
        handle_debug(timeout, Hand, Actor#actor{timeout = infinity})
    end.

hibernate(Actor) ->
    proc_lib:hibernate(?MODULE, system_continue, [Actor#actor.parent, Actor#actor.debug, Actor]).

handle_debug(Message, Hand, #actor{debug = []} = Actor) ->
    handle(Message, Hand, Actor);
handle_debug({system, _, _} = Message, Hand, Actor) ->
    handle(Message, Hand, Actor);
handle_debug(Message, Hand, #actor{debug = Debug, name = Name} = Actor) ->
    Logged = sys:handle_debug(Debug, fun print_event/3, Name, {in, Message}),
    handle(Message, Hand, Actor#actor{debug = Logged}).

print_event(Device, {in, ?MESSAGE(Handle, _, Message)}, Name) when is_integer(Handle) ->
    io:format(Device, "*DBG* ~tp got ~tp in session ~ts~n", [
        Name, Message, maty:format_session(session_id(Handle))
    ]);
print_event(Device, {in, Message}, Name) ->
    io:format(Device, "*DBG* ~tp got ~tp~n", [Name, Message]).

session_id(Handle) ->
    Handle - ?HANDLE_ROLE(Handle).

handle(?MESSAGE(Handle, Command, Message), #session{handle = Handle} = Session, Actor) ->
    deliver(Command, Message, Session, Actor);
handle(?MESSAGE(Handle, Command, Message), Hand, Actor) ->
    case put_back(Hand, Actor) of
        #actor{sessions = #{Handle := #session{endpoint = Endpoint} = Session}} = Free ->
            maty_session:enter(Endpoint),
            deliver(Command, Message, Session, Free);
        Free ->
            before_start(Handle, Command, Message, Free)
    end;
handle(Message, Hand, Actor) ->
    handle_other(Message, put_back(Hand, Actor)).

%% What the map has of the session in hand is out of date; this mends it.
put_back(none, Actor) ->
    Actor;
put_back(#session{handle = Handle} = Session, #actor{sessions = Sessions} = Actor) ->
    Actor#actor{sessions = Sessions#{Handle => Session}}.

handle_other({'$maty_start', Number, Handle, Participants, Image}, Actor) ->
    start_session({Number, Handle, Image}, Participants, session_id(Handle), Actor);
handle_other({'$maty_start', Number, Handle, Participants, Image, Id}, Actor) ->
    start_session({Number, Handle, Image}, Participants, Id, Actor);
handle_other({'$maty_flush', Asker}, Actor) ->
    Asker ! {'$maty_flushed', self()},
    loop(none, Actor);
handle_other({'$maty_void', Handle}, #actor{early = Early} = Actor) ->
    Count = maty_waiting:early_count(Handle, Early),
    loop(none, waiting(-Count, Actor#actor{early = maty_waiting:drop(Handle, Early)}));
handle_other({'$maty_failed', Handle, Cause} = Failed, #actor{sessions = Sessions} = Actor) ->
    case Sessions of
        #{Handle := #session{endpoint = #endpoint{machine = Machine}} = Session} ->
            loop(none, fail(Session, failure(Cause, Machine), Actor));
        #{} ->
            loop(none, keep_early(Handle, Failed, Actor))
    end;
handle_other({'$maty_turned_away', Number}, Actor) ->
    case maty_registration:turned_away(Number) of
        {ok, AccessPoint, Role} -> loop(none, tell_lost(turned_away, AccessPoint, Role, Actor));
        void -> loop(none, Actor)
    end;
handle_other({'$maty_become', Handle, Argument}, #actor{sessions = Sessions} = Actor) ->
    case Sessions of
        #{Handle := #session{endpoint = Endpoint} = Session} ->
            maty_session:enter(Endpoint),
            run(Argument, ?SENDS, Session, Actor);
        #{} ->
            loop(none, Actor)
    end;
handle_other({'$maty_left', Handle, Reason}, #actor{sessions = Sessions} = Actor) ->
    case Sessions of
        #{Handle := Session} -> loop(none, end_session({left, Reason}, Session, Actor));
        #{} -> loop(none, Actor)
    end;
handle_other({system, From, Request}, #actor{parent = Parent, debug = Debug} = Actor) ->
    sys:handle_system_msg(Request, From, Parent, ?MODULE, Debug, Actor);
handle_other({'EXIT', Parent, Reason}, #actor{parent = Parent} = Actor) ->
    terminate(Reason, Actor);
handle_other({'DOWN', Engine, process, _, _}, #actor{engine = Engine} = Actor) ->
    engine_down(Actor);
handle_other('$maty_reconnect', Actor) ->
    case maty_engine:pid() of
        undefined ->
            look_for_engine(),
            loop(none, Actor);
        _ ->
            ?MODULE:reconnect(Actor)
    end;
handle_other({'DOWN', Monitor, process, Pid, _} = Down, Actor) ->
    case maty_registration:access_point_down(Monitor, Pid) of
        {ok, Lost} -> registrations_lost(Lost, Actor);
        unknown -> handle_info(Down, Actor)
    end;
handle_other({timeout, Timer, '$maty_registration'}, Actor) ->
    registration_expired(maty_registration:expire(Timer), Actor);
handle_other({'$maty_expired', Number}, Actor) ->
    registration_expired(maty_registration:expired(Number), Actor);
handle_other({'$maty_located', Name, Located}, Actor) ->
    registrations_lost(maty_registration:located(Name, Located), Actor);
handle_other('$maty_access_point', Actor) ->
    registrations_lost(maty_registration:access_point_up(), Actor);
handle_other({'$gen_call', From, '$maty_sessions'}, Actor) ->
    gen_server:reply(From, maty_actor_status:sessions(Actor)),
    loop(none, Actor);
handle_other({'$gen_call', From, Request}, Actor) ->
    callback(handle_call, [Request, From], From, Actor);
handle_other({'$gen_cast', Request}, Actor) ->
    callback(handle_cast, [Request], none, Actor);
handle_other(Message, Actor) ->
    handle_info(Message, Actor).

failure(?CAUSE_DEADLINE, _Machine) -> timeout;
failure(?CAUSE_OVERLOAD, _Machine) -> overload;
failure(Cause, Machine) -> {cancelled, (maty_machine:role(Machine, Cause))#role.name}.

handle_info(Message, #actor{module = Module} = Actor) ->
    case erlang:function_exported(Module, handle_info, 2) of
        true ->
            callback(handle_info, [Message], none, Actor);
        false ->
            maty_report:log(warning, no_handle_info, #{message => Message}, Actor),
            loop(none, Actor)
    end.

%% ----- Running handlers -----

%% A message for the session in hand. Behind one of its sender that waits it can only
%% wait as well, so the engine is asked about it when its turn comes.
deliver(Command, Message, #session{waiting = Waiting} = Session, Actor) when
    map_size(Waiting) > 0
->
    case maty_session:labelled_sender(Session#session.endpoint, Command, Message) of
        {ok, Sender} when is_map_key(Sender, Waiting) ->
            keep(Sender, {Command, Message}, Session, Actor);
        _ ->
            offer(Command, Message, Session, Actor)
    end;
deliver(Command, Message, Session, Actor) ->
    offer(Command, Message, Session, Actor).

offer(Command, Message, #session{endpoint = Endpoint} = Session, Actor) ->
    case maty_session:offer(Endpoint, Command, Message) of
        Phase when is_integer(Phase) -> run(Message, Phase, Session, Actor);
        Otherwise -> not_next(Otherwise, Command, Message, Session, Actor)
    end.

%% The message was accepted, and the endpoint is in the phase now. A session that
%% goes on is made anew in full, which is cheaper than to update it.
run(Message, Phase, Session, Actor) ->
    #session{
        handle = Handle,
        endpoint = Endpoint,
        about = About,
        next_handler = Handler,
        local_state = Local,
        waiting = Waiting
    } = Session,
    maty_session:enter_phase(Phase),
    try Handler(Message, Local) of
        {suspend, Next, NewLocal} when is_function(Next, 2) ->
            Suspended = #session{
                handle = Handle,
                endpoint = Endpoint,
                about = About,
                next_handler = Next,
                local_state = NewLocal,
                waiting = Waiting,
                options = Endpoint#endpoint.options
            },
            suspend(maty_session:phase(), Suspended, Actor);
        {done, Reason, NewLocal} ->
            done(Reason, Session#session{local_state = NewLocal}, Actor);
        noreply ->
            suspend(maty_session:phase(), Session, Actor);
        Other ->
            returned(Other, Session, Actor)
    catch
        Class:Reason:Stack ->
            raised(Class, Reason, Stack, Session, Actor)
    end.

%% What handlers return less often.
returned({suspend, Next, Local, Options}, Session, Actor) when is_function(Next, 2) ->
    suspend_with(Options, Session#session{next_handler = Next, local_state = Local}, Actor);
returned({hold, Name, Next, Local}, Session, Actor) when is_function(Next, 2) ->
    hold(Name, Session#session{next_handler = Next, local_state = Local, options = none}, Actor);
returned({leave, Reason, Local}, Session, Actor) ->
    leave(Reason, Session#session{local_state = Local}, Actor);
returned(Other, #session{next_handler = Handler} = Session, Actor) ->
    wrong({bad_handler_return, Handler, Other}, Session, Actor).

%% Waits with the session in hand, which is legal only where its role waits.
suspend(?RECEIVES, #session{waiting = Waiting, options = none} = Session, Actor) when
    map_size(Waiting) =:= 0
->
    loop(Session, Actor);
suspend(?RECEIVES, Session, Actor) ->
    case set_deadline(Session) of
        ok ->
            release(Session, Actor);
        {error, no_memory} ->
            withdraw(Session),
            loop(none, fail(Session, no_memory, Actor))
    end;
suspend(Gone, Session, Actor) when Gone =:= lost; Gone =:= left ->
    lost(Session, Actor);
suspend(_Phase, Session, Actor) ->
    violated(not_waiting, suspend, Session, Actor).

suspend_with(Options, Session, Actor) ->
    case options(Options) of
        {ok, Map} -> suspend(maty_session:phase(), Session#session{options = Map}, Actor);
        {error, Reason} -> wrong(Reason, Session, Actor)
    end.

options([{_, _} | _] = Options) -> options(maps:from_list(Options));
options([]) -> {ok, #{}};
options(Options) -> maty_options:take(Options, ?OPTIONS).

%% The sooner of what the handler and what the protocol says.
set_deadline(#session{options = none}) ->
    ok;
set_deadline(#session{endpoint = Endpoint, options = Options}) ->
    %% A number is less than an atom.
    case min(maps:get(timeout, Options, infinity), maty_session:deadline(Endpoint)) of
        infinity -> ok;
        %% What it waits for may be gone already; that has been told.
        Timeout -> maty_session:set_deadline(Endpoint, Timeout)
    end.

%% Stands still, which is legal only where its role sends.
hold(Name, #session{handle = Handle} = Session, Actor) ->
    case maty_session:phase() of
        ?SENDS ->
            case maty_held:hold(Name, Handle) of
                ok -> loop(Session, Actor);
                {error, Reason} -> wrong({Reason, Name}, Session, Actor)
            end;
        Gone when Gone =:= lost; Gone =:= left ->
            lost(Session, Actor);
        _ ->
            violated(not_sending, hold, Session, Actor)
    end.

done(Reason, #session{endpoint = Endpoint} = Session, Actor) ->
    case maty_session:close(Endpoint) of
        ok ->
            loop(none, end_session({done, Reason}, Session, Actor));
        {error, unfinished} ->
            violated(unfinished, done, Session, Actor);
        {error, _} ->
            lost(Session, Actor)
    end.

leave(Reason, Session, Actor) ->
    case maty_session:phase() of
        %% By maty:leave/2, and the first reason counts.
        left ->
            lost(Session, Actor);
        _ ->
            withdraw(Session),
            loop(none, end_session({left, Reason}, Session, Actor))
    end.

%% Gives the endpoint up. If it is gone already, what says so is taken back.
withdraw(#session{handle = Handle}) ->
    case maty_engine:cancel(Handle) of
        ok ->
            ok;
        {error, _} ->
            _ = why_gone(Handle),
            ok
    end.

%% Takes the message that says why an endpoint is gone; there is none if the engine is.
why_gone(Handle) ->
    receive
        {'$maty_failed', Handle, _Cause} = Failed -> Failed;
        {'$maty_left', Handle, _Reason} = Left -> Left
    after 0 -> engine_down
    end.

%% The endpoint went while its handler ran.
lost(#session{handle = Handle} = Session, Actor) ->
    case why_gone(Handle) of
        engine_down -> loop(none, fail(Session, engine_down, Actor));
        Why -> handle_other(Why, put_back(Session, Actor))
    end.

violated(Reason, Direction, #session{endpoint = Endpoint} = Session, Actor) ->
    Violation = maty_session:violation(Reason, Direction, Endpoint, Session#session.next_handler),
    wrong({protocol_violation, Violation}, Session, Actor).

%% What was returned is wrong, as if it had been raised.
wrong(Reason, Session, Actor) ->
    raised(error, Reason, returned_by(handler), Session, Actor).

%% The stack of what a callback, or a handler, returned that it may not. Nothing of that
%% runs any more; the one entry says that maty_error has the text (EEP 54).
returned_by(Callback) ->
    [{?MODULE, returned, 3, [{error_info, #{module => maty_error, cause => Callback}}]}].

%% A handler has raised, or ended as the protocol does not allow. One that could
%% not send because its endpoint is gone did nothing wrong.
raised(Class, Reason, Stack, Session, #actor{on_raise = OnRaise} = Actor) ->
    case {maty_session:phase(), OnRaise} of
        {lost, _} -> lost(Session, Actor);
        {_, stop} -> crash(Class, Reason, Stack, Session, Actor);
        {_, leave} -> leave_raised(exit_reason(Class, Reason, Stack), Session, Actor)
    end.

leave_raised(Exit, #session{about = About, local_state = Local} = Session, Actor) ->
    maty_report:log(error, raised, #{session => About, reason => Exit, state => Local}, Actor),
    withdraw(Session),
    %% The suspension that the handler was of is over.
    loop(none, fail(Session#session{options = none}, {raised, Exit}, Actor)).

%% Every way in which a session ends comes through here.
end_session(Ending, #session{handle = Handle, waiting = Waiting} = Session, Actor) ->
    ok = maty_held:drop(Handle),
    Left = forget(Handle, Actor),
    ended(Ending, Session, waiting(-maty_waiting:count(Waiting), Left)).

%% A session that never left the hand is not in the map.
forget(Handle, #actor{sessions = Sessions} = Actor) when is_map_key(Handle, Sessions) ->
    Actor#actor{sessions = maps:remove(Handle, Sessions)};
forget(_Handle, Actor) ->
    Actor.

%% The session is over for this actor: tells the module, if it wants to know. Returns the
%% actor, unless that stops.
ended(Ending, #session{about = About} = Session, #actor{module = Module, state = State} = Actor) ->
    Callback = told(Ending, Session, Module),
    maty_session:leave(),
    try tell(Callback, Ending, Session, Module, State) of
        {ok, NewState} ->
            Actor#actor{state = NewState};
        {stop, Reason, NewState} ->
            terminate(exit, Reason, [], #{session => About}, Actor#actor{state = NewState});
        Other ->
            bad_return(Callback, Other, #{session => About}, Actor)
    catch
        Class:Reason:Stack -> crash(Class, Reason, Stack, Session, Actor)
    end.

%% The one function that an ending is told to.
told({failed, _}, #session{options = #{on_failure := Tell}}, _Module) when is_function(Tell) ->
    on_failure;
told(Ending, _Session, Module) ->
    case
        element(1, Ending) =:= failed andalso erlang:function_exported(Module, handle_failure, 4)
    of
        true ->
            handle_failure;
        false ->
            case erlang:function_exported(Module, terminate_session, 4) of
                true -> terminate_session;
                false -> none
            end
    end.

tell(none, _Ending, _Session, _Module, State) ->
    {ok, State};
tell(terminate_session, Ending, #session{about = About, local_state = Local}, Module, State) ->
    Module:terminate_session(Ending, About, Local, State);
tell(handle_failure, {failed, Failure}, Session, Module, State) ->
    #session{about = About, local_state = Local} = Session,
    Module:handle_failure(Failure, About, Local, State);
tell(on_failure, {failed, Failure}, #session{options = #{on_failure := Tell}}, _Module, State) ->
    Tell(Failure, State).

fail(#session{endpoint = Endpoint} = Session, Cause, Actor) ->
    #endpoint{id = Id, role = Role, machine = Machine} = Endpoint,
    maty_event:notify(session_failed, #{
        session => Id,
        protocol => Machine#machine.protocol,
        role => Role#role.name,
        actor => self(),
        cause => Cause
    }),
    end_session({failed, Cause}, Session, Actor).

%% ----- Messages whose turn has not come -----

not_next(wait, Command, Message, #session{endpoint = Endpoint} = Session, Actor) ->
    {ok, Sender} = maty_session:sender(Endpoint, Command),
    keep(Sender, {Command, Message}, Session, Actor);
not_next({refused, Violation}, _Command, _Message, Session, Actor) ->
    maty_report:violation(Violation),
    loop(Session, Actor);
not_next(gone, _Command, _Message, Session, Actor) ->
    loop(Session, Actor).

keep(Sender, Item, Session, #actor{waiting = Count, max_waiting = Most} = Actor) when
    Count < Most
->
    gather(Sender, [Item], Session, waiting(1, Actor));
keep(_Sender, _Item, #session{about = About} = Session, Actor) ->
    overloaded(About),
    withdraw(Session),
    loop(none, fail(Session, overload, Actor)).

%% Who is early is seldom early with one message. So those that come right behind the
%% first are put into its queue together, if the loop has nothing else to look after.
gather(Sender, Items, Session, #actor{
    debug = [], timeout = infinity, hibernate_after = infinity, max_waiting = infinity
} = Actor) ->
    #session{handle = Handle, endpoint = Endpoint} = Session,
    receive
        ?MESSAGE(Handle, Command, Message) = Next ->
            case maty_session:labelled_sender(Endpoint, Command, Message) of
                {ok, Sender} ->
                    gather(Sender, [{Command, Message} | Items], Session, Actor);
                _ ->
                    handle(Next, gathered(Sender, Items, Session), Actor)
            end;
        Next ->
            handle(Next, gathered(Sender, Items, Session), Actor)
    end;
gather(Sender, Items, Session, Actor) ->
    loop(gathered(Sender, Items, Session), Actor).

gathered(Sender, Items, #session{waiting = Waiting} = Session) ->
    Session#session{waiting = maty_waiting:in(Sender, Items, Waiting)}.

%% Counts what waits, if anybody wants to know.
waiting(_More, #actor{max_waiting = infinity} = Actor) -> Actor;
waiting(More, #actor{waiting = Count} = Actor) -> Actor#actor{waiting = Count + More}.

%% Runs the first message that waits for what the session now expects, if there
%% is one. Only the senders it waits for are looked at.
release(#session{waiting = Waiting} = Session, Actor) when map_size(Waiting) =:= 0 ->
    loop(Session, Actor);
release(#session{waiting = Waiting} = Session, Actor) when map_size(Waiting) =:= 1 ->
    %% To offer the one costs no more than to ask whether it is the one.
    release(maty_waiting:senders(Waiting), Session, Actor);
release(#session{endpoint = Endpoint, waiting = Waiting} = Session, Actor) ->
    Senders = [S || S <- maty_session:expected_peers(Endpoint), is_map_key(S, Waiting)],
    release(Senders, Session, Actor).

release([], Session, Actor) ->
    loop(Session, Actor);
release([Sender | Senders], #session{endpoint = Endpoint, waiting = Waiting} = Session, Actor) ->
    {{Command, Message}, Left} = maty_waiting:out(Sender, Waiting),
    Next = Session#session{waiting = Left},
    case maty_session:offer(Endpoint, Command, Message) of
        Phase when is_integer(Phase) ->
            run(Message, Phase, Next, waiting(-1, Actor));
        wait ->
            release(Senders, Session, Actor);
        {refused, Violation} ->
            maty_report:violation(Violation),
            release(Next, waiting(-1, Actor));
        gone ->
            loop(Session, Actor)
    end.

%% A message for an endpoint that has no session here. If the endpoint is this
%% actor's, its start is on the way; if it is not there, the session has ended.
before_start(Handle, Command, Message, Actor) ->
    case own_endpoint(Handle) of
        true when Actor#actor.waiting < Actor#actor.max_waiting ->
            loop(none, waiting(1, keep_early(Handle, {Command, Message}, Actor)));
        true ->
            loop(none, overloaded_early(Handle, Actor));
        false ->
            maty_engine:count(refused),
            maty_report:violation(#{reason => forged, direction => 'receive', attempt => Message}),
            loop(none, Actor);
        gone ->
            loop(none, Actor)
    end.

keep_early(Handle, Item, #actor{early = Early} = Actor) ->
    Actor#actor{early = maty_waiting:keep(Handle, Item, Early)}.

%% The session fails before it starts, and is told so when it does.
overloaded_early(Handle, #actor{early = Early} = Actor) ->
    _ = maty_engine:cancel(Handle),
    Left = waiting(-maty_waiting:early_count(Handle, Early), Actor),
    Failed = {'$maty_failed', Handle, ?CAUSE_OVERLOAD},
    keep_early(Handle, Failed, Left#actor{early = maty_waiting:drop(Handle, Early)}).

overloaded(#{id := Id, protocol := Protocol, role := Role}) ->
    ok = maty_engine:count(overloaded),
    maty_event:notify(overload, #{
        kind => waiting, session => Id, protocol => Protocol, role => Role, actor => self()
    }).

own_endpoint(Handle) when is_integer(Handle), Handle >= 0 ->
    try maty_engine:info(Handle) of
        {ok, _Phase, _State, Mine} -> Mine;
        {error, _} -> gone
    catch
        error:_ -> gone
    end;
own_endpoint(_) ->
    false.

%% ----- The start of a session -----

start_session({Number, Handle, Image}, Participants, Id, Actor) ->
    case maty_registration:take(Number, Handle, Image) of
        {ok, Port, AccessPoint, Machine} ->
            Endpoint = maty_session:endpoint(Handle, Port, Participants, Id, Machine, AccessPoint),
            start_session(Endpoint, Actor);
        void ->
            %% Of an engine that has gone; reconnect/1 registers again. Or the actor has
            %% given the registration up, because the access point ended before the engine
            %% of this node began what it had been told; the others must not wait.
            _ = own_endpoint(Handle) =:= true andalso maty_engine:cancel(Handle),
            handle_other({'$maty_void', Handle}, Actor)
    end.

start_session(Endpoint, Actor) ->
    #endpoint{handle = Handle, role = #role{initial_phase = Phase}, options = Options} = Endpoint,
    #actor{module = Module, state = State} = Actor,
    About = maty_session:about(Endpoint),
    {Waiting, Started} = arrived(Endpoint, Actor),
    Session = #session{
        handle = Handle,
        endpoint = Endpoint,
        about = About,
        waiting = Waiting,
        options = Options
    },
    maty_session:enter(Endpoint),
    maty_session:enter_phase(Phase),
    try init_session(Module, About, State) of
        {ok, Handler, Local, NewState} when is_function(Handler, 2) ->
            Ready = #session{
                handle = Handle,
                endpoint = Endpoint,
                about = About,
                next_handler = Handler,
                local_state = Local,
                waiting = Waiting,
                options = Options
            },
            suspend(maty_session:phase(), Ready, Started#actor{state = NewState});
        {ok, Handler, Local, NewState, Given} when is_function(Handler, 2) ->
            Ready = Session#session{next_handler = Handler, local_state = Local},
            suspend_with(Given, Ready, Started#actor{state = NewState});
        {hold, Name, Handler, Local, NewState} when is_function(Handler, 2) ->
            Ready = Session#session{next_handler = Handler, local_state = Local, options = none},
            hold(Name, Ready, Started#actor{state = NewState});
        {done, Reason, NewState} ->
            done(Reason, Session, Started#actor{state = NewState});
        {leave, Reason, NewState} ->
            leave(Reason, Session, Started#actor{state = NewState});
        Other ->
            raised(error, {bad_return_value, Other}, returned_by(init_session), Session, Started)
    catch
        Class:Reason:Stack ->
            raised(Class, Reason, Stack, Session, Started)
    end.

%% What came before the start waits like anything that comes before its turn. If
%% the endpoint has failed meanwhile, that is told again once the session is here.
arrived(#endpoint{handle = Handle} = Endpoint, #actor{early = Early} = Actor) ->
    case maty_waiting:early(Handle, Early) of
        [] ->
            {maty_waiting:new(), Actor};
        Latest ->
            Waiting = arrived_each(Endpoint, Latest),
            Refused = maty_waiting:early_count(Handle, Early) - maty_waiting:count(Waiting),
            {Waiting, waiting(-Refused, Actor#actor{early = maty_waiting:drop(Handle, Early)})}
    end.

arrived_each(Endpoint, Latest) ->
    lists:foldr(
        fun
            ({'$maty_failed', _Handle, Cause} = Failed, Waiting) ->
                _ = Cause =:= ?CAUSE_OVERLOAD andalso overloaded(maty_session:about(Endpoint)),
                self() ! Failed,
                Waiting;
            ({Command, Message}, Waiting) ->
                case maty_session:sender(Endpoint, Command) of
                    {ok, Sender} ->
                        maty_waiting:in(Sender, [{Command, Message}], Waiting);
                    unknown ->
                        {refused, Violation} = maty_session:offer(Endpoint, Command, Message),
                        maty_report:violation(Violation),
                        Waiting
                end
        end,
        maty_waiting:new(),
        Latest
    ).

init_session(Module, Info, State) ->
    case Module:init_session(Info, State) of
        {ok, Handler, Local, NewState} ->
            {ok, Handler, Local, setup_actor(Module, Info, NewState)};
        {ok, Handler, Local, NewState, Options} ->
            {ok, Handler, Local, setup_actor(Module, Info, NewState), Options};
        {hold, Name, Handler, Local, NewState} ->
            {hold, Name, Handler, Local, setup_actor(Module, Info, NewState)};
        Other ->
            Other
    end.

setup_actor(Module, Info, State) ->
    case erlang:function_exported(Module, setup_actor, 2) of
        true ->
            case Module:setup_actor(Info, State) of
                {ok, SetUp} -> SetUp;
                Other -> erlang:raise(error, {bad_return_value, Other}, returned_by(setup_actor))
            end;
        false ->
            State
    end.

%% ----- Ordinary messages -----

callback(Callback, Arguments, From, #actor{module = Module, state = State} = Actor) ->
    maty_session:leave(),
    try apply(Module, Callback, Arguments ++ [State]) of
        {reply, Reply, NewState} when From =/= none ->
            gen_server:reply(From, Reply),
            loop(none, Actor#actor{state = NewState});
        {reply, Reply, NewState, Action} when From =/= none ->
            gen_server:reply(From, Reply),
            act(Action, Actor#actor{state = NewState});
        {noreply, NewState} ->
            loop(none, Actor#actor{state = NewState});
        {noreply, NewState, Action} ->
            act(Action, Actor#actor{state = NewState});
        {stop, Reason, Reply, NewState} when From =/= none ->
            gen_server:reply(From, Reply),
            terminate(Reason, Actor#actor{state = NewState});
        {stop, Reason, NewState} ->
            terminate(Reason, Actor#actor{state = NewState});
        Other ->
            bad_return(Callback, Other, #{}, Actor)
    catch
        Class:Reason:Stack -> crash(Class, Reason, Stack, Actor)
    end.

act(hibernate, Actor) ->
    hibernate(Actor);
act({continue, Continue}, Actor) ->
    callback(handle_continue, [Continue], none, Actor);
act(Timeout, Actor) when Timeout =:= infinity; is_integer(Timeout), Timeout >= 0 ->
    loop(none, Actor#actor{timeout = Timeout});
act(Other, Actor) ->
    terminate({bad_action, Other}, Actor).

%% ----- The end of the process -----

-spec terminate(term(), #actor{}) -> no_return().
terminate(Reason, Actor) ->
    terminate(exit, Reason, [], #{}, Actor).

-spec crash(error | exit | throw, term(), list(), #actor{}) -> no_return().
crash(Class, Reason, Stack, Actor) ->
    terminate(Class, Reason, Stack, #{}, Actor).

%% What ran for a session raised.
-spec crash(error | exit | throw, term(), list(), #session{}, #actor{}) -> no_return().
crash(Class, Reason, Stack, #session{about = About}, Actor) ->
    terminate(Class, Reason, Stack, #{session => About}, Actor).

%% A callback returned what it may not.
-spec bad_return(atom(), term(), #{session => maty:session()}, #actor{}) -> no_return().
bad_return(Callback, Value, About, Actor) ->
    Named = About#{callback => Callback},
    terminate(exit, {bad_return_value, Value}, returned_by(Callback), Named, Actor).

%% Ends as a gen_server does, with what was raised, so that the report of proc_lib has its
%% stack, and its text; for others the reason is that of exit_reason/3.
-spec terminate(error | exit | throw, term(), list(), map(), #actor{}) -> no_return().
terminate(Class, Reason, Stack, About, #actor{module = Module, state = State} = Actor) ->
    maty_session:leave(),
    Exit = exit_reason(Class, Reason, Stack),
    try
        case erlang:function_exported(Module, terminate, 2) of
            true -> Module:terminate(Exit, State);
            false -> ok
        end
    of
        _ ->
            maty_report:ended(Exit, About, Actor),
            erlang:raise(Class, Reason, Stack)
    catch
        C:R:S ->
            maty_report:ended(exit_reason(C, R, S), About, Actor),
            erlang:raise(C, R, S)
    end.

%% ----- Looking -----

%% @doc The sessions of an actor; see {@link maty:sessions/1}. An error is the answer of
%% a process that knows no such question, as an access point.
-spec sessions(pid() | atom()) -> [session_info()] | {error, {no_actor, pid() | atom()}}.
sessions(Actor) ->
    case gen_server:call(Actor, '$maty_sessions') of
        Sessions when is_list(Sessions) -> Sessions;
        _ -> {error, {no_actor, Actor}}
    end.

%% ----- System messages -----

%% @private
-spec system_continue(pid(), [sys:dbg_opt()], #actor{}) -> no_return().
system_continue(Parent, Debug, Actor) ->
    loop(none, Actor#actor{parent = Parent, debug = Debug}).

%% @private
-spec system_terminate(term(), pid(), [sys:dbg_opt()], #actor{}) -> no_return().
system_terminate(Reason, Parent, Debug, Actor) ->
    terminate(Reason, Actor#actor{parent = Parent, debug = Debug}).

%% @private
-spec system_code_change(#actor{}, module(), term(), term()) -> {ok, #actor{}} | term().
system_code_change(#actor{module = Module, state = State} = Actor, _Module, Old, Extra) ->
    case erlang:function_exported(Module, code_change, 3) of
        false ->
            {ok, Actor};
        true ->
            case catch Module:code_change(Old, State, Extra) of
                {ok, NewState} -> {ok, Actor#actor{state = NewState}};
                Else -> Else
            end
    end.

%% @private
-spec system_get_state(#actor{}) -> {ok, map()}.
system_get_state(Actor) ->
    {ok, maty_actor_status:state(Actor)}.

%% @private
-spec system_replace_state(fun((map()) -> map()), #actor{}) -> {ok, map(), #actor{}}.
system_replace_state(Replace, Actor) ->
    maty_actor_status:replace(Replace, Actor).

%% @private
-spec format_status(normal | terminate, list()) -> term().
format_status(_Option, [_Dictionary, Status, Parent, Debug, #actor{} = Actor]) ->
    maty_actor_status:format(Status, Parent, Debug, Actor).
