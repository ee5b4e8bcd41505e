%% Leaving a session: from a handler, from init_session, from any callback.
-module(maty_leave_tests).

-include_lib("eunit/include/eunit.hrl").
-include("maty_protocols.hrl").

-import(maty_player, [play/3, play/1, next/1, go/1, access_point/1, begun/1]).
-import(maty_callbacks, [started/4, told/1]).

leave_test_() ->
    maty_player:tests([
        fun leave_from_a_handler/0,
        fun leave_from_init_session/0,
        fun leave_from_a_callback/0,
        fun leave_inside_of_the_handler/0,
        fun leave_a_session_that_has_failed/0,
        fun leave_a_session_of_somebody_else/0,
        fun leave_with_every_role/0,
        fun maty_player:nothing_is_left/0
    ]).

%% Who waits for the role fails as by a crash, and the actor goes on.
leave_from_a_handler() ->
    AccessPoint = access_point(?REQUEST),
    Server = play([
        {AccessPoint, 'Server', [wait, {return, {leave, bored, {[], {self(), 'Server'}}}}]},
        {AccessPoint, 'Server', [wait, {send, 'Client', {answer, 2}}]}
    ]),
    First = play(AccessPoint, 'Client', [{send, 'Server', {ask, 1}}, wait]),
    ?assertEqual({got, 'Server', {ask, 1}}, next(Server)),
    ?assertEqual({ended, 'Server', {left, bored}}, next(Server)),
    ?assertEqual({ended, 'Client', {failed, {cancelled, 'Server'}}}, next(First)),
    Second = play(AccessPoint, 'Client', [{send, 'Server', {ask, 2}}, wait]),
    ?assertEqual({got, 'Server', {ask, 2}}, next(Server)),
    ?assertEqual({got, 'Client', {answer, 2}}, next(Second)),
    maty_player:settled().

leave_from_init_session() ->
    AccessPoint = access_point(?REQUEST),
    Server = started(AccessPoint, 'Server', #{
        init_session => fun(_, State) -> {leave, not_today, State} end
    }, []),
    Client = play(AccessPoint, 'Client', [{send, 'Server', {ask, 1}}, wait]),
    ?assertEqual({ended, {left, not_today}}, told(Server)),
    ?assertEqual({ended, 'Client', {failed, {cancelled, 'Server'}}}, next(Client)),
    ?assert(is_process_alive(Server)).

%% At once: what has come meanwhile runs no handler.
leave_from_a_callback() ->
    AccessPoint = access_point(?REQUEST),
    Server = started(AccessPoint, 'Server', #{
        init_session => fun(Session, _) ->
            {ok, fun(_, _) -> error(left_before) end, none, Session}
        end,
        handle_call => fun(leave, _, #{id := Id} = Session) ->
            ok = maty:leave(Session, bored),
            ok = maty:leave(Session, again),
            {reply, Id, Session}
        end
    }, []),
    Client = play(AccessPoint, 'Client', [pause, {send, 'Server', {ask, 1}}, wait]),
    {paused, 'Client'} = next(Client),
    begun(Server),
    ok = sys:suspend(Server),
    Left = gen_server:send_request(Server, leave),
    go(Client),
    maty_player:until(fun() ->
        {message_queue_len, Length} = erlang:process_info(Server, message_queue_len),
        Length =:= 2
    end),
    ok = sys:resume(Server),
    ?assertMatch({reply, _}, gen_server:wait_response(Left, infinity)),
    ?assertEqual({ended, {left, bored}}, told(Server)),
    ?assertEqual({ended, 'Client', {failed, {cancelled, 'Server'}}}, next(Client)),
    ?assertEqual([], maty:sessions(Server)).

leave_inside_of_the_handler() ->
    Ways = [
        fun(Local) -> {suspend, fun(_, _) -> error(left_before) end, Local} end,
        fun(Local) -> {done, normal, Local} end,
        fun(Local) -> {leave, second, Local} end,
        fun(Local) ->
            maty:send('Client', {answer, 1}),
            {done, normal, Local}
        end
    ],
    [
        begin
            AccessPoint = access_point(?REQUEST),
            Leave = fun(_, Local) ->
                maty:leave(maty:session(), first),
                Way(Local)
            end,
            Server = started(AccessPoint, 'Server', #{
                init_session => fun(_, State) -> {ok, Leave, none, State} end
            }, []),
            Client = play(AccessPoint, 'Client', [{send, 'Server', {ask, 1}}, wait]),
            ?assertEqual({ended, {left, first}}, told(Server)),
            ?assertEqual({ended, 'Client', {failed, {cancelled, 'Server'}}}, next(Client)),
            ?assertEqual([], maty:sessions(Server))
        end
     || Way <- Ways
    ].

%% It has failed already, and that is what it is told.
leave_a_session_that_has_failed() ->
    AccessPoint = access_point(?REQUEST),
    Server = started(AccessPoint, 'Server', #{
        init_session => fun(Session, _) -> {ok, fun(_, L) -> {done, x, L} end, none, Session} end,
        handle_call => fun(leave, _, Session) -> {reply, maty:leave(Session), Session} end
    }, []),
    Client = play(AccessPoint, 'Client', [pause]),
    {paused, 'Client'} = next(Client),
    begun(Server),
    ok = sys:suspend(Server),
    Left = gen_server:send_request(Server, leave),
    maty_player:kill(Client),
    maty_player:settled(),
    ok = sys:resume(Server),
    ?assertEqual({reply, ok}, gen_server:wait_response(Left, infinity)),
    ?assertEqual({ended, {failed, {cancelled, 'Client'}}}, told(Server)).

leave_a_session_of_somebody_else() ->
    AccessPoint = access_point(?REQUEST),
    Server = play(AccessPoint, 'Server', [wait, {send, 'Client', {answer, 1}}]),
    Client = play(AccessPoint, 'Client', [
        {call, fun maty:session/0}, pause, {send, 'Server', {ask, 1}}, wait
    ]),
    {result, Session} = next(Client),
    ?assertEqual(ok, maty:leave(Session)),
    {paused, 'Client'} = next(Client),
    go(Client),
    {got, 'Client', {answer, 1}} = next(Client),
    {got, 'Server', {ask, 1}} = next(Server),
    maty_player:settled().

%% An actor that has several roles leaves with all of them.
leave_with_every_role() ->
    AccessPoint = access_point(?CASCADE),
    Both = started(AccessPoint, 'B', #{
        init_actor => fun() ->
            [maty:register(AccessPoint, Role) || Role <- ['A', 'B']],
            {ok, none}
        end,
        init_session => fun
            (#{role := 'A'}, State) ->
                maty:send('C', {x}),
                {ok, fun(_, L) -> {done, x, L} end, none, State};
            (#{role := 'B'} = Session, _) ->
                maty:leave(Session),
                maty:send('C', {y}),
                {done, no, Session}
        end
    }, []),
    C = play(AccessPoint, 'C', [pause, wait, wait]),
    {paused, 'C'} = next(C),
    ?assertEqual([{ended, {left, normal}} || _ <- "ab"], [told(Both), told(Both)]),
    go(C),
    ?assertMatch({got, 'C', {x}}, next(C)),
    ?assertMatch({ended, 'C', {failed, {cancelled, 'B'}}}, next(C)),
    ?assertEqual([], maty:sessions(Both)),
    maty_player:settled().
