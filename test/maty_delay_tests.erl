%% Delays that grow: by example, and that they keep to their bounds whatever the
%% options. A counterexample of PropEr holds the options, with the seed.
-module(maty_delay_tests).

-include_lib("proper/include/proper.hrl").
-include_lib("eunit/include/eunit.hrl").

take(Count, Options) ->
    {ok, Delays} = maty_delay:new(Options),
    {Taken, _} = lists:mapfoldl(fun(_, D) -> maty_delay:next(D) end, Delays, lists:seq(1, Count)),
    Taken.

grows_to_its_bound_test() ->
    ?assertEqual(
        [100, 200, 400, 800, 1000, 1000], take(6, #{min => 100, max => 1000, jitter => none})
    ),
    ?assertEqual(
        [10, 15, 22, 33, 40], take(5, #{min => 10, max => 40, factor => 1.5, jitter => none})
    ),
    ?assertEqual([7, 7, 7], take(3, #{min => 7, factor => 1, jitter => none})).

begins_again_test() ->
    {ok, Delays} = maty_delay:new(#{jitter => none}),
    {100, Later} = maty_delay:next(Delays),
    {200, Latest} = maty_delay:next(Later),
    ?assertMatch({100, _}, maty_delay:next(maty_delay:reset(Latest))).

wrong_options_are_named_test() ->
    lists:foreach(
        fun({Options, Text}) ->
            {error, Reason} = maty_delay:new(Options),
            ?assertEqual(Text, lists:flatten(maty_delay:format_error(Reason)))
        end,
        [
            {#{mni => 1}, "unknown option mni; the options are factor, jitter, max, min, seed"},
            {#{min => 0}, "the option min is 0; expected milliseconds, from 1 to 2^32 - 1"},
            {#{factor => 1.0e300},
                "the option factor is 1.0e300; expected a number from 1 to 2^32"},
            {#{factor => 0.5}, "the option factor is 0.5; expected a number from 1 to 2^32"},
            {#{jitter => some},
                "the option jitter is some; expected 'none', 'equal', 'full' or 'decorrelated'"},
            {#{min => 9, max => 8}, "the option max is 8; expected at least min, 9"},
            {[], "[] is no map of options"}
        ]
    ).

property_test_() ->
    {timeout, 300, fun() -> maty_player:property(prop_bounds(), [{numtests, 1000}]) end}.

prop_bounds() ->
    ?FORALL(
        {Min, More, Factor, Jitter, Seed},
        {range(1, 1000), range(0, 100000), oneof([range(1, 10), float(1.0, 10.0)]),
            oneof([none, equal, full, decorrelated]), range(1, 1 bsl 50)},
        begin
            Max = Min + More,
            Options = #{min => Min, max => Max, factor => Factor, seed => Seed},
            Whole = take(30, Options#{jitter => none}),
            Taken = take(30, Options#{jitter => Jitter}),
            Taken =:= take(30, Options#{jitter => Jitter}) andalso
                Whole =:= lists:sort(Whole) andalso hd(Whole) =:= Min andalso
                in_bounds(Jitter, Taken, Whole, Min, Max)
        end
    ).

in_bounds(decorrelated, Taken, _Whole, Min, Max) ->
    Before = [Min | lists:droplast(Taken)],
    lists:all(
        fun({Last, Delay}) -> Delay >= Min andalso Delay =< min(Max, 3 * Last) end,
        lists:zip(Before, Taken)
    );
in_bounds(Jitter, Taken, Whole, _Min, Max) ->
    lists:all(
        fun({Delay, Most}) ->
            Least =
                case Jitter of
                    none -> Most;
                    equal -> Most div 2;
                    full -> 0
                end,
            Delay >= Least andalso Delay =< Most andalso Most =< Max
        end,
        lists:zip(Taken, Whole)
    ).
