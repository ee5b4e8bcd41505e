%% The driver against processes that tell its ports whatever comes to their mind.
-module(maty_hostile_tests).

-include_lib("eunit/include/eunit.hrl").

-import(maty_player, [play/3, next/1, go/1, access_point/1]).

-define(PROCESSES, 100).
%% Of each process, which is another one for each of its lives; or what it can do in
%% SOAK_SECONDS if that is set.
-define(LIVES, 10).
-define(COMMANDS, 2000).
-define(ROUNDS, 5000).
%% What maty_error calls the statuses of a step that is not simply refused.
-define(WAIT, 12).
-define(LOOK, 15).
-define(BAD_TERM, 17).
-define(FULL, 18).

hostile_test_() ->
    {setup, fun maty_player:start_engine/0, fun(_) -> application:stop(maty) end, [
        {timeout, 300 + 2 * soak_seconds(), fun random_commands/0}
        | maty_player:patiently([
            fun commands_that_are_too_short/0,
            fun unknown_operations/0,
            fun messages_to_ports/0,
            fun ports_that_others_close/0
        ])
    ]}.

soak_seconds() ->
    list_to_integer(os:getenv("SOAK_SECONDS", "0")).

%% ----- Random commands -----

-define(TALK,
    "global protocol Talk(role A, role B) {"
    "  rec Loop {"
    "    choice at A {"
    "      ask(integer, string) from A to B; answer(integer) from B to A; continue Loop;"
    "    } or { stop() from A to B; }"
    "  }"
    "}"
).
%% What A does not wait for.
-define(FLOOD,
    "global protocol Flood(role A, role B) {"
    "  rec Loop {"
    "    choice at A { m() from A to B; continue Loop; }"
    "    or { text(string) from A to B; continue Loop; } or { stop() from A to B; }"
    "  }"
    "}"
).

%% A hundred processes tell every port random commands, open sessions of their own and
%% of one another, and end in the middle of them, and one session talks all the while.
%% The VM lives, the session completes, nothing is left over, and the engine has counted
%% what they were answered.
random_commands() ->
    Seed = rand:uniform(1 bsl 32),
    Engine = maty_engine:pid(),
    Before = maty:counters(),
    AccessPoint = access_point(?TALK),
    Flood = access_point(?FLOOD),
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
    Image = maty_protocol:image(maty_access_point:protocol(Flood)),
    {ok, Number, _} = maty_machine:load(Image),
    Until = erlang:monotonic_time(second) + soak_seconds(),
    Tokens = ets:new(tokens, [public]),
    Hostile = [
        spawn_monitor(fun() ->
            live(?LIVES, Until, {Seed + I, Tokens, [Id, Id + 1], {Number, Image}}, #{})
        end)
     || I <- lists:seq(1, ?PROCESSES)
    ],
    go(A),
    try
        [?assertEqual({got, 'A', {answer, N}}, next(A)) || N <- Rounds],
        ?assertEqual({ended, 'A', {done, normal}}, next(A)),
        [?assertEqual({got, 'B', {ask, N, <<"now">>}}, next(B)) || N <- Rounds],
        ?assertEqual({got, 'B', {stop}}, next(B)),
        ?assertEqual({ended, 'B', {done, normal}}, next(B)),
        Answered = [
            receive
                {'DOWN', Monitor, process, Pid, Reason} ->
                    ?assertMatch({answered, _}, Reason),
                    element(2, Reason)
            end
         || {Pid, Monitor} <- Hostile
        ],
        ?assertEqual(Engine, maty_engine:pid()),
        ?assert(is_process_alive(Engine)),
        [maty_player:stop(Actor) || Actor <- [A, B]],
        maty_player:settled(),
        ?assertEqual([], maty:sessions()),
        add_up(lists:foldl(fun add/2, #{}, Answered), Before, maty:counters()),
        [ok = maty_access_point:stop(Pid) || Pid <- [AccessPoint, Flood]]
    catch
        Class:Reason:Stack ->
            io:format(user, "~nseed ~b~n", [Seed]),
            erlang:raise(Class, Reason, Stack)
    end.

%% With what the two have sent and received. A message that is no term is refused before
%% it comes to be counted, or after.
add_up(Answered, Before, After) ->
    Count = fun(Name) -> maps:get(Name, After) - maps:get(Name, Before) end,
    Told = fun(Name) -> maps:get(Name, Answered, 0) end,
    Talk = 2 * ?ROUNDS + 1,
    ?assertEqual(Told(opened) + 1, Count(sessions_opened)),
    ?assertEqual(Count(sessions_opened), Count(sessions_closed)),
    ?assertEqual(Told(sent) + Talk, Count(sent)),
    ?assertEqual(Told(received) + Talk, Count(received)),
    ?assertEqual(Told(waited), Count(waited)),
    ?assertEqual(Told(full), Count(overloaded)),
    Refused = Count(refused) - Told(refused) - Told(full),
    ?assert(Refused >= 0 andalso Refused =< Told(bad_term)),
    ?assert(Count(expired) =< Count(cancelled)),
    %% They came that far.
    [
        ?assertMatch({Name, N} when N > 0, {Name, Told(Name)})
     || Name <- [opened, sent, received, waited, refused]
    ].

add(Counts, Sum) ->
    maps:fold(
        fun(Name, Count, All) -> maps:update_with(Name, fun(N) -> N + Count end, Count, All) end,
        Sum,
        Counts
    ).

%% One life after the other. Ends with what they were answered.
live(Lives, Until, {Seed, Tokens, Foreign, Loaded}, Answered) ->
    {Pid, Monitor} = spawn_monitor(fun() ->
        _ = rand:seed(exsss, Seed),
        put(own, open_port({spawn_driver, "maty_drv 255 1 0"}, [])),
        put(tokens, Tokens),
        put(answered, #{}),
        attach(),
        harass(?COMMANDS, Foreign, Loaded),
        %% Not normal, so that its port closes as well.
        exit({answered, get(answered)})
    end),
    receive
        {'DOWN', Monitor, process, Pid, {answered, More}} ->
            Sum = add(More, Answered),
            case Lives > 1 orelse erlang:monotonic_time(second) < Until of
                true -> live(Lives - 1, Until, {Seed + ?PROCESSES, Tokens, Foreign, Loaded}, Sum);
                false -> exit({answered, Sum})
            end;
        {'DOWN', Monitor, process, Pid, Reason} ->
            exit({Seed, Reason})
    end.

%% Tokens of those that have ended stay, to be tried as well.
attach() ->
    {ok, Token} = maty_engine:attach(),
    put(token, Token),
    ets:insert(get(tokens), {rand:uniform(2 * ?PROCESSES), Token}).

harass(0, _Foreign, _Image) ->
    ok;
harass(Left, Foreign, Loaded) ->
    Handles = get_list(handles) ++ Foreign,
    %% Its own port is one where it can do what the engine does.
    case rand:uniform(20) of
        1 -> tell(get(own), Handles, Loaded, fun(_, _) -> ok end);
        2 -> converse(lists:nth(rand:uniform(length(Handles)), Handles));
        _ -> tell(maty_engine:port(rand:uniform(1000)), Handles, Loaded, fun answered/2)
    end,
    _ = Left rem 100 =:= 0 andalso flush(),
    harass(Left - 1, Foreign, Loaded).

tell(Port, Handles, Loaded, Answered) ->
    Command = command(),
    Operation = Command bsr 28,
    try
        case rand:uniform(8) of
            1 ->
                %% Its highest bit says that the message is hollow.
                Hollow = (rand:uniform(2) - 1) bsl 31,
                Reply = erlang:port_call(Port, Command bor Hollow, term(Handles)),
                Answered(Operation band 7, Reply bsr 16);
            _ when Operation =:= 14 ->
                signal(rand:uniform(8), maty_engine:port(rand:uniform(1000)));
            _ ->
                [Status | _] = port_control(Port, Command, data(Operation, Handles, Loaded)),
                Answered(Operation, Status)
        end
    catch
        error:badarg -> ok
    end.

%% What Flood allows, if the session is one of Flood and both its roles are played here:
%% some messages, as many as may be under way, and what comes of them in any order.
converse(Handle) ->
    Port = maty_engine:port(Handle bsr 51),
    A = Handle band (bnot 1),
    Tickets = lists:append([say(Port, 1, A, 0) || _ <- lists:seq(1, rand:uniform(6))]),
    Shuffled = [
        Ticket
     || {_, Ticket} <- lists:sort([{rand:uniform(), Ticket} || Ticket <- Tickets])
    ],
    [say(Port, 3, A + 1, Ticket) || Ticket <- Shuffled].

%% Returns the ticket, if there is one.
say(Port, Operation, Handle, Argument) ->
    [Status | Rest] = port_control(Port, (Operation bsl 28) bor Argument, <<Handle:64/native>>),
    answered(Operation, Status),
    [High * 256 + Low || Status < 128, [High, Low] <- [Rest]].

%% Counts what was answered, as the engine does.
answered(Operation, Status) when Operation =:= 1; Operation =:= 2 -> step(sent, Status);
answered(Operation, Status) when Operation =:= 3; Operation =:= 4 -> step(received, Status);
answered(7, 0) -> count(opened);
answered(_, _) -> ok.

step(Done, Status) when Status < 128 -> count(Done);
step(_, 128 + ?WAIT) -> count(waited);
step(_, 128 + ?LOOK) -> ok;
step(_, 128 + ?BAD_TERM) -> count(bad_term);
step(_, 128 + ?FULL) -> count(full);
step(_, _) -> count(refused).

count(Name) ->
    put(answered, add(#{Name => 1}, get(answered))).

get_list(Key) ->
    case get(Key) of
        undefined -> [];
        List -> List
    end.

%% The last ones.
keep(Key, Item) ->
    put(Key, lists:sublist([Item | get_list(Key)], 20)).

%% The driver answers some commands with messages.
flush() ->
    receive
        {'$maty_start', _, Handle, _, _} ->
            keep(handles, Handle),
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
            3 -> 14;
            _ -> element(rand:uniform(12), {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15})
        end,
    (Operation bsl 28) bor (action() bsl 16) bor (rand:uniform(65536) - 1).

action() ->
    case rand:uniform(4) of
        1 -> rand:uniform(4096) - 1;
        _ -> rand:uniform(4) - 1
    end.

%% In place of the operation that there is none of: what else anybody can do to a port.
signal(1, Port) -> port_command(Port, rand:bytes(rand:uniform(40)));
signal(2, Port) -> Port ! {self(), {command, rand:bytes(rand:uniform(40))}};
signal(3, Port) -> Port ! {maty_engine:pid(), {command, rand:bytes(rand:uniform(40))}};
signal(4, Port) -> Port ! {maty_engine:pid(), {command, make_ref()}};
signal(5, Port) -> Port ! {self(), close};
signal(6, Port) -> Port ! rand:bytes(rand:uniform(40));
signal(7, Port) -> link(Port) andalso unlink(Port);
signal(8, Port) -> erlang:port_info(Port).

data(Operation, Handles, Loaded) ->
    case rand:uniform(4) of
        1 -> rand:bytes(rand:uniform(40) - 1);
        2 -> [<<(handle(Handles)):64/native>>, rand:bytes(rand:uniform(20) - 1)];
        3 -> [<<(handle(Handles)):64/native>>, message()];
        4 -> sensible(Operation, Handles, Loaded)
    end.

%% What a message is shown with by port_call, and terms that are nearly that.
term(Handles) ->
    Data = <<(handle(Handles)):64/native>>,
    case rand:uniform(7) of
        1 -> {Data, {ask, 1, <<"text">>}};
        2 -> {Data, rand:bytes(rand:uniform(40) - 1)};
        3 -> {Data, lists:duplicate(rand:uniform(1000), {Data, #{Data => 1.5}})};
        4 -> {rand:bytes(rand:uniform(16) - 1), ask};
        5 -> [Data | {ask, self(), make_ref()}];
        6 -> rand:uniform(1 bsl 80);
        %% A bit in place of a large binary, if the message is hollow.
        7 -> {Data, 1, element(rand:uniform(2), {<<1:1>>, [<<1:1>>, <<2:2>>]})}
    end.

handle(Handles) ->
    Handle = lists:nth(rand:uniform(length(Handles)), Handles),
    case rand:uniform(3) of
        1 -> Handle bxor (1 bsl (rand:uniform(64) - 1));
        _ -> Handle
    end.

message() ->
    Good = term_to_binary({ask, 1, <<"text">>}),
    case rand:uniform(4) of
        1 -> [0, Good];
        2 -> [0, damaged(Good)];
        3 -> [<<0, (rand:uniform(70)):16>>, rand:bytes(rand:uniform(600)), Good];
        4 -> [1, damaged(term_to_binary({ask, 1, <<1:1>>}))]
    end.

damaged(Bytes) ->
    At = rand:uniform(byte_size(Bytes)) - 1,
    <<Before:At/binary, _, After/binary>> = Bytes,
    <<Before/binary, (rand:uniform(256) - 1), After/binary>>.

perhaps_damaged(Bytes) ->
    case rand:uniform(4) of
        1 -> damaged(Bytes);
        _ -> Bytes
    end.

%% What is right, or nearly.
sensible(0, Handles, Loaded) ->
    case rand:uniform(3) of
        1 ->
            sensible(7, Handles, Loaded);
        _ ->
            State = element(rand:uniform(3), {rand:uniform(5) - 1, 16#fffffffe, 16#ffffffff}),
            Channels = lists:duplicate(rand:uniform(4) - 1, <<(rand:uniform(4)):96/native>>),
            [
                <<(handle(Handles)):64/native, (rand:uniform(3) - 1):32/native, State:32/native>>
                | Channels
            ]
    end;
sensible(7, _, {Number, _}) ->
    [
        <<(Number + 2 - rand:uniform(3)):32/native, (rand:uniform(5) - 1):32/native,
            (rand:uniform(3) - 1):32/native>>,
        place(),
        place()
    ];
sensible(11, _, {_, Image}) ->
    Kind = rand:uniform(10),
    Fields = [perhaps_damaged(iolist_to_binary(Field)) || Field <- question(Kind, Image)],
    [<<1:64, Kind:32/native>> | [[<<(byte_size(Field)):32/native>>, Field] || Field <- Fields]];
sensible(12, _, {_, Image}) ->
    [<<1:64>>, perhaps_damaged(Image)];
sensible(13, _, _) ->
    <<1:64, (rand:uniform(1 bsl 34)):64/native>>;
sensible(15, Handles, _) ->
    <<(handle(Handles)):64/native, (rand:uniform(5)):32/native>>;
sensible(_, Handles, _) ->
    [<<(handle(Handles)):64/native>>].

%% A role for itself or another, for one that has ended, for nobody, or away.
place() ->
    Token =
        case rand:uniform(8) of
            1 ->
                rand:uniform(1 bsl 30);
            2 ->
                0;
            3 ->
                [{_, Found} | _] =
                    ets:lookup(get(tokens), rand:uniform(2 * ?PROCESSES)) ++ [{none, 0}],
                Found;
            _ ->
                get(token)
        end,
    maty_engine:place(Token, rand:uniform(10)).

%% The fields of c_src/beam/job.h.
question(1, _) -> source();
question(Kind, Image) when Kind < 4 -> [<<1000:64/native, 2:32/native, 50:32/native, 0:64>>, Image];
question(4, Image) -> [two_words(), Image, Image];
question(Kind, Image) when Kind < 7 -> [two_words(), Image];
question(7, _) -> [<<(rand:uniform(3) - 1):32/native>>, "P\0" | source()];
question(8, _) -> source();
question(9, Image) -> [two_words(), "m\0", "f.scr\0", Image];
question(10, Image) ->
    [
        Image,
        "behaviour 1 \"a.erl\" \"A\"\nstart 0\nnodes 2\nsend 1:1 1 - \"B\" \"stop\" 0\ndone 2:1\n"
    ].

two_words() ->
    <<(rand:uniform(3) - 1):32/native, (rand:uniform(3) - 1):32/native>>.

source() ->
    Form = element(rand:uniform(3), {0, 1, 2}),
    [<<0, 0, Form>>, "n\0", "global protocol P(role A, role B) { m() from A to B; }"].

commands_that_are_too_short() ->
    [
        [
            ?assertError(
                badarg, port_control(maty_engine:port(0), Operation bsl 28, <<0:Size/unit:8>>)
            )
         || Size <- lists:seq(0, Least - 1)
        ]
     || {Operation, Least} <-
            [{O, 8} || O <- [1, 3, 5, 6, 9, 11, 12]] ++
                [{2, 9}, {4, 9}, {7, 12}, {13, 16}, {15, 12}]
    ].

unknown_operations() ->
    [
        ?assertError(badarg, port_control(maty_engine:port(0), Operation bsl 28, <<0:256>>))
     || Operation <- [0, 14]
    ],
    ?assertError(badarg, erlang:port_call(maty_engine:port(0), 1, x)).

%% ----- Ports -----

%% They are nothing to the engine: its ports and its sessions stay.
messages_to_ports() ->
    Engine = maty_engine:pid(),
    Port = maty_engine:port(0),
    Self = self(),
    true = port_command(Port, <<"x">>),
    lists:foreach(fun(Message) -> Port ! Message end, [
        x,
        {Self, close},
        {Self, {command, <<"x">>}},
        {Self, {connect, Self}},
        {Engine, {command, x}}
    ]),
    %% The port says so to its owner, which has heard of it when it answers.
    ?assertMatch({connected, Engine}, erlang:port_info(Port, connected)),
    _ = sys:get_state(maty_engine),
    ?assertEqual(Engine, maty_engine:pid()),
    talk().

%% Anybody on the node can do it. The engine begins anew, and with it everybody else.
ports_that_others_close() ->
    %% Restarts before would count.
    ok = application:stop(maty),
    ok = application:start(maty),
    Die = fun(Do) -> fun(Port, _) -> Do(Port) andalso exit(died) end end,
    lists:foreach(fun closed/1, [
        fun(Port, _) -> port_close(Port) end,
        fun(Port, Engine) -> Port ! {Engine, close} end,
        fun(Port, _) -> exit(Port, kill) end,
        fun(Port, _) -> exit(Port, badsig) end,
        Die(fun(Port) -> link(Port) end),
        Die(fun(Port) -> port_connect(Port, self()) end)
    ]),
    talk().

closed(Close) ->
    Engine = maty_engine:pid(),
    Monitor = erlang:monitor(process, Engine),
    Last = maty_engine:port(maty_engine:port_count() - 1),
    {Pid, Of} = spawn_monitor(fun() -> Close(Last, Engine) end),
    receive
        {'DOWN', Of, process, Pid, _} -> ok
    end,
    receive
        {'DOWN', Monitor, process, Engine, {port_closed, _}} -> ok
    end,
    maty_player:settled().

talk() ->
    AccessPoint = access_point(?TALK),
    B = play(AccessPoint, 'B', [wait]),
    A = play(AccessPoint, 'A', [{send, 'B', {stop}}]),
    ?assertEqual({got, 'B', {stop}}, next(B)),
    ?assertEqual({ended, 'A', {done, normal}}, next(A)),
    [maty_player:stop(Actor) || Actor <- [A, B]],
    ok = maty_access_point:stop(AccessPoint).
