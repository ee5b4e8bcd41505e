%% Access points: how one is started, and who can register with it.
-module(maty_access_point_tests).

-include_lib("eunit/include/eunit.hrl").
-include("maty_protocols.hrl").

-import(maty_player, [play/3, access_point/1, waits/2]).

access_points_test_() ->
    maty_player:tests([
        fun registering_for_what_is_not_there/0,
        fun access_point_of_a_bad_protocol/0,
        fun access_point_options/0
    ]).

registering_for_what_is_not_there() ->
    AccessPoint = access_point(?ORDER),
    Roles = ['Buyer', 'Clerk', 'Seller'],
    ?assertError({unknown_role, 'Broker', Roles}, maty:register(AccessPoint, 'Broker')),
    ?assertError({unknown_role, "Buyer", Roles}, maty:register(AccessPoint, "Buyer")),
    ?assertEqual(
        #{2 => <<"no role 'Broker'; the protocol has Buyer, Clerk, Seller">>},
        maty_error:format_error({unknown_role, 'Broker', Roles}, [])
    ),
    [
        ?assertError({no_access_point, Nobody}, maty:register(Nobody, 'Buyer'))
     || Nobody <- [
            nobody, self(), {global, nobody}, {via, global, nobody}, {local, nobody}, 5, "ap"
        ]
    ],
    ok = maty_access_point:stop(AccessPoint),
    maty_player:until(fun() ->
        not lists:keymember(AccessPoint, 1, maty_access_point:list())
    end),
    ?assertError({no_access_point, AccessPoint}, maty:register(AccessPoint, 'Buyer')),
    %% In init_actor the error ends the start.
    ?assertMatch(
        {error, {{no_access_point, nobody}, _}},
        maty_actor:start(maty_player, {self(), [{nobody, 'Buyer', []}]}, [])
    ).

access_point_of_a_bad_protocol() ->
    Text = <<"global protocol Bad(role A, role B) {\n  m() from A to Z;\n}\n">>,
    Before = maty_access_point:list(),
    {error, Reason} = maty_access_point:start_link({string, Text}),
    ?assertMatch({rejected, #{accepted := false, protocols := []}}, Reason),
    ?assertMatch(
        {match, _},
        re:run(
            maty_protocol:format_error(Reason),
            "^nofile:2:17: error\\[unbound-role\\]: .*\n"
            "    m\\(\\) from A to Z;\n"
            "                  \\^"
        )
    ),
    {error, NotAProtocol} = maty_access_point:start_link({text, Text}),
    ?assertEqual(
        <<
            "{text,<<\"global protocol Bad(role A, role B) {\\n  m() from A to Z;\\n}\\n\">>} is "
            "no protocol; expected {file, Path}, {file, Path, Name}, {string, Text}, {string, "
            "Text, Name}, a module that embeds a protocol, or a protocol"
        >>,
        iolist_to_binary(maty_protocol:format_error(NotAProtocol))
    ),
    ?assertEqual({error, {not_a_protocol, lists}}, maty_access_point:start_link(lists)),
    ?assertMatch(
        {error, {file, #{reason := enoent}}}, maty_access_point:start_link({file, "no/such.scr"})
    ),
    ?assertEqual([], maty_access_point:list() -- Before).

access_point_options() ->
    Protocol = {string, ?ORDER},
    ?assertEqual(
        {error,
            {unknown_option, protocl, [
                drop, max_under_way, max_waiting, max_waiting_in_all, name, overload, protocol
            ]}},
        maty_access_point:start_link(#{protocl => Protocol})
    ),
    ?assertEqual(
        {error, {missing_option, protocol}}, maty_access_point:start_link(#{name => order})
    ),
    {ok, Pid} = maty_access_point:start_link(#{protocol => Protocol, name => order}),
    ?assertEqual(Pid, whereis(order)),
    ?assertEqual(
        {error, {already_started, Pid}},
        maty_access_point:start_link(#{protocol => Protocol, name => order})
    ),
    ?assertEqual('Order', maty_protocol:name(maty_access_point:protocol(order))),
    ?assertEqual(#{'Buyer' => [], 'Seller' => [], 'Clerk' => []}, maty_access_point:waiting(order)),
    {ok, Global} = maty_access_point:start_link({global, order}, Protocol),
    Buyer = play({global, order}, 'Buyer', []),
    ?assertEqual(
        #{'Buyer' => [Buyer], 'Seller' => [], 'Clerk' => []}, maty_access_point:waiting(Global)
    ),
    maty_player:kill(Buyer),
    ok = waits(Global, #{'Buyer' => [], 'Seller' => [], 'Clerk' => []}),
    [ok = maty_access_point:stop(P) || P <- [order, {global, order}]].
