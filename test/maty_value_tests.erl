%% Values that are generated for a type are accepted by the engine as of that type.
-module(maty_value_tests).

-include_lib("proper/include/proper.hrl").
-include_lib("eunit/include/eunit.hrl").

value_test_() ->
    maty_player:tests([
        fun types_are_read/0,
        fun what_is_no_type_is_an_error/0,
        fun values_are_of_their_type/0,
        fun generators_are_of_their_type/0
    ]).

types() ->
    [
        "integer",
        "number",
        "float",
        "boolean",
        "atom",
        "binary",
        "string",
        "pid",
        "reference",
        "date",
        "time",
        "datetime",
        "any",
        "Title",
        ":ok",
        "-7",
        "-3..1000",
        "list(date)",
        "{integer, list(string)}",
        "%{a: integer, b: %{c: list(time)}}",
        "integer | {boolean, atom} | :none",
        "list({:a, 1..2} | list(float)) | %{k: :v | 5}"
    ].

types_are_read() ->
    ?assertEqual({ok, {simple, any}}, maty_value:parse("Title")),
    ?assertEqual({ok, {range, -7, -7}}, maty_value:parse("-7")),
    ?assertEqual(
        {ok,
            {union, [
                {list, {union, [{tuple, [{literal, a}, {range, 1, 2}]}, {list, {simple, float}}]}},
                {map, [{k, {union, [{literal, v}, {range, 5, 5}]}}]}
            ]}},
        maty_value:parse(lists:last(types()))
    ).

what_is_no_type_is_an_error() ->
    [
        ?assertEqual({error, {unknown_type, Left}}, maty_value:parse(Text))
     || {Text, Left} <- [
            {"", ""},
            {"list(integer", ""},
            {"{a b}", " b}"},
            {"integer, atom", ", atom"},
            {"%{a}", "}"}
        ]
    ].

values_are_of_their_type() ->
    Seed = rand:uniform(1 bsl 32),
    lists:foreach(
        fun({Text, Language}) ->
            {ok, Type} = maty_value:parse(Text),
            {Values, _} = lists:mapfoldl(
                fun(_, Random) -> maty_value:value(Type, Language, Random) end,
                rand:seed_s(exsss, Seed),
                lists:seq(1, 50)
            ),
            ?assertEqual({[], Seed}, {refused(Text, Values), Seed})
        end,
        [{Text, Language} || Text <- types(), Language <- [erlang, elixir]]
    ).

generators_are_of_their_type() ->
    lists:foreach(
        fun(Text) ->
            {ok, Type} = maty_value:parse(Text),
            Property = ?FORALL(
                Value, maty_value:generator(Type, erlang), refused(Text, [Value]) =:= []
            ),
            ok = maty_player:property(Property, [{numtests, 30}])
        end,
        types()
    ).

%% Those of the values that the engine refuses for the type.
refused(Text, Values) ->
    AccessPoint = maty_player:access_point([
        "global protocol Value(role A, role B) {"
        "  rec L { choice at A { value(", Text, ") from A to B; continue L; }"
        "          or { stop() from A to B; } }"
        "}"
    ]),
    B = maty_player:play(AccessPoint, 'B', lists:duplicate(length(Values) + 1, wait)),
    A = maty_player:play(AccessPoint, 'A', [
        {call, fun() ->
            Refused = [V || V <- Values, not accepted(V)],
            ok = maty:send('B', {stop}),
            Refused
        end}
    ]),
    {result, Refused} = maty_player:next(A),
    {ended, 'A', {done, normal}} = maty_player:next(A),
    [exit(Pid, kill) || Pid <- [A, B]],
    true = unlink(AccessPoint),
    maty_access_point:stop(AccessPoint),
    flush(B),
    Refused.

accepted(Value) ->
    try maty:send('B', {value, Value}) of
        ok -> true
    catch
        error:{protocol_violation, _} -> false
    end.

flush(B) ->
    receive
        {maty_player, B, _} -> flush(B)
    after 0 -> ok
    end.
