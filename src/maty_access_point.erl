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
%% Actors of other nodes register as those of its own do. A session with such an
%% actor takes two rounds to open, which maty_nodes explains; meanwhile its
%% registrations stand in `openings', and go back to the front of their queues if
%% it cannot be opened.
%%
%% What waits can be bounded: registrations, for each role and in all, and the
%% messages under way in its sessions. See docs/overload.md.
%%
%% What always holds between two messages: at least one role has nobody waiting,
%% unless the engine could not open a session, and then there will be another
%% attempt; every process that waits, and its engine if that is another node's, is
%% monitored, and nobody who has ended waits; no more wait than may. Actors monitor
%% the access point in turn, so its end voids what waits here.
-module(maty_access_point).

-behaviour(gen_server).

-include("maty_internal.hrl").

-export([start_link/1, start_link/2, child_spec/1, stop/1]).
-export([upgrade/2, protocol/1, waiting/1, info/1, list/0]).
-export([locate/1, locate_far/1, whereis_name/1, register/4, unregister/3, expire/3]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, format_status/1]).

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
    engine :: pid(),
    place :: maty_engine:place(),
    %% Counts registrations, over all roles.
    age :: non_neg_integer()
}).

%% Those who wait for one role.
-record(line, {
    length = 0 :: non_neg_integer(),
    queue = queue:new() :: queue:queue(#registration{})
}).

%% A session that is being opened on several nodes.
-record(opening, {
    %% One for each role.
    registrations :: [#registration{}],
    %% That have not answered yet, and the handles of those that have.
    missing :: [Engine :: pid()],
    handles = #{} :: #{Engine :: pid() => maty_engine:handle()}
}).

-record(state, {
    protocol :: maty_protocol:protocol(),
    machine :: maty_machine:machine(),
    %% The engine that the image is loaded in, and the image's number there.
    engine :: pid() | undefined,
    image = 0 :: non_neg_integer(),
    options :: map(),
    %% By role index.
    lines = {} :: tuple(),
    %% How many of them are.
    empty = 0 :: non_neg_integer(),
    registered = 0 :: non_neg_integer(),
    turned_away = 0 :: non_neg_integer(),
    registrants = #{} :: #{pid() => reference()},
    %% Engines of other nodes that somebody has registered from.
    engines = #{} :: #{pid() => reference()},
    %% By the number of the session.
    openings = #{} :: #{non_neg_integer() => #opening{}},
    %% Attempts to open one, which number them, and those that came to something.
    sessions = 0 :: non_neg_integer(),
    opened = 0 :: non_neg_integer(),
    %% Whether a session could not be opened, and there will be another attempt.
    stuck = false :: boolean()
}).

%% Words of heap. Each registration makes some garbage; with the VM's smallest heap
%% of 233 words it is collected more often than sessions begin.
-define(START_OPTIONS, [{spawn_opt, [{min_heap_size, 4185}]}]).

%% Between two looks for an engine that is being restarted, in milliseconds; and
%% between two attempts to open a session that an engine could not open, as when it
%% has no memory for it.
-define(RECONNECT, 10).
-define(RETRY, 100).

%% Of a registered name on another node, as opposed to {local, Name} and {global, Name}.
-define(IS_ELSEWHERE(Name, Node),
    (is_atom(Name) andalso is_atom(Node) andalso Node =/= node() andalso
        Name =/= local andalso Name =/= global)
).

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
    gen_server:start_link(?MODULE, {Protocol, Options}, ?START_OPTIONS);
start(Protocol, #{name := Name} = Options) when is_atom(Name) ->
    gen_server:start_link({local, Name}, ?MODULE, {Protocol, Options}, ?START_OPTIONS);
start(Protocol, #{name := Name} = Options) ->
    gen_server:start_link(Name, ?MODULE, {Protocol, Options}, ?START_OPTIONS).

known_options() ->
    Any = fun(_) -> true end,
    Count = fun
        (infinity) -> true;
        (Value) -> is_integer(Value) andalso Value > 0 andalso Value < 1 bsl 32
    end,
    Most = {{default, infinity}, "a number from 1 on, or 'infinity'", Count},
    #{
        protocol => {required, "a protocol", Any},
        name => maty_options:name(undefined),
        max_waiting => Most,
        max_waiting_in_all => Most,
        drop => maty_options:one_of(newest, [newest, oldest]),
        max_under_way => Most,
        overload => maty_options:one_of(refuse, [refuse, fail])
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

%% @doc Moves an access point to a new version of its protocol. Sessions that have
%% begun go on with the version they began with; those that begin from now on have
%% the new one. Registrations stay. Actors have to be up to both.
%%
%% It moves only if each role of the new version can take the place of that role in
%% the old one ({@link maty_protocol:compare/2}). Otherwise nothing changes, and
%% `{incompatible, Roles}' says of each role that cannot: `added', `removed', or
%% where the two differ; see {@link maty_protocol:format_error/1}.
-spec upgrade(maty:access_point(), maty_protocol:source()) ->
    ok | {error, maty_protocol:error_reason()}.
upgrade(AccessPoint, Source) ->
    case maty_protocol:resolve(Source) of
        {ok, New} -> upgrade_from(protocol(AccessPoint), New, AccessPoint);
        {error, Reason} -> {error, Reason}
    end.

upgrade_from(Old, New, AccessPoint) ->
    case maty_protocol:compare(Old, New) of
        {ok, Compared} ->
            case [Role || {_, How} = Role <- Compared, How =/= compatible] of
                [] ->
                    case gen_server:call(AccessPoint, {upgrade, Old, New}, infinity) of
                        %% Somebody else was faster.
                        {changed, Other} -> upgrade_from(Other, New, AccessPoint);
                        Result -> Result
                    end;
                Incompatible ->
                    {error, {incompatible, Incompatible}}
            end;
        {error, Reason} ->
            {error, Reason}
    end.

%% @doc The protocol of an access point.
-spec protocol(maty:access_point()) -> maty_protocol:protocol().
protocol(AccessPoint) ->
    gen_server:call(AccessPoint, protocol, infinity).

%% @doc The registrations that wait, by role.
-spec waiting(maty:access_point()) -> waiting().
waiting(AccessPoint) ->
    gen_server:call(AccessPoint, waiting, infinity).

%% @doc How many wait for each role, how many sessions have been opened, and how
%% many registrations were turned away, since it was started.
-spec info(maty:access_point()) -> info().
info(AccessPoint) ->
    gen_server:call(AccessPoint, info, infinity).

%% @doc The access points of this node and their protocols.
-spec list() -> [{pid(), Protocol :: atom()}].
list() ->
    [{Pid, Protocol} || {Pid, Protocol, _} <- maty_directory:all(), is_process_alive(Pid)].

%% ----- What actors call -----

%% @private
%% The process and the protocol of an access point of this node, or that it is one of
%% another node, which has to be asked.
-spec locate(maty:access_point()) -> {ok, pid(), maty_machine:machine()} | far | {error, term()}.
locate({Name, Node}) when ?IS_ELSEWHERE(Name, Node) ->
    far;
locate(Name) ->
    case whereis_name(Name) of
        Pid when is_pid(Pid), node(Pid) =:= node() ->
            %% The directory learns of an end a little later.
            case is_process_alive(Pid) andalso maty_directory:find(Pid) of
                {ok, Digest} -> {ok, Pid, maty_machine:kept(Digest)};
                _ -> {error, {no_access_point, Name}}
            end;
        Pid when is_pid(Pid) ->
            far;
        _ ->
            {error, {no_access_point, Name}}
    end.

%% @private
%% The same for one of another node. Takes as long as the node is silent, so an actor
%% has another process do it. The protocol is asked for once; by its digest it is
%% known again.
-spec locate_far(maty:access_point()) -> {ok, pid(), maty_machine:machine()} | {error, term()}.
locate_far(Name) ->
    Server =
        case Name of
            {Local, Node} when ?IS_ELSEWHERE(Local, Node) -> Name;
            _ -> whereis_name(Name)
        end,
    try
        {Pid, Digest} = gen_server:call(Server, locate, infinity),
        case maty_machine:find(Digest) of
            {ok, Machine} -> {ok, Pid, Machine};
            error -> fetch(Pid, Digest, Name)
        end
    catch
        %% Nobody is there, or somebody else.
        _:_ -> {error, {no_access_point, Name}}
    end.

fetch(Pid, Digest, Name) ->
    Image = maty_protocol:image(gen_server:call(Pid, protocol, infinity)),
    case erlang:md5(Image) =:= Digest andalso maty_machine:load(Image) of
        {ok, _Number, Machine} -> {ok, Pid, Machine};
        _ -> {error, {image_not_loaded, Name}}
    end.

%% @private
-spec whereis_name(term()) -> pid() | undefined.
whereis_name(Pid) when is_pid(Pid) -> Pid;
whereis_name(Name) when is_atom(Name) -> whereis(Name);
whereis_name({local, Name}) -> whereis(Name);
whereis_name({Name, Node}) when is_atom(Name), Node =:= node() -> whereis(Name);
whereis_name({global, Name}) -> global:whereis_name(Name);
whereis_name({via, Module, Name}) -> Module:whereis_name(Name);
whereis_name(_) -> undefined.

%% @private
%% Registers the calling process for a role.
-spec register(pid(), maty:role(), pid(), maty_engine:place()) -> ok.
register(AccessPoint, Role, Engine, Place) ->
    gen_server:cast(AccessPoint, {register, Role, self(), Engine, Place}).

%% @private
%% Whether the registration still waited, and does no more.
-spec unregister(pid(), pid(), maty_engine:place()) -> boolean().
unregister(AccessPoint, Engine, Place) ->
    gen_server:call(AccessPoint, {unregister, Engine, Place}, infinity).

%% @private
%% The time of a registration of the calling process is over. If it still waits, it does
%% no more, and the process is sent `{'$maty_expired', Number}' with its number in the place.
-spec expire(pid(), pid(), maty_engine:place()) -> ok.
expire(AccessPoint, Engine, Place) ->
    gen_server:cast(AccessPoint, {expire, self(), Engine, Place}).

%% ----- The process -----

%% @private
-spec init({maty_protocol:protocol(), map()}) -> {ok, #state{}} | {stop, term()}.
init({Protocol, Options}) ->
    try maty_machine:load(maty_protocol:image(Protocol)) of
        {ok, _Image, Machine} ->
            Count = tuple_size(Machine#machine.roles),
            {ok,
                connect(#state{
                    protocol = Protocol,
                    machine = Machine,
                    options = Options,
                    lines = erlang:make_tuple(Count, #line{}),
                    empty = Count
                })};
        {error, Status} ->
            {stop, {image_not_loaded, Status}}
    catch
        error:maty_not_started -> {stop, maty_not_started}
    end.

%% Loads the image into the engine that runs now. All registrations of this node are
%% of the engine before it, if of any, and void.
connect(#state{protocol = Protocol, machine = Machine, engine = Before} = State) ->
    #machine{protocol = Name, digest = Digest} = Machine,
    Left = engine_down(Before, State),
    Empty = Left#state{engine = undefined},
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
%% What people look for in the state, for sys:get_status/1 and the log.
-spec format_status(gen_server:format_status()) -> gen_server:format_status().
format_status(#{state := #state{machine = Machine} = State} = Status) ->
    Status#{
        state := #{
            protocol => Machine#machine.protocol,
            options => maps:remove(protocol, State#state.options),
            waiting => registered(State),
            opening => map_size(State#state.openings),
            sessions => State#state.opened,
            turned_away => State#state.turned_away
        }
    };
format_status(Status) ->
    Status.

%% @private
-spec handle_call(term(), gen_server:from(), #state{}) -> {reply, term(), #state{}}.
handle_call(protocol, _From, #state{protocol = Protocol} = State) ->
    {reply, Protocol, State};
handle_call({upgrade, _Old, _New}, _From, #state{engine = undefined} = State) ->
    {reply, {error, {engine, engine_down}}, State};
handle_call({upgrade, Old, New}, _From, #state{protocol = Old} = State) ->
    case move(New, State) of
        {ok, Moved} -> {reply, ok, match_again(Moved)};
        {error, Status} -> {reply, {error, {engine, Status}}, State}
    end;
handle_call({upgrade, _Old, _New}, _From, #state{protocol = Protocol} = State) ->
    {reply, {changed, Protocol}, State};
handle_call(waiting, _From, State) ->
    {reply, registered(State), State};
handle_call(info, _From, #state{machine = Machine, lines = Lines} = State) ->
    #machine{protocol = Protocol, role_index = Roles} = Machine,
    Info = #{
        protocol => Protocol,
        waiting => maps:map(fun(_, Role) -> (element(Role + 1, Lines))#line.length end, Roles),
        sessions => State#state.opened,
        turned_away => State#state.turned_away
    },
    {reply, Info, State};
handle_call(locate, _From, #state{machine = #machine{digest = Digest}} = State) ->
    {reply, {self(), Digest}, State};
handle_call({unregister, Engine, Place}, _From, State) ->
    {Waited, Left} = withdraw(Engine, Place, State),
    {reply, Waited, Left};
handle_call(Request, _From, State) ->
    {reply, {error, {unknown_call, Request}}, State}.

registered(#state{lines = Lines, machine = Machine}) ->
    maps:map(
        fun(_, Role) ->
            #line{queue = Queue} = element(Role + 1, Lines),
            [Pid || #registration{pid = Pid} <- queue:to_list(Queue)]
        end,
        Machine#machine.role_index
    ).

%% Takes a registration back; says whether it waited.
withdraw(Engine, Place, State) ->
    Withdrawn = fun(#registration{engine = E, place = P}) -> {E, P} =:= {Engine, Place} end,
    Before = close_openings(Withdrawn, State),
    Left = drop(Withdrawn, Before),
    {count(Left) < count(Before), match_again(Left)}.

%% What is being opened is given up, so that the new version is opened next. The
%% roles are the same, though perhaps in another order.
move(Protocol, #state{engine = Engine, machine = Before} = State) ->
    case maty_machine:load(Engine, maty_protocol:image(Protocol)) of
        {ok, Image, #machine{protocol = Name, digest = Digest, roles = Roles} = Machine} ->
            #state{lines = Lines} = Closed = close_openings(fun(_) -> true end, State),
            ok = maty_directory:add(Name, Digest),
            Order = [
                map_get(Role, Before#machine.role_index) + 1
             || #role{name = Role} <- tuple_to_list(Roles)
            ],
            {ok, Closed#state{
                protocol = Protocol,
                machine = Machine,
                image = Image,
                lines = list_to_tuple([element(Index, Lines) || Index <- Order])
            }};
        {error, Status} ->
            {error, Status}
    end.

%% @private
-spec handle_cast(term(), #state{}) -> {noreply, #state{}}.
handle_cast({register, Role, Pid, Engine, Place}, #state{engine = Engine} = State) ->
    {noreply, registered(Role, Pid, Engine, Place, State)};
handle_cast({register, Role, Pid, Engine, Place}, State) when node(Engine) =/= node() ->
    {noreply, registered(Role, Pid, Engine, Place, watch_engine(Engine, State))};
handle_cast({register, _, _, Engine, _} = Request, State) ->
    %% Of a newer engine, then all others are void, or of an older one and void.
    case maty_engine:pid() of
        Engine ->
            case match_again(connect(State)) of
                #state{engine = Engine} = Connected -> handle_cast(Request, Connected);
                Other -> {noreply, Other}
            end;
        _ ->
            {noreply, State}
    end;
handle_cast({expire, Pid, Engine, Place}, State) ->
    {Waited, Left} = withdraw(Engine, Place, State),
    _ = Waited andalso (Pid ! {'$maty_expired', maty_engine:place_number(Place)}),
    {noreply, Left};
handle_cast(_Request, State) ->
    {noreply, State}.

%% @private
-spec handle_info(term(), #state{}) -> {noreply, #state{}}.
handle_info({'DOWN', _, process, Engine, _}, #state{engine = Engine} = State) ->
    {noreply, match_again(connect(State))};
handle_info(retry, State) ->
    {noreply, match(State#state{stuck = false})};
handle_info(connect, #state{engine = undefined} = State) ->
    {noreply, match_again(connect(State))};
handle_info({'DOWN', _, process, Pid, _}, #state{registrants = Registrants} = State) when
    is_map_key(Pid, Registrants)
->
    {noreply, match_again(forget(Pid, State))};
handle_info({'DOWN', _, process, Engine, _}, #state{engines = Engines} = State) when
    is_map_key(Engine, Engines)
->
    Left = engine_down(Engine, State#state{engines = maps:remove(Engine, Engines)}),
    {noreply, match_again(Left)};
handle_info({'$maty_prepared', Number, Engine, Prepared}, #state{openings = Openings} = State) ->
    case Openings of
        #{Number := Opening} -> {noreply, prepared(Prepared, Engine, Number, Opening, State)};
        %% Given up meanwhile. That the engine was told may have been lost with a connection.
        #{} ->
            Engine ! {'$maty_abandon', {self(), Number}},
            {noreply, State}
    end;
handle_info(_Message, State) ->
    {noreply, State}.

watch(Pid, #state{registrants = Registrants} = State) when is_map_key(Pid, Registrants) ->
    State;
watch(Pid, #state{registrants = Registrants} = State) ->
    State#state{registrants = Registrants#{Pid => erlang:monitor(process, Pid)}}.

watch_engine(Engine, #state{engines = Engines} = State) when is_map_key(Engine, Engines) ->
    State;
watch_engine(Engine, #state{engines = Engines} = State) ->
    State#state{engines = Engines#{Engine => erlang:monitor(process, Engine)}}.

registered(Role, Pid, Engine, Place, State) ->
    #state{registered = Age, lines = Lines, empty = Empty} = Watched = watch(Pid, State),
    Registration = #registration{pid = Pid, engine = Engine, place = Place, age = Age},
    Index = index(Role, State),
    #line{length = Length, queue = Queue} = Line = element(Index, Lines),
    Longer = #line{length = Length + 1, queue = queue:in(Registration, Queue)},
    Waiting = Watched#state{
        registered = Age + 1,
        lines = setelement(Index, Lines, Longer),
        empty = Empty - count_empty(Line)
    },
    bound(Index, match(Waiting)).

%% Where a role's queue is. All versions of the protocol have the same roles.
index(Role, #state{machine = #machine{role_index = Index}}) ->
    map_get(Role, Index) + 1.

count_empty(#line{length = 0}) -> 1;
count_empty(#line{}) -> 0.

%% An actor has ended.
forget(Pid, #state{registrants = Registrants} = State) ->
    Its = fun(#registration{pid = P}) -> P =:= Pid end,
    Left = State#state{registrants = maps:remove(Pid, Registrants)},
    drop(Its, close_openings(Its, Left)).

engine_down(Engine, State) ->
    Its = fun(#registration{engine = E}) -> E =:= Engine end,
    drop(Its, close_openings(Its, State)).

drop(Condition, #state{lines = Lines} = State) ->
    Kept = [drop_from(Line, Condition) || Line <- tuple_to_list(Lines)],
    State#state{
        lines = list_to_tuple(Kept), empty = lists:sum([count_empty(Line) || Line <- Kept])
    }.

drop_from(#line{queue = Queue}, Condition) ->
    Kept = queue:filter(fun(Registration) -> not Condition(Registration) end, Queue),
    #line{length = queue:len(Kept), queue = Kept}.

count(#state{lines = Lines}) ->
    lists:sum([Length || #line{length = Length} <- tuple_to_list(Lines)]).

%% ----- Bounds -----

%% Registrations for this role have come, and were not matched at once: turns away
%% those that are too many.
bound(Role, #state{options = Options, lines = Lines} = State) ->
    #{max_waiting := Most, max_waiting_in_all := MostInAll, drop := Drop} = Options,
    #line{length = Length} = element(Role, Lines),
    case {Length > Most, MostInAll =/= infinity andalso count(State) > MostInAll} of
        {false, false} -> State;
        {true, _} -> bound(Role, turn_away(Drop, Role, State));
        {false, true} -> bound(Role, turn_away(Drop, role_of(Drop, State), State))
    end.

%% The role of the newest or oldest registration of all.
role_of(Drop, #state{lines = Lines}) ->
    Waiting = [
        {Queue, Role}
     || {Role, #line{length = Length, queue = Queue}} <- lists:enumerate(tuple_to_list(Lines)),
        Length > 0
    ],
    {_Age, Role} =
        case Drop of
            newest -> lists:max([{(queue:get_r(Q))#registration.age, R} || {Q, R} <- Waiting]);
            oldest -> lists:min([{(queue:get(Q))#registration.age, R} || {Q, R} <- Waiting])
        end,
    Role.

turn_away(Drop, Role, State) ->
    #state{lines = Lines, empty = Empty, turned_away = Count} = State,
    #line{length = Length, queue = Queue} = element(Role, Lines),
    {{value, #registration{pid = Pid, place = Place}}, Rest} =
        case Drop of
            newest -> queue:out_r(Queue);
            oldest -> queue:out(Queue)
        end,
    Left = #line{length = Length - 1, queue = Rest},
    Pid ! {'$maty_turned_away', maty_engine:place_number(Place)},
    #machine{protocol = Protocol, roles = Roles} = State#state.machine,
    maty_event:notify(overload, #{
        kind => registration,
        access_point => self(),
        protocol => Protocol,
        role => (element(Role, Roles))#role.name,
        actor => Pid
    }),
    State#state{
        lines = setelement(Role, Lines, Left),
        empty = Empty + count_empty(Left),
        turned_away = Count + 1
    }.

%% ----- Sessions -----

%% Begins sessions as long as every role has somebody.
match(#state{empty = 0, stuck = false} = State) ->
    {First, Taken} = take_first(State),
    case all_here(First, State) of
        true -> open(First, Taken, State);
        false -> match(prepare(First, Taken))
    end;
match(State) ->
    State.

all_here(_Registrations, #state{engines = Others}) when Others =:= #{} ->
    true;
all_here(Registrations, #state{engine = Engine}) ->
    lists:all(fun(#registration{engine = E}) -> E =:= Engine end, Registrations).

%% Registrations have gone, or are back from a session that was given up; then more
%% may wait than may.
match_again(State) ->
    Matched = match(State),
    lists:foldl(fun bound/2, Matched, lists:seq(1, tuple_size(Matched#state.lines))).

%% Opens a session whose participants are all of this node.
open(First, Taken, #state{image = Image, sessions = Sessions, options = Options} = State) ->
    Places = [Place || #registration{place = Place} <- First],
    case open(Sessions, Image, session_bound(Options), Places) of
        ok ->
            match(Taken#state{sessions = Sessions + 1, opened = Taken#state.opened + 1});
        {dead, Role} ->
            #registration{pid = Pid} = lists:nth(Role + 1, First),
            match_again(forget(Pid, State));
        {error, engine_down} ->
            State;
        {error, Status} ->
            not_opened(Status, node(), State)
    end.

%% The registrations go on waiting.
not_opened(_Status, _Node, #state{stuck = true} = State) ->
    State;
not_opened(Status, Node, State) ->
    #state{machine = #machine{protocol = Protocol}} = State,
    logger:error("~tp could not open a session of ~ts: ~ts", [
        self(), Protocol, status_text(Status, Node)
    ]),
    _ = erlang:send_after(?RETRY, self(), retry),
    State#state{stuck = true}.

status_text(Status, Node) when Node =:= node() -> maty_error:format_status(Status);
status_text(Status, Node) -> io_lib:format("the engine of ~ts says ~tp", [Node, Status]).

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
take_first(#state{lines = Lines} = State) ->
    {First, Left, Empty} = take_first(tuple_size(Lines), Lines, [], [], 0),
    {First, State#state{lines = list_to_tuple(Left), empty = Empty}}.

%% From the last role to the first, so that the lists are in order.
take_first(0, _Lines, First, Left, Empty) ->
    {First, Left, Empty};
take_first(Index, Lines, First, Left, Empty) ->
    #line{length = Length, queue = Queue} = element(Index, Lines),
    {{value, Registration}, Rest} = queue:out(Queue),
    Line = #line{length = Length - 1, queue = Rest},
    take_first(Index - 1, Lines, [Registration | First], [Line | Left], Empty + count_empty(Line)).

%% ----- Sessions on several nodes -----

prepare(First, #state{sessions = Number, openings = Openings} = State) ->
    Engines = lists:usort([Engine || #registration{engine = Engine} <- First]),
    Opening = #opening{registrations = First, missing = Engines},
    lists:foreach(fun(Engine) -> ask(Engine, Number, Opening, State) end, Engines),
    State#state{sessions = Number + 1, openings = Openings#{Number => Opening}}.

ask(Engine, Number, #opening{registrations = Registrations}, State) ->
    #state{machine = #machine{digest = Digest}, options = Options} = State,
    Roles = [
        {Role, E, Pid, Place}
     || {Role, #registration{pid = Pid, engine = E, place = Place}} <-
            lists:zip(lists:seq(0, length(Registrations) - 1), Registrations)
    ],
    Engine ! {'$maty_prepare', self(), Number, Digest, session_bound(Options), Roles},
    ok.

%% What an engine said of its part.
prepared({ok, Handle}, Engine, Number, Opening, #state{openings = Openings} = State) ->
    #opening{missing = Missing, handles = Handles} = Opening,
    Next = Opening#opening{
        missing = lists:delete(Engine, Missing), handles = Handles#{Engine => Handle}
    },
    case Next of
        #opening{missing = [], handles = All} ->
            Begin = {'$maty_begin', {self(), Number}, All},
            lists:foreach(fun(E) -> E ! Begin end, maps:keys(All)),
            State#state{openings = maps:remove(Number, Openings), opened = State#state.opened + 1};
        #opening{} ->
            State#state{openings = Openings#{Number := Next}}
    end;
prepared(no_image, Engine, Number, Opening, #state{protocol = Protocol} = State) ->
    Engine ! {'$maty_image', {self(), Number}, maty_protocol:image(Protocol)},
    ask(Engine, Number, Opening, State),
    State;
prepared({dead, Role}, _Engine, Number, #opening{registrations = Registrations}, State) ->
    Dead = lists:nth(Role + 1, Registrations),
    match_again(drop(fun(Registration) -> Registration =:= Dead end, close(Number, State)));
prepared({error, Status}, Engine, Number, _Opening, State) ->
    match_again(not_opened(Status, node(Engine), close(Number, State))).

%% Gives up what is being opened with a registration of which the condition is true.
close_openings(_Condition, #state{openings = Openings} = State) when Openings =:= #{} ->
    State;
close_openings(Condition, #state{openings = Openings} = State) ->
    Affected = [
        Number
     || {Number, #opening{registrations = Registrations}} <- maps:to_list(Openings),
        lists:any(Condition, Registrations)
    ],
    %% The latest first, so that the first one is in front again.
    lists:foldl(fun close/2, State, lists:reverse(lists:sort(Affected))).

close(Number, #state{openings = Openings, lines = Lines} = State) ->
    {#opening{registrations = Registrations}, Left} = maps:take(Number, Openings),
    Engines = lists:usort([Engine || #registration{engine = Engine} <- Registrations]),
    lists:foreach(fun(Engine) -> Engine ! {'$maty_abandon', {self(), Number}} end, Engines),
    Back = [
        #line{length = Length + 1, queue = queue:in_r(Registration, Queue)}
     || {Registration, #line{length = Length, queue = Queue}} <-
            lists:zip(Registrations, tuple_to_list(Lines))
    ],
    State#state{openings = Left, lines = list_to_tuple(Back), empty = 0}.
