%% The driver against processes that tell its ports whatever comes to their mind.
-module(maty_hostile_tests).

-include_lib("eunit/include/eunit.hrl").

-import(maty_player, [play/3, next/1, go/1, access_point/1]).

-define(PROCESSES, 100).
%% Of each process, or what it can do in SOAK_SECONDS if that is set.
-define(COMMANDS, 20000).
-define(ROUNDS, 5000).

hostile_test_() ->
    {setup, fun maty_player:start_engine/0, [
        {timeout, 300 + 2 * soak_seconds(), fun random_commands/0}
        | maty_player:patiently([fun commands_that_are_too_short/0, fun unknown_operations/0])
    ]}.

soak_seconds() ->
    list_to_integer(os:getenv("SOAK_SECONDS", "0")).

%% A hundred processes tell every port random commands, open sessions of their own
%% and close them, and one session talks all the while. The VM lives, the session
%% completes, and nothing is left over.
random_commands() ->
    Seed = rand:uniform(1 bsl 32),
    Engine = maty_engine:pid(),
    AccessPoint = access_point(
        "global protocol Talk(role A, role B) {"
        "  rec Loop {"
        "    choice at A {"
        "      ask(integer, string) from A to B; answer(integer) from B to A; continue Loop;"
        "    } or { stop() from A to B; }"
        "  }"
        "}"
    ),
    Rounds = lists:seq(1, ?ROUNDS),
    A = play(
        AccessPoint,
        'A',
        [{call, fun maty:session/0}, pause] ++
            lists:append([[{send, 'B', {ask, N, <<"now">>}}, wait] || N <- Rounds]) ++
            [{send, 'B', {stop}}]
    ),
    Answers = [[wait, {send, 'A', {answer, N}}] || N <- Rounds],
    B = play(AccessPoint, 'B', lists:append(Answers) ++ [wait]),
    {result, #{id := Id}} = next(A),
    {paused, 'A'} = next(A),
    Image = maty_protocol:image(maty_access_point:protocol(AccessPoint)),
    Until = erlang:monotonic_time(second) + soak_seconds(),
    Hostile = [
        spawn_monitor(fun() ->
            _ = rand:seed(exsss, Seed + Number),
            {ok, Token} = maty_engine:attach(),
            put(token, Token),
            harass(0, Until, [Id, Id + 1], Image)
        end)
     || Number <- lists:seq(1, ?PROCESSES)
    ],
    go(A),
    try
        [?assertEqual({got, 'A', {answer, N}}, next(A)) || N <- Rounds],
        ?assertEqual({ended, 'A', {done, normal}}, next(A)),
        [?assertEqual({got, 'B', {ask, N, <<"now">>}}, next(B)) || N <- Rounds],
        ?assertEqual({got, 'B', {stop}}, next(B)),
        ?assertEqual({ended, 'B', {done, normal}}, next(B)),
        [
            receive
                {'DOWN', Monitor, process, Pid, Reason} -> ?assertEqual(normal, Reason)
            end
         || {Pid, Monitor} <- Hostile
        ],
        ?assertEqual(Engine, maty_engine:pid()),
        ?assert(is_process_alive(Engine)),
        [maty_player:stop(Actor) || Actor <- [A, B]],
        maty_player:settled(),
        ?assertEqual([], maty:sessions()),
        #{sessions_opened := Opened, sessions_closed := Closed} = Counters = maty:counters(),
        ?assertEqual(Opened, Closed),
        ?assert(Opened > ?PROCESSES),
        #{sent := Sent, received := Received} = Counters,
        ?assert(Sent >= Received),
        %% They have sent in sessions of their own, too.
        ?assert(Sent > 2 * ?ROUNDS + 1),
        ?assert(maps:get(refused, Counters) > ?PROCESSES)
    catch
        Class:Reason:Stack ->
            io:format(user, "~nseed ~b~n", [Seed]),
            erlang:raise(Class, Reason, Stack)
    end.

harass(Done, Until, Foreign, Image) ->
    Handles = get_handles() ++ Foreign,
    Port = maty_engine:port(rand:uniform(1000)),
    Command = command(),
    try
        case rand:uniform(8) of
            1 -> erlang:port_call(Port, Command, term(Handles));
            _ -> port_control(Port, Command, data(Command bsr 28, Handles, Image))
        end
    catch
        error:badarg -> ok
    end,
    _ = Done rem 100 =:= 0 andalso flush(),
    case Done < ?COMMANDS orelse erlang:monotonic_time(second) < Until of
        true -> harass(Done + 1, Until, Foreign, Image);
        false -> ok
    end.

%% The sessions of its own that it has been told of last.
get_handles() ->
    case get(handles) of
        undefined -> [];
        Handles -> Handles
    end.

%% The driver answers some commands with messages.
flush() ->
    receive
        {'$maty_start', _, Handle, _, _} ->
            put(handles, lists:sublist([Handle | get_handles()], 20)),
            flush();
        _ ->
            flush()
    after 0 -> ok
    end.

command() ->
    %% Asking the checker and loading (11, 12) are work for other threads:
    %% now and then.
    Operation =
        case rand:uniform(200) of
            1 -> 10 + rand:uniform(2);
            2 -> 13;
            _ -> element(rand:uniform(12), {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15})
        end,
    (Operation bsl 28) bor (action() bsl 16) bor (rand:uniform(65536) - 1).

action() ->
    case rand:uniform(4) of
        1 -> rand:uniform(4096) - 1;
        _ -> rand:uniform(4) - 1
    end.

data(Operation, Handles, Image) ->
    case rand:uniform(4) of
        1 -> rand:bytes(rand:uniform(40) - 1);
        2 -> [<<(handle(Handles)):64/native>>, rand:bytes(rand:uniform(20) - 1)];
        3 -> [<<(handle(Handles)):64/native>>, message()];
        4 -> sensible(Operation, Handles, Image)
    end.

%% What a message is shown with by port_call, and terms that are nearly that.
term(Handles) ->
    Data = <<(handle(Handles)):64/native>>,
    case rand:uniform(6) of
        1 -> {Data, {ask, 1, <<"text">>}};
        2 -> {Data, rand:bytes(rand:uniform(40) - 1)};
        3 -> {Data, lists:duplicate(rand:uniform(1000), {Data, #{Data => 1.5}})};
        4 -> {rand:bytes(rand:uniform(16) - 1), ask};
        5 -> [Data | {ask, self(), make_ref()}];
        6 -> rand:uniform(1 bsl 80)
    end.

handle(Handles) ->
    Handle = lists:nth(rand:uniform(length(Handles)), Handles),
    case rand:uniform(3) of
        1 -> Handle bxor (1 bsl (rand:uniform(64) - 1));
        _ -> Handle
    end.

message() ->
    Good = term_to_binary({ask, 1, <<"text">>}),
    case rand:uniform(3) of
        1 -> Good;
        2 -> damaged(Good);
        3 -> [<<0, (rand:uniform(70)):16>>, rand:bytes(rand:uniform(600)), Good]
    end.

damaged(Bytes) ->
    At = rand:uniform(byte_size(Bytes)) - 1,
    <<Before:At/binary, _, After/binary>> = Bytes,
    [Before, rand:uniform(256) - 1, After].

sensible(7, _, _) ->
    Token =
        case rand:uniform(4) of
            1 -> rand:uniform(1 bsl 30);
            _ -> get(token)
        end,
    Place = <<Token:64/native, (rand:uniform(10)):64/native>>,
    [
        <<(rand:uniform(3) - 1):32/native, (rand:uniform(5) - 1):32/native,
            (rand:uniform(3) - 1):32/native>>,
        Place,
        Place
    ];
sensible(11, _, _) ->
    Text = <<"global protocol P(role A, role B) { m() from A to B; }">>,
    [<<1:64, 1:32/native, "n">>, damaged(Text)];
sensible(12, _, Image) ->
    [<<1:64>>, damaged(Image)];
sensible(13, _, _) ->
    <<1:64, (rand:uniform(5000)):32/native>>;
sensible(15, Handles, _) ->
    <<(handle(Handles)):64/native, (rand:uniform(5)):32/native>>;
sensible(_, Handles, _) ->
    <<(handle(Handles)):64/native>>.

commands_that_are_too_short() ->
    [
        [
            ?assertError(badarg, port_control(maty_engine:port(0), Operation bsl 28, <<0:Size/unit:8>>))
         || Size <- lists:seq(0, Least - 1)
        ]
     || {Operation, Least} <- [{O, 8} || O <- [1, 2, 3, 4, 5, 6, 9, 11, 12]] ++ [{7, 12}, {13, 12}, {15, 12}]
    ].

unknown_operations() ->
    [
        ?assertError(badarg, port_control(maty_engine:port(0), Operation bsl 28, <<0:256>>))
     || Operation <- [0, 14]
    ],
    %% Ports take no other commands.
    ?assertError(_, port_command(maty_engine:port(0), <<"x">>, [nosuspend]) andalso error(taken)),
    ?assertError(badarg, erlang:port_call(maty_engine:port(0), 1, x)).
