%% More than may wait: at an access point, between two roles, in an actor.
-module(maty_overload_tests).

-include_lib("proper/include/proper.hrl").
-include_lib("eunit/include/eunit.hrl").

-import(maty_player, [play/3, next/1, go/1, run/2]).

-define(STREAM,
    "global protocol Stream(role P, role Q) {"
    "  rec L { choice at P { n(integer) from P to Q; continue L; } or { stop() from P to Q; } }"
    "}"
).

%% What P sends comes before its turn until G has opened.
-define(GATE,
    "global protocol Gate(role P, role Q, role G) {"
    "  open() from G to Q;"
    "  rec L { choice at P { n(integer) from P to Q; continue L; } or { stop() from P to Q; } }"
    "}"
).

-define(PAIR, "global protocol Pair(role A, role B) { m() from A to B; }").

overload_test_() ->
    maty_player:tests([
        fun options/0,
        fun sender_is_refused/0,
        fun sender_can_go_on/0,
        fun sender_fails/0,
        fun actor_keeps_as_many_as_it_may/0,
        fun actor_gives_up_the_session_that_is_too_much/0,
        fun before_the_start/0,
        fun registrations_newest/0,
        fun registrations_oldest/0,
        fun registrations_in_all/0,
        fun registrations_of_a_burst/0,
        fun registrations_at_random/0
    ]).

access_point(Text, Options) ->
    {ok, Pid} = maty_access_point:start_link(Options#{protocol => {string, Text}}),
    Pid.

options() ->
    Start = fun(Options) ->
        maty_access_point:start_link(Options#{protocol => {string, ?PAIR}})
    end,
    [
        begin
            {error, {bad_option, Key, Value, _} = Reason} = Start(#{Key => Value}),
            ?assert(is_binary(unicode:characters_to_binary(maty_protocol:format_error(Reason))))
        end
     || {Key, Value} <- [
            {max_waiting, 0},
            {max_waiting_in_all, many},
            {drop, both},
            {max_under_way, 1 bsl 32},
            {overload, drop_oldest}
        ]
    ],
    ?assertMatch({error, {unknown_option, max, _}}, Start(#{max => 1})),
    ?assertMatch(
        {error, {bad_option, max_waiting, -1, _}},
        maty_actor:start(maty_callbacks, #{}, [{max_waiting, -1}])
    ).

%% ----- Between two roles -----

sends(From, To) ->
    [{send, 'Q', {n, N}} || N <- lists:seq(From, To)].

waits(Count) ->
    lists:duplicate(Count, wait).

sender_is_refused() ->
    ok = maty_event:subscribe(overload),
    AccessPoint = access_point(?STREAM, #{max_under_way => 5}),
    Q = play(AccessPoint, 'Q', [pause] ++ waits(8)),
    P = play(
        AccessPoint,
        'P',
        sends(1, 5) ++ lists:duplicate(3, {refused, 'Q', {n, 6}}) ++
            [pause] ++ sends(6, 7) ++ [{send, 'Q', {stop}}]
    ),
    {Refusals, #{overloaded := Overloaded, refused := Refused}} =
        maty_player:counted(fun() -> [next(P) || _ <- [1, 2, 3]] end),
    ?assert(Overloaded =< 3 andalso Refused =< 3),
    [
        begin
            ?assertMatch(
                {refused, #{reason := full, direction := send, peer := 'Q', attempt := {n, 6}}},
                Refusal
            ),
            {refused, Violation} = Refusal,
            Text = unicode:characters_to_binary(maty_error:format(Violation)),
            ?assertMatch(
                {_, _},
                binary:match(
                    Text, <<"sends {n,6} to 'Q', to which as many messages are under way">>
                )
            ),
            #{session := Session} = Violation,
            receive
                {maty_event, overload, Metadata} ->
                    ?assertEqual(
                        #{
                            kind => send,
                            session => Session,
                            protocol => 'Stream',
                            role => 'P',
                            actor => P
                        },
                        Metadata
                    )
            end
        end
     || Refusal <- Refusals
    ],
    ok = maty_event:unsubscribe(overload),
    %% Nothing of it has left: the rest goes its way in order.
    {paused, 'P'} = next(P),
    {paused, 'Q'} = next(Q),
    go(Q),
    [?assertEqual({got, 'Q', {n, N}}, next(Q)) || N <- lists:seq(1, 5)],
    go(P),
    [?assertEqual({got, 'Q', {n, N}}, next(Q)) || N <- lists:seq(6, 7)],
    ?assertEqual({got, 'Q', {stop}}, next(Q)),
    ?assertEqual({ended, 'Q', {done, normal}}, next(Q)),
    ?assertEqual({ended, 'P', {done, normal}}, next(P)),
    [maty_player:stop(Actor) || Actor <- [P, Q]].

%% With an answer now and then a sender never has more under way than it may.
sender_can_go_on() ->
    AccessPoint = access_point(
        "global protocol Credit(role P, role Q) {"
        "  rec L { n() from P to Q; n() from P to Q; more() from Q to P; continue L; } }",
        #{max_under_way => 2}
    ),
    Two = [{send, 'Q', {n}}, {send, 'Q', {n}}, wait],
    P = play(AccessPoint, 'P', lists:append(lists:duplicate(50, Two)) ++ waits(1)),
    Q = play(
        AccessPoint,
        'Q',
        lists:append(lists:duplicate(50, [wait, wait, {send, 'P', {more}}])) ++ waits(1)
    ),
    [?assertEqual({got, 'P', {more}}, next(P)) || _ <- lists:seq(1, 50)],
    [maty_player:kill(Actor) || Actor <- [P, Q]],
    maty_player:settled().

sender_fails() ->
    AccessPoint = access_point(?STREAM, #{max_under_way => 5, overload => fail}),
    Q = play(AccessPoint, 'Q', [pause] ++ waits(8)),
    P = play(AccessPoint, 'P', sends(1, 6)),
    ?assertEqual({ended, 'P', {failed, overload}}, next(P)),
    {paused, 'Q'} = next(Q),
    go(Q),
    [?assertEqual({got, 'Q', {n, N}}, next(Q)) || N <- lists:seq(1, 5)],
    ?assertEqual({ended, 'Q', {failed, {cancelled, 'P'}}}, next(Q)),
    [maty_player:stop(Actor) || Actor <- [P, Q]],
    maty_player:settled().

%% ----- In an actor -----

%% An actor that plays Q of the gate any number of times, and keeps as many
%% messages as it may.
keeper(AccessPoint, Most) ->
    Test = self(),
    Handler = fun Handler(Message, {Id, Got}) ->
        case Message of
            {stop} -> {done, lists:reverse(Got), {Id, []}};
            {n, N} -> {suspend, Handler, {Id, [N | Got]}};
            {open} -> {suspend, Handler, {Id, Got}}
        end
    end,
    {ok, Pid} = maty_actor:start(
        maty_callbacks,
        #{
            init_actor => fun() -> {ok, none} end,
            init_session => fun(#{id := Id}, State) -> {ok, Handler, {Id, []}, State} end,
            terminate_session => fun(Ending, _, {Id, _}, State) ->
                Test ! {keeper, Id, Ending},
                {ok, State}
            end,
            handle_call => fun
                ({run, Fun}, _, State) -> {reply, Fun(), State};
                ({register, Role}, _, State) -> {reply, maty:register(AccessPoint, Role), State}
            end
        },
        [{max_waiting, Most}]
    ),
    Pid.

waiting(Actor) ->
    [Count || #{waiting := Count} <- maty:sessions(Actor)].

%% Begins a session in which P sends at once, and whose gate opens when it is let.
gate(AccessPoint, Keeper, Steps) ->
    ok = maty_player:call(Keeper, {register, 'Q'}),
    G = play(AccessPoint, 'G', [pause, {send, 'Q', {open}}]),
    P = play(
        AccessPoint, 'P', [{call, fun maty:session/0} | Steps] ++ [pause, {send, 'Q', {stop}}]
    ),
    {result, #{id := Id}} = next(P),
    {paused, 'P'} = next(P),
    {paused, 'G'} = next(G),
    {Id, P, G}.

%% Lets the gate open. When this returns, the message is with the keeper, so
%% that what P is then told to send waits behind it.
open(G) ->
    go(G),
    {ended, 'G', {done, normal}} = next(G).

result(Id) ->
    receive
        {keeper, Id, Ending} -> Ending
    after 30000 -> error({no_ending, Id})
    end.

actor_keeps_as_many_as_it_may() ->
    AccessPoint = access_point(?GATE, #{}),
    Keeper = keeper(AccessPoint, 10),
    lists:foreach(
        fun(_) ->
            {Id, P, G} = gate(AccessPoint, Keeper, sends(1, 10)),
            ?assertEqual([10], waiting(Keeper)),
            open(G),
            go(P),
            ?assertEqual({done, lists:seq(1, 10)}, result(Id)),
            [maty_player:stop(Actor) || Actor <- [P, G]]
        end,
        [1, 2, 3]
    ),
    maty_player:stop(Keeper).

actor_gives_up_the_session_that_is_too_much() ->
    ok = maty_event:subscribe(overload),
    #{overloaded := Before} = maty:counters(),
    AccessPoint = access_point(?GATE, #{}),
    Keeper = keeper(AccessPoint, 10),
    {First, P1, G1} = gate(AccessPoint, Keeper, sends(1, 6) ++ [pause] ++ sends(7, 10)),
    {Second, P2, G2} = gate(AccessPoint, Keeper, sends(1, 5)),
    ?assertEqual({failed, overload}, result(Second)),
    receive
        {maty_event, overload, Metadata} ->
            ?assertEqual(
                #{
                    kind => waiting,
                    session => Second,
                    protocol => 'Gate',
                    role => 'Q',
                    actor => Keeper
                },
                Metadata
            )
    end,
    ok = maty_event:unsubscribe(overload),
    ?assertMatch(#{overloaded := Overloaded} when Overloaded =:= Before + 1, maty:counters()),
    ?assertEqual([6], waiting(Keeper)),
    go(P1),
    {paused, 'P'} = next(P1),
    ?assertEqual([10], waiting(Keeper)),
    open(G1),
    go(P1),
    ?assertEqual({done, lists:seq(1, 10)}, result(First)),
    %% Whoever does not wait for the keeper goes on.
    [go(Actor) || Actor <- [P2, G2]],
    ?assertEqual({ended, 'P', {done, normal}}, next(P2)),
    ?assertEqual({ended, 'G', {done, normal}}, next(G2)),
    [maty_player:stop(Actor) || Actor <- [P1, G1, P2, G2, Keeper]],
    maty_player:settled().

before_the_start() ->
    AccessPoint = access_point(?STREAM, #{}),
    lists:foreach(
        fun({Count, Expected}) ->
            Keeper = keeper(AccessPoint, 3),
            P = play(
                AccessPoint,
                'P',
                [{call, fun maty:session/0}] ++ sends(1, Count) ++ [{send, 'Q', {stop}}]
            ),
            [Start | Messages] = maty_player:take_start(Keeper, {AccessPoint, 'Q'}, Count + 1),
            [Keeper ! Message || Message <- Messages],
            Keeper ! Start,
            {result, #{id := Id}} = next(P),
            ?assertEqual(Expected, result(Id)),
            [maty_player:stop(Actor) || Actor <- [P, Keeper]]
        end,
        [{2, {done, [1, 2]}}, {3, {failed, overload}}, {20, {failed, overload}}]
    ),
    maty_player:settled().

%% ----- Registrations -----

%% An actor that registers when it is told to, and tells who turned it away.
registrant(AccessPoint) ->
    Test = self(),
    {ok, Pid} = maty_actor:start(
        maty_callbacks,
        #{
            init_actor => fun() -> {ok, none} end,
            init_session => fun
                (#{role := 'A'}, State) ->
                    maty:send('B', {m}),
                    {done, normal, State};
                (_, State) ->
                    {ok, fun({m}, Local) -> {done, normal, Local} end, none, State}
            end,
            turned_away => fun(From, Role, State) ->
                AccessPoint = From,
                Test ! {turned_away, self(), Role},
                {ok, State}
            end,
            handle_call => fun
                ({run, Fun}, _, State) -> {reply, Fun(), State};
                (Role, _, State) -> {reply, maty:register(AccessPoint, Role), State}
            end
        },
        []
    ),
    Pid.

register_each(AccessPoint, Roles) ->
    [
        begin
            Pid = registrant(AccessPoint),
            ok = maty_player:call(Pid, Role),
            %% In this order.
            _ = maty_access_point:waiting(AccessPoint),
            Pid
        end
     || Role <- Roles
    ].

%% Who was turned away, in the order of their starts: each tells it when it has heard.
turned_away(Count) ->
    lists:sort([told() || _ <- lists:seq(1, Count)]).

told() ->
    receive
        {turned_away, Pid, Role} -> {Pid, Role}
    end.

registrations_newest() ->
    AccessPoint = access_point(?PAIR, #{max_waiting => 3}),
    ok = maty_event:subscribe(overload),
    [A1, A2, A3, A4, A5] = All = register_each(AccessPoint, ['A', 'A', 'A', 'A', 'A']),
    ?assertEqual(#{'A' => [A1, A2, A3], 'B' => []}, maty_access_point:waiting(AccessPoint)),
    ?assertEqual([{A4, 'A'}, {A5, 'A'}], turned_away(2)),
    receive
        {maty_event, overload, Metadata} ->
            ?assertEqual(
                #{
                    kind => registration,
                    access_point => AccessPoint,
                    protocol => 'Pair',
                    role => 'A',
                    actor => A4
                },
                Metadata
            )
    end,
    ok = maty_event:unsubscribe(overload),
    ?assertEqual(not_registered, run(A4, fun() -> maty:unregister(AccessPoint, 'A') end)),
    ?assertEqual(
        #{
            protocol => 'Pair', waiting => #{'A' => 3, 'B' => 0}, sessions => 0, turned_away => 2
        },
        maty_access_point:info(AccessPoint)
    ),
    %% One that is taken back, or matched, makes room.
    ?assertEqual(ok, run(A2, fun() -> maty:unregister(AccessPoint, 'A') end)),
    [A6, B] = register_each(AccessPoint, ['A', 'B']),
    ?assertEqual(#{'A' => [A3, A6], 'B' => []}, maty_access_point:waiting(AccessPoint)),
    [A7] = register_each(AccessPoint, ['A']),
    ?assertEqual(#{'A' => [A3, A6, A7], 'B' => []}, maty_access_point:waiting(AccessPoint)),
    [maty_player:stop(Actor) || Actor <- All ++ [A6, A7, B]].

registrations_oldest() ->
    AccessPoint = access_point(?PAIR, #{max_waiting => 3, drop => oldest}),
    [A1, A2, A3, A4, A5] = All = register_each(AccessPoint, ['A', 'A', 'A', 'A', 'A']),
    ?assertEqual(#{'A' => [A3, A4, A5], 'B' => []}, maty_access_point:waiting(AccessPoint)),
    ?assertEqual([{A1, 'A'}, {A2, 'A'}], turned_away(2)),
    [maty_player:stop(Actor) || Actor <- All].

registrations_in_all() ->
    Three = "global protocol Three(role A, role B, role C) { m() from A to B; m() from B to C; }",
    Roles = ['A', 'B', 'A', 'B', 'B', 'A'],
    Newest = access_point(Three, #{max_waiting_in_all => 4}),
    [A1, B1, A2, B2, B3, A3] = register_each(Newest, Roles),
    ?assertEqual(
        #{'A' => [A1, A2], 'B' => [B1, B2], 'C' => []}, maty_access_point:waiting(Newest)
    ),
    ?assertEqual([{B3, 'B'}, {A3, 'A'}], turned_away(2)),
    Oldest = access_point(Three, #{max_waiting_in_all => 4, drop => oldest}),
    [A4, B4, A5, B5, B6, A6] = register_each(Oldest, Roles),
    ?assertEqual(
        #{'A' => [A5, A6], 'B' => [B5, B6], 'C' => []}, maty_access_point:waiting(Oldest)
    ),
    ?assertEqual([{A4, 'A'}, {B4, 'B'}], turned_away(2)),
    [maty_player:stop(Actor) || Actor <- [A1, B1, A2, B2, B3, A3, A4, B4, A5, B5, B6, A6]].

%% A hundred register at once; as many as may wait do, and all others are told.
registrations_of_a_burst() ->
    AccessPoint = access_point(?PAIR, #{max_waiting => 10}),
    All = [registrant(AccessPoint) || _ <- lists:seq(1, 100)],
    ok = sys:suspend(AccessPoint),
    [ok = maty_player:call(Actor, 'A') || Actor <- All],
    ok = sys:resume(AccessPoint),
    #{'A' := Waiting} = maty_access_point:waiting(AccessPoint),
    ?assertEqual(lists:sublist(All, 10), Waiting),
    ?assertEqual([{Actor, 'A'} || Actor <- lists:nthtail(10, All)], turned_away(90)),
    [maty_player:stop(Actor) || Actor <- All].

registrations_at_random() ->
    maty_player:property(prop_registrations(), [{numtests, 200}]).

prop_registrations() ->
    ?FORALL(
        {Most, InAll, Drop, Roles},
        {bound(), bound(), oneof([newest, oldest]), list(oneof(['A', 'B']))},
        begin
            AccessPoint = access_point(?PAIR, #{
                max_waiting => Most, max_waiting_in_all => InAll, drop => Drop
            }),
            Actor = registrant(AccessPoint),
            _ = run(Actor, fun() -> [maty:register(AccessPoint, Role) || Role <- Roles] end),
            #{waiting := Waiting, sessions := Sessions, turned_away := Away} =
                maty_access_point:info(AccessPoint),
            Told = [Role || {_, Role} <- [told() || _ <- lists:seq(1, Away)]],
            maty_player:stop(Actor),
            ok = maty_access_point:stop(AccessPoint),
            model(Roles, Most, InAll, Drop) =:= {maps:to_list(Waiting), Sessions, Told}
        end
    ).

bound() ->
    oneof([infinity, range(1, 6)]).

%% With two roles only one of them waits, so the bounds are one.
model(Roles, Most, InAll, _Drop) ->
    Bound = min(Most, InAll),
    {A, B, Sessions, Told} = lists:foldl(
        fun
            ('A', {A, B, S, Told}) when B > 0 -> {A, B - 1, S + 1, Told};
            ('B', {A, B, S, Told}) when A > 0 -> {A - 1, B, S + 1, Told};
            ('A', {A, B, S, Told}) when A < Bound -> {A + 1, B, S, Told};
            ('B', {A, B, S, Told}) when B < Bound -> {A, B + 1, S, Told};
            (Role, {A, B, S, Told}) -> {A, B, S, [Role | Told]}
        end,
        {0, 0, 0, []},
        Roles
    ),
    {[{'A', A}, {'B', B}], Sessions, lists:reverse(Told)}.
