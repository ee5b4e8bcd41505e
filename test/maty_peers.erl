%% Nodes that a test has sessions between, and what befalls them.
%%
%% They are VMs that this one starts and talks to over pipes; it is no node itself. A test
%% runs on the first of them, as a function that takes the names of all.
-module(maty_peers).

-include("maty_protocols.hrl").

-import(maty_player, [play_on/2, next/1]).

-export([tests/2, start/0, start_node/1, start_node/3, stop/1, on_first/3, in_time/4]).
-export([access_point/2, cascade/2, settled/1, kill_engine/1]).
-export([suspended/2, suspended/3, kill_node/1, close_sockets/2, heal/2]).

-define(TIMEOUT, 120).

%% ----- Starting -----

%% For EUnit: functions of a module, as tests on three nodes.
tests(Module, Names) ->
    {setup, fun start/0, fun stop/1, fun(Peers) ->
        [
            {atom_to_list(Name), {timeout, 2 * ?TIMEOUT, fun() ->
                ok = on_first(Peers, {Module, Name, []}, ?TIMEOUT)
            end}}
         || Name <- Names
        ]
    end}.

%% Three.
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
        wait_boot => ?TIMEOUT * 1000,
        args => [
            "-setcookie", "maty", "-kernel", "net_ticktime", "16",
            "-kernel", "prevent_overlapping_partitions", "false"
            | Arguments ++ lists:append(Path)
        ]
    }),
    ok = peer:call(Peer, maty_player, start_engine, [], ?TIMEOUT * 1000),
    {Peer, Node}.

is_otp(Path) ->
    lists:prefix(code:lib_dir(), filename:absname(Path)).

stop(Peers) ->
    lists:foreach(fun({Peer, _}) -> catch peer:stop(Peer) end, Peers).

%% Calls a function on the first, with the names of all before its other arguments.
on_first([{First, _} | _] = Peers, {Module, Function, Arguments}, Seconds) ->
    Nodes = [Node || {_, Node} <- Peers],
    Called = [Module, Function, [Nodes | Arguments], Seconds],
    peer:call(First, ?MODULE, in_time, Called, infinity).

%% If it takes longer, the error says where it hangs: EUnit, which is on another node, does
%% not see that.
in_time(Module, Function, Arguments, Seconds) ->
    Caller = self(),
    {Pid, Monitor} = spawn_monitor(fun() ->
        Caller ! {self(), apply(Module, Function, Arguments)}
    end),
    receive
        {Pid, Result} -> Result;
        {'DOWN', Monitor, process, Pid, Reason} -> error(Reason)
    after Seconds * 1000 ->
        error({hangs, process_info(Pid, [current_stacktrace, messages])})
    end.

%% ----- Sessions -----

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

%% A session with one role on each of three nodes. C has had what A sends, and pauses; B
%% goes by the steps.
cascade([A, B, C], Steps) ->
    AccessPoint = access_point(A, ?CASCADE),
    First = play_on(A, [{AccessPoint, 'A', [{send, 'C', {x}}, wait]}]),
    Second = play_on(B, [{AccessPoint, 'B', Steps}]),
    Third = play_on(C, [{AccessPoint, 'C', [wait, pause, wait, {send, 'A', {z}}]}]),
    {got, 'C', {x}} = next(Third),
    {paused, 'C'} = next(Third),
    {First, Second, Third}.

%% No endpoint is left on any node.
settled(Nodes) ->
    lists:foreach(fun(Node) -> ok = erpc:call(Node, maty_player, settled, []) end, Nodes).

%% ----- Faults -----

kill_engine(Node) ->
    maty_player:kill(erpc:call(Node, maty_engine, pid, [])).

%% Runs a function while a process of another node is held.
suspended(Node, Pid, Fun) ->
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
    try
        Fun()
    after
        Holder ! {Self, release},
        receive
            {Holder, released} -> ok
        end
    end.

%% Runs a function while another node stands still.
suspended(Node, Fun) ->
    Os = erpc:call(Node, os, getpid, []),
    "" = os:cmd("kill -STOP " ++ Os),
    try
        Fun()
    after
        "" = os:cmd("kill -CONT " ++ Os)
    end.

kill_node(Node) ->
    true = erlang:monitor_node(Node, true),
    "" = os:cmd("kill -KILL " ++ erpc:call(Node, os, getpid, [])),
    receive
        {nodedown, Node} -> ok
    end.

%% Closes the distribution's sockets from one node to another, and keeps it from making
%% others: it has another cookie for that node. There has to be a connection to lose, and
%% none under way that would still come about.
close_sockets(From, To) ->
    erpc:call(From, fun() ->
        ok = net_kernel:monitor_nodes(true),
        ok = connected(To),
        true = erlang:set_cookie(To, cut),
        Ports = [Port || {Node, Port} <- erlang:system_info(dist_ctrl), Node =:= To],
        lists:foreach(fun erlang:port_close/1, Ports),
        receive
            {nodedown, To} -> ok
        end
    end).

heal(From, To) ->
    erpc:call(From, fun() ->
        true = erlang:set_cookie(To, erlang:get_cookie()),
        connected(To)
    end).

%% An attempt from before may still be under way, and fail.
connected(Node) ->
    maty_player:until(fun() -> net_kernel:connect_node(Node) end).
