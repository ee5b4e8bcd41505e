%% erlc -pa MATY/ebin hello.erl && erl -pa MATY/ebin -noshell -s hello
-module(hello).
-behaviour(maty_actor).
-compile({parse_transform, maty_transform}).

-export([start/0]).
-export([init_actor/1, init_session/2, terminate_session/4]).

-maty_protocol({string, "
    global protocol Hello(role Guest, role Host) {
      hello(string) from Guest to Host;
      welcome(string) from Host to Guest;
    }
"}).
-maty([{protocol, hello}, {role, ['Guest', 'Host']}]).

start() ->
    {ok, _} = application:ensure_all_started(maty),
    {ok, AccessPoint} = maty_access_point:start_link(hello),
    {ok, Guest} = maty_actor:start_link(hello, {AccessPoint, 'Guest'}),
    Monitor = monitor(process, Guest),
    {ok, _Host} = maty_actor:start_link(hello, {AccessPoint, 'Host'}),
    receive
        {'DOWN', Monitor, process, Guest, normal} -> halt()
    end.

init_actor({AccessPoint, Role}) ->
    maty:register(AccessPoint, Role),
    {ok, Role}.

init_session(_Session, 'Guest') ->
    maty:send('Host', {hello, <<"Joe">>}),
    {ok, fun welcome/2, none, 'Guest'};
init_session(_Session, 'Host') ->
    {ok, fun hello/2, none, 'Host'}.

hello({hello, Name}, State) ->
    maty:send('Guest', {welcome, <<"Welcome, ", Name/binary, "!">>}),
    {done, normal, State}.

welcome({welcome, Text}, State) ->
    io:format("~ts~n", [Text]),
    {done, normal, State}.

%% Nothing else to do.
terminate_session(_Ending, _Session, _State, Role) ->
    {stop, normal, Role}.
