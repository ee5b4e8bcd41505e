%% Actors that wait for one another across sessions are found, and others are not.
-module(maty_stuck_tests).

-include_lib("eunit/include/eunit.hrl").

-import(maty_player, [access_point/1]).

-define(TELL,
    "global protocol Tell(role Teller, role Hearer) { news(integer) from Teller to Hearer; }"
).

stuck_test_() ->
    maty_player:tests([
        fun circle_of_two/0,
        fun circle_of_three/0,
        fun way_out_in_another_session/0,
        fun chain_that_ends/0,
        fun handler_that_runs/0,
        fun told_at_an_interval/0
    ]).

%% An actor that tells its right neighbour once it has heard of its left one.
neighbour(Left, Right, More) ->
    {ok, Actor} = maty_actor:start(maty_callbacks, #{
        init_actor => fun() ->
            [maty:register(AccessPoint, 'Hearer') || AccessPoint <- [Left | More]],
            maty:register(Right, 'Teller'),
            {ok, none}
        end,
        init_session => fun
            (#{role := 'Teller'}, State) ->
                {hold, right, fun tells/2, none, State};
            (#{role := 'Hearer'}, State) ->
                {ok, fun hears/2, none, State}
        end,
        handle_call => fun
            (run, {Test, _}, State) ->
                Test ! {running, self()},
                receive go -> {reply, ok, State} end;
            (tell, _, State) ->
                {reply, maty:become(right, {news, 0}), State}
        end
    }, []),
    Actor.

tells(News, Local) ->
    maty:send('Hearer', News),
    {done, normal, Local}.

%% Once only.
hears(News, Local) ->
    [maty:become(right, News) || lists:member(right, maty:held())],
    {done, normal, Local}.

settled_in(Actors, Sessions) ->
    maty_player:until(fun() ->
        [length(maty:sessions(Actor)) || Actor <- Actors] =:= Sessions
    end).

%% The circles, once there are any: an actor that takes its time to answer does not
%% count as stuck.
circles() ->
    case maty:stuck() of
        [] -> circles();
        Circles -> Circles
    end.

circle_of_two() ->
    [M, N] = [access_point(?TELL) || _ <- "ab"],
    [Ann, Bob] = Actors = [neighbour(M, N, []), neighbour(N, M, [])],
    settled_in(Actors, [2, 2]),
    [[First, Second]] = Circles = circles(),
    ?assertMatch(
        #{
            actor := Ann,
            protocol := 'Tell',
            role := 'Hearer',
            waits_for := 'Teller',
            of_actor := Bob
        },
        First
    ),
    ?assertMatch(#{actor := Bob, role := 'Hearer', waits_for := 'Teller', of_actor := Ann}, Second),
    #{session := One} = First,
    #{session := Other} = Second,
    Text = io_lib:format(
        "Actors that wait for one another:\n"
        "  ~p  as Hearer in Tell ~ts waits for Teller, which is ~p\n"
        "  ~p  as Hearer in Tell ~ts waits for Teller, which is ~p\n",
        [Ann, maty:format_session(One), Bob, Bob, maty:format_session(Other), Ann]
    ),
    ?assertEqual(lists:flatten(Text), lists:flatten(maty_stuck:format(Circles))),
    %% From outside it can be set going, and then all of it ends.
    ok = maty_player:call(Ann, tell),
    maty_player:settled(),
    ?assertEqual([], maty:stuck()),
    ?assertEqual("Nobody is stuck.\n", maty_stuck:format(maty:stuck())),
    [maty_player:stop(Actor) || Actor <- Actors].

circle_of_three() ->
    [A, B, C] = [access_point(?TELL) || _ <- "abc"],
    [One, Two, Three] = Actors = [neighbour(A, B, []), neighbour(B, C, []), neighbour(C, A, [])],
    settled_in(Actors, [2, 2, 2]),
    [Circle] = circles(),
    ?assertMatch(
        [
            #{actor := One, of_actor := Three},
            #{actor := Three, of_actor := Two},
            #{actor := Two, of_actor := One}
        ],
        Circle
    ),
    [maty_player:stop(Actor) || Actor <- Actors],
    maty_player:settled().

%% One of them waits in a third session, too, for somebody who may go on.
way_out_in_another_session() ->
    [M, N, Out] = [access_point(?TELL) || _ <- "abc"],
    Free = maty_player:play(Out, 'Teller', [pause, {send, 'Hearer', {news, 1}}]),
    [Ann, Bob] = Actors = [neighbour(M, N, [Out]), neighbour(N, M, [])],
    {paused, 'Teller'} = maty_player:next(Free),
    settled_in(Actors, [3, 2]),
    ?assertEqual([], maty:stuck()),
    maty_player:go(Free),
    maty_player:settled(),
    [maty_player:stop(Actor) || Actor <- [Ann, Bob]].

%% The last in the row waits for nobody.
chain_that_ends() ->
    [M, N] = [access_point(?TELL) || _ <- "ab"],
    Teller = maty_player:play(M, 'Teller', [pause]),
    Middle = neighbour(M, N, []),
    Hearer = maty_player:play(N, 'Hearer', [begun, wait]),
    {paused, 'Teller'} = maty_player:next(Teller),
    {begun, 'Hearer'} = maty_player:next(Hearer),
    settled_in([Middle], [2]),
    ?assertEqual([], maty:stuck()),
    maty_player:kill(Teller),
    maty_player:stop(Middle),
    maty_player:settled().

%% What it does when it returns, nobody knows.
handler_that_runs() ->
    [M, N] = [access_point(?TELL) || _ <- "ab"],
    [Ann, Bob] = Actors = [neighbour(M, N, []), neighbour(N, M, [])],
    settled_in(Actors, [2, 2]),
    Request = gen_server:send_request(Bob, run),
    receive
        {running, Bob} -> ok
    end,
    ?assertEqual([], maty:stuck()),
    maty_player:go(Bob),
    {reply, ok} = gen_server:wait_response(Request, infinity),
    ?assertMatch([[_, _]], circles()),
    [maty_player:stop(Actor) || Actor <- [Ann, Bob]],
    maty_player:settled().

told_at_an_interval() ->
    ok = application:set_env(maty, stuck_interval, 1),
    ok = maty_event:subscribe(stuck),
    {ok, _} = supervisor:restart_child(maty_sup, maty_stuck),
    [M, N] = [access_point(?TELL) || _ <- "ab"],
    Actors = [neighbour(M, N, []), neighbour(N, M, [])],
    receive
        {maty_event, stuck, #{circle := Circle}} ->
            ?assertEqual(Actors, [Actor || #{actor := Actor} <- Circle])
    end,
    ok = supervisor:terminate_child(maty_sup, maty_stuck),
    ok = application:unset_env(maty, stuck_interval),
    ok = maty_event:unsubscribe(stuck),
    [maty_player:stop(Actor) || Actor <- Actors],
    maty_player:settled().
