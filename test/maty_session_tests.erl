%% Sessions that go as they should: many at once, roles in any combination,
%% messages in any order of arrival.
-module(maty_session_tests).

-behaviour(maty_actor).

-include_lib("eunit/include/eunit.hrl").
-include("maty_protocols.hrl").

-export([init_actor/1, init_session/2, setup_actor/2, terminate_session/4]).

-import(maty_player, [play/3, play/1, next/1, go/1, access_point/1]).

-define(TWO_BUYER,
    "global protocol TwoBuyer(role Buyer1, role Buyer2, role Seller) {"
    "  title(binary) from Buyer1 to Seller;"
    "  quote(number) from Seller to Buyer1;"
    "  share(number) from Buyer1 to Buyer2;"
    "  choice at Buyer2 {"
    "    address(binary) from Buyer2 to Seller;"
    "    date({integer, integer, integer}) from Seller to Buyer2;"
    "  } or {"
    "    quit() from Buyer2 to Seller;"
    "  }"
    "}"
).

-define(STASH_QUEUE,
    "global protocol StashQueue(role P, role R, role Q) {"
    "  a(integer) from P to Q;"
    "  b(integer) from R to Q;"
    "  b(integer) from R to Q;"
    "  a(integer) from P to Q;"
    "}"
).

sessions_test_() ->
    maty_player:tests([
        fun one_session/0,
        fun thousand_pairs/0,
        fun stash_queue/0,
        fun more_waiting_messages_than_a_ticket_has_bits/0,
        fun message_before_init_session/0,
        fun message_while_init_session_runs/0,
        fun message_while_suspended_by_sys/0,
        fun two_roles_of_one_session/0,
        fun roles_at_several_access_points/0,
        fun setup_actor/0,
        fun done_in_init_session/0,
        fun what_a_session_says_of_itself/0,
        fun nothing_is_kept_of_ended_sessions/0
    ]).

one_session() ->
    AccessPoint = access_point(?TWO_BUYER),
    {{}, Counted} = maty_player:counted(fun() ->
        Buyer1 = play(AccessPoint, 'Buyer1', [
            {send, 'Seller', {title, <<"Faust">>}}, wait, {send, 'Buyer2', {share, 7.5}}
        ]),
        Buyer2 = play(AccessPoint, 'Buyer2', [
            wait, {send, 'Seller', {address, <<"Weimar">>}}, wait
        ]),
        Seller = play(AccessPoint, 'Seller', [
            wait,
            {send, 'Buyer1', {quote, 15}},
            wait,
            {send, 'Buyer2', {date, {2026, 12, 1}}}
        ]),
        ?assertEqual({got, 'Seller', {title, <<"Faust">>}}, next(Seller)),
        ?assertEqual({got, 'Buyer1', {quote, 15}}, next(Buyer1)),
        ?assertEqual({ended, 'Buyer1', {done, normal}}, next(Buyer1)),
        ?assertEqual({got, 'Buyer2', {share, 7.5}}, next(Buyer2)),
        ?assertEqual({got, 'Seller', {address, <<"Weimar">>}}, next(Seller)),
        ?assertEqual({ended, 'Seller', {done, normal}}, next(Seller)),
        ?assertEqual({got, 'Buyer2', {date, {2026, 12, 1}}}, next(Buyer2)),
        ?assertEqual({ended, 'Buyer2', {done, normal}}, next(Buyer2)),
        {}
    end),
    ?assertMatch(
        #{
            sessions_opened := 1,
            sessions_closed := 1,
            sent := 5,
            received := 5,
            refused := 0,
            cancelled := 0,
            endpoints := 0
        },
        Counted
    ).

%% One seller serves a thousand pairs of buyers at the same time. Every pair has
%% its title, price, share and address; every second one is not interested.
thousand_pairs() ->
    Numbers = lists:seq(1, 1000),
    AccessPoint = access_point(?TWO_BUYER),
    {ok, Seller} = maty_actor:start(?MODULE, {seller, self(), AccessPoint}, []),
    Pairs = [
        {N, play(AccessPoint, 'Buyer1', buyer1(N)), play(AccessPoint, 'Buyer2', buyer2(N))}
     || N <- Numbers
    ],
    %% No buyer goes on before all of them have a quote: all sessions are open.
    [
        begin
            ?assertEqual({got, 'Buyer1', {quote, price(N)}}, next(Buyer1)),
            ?assertEqual({paused, 'Buyer1'}, next(Buyer1))
        end
     || {N, Buyer1, _} <- Pairs
    ],
    ?assertEqual(1000, length(maty:sessions(Seller))),
    ?assertEqual(1000, length([open || #{protocol := 'TwoBuyer'} <- maty:sessions()])),
    [go(Buyer1) || {_, Buyer1, _} <- Pairs],
    lists:foreach(
        fun({N, Buyer1, Buyer2}) ->
            ?assertEqual({ended, 'Buyer1', {done, normal}}, next(Buyer1)),
            ?assertEqual({got, 'Buyer2', {share, price(N) div 2}}, next(Buyer2)),
            [?assertEqual({got, 'Buyer2', {date, date(N)}}, next(Buyer2)) || N rem 2 =:= 1],
            ?assertEqual({ended, 'Buyer2', {done, normal}}, next(Buyer2))
        end,
        Pairs
    ),
    Sales = [
        receive
            {Seller, Sale} -> Sale
        end
     || _ <- Numbers
    ],
    ?assertEqual(lists:sort([sale(N) || N <- Numbers]), lists:sort(Sales)),
    ?assertEqual([], maty:sessions(Seller)),
    lists:foreach(fun maty_player:stop/1, [Seller | [B || {_, B1, B2} <- Pairs, B <- [B1, B2]]]).

title(N) -> <<"title ", (integer_to_binary(N))/binary>>.
address(N) -> <<"address ", (integer_to_binary(N))/binary>>.
price(N) -> 2 * N + 10.
date(N) -> {2026, 1 + N rem 12, 1 + N rem 28}.

sale(N) when N rem 2 =:= 1 -> {{title, title(N)}, {address, address(N)}};
sale(N) -> {{title, title(N)}, {quit}}.

buyer1(N) ->
    [
        {send, 'Seller', {title, title(N)}},
        wait,
        pause,
        {send, 'Buyer2', {share, price(N) div 2}}
    ].

buyer2(N) when N rem 2 =:= 1 -> [wait, {send, 'Seller', {address, address(N)}}, wait];
buyer2(_) -> [wait, {send, 'Seller', {quit}}].

init_actor({seller, Test, AccessPoint}) ->
    maty:register(AccessPoint, 'Seller'),
    {ok, {Test, AccessPoint}};
init_actor({client, AccessPoint}) ->
    maty:register(AccessPoint, 'Client'),
    {ok, []}.

init_session(#{role := 'Seller'}, {_, AccessPoint} = State) ->
    maty:register(AccessPoint, 'Seller'),
    {ok, fun wanted/2, none, State};
init_session(#{role := 'Client'}, []) ->
    {ok, fun answered/2, none, [init_session]}.

setup_actor(#{role := 'Client'}, Done) ->
    ok = maty:send('Server', {ask, 1}),
    {ok, [setup_actor | Done]};
setup_actor(_Session, State) ->
    {ok, State}.

wanted({title, <<"title ", Number/binary>>} = Title, none) ->
    N = binary_to_integer(Number),
    maty:send('Buyer1', {quote, price(N)}),
    {suspend, fun decided/2, {N, Title}}.

decided({address, _} = Address, {N, Title}) ->
    maty:send('Buyer2', {date, date(N)}),
    {done, sold, {Title, Address}};
decided({quit} = Quit, {_, Title}) ->
    {done, not_sold, {Title, Quit}}.

answered({answer, _} = Answer, none) ->
    {done, normal, Answer}.

terminate_session({done, _}, #{role := 'Seller'}, Sale, {Test, _} = State) ->
    Test ! {self(), Sale},
    {ok, State};
terminate_session({done, normal}, #{role := 'Client'}, Answer, Done) ->
    {ok, [Answer | Done]}.

%% Whatever the order in the mailbox, each sender's messages come in order, and
%% each when the protocol has it.
stash_queue() ->
    AccessPoint = access_point(?STASH_QUEUE),
    Q = play(AccessPoint, 'Q', [pause, wait, wait, wait, wait]),
    P = play(AccessPoint, 'P', [pause, {send, 'Q', {a, 10}}, {send, 'Q', {a, 20}}]),
    R = play(AccessPoint, 'R', [{send, 'Q', {b, 5}}, pause, {send, 'Q', {b, 15}}]),
    %% R5, P10, P20, R15.
    [?assertEqual({paused, Role}, next(Actor)) || {Role, Actor} <- [{'Q', Q}, {'P', P}, {'R', R}]],
    go(P),
    ?assertEqual({ended, 'P', {done, normal}}, next(P)),
    go(R),
    ?assertEqual({ended, 'R', {done, normal}}, next(R)),
    ?assertMatch(
        {messages, [
            {'$maty', _, _, {b, 5}},
            {'$maty', _, _, {a, 10}},
            {'$maty', _, _, {a, 20}},
            {'$maty', _, _, {b, 15}}
        ]},
        process_info(Q, messages)
    ),
    go(Q),
    ?assertEqual(
        [{got, 'Q', M} || M <- [{a, 10}, {b, 5}, {b, 15}, {a, 20}]],
        [next(Q) || _ <- [1, 2, 3, 4]]
    ),
    ?assertEqual({ended, 'Q', {done, normal}}, next(Q)).

%% A ticket has 16 bits; more messages than that wait here.
more_waiting_messages_than_a_ticket_has_bits() ->
    Count = 70000,
    AccessPoint = access_point(
        "global protocol Ahead(role P, role R, role Q) {"
        "  begin() from R to Q;"
        "  rec Loop {"
        "    choice at P { n(integer) from P to Q; continue Loop; }"
        "    or { stop() from P to Q; }"
        "  }"
        "}"
    ),
    Q = play(AccessPoint, 'Q', [begun | lists:duplicate(Count + 2, wait)]),
    P = play(
        AccessPoint, 'P', [{send, 'Q', {n, N}} || N <- lists:seq(1, Count)] ++ [{send, 'Q', {stop}}]
    ),
    R = play(AccessPoint, 'R', [pause, {send, 'Q', {'begin'}}]),
    ?assertEqual({begun, 'Q'}, next(Q)),
    ?assertEqual({paused, 'R'}, next(R)),
    ?assertEqual({ended, 'P', {done, normal}}, next(P)),
    %% It looks at all of them before it answers.
    ok = maty_player:run(Q, fun() -> ok end),
    ?assertMatch([#{role := 'Q', waiting := Waiting}] when Waiting =:= Count + 1, maty:sessions(Q)),
    go(R),
    ?assertEqual({got, 'Q', {'begin'}}, next(Q)),
    [?assertEqual({got, 'Q', {n, N}}, next(Q)) || N <- lists:seq(1, Count)],
    ?assertEqual({got, 'Q', {stop}}, next(Q)),
    ?assertEqual({ended, 'Q', {done, normal}}, next(Q)).

%% The test hands on the messages of the client first and the start of the session
%% last.
message_before_init_session() ->
    AccessPoint = access_point(
        "global protocol Three(role Client, role Server) {"
        "  ask(integer) from Client to Server;"
        "  ask(integer) from Client to Server;"
        "  answer(integer) from Server to Client;"
        "}"
    ),
    Server = play([{not_yet, AccessPoint, 'Server', [wait, wait, {send, 'Client', {answer, 3}}]}]),
    Client = play(AccessPoint, 'Client', [
        {send, 'Server', {ask, 1}}, {send, 'Server', {ask, 2}}, wait
    ]),
    [Start | Asks] = maty_player:take_start(Server, {AccessPoint, 'Server'}, 2),
    [Server ! Ask || Ask <- Asks],
    ?assertEqual([], maty:sessions(Server)),
    Server ! Start,
    ?assertEqual({got, 'Server', {ask, 1}}, next(Server)),
    ?assertEqual({got, 'Server', {ask, 2}}, next(Server)),
    ?assertEqual({ended, 'Server', {done, normal}}, next(Server)),
    ?assertEqual({got, 'Client', {answer, 3}}, next(Client)).

message_while_init_session_runs() ->
    AccessPoint = access_point(?REQUEST),
    Server = play(AccessPoint, 'Server', [pause, wait, {send, 'Client', {answer, 2}}]),
    Client = play(AccessPoint, 'Client', [{send, 'Server', {ask, 1}}, pause, wait]),
    ?assertEqual({paused, 'Server'}, next(Server)),
    ?assertEqual({paused, 'Client'}, next(Client)),
    go(Server),
    ?assertEqual({got, 'Server', {ask, 1}}, next(Server)),
    ?assertEqual({ended, 'Server', {done, normal}}, next(Server)),
    go(Client),
    ?assertEqual({got, 'Client', {answer, 2}}, next(Client)).

message_while_suspended_by_sys() ->
    AccessPoint = access_point(?REQUEST),
    Server = play(AccessPoint, 'Server', [wait, {send, 'Client', {answer, 2}}]),
    ok = sys:suspend(Server),
    Client = play(AccessPoint, 'Client', [{send, 'Server', {ask, 1}}, pause, wait]),
    ?assertEqual({paused, 'Client'}, next(Client)),
    ok = sys:resume(Server),
    ?assertEqual({got, 'Server', {ask, 1}}, next(Server)),
    go(Client),
    ?assertEqual({got, 'Client', {answer, 2}}, next(Client)).

%% One actor plays the maker and the receiver of decisions in one session.
two_roles_of_one_session() ->
    AccessPoint = access_point(
        "global protocol PingSelf(role C, role Maker, role Receiver) {"
        "  Start() from C to Receiver;"
        "  rec Loop {"
        "    choice at Maker {"
        "      Ping() from Maker to Receiver;"
        "      continue Loop;"
        "    } or {"
        "      Stop() from Maker to Receiver;"
        "      Stop() from Maker to C;"
        "    }"
        "  }"
        "}"
    ),
    Both = play([
        {AccessPoint, 'Maker', [
            {send, 'Receiver', {'Ping'}},
            {send, 'Receiver', {'Ping'}},
            {send, 'Receiver', {'Stop'}},
            {send, 'C', {'Stop'}}
        ]},
        {AccessPoint, 'Receiver', [wait, wait, wait, wait]}
    ]),
    C = play(AccessPoint, 'C', [{send, 'Receiver', {'Start'}}, wait]),
    ?assertEqual({got, 'C', {'Stop'}}, next(C)),
    ?assertEqual({ended, 'Maker', {done, normal}}, next(Both)),
    ?assertEqual(
        [{got, 'Receiver', {Label}} || Label <- ['Start', 'Ping', 'Ping', 'Stop']],
        [next(Both) || _ <- [1, 2, 3, 4]]
    ),
    ?assertEqual({ended, 'Receiver', {done, normal}}, next(Both)).

%% One actor is a client at one access point, a server at another of the same
%% protocol, and a buyer at a third; what comes in one session goes on in another.
roles_at_several_access_points() ->
    [Up, Down] = [access_point(?REQUEST) || _ <- [up, down]],
    Shop = access_point(?TWO_BUYER),
    Middle = play([
        {Up, 'Client', [{send, 'Server', {ask, 1}}, wait]},
        {Down, 'Server', [wait, {send, 'Client', {answer, 10}}]},
        {Shop, 'Buyer2', [wait, {send, 'Seller', {quit}}]}
    ]),
    Client = play(Down, 'Client', [{send, 'Server', {ask, 5}}, wait]),
    ?assertEqual({got, 'Server', {ask, 5}}, next(Middle)),
    ?assertEqual({ended, 'Server', {done, normal}}, next(Middle)),
    ?assertEqual({got, 'Client', {answer, 10}}, next(Client)),
    Buyer1 = play(Shop, 'Buyer1', [
        {send, 'Seller', {title, <<"Emma">>}}, wait, {send, 'Buyer2', {share, 2}}
    ]),
    Seller = play(Shop, 'Seller', [wait, {send, 'Buyer1', {quote, 4}}, wait]),
    ?assertEqual({got, 'Buyer2', {share, 2}}, next(Middle)),
    ?assertEqual({ended, 'Buyer2', {done, normal}}, next(Middle)),
    [?assertMatch({got, _, _}, next(Actor)) || Actor <- [Buyer1, Seller, Seller]],
    Server = play(Up, 'Server', [wait, {send, 'Client', {answer, 2}}]),
    ?assertEqual({got, 'Server', {ask, 1}}, next(Server)),
    ?assertEqual({got, 'Client', {answer, 2}}, next(Middle)),
    ?assertEqual({ended, 'Client', {done, normal}}, next(Middle)).

%% setup_actor comes after init_session, and can send.
setup_actor() ->
    AccessPoint = access_point(?REQUEST),
    {ok, Client} = maty_actor:start(?MODULE, {client, AccessPoint}, []),
    Server = play(AccessPoint, 'Server', [wait, {send, 'Client', {answer, 2}}]),
    ?assertEqual({got, 'Server', {ask, 1}}, next(Server)),
    ?assertEqual({ended, 'Server', {done, normal}}, next(Server)),
    %% The answer was sent before the server's end was told.
    ?assertEqual(
        #{actor_state => [{answer, 2}, setup_actor, init_session], sessions => #{}},
        sys:get_state(Client)
    ).

done_in_init_session() ->
    AccessPoint = access_point("global protocol One(role A, role B) { m() from A to B; }"),
    B = play(AccessPoint, 'B', [wait]),
    A = play(AccessPoint, 'A', [{send, 'B', {m}}]),
    ?assertEqual({ended, 'A', {done, normal}}, next(A)),
    ?assertEqual({got, 'B', {m}}, next(B)),
    ?assertEqual({ended, 'B', {done, normal}}, next(B)).

what_a_session_says_of_itself() ->
    AccessPoint = access_point(?REQUEST),
    Server = play(AccessPoint, 'Server', [
        {call, fun maty:session/0}, wait, {send, 'Client', {answer, 2}}
    ]),
    Client = play(AccessPoint, 'Client', [pause, {send, 'Server', {ask, 1}}, wait]),
    {result, #{id := Id} = Session} = next(Server),
    ?assertEqual(
        #{
            id => Id,
            role => 'Server',
            protocol => 'Request',
            access_point => AccessPoint,
            participants => #{'Client' => Client, 'Server' => Server}
        },
        Session
    ),
    Ask = #{
        direction => 'receive',
        peer => 'Client',
        label => ask,
        target => 1,
        fields => [{<<>>, <<"integer">>}],
        line => 1,
        column => 54
    },
    ?assertMatch(
        [
            #{
                id := Id,
                protocol := 'Request',
                role := 'Server',
                state := 'receive',
                next := [Ask],
                waiting := 0
            }
        ],
        maty:sessions(Server)
    ),
    ?assertEqual(
        [
            #{
                id => Id,
                protocol => 'Request',
                roles => [
                    #{
                        role => 'Client',
                        actor => Client,
                        state => send,
                        next => [Ask#{direction => send, peer => 'Server'}]
                    },
                    #{role => 'Server', actor => Server, state => 'receive', next => [Ask]}
                ]
            }
        ],
        [S || #{id := I} = S <- maty:sessions(), I =:= Id]
    ),
    ?assertEqual(undefined, maty_player:run(Server, fun maty:session/0)),
    ?assertEqual({paused, 'Client'}, next(Client)),
    go(Client),
    ?assertEqual({got, 'Client', {answer, 2}}, next(Client)),
    ?assertEqual({ended, 'Client', {done, normal}}, next(Client)).

%% After all of the above.
nothing_is_kept_of_ended_sessions() ->
    maty_player:settled(),
    ?assertEqual([], maty:sessions()),
    #{sessions_opened := Opened, sessions_closed := Closed} = maty:counters(),
    ?assertEqual(Opened, Closed).
