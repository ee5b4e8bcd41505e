%% Sessions over three nodes while actors, engines, access points, connections and
%% nodes go, registrations expire or are turned away, and the protocol changes: at the end
%% nothing is left of any of them, on any node.
%%
%% FAULT_SESSIONS in the environment says how many.
-module(maty_faults_tests).

-include_lib("eunit/include/eunit.hrl").

-export([run/3]).

-define(TIMEOUT, 600).

faults_test_() ->
    Sessions = list_to_integer(os:getenv("FAULT_SESSIONS", "10000")),
    {setup, fun maty_peers:start/0, fun maty_peers:stop/1, fun(Peers) ->
        {timeout, 2 * ?TIMEOUT, fun() ->
            Seed = rand:uniform(1 bsl 32),
            try
                Run = {?MODULE, run, [Seed, Sessions]},
                Tallies = maty_peers:on_first(Peers, Run, ?TIMEOUT),
                Kinds = lists:append([maps:keys(Tally) || Tally <- Tallies]),
                ?assert(lists:member(done, Kinds)),
                ?assertMatch([_ | _], [Cause || {failed, Cause} <- Kinds])
            catch
                Class:Reason:Stack ->
                    ?debugFmt("seed ~b", [Seed]),
                    erlang:raise(Class, Reason, Stack)
            end
        end}
    end}.

%% Runs on the first node. Returns how often what has happened on each.
run([A, B, C], Seed, Sessions) ->
    _ = rand:seed(exsss, Seed),
    Processes = [{Node, processes(Node)} || Node <- [A, B]],
    {Keeper, Shop} = maty_fault_actors:access_point(),
    First = #{
        A => maty_fault_actors:start(Shop, self(), [{'Buyer1', 20}]),
        B => start(B, Shop),
        C => start(C, Shop)
    },
    Faults = [
        fun cut/2, fun engine/2, fun upgrade/2, fun access_point/2, fun cut_first/2,
        fun node_killed/2, fun restarted/2, fun engine/2, fun sockets_closed/2, fun node_held/2,
        fun upgrade/2,
        fun cut/2, fun restarted/2,
        fun access_point/2, fun cut_first/2, fun sockets_closed/2, fun node_killed/2
    ],
    Step = max(1, Sessions div (length(Faults) + 1)),
    Left = lists:foldl(
        fun(Fault, Now) ->
            play(Step, Now),
            [Third] = maps:keys(maps:without([A, B], Now)),
            Fault([A, B, Third], {Shop, Now})
        end,
        First,
        Faults
    ),
    play(Sessions - Step * length(Faults), Left),
    %% Who plays goes on to the end of what has begun.
    Nodes = maps:keys(Left),
    [ok = erpc:call(Node, maty_fault_actors, begin_end, []) || Node <- Nodes],
    %% One after the other: what still waited at the access point may begin one more.
    try
        [
            ok = erpc:call(Node, maty_player, until, [
                fun() -> maty:sessions() =:= [] andalso ets:info(maty_parts, size) =:= 0 end
            ])
         || Node <- Nodes
        ]
    catch
        error:_ ->
            error({left_open, [{Node, erpc:call(Node, maty, sessions, [])} || Node <- Nodes]})
    end,
    Tallies = [erpc:call(Node, maty_fault_actors, tally, []) || Node <- Nodes],
    [
        ok = erpc:call(node(Pid), maty_fault_actors, stop, [Playing])
     || {Pid, _} = Playing <- maps:values(Left)
    ],
    exit(Keeper, kill),
    ok = maty_player:until(fun() ->
        lists:all(fun({Node, Before}) -> processes(Node) =:= Before end, Processes)
    end),
    Tallies.

start(Node, Shop) ->
    erpc:call(Node, maty_fault_actors, start, [Shop, none, [{'Seller', 3}, {'Buyer2', 10}]]).

%% The processes of this project, by what they began with.
processes(Node) ->
    erpc:call(Node, fun() ->
        lists:sort([
            Module
         || Pid <- erlang:processes(),
            {_, Current} <- [erlang:process_info(Pid, current_function)],
            {Module, _, _} <- [proc_lib:translate_initial_call(Pid), Current],
            lists:prefix("maty", atom_to_list(Module)),
            not lists:member(Module, [maty_player, ?MODULE])
        ])
    end).

%% Waits until so many more sessions have ended for the first buyers, and kills an
%% actor now and then.
play(0, _Playing) ->
    ok;
play(Sessions, Playing) ->
    receive
        {maty_fault_actors, ended} -> ok
    after 60000 -> error({nothing_ends, maty:sessions()})
    end,
    case rand:uniform(20) of
        1 ->
            Node = lists:nth(rand:uniform(maps:size(Playing)), maps:keys(Playing)),
            exit(erpc:call(Node, maty_fault_actors, victim, []), kill);
        _ ->
            ok
    end,
    play(Sessions - 1, Playing).

%% ----- Faults: each leaves who plays now -----

cut([_, B, C], {_, Playing}) ->
    _ = erpc:call(B, erlang, disconnect_node, [C]),
    Playing.

cut_first([_, B, C], {_, Playing}) ->
    Node = lists:nth(rand:uniform(2), [B, C]),
    _ = disconnect_node(Node),
    Playing.

%% For some sessions' time, in which there are none with both.
sockets_closed([_, B, C], {_, Playing}) ->
    ok = maty_peers:close_sockets(B, C),
    play(100, Playing),
    ok = maty_peers:heal(B, C),
    Playing.

upgrade([A, B, _], {Shop, Playing}) ->
    ok = erpc:call(B, maty_fault_actors, upgrade, [Shop, rand:uniform(2)]),
    A = node(),
    Playing.

engine(Nodes, {_, Playing}) ->
    Node = lists:nth(rand:uniform(3), Nodes),
    ok = maty_peers:kill_engine(Node),
    Playing.

%% As when the library is upgraded.
restarted(Nodes, {_, Playing}) ->
    Node = lists:nth(rand:uniform(3), Nodes),
    ok = erpc:call(Node, application, stop, [maty]),
    ok = erpc:call(Node, application, start, [maty]),
    Playing.

access_point(_Nodes, {{Name, _}, Playing}) ->
    ok = maty_player:until(fun() -> is_pid(whereis(Name)) end),
    exit(whereis(Name), kill),
    Playing.

node_held([_, _, C], {_, Playing}) ->
    true = erlang:monitor_node(C, true),
    maty_peers:suspended(C, fun() ->
        receive
            {nodedown, C} -> ok
        end
    end),
    Playing.

node_killed([_, _, C], {Shop, Playing}) ->
    Os = erpc:call(C, os, getpid, []),
    ok = maty_peers:kill_node(C),
    {_, New} = maty_peers:start_node("maty_new_" ++ Os),
    (maps:remove(C, Playing))#{New => start(New, Shop)}.
