%% What does not come in time: deadlines of suspensions, of the protocol and of registrations.
-module(maty_deadline_tests).

-include_lib("eunit/include/eunit.hrl").
-include("../src/maty_internal.hrl").
-include("maty_protocols.hrl").

-import(maty_player, [play/3, play/1, next/1, go/1, access_point/1, begun/1, waits/2]).
-import(maty_callbacks, [started/4, told/1]).

-define(TWICE,
    "global protocol Twice(role Client, role Server) {"
    "  ask(integer) from Client to Server;"
    "  ask(integer) from Client to Server;"
    "}"
).

deadline_test_() ->
    maty_player:tests([
        fun timeout_of_a_suspension/0,
        fun timeout_of_a_first_suspension/0,
        fun timeout_that_comes_too_late/0,
        fun timeout_again_with_noreply/0,
        fun wrong_options/0,
        fun deadline_of_the_protocol/0,
        fun sooner_of_two_deadlines/0,
        fun registration_that_expires/0,
        fun registration_that_is_answered/0,
        fun registration_that_expires_without_a_callback/0,
        fun registration_that_expires_elsewhere/0,
        fun wrong_options_of_a_registration/0,
        fun maty_player:nothing_is_left/0
    ]).

%% ----- Of suspensions -----

%% Nobody crashes: what is waited for does not come in time.
timeout_of_a_suspension() ->
    AccessPoint = access_point(?REQUEST),
    Server = play(AccessPoint, 'Server', [wait, pause, {send, 'Client', {answer, 1}}]),
    Client = play(AccessPoint, 'Client', [{send, 'Server', {ask, 1}}, {wait, #{timeout => 1}}]),
    ?assertEqual({got, 'Server', {ask, 1}}, next(Server)),
    ?assertEqual({paused, 'Server'}, next(Server)),
    ?assertEqual({ended, 'Client', {failed, timeout}}, next(Client)),
    %% What is sent to it now goes nowhere.
    go(Server),
    ?assertEqual({ended, 'Server', {done, normal}}, next(Server)),
    maty_player:settled().

%% Who waits for the one that fails hears of that.
timeout_of_a_first_suspension() ->
    AccessPoint = access_point(?CASCADE),
    B = play(AccessPoint, 'B', [pause]),
    C = play(AccessPoint, 'C', [{wait, #{timeout => 1}}]),
    A = play(AccessPoint, 'A', [{send, 'C', {x}}, wait]),
    {paused, 'B'} = next(B),
    %% x was sent before or after C's deadline.
    case next(C) of
        {got, 'C', {x}} -> maty_player:kill(C);
        {ended, 'C', {failed, timeout}} -> ok
    end,
    ?assertEqual({ended, 'A', {failed, {cancelled, 'C'}}}, next(A)),
    maty_player:kill(B).

%% The message has been sent before the deadline, and is received after it.
timeout_that_comes_too_late() ->
    AccessPoint = access_point(?TWICE),
    Server = play(AccessPoint, 'Server', [wait, pause, {wait, #{timeout => 0}}]),
    Client = play(AccessPoint, 'Client', [
        {send, 'Server', {ask, 1}}, pause, {send, 'Server', {ask, 2}}
    ]),
    [{got, 'Server', {ask, 1}}, {paused, 'Server'}] = [next(Server), next(Server)],
    {paused, 'Client'} = next(Client),
    Suspended = spawn_monitor(fun() -> ok = sys:suspend(Server, infinity) end),
    maty_player:until(fun() ->
        erlang:process_info(Server, message_queue_len) =:= {message_queue_len, 1}
    end),
    {_, #{expired := Expired}} = maty_player:counted(fun() ->
        go(Client),
        {ended, 'Client', {done, normal}} = next(Client),
        go(Server),
        receive
            {'DOWN', Monitor, process, Pid, normal} when Suspended =:= {Pid, Monitor} -> ok
        end,
        ok = sys:resume(Server),
        ?assertEqual({got, 'Server', {ask, 2}}, next(Server)),
        ?assertEqual({ended, 'Server', {done, normal}}, next(Server))
    end),
    ?assertEqual(0, Expired),
    maty_player:settled().

%% Handler and options stay as they are, and the time begins again.
timeout_again_with_noreply() ->
    AccessPoint = access_point(?TWICE),
    Server = started(AccessPoint, 'Server', #{
        init_session => fun(_, State) ->
            {ok, fun({ask, _}, _) -> noreply end, none, State, #{timeout => 100}}
        end
    }, []),
    Client = play(AccessPoint, 'Client', [
        {send, 'Server', {ask, 1}}, pause, {send, 'Server', {ask, 2}}
    ]),
    {paused, 'Client'} = next(Client),
    ?assertEqual({ended, {failed, timeout}}, told(Server)),
    go(Client),
    ?assertEqual({ended, 'Client', {done, normal}}, next(Client)).

wrong_options() ->
    [
        begin
            AccessPoint = access_point(?REQUEST),
            Server = started(AccessPoint, 'Server', #{
                init_session => fun(_, State) ->
                    {ok, fun(_, _) -> noreply end, none, State, Options}
                end
            }, []),
            Monitor = erlang:monitor(process, Server),
            Client = play(AccessPoint, 'Client', [pause]),
            receive
                {'DOWN', Monitor, process, Server, {Reason, [_ | _]}} ->
                    ?assertEqual(Expected, Reason)
            end,
            maty_player:kill(Client)
        end
     || {Options, Expected} <- [
            {#{timeout => soon},
                {bad_option, timeout, soon, "milliseconds, up to 2^32 - 1, or 'infinity'"}},
            {#{timeout => 1 bsl 32},
                {bad_option, timeout, 1 bsl 32, "milliseconds, up to 2^32 - 1, or 'infinity'"}},
            {[{on_failure, no_function}],
                {bad_option, on_failure, no_function,
                    "a function of the failure and the actor's state"}},
            {[{within, 5}], {unknown_option, within, [on_failure, timeout]}},
            {nothing, {not_options, nothing}}
        ]
    ].

%% ----- Of the protocol -----

%% Neither actor says anything of time.
deadline_of_the_protocol() ->
    AccessPoint = access_point(
        "global protocol Slow(role Client, role Server) {"
        "  ask() from Client to Server; @\"within 1ms\"\n"
        "  answer() from Server to Client; @\"within 1ms\"\n"
        "  more() from Client to Server;"
        "}"
    ),
    %% The first step.
    Server = play(AccessPoint, 'Server', [wait]),
    Client = play(AccessPoint, 'Client', [pause]),
    ?assertEqual({ended, 'Server', {failed, timeout}}, next(Server)),
    maty_player:kill(Client),
    %% A later one: the server waits at once, so it may fail in its first state.
    Second = play(AccessPoint, 'Client', [{send, 'Server', {ask}}, wait]),
    Busy = play(AccessPoint, 'Server', [pause, wait]),
    ?assertEqual({ended, 'Client', {failed, timeout}}, next(Second)),
    maty_player:kill(Busy),
    {_, #machine{roles = Roles}} = machine(AccessPoint),
    ?assertEqual(
        [[infinity, 1, infinity, infinity], [1, infinity, infinity, infinity]],
        [[maty_machine:deadline(R, S) || S <- maty_machine:states(R)] || R <- tuple_to_list(Roles)]
    ).

machine(AccessPoint) ->
    {ok, Pid, Machine} = maty_access_point:locate(AccessPoint),
    {Pid, Machine}.

sooner_of_two_deadlines() ->
    AccessPoint = access_point(
        "global protocol Slow(role Client, role Server) {"
        "  ask() from Client to Server; @\"within 1h\"\n"
        "}"
    ),
    Soon = play(AccessPoint, 'Server', [{wait, #{timeout => 1}}]),
    Client = play(AccessPoint, 'Client', [pause]),
    ?assertEqual({ended, 'Server', {failed, timeout}}, next(Soon)),
    maty_player:kill(Client),
    Quick = access_point(
        "global protocol Quick(role Client, role Server) {"
        "  ask() from Client to Server; @\"within 1ms\"\n"
        "}"
    ),
    Late = play(Quick, 'Server', [{wait, #{timeout => 3600000}}]),
    Other = play(Quick, 'Client', [pause]),
    ?assertEqual({ended, 'Server', {failed, timeout}}, next(Late)),
    maty_player:kill(Other).

%% ----- Of registrations -----

registrant(AccessPoint, Timeout, Callbacks) ->
    Test = self(),
    Default = #{
        init_actor => fun() ->
            maty:register(AccessPoint, 'Server', #{timeout => Timeout}),
            {ok, none}
        end,
        init_session => fun(_, State) -> {ok, fun(_, L) -> {leave, enough, L} end, none, State} end,
        registration_expired => fun(A, Role, _) ->
            Test ! {self(), {expired, A, Role}},
            {ok, expired}
        end
    },
    started(AccessPoint, 'Server', maps:merge(Default, Callbacks), []).

registration_that_expires() ->
    AccessPoint = access_point(?REQUEST),
    Actor = registrant(AccessPoint, 1, #{}),
    ?assertEqual({expired, AccessPoint, 'Server'}, told(Actor)),
    ?assertEqual(#{'Client' => [], 'Server' => []}, maty_access_point:waiting(AccessPoint)),
    Stops = registrant(AccessPoint, 1, #{
        registration_expired => fun(_, _, State) -> {stop, {shutdown, lonely}, State} end
    }),
    Monitor = erlang:monitor(process, Stops),
    receive
        {'DOWN', Monitor, process, Stops, Reason} ->
            ?assert(lists:member(Reason, [{shutdown, lonely}, noproc]))
    end.

%% Its time is over while the session goes on.
registration_that_is_answered() ->
    AccessPoint = access_point(?REQUEST),
    Client = play(AccessPoint, 'Client', [pause, {send, 'Server', {ask, 1}}, wait]),
    Actor = registrant(AccessPoint, 3600000, #{}),
    {paused, 'Client'} = next(Client),
    begun(Actor),
    %% As from a timer that went off just before the answer came.
    Actor ! {timeout, make_ref(), '$maty_registration'},
    go(Client),
    ?assertEqual({ended, {left, enough}}, told(Actor)).

registration_that_expires_without_a_callback() ->
    AccessPoint = access_point(?REQUEST),
    Server = play([{not_yet, AccessPoint, 'Server', []}]),
    ok = maty_player:run(Server, fun() ->
        maty:register(AccessPoint, 'Server', #{timeout => 1})
    end),
    ok = waits(AccessPoint, #{'Client' => [], 'Server' => []}),
    ?assertEqual(
        not_registered,
        maty_player:run(Server, fun() -> maty:unregister(AccessPoint, 'Server') end)
    ).

%% The access point has ended, and nobody has its name.
registration_that_expires_elsewhere() ->
    {ok, AccessPoint} = maty_access_point:start_link({local, expires_here}, {string, ?REQUEST}),
    Actor = registrant(expires_here, 200, #{}),
    unlink(AccessPoint),
    maty_player:kill(AccessPoint),
    ?assertEqual({expired, expires_here, 'Server'}, told(Actor)).

wrong_options_of_a_registration() ->
    AccessPoint = access_point(?REQUEST),
    Server = play([{not_yet, AccessPoint, 'Server', []}]),
    [
        ?assertEqual(
            Expected,
            maty_player:run(Server, fun() ->
                try
                    maty:register(AccessPoint, 'Server', Options)
                catch
                    error:Reason -> Reason
                end
            end)
        )
     || {Options, Expected} <- [
            {#{timeout => soon},
                {bad_option, timeout, soon, "milliseconds, up to 2^32 - 1, or 'infinity'"}},
            {#{within => 5}, {unknown_option, within, [timeout]}}
        ]
    ].
