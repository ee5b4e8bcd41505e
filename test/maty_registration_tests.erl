%% Registrations that are taken back, and access points that end while somebody
%% waits: no registration is lost without a word, and no session is half open.
-module(maty_registration_tests).

-include_lib("eunit/include/eunit.hrl").
-include("maty_protocols.hrl").

-import(maty_player, [play/3, play/1, next/1, access_point/1, run/2]).

registrations_test_() ->
    maty_player:tests([
        fun taken_back/0,
        fun taken_back_too_late/0,
        fun taken_back_where_nobody_is/0,
        fun only_actors_register/0,
        fun access_point_of_a_pid_ends/0,
        fun access_point_of_a_pid_ends_and_nobody_cares/0,
        fun stop_because_an_access_point_has_ended/0,
        fun access_point_of_a_name_is_restarted/0,
        fun access_point_of_a_name_comes_back_with_another_protocol/0,
        fun access_point_killed_while_it_begins_a_session/0,
        fun application_stopped_while_a_start_waits/0,
        fun maty_player:nothing_is_left/0
    ]).

answers(N) ->
    [wait, {send, 'Client', {answer, N}}].

asks(N) ->
    [{send, 'Server', {ask, N}}, wait].

ask(AccessPoint, N) ->
    Client = play(AccessPoint, 'Client', asks(N)),
    {got, 'Client', {answer, Answer}} = next(Client),
    Answer.

waiting(AccessPoint) ->
    maty_access_point:waiting(AccessPoint).

%% The last one goes, the others keep their places.
taken_back() ->
    AccessPoint = access_point(?REQUEST),
    A = play([{AccessPoint, 'Server', answers(N)} || N <- [1, 2]]),
    B = play(AccessPoint, 'Server', answers(3)),
    _ = run(A, fun() -> maty:register(AccessPoint, 'Server') end),
    Unregister = fun() -> maty:unregister(AccessPoint, 'Server') end,
    ?assertMatch(#{'Server' := [A, A, B, A]}, waiting(AccessPoint)),
    ?assertEqual(ok, run(A, Unregister)),
    ?assertMatch(#{'Server' := [A, A, B]}, waiting(AccessPoint)),
    ?assertEqual(ok, run(A, Unregister)),
    ?assertMatch(#{'Server' := [A, B]}, waiting(AccessPoint)),
    ?assertEqual([1, 3], [ask(AccessPoint, N) || N <- [7, 8]]),
    ?assertEqual(not_registered, run(A, Unregister)),
    ?assertEqual(#{'Client' => [], 'Server' => []}, waiting(AccessPoint)),
    %% Its role is free to be had again.
    ok = run(A, fun() -> maty:register(AccessPoint, 'Server') end),
    ?assertEqual(2, ask(AccessPoint, 9)).

%% The session has begun, and its start is in the mailbox: it takes place.
taken_back_too_late() ->
    AccessPoint = access_point(?REQUEST),
    Server = play([{not_yet, AccessPoint, 'Server', answers(1)}]),
    Client = play(AccessPoint, 'Client', asks(1)),
    [Start, Ask] = maty_player:take_start(Server, {AccessPoint, 'Server'}, 1),
    ?assertEqual(not_registered, run(Server, fun() -> maty:unregister(AccessPoint, 'Server') end)),
    Server ! Start,
    Server ! Ask,
    ?assertEqual({got, 'Client', {answer, 1}}, next(Client)).

taken_back_where_nobody_is() ->
    AccessPoint = access_point(?REQUEST),
    ?assertEqual(not_registered, maty:unregister(AccessPoint, 'Server')),
    Actor = play([]),
    [
        ?assertEqual(not_registered, run(Actor, fun() -> maty:unregister(Where, Role) end))
     || {Where, Role} <- [{AccessPoint, 'Server'}, {nobody, 'Server'}, {AccessPoint, "Server"}]
    ].

only_actors_register() ->
    AccessPoint = access_point(?REQUEST),
    ?assertError(not_an_actor, maty:register(AccessPoint, 'Server')),
    ?assertEqual(
        #{general => <<"only an actor can register">>},
        maty_error:format_error(not_an_actor, [])
    ),
    ?assertEqual(#{'Client' => [], 'Server' => []}, waiting(AccessPoint)).

%% ----- Access points that end -----

%% An actor that tells what it is told, {told, Event}.
watcher(Registrations, Return) ->
    Test = self(),
    Begin = fun(#{role := Role}, State) ->
        Test ! {told, {begun, Role}},
        {ok, fun(_, Local) -> {done, normal, Local} end, none, State}
    end,
    {ok, Pid} = maty_actor:start(
        maty_callbacks,
        #{
            init_actor => fun() ->
                lists:foreach(fun({Where, Role}) -> maty:register(Where, Role) end, Registrations),
                {ok, state}
            end,
            init_session => Begin,
            access_point_down => fun(AccessPoint, Roles, State) ->
                Test ! {told, {down, AccessPoint, Roles}},
                Return(State)
            end
        },
        []
    ),
    Pid.

told() ->
    receive
        {told, What} -> What
    end.

access_point_of_a_pid_ends() ->
    [First, Second] = [access_point(?REQUEST) || _ <- [1, 2]],
    Actor = watcher([{First, 'Server'}, {Second, 'Server'}, {First, 'Server'}], fun(S) ->
        {ok, S}
    end),
    ok = maty_access_point:stop(First),
    ?assertEqual({down, First, ['Server', 'Server']}, told()),
    ?assertMatch(#{'Server' := [Actor]}, waiting(Second)),
    ok = maty_access_point:stop(Second),
    ?assertEqual({down, Second, ['Server']}, told()),
    maty_player:stop(Actor).

%% A player has no such callback, and goes on.
access_point_of_a_pid_ends_and_nobody_cares() ->
    [First, Second] = [access_point(?REQUEST) || _ <- [1, 2]],
    Server = play([{First, 'Server', answers(1)}, {Second, 'Server', answers(2)}]),
    ok = maty_access_point:stop(First),
    %% What comes next comes behind the signal of the end.
    maty_player:until(fun() ->
        {monitors, Monitors} = process_info(Server, monitors),
        not lists:member({process, First}, Monitors)
    end),
    ?assertEqual(not_registered, run(Server, fun() -> maty:unregister(First, 'Server') end)),
    ?assertEqual(2, ask(Second, 1)).

stop_because_an_access_point_has_ended() ->
    AccessPoint = access_point(?REQUEST),
    Actor = watcher([{AccessPoint, 'Server'}], fun(S) -> {stop, {shutdown, gone}, S} end),
    Monitor = erlang:monitor(process, Actor),
    ok = maty_access_point:stop(AccessPoint),
    receive
        {'DOWN', Monitor, process, Actor, Reason} -> ?assertEqual({shutdown, gone}, Reason)
    end,
    {down, AccessPoint, ['Server']} = told().

%% Registrations are there again, in their order, without a word to the module.
access_point_of_a_name_is_restarted() ->
    lists:foreach(
        fun(Name) ->
            {ok, First} = maty_access_point:start_link(Name, {string, ?REQUEST}),
            A = play([{Name, 'Server', answers(1)}]),
            B = play([{Name, 'Server', answers(2)}]),
            C = watcher([{Name, 'Server'}], fun(S) -> {ok, S} end),
            Forgetful = play([{Name, 'Server', []}]),
            ok = maty_access_point:stop(First),
            %% Taken back while there is no access point.
            Unregister = fun() -> maty:unregister(Name, 'Server') end,
            ?assertEqual([ok, not_registered], [run(Forgetful, Unregister) || _ <- [1, 2]]),
            %% One that has another name is not theirs.
            Other = access_point(?REQUEST),
            [[] = maty:sessions(Actor) || Actor <- [A, B, C]],
            {ok, Second} = maty_access_point:start_link(Name, {string, ?REQUEST}),
            maty_player:until(fun() ->
                #{'Server' := Servers} = waiting(Second),
                lists:sort(Servers) =:= lists:sort([A, B, C])
            end),
            ?assertEqual(#{'Client' => [], 'Server' => []}, waiting(Other)),
            _Client = play([{Name, 'Client', [wait]}]),
            ok = maty_access_point:stop(Second),
            [maty_player:kill(Actor) || Actor <- [A, B, C]]
        end,
        [maty_registration_point, {global, maty_registration_point}]
    ),
    maty_player:flush().

access_point_of_a_name_comes_back_with_another_protocol() ->
    Name = maty_registration_point,
    {ok, First} = maty_access_point:start_link(Name, {string, ?REQUEST}),
    Actor = watcher([{Name, 'Server'}], fun(S) -> {ok, S} end),
    ok = maty_access_point:stop(First),
    {ok, Second} = maty_access_point:start_link(
        Name, {string, "global protocol Other(role A, role B) { m() from A to B; }"}
    ),
    ?assertEqual({down, Name, ['Server']}, told()),
    ok = maty_access_point:stop(Second),
    maty_player:stop(Actor).

%% Whoever has an endpoint has been told of it, whenever the access point ends.
access_point_killed_while_it_begins_a_session() ->
    Roles = [list_to_atom("R" ++ integer_to_list(N)) || N <- lists:seq(1, 200)],
    Chain = [
        io_lib:format("m() from ~s to ~s;", [From, To])
     || {From, To} <- lists:zip(lists:droplast(Roles), tl(Roles))
    ],
    Text = io_lib:format("global protocol Many(~s) {~s}", [
        lists:join(", ", ["role " ++ atom_to_list(Role) || Role <- Roles]), Chain
    ]),
    {ok, Protocol} = maty_protocol:resolve({string, Text}),
    lists:foreach(
        fun(Round) ->
            {ok, AccessPoint} = maty_access_point:start_link(Protocol),
            unlink(AccessPoint),
            {ok, Actor} = maty_actor:start(
                maty_callbacks,
                #{
                    init_actor => fun() ->
                        [maty:register(AccessPoint, Role) || Role <- Roles],
                        _ = [erlang:yield() || _ <- lists:seq(1, Round rem 10)],
                        exit(AccessPoint, kill),
                        {ok, none}
                    end,
                    init_session => fun
                        (#{role := 'R1'}, State) ->
                            maty:send('R2', {m}),
                            {done, normal, State};
                        (_, State) ->
                            {ok, fun({m}, Role) -> pass_on(Role, Roles) end, none, State}
                    end
                },
                []
            ),
            maty_player:until(fun() -> not is_process_alive(AccessPoint) end),
            %% Begun in full and run to its end, or not at all.
            maty_player:settled(),
            ?assertEqual({Round, []}, {Round, maty:sessions(Actor)}),
            maty_player:stop(Actor)
        end,
        lists:seq(1, 100)
    ).

pass_on(_, Roles) ->
    #{role := Role} = maty:session(),
    case lists:dropwhile(fun(R) -> R =/= Role end, Roles) of
        [Role, Next | _] -> maty:send(Next, {m});
        [Role] -> ok
    end,
    {done, normal, none}.

%% ----- The application -----

%% Actors and access points outlive it, and go on when it is there again.
application_stopped_while_a_start_waits() ->
    AccessPoint = access_point(?REQUEST),
    Server = play(AccessPoint, 'Server', answers(1)),
    ok = sys:suspend(Server),
    Client = play(AccessPoint, 'Client', asks(1)),
    maty_player:until(fun() ->
        {message_queue_len, 2} =:= process_info(Server, message_queue_len)
    end),
    ok = application:stop(maty),
    ?assertEqual({ended, 'Client', {failed, engine_down}}, next(Client)),
    ok = sys:resume(Server),
    ?assertEqual([], maty:sessions(Server)),
    {ok, _} = application:ensure_all_started(maty),
    maty_player:until(fun() -> lists:keymember(AccessPoint, 1, maty_access_point:list()) end),
    ?assertEqual(1, ask(AccessPoint, 2)).
