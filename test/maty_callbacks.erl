%% An actor whose callbacks are functions: what it is started with is a map from
%% a callback's name to a function of its arguments. init_actor takes none. The
%% map stays behind the state, which is all that the functions see.
-module(maty_callbacks).

-behaviour(maty_actor).

-export([started/4, told/1]).
-export([init_actor/1, init_session/2, terminate_session/4, handle_failure/4]).
-export([access_point_down/3, registration_expired/3, turned_away/3]).
-export([
    handle_call/3, handle_cast/2, handle_info/2, handle_continue/2, terminate/2, code_change/3
]).

%% Starts one that registers for a role, and tells how its sessions end.
started(AccessPoint, Role, Callbacks, Options) ->
    Test = self(),
    Default = #{
        init_actor => fun() ->
            maty:register(AccessPoint, Role),
            {ok, none}
        end,
        terminate_session => fun(Ending, _, _, State) ->
            Test ! {self(), {ended, Ending}},
            {ok, State}
        end
    },
    {ok, Actor} = maty_actor:start(?MODULE, maps:merge(Default, Callbacks), Options),
    Actor.

%% What the actor, or a callback of it, tells the test next.
told(Actor) ->
    receive
        {Actor, What} -> What
    after 30000 -> error({nothing_from, Actor, maty:sessions()})
    end.

%% ----- Callbacks -----

init_actor(#{init_actor := Init} = Callbacks) ->
    keep(Init(), Callbacks).

init_session(Session, {Callbacks, State}) ->
    keep((maps:get(init_session, Callbacks))(Session, State), Callbacks).

terminate_session(Ending, Session, Local, {Callbacks, State}) ->
    case Callbacks of
        #{terminate_session := Fun} -> keep(Fun(Ending, Session, Local, State), Callbacks);
        #{} -> {ok, {Callbacks, State}}
    end.

%% Falls back on terminate_session, as the behaviour does.
handle_failure(Failure, Session, Local, {Callbacks, State}) ->
    case Callbacks of
        #{handle_failure := Fun} -> keep(Fun(Failure, Session, Local, State), Callbacks);
        #{} -> terminate_session({failed, Failure}, Session, Local, {Callbacks, State})
    end.

access_point_down(AccessPoint, Roles, {Callbacks, State}) ->
    case Callbacks of
        #{access_point_down := Fun} -> keep(Fun(AccessPoint, Roles, State), Callbacks);
        #{} -> {ok, {Callbacks, State}}
    end.

registration_expired(AccessPoint, Role, {Callbacks, State}) ->
    keep((maps:get(registration_expired, Callbacks))(AccessPoint, Role, State), Callbacks).

turned_away(AccessPoint, Role, {Callbacks, State}) ->
    case Callbacks of
        #{turned_away := Fun} -> keep(Fun(AccessPoint, Role, State), Callbacks);
        #{} -> {ok, {Callbacks, State}}
    end.

handle_call(Request, From, {Callbacks, State}) ->
    keep((maps:get(handle_call, Callbacks))(Request, From, State), Callbacks).

handle_cast(Request, {Callbacks, State}) ->
    keep((maps:get(handle_cast, Callbacks))(Request, State), Callbacks).

handle_info(Message, {Callbacks, State}) ->
    keep((maps:get(handle_info, Callbacks))(Message, State), Callbacks).

handle_continue(Continue, {Callbacks, State}) ->
    keep((maps:get(handle_continue, Callbacks))(Continue, State), Callbacks).

terminate(Reason, {Callbacks, State}) ->
    case Callbacks of
        #{terminate := Fun} -> Fun(Reason, State);
        #{} -> ok
    end.

code_change(Old, {Callbacks, State}, Extra) ->
    keep((maps:get(code_change, Callbacks))(Old, State, Extra), Callbacks).

%% Puts the callbacks behind the state again. The state is the last element of
%% what a callback returns, or the last but one, before what to do next.
keep({ok, State}, Callbacks) -> {ok, {Callbacks, State}};
keep({ok, State, Action}, Callbacks) -> {ok, {Callbacks, State}, Action};
keep({ok, Handler, Local, State}, Callbacks) -> {ok, Handler, Local, {Callbacks, State}};
keep({ok, Handler, Local, State, Options}, Callbacks) ->
    {ok, Handler, Local, {Callbacks, State}, Options};
keep({hold, Name, Handler, Local, State}, Callbacks) ->
    {hold, Name, Handler, Local, {Callbacks, State}};
keep({done, Reason, State}, Callbacks) -> {done, Reason, {Callbacks, State}};
keep({leave, Reason, State}, Callbacks) -> {leave, Reason, {Callbacks, State}};
keep({noreply, State}, Callbacks) -> {noreply, {Callbacks, State}};
keep({noreply, State, Action}, Callbacks) -> {noreply, {Callbacks, State}, Action};
keep({reply, Reply, State}, Callbacks) -> {reply, Reply, {Callbacks, State}};
keep({reply, Reply, State, Action}, Callbacks) -> {reply, Reply, {Callbacks, State}, Action};
keep({stop, Reason, State}, Callbacks) -> {stop, Reason, {Callbacks, State}};
keep({stop, Reason, Reply, State}, Callbacks) -> {stop, Reason, Reply, {Callbacks, State}};
keep(Other, _Callbacks) -> Other.
