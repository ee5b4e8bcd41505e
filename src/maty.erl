%% @doc Session-typed actors: what a participant of a session calls.
%%
%% An actor is a process with the behaviour {@link maty_actor}. It registers for
%% roles of a protocol at an access point ({@link maty_access_point}); once every
%% role has a participant, a session begins, and each message that is sent in it
%% is checked against the protocol on its way out and on its way in.
-module(maty).

-include("maty_internal.hrl").

-export([register/2, register/3, unregister/2, send/2, session/0, sender/1]).
-export([leave/1, leave/2, become/2, held/0]).
-export([sessions/0, sessions/1, counters/0, stuck/0, format_session/1, i/0]).

-export_type([session/0, session_state/0, session_id/0, role/0, message/0, access_point/0]).

-type role() :: atom().
%% With the node of its first role if others are played on other nodes.
-type session_id() :: non_neg_integer() | {node(), non_neg_integer()}.

%% What an actor is told of a session it takes part in.
-type session() :: #{
    id := session_id(),
    role := role(),
    protocol := atom(),
    access_point := pid(),
    participants := #{role() => pid()}
}.

%% A label and its payload: `{quote, 155}', `{quit}'.
-type message() :: tuple().

%% A session as the engine knows it.
-type session_state() :: #{
    id := session_id(),
    protocol := atom(),
    roles := [
        #{
            role := role(),
            actor := pid(),
            %% Away: it is played on another node.
            state := send | 'receive' | final | away,
            next := [maty_machine:transition()]
        }
    ]
}.

-type access_point() ::
    pid() | atom() | {atom(), node()} | {global, term()} | {via, module(), term()}.

%% @doc Registers the calling actor for a role. Never blocks: once every role
%% has a participant, `init_session' runs in each. May be called any number of
%% times, for one session each.
%%
%% A registration waits until it is answered or taken back. If the access point
%% ends before and was given by a name, it is made again with the next process
%% that has the name; else `access_point_down' of the actor is called.
%%
%% Raises `{unknown_role, Role, Roles}' if the protocol has no such role,
%% `{no_access_point, AccessPoint}' if there is none, and `not_an_actor'. One of
%% another node is asked first, which the actor does not wait for: if that has no
%% such role, or there is no such process, `access_point_down' is called; a name that
%% nobody has there is waited for.
-spec register(access_point(), role()) -> ok.
register(AccessPoint, Role) ->
    register(AccessPoint, Role, #{}).

%% @doc The same with options. `timeout' is in milliseconds, up to 2^32 - 1, or
%% `infinity', the default: a registration that is not answered by then is taken
%% back, and `registration_expired' of the actor is called. Raises the reason
%% of {@link maty_options:format_error/1} for a wrong option.
-spec register(access_point(), role(), #{timeout => timeout()}) -> ok.
register(AccessPoint, Role, Options) ->
    case registered(AccessPoint, Role, Options) of
        ok ->
            ok;
        {error, Reason} ->
            erlang:error(
                Reason, [AccessPoint, Role, Options], [{error_info, #{module => maty_error}}]
            )
    end.

registered(AccessPoint, Role, Options) when Options =:= #{} ->
    maty_registration:register(AccessPoint, Role, infinity);
registered(AccessPoint, Role, Options) ->
    case maty_options:take(Options, #{timeout => maty_options:timeout()}) of
        {ok, #{timeout := Timeout}} -> maty_registration:register(AccessPoint, Role, Timeout);
        {error, Reason} -> {error, Reason}
    end.

%% @doc Takes back one registration of the calling actor: of those for the role
%% at the access point, given as it was to {@link register/2}, the one made last.
%% Asks the access point, so that the answer is certain: after `ok' no session
%% comes of it. `not_registered' means that none waits, because there was none or
%% because its session has begun; `init_session' runs for that as ever.
-spec unregister(access_point(), role()) -> ok | not_registered.
unregister(AccessPoint, Role) ->
    maty_registration:unregister(AccessPoint, Role).

%% @doc Sends a message to a role of the session whose handler runs. Never
%% blocks. If the protocol does not allow it here, nothing leaves, and
%% `{protocol_violation, Violation}' is raised; see
%% {@link maty_error:violation()}.
-spec send(role(), message()) -> ok.
send(Role, Message) ->
    case maty_session:send(Role, Message) of
        ok ->
            ok;
        {error, Violation} ->
            erlang:error(
                {protocol_violation, Violation},
                [Role, Message],
                [{error_info, #{module => maty_error}}]
            )
    end.

%% @doc The session whose handler runs, or `undefined' outside of one.
-spec session() -> session() | undefined.
session() ->
    case maty_session:current() of
        undefined -> undefined;
        Endpoint -> maty_session:about(Endpoint)
    end.

%% @doc The role that sent the message with which the handler was called that runs. A
%% handler need not ask, unless the protocol has the same message from two roles in one
%% place, and goes on in two ways:
%%
%% ```
%% offer({price, Price} = Message, State) ->
%%     case maty:sender(Message) of
%%         'Shop' -> ...;
%%         'Rival' -> ...
%%     end.
%% '''
%%
%% Raises `{not_received, Message}' where no such message of the session has come; of
%% several with one label the last one counts.
-spec sender(message()) -> role().
sender(Message) ->
    case maty_session:sender(Message) of
        {ok, Role} -> Role;
        {error, not_received} ->
            erlang:error(
                {not_received, Message}, [Message], [{error_info, #{module => maty_error}}]
            )
    end.

%% @doc The same as `leave(Session, normal)'.
-spec leave(session()) -> ok.
leave(Session) ->
    leave(Session, normal).

%% @doc Leaves a session, from whichever callback or handler of the calling actor:
%% `session()' is what `init_session' was given. What roles the actor has there are
%% cancelled at once, and who waits for them fails, as if the actor had crashed; the
%% actor goes on, and `terminate_session' is told `{left, Reason}'. A handler leaves
%% its own session by returning `{leave, Reason, State}'.
%%
%% Does nothing where the actor has no role, or no more. Raises `{not_a_session, Session}'
%% for anything else than a session.
-spec leave(session(), Reason :: term()) -> ok.
leave(#{id := _, participants := _} = Session, Reason) ->
    maty_session:leave(Session, Reason);
leave(Other, Reason) ->
    erlang:error({not_a_session, Other}, [Other, Reason], [{error_info, #{module => maty_error}}]).

%% @doc Goes on with a session that the calling actor holds: a handler of it has
%% returned `{hold, Name, Handler, State}'. The handler is called with the argument
%% and the state, once, and after the handler or callback that calls this. If the
%% session is being gone on with already, that waits until it is held again; if it
%% ends instead, it goes with the session.
%%
%% Raises `{not_held, Name, Held}' if no session has that name.
-spec become(Name :: term(), Argument :: term()) -> ok.
become(Name, Argument) ->
    case maty_held:become(Name, Argument) of
        ok ->
            ok;
        {error, not_held} ->
            erlang:error(
                {not_held, Name, held()}, [Name, Argument], [{error_info, #{module => maty_error}}]
            )
    end.

%% @doc The names of the sessions that the calling actor holds, or that are being
%% gone on with.
-spec held() -> [Name :: term()].
held() ->
    maty_held:names().

%% @doc The sessions that an actor takes part in, with the role it has and what
%% it may do next in each, and under `held' its name if it is held. The actor is
%% asked, so that the answer comes between two handlers. Raises `{no_actor, Actor}' for
%% an access point.
-spec sessions(pid() | atom()) -> [maty_actor:session_info()].
sessions(Actor) ->
    case maty_actor:sessions(Actor) of
        {error, Reason} ->
            erlang:error(Reason, [Actor], [{error_info, #{module => maty_error}}]);
        Sessions ->
            Sessions
    end.

%% @doc The sessions of this node, as the engine knows them: nobody is asked, so
%% an actor that hangs shows as well. A role that is to send runs a handler, or
%% holds the session, of which the engine knows nothing; {@link sessions/1} does.
-spec sessions() -> [session_state()].
sessions() ->
    lists:append([describe(Session) || Session <- lists:sort(maty_engine:sessions())]).

describe({Id, Image, Endpoints}) ->
    case maty_machine:numbered(Image) of
        {ok, #machine{protocol = Protocol} = Machine} ->
            Roles = [endpoint(Machine, Endpoint) || Endpoint <- Endpoints],
            case maty_nodes:spans(Id) of
                no ->
                    [#{id => Id, protocol => Protocol, roles => Roles}];
                {ok, Name, Actors} ->
                    Elsewhere = elsewhere(Machine, Actors),
                    [#{id => Name, protocol => Protocol, roles => Roles ++ Elsewhere}]
            end;
        error ->
            []
    end.

elsewhere(Machine, Actors) ->
    [
        #{role => Role, actor => Actor, state => away, next => []}
     || {#role{name = Role}, Actor} <-
            lists:zip(maty_machine:roles(Machine), tuple_to_list(Actors)),
        node(Actor) =/= node()
    ].

endpoint(Machine, {Index, Actor, State}) ->
    Role = maty_machine:role(Machine, Index),
    #{
        role => Role#role.name,
        actor => Actor,
        state => maty_machine:state(Role, State),
        next => maty_machine:transitions(Role, State)
    }.

%% @doc What the engine counted since it was started, and what it holds. Raises
%% `maty_not_started' if there is no engine, and `engine_down' if it has ended and the
%% next one is not there yet.
-spec counters() -> maty_engine:counters().
counters() ->
    maty_engine:counters().

%% @doc The circles of actors of this node that wait for one another across
%% sessions, see {@link maty_stuck}; `maty_stuck:format/1' writes them for people, and
%% {@link i/0} prints them.
-spec stuck() -> [maty_stuck:circle()].
stuck() ->
    maty_stuck:circles().

%% @doc Prints the access points, the sessions and the counters of this node, and who
%% is stuck.
-spec i() -> ok.
i() ->
    Counters = lists:sort(maps:to_list(counters())),
    io:put_chars([
        "Access points\n",
        [io_lib:format("  ~p  ~ts  waiting: ~ts\n", [Pid, Protocol, waiting(Pid)])
         || {Pid, Protocol} <- maty_access_point:list()],
        "Sessions\n",
        [io_lib:format("  ~ts  ~ts\n~ts", [format_session(Id), Protocol, roles(Roles)])
         || #{id := Id, protocol := Protocol, roles := Roles} <- sessions()],
        [maty_stuck:format(Circles) || [_ | _] = Circles <- [stuck()]],
        "Engine\n",
        [io_lib:format("  ~-16s ~b\n", [Name, Count])
         || {Name, Count} <- Counters]
    ]).

waiting(AccessPoint) ->
    try maty_access_point:waiting(AccessPoint) of
        Waiting ->
            lists:join(", ", [
                io_lib:format("~ts ~b", [Role, length(Pids)])
             || {Role, Pids} <- lists:sort(maps:to_list(Waiting))
            ])
    catch
        exit:_ -> "ended"
    end.

roles(Roles) ->
    [
        io_lib:format("    ~-12ts ~p  ~ts\n", [Role, Actor, maty_error:format_next(State, Next)])
     || #{role := Role, actor := Actor, state := State, next := Next} <- Roles
    ].

%% @doc How a session's identifier is written: `#3.17.4021', which are, as in a
%% pid, where it is and which one it is there: the port, the slot, and how often
%% the slot has been used, from a random number on.
%% With the node, where roles are played on others: `#3.17.4021@shop@localhost'.
-spec format_session(session_id()) -> string().
format_session({Node, Session}) ->
    format_session(Session) ++ "@" ++ atom_to_list(Node);
format_session(Session) ->
    <<Port:13, Use:19, Slot:20, _Role:12>> = <<Session:64>>,
    lists:flatten(io_lib:format("#~b.~b.~b", [Port, Slot, Use])).
