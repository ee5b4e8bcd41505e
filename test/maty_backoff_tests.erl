%% A child that is restarted after delays. Delays that have to pass are of one
%% millisecond, and what follows is told by a message; delays that must not pass
%% are of an hour.
-module(maty_backoff_tests).

-include_lib("eunit/include/eunit.hrl").

-export([start_child/2, init/1, log/2]).

-define(HOUR, 3600000).

backoff_test_() ->
    maty_player:alone([
        fun restarts_after_growing_delays/0,
        fun health_resets_the_delay/0,
        fun gives_up/0,
        fun gives_up_without_a_word_of_its_own/0,
        fun restart_types/0,
        fun failed_starts_are_failures/0,
        fun ignored_start/0,
        fun is_a_supervisor_to_those_who_ask/0,
        fun restart_child_ends_a_wait/0,
        fun terminate_child_stays_so/0,
        fun stops_the_child_as_its_shutdown_says/0,
        fun stops_the_child_that_does_not_stop/0,
        fun under_a_supervisor/0,
        fun names/0,
        fun changing_code_goes_on/0,
        fun wrong_options_are_named/0
    ]).

%% ----- A child that ends when it is told to, and tells who it is -----

child(Test) -> child(Test, #{}).

child(Test, More) ->
    maps:merge(#{id => child, start => {?MODULE, start_child, [Test, obeys]}}, More).

start_child(_Test, {returns, Fun}) ->
    Fun();
start_child(Test, Kind) ->
    Pid = spawn_link(fun() ->
        _ = process_flag(trap_exit, Kind =/= obeys),
        Test ! {started, self()},
        run(Test, Kind)
    end),
    {ok, Pid}.

run(Test, Kind) ->
    receive
        {end_with, Reason} ->
            exit(Reason);
        {'EXIT', _, Reason} when Kind =:= tells ->
            Test ! {stopped, self(), Reason},
            exit(Reason);
        {'EXIT', _, Reason} when Kind =:= stubborn ->
            Test ! {stopped, self(), Reason},
            run(Test, Kind)
    end.

started() ->
    receive
        {started, Pid} -> Pid
    end.

end_of(Pid) ->
    receive
        {'EXIT', Pid, Reason} -> Reason
    end.

fail(Pid, Reason) ->
    Pid ! {end_with, Reason}.

%% The process, once it waits for the restart.
waits(Server) ->
    case maty_backoff:info(Server) of
        #{state := waiting} = Info -> Info;
        #{state := running} -> erlang:yield(), waits(Server)
    end.

%% ----- Restarting -----

restarts_after_growing_delays() ->
    Options = #{min => ?HOUR, max => 3 * ?HOUR, jitter => none},
    {ok, Server} = maty_backoff:start_link(child(self()), Options),
    Delays = [
        begin
            Pid = started(),
            ?assertMatch(#{state := running, child := Pid}, maty_backoff:info(Server)),
            fail(Pid, {no, Number}),
            #{delay := Delay, failures := Number, reason := {no, Number}} = waits(Server),
            {ok, _} = supervisor:restart_child(Server, child),
            Delay div ?HOUR
        end
     || Number <- lists:seq(1, 4)
    ],
    ?assertEqual([1, 2, 3, 3], Delays),
    gen_statem:stop(Server),
    %% And one that passes.
    {ok, Fast} = maty_backoff:start_link(child(self()), #{min => 1, max => 1}),
    [fail(started(), no) || _ <- lists:seq(1, 5)],
    _ = started(),
    gen_statem:stop(Fast).

health_resets_the_delay() ->
    Options = #{min => ?HOUR, max => 9 * ?HOUR, jitter => none},
    [
        begin
            {ok, Server} = maty_backoff:start_link(child(self()), Options#{reset => Reset}),
            fail(started(), no),
            #{failures := 1} = waits(Server),
            {ok, Pid} = supervisor:restart_child(Server, child),
            Pid = started(),
            #{state := running, failures := Left} = maty_backoff:info(Server),
            fail(Pid, no),
            #{failures := Failures, delay := Delay} = waits(Server),
            ?assertEqual({Left + 1, (Left + 1) * ?HOUR}, {Failures, Delay}),
            gen_statem:stop(Server)
        end
     || {Reset, Left} <- [{0, 0}, {infinity, 1}, {?HOUR, 1}]
    ].

gives_up() ->
    Options = #{min => 1, max => 1, attempts => 3, reset => infinity},
    {ok, Server} = maty_backoff:start_link(child(self()), Options),
    [fail(started(), {no, N}) || N <- lists:seq(1, 3)],
    ?assertEqual({no, 3}, end_of(Server)).

%% What the process writes into the log is what a supervisor would: each end of its child.
gives_up_without_a_word_of_its_own() ->
    ok = logger:add_handler(?MODULE, ?MODULE, #{config => self()}),
    ok = logger:set_handler_config(default, level, none),
    ok = logger:set_primary_config(level, error),
    {ok, Server} = maty_backoff:start_link(child(self()), #{min => 1, max => 1, attempts => 2}),
    [fail(started(), {no, N}) || N <- [1, 2]],
    ?assertEqual({no, 2}, end_of(Server)),
    ok = logger:set_primary_config(level, none),
    ok = logger:set_handler_config(default, level, all),
    ok = logger:remove_handler(?MODULE),
    ?assertEqual([{child_terminated, {no, 1}}, {child_terminated, {no, 2}}], logged_by(Server)).

log(#{meta := #{pid := Pid}, msg := {report, Report}}, #{config := Test}) ->
    Test ! {logged, Pid, Report};
log(#{meta := #{pid := Pid}, msg := Message}, #{config := Test}) ->
    Test ! {logged, Pid, Message}.

logged_by(Pid) ->
    receive
        {logged, Pid, #{label := {supervisor, Context}, report := Report}} ->
            [{Context, proplists:get_value(reason, Report)} | logged_by(Pid)];
        {logged, Pid, Other} ->
            [Other | logged_by(Pid)]
    after 0 -> []
    end.

restart_types() ->
    Once = fun(Restart, Reason) ->
        Child = child(self(), #{restart => Restart}),
        {ok, Server} = maty_backoff:start_link(Child, #{min => ?HOUR, max => ?HOUR}),
        %% The process hears of the end before anything that the test asks.
        Pid = started(),
        Monitor = erlang:monitor(process, Pid),
        fail(Pid, Reason),
        receive
            {'DOWN', Monitor, process, Pid, _} -> ok
        end,
        receive
            {'EXIT', Server, End} -> {ended, End}
        after 0 ->
            case catch waits(Server) of
                #{state := waiting} -> gen_statem:stop(Server), restarts;
                _ -> {ended, end_of(Server)}
            end
        end
    end,
    ?assertEqual(
        [restarts, restarts, restarts],
        [Once(permanent, Reason) || Reason <- [normal, shutdown, no]]
    ),
    ?assertEqual(
        [{ended, normal}, {ended, shutdown}, {ended, {shutdown, why}}, restarts],
        [Once(transient, Reason) || Reason <- [normal, shutdown, {shutdown, why}, no]]
    ),
    ?assertEqual(
        [{ended, normal}, {ended, no}], [Once(temporary, Reason) || Reason <- [normal, no]]
    ).

failed_starts_are_failures() ->
    lists:foreach(
        fun({Fun, Reason}) ->
            Child = #{id => child, start => {?MODULE, start_child, [none, {returns, Fun}]}},
            {ok, Server} = maty_backoff:start_link(Child, #{min => ?HOUR, max => ?HOUR}),
            #{state := waiting, failures := 1, reason := Found} = maty_backoff:info(Server),
            ?assertMatch(Reason, plain(Found)),
            ?assertMatch({error, _}, supervisor:restart_child(Server, child)),
            ?assertMatch(#{state := waiting, failures := 2}, maty_backoff:info(Server)),
            gen_statem:stop(Server)
        end,
        [
            {fun() -> {error, not_there} end, not_there},
            {fun() -> exit(bad) end, bad},
            {fun() -> error(bad) end, bad},
            {fun() -> throw(bad) end, {nocatch, bad}},
            {fun() -> nothing end, {bad_return, {?MODULE, start_child, nothing}}}
        ]
    ),
    Never = #{
        id => child, start => {?MODULE, start_child, [none, {returns, fun() -> {error, no} end}]}
    },
    ?assertEqual({error, no}, maty_backoff:start_link(Never, #{attempts => 1})).

plain({Reason, [_ | _]}) -> Reason;
plain(Reason) -> Reason.

ignored_start() ->
    Child = #{id => child, start => {?MODULE, start_child, [none, {returns, fun() -> ignore end}]}},
    {ok, Server} = maty_backoff:start_link(Child, #{}),
    ?assertMatch(#{state := stopped, failures := 0}, maty_backoff:info(Server)),
    ?assertEqual({ok, undefined}, supervisor:restart_child(Server, child)),
    gen_statem:stop(Server).

%% ----- As a supervisor -----

is_a_supervisor_to_those_who_ask() ->
    {ok, Server} = maty_backoff:start_link(child(self()), #{min => ?HOUR, max => ?HOUR}),
    Pid = started(),
    ?assertEqual([{child, Pid, worker, [?MODULE]}], supervisor:which_children(Server)),
    ?assertEqual(
        [{specs, 1}, {active, 1}, {supervisors, 0}, {workers, 1}],
        supervisor:count_children(Server)
    ),
    {ok, Spec} = supervisor:get_childspec(Server, child),
    ?assertEqual({ok, Spec}, supervisor:get_childspec(Server, Pid)),
    ?assertMatch(#{id := child, restart := permanent, shutdown := 5000}, Spec),
    ?assertEqual({error, not_found}, supervisor:get_childspec(Server, other)),
    ?assertEqual({error, not_found}, supervisor:terminate_child(Server, other)),
    ?assertEqual({error, not_found}, supervisor:restart_child(Server, other)),
    ?assertEqual({error, running}, supervisor:restart_child(Server, child)),
    ?assertEqual({error, running}, supervisor:delete_child(Server, child)),
    ?assertEqual({error, one_child}, supervisor:start_child(Server, child(self()))),
    fail(Pid, no),
    waits(Server),
    ?assertEqual([{child, restarting, worker, [?MODULE]}], supervisor:which_children(Server)),
    ?assertMatch([_, {active, 0} | _], supervisor:count_children(Server)),
    gen_statem:stop(Server).

restart_child_ends_a_wait() ->
    {ok, Server} = maty_backoff:start_link(child(self()), #{min => ?HOUR, max => ?HOUR}),
    fail(started(), no),
    waits(Server),
    {ok, Pid} = supervisor:restart_child(Server, child),
    ?assertEqual(Pid, started()),
    gen_statem:stop(Server).

terminate_child_stays_so() ->
    {ok, Server} = maty_backoff:start_link(child(self()), #{}),
    Pid = started(),
    ?assertEqual(ok, supervisor:terminate_child(Server, child)),
    ?assertNot(is_process_alive(Pid)),
    ?assertMatch(#{state := stopped, child := undefined}, maty_backoff:info(Server)),
    ?assertEqual([{child, undefined, worker, [?MODULE]}], supervisor:which_children(Server)),
    ?assertMatch({ok, _}, supervisor:restart_child(Server, child)),
    _ = started(),
    gen_statem:stop(Server).

stops_the_child_as_its_shutdown_says() ->
    Child = #{
        id => child, start => {?MODULE, start_child, [self(), tells]}, shutdown => infinity
    },
    {ok, Server} = maty_backoff:start_link(Child, #{}),
    Pid = started(),
    gen_statem:stop(Server, shutdown, infinity),
    %% It was told before the process ended.
    receive
        {stopped, Pid, Reason} -> ?assertEqual(shutdown, Reason)
    after 0 -> error(not_stopped)
    end,
    ?assertNot(is_process_alive(Pid)).

stops_the_child_that_does_not_stop() ->
    [
        begin
            Child = #{
                id => child,
                start => {?MODULE, start_child, [self(), stubborn]},
                shutdown => Shutdown
            },
            {ok, Server} = maty_backoff:start_link(Child, #{}),
            Pid = started(),
            ok = supervisor:terminate_child(Server, child),
            ?assertNot(is_process_alive(Pid)),
            gen_statem:stop(Server)
        end
     || Shutdown <- [brutal_kill, 1]
    ].

init(Children) ->
    {ok, {#{strategy => one_for_all, intensity => 0}, Children}}.

under_a_supervisor() ->
    Spec = maty_backoff:child_spec(
        child(self(), #{restart => transient}),
        #{min => 1, max => 1, attempts => 2, reset => infinity}
    ),
    ?assertMatch(
        #{id := child, restart := transient, type := supervisor, shutdown := infinity}, Spec
    ),
    ?assertEqual(ok, supervisor:check_childspecs([Spec])),
    {ok, Supervisor} = supervisor:start_link(?MODULE, [Spec]),
    %% The first failure is not one to the supervisor, which allows none.
    fail(started(), no),
    Pid = started(),
    ?assertMatch([{child, _, supervisor, [maty_backoff]}], supervisor:which_children(Supervisor)),
    fail(Pid, no),
    ?assertEqual(shutdown, end_of(Supervisor)),
    maty_player:flush(),
    %% Stopping the supervisor stops the child.
    {ok, Other} = supervisor:start_link(?MODULE, [Spec]),
    Last = started(),
    gen_server:stop(Other, shutdown, infinity),
    ?assertNot(is_process_alive(Last)).

names() ->
    lists:foreach(
        fun({Name, Reference}) ->
            {ok, Server} = maty_backoff:start_link(child(self()), #{name => Name}),
            ?assertMatch(#{state := running}, maty_backoff:info(Reference)),
            ?assertEqual(
                {error, {already_started, Server}},
                maty_backoff:start_link(child(self()), #{name => Name})
            ),
            gen_statem:stop(Server)
        end,
        [
            {maty_some_backoff, maty_some_backoff},
            {{local, maty_some_backoff}, maty_some_backoff},
            {{global, some}, {global, some}},
            {{via, global, some}, {via, global, some}}
        ]
    ).

%% What a release handler does to a supervision tree.
changing_code_goes_on() ->
    {ok, Server} = maty_backoff:start_link(child(self()), #{}),
    ok = sys:suspend(Server),
    ok = sys:change_code(Server, maty_backoff, undefined, []),
    ok = sys:resume(Server),
    ?assertMatch({running, _}, sys:get_state(Server)),
    gen_statem:stop(Server).

wrong_options_are_named() ->
    lists:foreach(
        fun({Child, Options, Text}) ->
            {error, Reason} = maty_backoff:start_link(Child, Options),
            ?assertEqual(Text, lists:flatten(maty_backoff:format_error(Reason)))
        end,
        [
            {child(self()), #{mni => 1},
                "unknown option mni; the options are attempts, factor, jitter, max, min, name, "
                "reset, seed"},
            {child(self()), #{attempts => 0},
                "the option attempts is 0; expected an integer from 1, or 'infinity'"},
            {child(self()), #{reset => -1},
                "the option reset is -1; expected milliseconds, up to 2^32 - 1, or 'infinity'"},
            {child(self()), #{max => 1 bsl 32},
                "the option max is 4294967296; expected milliseconds, from 1 to 2^32 - 1"},
            {child(self()), #{name => "name"},
                "the option name is \"name\"; expected an atom, {local, Atom}, {global, Term} or "
                "{via, Module, Term}"},
            {child(self()), #{min => 9, max => 8}, "the option max is 8; expected at least min, 9"},
            {#{id => child}, #{},
                "#{id => child} is no child specification: missing_start"}
        ]
    ).
