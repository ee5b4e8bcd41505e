%% A session whose participants are on different nodes is opened: the access point has every
%% engine open its part, and has them begin when all are ready.
-module(maty_nodes_opening_tests).

-include_lib("eunit/include/eunit.hrl").
-include("maty_protocols.hrl").

-import(maty_player, [play_on/2, next/1, go/1, waits/2]).
-import(maty_peers, [access_point/2, cascade/2, settled/1]).

-export([before_it_begins/1, opening_given_up/1, begun_too_late/1]).
-export([watched_before_it_begins/1, image_that_cannot_be_loaded/1]).
-export([lost_before_it_is_asked/1, abandoned_again/1, withdrawn/1]).

opening_test_() ->
    maty_peers:tests(?MODULE, [
        before_it_begins,
        opening_given_up,
        begun_too_late,
        watched_before_it_begins,
        image_that_cannot_be_loaded,
        lost_before_it_is_asked,
        abandoned_again,
        withdrawn
    ]).

%% The last to register is on the third node, whose engine is held while the access
%% point begins: the others' messages come before the start.
before_it_begins(Nodes) ->
    {First, Third} = begun_but_on_the_third(Nodes, fun(_AccessPoint, Third) ->
        ok = maty_player:until(fun() ->
            {message_queue_len, 0} =:=
                erpc:call(node(Third), erlang, process_info, [Third, message_queue_len])
        end),
        [] = maty:sessions(Third)
    end),
    {got, 'C', {Label1}} = next(Third),
    {got, 'C', {Label2}} = next(Third),
    [x, y] = [Label1, Label2],
    {ended, 'C', {done, normal}} = next(Third),
    {got, 'A', {z}} = next(First),
    settled(Nodes).

%% A session of which the access point has told all three engines to begin, and the
%% first two have, while the third is held. Runs a function there.
begun_but_on_the_third([A, B, C] = Nodes, Fun) ->
    %% The engines know each other, and will not have to ask the one that is held.
    {_, _, Known} = cascade(Nodes, [{send, 'C', {y}}]),
    go(Known),
    settled(Nodes),
    AccessPoint = access_point(A, ?CASCADE),
    Engine = erpc:call(C, maty_engine, pid, []),
    Third = play_on(C, [{AccessPoint, 'C', [wait, wait, {send, 'A', {z}}]}]),
    First = play_on(A, [{AccessPoint, 'A', [begun, {send, 'C', {x}}, wait]}]),
    ok = waits(AccessPoint, #{'A' => [First], 'B' => [], 'C' => [Third]}),
    maty_peers:suspended(C, Engine, fun() ->
        _ = play_on(B, [{AccessPoint, 'B', [{send, 'C', {y}}]}]),
        ok = waits(AccessPoint, #{'A' => [], 'B' => [], 'C' => []}),
        ok = sys:suspend(AccessPoint)
    end),
    %% It opens its part and says so, and is held again.
    ok = maty_player:until(fun() ->
        {messages, Told} = process_info(AccessPoint, messages),
        [ok || {'$maty_prepared', _, From, _} <- Told, From =:= Engine] =/= []
    end),
    maty_peers:suspended(C, Engine, fun() ->
        ok = sys:resume(AccessPoint),
        {begun, 'A'} = next(First),
        ok = erpc:call(B, maty_player, settled, []),
        Fun(AccessPoint, Third)
    end),
    {First, Third}.

%% The access point ends between the two rounds.
opening_given_up([A, B, C] = Nodes) ->
    AccessPoint = access_point(A, ?CASCADE),
    Engine = erpc:call(C, maty_engine, pid, []),
    [First, Third] = Actors = [
        play_on(Node, [{AccessPoint, Role, [wait]}])
     || {Node, Role} <- [{A, 'A'}, {C, 'C'}]
    ],
    ok = waits(AccessPoint, #{'A' => [First], 'B' => [], 'C' => [Third]}),
    maty_peers:suspended(C, Engine, fun() ->
        Last = play_on(B, [{AccessPoint, 'B', [{send, 'C', {y}}]}]),
        ok = erpc:call(B, maty_player, until, [
            fun() -> maps:get(endpoints, maty:counters()) =:= 1 end
        ]),
        exit(AccessPoint, kill),
        Last
    end),
    settled(Nodes),
    [[] = maty:sessions(Actor) || Actor <- Actors],
    ok.

%% The access point ends, and its actor on the third node hears of that before its
%% engine has begun: it gives up what it had registered for.
begun_too_late(Nodes) ->
    {First, Third} = begun_but_on_the_third(Nodes, fun(AccessPoint, Third) ->
        maty_player:kill(AccessPoint),
        maty_player:run(Third, fun() -> maty:unregister(AccessPoint, 'C') end)
    end),
    {ended, 'A', {failed, {cancelled, 'C'}}} = next(First),
    settled(Nodes),
    [] = maty:sessions(Third),
    ok.

%% An engine has its part ready only when it is known to watch the others, or they
%% have gone. Who opens the sessions here, and is the other engine, is the test.
watched_before_it_begins([A, B, _] = Nodes) ->
    AccessPoint = access_point(A, ?CASCADE),
    Image = maty_protocol:image(maty_access_point:protocol(AccessPoint)),
    Engine = erpc:call(B, maty_engine, pid, []),
    Engine ! {'$maty_image', {self(), 0}, Image},
    Actor = play_on(B, [{not_yet, AccessPoint, 'A', []}]),
    {ok, Token} = maty_player:run(Actor, fun maty_engine:attach/0),
    Prepare = fun(Number, Other) ->
        Engine ! {'$maty_prepare', self(), Number, erlang:md5(Image), {0, refuse}, [
            {0, Engine, Actor, maty_engine:place(Token, Number)},
            {1, Other, Actor, maty_engine:place(0, 0)},
            {2, Other, Actor, maty_engine:place(0, 0)}
        ]},
        receive
            {Other, {'$maty_watch', Engine, Monitor}} -> Monitor
        end
    end,
    First = relay(A),
    Monitor = Prepare(1, First),
    {monitored_by, Watchers} = process_info(First, monitored_by),
    true = lists:member(Engine, Watchers),
    %% The answer to another one does not count.
    Engine ! {'$maty_watched', First, make_ref()},
    nothing_prepared(Engine),
    Engine ! {'$maty_watched', First, Monitor},
    receive
        {'$maty_prepared', 1, Engine, {ok, _}} -> ok
    end,
    Second = relay(A),
    _ = Prepare(2, Second),
    nothing_prepared(Engine),
    maty_player:kill(Second),
    receive
        {'$maty_prepared', 2, Engine, {ok, _}} -> ok
    end,
    [Engine ! {'$maty_abandon', {self(), Number}} || Number <- [1, 2]],
    maty_player:kill(First),
    settled(Nodes).

%% An engine that cannot use the protocol it is sent says why. The access point gives the
%% session up for now, instead of sending it again, and keeps those who wait.
image_that_cannot_be_loaded([A, B, _] = Nodes) ->
    Engine = erpc:call(B, maty_engine, pid, []),
    Engine ! {'$maty_image', {self(), 7}, <<"no image">>},
    receive
        {'$maty_prepared', 7, Engine, {error, bad_image}} -> ok
    end,
    AccessPoint = access_point(A, ?CASCADE),
    First = play_on(A, [{AccessPoint, 'A', [{send, 'C', {x}}, wait]}]),
    Second = play_on(A, [{AccessPoint, 'B', [{send, 'C', {y}}]}]),
    ok = waits(AccessPoint, #{'A' => [First], 'B' => [Second], 'C' => []}),
    %% Here the test is the engine of the third.
    Other = relay(B),
    gen_server:cast(AccessPoint, {register, 'C', Other, Other, maty_engine:place(0, 0)}),
    {Number, Digest} = asked_for_its_part(Other, AccessPoint, [First, Second, Other]),
    AccessPoint ! {'$maty_prepared', Number, Other, no_image},
    receive
        {Other, {'$maty_image', {AccessPoint, Number}, Image}} -> Digest = erlang:md5(Image)
    end,
    {Number, Digest} = asked_for_its_part(Other, AccessPoint, [First, Second, Other]),
    AccessPoint ! {'$maty_prepared', Number, Other, {error, no_memory}},
    receive
        {Other, {'$maty_abandon', {AccessPoint, Number}}} -> ok
    end,
    {Next, Digest} = asked_for_its_part(Other, AccessPoint, [First, Second, Other]),
    true = Next > Number,
    maty_player:kill(Other),
    ok = waits(AccessPoint, #{'A' => [First], 'B' => [Second], 'C' => []}),
    settled(Nodes).

%% Another engine, which is the test, has given up its part when this one is asked for
%% its own, and the access point does not know and lets both begin.
lost_before_it_is_asked([A, B, C] = Nodes) ->
    AccessPoint = access_point(A, ?CASCADE),
    Engine = erpc:call(B, maty_engine, pid, []),
    Actor = play_on(B, [{AccessPoint, 'A', [{send, 'C', {x}}, wait]}]),
    ok = waits(AccessPoint, #{'A' => [Actor], 'B' => [], 'C' => []}),
    Other = relay(C),
    %% Its first session.
    Engine ! {'$maty_lost', {AccessPoint, 0}, Other},
    _ = sys:get_state(Engine, infinity),
    [
        gen_server:cast(AccessPoint, {register, Role, Other, Other, maty_engine:place(0, 0)})
     || Role <- ['B', 'C']
    ],
    receive
        {Other, {'$maty_watch', Engine, Monitor}} -> Engine ! {'$maty_watched', Other, Monitor}
    end,
    receive
        {Other, {'$maty_prepare', AccessPoint, 0, _, _, _}} ->
            AccessPoint ! {'$maty_prepared', 0, Other, {ok, 0}}
    end,
    {ended, 'A', {failed, {cancelled, 'C'}}} = next(Actor),
    maty_player:kill(Other),
    settled(Nodes).

%% An engine has its part ready that was given up.
abandoned_again([A | _]) ->
    AccessPoint = access_point(A, ?CASCADE),
    AccessPoint ! {'$maty_prepared', 7, self(), {ok, 0}},
    receive
        {'$maty_abandon', {AccessPoint, 7}} -> ok
    end.

%% A participant of the opening that can still be given up takes back; the others
%% stay in front.
withdrawn([A, B, C] = Nodes) ->
    AccessPoint = access_point(A, ?CASCADE),
    Engine = erpc:call(C, maty_engine, pid, []),
    First = play_on(A, [{AccessPoint, 'A', [{send, 'C', {x}}, wait]}]),
    Third = play_on(C, [{AccessPoint, 'C', [wait, wait, {send, 'A', {z}}]}]),
    ok = waits(AccessPoint, #{'A' => [First], 'B' => [], 'C' => [Third]}),
    Other = play_on(A, [{AccessPoint, 'A', []}]),
    ok = waits(AccessPoint, #{'A' => [First, Other], 'B' => [], 'C' => [Third]}),
    Second = maty_peers:suspended(C, Engine, fun() ->
        Pid = play_on(B, [{AccessPoint, 'B', [{send, 'C', {y}}]}]),
        ok = waits(AccessPoint, #{'A' => [Other], 'B' => [], 'C' => []}),
        ok = maty_player:run(Pid, fun() -> maty:unregister(AccessPoint, 'B') end),
        #{'A' := [First, Other], 'B' := [], 'C' := [Third]} =
            maty_access_point:waiting(AccessPoint),
        Pid
    end),
    settled(Nodes),
    ok = maty_player:run(Second, fun() -> maty:register(AccessPoint, 'B') end),
    {got, 'C', _} = next(Third),
    {got, 'C', _} = next(Third),
    {got, 'A', {z}} = next(First),
    settled(Nodes).

%% ----- The test as an engine -----

%% A process that hands on what it gets, with its name.
relay(Node) ->
    Self = self(),
    spawn(Node, fun Loop() ->
        receive
            Message -> Self ! {self(), Message}
        end,
        Loop()
    end).

%% What the access point asks of an engine that is the test: a number and a protocol.
asked_for_its_part(Engine, AccessPoint, Actors) ->
    receive
        {Engine, {'$maty_prepare', AccessPoint, Number, Digest, _, Roles}} ->
            Actors = [Actor || {_, _, Actor, _} <- Roles],
            {Number, Digest}
    end.

nothing_prepared(Engine) ->
    %% It has done all that it was told.
    _ = sys:get_state(Engine, infinity),
    receive
        {'$maty_prepared', _, _, _} = Prepared -> error(Prepared)
    after 0 -> ok
    end.
