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
%% What always holds between two messages: at least one role has nobody waiting,
%% unless the engine could not open a session; every process that waits, and its
%% engine if that is another node's, is monitored, and nobody who has ended waits.
%% Actors monitor the access point in turn, so its end voids what waits here.
-module(maty_access_point).

-behaviour(gen_server).

-include("maty_internal.hrl").

-export([start_link/1, start_link/2, child_spec/1, stop/1]).
-export([upgrade/2, protocol/1, waiting/1, list/0]).
-export([locate/1, whereis_name/1, register/4, unregister/3]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).

-export_type([options/0, waiting/0]).

-type options() :: #{
    protocol := maty_protocol:source(),
    name => atom() | {local, atom()} | {global, term()} | {via, module(), term()}
}.

%% Who waits for each role, the first first.
-type waiting() :: #{maty:role() => [pid()]}.

-record(registration, {
    pid :: pid(),
    engine :: pid(),
    place :: maty_engine:place()
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
    %% By role index.
    queues = {} :: tuple(),
    %% How many of the queues are.
    empty = 0 :: non_neg_integer(),
    registrants = #{} :: #{pid() => reference()},
    %% Engines of other nodes that somebody has registered from.
    engines = #{} :: #{pid() => reference()},
    %% By the number of the session.
    openings = #{} :: #{non_neg_integer() => #opening{}},
    sessions = 0 :: non_neg_integer()
}).

%% How long an access point of another node has time to say what its protocol is, in
%% milliseconds.
-define(PATIENCE, 5000).

%% Between two looks for an engine that is being restarted, in milliseconds.
-define(RECONNECT, 10).

%% ----- What users call -----

%% @doc Starts an access point, linked to the caller. Takes a protocol (see
%% {@link maty_protocol:source()}) or a map of options. Returns
%% `{error, Reason}' with a reason of {@link maty_protocol:format_error/1} if the
%% protocol is not accepted.
-spec start_link(maty_protocol:source() | options()) -> gen_server:start_ret().
start_link(#{name := _, image := _} = Protocol) ->
    start(#{protocol => Protocol});
start_link(#{} = Options) ->
    case maty_options:check(Options, #{protocol => required, name => optional}) of
        ok -> start(Options);
        {error, Reason} -> {error, Reason}
    end;
start_link(Protocol) ->
    start(#{protocol => Protocol}).

%% @doc The same with a name.
-spec start_link(atom() | tuple(), maty_protocol:source()) -> gen_server:start_ret().
start_link(Name, Protocol) ->
    start(#{protocol => Protocol, name => Name}).

start(#{protocol := Source} = Options) ->
    %% Checked here and not in the new process, so that an error is a value and
    %% not the end of a process that is linked to the caller.
    case maty_protocol:resolve(Source) of
        {ok, Protocol} ->
            case Options of
                #{name := Name} when is_atom(Name) ->
                    gen_server:start_link({local, Name}, ?MODULE, Protocol, []);
                #{name := Name} ->
                    gen_server:start_link(Name, ?MODULE, Protocol, []);
                #{} ->
                    gen_server:start_link(?MODULE, Protocol, [])
            end;
        {error, Reason} ->
            {error, Reason}
    end.

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
                    case gen_server:call(AccessPoint, {upgrade, Old, New}) of
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
    gen_server:call(AccessPoint, protocol).

%% @doc The registrations that wait, by role.
-spec waiting(maty:access_point()) -> waiting().
waiting(AccessPoint) ->
    gen_server:call(AccessPoint, waiting).

%% @doc The access points of this node and their protocols.
-spec list() -> [{pid(), Protocol :: atom()}].
list() ->
    [{Pid, Protocol} || {Pid, Protocol, _} <- maty_directory:all(), is_process_alive(Pid)].

%% ----- What actors call -----

%% @private
%% The process and the protocol of an access point. One of this node is not asked.
-spec locate(maty:access_point()) -> {ok, pid(), maty_machine:machine()} | {error, term()}.
locate({Name, Node}) when is_atom(Name), is_atom(Node), Node =/= node(), Name =/= global ->
    locate_far({Name, Node}, {Name, Node});
locate(Name) ->
    case whereis_name(Name) of
        Pid when is_pid(Pid), node(Pid) =:= node() ->
            %% The directory learns of an end a little later.
            case is_process_alive(Pid) andalso maty_directory:find(Pid) of
                {ok, Digest} -> {ok, Pid, maty_machine:kept(Digest)};
                _ -> {error, {no_access_point, Name}}
            end;
        Pid when is_pid(Pid) ->
            locate_far(Pid, Name);
        _ ->
            {error, {no_access_point, Name}}
    end.

%% The protocol is asked for once; by its digest it is known again.
locate_far(Server, Name) ->
    try gen_server:call(Server, locate, ?PATIENCE) of
        {Pid, Digest} when is_pid(Pid) ->
            case maty_machine:find(Digest) of
                {ok, Machine} -> {ok, Pid, Machine};
                error -> fetch(Pid, Digest, Name)
            end;
        _ ->
            {error, {no_access_point, Name}}
    catch
        exit:_ -> {error, {no_access_point, Name}}
    end.

fetch(Pid, Digest, Name) ->
    Image = maty_protocol:image(gen_server:call(Pid, protocol, ?PATIENCE)),
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

%% ----- The process -----

%% @private
-spec init(maty_protocol:protocol()) -> {ok, #state{}} | {stop, term()}.
init(Protocol) ->
    case maty_machine:load(maty_protocol:image(Protocol)) of
        {ok, _Image, Machine} ->
            Count = tuple_size(Machine#machine.roles),
            {ok,
                connect(#state{
                    protocol = Protocol,
                    machine = Machine,
                    queues = erlang:make_tuple(Count, queue:new()),
                    empty = Count
                })};
        {error, Status} ->
            {stop, {image_not_loaded, Status}}
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
-spec handle_call(term(), gen_server:from(), #state{}) -> {reply, term(), #state{}}.
handle_call(protocol, _From, #state{protocol = Protocol} = State) ->
    {reply, Protocol, State};
handle_call({upgrade, _Old, _New}, _From, #state{engine = undefined} = State) ->
    {reply, {error, {engine, engine_down}}, State};
handle_call({upgrade, Old, New}, _From, #state{protocol = Old} = State) ->
    case move(New, State) of
        {ok, Moved} -> {reply, ok, match(Moved)};
        {error, Status} -> {reply, {error, {engine, Status}}, State}
    end;
handle_call({upgrade, _Old, _New}, _From, #state{protocol = Protocol} = State) ->
    {reply, {changed, Protocol}, State};
handle_call(waiting, _From, #state{queues = Queues, machine = Machine} = State) ->
    Waiting = maps:map(
        fun(_, Role) ->
            [Pid || #registration{pid = Pid} <- queue:to_list(element(Role + 1, Queues))]
        end,
        Machine#machine.role_index
    ),
    {reply, Waiting, State};
handle_call(locate, _From, #state{machine = #machine{digest = Digest}} = State) ->
    {reply, {self(), Digest}, State};
handle_call({unregister, Engine, Place}, _From, State) ->
    Withdrawn = fun(#registration{engine = E, place = P}) -> {E, P} =:= {Engine, Place} end,
    Before = close_openings(Withdrawn, State),
    Left = drop(Withdrawn, Before),
    {reply, count(Left) < count(Before), match(Left)};
handle_call(Request, _From, State) ->
    {reply, {error, {unknown_call, Request}}, State}.

%% What is being opened is given up, so that the new version is opened next. The
%% roles are the same, though perhaps in another order.
move(Protocol, #state{engine = Engine, machine = Before} = State) ->
    case maty_machine:load(Engine, maty_protocol:image(Protocol)) of
        {ok, Image, #machine{protocol = Name, digest = Digest, roles = Roles} = Machine} ->
            #state{queues = Queues} = Closed = close_openings(fun(_) -> true end, State),
            ok = maty_directory:add(Name, Digest),
            Order = [map_get(Role, Before#machine.role_index) || #role{name = Role} <- tuple_to_list(Roles)],
            {ok, Closed#state{
                protocol = Protocol,
                machine = Machine,
                image = Image,
                queues = list_to_tuple([element(Index + 1, Queues) || Index <- Order])
            }};
        {error, Status} ->
            {error, Status}
    end.

%% @private
-spec handle_cast(term(), #state{}) -> {noreply, #state{}}.
handle_cast({register, Role, Pid, Engine, Place}, #state{engine = Engine} = State) ->
    Registration = #registration{pid = Pid, engine = Engine, place = Place},
    {noreply, match(enqueue(index(Role, State), Registration, watch(Pid, State)))};
handle_cast({register, Role, Pid, Engine, Place}, State) when node(Engine) =/= node() ->
    Registration = #registration{pid = Pid, engine = Engine, place = Place},
    Watched = watch(Pid, watch_engine(Engine, State)),
    {noreply, match(enqueue(index(Role, State), Registration, Watched))};
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
handle_info(connect, #state{engine = undefined} = State) ->
    {noreply, connect(State)};
handle_info({'DOWN', _, process, Pid, _}, #state{registrants = Registrants} = State) when
    is_map_key(Pid, Registrants)
->
    {noreply, match(forget(Pid, State))};
handle_info({'DOWN', _, process, Engine, _}, #state{engines = Engines} = State) when
    is_map_key(Engine, Engines)
->
    Left = engine_down(Engine, State#state{engines = maps:remove(Engine, Engines)}),
    {noreply, match(Left)};
handle_info({'$maty_prepared', Number, Engine, Prepared}, #state{openings = Openings} = State) ->
    case Openings of
        #{Number := Opening} -> {noreply, prepared(Prepared, Engine, Number, Opening, State)};
        %% Given up meanwhile, and the engine has been told.
        #{} -> {noreply, State}
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

%% Where a role's queue is. All versions of the protocol have the same roles.
index(Role, #state{machine = #machine{role_index = Index}}) ->
    map_get(Role, Index) + 1.

enqueue(Role, Registration, #state{queues = Queues, empty = Empty} = State) ->
    Queue = element(Role, Queues),
    State#state{
        queues = setelement(Role, Queues, queue:in(Registration, Queue)),
        empty = Empty - count_empty(Queue)
    }.

count_empty(Queue) ->
    case queue:is_empty(Queue) of
        true -> 1;
        false -> 0
    end.

%% An actor has ended.
forget(Pid, #state{registrants = Registrants} = State) ->
    Its = fun(#registration{pid = P}) -> P =:= Pid end,
    Left = State#state{registrants = maps:remove(Pid, Registrants)},
    drop(Its, close_openings(Its, Left)).

engine_down(Engine, State) ->
    Its = fun(#registration{engine = E}) -> E =:= Engine end,
    drop(Its, close_openings(Its, State)).

drop(Condition, #state{queues = Queues} = State) ->
    Kept = [
        queue:filter(fun(Registration) -> not Condition(Registration) end, Queue)
     || Queue <- tuple_to_list(Queues)
    ],
    State#state{
        queues = list_to_tuple(Kept),
        empty = lists:sum([count_empty(Queue) || Queue <- Kept])
    }.

count(#state{queues = Queues}) ->
    lists:sum([queue:len(Queue) || Queue <- tuple_to_list(Queues)]).

%% Begins sessions as long as every role has somebody.
match(#state{empty = 0, queues = Queues, engine = Engine} = State) ->
    {First, Rest, Empty} = take_first(tuple_to_list(Queues), [], [], 0),
    Taken = State#state{queues = Rest, empty = Empty},
    case lists:all(fun(#registration{engine = E}) -> E =:= Engine end, First) of
        true -> open(First, Taken, State);
        false -> match(prepare(First, Taken))
    end;
match(State) ->
    State.

%% Opens a session whose participants are all of this node.
open(First, Taken, #state{image = Image, sessions = Sessions} = State) ->
    case maty_engine:open(Sessions, Image, [Place || #registration{place = Place} <- First]) of
        ok ->
            match(Taken#state{sessions = Sessions + 1});
        {dead, Role} ->
            #registration{pid = Pid} = lists:nth(Role + 1, First),
            match(forget(Pid, State));
        {error, engine_down} ->
            State;
        {error, Status} ->
            %% They go on waiting; the next registration is the next attempt.
            not_opened(Status),
            State
    end.

not_opened(Status) ->
    logger:error("~tp could not open a session: ~tp", [self(), Status]).

%% Takes the first registration of each role.
take_first([Queue | Queues], First, Rest, Empty) ->
    {{value, Registration}, Left} = queue:out(Queue),
    take_first(Queues, [Registration | First], [Left | Rest], Empty + count_empty(Left));
take_first([], First, Rest, Empty) ->
    {lists:reverse(First), list_to_tuple(lists:reverse(Rest)), Empty}.

%% ----- Sessions on several nodes -----

prepare(First, #state{sessions = Number, openings = Openings} = State) ->
    Engines = lists:usort([Engine || #registration{engine = Engine} <- First]),
    Opening = #opening{registrations = First, missing = Engines},
    lists:foreach(fun(Engine) -> ask(Engine, Number, Opening, State) end, Engines),
    State#state{sessions = Number + 1, openings = Openings#{Number => Opening}}.

ask(Engine, Number, #opening{registrations = Registrations}, #state{machine = Machine}) ->
    Roles = [
        {Role, E, Pid, Place}
     || {Role, #registration{pid = Pid, engine = E, place = Place}} <-
            lists:zip(lists:seq(0, length(Registrations) - 1), Registrations)
    ],
    Engine ! {'$maty_prepare', self(), Number, Machine#machine.digest, Roles},
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
            State#state{openings = maps:remove(Number, Openings)};
        #opening{} ->
            State#state{openings = Openings#{Number := Next}}
    end;
prepared(no_image, Engine, Number, Opening, #state{protocol = Protocol} = State) ->
    Engine ! {'$maty_image', maty_protocol:image(Protocol)},
    ask(Engine, Number, Opening, State),
    State;
prepared({dead, Role}, _Engine, Number, #opening{registrations = Registrations}, State) ->
    Dead = lists:nth(Role + 1, Registrations),
    match(drop(fun(Registration) -> Registration =:= Dead end, close(Number, State)));
prepared({error, Status}, _Engine, Number, _Opening, State) ->
    not_opened(Status),
    close(Number, State).

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

close(Number, #state{openings = Openings, queues = Queues} = State) ->
    {#opening{registrations = Registrations}, Left} = maps:take(Number, Openings),
    Engines = lists:usort([Engine || #registration{engine = Engine} <- Registrations]),
    lists:foreach(fun(Engine) -> Engine ! {'$maty_abandon', {self(), Number}} end, Engines),
    Back = [
        queue:in_r(Registration, Queue)
     || {Registration, Queue} <- lists:zip(Registrations, tuple_to_list(Queues))
    ],
    State#state{openings = Left, queues = list_to_tuple(Back), empty = 0}.
