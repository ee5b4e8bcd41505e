%% Actors that are tested alone: right ones, and what is said of wrong ones, in full.
-module(maty_testing_tests).

-include_lib("eunit/include/eunit.hrl").
-include("maty_protocols.hrl").

-import(maty_seller, [plays/1, plays/2, start/1, hang/0]).
-import(maty_seller, [failure/1, first_part/1, text/1]).

testing_test_() ->
    maty_player:tests([
        fun the_actors_of_the_example/0,
        fun a_report/0,
        fun a_wrong_label/0,
        fun a_wrong_payload/0,
        fun a_crash/0,
        fun an_actor_that_hangs/0,
        fun an_actor_that_never_sends/0,
        fun an_actor_that_sends_without_end/0,
        fun an_actor_that_is_done_early/0,
        fun an_actor_that_ends_early/0,
        fun an_actor_that_does_not_register/0,
        fun an_actor_that_does_not_start/0,
        fun an_actor_that_returns_what_it_may_not/0,
        fun an_actor_that_does_not_survive/0,
        fun a_branch_that_is_missing/0,
        fun a_choice_that_is_never_made/0,
        fun with_proper/0,
        fun for_eunit/0,
        fun nothing_is_left/0,
        fun an_actor_that_is_traced/0,
        fun wrong_options_are_named/0
    ]).

%% ----- The actors of the example -----

examples() ->
    lists:foreach(
        fun(Module) ->
            File = filename:join("examples/two_buyer_erlang", Module),
            {ok, Module, Binary} = compile:file(File, [binary, report]),
            {module, Module} = code:load_binary(Module, File, Binary)
        end,
        [two_buyer, seller, buyer1, buyer2]
    ).

seller(Options) ->
    Titles = [<<"Types and Programming Languages">>, <<"The Art of Computer Programming">>],
    Default = #{
        protocol => {file, ?TWO_BUYER_FILE},
        role => 'Seller',
        seed => 1,
        messages => #{title => [{title, Title} || Title <- Titles]}
    },
    maty_testing:plays(seller, maps:merge(Default, Options)).

the_actors_of_the_example() ->
    examples(),
    Protocol = #{protocol => {file, ?TWO_BUYER_FILE}, coverage => all},
    {ok, _} = seller(#{coverage => all}),
    {ok, _} = maty_testing:plays(buyer1, Protocol#{
        role => 'Buyer1', argument => fun(AccessPoint) -> {AccessPoint, <<"Logic">>} end
    }),
    {ok, _} = maty_testing:plays(buyer2, Protocol#{
        role => 'Buyer2', argument => fun(AccessPoint) -> {AccessPoint, 500} end
    }).

a_report() ->
    {ok, Report} = seller(#{}),
    ?assertMatch(
        #{
            module := seller,
            role := 'Seller',
            protocol := 'TwoBuyer',
            seed := 1,
            runs := 2,
            cut := 0,
            faults := 0,
            refused := 0,
            states := [
                #{
                    state := 0,
                    phase := 'receive',
                    count := 2,
                    transitions := [{#{label := title}, 2}]
                },
                #{state := 1, phase := send, count := 2, transitions := [{#{label := quote}, 2}]},
                #{
                    state := 2,
                    phase := 'receive',
                    count := 2,
                    transitions := [{#{label := address}, 1}, {#{label := quit}, 1}]
                },
                #{state := 3, phase := send, count := 1, transitions := [{#{label := date}, 1}]},
                #{state := 4, phase := final, count := 2, transitions := []}
            ]
        },
        Report
    ),
    ?assertEqual(
        "seller as Seller of TwoBuyer: 5 of 5 states, 5 of 5 transitions in 2 runs, seed 1\n"
        "\n"
        "  state                                         count\n"
        "      0  waits for title(binary) from Buyer1        2\n"
        "      1  sends quote(integer) to Buyer1             2\n"
        "      2  waits for address(binary) from Buyer2      1\n"
        "         waits for quit() from Buyer2               1\n"
        "      3  sends date(date) to Buyer2                 1\n"
        "      4  is at its end                              2\n",
        text(maty_testing:format_report(Report))
    ).

%% ----- Wrong sellers -----

said() ->
    "  1. Buyer1 -> Seller  title(<<\"tfippeov\">>)\n".

a_wrong_label() ->
    Title = fun({title, _}, State) ->
        maty:send('Buyer1', {qoute, 5}),
        {suspend, fun(_, _) -> noreply end, State}
    end,
    ?assertEqual(
        "made does not play Seller of TwoBuyer: it crashed\n"
        "  Seller in session #ID of TwoBuyer sends {qoute,5} to 'Buyer1', a message that the "
        "protocol does not have for this role; allowed here:\n"
        "      quote(integer) to Buyer1   " ?TWO_BUYER_FILE ":5:3\n"
        "    at HERE\n"
        "\n"
        "The conversation of run 1, seed 1:\n" ++ said() ++
            "Expected of Seller:\n"
            "  sends quote(integer) to Buyer1   " ?TWO_BUYER_FILE ":5:3\n",
        failure(plays(#{title => Title}))
    ).

a_wrong_payload() ->
    Title = fun({title, Title}, State) ->
        maty:send('Buyer1', {quote, Title}),
        {suspend, fun(_, _) -> noreply end, State}
    end,
    ?assertEqual(
        "made does not play Seller of TwoBuyer: it crashed\n"
        "  Seller in session #ID of TwoBuyer sends {quote,<<\"tfippeov\">>} to 'Buyer1', but field "
        "1 is not of the declared type; allowed here:\n"
        "      quote(integer) to Buyer1   " ?TWO_BUYER_FILE ":5:3\n"
        "    at HERE\n"
        "\n"
        "The conversation of run 1, seed 1:\n" ++ said() ++
            "Expected of Seller:\n"
            "  sends quote(integer) to Buyer1   " ?TWO_BUYER_FILE ":5:3\n",
        failure(plays(#{title => Title}))
    ).

a_crash() ->
    Decision = fun
        ({address, _}, _State) -> error(out_of_stock);
        ({quit}, State) -> {done, normal, State}
    end,
    ?assertEqual(
        "made does not play Seller of TwoBuyer: it crashed\n"
        "  out_of_stock\n"
        "    at HERE\n"
        "\n"
        "The conversation of run 1, seed 1:\n"
        "  1. Buyer1 -> Seller  title(<<\"tfippeov\">>)\n"
        "  2. Seller -> Buyer1  quote(8)\n"
        "  3. Buyer1 -> Buyer2  share(545)\n"
        "  4. Buyer2 -> Seller  address(<<\"nqgnucqy\">>)\n"
        "Expected of Seller:\n"
        "  sends date(date) to Buyer2   " ?TWO_BUYER_FILE ":9:5\n",
        failure(plays(#{decision => Decision}))
    ).

an_actor_that_hangs() ->
    Title = fun({title, _}, _State) -> hang() end,
    ?assertEqual(
        "made does not play Seller of TwoBuyer: it does not go on; it stands\n"
        "  at HERE\n"
        "\n"
        "The conversation of run 1, seed 1:\n" ++ said() ++
            "Expected of Seller:\n"
            "  sends quote(integer) to Buyer1   " ?TWO_BUYER_FILE ":5:3\n",
        failure(plays(#{title => Title}, #{timeout => 2000}))
    ).

%% It goes on as if it had.
an_actor_that_never_sends() ->
    Title = fun({title, _}, State) -> {suspend, fun(_, _) -> noreply end, State} end,
    ?assertEqual(
        "made does not play Seller of TwoBuyer: it crashed\n"
        "  Seller in session #ID of TwoBuyer suspends where the protocol does not wait; allowed "
        "here:\n"
        "      quote(integer) to Buyer1   " ?TWO_BUYER_FILE ":5:3\n"
        "\n"
        "The conversation of run 1, seed 1:\n" ++ said() ++
            "Expected of Seller:\n"
            "  sends quote(integer) to Buyer1   " ?TWO_BUYER_FILE ":5:3\n",
        failure(plays(#{title => Title}))
    ).

an_actor_that_sends_without_end() ->
    Send = fun Send() ->
        ok = maty:send('B', {more, 1}),
        Send()
    end,
    Text =
        "global protocol Loop(role A, role B) {"
        "  rec L { choice at A { more(integer) from A to B; continue L; }"
        "          or { over() from A to B; } } }",
    Failure = failure(
        maty_testing:plays(endless, #{
            protocol => {string, Text},
            role => 'A',
            seed => 1,
            start => fun(AccessPoint) ->
                maty_actor:start(
                    maty_callbacks,
                    #{
                        init_actor => fun() -> maty:register(AccessPoint, 'A'), {ok, none} end,
                        init_session => fun(_, _) -> Send() end
                    },
                    []
                )
            end
        })
    ),
    ?assertMatch(
        "endless does not play A of Loop: it sends without end\n"
        "\n"
        "The conversation of run 1, seed 1:\n"
        "  ... 9951 more\n"
        "9952. A -> B  more(1)\n" ++ _,
        Failure
    ).

an_actor_that_is_done_early() ->
    Title = fun({title, _}, State) ->
        maty:send('Buyer1', {quote, 1}),
        {done, normal, State}
    end,
    ?assertEqual(
        "made does not play Seller of TwoBuyer: it crashed\n"
        "  Seller in session #ID of TwoBuyer is done before the end of the protocol; allowed "
        "here:\n"
        "      address(binary) from Buyer2   " ?TWO_BUYER_FILE ":8:5\n"
        "      quit() from Buyer2   " ?TWO_BUYER_FILE ":11:5\n",
        first_part(failure(plays(#{title => Title})))
    ).

an_actor_that_ends_early() ->
    Title = fun({title, _}, _State) -> exit(normal) end,
    ?assertEqual(
        "made does not play Seller of TwoBuyer: its process ended before the role did\n"
        "  normal\n"
        "\n"
        "The conversation of run 1, seed 1:\n" ++ said() ++
            "Expected of Seller:\n"
            "  sends quote(integer) to Buyer1   " ?TWO_BUYER_FILE ":5:3\n",
        failure(plays(#{title => Title}))
    ).

an_actor_that_does_not_register() ->
    Init = #{init_actor => fun() -> {ok, none} end},
    ?assertEqual(
        "made does not play Seller of TwoBuyer: it did not register for Seller\n"
        "\n"
        "The conversation of run 1, seed 1:\n"
        "  nothing was said\n"
        "Expected of Seller:\n"
        "  waits for title(binary) from Buyer1   " ?TWO_BUYER_FILE ":4:3\n",
        failure(plays(Init, #{timeout => 2000}))
    ).

an_actor_that_does_not_start() ->
    ?assertEqual(
        "made does not play Seller of TwoBuyer: it could not be started\n"
        "  no_stock\n",
        first_part(failure(plays(#{init_actor => fun() -> {stop, no_stock} end})))
    ),
    Options = #{protocol => {file, ?TWO_BUYER_FILE}, role => 'Seller'},
    [
        ?assertEqual(
            atom_to_list(Module) ++ " does not play Seller of TwoBuyer: it could not be started\n"
                "  undefined function " ++ atom_to_list(Module) ++ ":init_actor/1\n",
            first_part(failure(maty_testing:plays(Module, Options)))
        )
     || Module <- [maty_no_such_module, ?MODULE]
    ].

%% What cannot be returned is said in words.
an_actor_that_returns_what_it_may_not() ->
    Title = fun({title, _}, _State) -> {error, sold_out} end,
    Text = first_part(failure(plays(#{title => Title}))),
    ?assertMatch(
        {_, {match, _}},
        {Text,
            re:run(
                Text,
                "^made does not play Seller of TwoBuyer: it crashed\n"
                "  #Fun<.*> returned {error,sold_out}; "
                "a handler returns {suspend, Handler, State}, .* is a function of two arguments\n$"
            )}
    ),
    Begin = fun(_Session, _State) -> {stop, sold_out} end,
    ?assertEqual(
        "made does not play Seller of TwoBuyer: it crashed\n"
        "  init_session returned {stop,sold_out}; it returns",
        hd(string:split(failure(plays(#{init_session => Begin})), " {ok, "))
    ).

an_actor_that_does_not_survive() ->
    Ended = fun
        ({failed, _}, _Session, _Local, _State) -> error(alone);
        (_, _, _, State) -> {ok, State}
    end,
    ?assertEqual(
        "made does not play Seller of TwoBuyer: it crashed\n"
        "  alone\n"
        "    at HERE\n"
        "    at maty_callbacks:terminate_session/4\n"
        "\n"
        "The conversation of run 1, seed 1:\n"
        "  1. Buyer1 -> Seller  title(<<\"tfippeov\">>)\n"
        "  2. Seller -> Buyer1  quote(8)\n"
        "  3. Buyer1 is killed\n"
        "Expected of Seller:\n"
        "  waits for address(binary) from Buyer2   " ?TWO_BUYER_FILE ":8:5\n"
        "  waits for quit() from Buyer2   " ?TWO_BUYER_FILE ":11:5\n",
        failure(plays(#{terminate_session => Ended}, #{fault => {crash, 2}}))
    ),
    %% One that ends by its own choice has survived long enough.
    Stops = fun
        ({failed, Cause}, _Session, _Local, State) -> {stop, Cause, State};
        (_, _, _, State) -> {stop, normal, State}
    end,
    {ok, _} = plays(#{terminate_session => Stops}, #{fault => {crash, each}}).

%% The other branch is well.
a_branch_that_is_missing() ->
    Decision = fun({address, _}, State) ->
        maty:send('Buyer2', {date, {2026, 12, 1}}),
        {done, normal, State}
    end,
    Failure = failure(plays(#{decision => Decision})),
    ?assertMatch(
        "made does not play Seller of TwoBuyer: it crashed\n  function_clause\n" ++ _, Failure
    ),
    ?assertMatch(
        {match, _},
        re:run(
            Failure,
            "\nThe conversation of run 2, seed 1:\n"
            "(.*\n)+"
            "  4. Buyer2 -> Seller  quit\\(\\)\n"
            "Expected of Seller:\n"
            "  is at its end\n$"
        )
    ).

a_choice_that_is_never_made() ->
    examples(),
    Options = #{
        protocol => {file, ?TWO_BUYER_FILE},
        role => 'Buyer2',
        seed => 1,
        argument => fun(AccessPoint) -> {AccessPoint, -1 bsl 64} end
    },
    %% What it chooses itself it need not choose.
    {ok, _} = maty_testing:plays(buyer2, Options),
    ?assertEqual(
        "buyer2 does not play Buyer2 of TwoBuyer: it was not seen to do all that it has to\n"
        "  sends address(binary) to Seller\n"
        "  waits for date(date) from Seller\n"
        "\n"
        "buyer2 as Buyer2 of TwoBuyer: 3 of 4 states, 2 of 4 transitions in 21 runs, seed 1\n"
        "\n"
        "  state                                        count\n"
        "      0  waits for share(integer) from Buyer1     21\n"
        "      1  sends address(binary) to Seller           0\n"
        "         sends quit() to Seller                   21\n"
        "      2  waits for date(date) from Seller          0\n"
        "      3  is at its end                            21\n",
        failure(maty_testing:plays(buyer2, Options#{coverage => all}))
    ).

%% ----- With others -----

with_proper() ->
    Options = #{protocol => {file, ?TWO_BUYER_FILE}, role => 'Seller', start => start(#{})},
    ?assert(proper:quickcheck(maty_testing:property(made, Options), [quiet, {numtests, 20}])),
    Wrong = Options#{
        start => start(#{decision => fun({quit}, State) -> {done, normal, State} end})
    },
    {Result, Output} = printed(fun() ->
        proper:quickcheck(maty_testing:property(made, Wrong), [quiet, {numtests, 100}])
    end),
    ?assertEqual(false, Result),
    ?assertMatch({match, _}, re:run(Output, "made does not play Seller of TwoBuyer: it crashed\n")),
    Generator = maty_testing:generator("list({integer, string})"),
    {ok, Value} = proper_gen:pick(Generator),
    ?assert(lists:all(fun({N, S}) -> is_integer(N) andalso is_binary(S) end, Value)).

for_eunit() ->
    Options = #{protocol => {file, ?TWO_BUYER_FILE}, role => 'Seller', seed => 1},
    ?assertMatch(#{runs := 2}, maty_testing:assert_plays(made, Options#{start => start(#{})})),
    Hangs = start(#{title => fun(_, _) -> hang() end}),
    {_, Output} = printed(fun() ->
        ?assertError(
            {assert_plays, [{module, made}, {failure, stuck}]},
            maty_testing:assert_plays(made, Options#{start => Hangs, timeout => 2000})
        )
    end),
    ?assertMatch("made does not play Seller of TwoBuyer: it does not go on; " ++ _, Output).

%% What a function returns and prints.
printed(Fun) ->
    Leader = group_leader(),
    Test = self(),
    {Collector, Monitor} = spawn_monitor(fun() -> collector(Test, []) end),
    true = group_leader(Collector, self()),
    Result =
        try
            Fun()
        after
            group_leader(Leader, self())
        end,
    Collector ! stop,
    receive
        {'DOWN', Monitor, process, Collector, {printed, Text}} -> {Result, Text}
    end.

collector(Test, Printed) ->
    receive
        {io_request, From, Reference, {put_chars, unicode, Characters}} ->
            From ! {io_reply, Reference, ok},
            collector(Test, [Printed | text(Characters)]);
        {io_request, From, Reference, {put_chars, unicode, M, F, A}} ->
            From ! {io_reply, Reference, ok},
            collector(Test, [Printed | text(apply(M, F, A))]);
        {io_request, From, Reference, _} ->
            From ! {io_reply, Reference, {error, request}},
            collector(Test, Printed);
        stop ->
            exit({printed, lists:flatten(Printed)})
    end.

nothing_is_left() ->
    %% Nor of the tests before.
    maty_player:settled(),
    Before = maty_access_point:list(),
    Processes = length(processes()),
    {ok, _} = plays(#{}, #{fault => {crash, each}}),
    {error, _} = plays(#{title => fun(_, _) -> hang() end}, #{timeout => 20}),
    maty_player:until(fun() ->
        maty:sessions() =:= [] andalso maty_access_point:list() -- Before =:= [] andalso
            length(processes()) =< Processes
    end),
    receive
        Anything -> error({left, Anything})
    after 0 -> ok
    end.

an_actor_that_is_traced() ->
    Tracer = spawn(fun maty_seller:hang/0),
    Start = fun(AccessPoint) ->
        {ok, Pid} = (start(#{}))(AccessPoint),
        1 = erlang:trace(Pid, true, [call, {tracer, Tracer}]),
        {ok, Pid}
    end,
    {error, {traced, Pid} = Reason} = plays(#{}, #{start => Start}),
    ?assertEqual(
        pid_to_list(Pid) ++ " is traced by somebody else, so what it sends cannot be seen",
        text(maty_testing:format_error(Reason))
    ),
    %% It was stopped all the same.
    ?assertNot(is_process_alive(Pid)),
    exit(Tracer, kill).

wrong_options_are_named() ->
    Right = #{protocol => {file, ?TWO_BUYER_FILE}, role => 'Seller'},
    lists:foreach(
        fun({Options, Text}) ->
            {error, Reason} = maty_testing:plays(seller, Options),
            ?assertEqual(Text, text(maty_testing:format_error(Reason)))
        end,
        [
            {#{role => 'A'}, "the option protocol is missing"},
            {Right#{rloe => 1},
                "unknown option rloe; the options are argument, coverage, expect, fault, format, "
                "messages, order, protocol, role, runs, seed, start, steps, timeout"},
            {Right#{role => 'Sellr'},
                "there is no role Sellr; the protocol has Buyer1, Buyer2, Seller"},
            {Right#{protocol => {file, "no.scr"}}, "no.scr: no such file or directory"},
            {Right#{order => some}, "the option order is some; expected 'systematic' or 'random'"},
            {Right#{messages => #{titel => [{titel, 1}]}},
                "the option messages has titel, which partners do not send; they send address, "
                "quit, share, title"},
            {Right#{messages => #{title => [{tilte, 1}]}},
                "the option messages is #{title => [{tilte,1}]}; expected a map from labels to "
                "lists of messages that begin with the label, or to functions that return one"},
            {Right#{fault => crash},
                "the option fault is crash; expected 'none', or {'crash' | 'garbage' | {'delay', "
                "milliseconds}, number | 'random' | 'each'}"}
        ]
    ).
