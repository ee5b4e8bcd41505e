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
%% What always holds between two messages: at least one role has nobody waiting,
%% unless the engine could not open a session; every process that waits is
%% monitored, and nobody who has ended waits.
-module(maty_access_point).

-behaviour(gen_server).

-include("maty_internal.hrl").

-export([start_link/1, start_link/2, child_spec/1, stop/1]).
-export([protocol/1, waiting/1, list/0]).
-export([locate/1, register/5]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).

-export_type([options/0, waiting/0]).

-type options() :: #{
    protocol := maty_protocol:source(),
    name => atom() | {local, atom()} | {global, term()} | {via, module(), term()}
}.

%% Who waits for each role, the first first.
-type waiting() :: #{maty:role() => [pid()]}.

-record(registration, {
    reference :: reference(),
    pid :: pid(),
    token :: maty_engine:token()
}).

-record(state, {
    protocol :: maty_protocol:protocol(),
    machine :: maty_machine:machine(),
    %% The engine that the image is loaded in, and the image's number there.
    engine :: pid(),
    image :: non_neg_integer(),
    %% By role index.
    queues :: #{non_neg_integer() => queue:queue(#registration{})},
    empty :: non_neg_integer(),
    registrants = #{} :: #{pid() => reference()},
    sessions = 0 :: non_neg_integer()
}).

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
%% The process and the roles of an access point, without asking it.
-spec locate(maty:access_point()) ->
    {ok, pid(), #{maty:role() => non_neg_integer()}} | {error, term()}.
locate(Name) ->
    case whereis_name(Name) of
        Pid when is_pid(Pid), node(Pid) =:= node() ->
            %% The directory learns of an end a little later.
            case is_process_alive(Pid) andalso maty_directory:find(Pid) of
                {ok, Roles} -> {ok, Pid, Roles};
                _ -> {error, {no_access_point, Name}}
            end;
        Pid when is_pid(Pid) ->
            {error, {access_point_on_other_node, Name}};
        _ ->
            {error, {no_access_point, Name}}
    end.

whereis_name(Pid) when is_pid(Pid) -> Pid;
whereis_name(Name) when is_atom(Name) -> whereis(Name);
whereis_name({local, Name}) -> whereis(Name);
whereis_name({global, Name}) -> global:whereis_name(Name);
whereis_name({via, Module, Name}) -> Module:whereis_name(Name);
whereis_name(_) -> undefined.

%% @private
-spec register(pid(), reference(), pid(), maty_engine:token(), maty:role()) -> ok.
register(AccessPoint, Reference, Engine, Token, Role) ->
    gen_server:cast(AccessPoint, {register, Reference, self(), Engine, Token, Role}).

%% ----- The process -----

%% @private
-spec init(maty_protocol:protocol()) -> {ok, #state{}} | {stop, term()}.
init(Protocol) ->
    case maty_machine:load(maty_protocol:image(Protocol)) of
        {ok, Image, Machine} ->
            ok = maty_directory:add(self(), Machine),
            {ok, empty(#state{
                protocol = Protocol,
                machine = Machine,
                engine = maty_engine:pid(),
                image = Image,
                queues = #{},
                empty = 0
            })};
        {error, Status} ->
            {stop, {image_not_loaded, Status}}
    end.

%% Nobody waits.
empty(#state{machine = #machine{role_index = Index}} = State) ->
    State#state{
        queues = maps:from_list([{Role, queue:new()} || Role <- maps:values(Index)]),
        empty = map_size(Index)
    }.

%% @private
-spec handle_call(term(), gen_server:from(), #state{}) -> {reply, term(), #state{}}.
handle_call(protocol, _From, #state{protocol = Protocol} = State) ->
    {reply, Protocol, State};
handle_call(waiting, _From, #state{queues = Queues, machine = Machine} = State) ->
    Waiting = maps:map(
        fun(_, Role) ->
            [Pid || #registration{pid = Pid} <- queue:to_list(maps:get(Role, Queues))]
        end,
        Machine#machine.role_index
    ),
    {reply, Waiting, State};
handle_call(Request, _From, State) ->
    {reply, {error, {unknown_call, Request}}, State}.

%% @private
-spec handle_cast(term(), #state{}) -> {noreply, #state{}}.
handle_cast({register, Reference, Pid, Engine, Token, Role}, State) ->
    case of_engine(Engine, State) of
        {ok, Current} ->
            #state{machine = #machine{role_index = Index}} = Current,
            Registration = #registration{reference = Reference, pid = Pid, token = Token},
            {noreply, match(enqueue(maps:get(Role, Index), Registration, watch(Pid, Current)))};
        stale ->
            {noreply, State}
    end;
handle_cast(_Request, State) ->
    {noreply, State}.

%% @private
-spec handle_info(term(), #state{}) -> {noreply, #state{}}.
handle_info({'DOWN', _, process, Pid, _}, #state{registrants = Registrants} = State) when
    is_map_key(Pid, Registrants)
->
    {noreply, forget(Pid, State)};
handle_info(_Message, State) ->
    %% An engine that has ended is noticed by the first registration that comes
    %% from a newer one; what waits until then is void and harms nobody.
    {noreply, State}.

%% A registration of another engine than the one known is either of a newer one,
%% and then all others are void, or it is void itself.
of_engine(Engine, #state{engine = Engine} = State) ->
    {ok, State};
of_engine(Engine, #state{protocol = Protocol} = State) ->
    case maty_engine:pid() of
        Engine ->
            case maty_machine:load(maty_protocol:image(Protocol)) of
                {ok, Image, _Machine} ->
                    {ok, empty(State#state{engine = Engine, image = Image})};
                {error, _} ->
                    stale
            end;
        _ ->
            stale
    end.

watch(Pid, #state{registrants = Registrants} = State) when is_map_key(Pid, Registrants) ->
    State;
watch(Pid, #state{registrants = Registrants} = State) ->
    State#state{registrants = Registrants#{Pid => erlang:monitor(process, Pid)}}.

enqueue(Role, Registration, #state{queues = Queues, empty = Empty} = State) ->
    #{Role := Queue} = Queues,
    State#state{
        queues = Queues#{Role := queue:in(Registration, Queue)},
        empty = Empty - count_empty(Queue)
    }.

count_empty(Queue) ->
    case queue:is_empty(Queue) of
        true -> 1;
        false -> 0
    end.

forget(Pid, #state{queues = Queues, registrants = Registrants} = State) ->
    Alive = maps:map(
        fun(_, Queue) -> queue:filter(fun(#registration{pid = P}) -> P =/= Pid end, Queue) end,
        Queues
    ),
    State#state{
        queues = Alive,
        empty = lists:sum([count_empty(Queue) || Queue <- maps:values(Alive)]),
        registrants = maps:remove(Pid, Registrants)
    }.

%% Begins sessions as long as every role has somebody.
match(#state{empty = 0, queues = Queues, image = Image, sessions = Sessions} = State) ->
    {First, Rest, Empty} = take_first(map_size(Queues) - 1, Queues, 0, []),
    Tokens = [Token || #registration{token = Token} <- First],
    case maty_engine:open(Sessions, Image, Tokens) of
        {ok, Session} ->
            begin_session(Session, First, State),
            match(State#state{queues = Rest, empty = Empty, sessions = Sessions + 1});
        {dead, Role} ->
            #registration{pid = Pid} = lists:nth(Role + 1, First),
            match(forget(Pid, State));
        {error, engine_down} ->
            State;
        {error, Status} ->
            %% They go on waiting; the next registration is the next attempt.
            logger:error("~tp could not open a session: ~tp", [self(), Status]),
            State
    end;
match(State) ->
    State.

%% Takes the first registration of each role, the last role first.
take_first(-1, Queues, Empty, First) ->
    {First, Queues, Empty};
take_first(Role, Queues, Empty, First) ->
    #{Role := Queue} = Queues,
    {{value, Registration}, Rest} = queue:out(Queue),
    take_first(Role - 1, Queues#{Role := Rest}, Empty + count_empty(Rest), [Registration | First]).

begin_session(Session, Registrations, #state{machine = #machine{digest = Digest}}) ->
    Participants = list_to_tuple([Pid || #registration{pid = Pid} <- Registrations]),
    lists:foldl(
        fun(#registration{reference = Reference, pid = Pid}, Role) ->
            Pid ! {'$maty_start', Reference, Session, Role, Participants, Digest, self()},
            Role + 1
        end,
        0,
        Registrations
    ).
