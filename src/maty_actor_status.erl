%% @private
%% What an actor shows of itself: its sessions, and what sys shows and replaces.
%%
%% Nothing here runs on the way of a message; an actor that is looked at has its
%% session in hand put back into the map first.
-module(maty_actor_status).

-include("maty_internal.hrl").
-include("maty_actor.hrl").

-export([sessions/1, state/1, replace/2, format/4]).

%% As maty_actor:sessions/1 returns them; for the actor's process.
-spec sessions(#actor{}) -> [maty_actor:session_info()].
sessions(#actor{sessions = Sessions}) ->
    [session(Session) || {_, Session} <- lists:sort(maps:to_list(Sessions))].

session(#session{handle = Handle, endpoint = Endpoint, next_handler = Next, waiting = Waiting}) ->
    #endpoint{id = Id, role = Role, machine = Machine} = Endpoint,
    {Phase, Allowed} =
        case maty_session:state(Endpoint) of
            {ok, State} ->
                {maty_machine:state(Role, State), maty_machine:transitions(Role, State)};
            {error, _} ->
                {final, []}
        end,
    Session = #{
        id => Id,
        protocol => Machine#machine.protocol,
        role => Role#role.name,
        state => Phase,
        next => Allowed,
        handler => Next,
        waiting => maty_waiting:count(Waiting)
    },
    case maty_held:name(Handle) of
        {ok, Name} when Phase =:= send -> Session#{held => Name};
        _ -> Session
    end.

%% The actor's state, and of each session its next handler and local state.
-spec state(#actor{}) -> map().
state(#actor{state = State, sessions = Sessions}) ->
    Visible = [
        {{Id, Role#role.name}, #{next_handler => Handler, local_state => Local}}
     || #session{
            endpoint = #endpoint{id = Id, role = Role},
            next_handler = Handler,
            local_state = Local
        } <- maps:values(Sessions)
    ],
    #{actor_state => State, sessions => maps:from_list(Visible)}.

%% Handlers and states can be replaced, sessions cannot be added.
-spec replace(fun((map()) -> map()), #actor{}) -> {ok, map(), #actor{}}.
replace(Replace, #actor{sessions = Sessions} = Actor) ->
    #{actor_state := State, sessions := Replaced} = Visible = Replace(state(Actor)),
    Merged = maps:map(
        fun(_, #session{endpoint = #endpoint{id = Id, role = Role}} = Session) ->
            case Replaced of
                #{{Id, Role#role.name} := #{next_handler := Handler, local_state := Local}} ->
                    Session#session{next_handler = Handler, local_state = Local};
                #{} ->
                    Session
            end
        end,
        Sessions
    ),
    {ok, Visible, Actor#actor{state = State, sessions = Merged}}.

%% As sys:get_status/1 wants it.
-spec format(running | suspended, pid(), [sys:dbg_opt()], #actor{}) -> term().
format(Status, Parent, Debug, Actor) ->
    #actor{name = Name, module = Module} = Actor,
    [
        {header, gen:format_status_header("Status for maty_actor", Name)},
        {data, [
            {"Status", Status},
            {"Parent", Parent},
            {"Module", Module},
            {"Logged events", sys:get_log(Debug)}
        ]},
        {data, [{"State", state(Actor)}]}
    ].
