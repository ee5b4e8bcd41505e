%% Payloads through real sends: of every type of the language values that fit and
%% values that do not, and messages that are large, deep, or strange.
-module(maty_payload_tests).

-include_lib("eunit/include/eunit.hrl").

-import(maty_player, [play/3, next/1, access_point/1]).

payloads_test_() ->
    maty_player:tests([
        fun which_values_fit_which_type/0,
        fun dates_and_times/0,
        fun more_fields_than_tags/0,
        fun strings/0,
        fun large_binaries/0,
        fun many_large_binaries/0,
        fun bitstrings_by_large_binaries/0,
        fun nested_deep/0,
        fun improper_lists/0,
        fun more_steps_than_the_engine_takes/0,
        fun more_bytes_than_the_engine_looks_at/0,
        fun the_field_is_named/0,
        fun the_same_label_to_several_roles/0,
        fun maty_player:nothing_is_left/0
    ]).

%% What becomes of each value when it is sent: ok if it arrives as it is, or why
%% it is refused.
outcomes(Types, Payloads) ->
    AccessPoint = access_point([
        "global protocol Payload(role A, role B) {"
        "  rec Loop {"
        "    choice at A { m(",
        Types,
        ") from A to B; continue Loop; } or { stop() from A to B; }"
        "  }"
        "}"
    ]),
    Messages = [list_to_tuple([m | Payload]) || Payload <- Payloads],
    Test = self(),
    Try = fun(Message) ->
        try maty:send('B', Message) of
            ok -> Test ! {outcome, ok}
        catch
            error:{protocol_violation, #{reason := Reason} = Violation} ->
                Test ! {outcome, {Reason, maps:get(field, Violation, none)}}
        end
    end,
    A = play(AccessPoint, 'A', [
        {call, fun() -> lists:foreach(Try, Messages) end}, {send, 'B', {stop}}
    ]),
    {ok, B} = maty_actor:start(
        maty_callbacks,
        #{
            init_actor => fun() -> maty:register(AccessPoint, 'B'), {ok, none} end,
            init_session => fun(_, none) -> {ok, fun(M, L) -> keep(M, L) end, {Test, []}, none} end
        },
        []
    ),
    Outcomes = [
        receive
            {outcome, Outcome} -> Outcome
        end
     || _ <- Messages
    ],
    {result, ok} = next(A),
    {ended, 'A', {done, normal}} = next(A),
    receive
        {arrived, Arrived} ->
            ?assertEqual([M || {M, ok} <- lists:zip(Messages, Outcomes)], Arrived)
    end,
    [maty_player:stop(Actor) || Actor <- [A, B]],
    Outcomes.

keep({stop}, {Test, Messages}) ->
    Test ! {arrived, lists:reverse(Messages)},
    {done, normal, none};
keep(Message, {Test, Messages}) ->
    {suspend, fun keep/2, {Test, [Message | Messages]}}.

values() ->
    #{
        zero => 0,
        five => 5,
        minus => -2,
        big => 1 bsl 64,
        float => 2.5,
        true => true,
        false => false,
        ok => ok,
        undefined => undefined,
        unicode => 'grün',
        empty => <<>>,
        text => <<"text">>,
        latin => <<228>>,
        bits => <<5:3>>,
        pid => self(),
        port => maty_engine:port(0),
        reference => make_ref(),
        function => fun() -> ok end,
        export => fun lists:map/2,
        nil => [],
        bytes => [1, 2, 3],
        numbers => [1, 1000],
        atoms => [a, b],
        improper => [1 | 2],
        no_tuple => {},
        pair => {1, ok},
        no_map => #{},
        map => #{a => 1},
        map_more => #{a => 1, b => [], "c" => d},
        map_other => #{a => x}
    }.

%% Exactly these values fit, alone (judged by tags where the type allows it) and
%% beside a field that makes the engine look at the whole message.
which_values_fit_which_type() ->
    Numbers = [zero, five, minus, big],
    Atoms = [true, false, ok, undefined, unicode],
    Binaries = [empty, text, latin],
    Lists = [nil, bytes, numbers, atoms],
    Maps = [no_map, map, map_more, map_other],
    lists:foreach(
        fun({Type, Fitting}) ->
            {Names, Values} = lists:unzip(lists:sort(maps:to_list(values()))),
            Expected = [
                {Name, Fitting =:= all orelse lists:member(Name, Fitting)}
             || Name <- Names
            ],
            Alone = outcomes(Type, [[Value] || Value <- Values]),
            Beside = outcomes([":ok, ", Type], [[ok, Value] || Value <- Values]),
            ?assertEqual({Type, Expected}, {Type, lists:zip(Names, [O =:= ok || O <- Alone])}),
            ?assertEqual({Type, Expected}, {Type, lists:zip(Names, [O =:= ok || O <- Beside])}),
            ?assertEqual([], lists:usort(Alone) -- [ok, {payload, 1}]),
            ?assertEqual([], lists:usort(Beside) -- [ok, {payload, 2}])
        end,
        [
            {"integer", Numbers},
            {"number", [float | Numbers]},
            {"float", [float]},
            {"boolean", [true, false]},
            {"atom", Atoms},
            {"binary", Binaries},
            {"string", [empty, text]},
            {"pid", [pid]},
            {"reference", [reference]},
            {"any", all},
            {"Money", all},
            {":ok", [ok]},
            {"5", [five]},
            {"0..5", [zero, five]},
            {"-2..4", [zero, minus]},
            {"list(integer)", [nil, bytes, numbers]},
            {"list(any)", Lists},
            {"list(atom)", [nil, atoms]},
            {"{integer, atom}", [pair]},
            {"{any, any}", [pair]},
            {"{integer, :no}", []},
            {"%{a: integer}", [map, map_more]},
            {"%{a: any}", [map, map_more, map_other]},
            {"%{a: integer, b: list(any)}", [map_more]},
            {"integer | :ok", [ok | Numbers]},
            {"{atom, any} | {integer, :ok} | :undefined | list(1..3)",
                [pair, undefined, nil, bytes]},
            {"pid | reference | float", [pid, reference, float]},
            {"%{a: integer} | %{a: atom}", Maps -- [no_map]}
        ]
    ).

dates_and_times() ->
    Good = #{
        "date" => [{2026, 12, 1}, date()],
        "time" => [{23, 59, 59}, time()],
        "datetime" => [{{2026, 12, 1}, {0, 0, 0}}, calendar:local_time()]
    },
    Bad = [
        {2026, 13, 1}, {2026, 12, 32}, {24, 0, 0}, {0, 60, 0}, {1, 2}, {{1, 2, 3}}, 5, today, #{}
    ],
    [
        ?assertEqual(
            {Type, [ok || _ <- Values] ++ [{payload, 1} || _ <- Bad]},
            {Type, outcomes(Type, [[Value] || Value <- Values ++ Bad])}
        )
     || {Type, Values} <- maps:to_list(Good)
    ].

%% Four fields have a tag each in the command; the fifth makes the engine look.
more_fields_than_tags() ->
    [
        begin
            Types = lists:join(", ", lists:duplicate(Count, "integer")),
            Right = lists:seq(1, Count),
            Wrong = [lists:sublist(Right, N - 1) ++ [x] ++ lists:nthtail(N, Right) || N <- Right],
            ?assertEqual(
                [ok, {payload, 0}, {payload, 0}] ++ [{payload, N} || N <- Right],
                outcomes(Types, [Right, tl(Right), [0 | Right]] ++ Wrong)
            )
        end
     || Count <- [1, 2, 3, 4, 5, 6, 30, 255]
    ],
    ?assertEqual([ok, {payload, 0}], outcomes("", [[], [1]])).

strings() ->
    Good = [<<"grün"/utf8>>, <<0>>, <<16#10ffff/utf8>>, binary:copy(<<"ü"/utf8>>, 5000)],
    Long = <<(binary:copy(<<"a">>, 5000))/binary, 200>>,
    Bad = [<<255>>, <<195>>, <<192, 128>>, <<237, 160, 128>>, Long],
    ?assertEqual(
        [ok || _ <- Good] ++ [{payload, 1} || _ <- Bad],
        outcomes("string", [[S] || S <- Good ++ Bad])
    ).

%% What is in a large binary is not looked at, unless it is said to be a string.
large_binaries() ->
    Large = binary:copy(<<255>>, 1024 * 1024),
    Text = binary:copy(<<"a">>, 1024 * 1024),
    ?assertEqual([ok, ok], outcomes("binary", [[Large], [Text]])),
    ?assertEqual([ok, ok], outcomes("any", [[Large], [{Large, [Large]}]])),
    ?assertEqual(
        [ok, {payload, 1}], outcomes("list(binary)", [[[Large, Text, <<>>]], [[Large, a]]])
    ),
    ?assertEqual([ok, {payload, 1}], outcomes("string", [[Text], [Large]])),
    ?assertEqual(
        [ok, {payload, 1}, {payload, 1}],
        outcomes("{%{id: integer}, binary}", [[{#{id => Id}, Large}] || Id <- [1, a, Large]])
    ),
    ?assertEqual(
        [ok, ok, {payload, 1}], outcomes("string | {binary}", [[Text], [{Large}], [Large]])
    ),
    %% One that is refused counts once, whether or not it was shown in pieces.
    #{refused := Refused} = maty:counters(),
    ?assertEqual([{payload, 1}], outcomes("list(binary)", [[[Large, a]]])),
    ?assertMatch(#{refused := R} when R =:= Refused + 1, maty:counters()),
    %% The engine takes no copy, and none of its memory.
    #{bytes := Before} = maty:counters(),
    _ = outcomes("list(binary)", [[lists:duplicate(50, Large)]]),
    maty_player:settled(),
    #{bytes := After} = maty:counters(),
    ?assert(After - Before < 100000).

%% Together more than is looked at.
many_large_binaries() ->
    Piece = binary:copy(<<255>>, 1000),
    ?assertEqual(
        [ok, ok], outcomes("list(binary)", [[lists:duplicate(N, Piece)] || N <- [64, 200]])
    ),
    Large = binary:copy(<<255>>, 100000),
    ?assertEqual(
        [ok, ok, {payload, 1}],
        outcomes("list(binary)", [
            [L]
         || L <- [lists:duplicate(41, Large), lists:duplicate(1000, Large), [Large | Large]]
        ])
    ).

%% What stands for binaries that are not shown is not taken for one.
bitstrings_by_large_binaries() ->
    Large = binary:copy(<<255>>, 100000),
    Bits = [<<0:1>>, <<1:1>>, <<0:2>>, <<0:9>>],
    ?assertEqual(
        [ok] ++ [{payload, 1} || _ <- Bits] ++ [ok || _ <- Bits],
        outcomes("{binary, binary} | {:bits, binary, any}", [
            [T]
         || T <- [{Large, Large}] ++ [{Large, B} || B <- Bits] ++ [{bits, Large, B} || B <- Bits]
        ])
    ),
    %% Inside of a map, keys included, nothing is declared but what the type names.
    ?assertEqual(
        [ok, {payload, 1}],
        outcomes("%{data: binary}", [
            [M#{Large => Large, <<Large/binary, 0>> => 1}]
         || M <- [#{data => Large}, #{data => [Large]}]
        ])
    ),
    %% More fields than a small tuple has.
    Many = lists:duplicate(255, Large),
    Types = lists:append(lists:join(", ", ["binary" || _ <- Many])),
    ?assertEqual([ok, {payload, 255}], outcomes(Types, [Many, lists:droplast(Many) ++ [<<0:1>>]])).

nested(0, _Wrap, Term) -> Term;
nested(Depth, Wrap, Term) -> nested(Depth - 1, Wrap, Wrap(Term)).

nested_deep() ->
    Wraps = [
        fun(T) -> [T] end, fun(T) -> {T} end, fun(T) -> #{a => T} end, fun(T) -> #{T => a} end
    ],
    [
        ?assertEqual(
            [ok, {limit, 2}],
            outcomes(":ok, any", [[ok, nested(Depth, Wrap, x)] || Depth <- [100, 50000]])
        )
     || Wrap <- Wraps
    ],
    %% What nobody looks at may be as it likes.
    ?assertEqual([ok], outcomes("any", [[nested(50000, hd(Wraps), x)]])),
    ?assertEqual([{payload, 2}], outcomes(":ok, integer", [[ok, nested(50000, hd(Wraps), x)]])).

improper_lists() ->
    ?assertEqual(
        [{payload, 1}, {payload, 1}, {payload, 1}, ok],
        outcomes("list(any)", [[[1 | 2]], [[a, b | c]], [[[] | <<>>]], [[[1 | 2], [3 | 4]]]])
    ),
    ?assertEqual(
        [ok, ok],
        outcomes(":ok, any", [[ok, [1 | 2]], [ok, nested(1000, fun(T) -> [a | T] end, x)]])
    ).

more_steps_than_the_engine_takes() ->
    ?assertEqual(
        [ok, {limit, 1}], outcomes("list(atom)", [[lists:duplicate(N, a)] || N <- [90000, 110000]])
    ).

more_bytes_than_the_engine_looks_at() ->
    Large = binary:copy(<<"a">>, 5 * 1024 * 1024),
    ?assertEqual([{limit, none}], outcomes("string", [[Large]])).

the_field_is_named() ->
    ?assertEqual(
        [ok, {payload, 1}, {payload, 2}, {payload, 3}, {payload, 0}],
        outcomes("integer, list(atom), string", [
            [1, [a], <<"x">>], [a, [a], <<"x">>], [1, a, <<"x">>], [1, [a], x], [1, [a]]
        ])
    ).

the_same_label_to_several_roles() ->
    AccessPoint = access_point(
        "global protocol Two(role A, role B, role C) {"
        "  m(integer) from A to B; m(atom) from A to C; m(binary) from A to B; }"
    ),
    A = play(AccessPoint, 'A', [
        {refused, 'C', {m, 1}},
        {refused, 'B', {m, a}},
        {send, 'B', {m, 1}},
        {refused, 'B', {m, 1}},
        {refused, 'C', {m, 1}},
        {send, 'C', {m, a}},
        {send, 'B', {m, <<>>}}
    ]),
    B = play(AccessPoint, 'B', [wait, wait]),
    C = play(AccessPoint, 'C', [wait]),
    ?assertEqual(
        [not_now, payload, not_now, payload],
        [Reason || {refused, #{reason := Reason}} <- [next(A) || _ <- "1234"]]
    ),
    ?assertEqual([{got, 'B', {m, 1}}, {got, 'B', {m, <<>>}}], [next(B), next(B)]),
    ?assertEqual({got, 'C', {m, a}}, next(C)).
