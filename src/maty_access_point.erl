%% @doc An access point: where participants of one protocol meet.
%%
%% An access point is a process for one protocol. Actors register with it for
%% roles; registrations queue up for each role, first come, first served. As soon
%% as every role has one, the access point takes one of each, opens a session in
%% the engine, and tells the participants. It takes no part in the session.
%%
%% The protocol is checked before the process starts: there is never an access
%% point for a protocol that cannot be implemented.
%%
%% ```
%% {ok, AccessPoint} = maty_access_point:start_link({file, "two_buyer.scr"}),
%% '''
%%
%% What waits can be bounded: registrations, for each role and in all, and the
%% messages under way in its sessions. See docs/overload.md.
%%
%% What always holds between two messages: at least one role has nobody waiting,
%% unless the engine could not open a session; every process that waits is
%% monitored, and nobody who has ended waits; no more wait than may. Actors monitor the access point in
%% turn, so its end voids what waits here.
-module(maty_access_point).

-behaviour(gen_server).

-include("maty_internal.hrl").

-export([start_link/1, start_link/2, child_spec/1, stop/1]).
-export([protocol/1, waiting/1, info/1, list/0]).
-export([locate/1, whereis_name/1, register/4, unregister/2]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).

-export_type([options/0, waiting/0, info/0]).

-type options() :: #{
    protocol := maty_protocol:source(),
    name => atom() | {local, atom()} | {global, term()} | {via, module(), term()},
    %% Registrations that may wait for each role, and for all of them. Of those
    %% beyond it the newest or the oldest is turned away.
    max_waiting => pos_integer() | infinity,
    max_waiting_in_all => pos_integer() | infinity,
    drop => newest | oldest,
    %% Messages that may be under way from one role of a session to another. One
    %% more is refused where it is sent, or fails the role that sends it.
    max_under_way => pos_integer() | infinity,
    overload => refuse | fail
}.

-type info() :: #{
    protocol := atom(),
    waiting := #{maty:role() => non_neg_integer()},
    sessions := non_neg_integer(),
    turned_away := non_neg_integer()
}.

%% Who waits for each role, the first first.
-type waiting() :: #{maty:role() => [pid()]}.

-record(registration, {
    pid :: pid(),
    place :: maty_engine:place(),
    %% Counts registrations, over all roles.
    age :: non_neg_integer()
}).

-record(state, {
    protocol :: maty_protocol:protocol(),
    machine :: maty_machine:machine(),
    %% The engine that the image is loaded in, and the image's number there.
    engine :: pid() | undefined,
    image = 0 :: non_neg_integer(),
    options :: map(),
    %% By role index, and how long they are.
    queues = {} :: tuple(),
    lengths = {} :: tuple(),
    %% How many of the queues are.
    empty = 0 :: non_neg_integer(),
    registered = 0 :: non_neg_integer(),
    turned_away = 0 :: non_neg_integer(),
    registrants = #{} :: #{pid() => reference()},
    sessions = 0 :: non_neg_integer(),
    %% Whether a session could not be opened, and there will be another attempt.
    stuck = false :: boolean()
}).

%% Between two looks for an engine that is being restarted, in milliseconds; and
%% between two attempts to open a session when there is no memory for it.
-define(RECONNECT, 10).
-define(RETRY, 100).

%% ----- What users call -----

%% @doc Starts an access point, linked to the caller. Takes a protocol (see
%% {@link maty_protocol:source()}) or a map of options. Returns
%% `{error, Reason}' with a reason of {@link maty_protocol:format_error/1} if the
%% protocol is not accepted.
-spec start_link(maty_protocol:source() | options()) -> gen_server:start_ret().
start_link(#{name := _, image := _} = Protocol) ->
    start(#{protocol => Protocol});
start_link(#{} = Options) ->
    start(Options);
start_link(Protocol) ->
    start(#{protocol => Protocol}).

%% @doc The same with a name.
-spec start_link(atom() | tuple(), maty_protocol:source()) -> gen_server:start_ret().
start_link(Name, Protocol) ->
    start(#{protocol => Protocol, name => Name}).

start(Given) ->
    %% Checked here and not in the new process, so that an error is a value and
    %% not the end of a process that is linked to the caller.
    case maty_options:take(Given, known_options()) of
        {ok, #{protocol := Source} = Options} ->
            case maty_protocol:resolve(Source) of
                {ok, Protocol} -> start(Protocol, Options);
                {error, Reason} -> {error, Reason}
            end;
        {error, Reason} ->
            {error, Reason}
    end.

start(Protocol, #{name := undefined} = Options) ->
    gen_server:start_link(?MODULE, {Protocol, Options}, []);
start(Protocol, #{name := Name} = Options) when is_atom(Name) ->
    gen_server:start_link({local, Name}, ?MODULE, {Protocol, Options}, []);
start(Protocol, #{name := Name} = Options) ->
    gen_server:start_link(Name, ?MODULE, {Protocol, Options}, []).

known_options() ->
    Any = fun(_) -> true end,
    Count = fun
        (infinity) -> true;
        (Value) -> is_integer(Value) andalso Value > 0 andalso Value < 1 bsl 32
    end,
    Most = {{default, infinity}, "a number from 1 on, or infinity", Count},
    OneOf = fun(Values) -> fun(Value) -> lists:member(Value, Values) end end,
    #{
        protocol => {required, "a protocol", Any},
        name => {{default, undefined}, "a name", Any},
        max_waiting => Most,
        max_waiting_in_all => Most,
        drop => {{default, newest}, "newest or oldest", OneOf([newest, oldest])},
        max_under_way => Most,
        overload => {{default, refuse}, "refuse or fail", OneOf([refuse, fail])}
    }.

%% @doc A child specification. The id is the name, or the module.
-spec child_spec(maty_protocol:source() | options()) -> supervisor:child_spec().
child_spec(Argument) ->
    Id =
        case Argument of
            #{name := Name} -> Name;
            _ -> ?MODULE
        end,
    #{id => Id, start => {?MODULE, start_link, [Argument]}}.

%% @doc Stops an access point. Sessions that have begun go on.
-spec stop(maty:access_point()) -> ok.
stop(AccessPoint) ->
    gen_server:stop(AccessPoint).

%% @doc The protocol of an access point.
-spec protocol(maty:access_point()) -> maty_protocol:protocol().
protocol(AccessPoint) ->
    gen_server:call(AccessPoint, protocol).

%% @doc The registrations that wait, by role.
-spec waiting(maty:access_point()) -> waiting().
waiting(AccessPoint) ->
    gen_server:call(AccessPoint, waiting).

%% @doc How many wait for each role, how many sessions have been opened, and how
%% many registrations were turned away, since it was started.
-spec info(maty:access_point()) -> info().
info(AccessPoint) ->
    gen_server:call(AccessPoint, info).

%% @doc The access points of this node and their protocols.
-spec list() -> [{pid(), Protocol :: atom()}].
list() ->
    [{Pid, Protocol} || {Pid, Protocol, _} <- maty_directory:all(), is_process_alive(Pid)].

%% ----- What actors call -----

%% @private
%% The process and the protocol of an access point, without asking it.
-spec locate(pid() | term()) -> {ok, pid(), maty_machine:machine()} | {error, term()}.
locate(Name) ->
    case whereis_name(Name) of
        Pid when is_pid(Pid), node(Pid) =:= node() ->
            %% The directory learns of an end a little later.
            case is_process_alive(Pid) andalso maty_directory:find(Pid) of
                {ok, Digest} -> {ok, Pid, maty_machine:kept(Digest)};
                _ -> {error, {no_access_point, Name}}
            end;
        Pid when is_pid(Pid) ->
            {error, {access_point_on_other_node, Name}};
        _ ->
            {error, {no_access_point, Name}}
    end.

%% @private
-spec whereis_name(term()) -> pid() | undefined.
whereis_name(Pid) when is_pid(Pid) -> Pid;
whereis_name(Name) when is_atom(Name) -> whereis(Name);
whereis_name({local, Name}) -> whereis(Name);
whereis_name({global, Name}) -> global:whereis_name(Name);
whereis_name({via, Module, Name}) -> Module:whereis_name(Name);
whereis_name(_) -> undefined.

%% @private
%% Registers the calling process for a role, by its index.
-spec register(pid(), non_neg_integer(), pid(), maty_engine:place()) -> ok.
register(AccessPoint, Role, Engine, Place) ->
    gen_server:cast(AccessPoint, {register, Role, self(), Engine, Place}).

%% @private
%% Whether the registration still waited, and does no more.
-spec unregister(pid(), maty_engine:place()) -> boolean().
unregister(AccessPoint, Place) ->
    gen_server:call(AccessPoint, {unregister, Place}, infinity).

%% ----- The process -----

%% @private
-spec init({maty_protocol:protocol(), map()}) -> {ok, #state{}} | {stop, term()}.
init({Protocol, Options}) ->
    case maty_machine:load(maty_protocol:image(Protocol)) of
        {ok, _Image, Machine} ->
            State = #state{
                protocol = Protocol,
                machine = Machine,
                engine = undefined,
                options = Options
            },
            {ok, connect(State)};
        {error, Status} ->
            {stop, {image_not_loaded, Status}}
    end.

%% Loads the image into the engine that runs now. All registrations are of the
%% engine before it, if of any, and void.
connect(#state{protocol = Protocol, machine = Machine} = State) ->
    #machine{protocol = Name, digest = Digest, roles = Roles} = Machine,
    Count = tuple_size(Roles),
    Empty = State#state{
        engine = undefined,
        queues = erlang:make_tuple(Count, queue:new()),
        lengths = erlang:make_tuple(Count, 0),
        empty = Count
    },
    Engine = maty_engine:pid(),
    case Engine =/= undefined andalso maty_machine:load(Engine, maty_protocol:image(Protocol)) of
        {ok, Image, _} ->
            _ = erlang:monitor(process, Engine),
            ok = maty_directory:add(Name, Digest),
            Empty#state{engine = Engine, image = Image};
        _ ->
            _ = erlang:send_after(?RECONNECT, self(), connect),
            Empty
    end.

%% @private
-spec handle_call(term(), gen_server:from(), #state{}) -> {reply, term(), #state{}}.
handle_call(protocol, _From, #state{protocol = Protocol} = State) ->
    {reply, Protocol, State};
handle_call(waiting, _From, #state{queues = Queues, machine = Machine} = State) ->
    Waiting = maps:map(
        fun(_, Role) ->
            [Pid || #registration{pid = Pid} <- queue:to_list(element(Role + 1, Queues))]
        end,
        Machine#machine.role_index
    ),
    {reply, Waiting, State};
handle_call(info, _From, #state{machine = Machine, lengths = Lengths} = State) ->
    #machine{protocol = Protocol, role_index = Roles} = Machine,
    Info = #{
        protocol => Protocol,
        waiting => maps:map(fun(_, Role) -> element(Role + 1, Lengths) end, Roles),
        sessions => State#state.sessions,
        turned_away => State#state.turned_away
    },
    {reply, Info, State};
handle_call({unregister, Place}, _From, State) ->
    Left = keep(fun(#registration{place = P}) -> P =/= Place end, State),
    {reply, count(Left) < count(State), Left};
handle_call(Request, _From, State) ->
    {reply, {error, {unknown_call, Request}}, State}.

%% @private
-spec handle_cast(term(), #state{}) -> {noreply, #state{}}.
handle_cast({register, Role, Pid, Engine, Place}, #state{engine = Engine} = State) ->
    #state{registered = Age} = State,
    Registration = #registration{pid = Pid, place = Place, age = Age},
    Watched = watch(Pid, State#state{registered = Age + 1}),
    {noreply, bound(Role + 1, match(enqueue(Role + 1, Registration, Watched)))};
handle_cast({register, _, _, Engine, _} = Request, State) ->
    %% Of a newer engine, then all others are void, or of an older one and void.
    case maty_engine:pid() of
        Engine ->
            case connect(State) of
                #state{engine = Engine} = Connected -> handle_cast(Request, Connected);
                Other -> {noreply, Other}
            end;
        _ ->
            {noreply, State}
    end;
handle_cast(_Request, State) ->
    {noreply, State}.

%% @private
-spec handle_info(term(), #state{}) -> {noreply, #state{}}.
handle_info({'DOWN', _, process, Engine, _}, #state{engine = Engine} = State) ->
    {noreply, connect(State)};
handle_info(retry, State) ->
    {noreply, match(State#state{stuck = false})};
handle_info(connect, #state{engine = undefined} = State) ->
    {noreply, connect(State)};
handle_info({'DOWN', _, process, Pid, _}, #state{registrants = Registrants} = State) when
    is_map_key(Pid, Registrants)
->
    {noreply, forget(Pid, State)};
handle_info(_Message, State) ->
    {noreply, State}.

watch(Pid, #state{registrants = Registrants} = State) when is_map_key(Pid, Registrants) ->
    State;
watch(Pid, #state{registrants = Registrants} = State) ->
    State#state{registrants = Registrants#{Pid => erlang:monitor(process, Pid)}}.

enqueue(Role, Registration, State) ->
    #state{queues = Queues, lengths = Lengths, empty = Empty} = State,
    Queue = element(Role, Queues),
    State#state{
        lengths = setelement(Role, Lengths, element(Role, Lengths) + 1),
        queues = setelement(Role, Queues, queue:in(Registration, Queue)),
        empty = Empty - count_empty(Queue)
    }.

count_empty(Queue) ->
    case queue:is_empty(Queue) of
        true -> 1;
        false -> 0
    end.

forget(Pid, #state{registrants = Registrants} = State) ->
    keep(
        fun(#registration{pid = P}) -> P =/= Pid end,
        State#state{registrants = maps:remove(Pid, Registrants)}
    ).

keep(Condition, #state{queues = Queues} = State) ->
    Kept = [queue:filter(Condition, Queue) || Queue <- tuple_to_list(Queues)],
    State#state{
        queues = list_to_tuple(Kept),
        lengths = list_to_tuple([queue:len(Queue) || Queue <- Kept]),
        empty = lists:sum([count_empty(Queue) || Queue <- Kept])
    }.

count(#state{lengths = Lengths}) ->
    lists:sum(tuple_to_list(Lengths)).

%% ----- Bounds -----

%% A registration for this role has come, and was not matched at once: turns one
%% away if that is one too many.
bound(Role, #state{options = Options, lengths = Lengths} = State) ->
    #{max_waiting := Most, max_waiting_in_all := MostInAll, drop := Drop} = Options,
    case {element(Role, Lengths) > Most, MostInAll =/= infinity andalso count(State) > MostInAll} of
        {false, false} -> State;
        {false, true} when Drop =:= oldest -> turn_away(Drop, oldest_role(State), State);
        _ -> turn_away(Drop, Role, State)
    end.

oldest_role(#state{queues = Queues}) ->
    Heads = [
        {(queue:get(Queue))#registration.age, Role}
     || {Role, Queue} <- lists:enumerate(tuple_to_list(Queues)),
        not queue:is_empty(Queue)
    ],
    {_, Oldest} = lists:min(Heads),
    Oldest.

turn_away(Drop, Role, State) ->
    #state{queues = Queues, lengths = Lengths, empty = Empty, turned_away = Count} = State,
    {{value, #registration{pid = Pid, place = Place}}, Left} =
        case Drop of
            newest -> queue:out_r(element(Role, Queues));
            oldest -> queue:out(element(Role, Queues))
        end,
    Pid ! {'$maty_turned_away', maty_engine:number_of(Place)},
    #machine{protocol = Protocol, roles = Roles} = State#state.machine,
    maty_event:notify(overload, #{
        kind => registration,
        access_point => self(),
        protocol => Protocol,
        role => (element(Role, Roles))#role.name,
        actor => Pid
    }),
    State#state{
        queues = setelement(Role, Queues, Left),
        lengths = setelement(Role, Lengths, element(Role, Lengths) - 1),
        empty = Empty + count_empty(Left),
        turned_away = Count + 1
    }.

%% ----- Sessions -----

%% Begins sessions as long as every role has somebody.
match(#state{empty = 0, stuck = false, queues = Queues, image = Image, sessions = Sessions} = State) ->
    #state{options = Options, lengths = Lengths} = State,
    {First, Rest, Empty} = take_first(tuple_to_list(Queues), [], [], 0),
    Places = [Place || #registration{place = Place} <- First],
    case open(Sessions, Image, session_bound(Options), Places) of
        ok ->
            match(State#state{
                queues = Rest,
                lengths = list_to_tuple([Length - 1 || Length <- tuple_to_list(Lengths)]),
                empty = Empty,
                sessions = Sessions + 1
            });
        {dead, Role} ->
            #registration{pid = Pid} = lists:nth(Role + 1, First),
            match(forget(Pid, State));
        {error, engine_down} ->
            State;
        {error, Status} ->
            %% They go on waiting.
            Text = maty_error:format_status(Status),
            logger:error("~tp could not open a session: ~ts", [self(), Text]),
            _ = erlang:send_after(?RETRY, self(), retry),
            State#state{stuck = true}
    end;
match(State) ->
    State.

%% Spreads sessions over the ports. One port may have room where another has not.
open(Turn, Image, Bound, Places) ->
    case maty_engine:open(Turn, Image, Bound, Places) of
        {error, no_memory} ->
            Others = lists:seq(Turn + 1, Turn + maty_engine:port_count() - 1),
            open_elsewhere(Others, Image, Bound, Places);
        Result ->
            Result
    end.

open_elsewhere([], _Image, _Bound, _Places) ->
    {error, no_memory};
open_elsewhere([Turn | Turns], Image, Bound, Places) ->
    case maty_engine:open(Turn, Image, Bound, Places) of
        {error, no_memory} -> open_elsewhere(Turns, Image, Bound, Places);
        Result -> Result
    end.

session_bound(#{max_under_way := infinity, overload := Overload}) -> {0, Overload};
session_bound(#{max_under_way := Most, overload := Overload}) -> {Most, Overload}.

%% Takes the first registration of each role.
take_first([Queue | Queues], First, Rest, Empty) ->
    {{value, Registration}, Left} = queue:out(Queue),
    take_first(Queues, [Registration | First], [Left | Rest], Empty + count_empty(Left));
take_first([], First, Rest, Empty) ->
    {lists:reverse(First), list_to_tuple(lists:reverse(Rest)), Empty}.
