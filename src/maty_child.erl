%% @private
%% One child of a process that is no `supervisor' and keeps to what supervisors
%% do: how a child is started and stopped, what `supervisor' asks of whoever has
%% children, and what is logged when one ends.
-module(maty_child).

-export([specification/1, start/1, stop/2, ended_normally/1, follow/1]).
-export([answer/3, report/5]).

-export_type([specification/0]).

%% A child specification with all its keys.
-type specification() :: #{
    id := term(),
    start := {module(), atom(), [term()]},
    restart := permanent | transient | temporary,
    shutdown := brutal_kill | timeout(),
    type := worker | supervisor,
    modules := [module()] | dynamic
}.

%% The specification with its defaults. A child of one supervisor is never
%% significant to another.
-spec specification(supervisor:child_spec()) -> {ok, specification()} | {error, term()}.
specification(Spec) ->
    case supervisor:check_childspecs([Spec]) of
        ok -> {ok, complete(Spec)};
        {error, Reason} -> {error, {bad_child, Spec, Reason}}
    end.

complete({Id, Start, Restart, Shutdown, Type, Modules}) ->
    #{
        id => Id,
        start => Start,
        restart => Restart,
        shutdown => Shutdown,
        type => Type,
        modules => Modules
    };
complete(#{id := Id, start := {Module, _, _} = Start} = Spec) ->
    Type = maps:get(type, Spec, worker),
    Shutdown =
        case Type of
            worker -> 5000;
            supervisor -> infinity
        end,
    #{
        id => Id,
        start => Start,
        restart => maps:get(restart, Spec, permanent),
        shutdown => maps:get(shutdown, Spec, Shutdown),
        type => Type,
        modules => maps:get(modules, Spec, [Module])
    }.

%% Starts the child, linked to the calling process.
-spec start({module(), atom(), [term()]}) -> {ok, pid()} | ignore | {error, term()}.
start({Module, Function, Arguments}) ->
    try apply(Module, Function, Arguments) of
        {ok, Pid} when is_pid(Pid) -> {ok, Pid};
        {ok, Pid, _Info} when is_pid(Pid) -> {ok, Pid};
        ignore -> ignore;
        {error, Reason} -> {error, Reason};
        Other -> {error, {bad_return, {Module, Function, Other}}}
    catch
        exit:Reason -> {error, Reason};
        error:Reason:Stack -> {error, {Reason, Stack}};
        throw:Value:Stack -> {error, {{nocatch, Value}, Stack}}
    end.

%% Stops the child, and returns once it has ended. Its exit signal is taken out
%% of the mailbox.
-spec stop(pid(), specification()) -> ok.
stop(Pid, #{shutdown := Shutdown}) ->
    Monitor = erlang:monitor(process, Pid),
    true = erlang:unlink(Pid),
    receive
        {'EXIT', Pid, _} -> ok
    after 0 -> ok
    end,
    case Shutdown of
        brutal_kill ->
            kill(Pid, Monitor);
        Time ->
            exit(Pid, shutdown),
            receive
                {'DOWN', Monitor, process, Pid, _} -> ok
            after Time -> kill(Pid, Monitor)
            end
    end.

kill(Pid, Monitor) ->
    exit(Pid, kill),
    receive
        {'DOWN', Monitor, process, Pid, _} -> ok
    end.

%% Whether a transient child that ended like this stays ended.
-spec ended_normally(term()) -> boolean().
ended_normally(normal) -> true;
ended_normally(shutdown) -> true;
ended_normally({shutdown, _}) -> true;
ended_normally(_) -> false.

%% Ends the calling process with the reason of its child, which has ended and is reported.
%% By a signal: a behaviour that stops with such a reason reports it once more, with a
%% state that says nothing about it.
-spec follow(term()) -> no_return().
follow(Reason) ->
    process_flag(trap_exit, false),
    exit(self(), Reason),
    %% Not reached.
    exit(Reason).

%% The answer to what a supervisor is asked of its children, which changes
%% nothing; anything else is for the caller.
-spec answer(term(), pid() | undefined | restarting, specification()) -> {ok, term()} | no.
answer(which_children, Pid, #{id := Id, type := Type, modules := Modules}) ->
    {ok, [{Id, Pid, Type, Modules}]};
answer(count_children, Pid, #{type := Type}) ->
    Count = fun
        (true) -> 1;
        (false) -> 0
    end,
    {ok, [
        {specs, 1},
        {active, Count(is_pid(Pid))},
        {supervisors, Count(Type =:= supervisor)},
        {workers, Count(Type =:= worker)}
    ]};
answer({get_childspec, Which}, Pid, #{id := Id} = Spec) when Which =:= Id; Which =:= Pid ->
    {ok, {ok, Spec}};
answer({Request, Which}, _Pid, #{id := Id}) when
    is_atom(Request), Request =/= start_child, Which =/= Id
->
    {ok, {error, not_found}};
answer({start_child, _}, _Pid, _Spec) ->
    {ok, {error, one_child}};
answer(_Request, _Pid, _Spec) ->
    no.

%% The log entry that a supervisor writes.
-spec report(module(), Context, term(), pid() | undefined, specification()) -> ok when
    Context :: start_error | child_terminated.
report(Supervisor, Context, Reason, Pid, Spec) ->
    #{id := Id, start := Start, restart := Restart, shutdown := Shutdown, type := Type} = Spec,
    logger:log(
        error,
        #{
            label => {supervisor, Context},
            report => [
                {supervisor, {self(), Supervisor}},
                {errorContext, Context},
                {reason, Reason},
                {offender, [
                    {pid, Pid},
                    {id, Id},
                    {mfargs, Start},
                    {restart_type, Restart},
                    {shutdown, Shutdown},
                    {child_type, Type}
                ]}
            ]
        },
        #{
            domain => [otp, sasl],
            report_cb => fun supervisor:format_log/2,
            logger_formatter => #{title => "SUPERVISOR REPORT"},
            error_logger => #{
                tag => error_report,
                type => supervisor_report,
                report_cb => fun supervisor:format_log/1
            }
        }
    ).
