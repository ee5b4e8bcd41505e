%% A circuit breaker. Times that have to pass are of one millisecond, and what
%% follows is an event; times that must not pass are of an hour.
-module(maty_breaker_tests).

-include_lib("eunit/include/eunit.hrl").

-define(HOUR, 3600000).
-define(NAME, maty_some_breaker).

breaker_test_() ->
    maty_player:tests([
        fun opens_after_the_failures_of_its_window/0,
        fun failures_outside_of_the_window_are_forgotten/0,
        fun what_a_failure_is/0,
        fun exceptions_are_counted_and_raised/0,
        fun half_open_after_the_cooldown/0,
        fun one_probe_among_many/0,
        fun a_probe_that_dies_has_failed/0,
        fun a_probe_that_hangs_has_failed/0,
        fun what_began_before_does_not_count/0,
        fun by_hand/0,
        fun closed_costs_no_message/0,
        fun without_a_breaker/0,
        fun under_a_supervisor/0,
        fun wrong_options_are_named/0
    ]).

start(Options) ->
    ok = maty_event:subscribe(breaker),
    {ok, Pid} = maty_breaker:start_link(?NAME, Options),
    Pid.

stop() ->
    ok = gen_statem:stop(?NAME),
    ok = maty_event:unsubscribe(breaker),
    flush().

flush() ->
    receive
        {maty_event, breaker, _} -> flush()
    after 0 -> ok
    end.

%% The next change, which is of that breaker.
changed() ->
    receive
        {maty_event, breaker, #{name := ?NAME, from := From, to := To}} -> {From, To}
    end.

succeed() -> maty_breaker:run(?NAME, fun() -> fine end).
fail() -> maty_breaker:run(?NAME, fun() -> {error, no} end).

opens_after_the_failures_of_its_window() ->
    start(#{failures => 3, window => ?HOUR, cooldown => ?HOUR}),
    ?assertEqual({ok, fine}, succeed()),
    ?assertEqual(
        [{error, {failed, {error, no}}}, {error, {failed, {error, no}}}, {ok, fine},
            {error, {failed, {error, no}}}],
        [fail(), fail(), succeed(), fail()]
    ),
    ?assertEqual({closed, open}, changed()),
    ?assertEqual(open, maty_breaker:state(?NAME)),
    ?assertEqual({error, open}, maty_breaker:run(?NAME, fun() -> error(has_run) end)),
    stop().

failures_outside_of_the_window_are_forgotten() ->
    start(#{failures => 2, window => 1, cooldown => ?HOUR}),
    lists:foreach(
        fun(_) ->
            _ = fail(),
            %% The process says when it has forgotten.
            maty_player:until(fun() ->
                {closed, Data} = sys:get_state(?NAME),
                lists:member([], tuple_to_list(Data))
            end),
            ?assertEqual(closed, maty_breaker:state(?NAME))
        end,
        lists:seq(1, 5)
    ),
    stop().

what_a_failure_is() ->
    start(#{failures => 1, window => ?HOUR, cooldown => ?HOUR}),
    lists:foreach(
        fun({Value, Result}) ->
            ?assertEqual(Result, maty_breaker:run(?NAME, fun() -> Value end)),
            ok = maty_breaker:reset(?NAME)
        end,
        [{Value, {ok, Value}} || Value <- [ok, {ok, error}, [error], {}]] ++
            [{Value, {error, {failed, Value}}} || Value <- [error, {error, a}, {error, a, b}]]
    ),
    stop(),
    start(#{is_failure => fun(Value) -> Value > 5 end, failures => 1}),
    ?assertEqual({ok, 5}, maty_breaker:run(?NAME, fun() -> 5 end)),
    ?assertEqual({error, {failed, 6}}, maty_breaker:run(?NAME, fun() -> 6 end)),
    ?assertEqual(open, maty_breaker:state(?NAME)),
    stop().

exceptions_are_counted_and_raised() ->
    start(#{failures => 3, window => ?HOUR, cooldown => ?HOUR}),
    ?assertError(a, maty_breaker:run(?NAME, fun() -> error(a) end)),
    ?assertExit(b, maty_breaker:run(?NAME, fun() -> exit(b) end)),
    ?assertThrow(c, maty_breaker:run(?NAME, fun() -> throw(c) end)),
    ?assertEqual(open, maty_breaker:state(?NAME)),
    stop().

half_open_after_the_cooldown() ->
    start(#{failures => 1, window => ?HOUR, cooldown => 1}),
    _ = fail(),
    ?assertEqual([{closed, open}, {open, half_open}], [changed(), changed()]),
    _ = fail(),
    ?assertEqual([{half_open, open}, {open, half_open}], [changed(), changed()]),
    ?assertEqual({ok, fine}, succeed()),
    ?assertEqual({half_open, closed}, changed()),
    stop().

one_probe_among_many() ->
    start(#{failures => 1, window => ?HOUR, cooldown => 1, probe => ?HOUR}),
    _ = fail(),
    [{closed, open}, {open, half_open}] = [changed(), changed()],
    Test = self(),
    Callers = [
        spawn_monitor(fun() ->
            receive
                go -> ok
            end,
            exit(
                maty_breaker:run(?NAME, fun() ->
                    Test ! {probes, self()},
                    receive
                        {return, Value} -> Value
                    end
                end)
            )
        end)
     || _ <- lists:seq(1, 50)
    ],
    [Pid ! go || {Pid, _} <- Callers],
    Probe =
        receive
            {probes, First} -> First
        end,
    %% All others are refused while it runs.
    Others = [
        receive
            {'DOWN', Monitor, process, Pid, Result} -> Result
        end
     || {Pid, Monitor} <- Callers, Pid =/= Probe
    ],
    ?assertEqual([{error, open}], lists:usort(Others)),
    ?assertEqual({error, open}, succeed()),
    Probe ! {return, fine},
    receive
        {'DOWN', _, process, Probe, Result} -> ?assertEqual({ok, fine}, Result)
    end,
    ?assertEqual({half_open, closed}, changed()),
    receive
        {probes, Second} -> error({probes_too, Second})
    after 0 -> ok
    end,
    stop().

a_probe_that_dies_has_failed() ->
    start(#{failures => 1, window => ?HOUR, cooldown => 1}),
    _ = fail(),
    [{closed, open}, {open, half_open}] = [changed(), changed()],
    _ = spawn(fun() ->
        maty_breaker:run(?NAME, fun() -> exit(self(), kill) end)
    end),
    ?assertEqual([{half_open, open}, {open, half_open}], [changed(), changed()]),
    stop().

a_probe_that_hangs_has_failed() ->
    start(#{failures => 1, window => ?HOUR, cooldown => 1, probe => 1}),
    _ = fail(),
    [{closed, open}, {open, half_open}] = [changed(), changed()],
    Probe = spawn(fun() ->
        maty_breaker:run(?NAME, fun() ->
            receive
                never -> ok
            end
        end)
    end),
    ?assertEqual([{half_open, open}, {open, half_open}], [changed(), changed()]),
    %% What it comes to in the end does not count.
    Monitor = erlang:monitor(process, Probe),
    Probe ! never,
    receive
        {'DOWN', Monitor, process, Probe, normal} -> ok
    end,
    ?assertEqual(half_open, maty_breaker:state(?NAME)),
    stop().

what_began_before_does_not_count() ->
    start(#{failures => 1, window => ?HOUR, cooldown => ?HOUR}),
    Test = self(),
    {Late, Monitor} = spawn_monitor(fun() ->
        maty_breaker:run(?NAME, fun() ->
            Test ! running,
            receive
                go -> error
            end
        end)
    end),
    receive
        running -> ok
    end,
    _ = fail(),
    ok = maty_breaker:reset(?NAME),
    Late ! go,
    receive
        {'DOWN', Monitor, process, Late, normal} -> ok
    end,
    ?assertEqual(closed, maty_breaker:state(?NAME)),
    stop().

by_hand() ->
    start(#{cooldown => ?HOUR}),
    ok = maty_breaker:trip(?NAME),
    ?assertEqual({error, open}, succeed()),
    ok = maty_breaker:trip(?NAME),
    ok = maty_breaker:reset(?NAME),
    ?assertEqual({ok, fine}, succeed()),
    ok = maty_breaker:reset(?NAME),
    ?assertEqual([{closed, open}, {open, closed}], [changed(), changed()]),
    stop().

%% The process does not even have to run.
closed_costs_no_message() ->
    Pid = start(#{}),
    ok = sys:suspend(Pid),
    ?assertEqual({ok, fine}, succeed()),
    ok = sys:resume(Pid),
    ok = maty_breaker:trip(?NAME),
    ok = sys:suspend(Pid),
    ?assertEqual({error, open}, succeed()),
    ok = sys:resume(Pid),
    stop().

without_a_breaker() ->
    ?assertEqual({error, no_breaker}, maty_breaker:run(?NAME, fun() -> error(has_run) end)),
    ?assertEqual({error, no_breaker}, maty_breaker:state(?NAME)),
    %% One that goes while the function runs takes nothing with it.
    start(#{}),
    ?assertEqual(
        {error, {failed, error}}, maty_breaker:run(?NAME, fun() -> stop(), error end)
    ).

under_a_supervisor() ->
    ?assertEqual(
        #{id => ?NAME, start => {maty_breaker, start_link, [?NAME, #{failures => 1}]}},
        maty_breaker:child_spec(?NAME, #{failures => 1})
    ),
    {ok, Supervisor} = supervisor:start_link(maty_otp_supervisor, maty_breaker:child_spec(?NAME)),
    ok = maty_breaker:trip(?NAME),
    Monitor = erlang:monitor(process, ?NAME),
    exit(whereis(?NAME), kill),
    receive
        {'DOWN', Monitor, process, _, killed} -> ok
    end,
    %% Begins anew, closed.
    maty_player:until(fun() -> maty_breaker:state(?NAME) =:= closed end),
    _ = unlink(Supervisor),
    gen_server:stop(Supervisor).

wrong_options_are_named() ->
    lists:foreach(
        fun({Options, Text}) ->
            {error, Reason} = maty_breaker:start_link(?NAME, Options),
            ?assertEqual(Text, lists:flatten(maty_breaker:format_error(Reason)))
        end,
        [
            {#{failure => 1},
                "unknown option failure; the options are cooldown, failures, is_failure, probe, "
                "window"},
            {#{failures => 0}, "the option failures is 0; expected an integer from 1"},
            {#{window => infinity},
                "the option window is infinity; expected milliseconds, from 1 to 2^32 - 1"},
            {#{cooldown => 1 bsl 32},
                "the option cooldown is 4294967296; expected milliseconds, up to 2^32 - 1"},
            {#{is_failure => error}, "the option is_failure is error; expected a function of one "
                "argument"}
        ]
    ).
