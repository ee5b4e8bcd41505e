%% Sessions against a model of what may become of them, while roles give out at every
%% point of every protocol.
%%
%% The model knows where each role stands and what is under way on each channel. A run
%% goes by orders, one after the other: a role sends, suspends, is done, or gives out;
%% after each the model says who gets a message and who fails, and the actors have to
%% do just that, before the next order:
%%
%%   - who waits for a message that is under way gets it;
%%   - who waits, and hears from nobody any more, fails: those are the largest set of
%%     waiting roles of which none can hear from outside of the set;
%%   - nobody else gets or is told anything.
%%
%% So none is left waiting, none fails that could go on, and nothing reaches who has
%% ended. A run is a list of numbers, each of which chooses among what can be done; it
%% shrinks as any list of PropEr's.
%%
%% What is not certain is what the actors say: which one of two messages comes first,
%% and, between nodes, whether a deadline that has passed or a failure is seen first.
-module(maty_model_tests).

-include_lib("proper/include/proper.hrl").
-include_lib("eunit/include/eunit.hrl").
-include("../src/maty_internal.hrl").

-export([on_two_nodes/2]).

-define(RUNS, 60).
%% How often a run is tried that is to come to a certain point.
-define(ATTEMPTS, 200).
%% After so many orders roles leave: some protocols never end.
-define(ENOUGH, 60).
-define(PATIENCE, 30000).

model_test_() ->
    {setup, fun maty_player:start_engine/0, fun(ok) ->
        [
            {atom_to_list(maty_protocol:name(Protocol)), {timeout, 300, fun() ->
                at_random(Protocol, [node()], ?RUNS),
                at_every_point(Protocol, [node()])
            end}}
         || Protocol <- protocols()
        ]
    end}.

two_nodes_test_() ->
    {setup, fun maty_peers:start/0, fun maty_peers:stop/1, fun(Peers) ->
        [
            {Name ++ " on two nodes", {timeout, 300, fun() ->
                Run = {?MODULE, on_two_nodes, [list_to_atom(Name)]},
                ok = maty_peers:on_first(Peers, Run, 240)
            end}}
         || Name <- ["Cascade", "TwoBuyer", "StashQueue", "MeshCall", "ForkBarrier", "CreditStream"]
        ]
    end}.

on_two_nodes([A, B, _], Name) ->
    [Protocol] = [P || P <- protocols(), maty_protocol:name(P) =:= Name],
    at_random(Protocol, [A, B], ?RUNS).

%% B gives out after its message: A and C still finish.
cascade_after_its_message_test_() ->
    cascade(
        [
            {send, 'B'}, {give_out, 'B', kill}, {send, 'A'}, {suspend, 'A'}, {suspend, 'C'},
            {suspend, 'C'}, {send, 'C'}, {done, 'C'}, {done, 'A'}
        ],
        #{'A' => {done, normal}, 'B' => killed, 'C' => {done, normal}}
    ).

%% B gives out before its message: C fails because of B, and then A because of C, though
%% A never hears from B.
cascade_before_its_message_test_() ->
    cascade(
        [{send, 'A'}, {suspend, 'A'}, {suspend, 'C'}, {suspend, 'C'}, {give_out, 'B', kill}],
        #{'A' => {failed, {cancelled, 'C'}}, 'B' => killed, 'C' => {failed, {cancelled, 'B'}}}
    ).

cascade(Orders, Endings) ->
    {setup, fun maty_player:start_engine/0, [
        {timeout, 60, fun() ->
            [Protocol] = [P || P <- protocols(), maty_protocol:name(P) =:= 'Cascade'],
            World = begin_session(Protocol, [node()], fun(_) -> stop end),
            After = lists:foldl(
                fun(Wanted, W) ->
                    [Order] = [O || O <- orders(W) ++ give_outs(W), is_wanted(Wanted, O)],
                    follow(Order, W)
                end,
                World,
                Orders
            ),
            ?assertEqual(Endings, finish(After))
        end}
    ]}.

is_wanted({send, Role}, {send, Role, _}) -> true;
is_wanted(Wanted, Order) -> Wanted =:= Order.

protocols() ->
    lists:append([
        begin
            {ok, #{protocols := [_ | _] = Protocols}} = maty_protocol:check_file(Path),
            Protocols
        end
     || Path <- lists:sort(filelib:wildcard("test/protocols/*.scr"))
    ]).

%% ----- Runs -----

at_random(Protocol, Nodes, Runs) ->
    Property = ?FORALL(
        {Salt, Numbers},
        {non_neg_integer(), resize(60, list(range(0, 1 bsl 30)))},
        begin
            OnRaise = fun(Index) -> case (Salt bsr Index) band 1 of 0 -> stop; 1 -> leave end end,
            try
                World = begin_session(Protocol, Nodes, OnRaise),
                is_map(finish(lists:foldl(fun choose_order/2, World, Numbers)))
            catch
                _:Reason:Stack ->
                    _ = put(failure, {Reason, Stack}),
                    false
            end
        end
    ),
    case proper:quickcheck(Property, [quiet, {numtests, Runs}, {max_shrinks, 20}]) of
        true -> ok;
        _ -> error({failed, maty_protocol:name(Protocol), erase(failure), proper:counterexample()})
    end.

%% One in eight orders is that somebody or something gives out.
choose_order(Number, World) ->
    Own = orders(World),
    Orders =
        case {Number rem 8, give_outs(World) ++ breakdowns(World)} of
            {7, [_ | _] = Faults} -> Faults;
            _ -> Own
        end,
    case Orders of
        [] -> World;
        _ -> follow(lists:nth(Number div 8 rem length(Orders) + 1, Orders), World)
    end.

%% Every way to give out, of every role, in every state, in a handler and outside.
at_every_point(Protocol, Nodes) ->
    {ok, _, Machine} = maty_machine:load(maty_protocol:image(Protocol)),
    Points = [
        {Name, State, Mode, How, OnRaise}
     || #role{name = Name} = Role <- maty_machine:roles(Machine),
        State <- maty_machine:states(Role),
        {Mode, How, OnRaise} <- points(maty_machine:state(Role, State))
    ],
    Seed = rand:uniform(1 bsl 32),
    _ = rand:seed(exsss, Seed),
    try
        [give_out_at(Point, Protocol, Nodes, ?ATTEMPTS) || Point <- Points]
    catch
        Class:Reason:Stack ->
            io:format(user, "~n~p, seed ~b~n", [maty_protocol:name(Protocol), Seed]),
            erlang:raise(Class, Reason, Stack)
    end.

points('receive') ->
    points(send) ++ [{active, timeout, stop}] ++
        [{waiting, How, stop} || How <- [kill, shutdown, raise, leave]];
points(_) ->
    [
        {active, How, OnRaise}
     || {How, OnRaise} <- [
            {kill, stop}, {exit, stop}, {raise, stop}, {exit, leave}, {raise, leave}, {leave, stop}
        ]
    ].

give_out_at(Point, _Protocol, _Nodes, 0) ->
    error({never_there, Point});
give_out_at({Role, State, Mode, How, OnRaise} = Point, Protocol, Nodes, Attempts) ->
    World = begin_session(Protocol, Nodes, fun(_) -> OnRaise end),
    case walk_to(Role, {Mode, State}, World, ?ENOUGH) of
        {there, There} ->
            _ = finish(follow({give_out, Role, How}, There)),
            ok;
        {not_there, Elsewhere} ->
            _ = finish(Elsewhere),
            give_out_at(Point, Protocol, Nodes, Attempts - 1)
    end.

walk_to(Role, Where, #{roles := Roles} = World, Left) ->
    case {Roles, orders(World)} of
        {#{Role := Where}, _} -> {there, World};
        {_, Orders} when Left =:= 0; Orders =:= [] -> {not_there, World};
        {_, Orders} -> walk_to(Role, Where, follow(any(Orders), World), Left - 1)
    end.

any(List) ->
    lists:nth(rand:uniform(length(List)), List).

%% Lets all come to their ends, and sees that nothing is left. Returns the endings.
finish(World) ->
    finish(World, ?ENOUGH).

finish(World, Left) ->
    case orders(World) of
        [] ->
            swept(World);
        _ when Left =< 0 ->
            finish(follow(hd(give_outs(leave, World)), World), Left);
        Orders ->
            finish(follow(lists:nth(Left rem length(Orders) + 1, Orders), World), Left - 1)
    end.

swept(World) ->
    #{
        pids := Pids,
        ended := Ended,
        access_point := AccessPoint,
        nodes := Nodes,
        roles := Roles
    } = World,
    ?assertEqual([], maps:keys(maps:filter(fun(_, {Mode, _}) -> Mode =/= ended end, Roles)), World),
    %% What is in their mailboxes has been seen when they answer.
    [
        try
            ?assertEqual([], maty:sessions(Pid))
        catch
            exit:_ -> ok
        end
     || Pid <- maps:values(Pids)
    ],
    receive
        {puppet, Pid, Event} -> error({nobody_expected, Pid, Event, World})
    after 0 -> ok
    end,
    lists:foreach(fun maty_player:kill/1, maps:values(Pids)),
    _ = is_process_alive(AccessPoint) andalso maty_access_point:stop(AccessPoint),
    [ok = erpc:call(Node, maty_player, settled, []) || Node <- Nodes],
    Ended.

%% ----- The world: the model, and who plays -----

%% Of each role its mode and the number of its state. A role is
%%
%%   active    in a handler
%%   waiting   suspended
%%   doomed    in a handler, and has failed meanwhile
%%   broken    in a handler, and its engine has ended meanwhile
%%   ended
begin_session(Protocol, Nodes, OnRaise) ->
    AccessPoint = access_point(Protocol),
    {ok, _, Machine} = maty_machine:load(maty_protocol:image(Protocol)),
    Numbered = lists:enumerate(maty_machine:roles(Machine)),
    Pids = maps:from_list([
        {Name, maty_puppet:start(node_of(Index, Nodes), AccessPoint, Name, OnRaise(Index))}
     || {Index, #role{name = Name}} <- Numbered
    ]),
    Handles = maps:map(
        fun(_, Pid) ->
            {begun, Handle} = event(Pid),
            Handle
        end,
        Pids
    ),
    #{
        machines => maps:from_list([{Name, Role} || {_, #role{name = Name} = Role} <- Numbered]),
        on_raise => maps:from_list([
            {Name, OnRaise(Index)}
         || {Index, #role{name = Name}} <- Numbered
        ]),
        nodes => Nodes,
        pids => Pids,
        handles => Handles,
        access_point => AccessPoint,
        roles => maps:from_list([
            {Name, {active, Initial}}
         || {_, #role{name = Name, initial_state = Initial}} <- Numbered
        ]),
        channels => #{},
        ended => #{}
    }.

node_of(Index, Nodes) ->
    lists:nth(Index rem length(Nodes) + 1, Nodes).

%% One that can be killed.
access_point(Protocol) ->
    {ok, Pid} = maty_access_point:start_link(Protocol),
    true = unlink(Pid),
    Pid.

event(Pid) ->
    receive
        {puppet, Pid, Event} -> Event
    after ?PATIENCE -> error({nothing_from, Pid, maty:sessions()})
    end.

%% ----- What can be done -----

orders(#{roles := Roles} = World) ->
    lists:append([orders(Role, Roles, World) || Role <- lists:sort(maps:keys(Roles))]).

orders(Role, Roles, World) ->
    case map_get(Role, Roles) of
        {Mode, State} when Mode =:= active; Mode =:= broken; Mode =:= doomed ->
            case phase(Role, State, World) of
                send -> [{send, Role, Transition} || Transition <- transitions(Role, State, World)];
                'receive' -> [{suspend, Role}];
                final -> [{done, Role}]
            end;
        _ ->
            []
    end.

give_outs(World) ->
    lists:append([give_outs(How, World) || How <- [kill, exit, shutdown, raise, leave, timeout]]).

give_outs(How, #{roles := Roles} = World) ->
    [
        {give_out, Role, How}
     || {Role, Where} <- lists:sort(maps:to_list(Roles)), can(How, Role, Where, World)
    ].

can(_How, _Role, {ended, _}, _World) -> false;
can(kill, _Role, _Where, _World) -> true;
can(shutdown, _Role, {Mode, _}, _World) -> Mode =:= waiting;
can(exit, _Role, {Mode, _}, _World) -> Mode =/= waiting;
can(timeout, Role, {Mode, State}, World) ->
    Mode =:= active andalso phase(Role, State, World) =:= 'receive';
can(_How, _Role, _Where, _World) -> true.

%% What everybody depends on, once in a run. The loss of an engine is told to others
%% when their actors are out of their handlers.
breakdowns(#{access_point := AccessPoint, nodes := Nodes, roles := Roles, pids := Pids} = World) ->
    Node = lists:last(Nodes),
    Busy = [
        Role
     || {Role, {Mode, _}} <- maps:to_list(Roles),
        Mode =:= active orelse Mode =:= doomed,
        node(map_get(Role, Pids)) =/= Node
    ],
    [access_point || is_process_alive(AccessPoint)] ++
        [{engine, Node} || not is_map_key(engine, World), Busy =:= []].

phase(Role, State, #{machines := Machines}) ->
    maty_machine:state(map_get(Role, Machines), State).

transitions(Role, State, #{machines := Machines}) ->
    #role{first_state = First} = Machine = map_get(Role, Machines),
    [
        T#{target := First + Target}
     || #{target := Target} = T <- maty_machine:transitions(Machine, State)
    ].

%% ----- Doing it -----

%% Has an order followed by the actors and by the model.
follow({send, Role, Transition}, #{roles := Roles, pids := Pids} = World) ->
    #{peer := Peer, label := Label, fields := Fields, target := Target} = Transition,
    Pid = map_get(Role, Pids),
    Message = list_to_tuple([Label | [value(Text) || {_, Text} <- Fields]]),
    ok = maty_puppet:order(Pid, {send, Peer, Message}),
    case map_get(Role, Roles) of
        {broken, _} ->
            ended(Role, World);
        {active, _} ->
            sent = event(Pid),
            settle(post(Role, Peer, Label, move(Role, active, Target, World)))
    end;
follow({suspend, Role}, #{pids := Pids} = World) ->
    ok = maty_puppet:order(map_get(Role, Pids), suspend),
    suspended(Role, World);
follow({done, Role}, #{roles := Roles, pids := Pids} = World) ->
    ok = maty_puppet:order(map_get(Role, Pids), done),
    case map_get(Role, Roles) of
        {broken, _} -> ended(Role, World);
        {active, _} -> settle(ends(Role, {done, normal}, World))
    end;
follow({give_out, Role, timeout}, #{pids := Pids} = World) ->
    ok = maty_puppet:order(map_get(Role, Pids), {suspend, #{timeout => 0}}),
    case deliverable(Role, World) of
        [] ->
            settle(expired(Role, [], World));
        Heads ->
            #{nodes := Nodes} = World,
            case length(Nodes) of
                1 -> settle(move(Role, waiting, World));
                %% It may not have come yet.
                _ -> settle(expired(Role, Heads, World))
            end
    end;
follow({give_out, Role, How}, #{roles := Roles, pids := Pids, on_raise := OnRaise} = World) ->
    Pid = map_get(Role, Pids),
    {Mode, _} = map_get(Role, Roles),
    Monitor = erlang:monitor(process, Pid),
    case {How, Mode} of
        {kill, _} -> exit(Pid, kill);
        {shutdown, _} -> exit(Pid, shutdown);
        {leave, waiting} -> ok = maty_puppet:call(Pid, leave);
        {_, waiting} -> _ = (catch maty_puppet:call(Pid, How));
        _ -> ok = maty_puppet:order(Pid, How)
    end,
    Lives =
        How =:= leave orelse
            (How =/= kill andalso Mode =/= waiting andalso map_get(Role, OnRaise) =:= leave),
    case Lives of
        true ->
            true = erlang:demonitor(Monitor, [flush]),
            Ending =
                case How of
                    leave -> {left, crash};
                    raise -> raised;
                    exit -> {failed, {raised, crash}}
                end,
            settle(ends(Role, Ending, World));
        false ->
            receive
                {'DOWN', Monitor, process, Pid, _} -> ok
            after ?PATIENCE -> error({does_not_end, Role, World})
            end,
            %% The engine hears of it by a signal of its own.
            gone(Role, World),
            settle(over(Role, killed, World))
    end;
follow(access_point, #{access_point := AccessPoint} = World) ->
    ok = maty_player:kill(AccessPoint),
    settle(World);
follow({engine, Node}, #{roles := Roles, pids := Pids} = World) ->
    Engine = erpc:call(Node, maty_engine, pid, []),
    ok = maty_player:kill(Engine),
    %% Its successor, unless that happens so often that its supervisor gives up.
    ok = erpc:call(Node, maty_player, until, [
        fun() ->
            _ = application:ensure_all_started(maty),
            not lists:member(maty_engine:pid(), [Engine, undefined])
        end
    ]),
    settle(
        lists:foldl(
            fun(Role, W) ->
                case map_get(Role, Roles) of
                    {waiting, _} -> ends(Role, {failed, engine_down}, W);
                    {ended, _} -> W;
                    {_, State} -> move(Role, broken, State, W)
                end
            end,
            World#{engine => Node},
            [Role || {Role, Pid} <- maps:to_list(Pids), node(Pid) =:= Node]
        )
    ).

value(Text) ->
    {ok, Type} = maty_value:parse(Text),
    {Value, _} = maty_value:value(Type, erlang, rand:seed_s(exsss, erlang:unique_integer())),
    Value.

gone(Role, #{pids := Pids, handles := Handles, engine := Node}) when
    node(map_get(Role, Pids)) =:= Node
->
    _ = map_get(Role, Handles),
    ok;
gone(Role, #{pids := Pids, handles := Handles}) ->
    Handle = map_get(Role, Handles),
    ok = erpc:call(node(map_get(Role, Pids)), maty_player, until, [
        fun() -> element(1, maty_engine:info(Handle)) =:= error end
    ]).

%% ----- The model -----

move(Role, Mode, #{roles := Roles} = World) ->
    {_, State} = map_get(Role, Roles),
    move(Role, Mode, State, World).

move(Role, Mode, State, #{roles := Roles} = World) ->
    World#{roles := Roles#{Role := {Mode, State}}}.

post(From, To, Label, #{roles := Roles, channels := Channels} = World) ->
    case map_get(To, Roles) of
        {Mode, _} when Mode =:= ended; Mode =:= doomed; Mode =:= broken -> World;
        _ ->
            UnderWay = maps:get({From, To}, Channels, []) ++ [Label],
            World#{channels := Channels#{{From, To} => UnderWay}}
    end.

%% The role is told that its session has ended, and so.
ends(Role, Expected, #{pids := Pids} = World) ->
    case {event(map_get(Role, Pids)), Expected} of
        {{ended, Expected}, _} -> ok;
        {{ended, {failed, {raised, {crash, [_ | _]}}}}, raised} -> ok;
        {Event, _} -> error({instead_of, Expected, Role, Event, World})
    end,
    over(Role, Expected, World).

over(Role, Ending, #{ended := Ended} = World) ->
    move(Role, ended, World#{ended := Ended#{Role => Ending}}).

%% It has suspended.
suspended(Role, #{roles := Roles} = World) ->
    case map_get(Role, Roles) of
        {active, _} -> settle(move(Role, waiting, World));
        _ -> ended(Role, World)
    end.

%% One that was in a handler when it failed, or its engine ended, is told.
ended(Role, #{roles := Roles, pids := Pids} = World) ->
    Event = event(map_get(Role, Pids)),
    case {map_get(Role, Roles), Event} of
        {{broken, _}, {ended, {failed, engine_down} = Ending}} ->
            settle(over(Role, Ending, World));
        {{_, _}, {ended, {failed, {cancelled, Cause}} = Ending}} ->
            check_cause(Role, Cause, World),
            settle(over(Role, Ending, World));
        _ ->
            error({no_failure, Role, Event, World})
    end.

%% It has suspended with a deadline that has passed. Of what one node does not know
%% of the other at once, either may be first.
expired(Role, Heads, #{pids := Pids, nodes := Nodes} = World) ->
    case event(map_get(Role, Pids)) of
        {ended, {failed, timeout} = Ending} ->
            over(Role, Ending, World);
        {ended, {failed, {cancelled, Cause}} = Ending} when length(Nodes) > 1 ->
            true = lists:member(Role, in_vain(move(Role, waiting, World))),
            check_cause(Role, Cause, World),
            over(Role, Ending, World);
        {got, Label, State} when Heads =/= [] ->
            received(Role, Label, State, Heads, World);
        Event ->
            error({no_timeout, Role, Event, World})
    end.

%% What follows of itself.
settle(#{roles := Roles} = World) ->
    Waiting = [
        {Role, deliverable(Role, World)}
     || {Role, {waiting, _}} <- lists:sort(maps:to_list(Roles))
    ],
    case [{Role, Heads} || {Role, [_ | _] = Heads} <- Waiting] of
        [{Role, Heads} | _] ->
            case event(map_get(Role, maps:get(pids, World))) of
                {got, Label, State} -> settle(received(Role, Label, State, Heads, World));
                Event -> error({nothing_received, Role, Event, World})
            end;
        [] ->
            fail(in_vain(World), World)
    end.

%% The transitions by which a role can receive the first message of a channel.
deliverable(Role, #{roles := Roles, channels := Channels} = World) ->
    {_, State} = map_get(Role, Roles),
    [
        Transition
     || #{peer := Peer, label := Label} = Transition <- transitions(Role, State, World),
        lists:prefix([Label], maps:get({Peer, Role}, Channels, []))
    ].

received(Role, Label, State, Heads, #{channels := Channels} = World) ->
    Chosen = [
        T
     || #{label := L, target := Target} = T <- Heads,
        L =:= Label,
        Target =:= State orelse State =:= gone
    ],
    case Chosen of
        [#{peer := Peer, target := Target}] ->
            [Label | Left] = map_get({Peer, Role}, Channels),
            move(Role, active, Target, World#{channels := Channels#{{Peer, Role} := Left}});
        _ ->
            error({received, Role, Label, State, World})
    end.

%% Those who wait, in a handler or outside, and hear from nobody any more.
in_vain(#{roles := Roles} = World) ->
    Waiting = [
        Role
     || {Role, {Mode, State}} <- lists:sort(maps:to_list(Roles)),
        Mode =:= waiting orelse Mode =:= active,
        phase(Role, State, World) =:= 'receive',
        deliverable(Role, World) =:= []
    ],
    case [R || R <- maps:keys(Roles), is_gone(R, World), not is_done(R, World)] of
        [] -> [];
        [_ | _] -> in_vain(Waiting, World)
    end.

in_vain(Set, World) ->
    Silent = fun(Role) -> is_gone(Role, World) orelse lists:member(Role, Set) end,
    case [Role || Role <- Set, lists:all(Silent, awaited(Role, World))] of
        Set -> Set;
        Smaller -> in_vain(Smaller, World)
    end.

awaited(Role, #{roles := Roles} = World) ->
    {_, State} = map_get(Role, Roles),
    lists:usort([Peer || #{peer := Peer} <- transitions(Role, State, World)]).

is_gone(Role, #{roles := Roles}) ->
    {Mode, _} = map_get(Role, Roles),
    Mode =/= active andalso Mode =/= waiting.

is_done(Role, #{ended := Ended}) ->
    maps:get(Role, Ended, none) =:= {done, normal}.

fail([], World) ->
    World;
fail(Roles, World) ->
    Failed = lists:foldl(fun fail_one/2, World, Roles),
    [
        check_cause(Role, Cause, Failed)
     || Role <- Roles, {failed, {cancelled, Cause}} <- [ending(Role, Failed)]
    ],
    settle(Failed).

ending(Role, #{ended := Ended}) ->
    maps:get(Role, Ended, none).

fail_one(Role, #{roles := Roles, pids := Pids} = World) ->
    case map_get(Role, Roles) of
        {active, State} ->
            move(Role, doomed, State, World);
        {waiting, _} ->
            case event(map_get(Role, Pids)) of
                {ended, {failed, {cancelled, _}} = Ending} -> over(Role, Ending, World);
                Event -> error({no_failure, Role, Event, World})
            end
    end.

%% It waited for that role, which has not come to its end as the protocol has it.
check_cause(Role, Cause, World) ->
    Awaited = lists:member(Cause, awaited(Role, World)),
    case Awaited andalso is_gone(Cause, World) andalso not is_done(Cause, World) of
        true -> ok;
        false -> error({wrong_cause, Role, Cause, World})
    end.
