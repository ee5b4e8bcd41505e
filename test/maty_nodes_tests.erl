%% Sessions whose participants are on different nodes.
-module(maty_nodes_tests).

-include_lib("eunit/include/eunit.hrl").
-include("maty_protocols.hrl").

-import(maty_player, [play_on/2, next/1, go/1, waits/2]).
-import(maty_callbacks, [told/1]).
-import(maty_peers, [access_point/2, settled/1]).

-export([two_buyers/1, wrong_messages/1, access_point_names/1, upgraded/1]).
-export([upgraded_in_use/1, not_there/1, nobody_yet/1, registration_expires/1, turned_away/1]).
-export([silent_node/1, too_much_under_way/1, deadline/1]).

%% A handler of the logger.
-export([log/2]).

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

nodes_test_() ->
    maty_peers:tests(?MODULE, [
        two_buyers,
        wrong_messages,
        access_point_names,
        upgraded,
        upgraded_in_use,
        not_there,
        nobody_yet,
        registration_expires,
        turned_away,
        silent_node,
        too_much_under_way,
        deadline
    ]).

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
            #{
                access_point := AccessPoint,
                role := 'Seller',
                participants := #{'Buyer1' := Buyer1, 'Buyer2' := Buyer2, 'Seller' := Seller}
            } = Session,
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

%% ----- Access points -----

%% An access point that is named, and starts again, on another node.
access_point_names([A, B, C] = Nodes) ->
    Name = {cascade_here, A},
    Keep = fun Loop() ->
        process_flag(trap_exit, true),
        {ok, Pid} = maty_access_point:start_link(cascade_here, {string, ?CASCADE}),
        receive
            {'EXIT', Pid, _} -> Loop()
        end
    end,
    Keeper = spawn(Keep),
    ok = maty_player:until(fun() -> whereis(cascade_here) =/= undefined end),
    Third = play_on(C, [{Name, 'C', []}]),
    ok = waits(Name, #{'A' => [], 'B' => [], 'C' => [Third]}),
    _ = maty_player:run(Third, fun() ->
        {'EXIT', {{no_access_point, {global, nobody}}, _}} =
            (catch maty:register({global, nobody}, 'D'))
    end),
    ok = maty_player:kill(whereis(cascade_here)),
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
    ok = maty_peers:kill_engine(C),
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
    {error, {incompatible, [{'A', {incompatible, [_ | _]}}, {'C', {incompatible, [_ | _]}}]}} =
        Upgrade(
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

%% That nobody is there is logged once, however often it is asked again. The one who has
%% the name is the test, which is no access point.
nobody_yet([A, B, _] = Nodes) ->
    true = register(maty_nodes_no_access_point, self()),
    Name = {maty_nodes_no_access_point, A},
    ok = erpc:call(B, logger, add_handler, [?MODULE, ?MODULE, #{config => self()}]),
    ok = erpc:call(B, logger, set_primary_config, [level, warning]),
    Actor = registrant(B, [[Name, 'A', #{}], [Name, 'B', #{}]]),
    ok = refuse_to_locate(),
    [
        begin
            _ = access_point(Node, ?CASCADE),
            ok = refuse_to_locate()
        end
     || Node <- [A, B]
    ],
    ok = maty_player:run(Actor, fun() -> ok end),
    [Text] = logged_by(Actor),
    {match, _} = re:run(Text, "^<.*> has registered at {maty_nodes_no_access_point,"
        "'maty_a_.*'}, where nobody is yet$"),
    ok = erpc:call(B, logger, set_primary_config, [level, none]),
    ok = erpc:call(B, logger, remove_handler, [?MODULE]),
    true = unregister(maty_nodes_no_access_point),
    maty_player:stop(Actor),
    settled(Nodes).

%% Returns when the one who asked has passed that on and ended.
refuse_to_locate() ->
    receive
        {'$gen_call', {Pid, _} = From, locate} ->
            Monitor = erlang:monitor(process, Pid),
            gen_server:reply(From, not_an_access_point),
            receive
                {'DOWN', Monitor, process, Pid, _} -> ok
            end
    end.

log(#{msg := {Format, Arguments}, meta := #{pid := Pid}}, #{config := Test}) when is_list(Format) ->
    Test ! {logged, Pid, lists:flatten(io_lib:format(Format, Arguments))};
log(_, _) ->
    ok.

logged_by(Pid) ->
    receive
        {logged, Pid, Text} -> [Text | logged_by(Pid)]
    after 0 -> []
    end.

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
    maty_peers:suspended(C, fun() ->
        ok = maty_player:run(Third, fun() -> maty:register(Far, 'A', #{timeout => 1000000}) end),
        go(First),
        {got, 'C', {x}} = next(Third),
        {got, 'C', {y}} = next(Third),
        {ended, 'C', {done, normal}} = next(Third),
        {got, 'A', {z}} = next(First)
    end),
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
