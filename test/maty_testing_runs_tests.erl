%% Actors that are tested alone: which conversations they are put through.
-module(maty_testing_runs_tests).

-include_lib("eunit/include/eunit.hrl").
-include("maty_protocols.hrl").

-import(maty_seller, [plays/2, right/0, failure/1, first_part/1, text/1]).

runs_test_() ->
    maty_player:tests([
        fun expectations/0,
        fun messages_of_ones_own/0,
        fun garbage_is_refused/0,
        fun garbage_that_would_be_taken_is_not/0,
        fun a_partner_crashes/0,
        fun a_partner_is_late/0,
        fun at_random/0,
        fun choices_in_turn/0,
        fun loops_are_left/0,
        fun loops_without_end_are_cut/0,
        fun order_of_independent_messages/0,
        fun several_sessions_at_once/0,
        fun the_same_seed/0
    ]).

%% ----- What is said -----

expectations() ->
    Expect = fun
        ({'Seller', 'Buyer1', {quote, Price}}, Earlier) ->
            [{'Buyer1', 'Seller', {title, Title}}] = Earlier,
            case Price =:= byte_size(Title) of
                true -> ok;
                false -> {error, "a letter is one"}
            end;
        ({'Seller', 'Buyer2', {date, _}}, [_, _, _, {'Buyer2', 'Seller', {address, _}}]) ->
            ok
    end,
    {ok, _} = plays(#{}, #{expect => Expect}),
    Dear = fun({title, Title}, State) ->
        maty:send('Buyer1', {quote, 2 * byte_size(Title)}),
        {suspend, maps:get(decision, right()), State}
    end,
    ?assertEqual(
        "made does not play Seller of TwoBuyer: its last message is not as expected\n"
        "  a letter is one\n"
        "\n"
        "The conversation of run 1, seed 1:\n"
        "  1. Buyer1 -> Seller  title(<<\"tfippeov\">>)\n"
        "  2. Seller -> Buyer1  quote(16)\n"
        "Expected of Seller:\n"
        "  waits for address(binary) from Buyer2   " ?TWO_BUYER_FILE ":8:5\n"
        "  waits for quit() from Buyer2   " ?TWO_BUYER_FILE ":11:5\n",
        failure(plays(#{title => Dear}, #{expect => Expect}))
    ),
    ?assertMatch(
        {match, _},
        re:run(
            failure(plays(#{}, #{expect => fun(_, _) -> error(bad) end})),
            "not as expected\n  exception error: bad\n"
        )
    ),
    ?assertMatch(
        {match, _},
        re:run(
            failure(plays(#{}, #{expect => fun(_, _) -> yes end})),
            "expect returned yes, not ok or {error, Text}"
        )
    ).

messages_of_ones_own() ->
    Test = self(),
    Titles = [{title, <<"a">>}, {title, <<"b">>}],
    Expect = fun({_, _, Message}, _) ->
        Test ! {said, Message},
        ok
    end,
    Said = fun() ->
        receive
            {said, Message} -> Message
        after 0 -> nothing
        end
    end,
    {ok, #{runs := 2}} = plays(#{}, #{
        messages => #{title => Titles, address => fun() -> {address, <<"here">>} end},
        expect => fun
            ({_, _, {quote, _}} = Step, [{_, _, Title}] = Earlier) ->
                Test ! {said, Title},
                Expect(Step, Earlier);
            (Step, Earlier) ->
                {_, _, {address, <<"here">>}} = lists:last(Earlier),
                Expect(Step, Earlier)
        end
    }),
    ?assertEqual(
        [
            {title, <<"a">>}, {quote, 1}, {date, {2026, 12, 1}},
            {title, <<"b">>}, {quote, 1}, nothing
        ],
        [Said() || _ <- lists:seq(1, 6)]
    ),
    ?assertEqual(
        "made does not play Seller of TwoBuyer: a message that was to be sent to it is not of the "
        "protocol\n"
        "  Buyer1 in session #ID of TwoBuyer sends {title,5} to 'Seller', but field 1 is not of "
        "the declared type; allowed here:\n"
        "      title(binary) to Seller   " ?TWO_BUYER_FILE ":4:3\n",
        first_part(failure(plays(#{}, #{messages => #{title => [{title, 5}]}})))
    ).

%% ----- Faults -----

garbage_is_refused() ->
    {ok, Report} = plays(#{}, #{fault => {garbage, each}}),
    %% A run for each message of the partners, and one in which there was none left.
    #{runs := 4, faults := 3, refused := Refused, states := States} = Report,
    ?assert(Refused >= 3),
    ?assert(lists:all(fun(#{count := Count}) -> Count > 0 end, States)),
    ?assertMatch(
        {match, _},
        re:run(
            text(maty_testing:format_report(Report)),
            "in 4 runs, seed 1\n3 faults, \\d+ messages refused\n"
        )
    ).

%% The actor would take whatever it gets, and tells it.
garbage_that_would_be_taken_is_not() ->
    Test = self(),
    Title = fun(Message, State) ->
        Test ! {title, Message},
        maty:send('Buyer1', {quote, 1}),
        {suspend, maps:get(decision, right()), State}
    end,
    {ok, #{faults := 1}} = plays(#{title => Title}, #{
        fault => {garbage, 1}, runs => 1, coverage => none
    }),
    receive
        {title, Message} -> ?assertEqual({title, <<"tfippeov">>}, Message)
    end,
    receive
        {title, Other} -> error({taken, Other})
    after 0 -> ok
    end.

a_partner_crashes() ->
    Test = self(),
    Ended = fun(Ending, #{role := 'Seller'}, _Local, State) ->
        Test ! {ended, Ending},
        {ok, State}
    end,
    Endings = fun Endings() ->
        receive
            {ended, Ending} -> [Ending | Endings()]
        after 0 -> []
        end
    end,
    {ok, #{faults := 3, runs := 4}} = plays(
        #{terminate_session => Ended}, #{fault => {crash, each}, messages => #{}}
    ),
    ?assertEqual(
        [
            {failed, {cancelled, 'Buyer1'}},
            {failed, {cancelled, 'Buyer2'}},
            {failed, {cancelled, 'Buyer2'}}
        ],
        [Ending || {failed, _} = Ending <- Endings()]
    ).

a_partner_is_late() ->
    {ok, #{faults := 3}} = plays(#{}, #{fault => {{delay, 1}, each}}),
    {ok, _} = plays(#{}, #{fault => {{delay, 0}, random}, runs => 5}).

%% ----- Choices -----

at_random() ->
    {ok, #{runs := 30, states := States}} = plays(#{}, #{order => random, runs => 30}),
    [_, _, #{transitions := [{_, Address}, {_, Quit}]} | _] = States,
    ?assertEqual(30, Address + Quit),
    ?assert(Address > 5 andalso Quit > 5).

%% Two partners choose, one not knowing of the other: everything is had with
%% everything.
choices_in_turn() ->
    Text =
        "global protocol Choices(role A, role B, role C) {"
        "  choice at A { a1() from A to C; } or { a2() from A to C; } or { a3() from A to C; }"
        "  choice at B { b1() from B to C; } or { b2() from B to C; }"
        "  choice at A { c1() from A to C; } or { c2() from A to C; }"
        "}",
    {ok, #{runs := Runs, states := States}} = maty_testing:plays(maty_player, #{
        protocol => {string, Text},
        role => 'C',
        start => fun(AccessPoint) ->
            {ok, maty_player:play(AccessPoint, 'C', [wait, wait, wait])}
        end,
        coverage => all,
        runs => 50
    }),
    flush(),
    ?assertEqual(7, length([ok || #{transitions := Ts} <- States, _ <- Ts])),
    ?assert(Runs =< 4).

flush() ->
    receive
        {maty_player, _, _} -> flush()
    after 0 -> ok
    end.

-define(LOOP,
    "global protocol Loop(role A, role B) {"
    "  rec L { choice at A { more(integer) from A to B; ok() from B to A; continue L; }"
    "          or { over() from A to B; } } }"
).

%% An actor that answers every "more" of a loop.
echo(AccessPoint) ->
    Handler = fun
        Handler({more, _}, State) ->
            maty:send('A', {ok}),
            {suspend, Handler, State};
        Handler({over}, State) ->
            {done, normal, State}
    end,
    maty_actor:start(
        maty_callbacks,
        #{
            init_actor => fun() -> maty:register(AccessPoint, 'B'), {ok, none} end,
            init_session => fun(_, State) -> {ok, Handler, none, State} end
        },
        []
    ).

loops_are_left() ->
    Options = #{protocol => {string, ?LOOP}, role => 'B', start => fun echo/1},
    {ok, #{cut := 0}} = maty_testing:plays(echo, Options#{coverage => all}),
    {ok, #{cut := 0, runs := 20}} =
        maty_testing:plays(echo, Options#{order => random, runs => 20, steps => 1}).

loops_without_end_are_cut() ->
    Text =
        "global protocol Loop(role A, role B) {"
        "  rec L { more(integer) from A to B; ok() from B to A; continue L; } }",
    {ok, #{cut := 1, runs := 1} = Report} = maty_testing:plays(echo, #{
        protocol => {string, Text}, role => 'B', start => fun echo/1, steps => 10, seed => 3
    }),
    ?assertEqual(
        "echo as B of Loop: 2 of 2 states, 2 of 2 transitions in 1 run, seed 3\n"
        "1 run cut\n"
        "\n"
        "  state                                  count\n"
        "      0  waits for more(integer) from A      5\n"
        "      1  sends ok() to A                     5\n",
        text(maty_testing:format_report(Report))
    ).

%% The actor sends to several, whose order nobody else sees.
order_of_independent_messages() ->
    Text =
        "global protocol Order(role A, role B, role C) {"
        "  rec L { choice at A { x() from A to B; continue L; } or { y() from A to C; continue L; }"
        "          or { z() from A to B; z() from A to C; } } }",
    Steps = [
        {send, 'B', {x}}, {send, 'C', {y}}, {send, 'C', {y}}, {send, 'B', {x}}, {send, 'C', {y}}
    ],
    End = [{send, 'B', {z}}, {send, 'C', {z}}],
    Expect = fun(Step, Earlier) ->
        Said = [{send, To, Message} || {'A', To, Message} <- Earlier ++ [Step]],
        case lists:prefix(Said, Steps ++ End) of
            true -> ok;
            false -> {error, "out of order"}
        end
    end,
    lists:foreach(
        fun(_) ->
            {ok, _} = maty_testing:plays(maty_player, #{
                protocol => {string, Text},
                role => 'A',
                start => fun(AP) -> {ok, maty_player:play(AP, 'A', Steps ++ End)} end,
                coverage => all,
                expect => Expect
            })
        end,
        lists:seq(1, 20)
    ),
    flush().

%% What the actor says in another session is not of this one.
several_sessions_at_once() ->
    Other = maty_player:access_point(
        "global protocol Other(role A, role B) { note() from A to B; }"
    ),
    Reader = maty_player:play([{Other, 'B', [wait]} || _ <- [1, 2]]),
    Start = fun(AccessPoint) ->
        Text = fun(_, State) ->
            maty:register(Other, 'A'),
            maty:send('Buyer1', {quote, 1}),
            {suspend, maps:get(decision, right()), State}
        end,
        maty_actor:start(
            maty_callbacks,
            #{
                init_actor => fun() -> maty:register(AccessPoint, 'Seller'), {ok, none} end,
                init_session => fun
                    (#{role := 'Seller'}, State) ->
                        {ok, Text, #{}, State};
                    (#{role := 'A'}, State) ->
                        maty:send('B', {note}),
                        {done, normal, State}
                end
            },
            []
        )
    end,
    {ok, #{runs := 2}} = plays(#{}, #{start => Start}),
    [?assertMatch({_, 'B', _}, maty_player:next(Reader)) || _ <- [1, 2]],
    maty_player:stop(Reader),
    flush(),
    true = unlink(Other),
    maty_access_point:stop(Other).

the_same_seed() ->
    Once = fun(Seed) ->
        Test = self(),
        Expect = fun(_, Earlier) ->
            Test ! {earlier, Earlier},
            ok
        end,
        {ok, _} = plays(#{}, #{
            order => random, runs => 5, seed => Seed, expect => Expect, coverage => none
        }),
        collect()
    end,
    Seed = rand:uniform(1 bsl 32),
    ?assertEqual({Seed, Once(Seed)}, {Seed, Once(Seed)}),
    ?assertNotEqual({Seed, Once(Seed)}, {Seed, Once(Seed + 1)}).

collect() ->
    receive
        {earlier, Earlier} -> [Earlier | collect()]
    after 0 -> []
    end.
