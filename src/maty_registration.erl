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
%% or has none because its access point has ended, and then it names it by
%% something else than a pid.
-module(maty_registration).

-include("maty_internal.hrl").

-compile({no_auto_import, [register/2]}).

-export([new/0, connect/0, disconnect/0, renew/0]).
-export([register/2, unregister/2, take/2, turned_away/1, access_point_down/2, access_point_up/0]).

-export_type([registration/0, lost/0]).

-record(registration, {
    %% What the actor gave, and the process that it was.
    name :: maty:access_point(),
    access_point :: pid() | undefined,
    role :: maty:role(),
    index = 0 :: non_neg_integer(),
    machine :: maty_machine:machine() | undefined
}).

-record(registrar, {
    %% Undefined while there is no engine.
    engine :: pid() | undefined,
    token = 0 :: non_neg_integer(),
    next = 1 :: pos_integer(),
    waiting = #{} :: #{pos_integer() => #registration{}},
    access_points = #{} :: #{pid() => {Monitor :: reference(), maty_machine:machine()}}
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
                    keep((get(?REGISTRAR))#registrar{engine = Engine, token = Token}),
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

-spec register(maty:access_point(), maty:role()) -> ok | {error, term()}.
register(Name, Role) ->
    case locate(Name) of
        {ok, AccessPoint, #machine{role_index = #{Role := Index}} = Machine} ->
            case get(?REGISTRAR) of
                #registrar{} = Registrar ->
                    Registration = #registration{
                        name = Name,
                        access_point = AccessPoint,
                        role = Role,
                        index = Index,
                        machine = Machine
                    },
                    place(Registration, watch(AccessPoint, Machine, Registrar));
                undefined ->
                    {error, not_an_actor}
            end;
        {ok, _AccessPoint, #machine{role_index = Index}} ->
            {error, {unknown_role, Role, lists:sort(maps:keys(Index))}};
        {error, Reason} ->
            {error, Reason}
    end.

%% The directory is asked for those only that the actor does not know.
locate(Name) ->
    AccessPoint = maty_access_point:whereis_name(Name),
    case get(?REGISTRAR) of
        #registrar{access_points = #{AccessPoint := {_, Machine}}} -> {ok, AccessPoint, Machine};
        _ -> maty_access_point:locate(Name)
    end.

watch(AccessPoint, _Machine, #registrar{access_points = Known} = Registrar) when
    is_map_key(AccessPoint, Known)
->
    Registrar;
watch(AccessPoint, Machine, #registrar{access_points = Known} = Registrar) ->
    Monitor = erlang:monitor(process, AccessPoint),
    Registrar#registrar{access_points = Known#{AccessPoint => {Monitor, Machine}}}.

place(#registration{access_point = AccessPoint, index = Index} = Registration, Registrar) ->
    #registrar{engine = Engine, token = Token, next = Next, waiting = Waiting} = Registrar,
    keep(Registrar#registrar{next = Next + 1, waiting = Waiting#{Next => Registration}}),
    case Engine =/= undefined andalso AccessPoint =/= undefined of
        true ->
            Place = maty_engine:place(Token, Next),
            maty_access_point:register(AccessPoint, Index, Engine, Place);
        false ->
            %% Made again by renew/0 or access_point_up/0.
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
    #registrar{waiting = Waiting, engine = Engine, token = Token} = Registrar,
    Same = [
        {Number, AccessPoint}
     || {Number, #registration{name = N, role = R, access_point = AccessPoint}} <-
            maps:to_list(Waiting),
        N =:= Name,
        R =:= Role
    ],
    case Same of
        [] ->
            not_registered;
        [_ | _] ->
            {Number, AccessPoint} = lists:max(Same),
            case
                Engine =:= undefined orelse AccessPoint =:= undefined orelse
                    withdrawn(AccessPoint, maty_engine:place(Token, Number))
            of
                true -> keep(Registrar#registrar{waiting = maps:remove(Number, Waiting)});
                %% Its session has begun, and is on its way.
                false -> not_registered
            end
    end.

withdrawn(AccessPoint, Place) ->
    try
        maty_access_point:unregister(AccessPoint, Place)
    catch
        exit:_ -> true
    end.

%% ----- What answers a registration -----

%% A session has begun, and the endpoint of that handle is the actor's.
-spec take(pos_integer(), maty_engine:handle()) ->
    {ok, port(), AccessPoint :: pid(), maty_machine:machine()} | void.
take(Number, Handle) ->
    #registrar{engine = Engine, waiting = Waiting} = Registrar = get(?REGISTRAR),
    case maps:take(Number, Waiting) of
        {#registration{access_point = AccessPoint, machine = Machine}, Left} ->
            case maty_engine:port_of(Handle, Engine) of
                gone ->
                    void;
                Port ->
                    keep(Registrar#registrar{waiting = Left}),
                    {ok, Port, AccessPoint, Machine}
            end;
        error ->
            void
    end.

%% The access point keeps the registration no longer.
-spec turned_away(pos_integer()) -> {ok, maty:access_point(), maty:role()} | void.
turned_away(Number) ->
    #registrar{waiting = Waiting} = Registrar = get(?REGISTRAR),
    case maps:take(Number, Waiting) of
        {#registration{name = Name, role = Role}, Left} ->
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
            Left = Registrar#registrar{access_points = maps:remove(AccessPoint, Known)},
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

placed_again(#registration{name = Name, role = Role} = Registration) ->
    case register(Name, Role) of
        ok ->
            true;
        {error, {unknown_role, _, _}} ->
            false;
        {error, _} when is_pid(Name) ->
            false;
        {error, _} ->
            Nowhere = Registration#registration{access_point = undefined, machine = undefined},
            place(Nowhere, get(?REGISTRAR)) =:= ok
    end.
