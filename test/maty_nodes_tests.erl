%% Sessions whose participants are on different nodes.
%%
%% The nodes are three VMs that this one starts and talks to over pipes; it is no
%% node itself. A test runs on the first of them, as a function of this module.
-module(maty_nodes_tests).

-include_lib("eunit/include/eunit.hrl").

-import(maty_player, [play_on/2, next/1, go/1]).

-export([start/0, start_node/1, start_node/3, stop/1]).
-export([two_buyers/1, before_it_begins/1, opening_given_up/1, begun_too_late/1]).
-export([watched_before_it_begins/1, image_that_cannot_be_loaded/1]).
-export([lost_before_it_is_asked/1, abandoned_again/1, withdrawn/1]).
-export([wrong_messages/1]).
-export([actor_killed/1, node_killed/1, engine_killed/1, cut_and_healed/1, suspended/1]).
-export([left/1, waiting_in_vain/1, access_point_names/1, upgraded/1, upgraded_in_use/1]).
-export([silent_node/1, not_there/1, registration_expires/1, turned_away/1, too_much_under_way/1]).
-export([deadline/1, sockets_closed/1, close_sockets/2, heal/2]).

-define(TWO_BUYER,
    "global protocol TwoBuyer(role Buyer1, role Buyer2, role Seller) {"
    "  title(string) from Buyer1 to Seller;"
    "  quote(integer) from Seller to Buyer1;"
    "  share(integer) from Buyer1 to Buyer2;"
    "  choice at Buyer2 {"
    "    address(string) from Buyer2 to Seller;"
    "    date(date) from Seller to Buyer2;"
    "  } or {"
    "    quit() from Buyer2 to Seller;"
    "  }"
    "}"
).

-define(CASCADE,
    "global protocol Cascade(role A, role B, role C) {"
    "  x() from A to C; y() from B to C; z() from C to A;"
    "}"
).

%% When the third is gone, the two wait for each other.
-define(EITHER,
    "global protocol Either(role A, role B, role C) {"
    "  choice at C { left() from C to A; go() from A to B; }"
    "  or { right() from C to B; come() from B to A; }"
    "}"
).

-define(TIMEOUT, 120).

nodes_test_() ->
    {setup, fun start/0, fun stop/1, fun(Peers) ->
        [
            {atom_to_list(Name), {timeout, ?TIMEOUT, fun() -> on_first(Peers, Name) end}}
         || Name <- [
                two_buyers,
                before_it_begins,
                opening_given_up,
                begun_too_late,
                watched_before_it_begins,
                image_that_cannot_be_loaded,
                lost_before_it_is_asked,
                abandoned_again,
                withdrawn,
                wrong_messages,
                actor_killed,
                left,
                waiting_in_vain,
                engine_killed,
                access_point_names,
                upgraded,
                upgraded_in_use,
                not_there,
                registration_expires,
                turned_away,
                too_much_under_way,
                deadline,
                silent_node,
                cut_and_healed,
                sockets_closed,
                suspended,
                %% The last one: it does not come back.
                node_killed
            ]
        ]
    end}.

start() ->
    [start_node(lists:concat(["maty_", Letter, "_", os:getpid()])) || Letter <- [a, b, c]].

start_node(Name) ->
    start_node(Name, code:get_path(), []).

%% The same with folders of code and more arguments.
start_node(Name, Folders, Arguments) ->
    Path = [["-pa", Path] || Path <- Folders, filelib:is_dir(Path), not is_otp(Path)],
    {ok, Peer, Node} = peer:start(#{
        name => list_to_atom(Name),
        host => "127.0.0.1",
        longnames => true,
        connection => standard_io,
        args => [
            "-setcookie", "maty", "-kernel", "net_ticktime", "16",
            "-kernel", "prevent_overlapping_partitions", "false"
            | Arguments ++ lists:append(Path)
        ]
    }),
    ok = peer:call(Peer, maty_player, start_engine, []),
    {Peer, Node}.

is_otp(Path) ->
    lists:prefix(code:lib_dir(), filename:absname(Path)).

stop(Peers) ->
    lists:foreach(fun({Peer, _}) -> catch peer:stop(Peer) end, Peers).

on_first([{First, _} | _] = Peers, Name) ->
    ok = peer:call(First, ?MODULE, Name, [[Node || {_, Node} <- Peers]], ?TIMEOUT * 1000).

%% ----- What the tests share -----

%% An access point on a node.
access_point(Node, Text) ->
    Self = self(),
    Keeper = spawn(Node, fun() ->
        {ok, Pid} = maty_access_point:start_link({string, Text}),
        Self ! {self(), Pid},
        receive
            stop -> maty_access_point:stop(Pid)
        end
    end),
    receive
        {Keeper, Pid} -> Pid
    end.

%% These come to wait at an access point: of another node, they are passed on when it
%% has been found.
waits(AccessPoint, Waiting) ->
    maty_player:until(fun() -> maty_access_point:waiting(AccessPoint) =:= Waiting end).

%% No endpoint is left on any node.
settled(Nodes) ->
    lists:foreach(fun(Node) -> ok = erpc:call(Node, maty_player, settled, []) end, Nodes).

%% ----- Sessions -----

two_buyers([A, B, C] = Nodes) ->
    AccessPoint = access_point(A, ?TWO_BUYER),
    Date = {2026, 12, 1},
    lists:foreach(
        fun([First, Second, Third]) ->
            Buyer1 = play_on(First, [
                {AccessPoint, 'Buyer1', [
                    {send, 'Seller', {title, <<"Types">>}}, wait, {send, 'Buyer2', {share, 77}}
                ]}
            ]),
            Buyer2 = play_on(Second, [
                {AccessPoint, 'Buyer2', [
                    wait,
                    {call, fun maty:session/0},
                    {send, 'Seller', {address, <<"Here">>}},
                    wait
                ]}
            ]),
            Seller = play_on(Third, [
                {AccessPoint, 'Seller', [
                    wait,
                    {call, fun() -> {maty:sessions(), maty:session()} end},
                    {send, 'Buyer1', {quote, 154}},
                    wait,
                    {send, 'Buyer2', {date, Date}}
                ]}
            ]),
            {got, 'Seller', {title, <<"Types">>}} = next(Seller),
            {result, {_Sessions, #{id := Id} = Session}} = next(Seller),
            #{participants := #{'Buyer1' := Buyer1, 'Buyer2' := Buyer2, 'Seller' := Seller}} = Session,
            #{access_point := AccessPoint, role := 'Seller'} = Session,
            {got, 'Buyer1', {quote, 154}} = next(Buyer1),
            {ended, 'Buyer1', {done, normal}} = next(Buyer1),
            {got, 'Buyer2', {share, 77}} = next(Buyer2),
            {result, #{id := Id}} = next(Buyer2),
            {got, 'Seller', {address, <<"Here">>}} = next(Seller),
            {got, 'Buyer2', {date, Date}} = next(Buyer2),
            {ended, 'Buyer2', {done, normal}} = next(Buyer2),
            {ended, 'Seller', {done, normal}} = next(Seller),
            lists:foreach(fun maty_player:stop/1, [Buyer1, Buyer2, Seller]),
            settled(Nodes)
        end,
        [[A, B, C], [C, A, B], [B, B, C], [B, C, B], [B, B, B], [A, A, A]]
    ).

%% The last to register is on the third node, whose engine is held while the access
%% point begins: the others' messages come before the start.
before_it_begins(Nodes) ->
    {First, Third} = begun_but_on_the_third(Nodes, fun(_AccessPoint, Third) ->
        ok = maty_player:until(fun() ->
            {message_queue_len, 0} =:= erpc:call(node(Third), erlang, process_info, [Third, message_queue_len])
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
    held(C, Engine, fun() ->
        _ = play_on(B, [{AccessPoint, 'B', [{send, 'C', {y}}]}]),
        ok = waits(AccessPoint, #{'A' => [], 'B' => [], 'C' => []}),
        ok = sys:suspend(AccessPoint)
    end),
    %% It opens its part and says so, and is held again.
    ok = maty_player:until(fun() ->
        {messages, Told} = process_info(AccessPoint, messages),
        [ok || {'$maty_prepared', _, From, _} <- Told, From =:= Engine] =/= []
    end),
    held(C, Engine, fun() ->
        ok = sys:resume(AccessPoint),
        {begun, 'A'} = next(First),
        ok = erpc:call(B, maty_player, settled, []),
        Fun(AccessPoint, Third)
    end),
    {First, Third}.

%% Runs a function while a process of another node is held.
held(Node, Pid, Fun) ->
    Self = self(),
    Holder = spawn(Node, fun() ->
        true = erlang:suspend_process(Pid),
        Self ! {self(), held},
        receive
            {Self, release} -> true = erlang:resume_process(Pid)
        end,
        Self ! {self(), released}
    end),
    receive
        {Holder, held} -> ok
    end,
    Result = Fun(),
    Holder ! {Self, release},
    receive
        {Holder, released} -> Result
    end.

%% The access point ends between the two rounds.
opening_given_up([A, B, C] = Nodes) ->
    AccessPoint = access_point(A, ?CASCADE),
    Engine = erpc:call(C, maty_engine, pid, []),
    [First, Third] = Actors = [
        play_on(Node, [{AccessPoint, Role, [wait]}])
     || {Node, Role} <- [{A, 'A'}, {C, 'C'}]
    ],
    ok = waits(AccessPoint, #{'A' => [First], 'B' => [], 'C' => [Third]}),
    held(C, Engine, fun() ->
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

%% What the access point asks of an engine that is the test: a number and a protocol.
asked_for_its_part(Engine, AccessPoint, Actors) ->
    receive
        {Engine, {'$maty_prepare', AccessPoint, Number, Digest, _, Roles}} ->
            Actors = [Actor || {_, _, Actor, _} <- Roles],
            {Number, Digest}
    end.

%% A process that hands on what it gets, with its name.
relay(Node) ->
    Self = self(),
    spawn(Node, fun Loop() ->
        receive
            Message -> Self ! {self(), Message}
        end,
        Loop()
    end).

nothing_prepared(Engine) ->
    %% It has done all that it was told.
    _ = sys:get_state(Engine, infinity),
    receive
        {'$maty_prepared', _, _, _} = Prepared -> error(Prepared)
    after 0 -> ok
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
    Second = held(C, Engine, fun() ->
        Pid = play_on(B, [{AccessPoint, 'B', [{send, 'C', {y}}]}]),
        ok = waits(AccessPoint, #{'A' => [Other], 'B' => [], 'C' => []}),
        ok = maty_player:run(Pid, fun() -> maty:unregister(AccessPoint, 'B') end),
        #{'A' := [First, Other], 'B' := [], 'C' := [Third]} = maty_access_point:waiting(AccessPoint),
        Pid
    end),
    settled(Nodes),
    ok = maty_player:run(Second, fun() -> maty:register(AccessPoint, 'B') end),
    {got, 'C', _} = next(Third),
    {got, 'C', _} = next(Third),
    {got, 'A', {z}} = next(First),
    settled(Nodes).

%% What is wrong is refused where it is sent, and what is forged where it arrives.
wrong_messages([A, B, C] = Nodes) ->
    AccessPoint = access_point(A, ?TWO_BUYER),
    Seller = play_on(C, [
        {AccessPoint, 'Seller', [wait, {send, 'Buyer1', {quote, 1}}, wait]}
    ]),
    Buyer2 = play_on(B, [{AccessPoint, 'Buyer2', [wait, pause, {send, 'Seller', {quit}}]}]),
    Buyer1 = play_on(A, [
        {AccessPoint, 'Buyer1', [
            {refused, 'Seller', {title, 42}},
            {refused, 'Seller', {share, 42}},
            {send, 'Seller', {title, <<"Types">>}},
            wait,
            {send, 'Buyer2', {share, 1}}
        ]}
    ]),
    {refused, #{reason := payload}} = next(Buyer1),
    {refused, #{reason := no_action}} = next(Buyer1),
    {got, 'Seller', _} = next(Seller),
    {got, 'Buyer2', _} = next(Buyer2),
    {paused, 'Buyer2'} = next(Buyer2),
    [#{id := Id, roles := Roles}] = erpc:call(C, maty, sessions, []),
    {B, _} = {node(Buyer2), Id},
    [{'Buyer1', away}, {'Buyer2', away}, {'Seller', 'receive'}] =
        lists:sort([{Role, State} || #{role := Role, state := State} <- Roles]),
    [{Handle, _, _}] = erpc:call(C, maty_engine, sessions, []),
    Before = maps:get(refused, erpc:call(C, maty, counters, [])),
    %% An address whose ticket is right and whose payload is not, one with a ticket
    %% that was used, one as from this node.
    [
        Seller ! {'$maty', Handle + 2, (Op bsl 28) bor (Action bsl 16) bor Ticket, Message}
     || {Op, Ticket, Message} <- [
            {4, 1, {address, 42}}, {4, 1, {address}}, {4, 0, {address, <<"a">>}}, {3, 1, {quit}}
        ],
        Action <- [0, 1, 2, 3, 4095]
    ],
    [#{state := 'receive'}] = maty:sessions(Seller),
    true = maps:get(refused, erpc:call(C, maty, counters, [])) > Before,
    go(Buyer2),
    {ended, 'Buyer2', {done, normal}} = next(Buyer2),
    {got, 'Seller', {quit}} = next(Seller),
    {ended, 'Seller', {done, normal}} = next(Seller),
    settled(Nodes).

%% ----- Failure -----

%% Three nodes, one role each. B has not sent yet when it ends: C fails, then A.
cascade([A, B, C], Steps) ->
    AccessPoint = access_point(A, ?CASCADE),
    First = play_on(A, [{AccessPoint, 'A', [{send, 'C', {x}}, wait]}]),
    Second = play_on(B, [{AccessPoint, 'B', Steps}]),
    Third = play_on(C, [{AccessPoint, 'C', [wait, pause, wait, {send, 'A', {z}}]}]),
    {got, 'C', {x}} = next(Third),
    {paused, 'C'} = next(Third),
    {First, Second, Third}.

actor_killed([_, B, _] = Nodes) ->
    {First, Second, Third} = cascade(Nodes, [pause]),
    {paused, 'B'} = next(Second),
    go(Third),
    maty_player:kill(Second),
    {ended, 'C', {failed, {cancelled, 'B'}}} = next(Third),
    {ended, 'A', {failed, {cancelled, 'C'}}} = next(First),
    settled(Nodes),
    %% What was sent before comes, and the rest goes on.
    {First2, Second2, Third2} = cascade(Nodes, [{send, 'C', {y}}]),
    {ended, 'B', {done, normal}} = next(Second2),
    maty_player:kill(Second2),
    ok = erpc:call(B, maty_player, settled, []),
    go(Third2),
    {got, 'C', {y}} = next(Third2),
    {got, 'A', {z}} = next(First2),
    {ended, 'A', {done, normal}} = next(First2),
    settled(Nodes).

%% In a call, outside of the session's handlers; B does not need A.
left(Nodes) ->
    {First, Second, Third} = cascade(Nodes, [{call, fun maty:session/0}, pause, {send, 'C', {y}}]),
    {result, #{id := {_, _} = Id} = Session} = next(Second),
    {paused, 'B'} = next(Second),
    ok = maty_player:until(fun() -> [Id] =:= [Own || #{id := Own} <- maty:sessions(First)] end),
    ok = maty_player:run(First, fun() -> maty:leave(Session, bored) end),
    {ended, 'A', {left, bored}} = next(First),
    %% It is over there, and nothing is left to leave.
    ok = maty_player:run(First, fun() -> maty:leave(Session, bored) end),
    go(Second),
    {ended, 'B', {done, normal}} = next(Second),
    go(Third),
    {got, 'C', {y}} = next(Third),
    {ended, 'C', {done, normal}} = next(Third),
    settled(Nodes).

waiting_in_vain([A, B, C] = Nodes) ->
    AccessPoint = access_point(A, ?EITHER),
    Event = subscribe(B),
    First = play_on(A, [{AccessPoint, 'A', [wait]}]),
    Second = play_on(B, [{AccessPoint, 'B', [wait]}]),
    Third = play_on(C, [{AccessPoint, 'C', [pause]}]),
    {paused, 'C'} = next(Third),
    maty_player:kill(Third),
    {ended, 'A', {failed, {cancelled, _}}} = next(First),
    {ended, 'B', {failed, {cancelled, _}}} = next(Second),
    receive
        {Event, #{session := {Node, Number}, role := 'B', actor := Second}} when
            Node =:= A, is_integer(Number)
        ->
            ok
    end,
    settled(Nodes).

%% Sends what fails on a node to the caller.
subscribe(Node) ->
    Self = self(),
    Relay = spawn(Node, fun() ->
        ok = maty_event:subscribe(session_failed),
        Self ! {self(), subscribed},
        receive
            {maty_event, session_failed, About} -> Self ! {self(), About}
        end
    end),
    receive
        {Relay, subscribed} -> Relay
    end.

engine_killed([_, B, _] = Nodes) ->
    {First, Second, Third} = cascade(Nodes, [pause]),
    {paused, 'B'} = next(Second),
    go(Third),
    exit(erpc:call(B, maty_engine, pid, []), kill),
    {ended, 'C', {failed, {cancelled, 'B'}}} = next(Third),
    {ended, 'A', {failed, {cancelled, 'C'}}} = next(First),
    go(Second),
    {ended, 'B', {failed, engine_down}} = next(Second),
    settled(Nodes).

%% An access point that is named, and starts again, on another node.
access_point_names([A, B, C] = Nodes) ->
    Name = {cascade_here, A},
    Start = fun() -> maty_access_point:start_link(cascade_here, {string, ?CASCADE}) end,
    Keep = fun Loop() ->
        {ok, Pid} = Start(),
        process_flag(trap_exit, true),
        receive
            {'EXIT', Pid, _} -> Loop()
        end
    end,
    Keeper = spawn(Keep),
    ok = maty_player:until(fun() -> whereis(cascade_here) =/= undefined end),
    Third = play_on(C, [{Name, 'C', []}]),
    ok = waits(Name, #{'A' => [], 'B' => [], 'C' => [Third]}),
    _ = maty_player:run(Third, fun() ->
        {'EXIT', {{no_access_point, {global, nobody}}, _}} = (catch maty:register({global, nobody}, 'D'))
    end),
    exit(whereis(cascade_here), kill),
    ok = maty_player:until(fun() ->
        is_pid(whereis(cascade_here)) andalso
            try maty_access_point:waiting(Name) of
                Waiting -> Waiting =:= #{'A' => [], 'B' => [], 'C' => [Third]}
            catch
                exit:_ -> false
            end
    end),
    ok = maty_player:run(Third, fun() -> maty:unregister(Name, 'C') end),
    not_registered = maty_player:run(Third, fun() -> maty:unregister(Name, 'C') end),
    Globally = {global, cascade_anywhere},
    ok = erpc:call(B, global, sync, []),
    {ok, _} = maty_access_point:start_link(Globally, {string, ?CASCADE}),
    Second = play_on(B, [{Globally, 'B', []}]),
    ok = waits(Globally, #{'A' => [], 'B' => [Second], 'C' => []}),
    exit(Keeper, kill),
    settled(Nodes).

%% A node that does not have the new version, or has a new engine, is sent it.
upgraded([A, B, C] = Nodes) ->
    AccessPoint = access_point(A, ?CASCADE),
    Third = play_on(C, [{AccessPoint, 'C', [wait, wait, {send, 'A', {z}}]}]),
    Second = play_on(B, [{AccessPoint, 'B', [{send, 'C', {y}}]}]),
    ok = waits(AccessPoint, #{'A' => [], 'B' => [Second], 'C' => [Third]}),
    New =
        "global protocol Cascade(role C, role B, role A) {"
        "  x() from A to C; y() from B to C; z() from C to A; }",
    ok = maty_access_point:upgrade(AccessPoint, {string, New}),
    exit(erpc:call(C, maty_engine, pid, []), kill),
    First = play_on(A, [{AccessPoint, 'A', [{send, 'C', {x}}, {call, fun maty:session/0}, wait]}]),
    {result, #{id := {C, _}, participants := #{'C' := Third}}} = next(First),
    {got, 'C', _} = next(Third),
    {got, 'C', _} = next(Third),
    {got, 'A', {z}} = next(First),
    {ended, 'C', {done, normal}} = next(Third),
    Digest = erlang:md5(maty_protocol:image(maty_access_point:protocol(AccessPoint))),
    [{ok, _} = erpc:call(Node, maty_machine, find, [Digest]) || Node <- [B, C]],
    settled(Nodes).

%% From another node than the access point's, while a session goes on.
upgraded_in_use([A, B, C] = Nodes) ->
    {ok, AccessPoint} = maty_access_point:start_link(maty_nodes_upgraded, {string, ?CASCADE}),
    Name = {maty_nodes_upgraded, A},
    Play = fun(Steps) ->
        {
            play_on(A, [{AccessPoint, 'A', [{send, 'C', {x}}, wait]}]),
            play_on(B, [{AccessPoint, 'B', Steps ++ [{send, 'C', {y}}]}]),
            play_on(C, [{AccessPoint, 'C', [wait, wait, {send, 'A', {z}}]}])
        }
    end,
    Ends = fun({First, _, Third}) ->
        {got, 'C', _} = next(Third),
        {got, 'C', _} = next(Third),
        {ended, 'C', {done, normal}} = next(Third),
        {got, 'A', {z}} = next(First),
        {ended, 'A', {done, normal}} = next(First)
    end,
    {_, Second, _} = Begun = Play([pause]),
    {paused, 'B'} = next(Second),
    Upgrade = fun(Text) ->
        erpc:call(B, maty_access_point, upgrade, [Name, {string, Text}])
    end,
    {error, {incompatible, [{'A', {incompatible, [_ | _]}}, {'C', {incompatible, [_ | _]}}]}} = Upgrade(
        "global protocol Cascade(role A, role B, role C) {"
        "  x() from A to C; y() from B to C; z() from A to C; }"
    ),
    ok = Upgrade(
        "global protocol Cascade(role C, role B, role A) {"
        "  x() from A to C; y() from B to C; z() from C to A; }"
    ),
    ['C', 'B', 'A'] = maty_protocol:roles(erpc:call(C, maty_access_point, protocol, [Name])),
    Next = Play([]),
    _ = Ends(Next),
    go(Second),
    _ = Ends(Begun),
    ok = maty_access_point:stop(AccessPoint),
    settled(Nodes).

%% ----- Registrations -----

%% An actor on a node that tells what its registrations come to. It registers once for
%% each of these arguments of maty:register/3.
registrant(Node, Registrations) ->
    Self = self(),
    Tell = fun(Event) ->
        fun(AccessPoint, Roles, State) ->
            Self ! {self(), {Event, AccessPoint, Roles}},
            {ok, State}
        end
    end,
    {ok, Pid} = erpc:call(Node, maty_actor, start, [
        maty_callbacks,
        #{
            init_actor => fun() ->
                [ok = apply(maty, register, Arguments) || Arguments <- Registrations],
                {ok, none}
            end,
            handle_call => fun({run, Fun}, _, State) -> {reply, Fun(), State} end,
            access_point_down => Tell(access_point_down),
            registration_expired => Tell(registration_expired),
            turned_away => Tell(turned_away)
        },
        []
    ]),
    Pid.

told(Pid) ->
    receive
        {Pid, Event} -> Event
    after 30000 -> error({nothing_from, Pid})
    end.

%% Nobody of the name, a process that has ended or is none, a role that there is not.
not_there([A, B, _] = Nodes) ->
    AccessPoint = access_point(A, ?CASCADE),
    Gone = spawn(A, fun() -> ok end),
    Name = {maty_nodes_later, A},
    Actor = registrant(B, [
        [Gone, 'A', #{}],
        [AccessPoint, 'D', #{}],
        [AccessPoint, 'B', #{}],
        [Name, 'C', #{}]
    ]),
    Down = lists:sort([told(Actor), told(Actor)]),
    Down = lists:sort([{access_point_down, Gone, ['A']}, {access_point_down, AccessPoint, ['D']}]),
    ok = waits(AccessPoint, #{'A' => [], 'B' => [Actor], 'C' => []}),
    %% Later there is one.
    {ok, Later} = maty_access_point:start_link(maty_nodes_later, {string, ?CASCADE}),
    ok = waits(Later, #{'A' => [], 'B' => [], 'C' => [Actor]}),
    ok = maty_player:run(Actor, fun() -> maty:unregister(Name, 'C') end),
    maty_player:stop(Actor),
    ok = maty_access_point:stop(Later),
    ok = waits(AccessPoint, #{'A' => [], 'B' => [], 'C' => []}),
    settled(Nodes).

%% With an answer at hand and without.
registration_expires([A, B, _] = Nodes) ->
    AccessPoint = access_point(A, ?CASCADE),
    Nobody = {maty_nodes_nobody, A},
    Actor = registrant(B, [[AccessPoint, 'A', #{timeout => 1}], [Nobody, 'B', #{timeout => 1}]]),
    Expired = lists:sort([told(Actor), told(Actor)]),
    Expired = lists:sort([
        {registration_expired, AccessPoint, 'A'}, {registration_expired, Nobody, 'B'}
    ]),
    ok = waits(AccessPoint, #{'A' => [], 'B' => [], 'C' => []}),
    %% While its access point is held. It is taken back when that goes on.
    ok = sys:suspend(AccessPoint),
    ok = maty_player:run(Actor, fun() -> maty:register(AccessPoint, 'C', #{timeout => 1}) end),
    ok = maty_player:run(Actor, fun() -> ok end),
    ok = sys:resume(AccessPoint),
    {registration_expired, AccessPoint, 'C'} = told(Actor),
    %% While its access point ends, and nobody says that it is taken back.
    Name = {maty_nodes_short, A},
    {ok, Short} = maty_access_point:start_link(maty_nodes_short, {string, ?CASCADE}),
    true = unlink(Short),
    ok = sys:suspend(Short),
    ok = maty_player:run(Actor, fun() -> maty:register(Name, 'C', #{timeout => 1}) end),
    ok = maty_player:kill(Short),
    {registration_expired, Name, 'C'} = told(Actor),
    maty_player:stop(Actor),
    settled(Nodes).

turned_away([_, B, C] = Nodes) ->
    {ok, AccessPoint} = maty_access_point:start_link(#{
        protocol => {string, ?CASCADE}, max_waiting => 1, drop => oldest
    }),
    First = registrant(B, [[AccessPoint, 'A', #{}]]),
    ok = waits(AccessPoint, #{'A' => [First], 'B' => [], 'C' => []}),
    Second = registrant(C, [[AccessPoint, 'A', #{}]]),
    {turned_away, AccessPoint, 'A'} = told(First),
    #{'A' := [Second]} = maty_access_point:waiting(AccessPoint),
    #{turned_away := 1} = maty_access_point:info(AccessPoint),
    [maty_player:stop(Actor) || Actor <- [First, Second]],
    ok = maty_access_point:stop(AccessPoint),
    settled(Nodes).

%% An actor registers on a node that stands still, and goes on with its session
%% meanwhile.
silent_node([A, B, C] = Nodes) ->
    Far = access_point(C, ?CASCADE),
    AccessPoint = access_point(A, ?CASCADE),
    First = play_on(A, [{AccessPoint, 'A', [pause, {send, 'C', {x}}, wait]}]),
    Second = play_on(A, [{AccessPoint, 'B', [{send, 'C', {y}}]}]),
    Third = play_on(B, [{AccessPoint, 'C', [wait, wait, {send, 'A', {z}}]}]),
    {paused, 'A'} = next(First),
    {ended, 'B', {done, normal}} = next(Second),
    Os = erpc:call(C, os, getpid, []),
    _ = os:cmd("kill -STOP " ++ Os),
    ok = maty_player:run(Third, fun() -> maty:register(Far, 'A', #{timeout => 1000000}) end),
    go(First),
    {got, 'C', {x}} = next(Third),
    {got, 'C', {y}} = next(Third),
    {ended, 'C', {done, normal}} = next(Third),
    {got, 'A', {z}} = next(First),
    _ = os:cmd("kill -CONT " ++ Os),
    ok = waits(Far, #{'A' => [Third], 'B' => [], 'C' => []}),
    ok = maty_player:run(Third, fun() -> maty:unregister(Far, 'A') end),
    settled(Nodes).

%% ----- Bounds and deadlines -----

-define(STREAM,
    "global protocol Stream(role P, role Q) {"
    "  rec L { choice at P { n(integer) from P to Q; continue L; } or { stop() from P to Q; } }"
    "}"
).

%% Of five, and then what has been received makes room.
too_much_under_way([_, B, C] = Nodes) ->
    Bounds = #{protocol => {string, ?STREAM}, max_under_way => 5},
    {ok, AccessPoint} = maty_access_point:start_link(Bounds),
    Sends = [{send, 'Q', {n, N}} || N <- lists:seq(1, 5)],
    Q = play_on(C, [{AccessPoint, 'Q', [pause | lists:duplicate(6, wait)]}]),
    %% What has been received is not known at once.
    Stop = fun() -> maty_player:until(fun() -> ok =:= (catch maty:send('Q', {stop})) end) end,
    P = play_on(B, [
        {AccessPoint, 'P', Sends ++ [{refused, 'Q', {n, 6}}, {call, Stop}]}
    ]),
    {refused, #{reason := full, peer := 'Q'}} = next(P),
    {paused, 'Q'} = next(Q),
    go(Q),
    [{got, 'Q', {n, N}} = next(Q) || N <- lists:seq(1, 5)],
    {result, ok} = next(P),
    {got, 'Q', {stop}} = next(Q),
    {ended, 'Q', {done, normal}} = next(Q),
    {ended, 'P', {done, normal}} = next(P),
    ok = maty_access_point:stop(AccessPoint),
    %% The sender fails.
    {ok, Failing} = maty_access_point:start_link(Bounds#{overload => fail}),
    Q2 = play_on(C, [{Failing, 'Q', [pause | lists:duplicate(6, wait)]}]),
    P2 = play_on(B, [{Failing, 'P', Sends ++ [{send, 'Q', {n, 6}}]}]),
    {ended, 'P', {failed, overload}} = next(P2),
    {paused, 'Q'} = next(Q2),
    go(Q2),
    [{got, 'Q', {n, N}} = next(Q2) || N <- lists:seq(1, 5)],
    {ended, 'Q', {failed, {cancelled, 'P'}}} = next(Q2),
    ok = maty_access_point:stop(Failing),
    settled(Nodes).

%% A role waits for a message that is never sent.
deadline([A, B, C] = Nodes) ->
    AccessPoint = access_point(A, ?CASCADE),
    Third = play_on(C, [{AccessPoint, 'C', [wait, {wait, #{timeout => 1}}, wait]}]),
    First = play_on(A, [{AccessPoint, 'A', [{send, 'C', {x}}, wait]}]),
    Second = play_on(B, [{AccessPoint, 'B', [pause, {send, 'C', {y}}]}]),
    {paused, 'B'} = next(Second),
    {got, 'C', {x}} = next(Third),
    {ended, 'C', {failed, timeout}} = next(Third),
    {ended, 'A', {failed, {cancelled, 'C'}}} = next(First),
    %% What comes too late finds nobody.
    go(Second),
    {ended, 'B', {done, normal}} = next(Second),
    [] = maty:sessions(Third),
    settled(Nodes).

%% B and C lose each other, and A neither.
cut_and_healed([_, B, C] = Nodes) ->
    {First, Second, Third} = cascade(Nodes, [pause, {send, 'C', {y}}]),
    {paused, 'B'} = next(Second),
    go(Third),
    ok = maty_player:until(fun() -> [0] =:= [N || #{waiting := N} <- maty:sessions(Third)] end),
    true = erpc:call(B, erlang, disconnect_node, [C]),
    {ended, 'C', {failed, {cancelled, 'B'}}} = next(Third),
    {ended, 'A', {failed, {cancelled, 'C'}}} = next(First),
    go(Second),
    {ended, 'B', {done, normal}} = next(Second),
    settled(Nodes),
    true = erpc:call(B, net_kernel, connect_node, [C]),
    {First2, Second2, Third2} = cascade(Nodes, [{send, 'C', {y}}]),
    go(Third2),
    {ended, 'B', {done, normal}} = next(Second2),
    {got, 'C', {y}} = next(Third2),
    {got, 'A', {z}} = next(First2),
    settled(Nodes).

%% B and C lose each other without a word, and cannot find each other until they are let.
sockets_closed([A, B, C] = Nodes) ->
    {First, Second, Third} = cascade(Nodes, [pause, {send, 'C', {y}}]),
    {paused, 'B'} = next(Second),
    go(Third),
    ok = close_sockets(B, C),
    {ended, 'C', {failed, {cancelled, 'B'}}} = next(Third),
    {ended, 'A', {failed, {cancelled, 'C'}}} = next(First),
    go(Second),
    {ended, 'B', {done, normal}} = next(Second),
    settled(Nodes),
    AccessPoint = access_point(A, ?CASCADE),
    First2 = play_on(A, [{AccessPoint, 'A', [{send, 'C', {x}}, wait]}]),
    false = erpc:call(B, net_kernel, connect_node, [C]),
    ok = heal(B, C),
    Third2 = play_on(C, [{AccessPoint, 'C', [wait, wait, {send, 'A', {z}}]}]),
    _ = play_on(B, [{AccessPoint, 'B', [{send, 'C', {y}}]}]),
    {got, 'C', _} = next(Third2),
    {got, 'C', _} = next(Third2),
    {got, 'A', {z}} = next(First2),
    settled(Nodes).

%% Closes the distribution's sockets from one node to another, and keeps it from making
%% others: it has another cookie for that node.
close_sockets(From, To) ->
    erpc:call(From, fun() ->
        true = erlang:set_cookie(To, cut),
        ok = net_kernel:monitor_nodes(true),
        Ports = [Port || {Node, Port} <- erlang:system_info(dist_ctrl), Node =:= To],
        lists:foreach(fun erlang:port_close/1, Ports),
        receive
            {nodedown, To} -> ok
        end
    end).

heal(From, To) ->
    erpc:call(From, fun() ->
        true = erlang:set_cookie(To, erlang:get_cookie()),
        %% An attempt from before may still be under way.
        maty_player:until(fun() -> net_kernel:connect_node(To) end)
    end).

suspended([_, B, _] = Nodes) ->
    Os = erpc:call(B, os, getpid, []),
    %% For a moment: it is slow, and nothing more.
    {First, Second, Third} = cascade(Nodes, [pause, {send, 'C', {y}}]),
    {paused, 'B'} = next(Second),
    go(Third),
    _ = os:cmd("kill -STOP " ++ Os),
    go(Second),
    [#{state := 'receive'}] = maty:sessions(Third),
    _ = os:cmd("kill -CONT " ++ Os),
    {got, 'C', {y}} = next(Third),
    {got, 'A', {z}} = next(First),
    {ended, 'B', {done, normal}} = next(Second),
    settled(Nodes),
    %% Until it is given up; then it is told when it goes on.
    {First2, Second2, Third2} = cascade(Nodes, [pause, {send, 'C', {y}}]),
    go(Third2),
    _ = os:cmd("kill -STOP " ++ Os),
    {ended, 'C', {failed, {cancelled, 'B'}}} = next(Third2),
    {ended, 'A', {failed, {cancelled, 'C'}}} = next(First2),
    _ = os:cmd("kill -CONT " ++ Os),
    go(Second2),
    settled(Nodes).

node_killed([A, B, C] = Nodes) ->
    {First, Second, Third} = cascade(Nodes, [{send, 'C', {y}}]),
    {ended, 'B', {done, normal}} = next(Second),
    {First2, _, Third2} = cascade(Nodes, [pause]),
    go(Third2),
    true = erlang:monitor_node(B, true),
    _ = os:cmd("kill -KILL " ++ erpc:call(B, os, getpid, [])),
    receive
        {nodedown, B} -> ok
    end,
    {ended, 'C', {failed, {cancelled, 'B'}}} = next(Third2),
    {ended, 'A', {failed, {cancelled, 'C'}}} = next(First2),
    %% What it sent has come, and nothing else of it is needed.
    go(Third),
    {got, 'C', {y}} = next(Third),
    {got, 'A', {z}} = next(First),
    {ended, 'A', {done, normal}} = next(First),
    settled([A, C]).
