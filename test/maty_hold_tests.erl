%% Sessions that are held where their role sends, and gone on with from elsewhere.
-module(maty_hold_tests).

-include_lib("eunit/include/eunit.hrl").
-include("maty_protocols.hrl").

-import(maty_player, [play/3, next/1, go/1, access_point/1, begun/1]).
-import(maty_callbacks, [started/4, told/1]).

-define(STREAM,
    "global protocol Stream(role Source, role Sink) {"
    "  rec Loop {"
    "    choice at Source { item(integer) from Source to Sink; continue Loop; }"
    "    or { last() from Source to Sink; }"
    "  }"
    "}"
).

hold_test_() ->
    maty_player:tests([
        fun become_goes_on/0,
        fun become_once/0,
        fun held_is_shown/0,
        fun hold_where_it_waits/0,
        fun hold_by_a_name_that_is_taken/0,
        fun leave_what_is_held/0,
        fun held_when_the_engine_ends/0,
        fun maty_player:nothing_is_left/0
    ]).

%% A source that holds its session, by the name it is given, and goes on with it
%% when it is called.
source(AccessPoint, Callbacks) ->
    started(AccessPoint, 'Source', maps:merge(#{
        init_session => fun(_, State) -> {hold, stream, fun source_goes_on/2, 0, State} end,
        handle_call => fun(Argument, _, State) ->
            {reply, [maty:become(stream, Argument), maty:held()], State}
        end
    }, Callbacks), []).

source_goes_on({item, N}, Sum) ->
    ok = maty:send('Sink', {item, Sum + N}),
    {hold, stream, fun source_goes_on/2, Sum + N};
source_goes_on(last, Sum) ->
    ok = maty:send('Sink', {last}),
    {done, Sum, Sum}.

become_goes_on() ->
    AccessPoint = access_point(?STREAM),
    Source = source(AccessPoint, #{}),
    Sink = play(AccessPoint, 'Sink', [wait, wait, wait]),
    begun(Source),
    ?assertMatch([#{role := 'Source', state := send, waiting := 0}], maty:sessions(Source)),
    ?assertEqual([ok, [stream]], maty_player:call(Source, {item, 2})),
    ?assertEqual({got, 'Sink', {item, 2}}, next(Sink)),
    ?assertEqual([ok, [stream]], maty_player:call(Source, {item, 3})),
    ?assertEqual({got, 'Sink', {item, 5}}, next(Sink)),
    ?assertEqual([ok, [stream]], maty_player:call(Source, last)),
    ?assertEqual({ended, {done, 5}}, told(Source)),
    ?assertEqual({got, 'Sink', {last}}, next(Sink)),
    maty_player:settled().

%% Each time it is held it is gone on with once; what is asked meanwhile waits, and
%% goes with the session.
become_once() ->
    AccessPoint = access_point(?STREAM),
    Source = source(AccessPoint, #{
        handle_call => fun
            (all, _, State) ->
                Ask = [{item, 1}, {item, 2}, last, {item, 3}],
                Asked = [maty:become(stream, What) || What <- Ask],
                {reply, Asked ++ [maty:held()], State};
            (unknown, _, State) ->
                {reply,
                    try
                        maty:become(stream, last)
                    catch
                        error:Reason -> Reason
                    end,
                    State}
        end
    }),
    Sink = play(AccessPoint, 'Sink', [wait, wait, wait]),
    begun(Source),
    ?assertEqual([ok, ok, ok, ok, [stream]], maty_player:call(Source, all)),
    ?assertEqual({got, 'Sink', {item, 1}}, next(Sink)),
    ?assertEqual({got, 'Sink', {item, 3}}, next(Sink)),
    ?assertEqual({got, 'Sink', {last}}, next(Sink)),
    ?assertEqual({ended, {done, 3}}, told(Source)),
    ?assertEqual({not_held, stream, []}, maty_player:call(Source, unknown)).

%% While a session waits it is not held, though it keeps its name.
held_is_shown() ->
    Test = self(),
    AccessPoint = access_point(
        "global protocol Poll(role Source, role Sink) {"
        "  ask() from Source to Sink; answer() from Sink to Source; thanks() from Source to Sink; }"
    ),
    Thank = fun(thanks, none) ->
        maty:send('Sink', {thanks}),
        {done, normal, none}
    end,
    Answer = fun({answer}, none) ->
        Test ! answered,
        {hold, poll, Thank, none}
    end,
    Ask = fun(ask, none) ->
        maty:send('Sink', {ask}),
        {suspend, Answer, none}
    end,
    Source = source(AccessPoint, #{
        init_session => fun(_, State) -> {hold, {my, poll}, Ask, none, State} end,
        handle_call => fun({Name, Argument}, _, State) ->
            {reply, {maty:become(Name, Argument), maty:held()}, State}
        end
    }),
    Sink = play(AccessPoint, 'Sink', [wait, pause, {send, 'Source', {answer}}, wait]),
    [begun(Pid) || Pid <- [Source, Sink]],
    ?assertMatch([#{state := send, held := {my, poll}}], maty:sessions(Source)),
    [OfSink] = maty:sessions(Sink),
    ?assertNot(is_map_key(held, OfSink)),

    ?assertEqual({ok, [{my, poll}]}, maty_player:call(Source, {{my, poll}, ask})),
    [{got, 'Sink', {ask}}, {paused, 'Sink'}] = [next(Sink), next(Sink)],
    [#{state := 'receive'} = Waits] = maty:sessions(Source),
    ?assertNot(is_map_key(held, Waits)),

    go(Sink),
    receive
        answered -> ?assertMatch([#{state := send, held := poll}], maty:sessions(Source))
    end,
    ?assertEqual({ok, [poll]}, maty_player:call(Source, {poll, thanks})),
    ?assertEqual({got, 'Sink', {thanks}}, next(Sink)).

hold_where_it_waits() ->
    AccessPoint = access_point(?STREAM),
    Sink = started(AccessPoint, 'Sink', #{
        init_session => fun(_, State) -> {hold, sink, fun(_, _) -> noreply end, none, State} end
    }, []),
    Monitor = erlang:monitor(process, Sink),
    _ = source(AccessPoint, #{}),
    receive
        {'DOWN', Monitor, process, Sink, {{protocol_violation, Violation}, [_ | _]}} ->
            ?assertMatch(#{reason := not_sending, direction := hold, role := 'Sink'}, Violation),
            ?assertMatch(
                {match, _},
                re:run(
                    maty_error:format(Violation),
                    "Stream holds the session where the protocol does not send; allowed here:"
                )
            )
    end.

hold_by_a_name_that_is_taken() ->
    AccessPoint = access_point(?STREAM),
    Source = source(AccessPoint, #{
        init_actor => fun() ->
            [maty:register(AccessPoint, 'Source') || _ <- "ab"],
            {ok, none}
        end
    }),
    Monitor = erlang:monitor(process, Source),
    [First, Second] = [play(AccessPoint, 'Sink', [wait]) || _ <- "ab"],
    receive
        {'DOWN', Monitor, process, Source, Reason} ->
            ?assertMatch({{name_held, stream}, [_ | _]}, Reason)
    end,
    [{ended, 'Sink', {failed, {cancelled, 'Source'}}} = next(Sink) || Sink <- [First, Second]].

leave_what_is_held() ->
    AccessPoint = access_point(?STREAM),
    Source = source(AccessPoint, #{
        init_session => fun(Session, _) -> {hold, stream, fun source_goes_on/2, 0, Session} end,
        handle_call => fun
            (leave, _, Session) -> {reply, {maty:leave(Session), maty:held()}, Session};
            (both, _, Session) -> {reply, {maty:become(stream, last), maty:leave(Session)}, Session}
        end
    }),
    Sink = play(AccessPoint, 'Sink', [wait]),
    begun(Source),
    ?assertEqual({ok, []}, maty_player:call(Source, leave)),
    ?assertEqual({ended, 'Sink', {failed, {cancelled, 'Source'}}}, next(Sink)),
    ?assertEqual({ended, {left, normal}}, told(Source)),
    ?assertEqual([], maty:sessions(Source)).

held_when_the_engine_ends() ->
    AccessPoint = access_point(?STREAM),
    Source = source(AccessPoint, #{
        handle_call => fun(held, _, State) -> {reply, maty:held(), State} end
    }),
    Sink = play(AccessPoint, 'Sink', [wait]),
    maty_player:until(fun() -> maty_player:call(Source, held) =:= [stream] end),
    begun(Sink),
    maty_player:kill_engine(),
    ?assertEqual({ended, {failed, engine_down}}, told(Source)),
    ?assertEqual({ended, 'Sink', {failed, engine_down}}, next(Sink)),
    ?assertEqual([], maty_player:call(Source, held)).
