%% What a session comes to when its participants are on different nodes, and one of them is
%% lost: an actor, an engine, a connection or a node.
-module(maty_nodes_failure_tests).

-include_lib("eunit/include/eunit.hrl").
-include("maty_protocols.hrl").

-import(maty_player, [play_on/2, next/1, go/1]).
-import(maty_peers, [access_point/2, cascade/2, settled/1]).

-export([actor_killed/1, left/1, waiting_in_vain/1, engine_killed/1, cut_and_healed/1]).
-export([sockets_closed/1, suspended/1, node_killed/1]).

%% When the third is gone, the two wait for each other.
-define(EITHER,
    "global protocol Either(role A, role B, role C) {"
    "  choice at C { left() from C to A; go() from A to B; }"
    "  or { right() from C to B; come() from B to A; }"
    "}"
).

failure_test_() ->
    maty_peers:tests(?MODULE, [
        actor_killed,
        left,
        waiting_in_vain,
        engine_killed,
        cut_and_healed,
        sockets_closed,
        suspended,
        %% The last one: it does not come back.
        node_killed
    ]).

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
    ok = maty_peers:kill_engine(B),
    {ended, 'C', {failed, {cancelled, 'B'}}} = next(Third),
    {ended, 'A', {failed, {cancelled, 'C'}}} = next(First),
    go(Second),
    {ended, 'B', {failed, engine_down}} = next(Second),
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
    ok = maty_peers:close_sockets(B, C),
    {ended, 'C', {failed, {cancelled, 'B'}}} = next(Third),
    {ended, 'A', {failed, {cancelled, 'C'}}} = next(First),
    go(Second),
    {ended, 'B', {done, normal}} = next(Second),
    settled(Nodes),
    AccessPoint = access_point(A, ?CASCADE),
    First2 = play_on(A, [{AccessPoint, 'A', [{send, 'C', {x}}, wait]}]),
    false = erpc:call(B, net_kernel, connect_node, [C]),
    ok = maty_peers:heal(B, C),
    Third2 = play_on(C, [{AccessPoint, 'C', [wait, wait, {send, 'A', {z}}]}]),
    _ = play_on(B, [{AccessPoint, 'B', [{send, 'C', {y}}]}]),
    {got, 'C', _} = next(Third2),
    {got, 'C', _} = next(Third2),
    {got, 'A', {z}} = next(First2),
    settled(Nodes).

suspended([_, B, _] = Nodes) ->
    %% For a moment: it is slow, and nothing more.
    {First, Second, Third} = cascade(Nodes, [pause, {send, 'C', {y}}]),
    {paused, 'B'} = next(Second),
    go(Third),
    maty_peers:suspended(B, fun() ->
        go(Second),
        [#{state := 'receive'}] = maty:sessions(Third)
    end),
    {got, 'C', {y}} = next(Third),
    {got, 'A', {z}} = next(First),
    {ended, 'B', {done, normal}} = next(Second),
    settled(Nodes),
    %% Until it is given up; then it is told when it goes on.
    {First2, Second2, Third2} = cascade(Nodes, [pause, {send, 'C', {y}}]),
    go(Third2),
    maty_peers:suspended(B, fun() ->
        {ended, 'C', {failed, {cancelled, 'B'}}} = next(Third2),
        {ended, 'A', {failed, {cancelled, 'C'}}} = next(First2)
    end),
    go(Second2),
    settled(Nodes).

node_killed([A, B, C] = Nodes) ->
    {First, Second, Third} = cascade(Nodes, [{send, 'C', {y}}]),
    {ended, 'B', {done, normal}} = next(Second),
    {First2, _, Third2} = cascade(Nodes, [pause]),
    go(Third2),
    ok = maty_peers:kill_node(B),
    {ended, 'C', {failed, {cancelled, 'B'}}} = next(Third2),
    {ended, 'A', {failed, {cancelled, 'C'}}} = next(First2),
    %% What it sent has come, and nothing else of it is needed.
    go(Third),
    {got, 'C', {y}} = next(Third),
    {got, 'A', {z}} = next(First),
    {ended, 'A', {done, normal}} = next(First),
    settled([A, C]).
