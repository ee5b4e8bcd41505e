%% @private
%% What an actor has registered for: its place with the engine, the access points
%% it knows, and the registrations that no session has answered yet.
%%
%% It stands in the process dictionary of the actor, because user code registers
%% by naming an access point and a role and nothing else. All functions are for
%% the actor's process.
%%
%% What always holds between two messages: an access point that is known is
%% monitored, once, until it ends; a registration waits at a known access point,
%% or has none: because its access point has ended, and then it names it by
%% something else than a pid, or because it is one of another node that has not
%% answered yet, to another process that asks it.
-module(maty_registration).

-include("maty_internal.hrl").

-export([new/0, connect/0, disconnect/0, renew/0]).
-export([register/3, unregister/2, take/3, turned_away/1, expire/1, expired/1, located/2]).
-export([access_point_down/2, access_point_up/0]).

-export_type([registration/0, lost/0]).

-record(registration, {
    %% What the actor gave, and the process that it was.
    name :: maty:access_point(),
    access_point :: pid() | undefined,
    role :: maty:role(),
    %% Its deadline; stays as it is when the registration is made again. Expired, if its
    %% access point has been asked to take it back.
    timer :: reference() | undefined | expired,
    %% Whether it was logged that nobody is there.
    logged = false :: boolean()
}).

-record(registrar, {
    %% Undefined while there is no engine.
    engine :: pid() | undefined,
    token = 0 :: non_neg_integer(),
    next = 1 :: pos_integer(),
    waiting = #{} :: #{pos_integer() => #registration{}},
    %% With the protocol that an access point had when it was found.
    access_points = #{} :: #{pid() => {Monitor :: reference(), maty_machine:machine()}},
    %% The images of sessions that have begun, by their numbers in this engine.
    images = #{} :: #{non_neg_integer() => maty_machine:machine()},
    %% Those of them that were given by a name on another node.
    names = #{} :: #{{atom(), node()} => pid()}
}).

-opaque registration() :: #registration{}.
%% Registrations that no session will answer: the access point as the actor named
%% it, and the roles.
-type lost() :: #{maty:access_point() => [maty:role()]}.

-define(REGISTRAR, '$maty_registrar').

-spec new() -> ok.
new() ->
    keep(#registrar{}).

keep(#registrar{} = Registrar) ->
    _ = put(?REGISTRAR, Registrar),
    ok.

%% ----- The engine -----

%% Becomes a participant of the engine that runs now. Returns what tells its end.
-spec connect() -> {ok, Monitor :: reference()} | {error, term()}.
connect() ->
    case maty_engine:pid() of
        undefined ->
            {error, maty_not_started};
        Engine ->
            Monitor = erlang:monitor(process, Engine),
            try maty_engine:attach() of
                {ok, Token} ->
                    Registrar = get(?REGISTRAR),
                    keep(Registrar#registrar{engine = Engine, token = Token, images = #{}}),
                    {ok, Monitor};
                {error, Status} ->
                    true = erlang:demonitor(Monitor, [flush]),
                    {error, Status}
            catch
                error:maty_not_started ->
                    true = erlang:demonitor(Monitor, [flush]),
                    {error, maty_not_started}
            end
    end.

%% The engine has ended. What waits at access points is void, and waits here.
-spec disconnect() -> ok.
disconnect() ->
    keep((get(?REGISTRAR))#registrar{engine = undefined}).

%% Makes again what waits, with an engine that is new. Under new numbers: what
%% the engine before it has begun is over.
-spec renew() -> lost().
renew() ->
    #registrar{waiting = Waiting} = Registrar = get(?REGISTRAR),
    keep(Registrar#registrar{waiting = #{}}),
    place_all([Registration || {_, Registration} <- lists:sort(maps:to_list(Waiting))]).

%% ----- Registering -----

%% When the time is over, the actor gets {timeout, Timer, '$maty_registration'},
%% for expire/1.
-spec register(maty:access_point(), maty:role(), timeout()) -> ok | {error, term()}.
register(Name, Role, infinity) ->
    register(#registration{name = Name, role = Role});
register(Name, Role, Timeout) ->
    Timer = erlang:start_timer(Timeout, self(), '$maty_registration'),
    case register(#registration{name = Name, role = Role, timer = Timer}) of
        ok ->
            ok;
        {error, Reason} ->
            cancel(Timer),
            {error, Reason}
    end.

cancel(Timer) when is_atom(Timer) ->
    ok;
cancel(Timer) ->
    _ = erlang:cancel_timer(Timer, [{async, true}, {info, false}]),
    ok.

register(#registration{name = Name, role = Role} = Registration) ->
    case {locate(Name, Role), get(?REGISTRAR)} of
        {{error, Reason}, _} ->
            {error, Reason};
        {{ok, _AccessPoint, #machine{role_index = Index}}, _} when not is_map_key(Role, Index) ->
            {error, {unknown_role, Role, lists:sort(maps:keys(Index))}};
        {_, undefined} ->
            {error, not_an_actor};
        {{ok, AccessPoint, Machine}, Registrar} ->
            Watched = watch(Name, AccessPoint, Machine, Registrar),
            place(found(AccessPoint, Registration), Watched);
        {far, Registrar} ->
            _ = is_sought(Name, Registrar) orelse seek(Name),
            place(Registration, Registrar)
    end.

found(AccessPoint, Registration) ->
    Registration#registration{access_point = AccessPoint, logged = false}.

%% Whether another process asks for an access point, or it is waited for.
is_sought(Name, #registrar{waiting = Waiting}) ->
    lists:any(
        fun(#registration{name = N, access_point = A}) -> N =:= Name andalso A =:= undefined end,
        maps:values(Waiting)
    ).

%% The answer goes to located/2.
seek(Name) ->
    ok = maty_directory:await(),
    Actor = self(),
    spawn(fun() -> Actor ! {'$maty_located', Name, maty_access_point:locate_far(Name)} end).

%% An access point of another node has answered, or there is none. One that has a name
%% is waited for.
-spec located(maty:access_point(), {ok, pid(), maty_machine:machine()} | {error, term()}) -> lost().
located(Name, {ok, AccessPoint, #machine{role_index = Roles} = Machine}) ->
    Registrar = get(?REGISTRAR),
    {Here, Left} = sought(Name, Registrar),
    {Placed, Lost} = lists:partition(
        fun(#registration{role = R}) -> is_map_key(R, Roles) end, Here
    ),
    _ = Here =/= [] andalso keep(watch(Name, AccessPoint, Machine, Left)),
    lists:foreach(
        fun(Registration) ->
            place(found(AccessPoint, Registration), get(?REGISTRAR))
        end,
        Placed
    ),
    _ = Lost =/= [] andalso log_no_role(Name, Lost, Roles),
    lost(Lost);
located(Name, {error, _}) when is_pid(Name) ->
    {Here, Left} = sought(Name, get(?REGISTRAR)),
    ok = keep(Left),
    lost(Here);
located(Name, {error, _}) ->
    %% It is asked again whenever a node or an access point comes up, so also when the node
    %% has been connected in order to ask.
    #registrar{waiting = Waiting} = Registrar = get(?REGISTRAR),
    News = maps:filter(
        fun(_, #registration{name = N, access_point = A, logged = Logged}) ->
            N =:= Name andalso A =:= undefined andalso not Logged
        end,
        Waiting
    ),
    _ = map_size(News) > 0 andalso
        logger:warning("~tp has registered at ~0tp, where nobody is yet", [self(), Name]),
    Logged = maps:map(fun(_, Registration) -> Registration#registration{logged = true} end, News),
    keep(Registrar#registrar{waiting = maps:merge(Waiting, Logged)}),
    #{}.

log_no_role(Name, Lost, Roles) ->
    logger:warning("~tp has registered at ~tp as ~ts, where the roles are ~ts", [
        self(), Name, names([R || #registration{role = R} <- Lost]), names(maps:keys(Roles))
    ]).

names(Roles) ->
    lists:join(", ", [atom_to_binary(Role) || Role <- lists:usort(Roles)]).

%% The registrations at an access point that is sought, in their order, and what is
%% left without them.
sought(Name, #registrar{waiting = Waiting} = Registrar) ->
    Here = maps:filter(
        fun(_, #registration{name = N, access_point = A}) -> N =:= Name andalso A =:= undefined end,
        Waiting
    ),
    {
        [Registration || {_, Registration} <- lists:sort(maps:to_list(Here))],
        Registrar#registrar{waiting = maps:without(maps:keys(Here), Waiting)}
    }.

lost([]) ->
    #{};
lost([#registration{name = Name} | _] = Registrations) ->
    lists:foreach(fun(#registration{timer = Timer}) -> cancel(Timer) end, Registrations),
    #{Name => [Role || #registration{role = Role} <- Registrations]}.

%% The directory is asked for those only that the actor does not know, or not with
%% this role: a new version of a protocol may have it.
locate(Name, Role) ->
    AccessPoint =
        case get(?REGISTRAR) of
            #registrar{names = #{Name := Pid}} -> Pid;
            _ -> maty_access_point:whereis_name(Name)
        end,
    case get(?REGISTRAR) of
        #registrar{
            access_points = #{AccessPoint := {_, #machine{role_index = #{Role := _}} = Machine}}
        } ->
            {ok, AccessPoint, Machine};
        _ ->
            maty_access_point:locate(Name)
    end.

watch(_Name, AccessPoint, _Machine, #registrar{access_points = Known} = Registrar) when
    is_map_key(AccessPoint, Known)
->
    Registrar;
watch(Name, AccessPoint, Machine, #registrar{access_points = Known, names = Names} = Registrar) ->
    Monitor = erlang:monitor(process, AccessPoint),
    Named =
        case Name of
            {Local, Node} when is_atom(Local), Node =:= node(AccessPoint), Node =/= node() ->
                Names#{Name => AccessPoint};
            _ ->
                Names
        end,
    Registrar#registrar{
        access_points = Known#{AccessPoint => {Monitor, Machine}}, names = Named
    }.

place(#registration{access_point = AccessPoint, role = Role} = Registration, Registrar) ->
    #registrar{engine = Engine, token = Token, next = Next, waiting = Waiting} = Registrar,
    keep(Registrar#registrar{next = Next + 1, waiting = Waiting#{Next => Registration}}),
    case Engine =/= undefined andalso AccessPoint =/= undefined of
        true ->
            Place = maty_engine:place(Token, Next),
            maty_access_point:register(AccessPoint, Role, Engine, Place);
        false ->
            %% Made again by renew/0, access_point_up/0 or located/2.
            ok
    end.

%% Takes back the registration for a role that was made last and still waits.
-spec unregister(maty:access_point(), maty:role()) -> ok | not_registered.
unregister(Name, Role) ->
    Registrar =
        case get(?REGISTRAR) of
            undefined -> #registrar{};
            Own -> Own
        end,
    #registrar{waiting = Waiting} = Registrar,
    Same = [
        Number
     || {Number, #registration{name = N, role = R}} <- maps:to_list(Waiting), N =:= Name, R =:= Role
    ],
    case Same of
        [] -> not_registered;
        [_ | _] -> withdraw(lists:max(Same), Registrar)
    end.

withdraw(Number, Registrar) ->
    #registrar{waiting = Waiting, engine = Engine, token = Token} = Registrar,
    #{Number := #registration{access_point = AccessPoint, timer = Timer}} = Waiting,
    case
        Engine =:= undefined orelse AccessPoint =:= undefined orelse
            withdrawn(AccessPoint, Engine, maty_engine:place(Token, Number))
    of
        true ->
            cancel(Timer),
            keep(Registrar#registrar{waiting = maps:remove(Number, Waiting)});
        false ->
            %% Its session has begun, and is on its way.
            not_registered
    end.

withdrawn(AccessPoint, Engine, Place) ->
    try
        maty_access_point:unregister(AccessPoint, Engine, Place)
    catch
        exit:_ -> true
    end.

%% The time of a registration is over. Its access point, if it has one, says whether
%% it is answered or taken back.
-spec expire(reference()) -> {expired, maty:access_point(), maty:role()} | asked.
expire(Timer) ->
    #registrar{waiting = Waiting, engine = Engine, token = Token} = Registrar = get(?REGISTRAR),
    case [{N, R} || {N, #registration{timer = T} = R} <- maps:to_list(Waiting), T =:= Timer] of
        [{Number, #registration{access_point = AccessPoint} = Registration}] ->
            Expired = Registration#registration{timer = expired},
            keep(Registrar#registrar{waiting = Waiting#{Number := Expired}}),
            case Engine =:= undefined orelse AccessPoint =:= undefined of
                true ->
                    expired(Number);
                false ->
                    Place = maty_engine:place(Token, Number),
                    ok = maty_access_point:expire(AccessPoint, Engine, Place),
                    asked
            end;
        [] ->
            asked
    end.

%% It is taken back.
-spec expired(pos_integer()) -> {expired, maty:access_point(), maty:role()} | asked.
expired(Number) ->
    #registrar{waiting = Waiting} = Registrar = get(?REGISTRAR),
    case maps:take(Number, Waiting) of
        {#registration{name = Name, role = Role}, Left} ->
            keep(Registrar#registrar{waiting = Left}),
            {expired, Name, Role};
        error ->
            asked
    end.

%% ----- What answers a registration -----

%% A session has begun, and the endpoint of that handle is the actor's.
-spec take(pos_integer(), maty_engine:handle(), Image :: non_neg_integer()) ->
    {ok, port(), AccessPoint :: pid(), maty_machine:machine()} | void.
take(Number, Handle, Image) ->
    #registrar{engine = Engine, waiting = Waiting} = Registrar = get(?REGISTRAR),
    case maps:take(Number, Waiting) of
        {#registration{access_point = AccessPoint, timer = Timer}, Left} ->
            case {maty_engine:port_of(Handle, Engine), image(Image, Registrar)} of
                {Port, {ok, Machine}} when is_port(Port) ->
                    cancel(Timer),
                    keep(know(Image, Machine, Registrar#registrar{waiting = Left})),
                    {ok, Port, AccessPoint, Machine};
                _ ->
                    %% The engine has ended.
                    void
            end;
        error ->
            void
    end.

image(Image, #registrar{images = Images}) ->
    case Images of
        #{Image := Machine} -> {ok, Machine};
        #{} -> maty_machine:numbered(Image)
    end.

know(Image, _Machine, #registrar{images = Images} = Registrar) when is_map_key(Image, Images) ->
    Registrar;
know(Image, Machine, #registrar{images = Images} = Registrar) ->
    Registrar#registrar{images = Images#{Image => Machine}}.

%% The access point keeps the registration no longer.
-spec turned_away(pos_integer()) -> {ok, maty:access_point(), maty:role()} | void.
turned_away(Number) ->
    #registrar{waiting = Waiting} = Registrar = get(?REGISTRAR),
    case maps:take(Number, Waiting) of
        {#registration{name = Name, role = Role, timer = Timer}, Left} ->
            cancel(Timer),
            keep(Registrar#registrar{waiting = Left}),
            {ok, Name, Role};
        error ->
            void
    end.

%% A process that was monitored has ended. If it is an access point that the
%% actor monitors, what waited at it is lost, unless it has a name; then it is
%% registered again with the process that has the name now or will have.
-spec access_point_down(reference(), pid()) -> {ok, lost()} | unknown.
access_point_down(Monitor, AccessPoint) ->
    case get(?REGISTRAR) of
        #registrar{access_points = #{AccessPoint := {Monitor, _}} = Known} = Registrar ->
            #registrar{names = Names} = Registrar,
            Left = Registrar#registrar{
                access_points = maps:remove(AccessPoint, Known),
                names = maps:filter(fun(_, Pid) -> Pid =/= AccessPoint end, Names)
            },
            {ok, place_again(fun(R) -> R#registration.access_point =:= AccessPoint end, Left)};
        _ ->
            unknown
    end.

%% An access point has been started. It may have a name that is waited for.
-spec access_point_up() -> lost().
access_point_up() ->
    place_again(fun(R) -> R#registration.access_point =:= undefined end, get(?REGISTRAR)).

place_again(Condition, #registrar{waiting = Waiting} = Registrar) ->
    Again = maps:filter(fun(_, Registration) -> Condition(Registration) end, Waiting),
    keep(Registrar#registrar{waiting = maps:without(maps:keys(Again), Waiting)}),
    place_all([Registration || {_, Registration} <- lists:sort(maps:to_list(Again))]).

place_all([]) ->
    #{};
place_all(Registrations) ->
    %% Before the look, so that nothing that starts meanwhile is missed.
    Named = [Name || #registration{name = Name} <- Registrations, not is_pid(Name)],
    _ = Named =/= [] andalso maty_directory:await(),
    Lost = [
        {Name, Role}
     || #registration{name = Name, role = Role} = Registration <- Registrations,
        not placed_again(Registration)
    ],
    maps:groups_from_list(fun({Name, _}) -> Name end, fun({_, Role}) -> Role end, Lost).

placed_again(#registration{timer = expired} = Registration) ->
    %% Nobody has answered yet that it is taken back.
    Timer = erlang:start_timer(0, self(), '$maty_registration'),
    placed_again(Registration#registration{timer = Timer});
placed_again(#registration{name = Name, timer = Timer} = Registration) ->
    Nowhere = Registration#registration{access_point = undefined},
    case register(Nowhere) of
        ok ->
            true;
        {error, Reason} when is_pid(Name); element(1, Reason) =:= unknown_role ->
            cancel(Timer),
            false;
        {error, _} ->
            place(Nowhere, get(?REGISTRAR)) =:= ok
    end.
