%% A new version of a protocol at an access point that is in use, and a new version
%% of the library: the application stops and starts while actors live.
-module(maty_upgrade_tests).

-include_lib("eunit/include/eunit.hrl").

-import(maty_player, [play/3, play/1, next/1, go/1, access_point/1]).

-define(ORDER,
    "global protocol Order(role Client, role Server) {"
    "  ask(integer) from Client to Server;"
    "  answer(integer) from Server to Client;"
    "}"
).

%% The roles in another order, so that all numbers are others, and another type.
-define(ORDER_2,
    "global protocol Order(role Server, role Client) {"
    "  ask(number) from Client to Server;"
    "  answer(integer) from Server to Client;"
    "}"
).

-define(SAME,
    "global protocol Order(role Server, role Client) {"
    "  ask(integer) from Client to Server;"
    "  answer(integer) from Server to Client;"
    "}"
).

upgrade_test_() ->
    maty_player:tests([
        {"a new version", fun new_version/0},
        {"refused", fun refused/0},
        {"a source that is none", fun no_source/0},
        {"the application starts again", fun restarted/0},
        {"counters without an engine", fun counters_without_an_engine/0},
        {"counters while engines end", fun counters_while_engines_end/0}
    ]).

new_version() ->
    AccessPoint = access_point(?ORDER),
    Server = play([{AccessPoint, 'Server', [wait, pause, {send, 'Client', {answer, 1}}]}]),
    Client = play([{AccessPoint, 'Client', [{send, 'Server', {ask, 1}}, wait]}]),
    {got, 'Server', {ask, 1}} = next(Server),
    {paused, 'Server'} = next(Server),
    Waiting = play(AccessPoint, 'Server', [
        wait, {call, fun maty:session/0}, {send, 'Client', {answer, 2}}
    ]),
    ?assertEqual(#{'Client' => [], 'Server' => [Waiting]}, maty_access_point:waiting(AccessPoint)),
    ?assertEqual(ok, maty_access_point:upgrade(AccessPoint, {string, ?SAME})),
    ?assertEqual(
        ['Server', 'Client'], maty_protocol:roles(maty_access_point:protocol(AccessPoint))
    ),
    ?assertEqual(#{'Client' => [], 'Server' => [Waiting]}, maty_access_point:waiting(AccessPoint)),
    %% It began before and goes on as it began.
    go(Server),
    ?assertEqual({got, 'Client', {answer, 1}}, next(Client)),
    ?assertEqual({ended, 'Client', {done, normal}}, next(Client)),
    ?assertEqual({ended, 'Server', {done, normal}}, next(Server)),
    %% One that registered before plays the new one, and one that knows the access
    %% point from before registers at the new one.
    Second = play(AccessPoint, 'Client', [{send, 'Server', {ask, 2}}, wait]),
    ?assertEqual({got, 'Server', {ask, 2}}, next(Waiting)),
    {result, #{protocol := 'Order', participants := Participants}} = next(Waiting),
    ?assertEqual(#{'Client' => Second, 'Server' => Waiting}, Participants),
    ?assertEqual({got, 'Client', {answer, 2}}, next(Second)),
    ?assertEqual({ended, 'Client', {done, normal}}, next(Second)),
    maty_player:run(Client, fun() -> maty:register(AccessPoint, 'Client') end),
    ?assertEqual(
        #{'Client' => [Client], 'Server' => []}, maty_access_point:waiting(AccessPoint)
    ),
    maty_player:settled().

refused() ->
    AccessPoint = access_point(?ORDER),
    Before = maty_access_point:protocol(AccessPoint),
    Refused = fun(Text) ->
        {error, {incompatible, Roles} = Reason} = maty_access_point:upgrade(
            AccessPoint, {string, Text}
        ),
        ?assertEqual(Before, maty_access_point:protocol(AccessPoint)),
        {[{Role, How} || {Role, How} <- Roles], lists:flatten(maty_protocol:format_error(Reason))}
    end,
    {[{'Server', {incompatible, [_ | _]}}], Text} = Refused(
        "global protocol Order(role Client, role Server) {"
        "  ask(1..9) from Client to Server; answer(integer) from Server to Client; }"
    ),
    ?assertMatch(
        "actors of the new version cannot stand in for those of the old one:\nServer differs" ++ _,
        Text
    ),
    {Roles, Said} = Refused(
        "global protocol Order(role Client, role Shop) {"
        "  ask(integer) from Client to Shop; answer(integer) from Shop to Client; }"
    ),
    ?assertMatch([{'Client', {incompatible, _}}, {'Server', removed}, {'Shop', added}], Roles),
    ?assertNotEqual(nomatch, string:find(Said, "\nServer is not in the new one\n")),
    ?assertNotEqual(nomatch, string:find(Said, "\nShop is not in the old one")),
    ?assertMatch({[{'Client', {incompatible, _}}], _}, Refused(?ORDER_2)),
    ok = maty_access_point:stop(AccessPoint).

no_source() ->
    AccessPoint = access_point(?ORDER),
    ?assertMatch(
        {error, {rejected, _}}, maty_access_point:upgrade(AccessPoint, {string, "global"})
    ),
    ?assertEqual(
        {error, {not_a_protocol, 42}}, maty_access_point:upgrade(AccessPoint, 42)
    ),
    ok = maty_access_point:stop(AccessPoint).

%% As when the library itself is upgraded. Sessions end; actors, access points and
%% registrations stay.
restarted() ->
    AccessPoint = access_point(?ORDER),
    Server = play([
        {AccessPoint, 'Server', [wait]},
        {AccessPoint, 'Server', [wait, {send, 'Client', {answer, 2}}]}
    ]),
    Client = play(AccessPoint, 'Client', [pause]),
    {paused, 'Client'} = next(Client),
    ok = application:stop(maty),
    ?assertEqual({ended, 'Server', {failed, engine_down}}, next(Server)),
    %% Meanwhile an actor that knows the access point can register, and none can start.
    ok = maty_player:run(Server, fun() -> maty:register(AccessPoint, 'Server') end),
    ok = maty_player:run(Server, fun() -> maty:unregister(AccessPoint, 'Server') end),
    ?assertEqual({error, maty_not_started}, maty_actor:start(maty_player, {self(), []}, [])),
    ok = application:start(maty),
    %% It looks for the engine now and then.
    maty_player:until(fun() -> lists:keymember(AccessPoint, 1, maty_access_point:list()) end),
    Second = play(AccessPoint, 'Client', [{send, 'Server', {ask, 2}}, wait]),
    ?assertEqual({got, 'Server', {ask, 2}}, next(Server)),
    ?assertEqual({ended, 'Server', {done, normal}}, next(Server)),
    ?assertEqual({got, 'Client', {answer, 2}}, next(Second)),
    ?assertEqual({ended, 'Client', {done, normal}}, next(Second)),
    go(Client),
    ?assertEqual({ended, 'Client', {failed, engine_down}}, next(Client)),
    maty_player:settled().

counters_without_an_engine() ->
    ok = application:stop(maty),
    ?assertError(maty_not_started, maty:counters()),
    ok = application:start(maty),
    %% Killed, and there is no other yet.
    ok = sys:suspend(maty_sup),
    ok = maty_player:kill(maty_engine:pid()),
    ?assertError(engine_down, maty:counters()),
    ok = sys:resume(maty_sup),
    maty_player:settled().

counters_while_engines_end() ->
    Test = self(),
    Asker = spawn_link(fun() -> ask_counters(Test, #{}) end),
    [
        begin
            ok = maty_player:kill(maty_engine:pid()),
            maty_player:settled()
        end
     || _ <- lists:seq(1, 5)
    ],
    Asker ! stop,
    receive
        {asked, Answers} ->
            ?assertEqual(#{}, maps:without([counted, engine_down, maty_not_started], Answers))
    end.

%% Each kind of answer that there was.
ask_counters(Test, Answers) ->
    receive
        stop -> Test ! {asked, Answers}
    after 0 ->
        try maty:counters() of
            #{sent := _, memory := _} -> ask_counters(Test, Answers#{counted => true})
        catch
            error:Reason -> ask_counters(Test, Answers#{Reason => true})
        end
    end.
