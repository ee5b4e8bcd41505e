%% What becomes of a child, by the kind of its error.
-module(maty_escalation_tests).

-include_lib("eunit/include/eunit.hrl").

-export([start_child/3, init/1]).

escalation_test_() ->
    maty_player:alone([
        fun network_errors_restart/0,
        fun configuration_errors_stop/0,
        fun temporary_errors_resume/0,
        fun a_child_that_cannot_resume_waits/0,
        fun anything_else_escalates/0,
        fun a_supervisor_above_decides_next/0,
        fun restarts_are_counted/0,
        fun strategies_are_those_of_otp/0,
        fun a_policy_of_ones_own/0,
        fun kinds_of_ones_own/0,
        fun a_policy_that_does_not_decide/0,
        fun normal_ends/0,
        fun temporary_children/0,
        fun errors_at_the_start/0,
        fun is_a_supervisor_to_those_who_ask/0,
        fun children_are_stopped_in_their_order/0,
        fun wrong_options_are_named/0
    ]).

%% ----- Children that end when they are told to, and tell who they are -----

child(Id) -> child(Id, #{}).

child(Id, More) ->
    maps:merge(#{id => Id, start => {?MODULE, start_child, [self(), Id, started]}}, More).

start_child(_Test, _Id, {returns, Value}) ->
    Value;
start_child(Test, Id, How) ->
    {ok,
        spawn_link(fun() ->
            _ = process_flag(trap_exit, true),
            Test ! {How, Id, self()},
            receive
                {end_with, Reason} ->
                    exit(Reason);
                {'EXIT', _, Reason} ->
                    Test ! {stopped, Id, Reason},
                    exit(Reason)
            end
        end)}.

started(Id) -> came(started, Id).

came(How, Id) ->
    receive
        {How, Id, Pid} -> Pid
    end.

stopped(Id) ->
    receive
        {stopped, Id, Reason} -> Reason
    end.

fail(Id, Reason) ->
    started(Id) ! {end_with, Reason},
    ok.

end_of(Pid) ->
    receive
        {'EXIT', Pid, Reason} -> Reason
    end.

start(Options) ->
    {ok, Pid} = maty_escalation:start_link(Options),
    Pid.

%% Looks until the supervisor's children are these, alive or not.
children(Supervisor, Expected) ->
    maty_player:until(fun() ->
        Expected =:= [{Id, is_pid(Pid)} || {Id, Pid} <- maty_escalation:children(Supervisor)]
    end).

stop(Supervisor) ->
    gen_server:stop(Supervisor, shutdown, infinity).

nothing_more() ->
    receive
        {How, Id, Pid} when is_pid(Pid) -> error({How, Id})
    after 0 -> ok
    end.

%% ----- By kind -----

network_errors_restart() ->
    Supervisor = start(#{children => [child(a), child(b)], intensity => 9}),
    B = started(b),
    fail(a, {network, gone}),
    fail(a, econnrefused),
    fail(a, {{badmatch, {error, closed}}, [{m, f, 1, []}]}),
    A = started(a),
    ?assertEqual([{a, A}, {b, B}], maty_escalation:children(Supervisor)),
    stop(Supervisor).

configuration_errors_stop() ->
    Supervisor = start(#{children => [child(a), child(b)]}),
    B = started(b),
    fail(a, {configuration, no_port}),
    children(Supervisor, [{a, false}, {b, true}]),
    ?assertEqual([{a, undefined}, {b, B}], maty_escalation:children(Supervisor)),
    nothing_more(),
    stop(Supervisor).

temporary_errors_resume() ->
    Resume = {?MODULE, start_child, [self(), a, resumed]},
    %% The strategy is not asked, and nothing is counted.
    Supervisor = start(#{
        children => [child(a, #{resume => Resume}), child(b)],
        strategy => one_for_all,
        intensity => 0
    }),
    B = started(b),
    fail(a, timeout),
    came(resumed, a) ! {end_with, {temporary, full}},
    A = came(resumed, a),
    ?assertEqual([{a, A}, {b, B}], maty_escalation:children(Supervisor)),
    nothing_more(),
    stop(Supervisor).

a_child_that_cannot_resume_waits() ->
    Supervisor = start(#{children => [child(a)]}),
    ?assertEqual({error, running}, maty_escalation:resume(Supervisor, a)),
    ?assertEqual({error, not_found}, maty_escalation:resume(Supervisor, b)),
    fail(a, timeout),
    children(Supervisor, [{a, false}]),
    {ok, A} = maty_escalation:resume(Supervisor, a),
    ?assertEqual(A, started(a)),
    ?assertEqual([{a, A}], maty_escalation:children(Supervisor)),
    stop(Supervisor).

anything_else_escalates() ->
    Supervisor = start(#{children => [child(a), child(b)], intensity => 9}),
    fail(b, badarith),
    ?assertEqual(shutdown, stopped(a)),
    ?assertEqual(shutdown, end_of(Supervisor)).

%% An ordinary supervisor that restarts what escalates.
init(Children) ->
    {ok, {#{intensity => 1, period => 3600}, Children}}.

a_supervisor_above_decides_next() ->
    Inner = maty_escalation:child_spec(#{children => [child(a), child(b)], name => maty_inner}),
    ?assertMatch(#{id := maty_inner, type := supervisor}, Inner),
    {ok, Top} = supervisor:start_link(?MODULE, [Inner]),
    _ = started(a),
    fail(b, badarith),
    shutdown = stopped(a),
    [A, B] = [started(Id) || Id <- [a, b]],
    ?assertEqual([{a, A}, {b, B}], maty_escalation:children(maty_inner)),
    %% Once more is more than it takes.
    B ! {end_with, badarith},
    ?assertEqual(shutdown, end_of(Top)).

restarts_are_counted() ->
    Supervisor = start(#{children => [child(a)], intensity => 2, period => 3600}),
    [fail(a, closed) || _ <- [1, 2, 3]],
    ?assertEqual(shutdown, end_of(Supervisor)).

strategies_are_those_of_otp() ->
    Supervisor = start(#{
        children => [child(a), child(b), child(c)], strategy => rest_for_one
    }),
    A = started(a),
    fail(b, closed),
    ?assertEqual(shutdown, stopped(c)),
    _ = started(c),
    [B, C] = [started(Id) || Id <- [b, c]],
    ?assertEqual([{a, A}, {b, B}, {c, C}], maty_escalation:children(Supervisor)),
    stop(Supervisor).

a_policy_of_ones_own() ->
    Policy = fun
        (a, {no, _}) -> restart;
        (b, _) -> stop
    end,
    Supervisor = start(#{children => [child(a), child(b)], policy => Policy}),
    fail(a, {no, 1}),
    fail(b, {no, 1}),
    _ = started(a),
    children(Supervisor, [{a, true}, {b, false}]),
    stop(Supervisor),
    %% A map has the last word over what is so unless said.
    Other = start(#{children => [child(a)], policy => #{network => stop}}),
    fail(a, closed),
    children(Other, [{a, false}]),
    stop(Other).

kinds_of_ones_own() ->
    Supervisor = start(#{
        children => [child(a), child(b)],
        kind => fun
            (disk) -> storage;
            (_) -> unheard_of
        end,
        policy => #{storage => stop, other => restart}
    }),
    fail(a, disk),
    fail(b, badarith),
    _ = started(b),
    children(Supervisor, [{a, false}, {b, true}]),
    stop(Supervisor).

a_policy_that_does_not_decide() ->
    lists:foreach(
        fun(Policy) ->
            Supervisor = start(#{children => [child(a)], policy => Policy}),
            fail(a, closed),
            ?assertEqual(shutdown, end_of(Supervisor))
        end,
        [fun(_, _) -> error(bad) end, fun(_, _) -> perhaps end]
    ).

normal_ends() ->
    Supervisor = start(#{
        children => [
            child(a),
            child(b, #{restart => transient}),
            child(c, #{restart => temporary})
        ]
    }),
    [fail(Id, normal) || Id <- [b, c]],
    children(Supervisor, [{a, true}, {b, false}, {c, false}]),
    fail(a, normal),
    _ = started(a),
    children(Supervisor, [{a, true}, {b, false}, {c, false}]),
    stop(Supervisor).

temporary_children() ->
    Supervisor = start(#{children => [child(a, #{restart => temporary}), child(b)]}),
    _ = started(b),
    fail(a, closed),
    children(Supervisor, [{a, false}, {b, true}]),
    nothing_more(),
    stop(Supervisor).

errors_at_the_start() ->
    Start = fun(Reason) ->
        Child = #{
            id => a, start => {?MODULE, start_child, [self(), a, {returns, {error, Reason}}]}
        },
        #{children => [Child, child(b)]}
    end,
    %% Restarting is what the supervisor does then, which at the start is to fail.
    {error, {shutdown, {failed_to_start_child, a, closed}}} =
        maty_escalation:start_link(Start(closed)),
    Stopped = start(Start({missing_option, port})),
    B = started(b),
    ?assertEqual([{a, undefined}, {b, B}], maty_escalation:children(Stopped)),
    stop(Stopped),
    maty_player:flush(),
    Escalated = start(Start(badarith)),
    ?assertEqual(shutdown, end_of(Escalated)).

%% ----- As a supervisor -----

is_a_supervisor_to_those_who_ask() ->
    Supervisor = start(#{children => [child(a)], name => {local, maty_some_escalation}}),
    [{a, Guard, supervisor, [maty_guard]}] = supervisor:which_children(maty_some_escalation),
    A = started(a),
    ?assertEqual([{a, A, worker, [?MODULE]}], supervisor:which_children(Guard)),
    ?assertMatch([{specs, 1}, {active, 1} | _], supervisor:count_children(Guard)),
    ?assertMatch({ok, #{id := a}}, supervisor:get_childspec(Guard, a)),
    ?assertEqual(ok, supervisor:terminate_child(Guard, a)),
    ?assertEqual(ok, supervisor:terminate_child(Guard, a)),
    ?assertEqual(shutdown, stopped(a)),
    ?assertMatch({ok, _}, supervisor:restart_child(Guard, a)),
    ?assertEqual({error, running}, supervisor:restart_child(Guard, a)),
    ?assertEqual({error, one_child}, supervisor:delete_child(Guard, a)),
    %% A guard that is killed takes its child with it, and is restarted.
    exit(Guard, kill),
    ?assertEqual(killed, stopped(a)),
    _ = started(a),
    stop(Supervisor).

children_are_stopped_in_their_order() ->
    Supervisor = start(#{children => [child(a), child(b)]}),
    stop(Supervisor),
    Order = [
        receive
            {stopped, Id, shutdown} -> Id
        end
     || _ <- [1, 2]
    ],
    ?assertEqual([b, a], Order).

wrong_options_are_named() ->
    lists:foreach(
        fun({Options, Text}) ->
            {error, Reason} = maty_escalation:start_link(Options),
            ?assertEqual(Text, lists:flatten(maty_escalation:format_error(Reason)))
        end,
        [
            {#{}, "the option children is missing"},
            {#{children => [], polcy => 1},
                "unknown option polcy; the options are children, intensity, kind, name, period, "
                "policy, strategy"},
            {#{children => [], policy => #{network => retry}},
                "the option policy is #{network => retry}; expected a map from kinds to "
                "'restart', 'stop', 'resume' or 'escalate', or a function of an id and a reason"},
            {#{children => [], strategy => simple_one_for_one},
                "the option strategy is simple_one_for_one; expected 'one_for_one', "
                "'one_for_all' or 'rest_for_one'"},
            {#{children => [#{id => a}]}, "#{id => a} is no child specification: missing_start"},
            {#{children => [#{id => a, start => {a, b, []}, resume => c}]},
                "#{id => a,resume => c,start => {a,b,[]}} is no child specification: "
                "{invalid_resume,c}"}
        ]
    ).
