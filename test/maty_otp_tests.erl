%% An actor is an OTP process in full.
-module(maty_otp_tests).

-include_lib("eunit/include/eunit.hrl").
-include("maty_protocols.hrl").

%% A handler of the logger.
-export([log/2]).

-import(maty_player, [play/3, next/1, go/1, access_point/1]).

otp_test_() ->
    maty_player:tests([
        fun calls/0,
        fun casts_and_other_messages/0,
        fun continue_from_anywhere/0,
        fun timeouts/0,
        fun timeouts_under_observation/0,
        fun hibernate/0,
        fun hibernate_after/0,
        fun starting/0,
        fun names/0,
        fun the_end/0,
        fun errors_in_callbacks/0,
        fun parent_ends/0,
        fun get_and_replace_state/0,
        fun suspend_and_resume/0,
        fun change_code/0,
        fun handlers_in_new_code/0,
        fun handlers_of_old_code/0,
        fun trace_and_statistics/0,
        fun status/0,
        fun status_of_an_access_point/0,
        fun the_log_of_an_end/0,
        fun under_a_supervisor/0,
        fun messages_without_handle_info/0
    ]).

start(Callbacks) ->
    start(Callbacks, []).

start(Callbacks, Options) ->
    All = maps:merge(#{init_actor => fun() -> {ok, 0} end}, Callbacks),
    {ok, Pid} = maty_actor:start(maty_callbacks, All, Options),
    Pid.

told() ->
    receive
        {told, What} -> What
    end.

tell() ->
    Test = self(),
    fun(What) -> Test ! {told, What} end.

calls() ->
    Pid = start(#{
        handle_call => fun
            (get, _From, N) -> {reply, N, N};
            ({put, N}, From, _) -> gen_server:reply(From, ok), {noreply, N};
            (stop, _From, N) -> {stop, normal, {stopped, N}, N}
        end
    }),
    ?assertEqual(0, maty_player:call(Pid, get)),
    ?assertEqual(ok, maty_player:call(Pid, {put, 5})),
    ?assertEqual(5, maty_player:call(Pid, get)),
    Monitor = erlang:monitor(process, Pid),
    ?assertEqual({stopped, 5}, maty_player:call(Pid, stop)),
    ?assertEqual(normal, end_of(Monitor)).

end_of(Monitor) ->
    receive
        {'DOWN', Monitor, process, _, Reason} -> Reason
    end.

casts_and_other_messages() ->
    Tell = tell(),
    Pid = start(#{
        handle_cast => fun(Request, N) -> Tell({cast, Request, N}), {noreply, N + 1} end,
        handle_info => fun(Message, N) -> Tell({info, Message, N}), {noreply, N + 1} end
    }),
    gen_server:cast(Pid, one),
    Pid ! two,
    Pid ! {'DOWN', make_ref(), process, self(), x},
    Pid ! {'$maty', not_an_envelope},
    ?assertEqual({cast, one, 0}, told()),
    ?assertEqual({info, two, 1}, told()),
    ?assertMatch({info, {'DOWN', _, process, _, x}, 2}, told()),
    ?assertEqual({info, {'$maty', not_an_envelope}, 3}, told()),
    maty_player:stop(Pid).

continue_from_anywhere() ->
    Tell = tell(),
    Pid = start(#{
        init_actor => fun() -> {ok, 0, {continue, init}} end,
        handle_continue => fun
            (init, N) -> Tell({continue, init}), {noreply, N, {continue, again}};
            (What, N) -> Tell({continue, What}), {noreply, N}
        end,
        handle_call => fun(What, _, N) -> {reply, ok, N, {continue, What}} end,
        handle_info => fun(What, N) -> {noreply, N, {continue, What}} end
    }),
    ?assertEqual([{continue, init}, {continue, again}], [told(), told()]),
    ok = maty_player:call(Pid, called),
    ?assertEqual({continue, called}, told()),
    Pid ! info,
    ?assertEqual({continue, info}, told()),
    maty_player:stop(Pid).

timeouts() ->
    Tell = tell(),
    Pid = start(#{
        init_actor => fun() -> {ok, 0, 1} end,
        handle_info => fun
            (timeout, N) -> Tell({timeout, N}), {noreply, N + 1};
            (again, N) -> {noreply, N, 0};
            (Other, N) -> Tell(Other), {noreply, N}
        end
    }),
    ?assertEqual({timeout, 0}, told()),
    Pid ! again,
    ?assertEqual({timeout, 1}, told()),
    %% Any message ends the wait.
    ok = sys:suspend(Pid),
    Pid ! again,
    Pid ! other,
    ok = sys:resume(Pid),
    ?assertEqual(other, told()),
    maty_player:stop(Pid).

%% Whoever looks at an actor does not take its timeout away.
timeouts_under_observation() ->
    Tell = tell(),
    Pid = start(#{
        handle_cast => fun(Time, N) -> {noreply, N, Time} end,
        handle_info => fun(timeout, N) -> Tell(timeout), {noreply, N} end
    }),
    lists:foreach(
        fun(Look) ->
            gen_server:cast(Pid, 100),
            _ = Look(),
            ?assertEqual(timeout, told())
        end,
        [
            fun() -> sys:get_state(Pid) end,
            fun() -> maty:sessions(Pid) end,
            fun() -> sys:suspend(Pid), sys:resume(Pid) end
        ]
    ),
    maty_player:stop(Pid).

hibernate() ->
    Pid = start(#{
        handle_call => fun
            (sleep, _, N) -> {reply, ok, N, hibernate};
            (get, _, N) -> {reply, N, N}
        end
    }),
    ok = maty_player:call(Pid, sleep),
    maty_player:until(fun() -> hibernates(Pid) end),
    ?assertEqual(0, maty_player:call(Pid, get)),
    ?assertNot(hibernates(Pid)),
    maty_player:stop(Pid).

hibernates(Pid) ->
    process_info(Pid, current_function) =:= {current_function, {erlang, hibernate, 3}}.

%% A session goes on after its actor has slept.
hibernate_after() ->
    AccessPoint = access_point(?REQUEST),
    Pid = start(
        #{
            init_actor => fun() -> maty:register(AccessPoint, 'Server'), {ok, 0} end,
            init_session => fun(_, N) ->
                Answer = fun({ask, A}, Local) ->
                    maty:send('Client', {answer, A + 1}),
                    {done, normal, Local}
                end,
                {ok, Answer, none, N}
            end
        },
        [{hibernate_after, 1}]
    ),
    Client = play(AccessPoint, 'Client', [pause, {send, 'Server', {ask, 1}}, wait]),
    {paused, 'Client'} = next(Client),
    maty_player:begun(Pid),
    maty_player:until(fun() -> hibernates(Pid) end),
    go(Client),
    ?assertEqual({got, 'Client', {answer, 2}}, next(Client)),
    maty_player:stop(Pid).

starting() ->
    Init = fun(Fun) -> maty_actor:start(maty_callbacks, #{init_actor => Fun}, []) end,
    ?assertEqual({error, no}, Init(fun() -> {stop, no} end)),
    ?assertEqual(ignore, Init(fun() -> ignore end)),
    ?assertEqual({error, {bad_return_value, what}}, Init(fun() -> what end)),
    ?assertMatch({error, {oops, [_ | _]}}, Init(fun() -> error(oops) end)),
    ?assertEqual({error, oops}, Init(fun() -> exit(oops) end)),
    ?assertMatch({error, {{nocatch, oops}, [_ | _]}}, Init(fun() -> throw(oops) end)),
    ?assertEqual(
        {error, timeout},
        maty_actor:start(
            maty_callbacks,
            #{init_actor => fun() -> receive never -> ok end end},
            [{timeout, 1}]
        )
    ),
    Options = [
        debug, hibernate_after, max_waiting, name, on_raise, report_cb, spawn_opt, timeout
    ],
    ?assertEqual(
        {error, {unknown_option, on_rase, Options}},
        maty_actor:start(maty_callbacks, #{}, [{timeout, infinity}, {on_rase, leave}])
    ),
    ?assertEqual(
        {error, {bad_option, on_raise, leaf, "'stop' or 'leave'"}},
        maty_actor:start(maty_callbacks, #{}, [{on_raise, leaf}])
    ),
    %% A map is as good as a list.
    ?assertEqual(
        {error, {unknown_option, on_rase, Options}},
        maty_actor:start(maty_callbacks, #{}, #{on_rase => leave})
    ),
    Ready = #{init_actor => fun() -> {ok, ready} end},
    {ok, Named} = maty_actor:start(maty_callbacks, Ready, #{name => maty_otp_of_a_map}),
    ?assertEqual(Named, whereis(maty_otp_of_a_map)),
    ok = gen_server:stop(Named),
    {ok, Alone} = maty_actor:start(maty_callbacks, Ready),
    ok = gen_server:stop(Alone),
    %% The name is free again when the starter hears of it.
    Bad = fun() ->
        maty_actor:start(
            {local, maty_otp_bad}, maty_callbacks, #{init_actor => fun() -> {stop, no} end}, []
        )
    end,
    ?assertEqual([{error, no}, {error, no}], [Bad(), Bad()]).

names() ->
    Init = #{
        init_actor => fun() -> {ok, 0} end,
        handle_call => fun(get, _, N) -> {reply, {N, self()}, N} end
    },
    {ok, _} = application:ensure_all_started(kernel),
    [
        begin
            {ok, Pid} = maty_actor:start(Name, maty_callbacks, Init, []),
            ?assertEqual({0, Pid}, maty_player:call(Called, get)),
            ?assertEqual([], maty:sessions(Called)),
            ?assertEqual(
                {error, {already_started, Pid}}, maty_actor:start(Name, maty_callbacks, Init, [])
            ),
            gen_server:stop(Called)
        end
     || {Name, Called} <- [
            {{local, maty_otp_name}, maty_otp_name},
            {{global, {a, name}}, {global, {a, name}}},
            {{via, global, {b, name}}, {via, global, {b, name}}}
        ]
    ],
    {ok, Option} = maty_actor:start(maty_callbacks, Init, [{name, maty_otp_name}]),
    ?assertEqual(Option, whereis(maty_otp_name)),
    gen_server:stop(Option),
    {ok, Linked} = maty_actor:start_link(maty_callbacks, Init),
    ?assert(lists:member(Linked, element(2, process_info(self(), links)))),
    unlink(Linked),
    gen_server:stop(Linked).

the_end() ->
    Tell = tell(),
    Terminate = fun(Reason, N) -> Tell({terminate, Reason, N}) end,
    Pid = start(#{
        terminate => Terminate,
        handle_cast => fun(Reason, N) -> {stop, Reason, N + 1} end
    }),
    Monitor = erlang:monitor(process, Pid),
    gen_server:cast(Pid, {shutdown, x}),
    ?assertEqual({terminate, {shutdown, x}, 1}, told()),
    ?assertEqual({shutdown, x}, end_of(Monitor)),
    Stopped = start(#{terminate => Terminate}),
    gen_server:stop(Stopped, because, infinity),
    ?assertEqual({terminate, because, 0}, told()),
    %% An error in terminate is the reason then.
    Bad = start(#{terminate => fun(_, _) -> error(at_the_end) end}),
    Again = erlang:monitor(process, Bad),
    catch gen_server:stop(Bad),
    ?assertMatch({at_the_end, [_ | _]}, end_of(Again)).

errors_in_callbacks() ->
    [
        begin
            Pid = start(#{handle_cast => fun(_, _) -> Fun() end}),
            Monitor = erlang:monitor(process, Pid),
            gen_server:cast(Pid, go),
            Reason = end_of(Monitor),
            ?assert(Check(Reason))
        end
     || {Fun, Check} <- [
            {fun() -> error(oops) end, fun({oops, [_ | _]}) -> true end},
            {fun() -> exit(oops) end, fun(oops) -> true end},
            {fun() -> throw(oops) end, fun({{nocatch, oops}, [_ | _]}) -> true end},
            {fun() -> what end, fun({bad_return_value, what}) -> true end},
            {fun() -> {reply, no, body} end, fun({bad_return_value, _}) -> true end},
            {fun() -> {noreply, 0, nonsense} end, fun({bad_action, nonsense}) -> true end}
        ]
    ],
    %% A request that nobody handles.
    Pid = start(#{}),
    ?assertExit({{{badkey, handle_call}, _}, _}, maty_player:call(Pid, what)).

parent_ends() ->
    Tell = tell(),
    {Parent, Down} = spawn_monitor(fun() ->
        {ok, Pid} = maty_actor:start_link(maty_callbacks, #{
            init_actor => fun() -> process_flag(trap_exit, true), {ok, 0} end,
            handle_info => fun(Message, N) -> Tell({info, Message}), {noreply, N} end,
            terminate => fun(Reason, _) -> Tell({terminate, Reason}) end
        }),
        Tell(Pid),
        receive
            stop -> exit(parent_stops)
        end
    end),
    Pid = told(),
    Monitor = erlang:monitor(process, Pid),
    Other = spawn(fun() -> link(Pid), exit(other) end),
    ?assertEqual({info, {'EXIT', Other, other}}, told()),
    Parent ! stop,
    ?assertEqual(parent_stops, end_of(Down)),
    ?assertEqual({terminate, parent_stops}, told()),
    ?assertEqual(parent_stops, end_of(Monitor)).

get_and_replace_state() ->
    AccessPoint = access_point(?REQUEST),
    Tell = tell(),
    First = fun(_, _) -> {done, wrong, wrong} end,
    Pid = start(#{
        init_actor => fun() -> maty:register(AccessPoint, 'Server'), {ok, 7} end,
        init_session => fun(_, N) -> Tell(begun), {ok, First, local, N} end,
        handle_call => fun(get, _, N) -> {reply, N, N} end
    }),
    Client = play(AccessPoint, 'Client', [pause, {send, 'Server', {ask, 1}}, wait]),
    {paused, 'Client'} = next(Client),
    begun = told(),
    [#{id := Id}] = maty:sessions(Pid),
    #{actor_state := {Callbacks, 7}, sessions := Sessions} = State = sys:get_state(Pid),
    ?assertEqual(#{{Id, 'Server'} => #{next_handler => First, local_state => local}}, Sessions),
    Second = fun({ask, N}, Local) ->
        Tell(Local),
        maty:send('Client', {answer, N}),
        {done, normal, Local}
    end,
    sys:replace_state(Pid, fun(_) ->
        State#{
            actor_state := {Callbacks, 8},
            sessions := #{{Id, 'Server'} => #{next_handler => Second, local_state => new}}
        }
    end),
    ?assertEqual(8, maty_player:call(Pid, get)),
    go(Client),
    ?assertEqual(new, told()),
    ?assertEqual({got, 'Client', {answer, 1}}, next(Client)),
    %% A function that fails leaves all as it was.
    ?assertError(_, sys:replace_state(Pid, fun(_) -> error(bad) end)),
    ?assertEqual(8, maty_player:call(Pid, get)),
    maty_player:stop(Pid).

suspend_and_resume() ->
    Tell = tell(),
    Pid = start(#{handle_cast => fun(N, _) -> Tell(N), {noreply, N} end}),
    ok = sys:suspend(Pid),
    gen_server:cast(Pid, 1),
    ?assertMatch(#{actor_state := {_, 0}}, sys:get_state(Pid)),
    ok = sys:resume(Pid),
    ?assertEqual(1, told()),
    maty_player:stop(Pid).

change_code() ->
    Pid = start(#{
        handle_call => fun(get, _, N) -> {reply, N, N} end,
        code_change => fun
            (old, N, extra) -> {ok, {changed, N}};
            (_, _, _) -> {error, refused}
        end
    }),
    ok = sys:suspend(Pid),
    ok = sys:change_code(Pid, maty_callbacks, old, extra),
    ?assertEqual({error, {error, refused}}, sys:change_code(Pid, maty_callbacks, older, extra)),
    ok = sys:resume(Pid),
    ?assertEqual({changed, 0}, maty_player:call(Pid, get)),
    maty_player:stop(Pid).

%% An actor whose functions say the version of their code.
-define(VERSIONED, [
    "-module(maty_otp_versioned).",
    "-export([init_actor/1, init_session/2, handle_cast/2]).",
    "-export([asked/2, failed/2, ask/2, answered/2]).",
    "init_actor({AccessPoint, Role, State}) ->"
    "    maty:register(AccessPoint, Role),"
    "    {ok, State}.",
    "init_session(_, {server, _} = State) ->"
    "    {ok, fun ?MODULE:asked/2, none, State, #{on_failure => fun ?MODULE:failed/2}};"
    "init_session(_, client) ->"
    "    {hold, waits, fun ?MODULE:ask/2, none, client};"
    "init_session(_, local) ->"
    "    {ok, fun asked/2, none, local}.",
    "asked({ask, _}, Local) ->"
    "    maty:send('Client', {answer, ?VERSION}),"
    "    {done, normal, Local}.",
    "failed(Failure, {server, Test} = State) ->"
    "    Test ! {told, {?VERSION, Failure}},"
    "    {ok, State}.",
    "handle_cast(ask, client) ->"
    "    maty:become(waits, question),"
    "    {noreply, client}.",
    "ask(question, Local) ->"
    "    maty:send('Server', {ask, ?VERSION}),"
    "    {suspend, fun ?MODULE:answered/2, Local}.",
    "answered({answer, _}, Local) ->"
    "    {done, normal, Local}."
]).

%% The code before the last one is gone then.
load(Version) ->
    Macros = [{"?MODULE", "maty_otp_versioned"}, {"?VERSION", integer_to_list(Version)}],
    Forms = [form(Text, Macros) || Text <- ?VERSIONED],
    {ok, Module, Beam} = compile:forms(Forms),
    _ = code:purge(Module),
    {module, Module} = code:load_binary(Module, "", Beam),
    ok.

form(Text, Macros) ->
    Replace = fun({From, To}, T) -> lists:flatten(string:replace(T, From, To, all)) end,
    {ok, Tokens, _} = erl_scan:string(lists:foldl(Replace, Text, Macros)),
    {ok, Form} = erl_parse:parse_form(Tokens),
    Form.

%% In a session with another that plays a list of steps.
versioned(Role, State, OtherRole, Steps) ->
    AccessPoint = access_point(?REQUEST),
    {ok, Pid} = maty_actor:start(maty_otp_versioned, {AccessPoint, Role, State}),
    Other = play(AccessPoint, OtherRole, Steps),
    maty_player:until(fun() -> maty:sessions(Pid) =/= [] end),
    {Pid, Other}.

%% Suspended, held, and to be told of a failure, with functions that are named with
%% their module.
handlers_in_new_code() ->
    ok = load(1),
    Asks = [pause, {send, 'Server', {ask, 1}}, wait],
    {Server, Client} = versioned('Server', {server, self()}, 'Client', Asks),
    {Other, Lost} = versioned('Server', {server, self()}, 'Client', Asks),
    {Holder, Asked} = versioned('Client', client, 'Server', [wait, {send, 'Client', {answer, 1}}]),
    ok = load(2),
    ok = load(3),
    {paused, 'Client'} = next(Client),
    go(Client),
    ?assertEqual({got, 'Client', {answer, 3}}, next(Client)),
    maty_player:kill(Lost),
    ?assertEqual({3, {cancelled, 'Client'}}, told()),
    gen_server:cast(Holder, ask),
    ?assertEqual({got, 'Server', {ask, 3}}, next(Asked)),
    ?assertEqual({ended, 'Server', {done, normal}}, next(Asked)),
    [gen_server:stop(Pid) || Pid <- [Server, Other, Holder]].

%% A local function can be called as long as the code that has made it is there.
handlers_of_old_code() ->
    ok = load(1),
    Asks = [pause, {send, 'Server', {ask, 1}}, wait],
    {Server, Client} = versioned('Server', local, 'Client', Asks),
    {Kept, Lost} = versioned('Server', local, 'Client', Asks),
    Monitor = erlang:monitor(process, Kept),
    ok = load(2),
    {paused, 'Client'} = next(Client),
    go(Client),
    ?assertEqual({got, 'Client', {answer, 1}}, next(Client)),
    ok = load(3),
    {paused, 'Client'} = next(Lost),
    go(Lost),
    ?assertMatch({{badfun, _}, _}, end_of(Monitor)),
    ?assertEqual({ended, 'Client', {failed, {cancelled, 'Server'}}}, next(Lost)),
    gen_server:stop(Server).

trace_and_statistics() ->
    AccessPoint = access_point(?REQUEST),
    Server = play(AccessPoint, 'Server', [wait, {send, 'Client', {answer, 2}}]),
    ok = sys:statistics(Server, true),
    ok = sys:log(Server, true),
    Test = self(),
    ok = sys:install(Server, {fun(State, Event, _) -> Test ! {event, Event}, State end, none}),
    Client = play(AccessPoint, 'Client', [{send, 'Server', {ask, 1}}, wait]),
    ?assertEqual({got, 'Server', {ask, 1}}, next(Server)),
    ?assertEqual({got, 'Client', {answer, 2}}, next(Client)),
    receive
        {event, {in, {'$maty', _, _, {ask, 1}}}} -> ok
    end,
    {ok, Statistics} = sys:statistics(Server, get),
    ?assertEqual(2, proplists:get_value(messages_in, Statistics)),
    {ok, [_, {in, {'$maty', _, _, {ask, 1}}}]} = sys:log(Server, get),
    ok = sys:no_debug(Server),
    maty_player:stop(Server).

status() ->
    Pid = start(#{}),
    {status, Pid, {module, maty_actor}, [_, running, _, [], Misc]} = sys:get_status(Pid),
    ?assertEqual("Status for maty_actor " ++ pid_to_list(Pid), proplists:get_value(header, Misc)),
    Data = lists:append(proplists:get_all_values(data, Misc)),
    ?assertMatch(#{actor_state := {_, 0}, sessions := #{}}, proplists:get_value("State", Data)),
    maty_player:stop(Pid).

status_of_an_access_point() ->
    AccessPoint = access_point(?REQUEST),
    Pid = start(#{init_actor => fun() -> maty:register(AccessPoint, 'Server'), {ok, 0} end}),
    {status, AccessPoint, _, [_, _, _, _, Misc]} = sys:get_status(AccessPoint),
    Data = lists:append(proplists:get_all_values(data, Misc)),
    ?assertEqual(
        #{
            protocol => 'Request',
            options => #{
                name => undefined,
                drop => newest,
                max_waiting => infinity,
                max_waiting_in_all => infinity,
                max_under_way => infinity,
                overload => refuse
            },
            waiting => #{'Client' => [], 'Server' => [Pid]},
            opening => 0,
            sessions => 0,
            turned_away => 0
        },
        proplists:get_value("State", Data)
    ),
    maty_player:stop(Pid),
    maty_access_point:stop(AccessPoint).

%% What ends an actor is said in words, by the actor and in the report of the process,
%% which shows of its dictionary what the user has put there.
the_log_of_an_end() ->
    #{level := Level} = logger:get_primary_config(),
    {ok, #{level := Default}} = logger:get_handler_config(default),
    ok = logger:set_handler_config(default, level, none),
    ok = logger:add_handler(?MODULE, ?MODULE, #{config => self()}),
    ok = logger:set_primary_config(level, error),
    try
        Options = "the options are on_failure, timeout",
        [
            begin
                {Said, Crash, Dictionary} = end_in_session(Fun),
                ?assertMatch({_, {match, _}}, {Said, re:run(Said, "^" ++ Text)}),
                ?assertMatch({_, {match, _}}, {Crash, re:run(Crash, Text)}),
                ?assertEqual([{mine, 1}], Dictionary)
            end
         || {Fun, Text} <- [
                {fun(_, _) -> yes end, "init_session returned yes; it returns {ok, Handler, "},
                {fun(_, N) -> {ok, fun(_, _) -> no end, 0, N} end,
                    "#Fun<maty_otp_tests.* returned no; a handler returns {suspend, Handler, "},
                {fun(_, N) -> {ok, fun(_, _) -> no end, 0, N, #{timeot => 1}} end,
                    "a suspension: unknown option timeot; " ++ Options},
                {fun(_, N) -> {ok, fun(_, _) -> no end, 0, N, 17} end,
                    "a suspension: 17 is no map of options"},
                {fun(_, N) -> {done, normal, N} end,
                    "Server in session #.* of Request is done before the end of the protocol"},
                {fun(_, _) -> maty:send('Client', {no}) end,
                    "exception error: Server in session #.* of Request sends {no} to 'Client', "},
                {fun(_, _) -> error(oops) end,
                    "exception error: oops\n      in function  maty_otp_tests:.* \\(.*, line "},
                {fun(_, _) -> throw(oops) end,
                    "exception throw: oops\n      in function  maty_otp_tests:.* \\(.*, line "}
            ]
        ]
    after
        logger:set_primary_config(level, Level),
        logger:remove_handler(?MODULE),
        logger:set_handler_config(default, level, Default)
    end.

%% An actor that ends by what its init_session, or its handler, does. What it
%% says of that behind its name and session, what the report of the process says, and
%% what is left in its dictionary.
end_in_session(InitSession) ->
    AccessPoint = access_point(?REQUEST),
    Init = fun() ->
        put(mine, 1),
        maty:register(AccessPoint, 'Server'),
        maty:register(AccessPoint, 'Server'),
        {ok, 0}
    end,
    Asks = fun(_, N) ->
        maty:send('Server', {ask, 1}),
        {ok, fun({answer, _}, Local) -> {done, normal, Local} end, none, N}
    end,
    Server = start(#{init_actor => Init, init_session => InitSession}),
    Client = start(#{
        init_actor => fun() -> maty:register(AccessPoint, 'Client'), {ok, 0} end,
        init_session => Asks
    }),
    Said =
        receive
            {logged, Server, {text, Line}} -> Line
        end,
    {Crash, Dictionary} =
        receive
            {logged, Server, {crash, Text, Left}} -> {Text, Left}
        end,
    maty_player:stop(Client),
    maty_access_point:stop(AccessPoint),
    %% A violation names the session itself.
    Head = "^<[0-9.]+> \\(maty_callbacks\\) ended(?: in session #[0-9.]+ of Request as Server)?: ",
    [[], Reason] = re:split(Said, Head, [{return, list}, unicode, {parts, 2}]),
    {Reason, Crash, Dictionary}.

log(#{msg := {report, #{event := terminate} = Report}, meta := Meta}, #{config := Test}) ->
    #{pid := Pid, report_cb := Text} = Meta,
    Test ! {logged, Pid, {text, unicode:characters_to_list(Text(Report, #{}))}};
log(#{msg := {report, #{label := {proc_lib, crash}} = Report}}, #{config := Test}) ->
    #{report := [Info | _]} = Report,
    {pid, Pid} = lists:keyfind(pid, 1, Info),
    {dictionary, Dictionary} = lists:keyfind(dictionary, 1, Info),
    Whole = #{depth => unlimited, chars_limit => unlimited, single_line => false},
    Text = unicode:characters_to_list(proc_lib:report_cb(Report, Whole)),
    Test ! {logged, Pid, {crash, Text, Dictionary}};
log(_, _) ->
    ok.

%% A restarted actor registers for later sessions.
under_a_supervisor() ->
    process_flag(trap_exit, true),
    AccessPoint = access_point(?REQUEST),
    Echo = fun({ask, N}, Local) ->
        maty:send('Client', {answer, N}),
        {done, normal, Local}
    end,
    Callbacks = #{
        init_actor => fun() -> maty:register(AccessPoint, 'Server'), {ok, 0} end,
        init_session => fun(_, N) -> {ok, Echo, none, N} end,
        handle_cast => fun(crash, _) -> error(crash) end
    },
    Spec = maty_actor:child_spec({maty_callbacks, Callbacks, [{name, maty_otp_server}]}),
    ?assertEqual(
        #{
            id => maty_callbacks,
            start =>
                {maty_actor, start_link, [maty_callbacks, Callbacks, [{name, maty_otp_server}]]},
            modules => [maty_callbacks]
        },
        Spec
    ),
    ?assertEqual(
        #{id => m, start => {maty_actor, start_link, [m, a, []]}, modules => [m]},
        maty_actor:child_spec({m, a})
    ),
    {ok, Supervisor} = supervisor_with(Spec),
    First = whereis(maty_otp_server),
    Monitor = erlang:monitor(process, First),
    gen_server:cast(First, crash),
    ?assertMatch({crash, _}, end_of(Monitor)),
    maty_player:until(fun() -> is_pid(whereis(maty_otp_server)) end),
    ?assertNotEqual(First, whereis(maty_otp_server)),
    Client = play(AccessPoint, 'Client', [{send, 'Server', {ask, 1}}, wait]),
    ?assertEqual({got, 'Client', {answer, 1}}, next(Client)),
    %% An access point as a child.
    {ok, Child} = supervisor:start_child(
        Supervisor,
        maty_access_point:child_spec(#{protocol => {string, ?REQUEST}, name => maty_otp_point})
    ),
    ?assertEqual(Child, whereis(maty_otp_point)),
    exit(Supervisor, shutdown),
    receive
        {'EXIT', Supervisor, shutdown} -> ok
    end,
    ?assertEqual([undefined, undefined], [whereis(maty_otp_server), whereis(maty_otp_point)]),
    process_flag(trap_exit, false).

supervisor_with(Spec) ->
    supervisor:start_link(maty_otp_supervisor, Spec).

messages_without_handle_info() ->
    Pid = start_plain(),
    Pid ! hello,
    ?assertEqual([], maty:sessions(Pid)),
    gen_server:stop(Pid).

%% maty_otp_supervisor exports what an actor needs and nothing else.
start_plain() ->
    {ok, Pid} = maty_actor:start(maty_otp_supervisor, none, []),
    Pid.
