%% Sessions whose participants are on different nodes.
%%
%% The nodes are three VMs that this one starts and talks to over pipes; it is no
%% node itself. A test runs on the first of them, as a function of this module.
-module(maty_nodes_tests).

-include_lib("eunit/include/eunit.hrl").

-import(maty_player, [play_on/2, next/1]).

-export([with_nodes/1]).
-export([two_buyers/1]).

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

-define(TIMEOUT, 120).

nodes_test_() ->
    {setup, fun start/0, fun stop/1, fun(Peers) ->
        [
            {atom_to_list(Name), {timeout, ?TIMEOUT, fun() -> on_first(Peers, Name) end}}
         || Name <- [
                two_buyers
            ]
        ]
    end}.

%% Runs a function of this module with three nodes that are started for it.
with_nodes(Name) ->
    Peers = start(),
    try
        on_first(Peers, Name)
    after
        stop(Peers)
    end.

start() ->
    Unique = os:getpid(),
    Path = lists:append([["-pa", Path] || Path <- code:get_path(), filelib:is_dir(Path), not is_otp(Path)]),
    [
        begin
            {ok, Peer, Node} = peer:start(#{
                name => list_to_atom(lists:concat(["maty_", Letter, "_", Unique])),
                host => "127.0.0.1",
                longnames => true,
                connection => standard_io,
                args => [
                    "-setcookie", "maty_" ++ Unique,
                    "-kernel", "net_ticktime", "4",
                    "-kernel", "prevent_overlapping_partitions", "false"
                    | Path
                ]
            }),
            ok = peer:call(Peer, maty_player, start_engine, []),
            {Peer, Node}
        end
     || Letter <- [a, b, c]
    ].

is_otp(Path) ->
    lists:prefix(code:lib_dir(), filename:absname(Path)).

stop(Peers) ->
    lists:foreach(fun({Peer, _}) -> peer:stop(Peer) end, Peers).

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
