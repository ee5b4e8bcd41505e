%% What the checker says of machines, and what is written and drawn of them,
%% through the library.
-module(maty_checker_tests).

-include_lib("eunit/include/eunit.hrl").

-define(PING, <<
    "global protocol Ping(role A, role B) {\n"
    "  ping(integer) from A to B;\n"
    "  choice at B {\n"
    "    pong(n: string) from B to A;\n"
    "  } or {\n"
    "    stop() from B to A;\n"
    "  }\n"
    "}\n"
>>).

%% B expects what A never sends.
-define(STUCK, <<
    "machines Stuck;\n"
    "machine A {\n"
    "  0: a() to B -> 1;\n"
    "  1: end;\n"
    "}\n"
    "machine B {\n"
    "  0: a() from A -> 1;\n"
    "  1: b() from A -> 2;\n"
    "  2: end;\n"
    "}\n"
>>).

checker_test_() ->
    maty_player:tests([
        fun dialects/0,
        fun imports/0,
        fun imports_of_imports/0,
        fun missing_import/0,
        fun wrong_options/0,
        fun exploring/0,
        fun exploring_finds/0,
        fun exploring_stops/0,
        fun compatible/0,
        fun compare/0,
        fun subtype/0,
        fun machine_text/0,
        fun diagram/0,
        fun drawing/0,
        fun format/0,
        fun skeleton/0,
        fun runs_as_data/0,
        fun questions_of_garbage/0
    ]).

protocol(Text) ->
    {ok, Protocol} = maty_protocol:from_string(Text),
    Protocol.

error_text({error, Reason}) ->
    unicode:characters_to_binary(maty_protocol:format_error(Reason)).

%% A folder of files, which is gone after.
with_files(Files, Fun) ->
    Name = io_lib:format("maty_checker_tests.~ts.~b", [
        os:getpid(), erlang:unique_integer([positive])
    ]),
    Folder = filename:join(os:getenv("TMPDIR", "/tmp"), lists:flatten(Name)),
    lists:foreach(
        fun({File, Text}) ->
            Path = filename:join(Folder, File),
            ok = filelib:ensure_dir(Path),
            ok = file:write_file(Path, Text)
        end,
        Files
    ),
    try
        Fun(Folder)
    after
        ok = file:del_dir_r(Folder)
    end.

%% ----- Texts -----

dialects() ->
    Text = <<"module greet; global protocol Greet(role A, role B) { hello(word) from A to B; }">>,
    Classes = fun(Dialect) ->
        {ok, #{diagnostics := Found}} =
            maty_protocol:check_string("greet.scr", Text, #{dialect => Dialect}),
        [Class || #{class := Class} <- Found]
    end,
    ?assertEqual([<<"unbound-type">>], Classes(maty)),
    ?assertEqual([<<"unbound-type">>], Classes(scribble)),
    ?assertEqual([], Classes(nuscr)),
    {ok, #{name := 'Greet'}} = maty_protocol:from_string(Text, #{dialect => nuscr}),
    {ok, #{name := 'Greet'}} =
        maty_protocol:resolve({string, Text, #{dialect => nuscr, protocol => <<"Greet">>}}).

-define(MAIN, <<
    "import words.Basic as W;\n"
    "global protocol Main(role A, role B) { do W.Hello(A, B); bye() from B to A; }\n"
>>).
-define(BASIC, <<
    "module words.Basic;\n"
    "aux global protocol Hello(role X, role Y) { hello() from X to Y; }\n"
>>).

imports() ->
    with_files([{"main.scr", ?MAIN}, {"words/Basic.scr", ?BASIC}], fun(Folder) ->
        Path = filename:join(Folder, "main.scr"),
        {ok, #{accepted := true, sources := Sources, protocols := [Protocol]}} =
            maty_protocol:check_file(Path),
        ?assertEqual(
            lists:sort([
                unicode:characters_to_binary(Path),
                unicode:characters_to_binary(filename:join(Folder, "words/Basic.scr"))
            ]),
            lists:sort(maps:keys(Sources))
        ),
        ?assertMatch(
            [{send, [#{label := hello}]}, {'receive', [#{label := bye}]}, {final, []}],
            maty_protocol:machine(Protocol, 'A')
        )
    end).

%% They are looked for along the path, and may import each other.
imports_of_imports() ->
    Files = [
        {"main.scr", <<
            "import a.One;\n"
            "global protocol Main(role A, role B) { do a.One.First(A, B); }\n"
        >>},
        {"lib/a/One.scr", <<
            "module a.One;\nimport a.Two;\n"
            "global protocol First(role X, role Y) { one() from X to Y; do a.Two.Second(X, Y); }\n"
        >>},
        {"lib/a/Two.scr", <<
            "module a.Two;\nimport a.One;\n"
            "global protocol Second(role X, role Y) { two() from Y to X; }\n"
        >>}
    ],
    with_files(Files, fun(Folder) ->
        Path = filename:join(Folder, "main.scr"),
        {ok, #{accepted := true, protocols := [Protocol]}} =
            maty_protocol:check_file(Path, #{path => [filename:join(Folder, "lib")]}),
        ?assertMatch(
            [{send, [#{label := one}]}, {'receive', [#{label := two}]}, {final, []}],
            maty_protocol:machine(Protocol, 'A')
        )
    end).

missing_import() ->
    with_files([{"main.scr", ?MAIN}], fun(Folder) ->
        Path = filename:join(Folder, "main.scr"),
        {ok, #{accepted := false, diagnostics := [#{class := Class, line := 1} | _]}} =
            maty_protocol:check_file(Path),
        ?assertEqual(<<"unbound-protocol">>, Class)
    end).

wrong_options() ->
    Check = fun(Options) -> error_text(maty_protocol:check_string("p", ?PING, Options)) end,
    Explore = fun(Effort) -> error_text(maty_protocol:explore(protocol(?PING), Effort)) end,
    ?assertEqual(
        <<"unknown option dialekt; the options are choice, dialect, form, path, protocol">>,
        Check(#{dialekt => maty})
    ),
    ?assertEqual(
        <<"the option dialect is latin; expected maty or scribble or nuscr">>,
        Check(#{dialect => latin})
    ),
    ?assertEqual(<<"the option bound is 0; expected a number, 1 or more">>, Explore(#{bound => 0})),
    ?assertEqual(
        <<"Ping has no role 'C'; it has A, B">>,
        error_text(maty_protocol:diagram(protocol(?PING), 'C', mermaid))
    ).

%% ----- Machines -----

exploring() ->
    ?assertMatch(
        {ok, #{outcome := ok, bound := 2, states := 6, diagnostics := []}},
        maty_protocol:explore(protocol(?PING), #{bound => 2, whole => true})
    ).

exploring_finds() ->
    {ok, Machines} = maty_protocol:from_string(?STUCK, #{form => machines}),
    {ok, #{outcome := wrong, diagnostics := [Found]}} = maty_protocol:explore(Machines),
    ?assertMatch(
        #{
            class := <<"unfinished">>,
            parts := [
                #{
                    steps := [
                        #{kind := send, number := 1, sender := <<"A">>, label := <<"a">>},
                        #{kind := 'receive', number := 2, receiver := <<"B">>, label := <<"a">>}
                    ]
                }
            ]
        },
        Found
    ).

exploring_stops() ->
    Pairs = 8,
    Text = [
        "global protocol Pairs(",
        lists:join(", ", [io_lib:format("role A~b, role B~b", [N, N]) || N <- lists:seq(1, Pairs)]),
        ") {",
        [
            io_lib:format("m() from A~b to B~b; a() from B~b to A~b;", [N, N, N, N])
         || N <- lists:seq(1, Pairs)
        ],
        "}"
    ],
    {ok, #{outcome := limit}} =
        maty_protocol:explore(protocol(Text), #{max_states => 1000, whole => true}).

compatible() ->
    {ok, #{outcome := ok, bound := 1}} = maty_protocol:compatible(protocol(?PING), 3).

compare() ->
    Old = protocol(<<"global protocol Ask(role A, role B) { ask(integer) from A to B; }">>),
    New = protocol(<<
        "global protocol Ask(role A, role B, role C) { ask(number) from A to B; n() from B to C; }"
    >>),
    ?assertEqual({ok, [{'A', compatible}, {'B', compatible}]}, maty_protocol:compare(Old, Old)),
    {ok, [{'A', {incompatible, [#{line := 1}]}}, {'B', {incompatible, [_]}}, {'C', added}]} =
        maty_protocol:compare(Old, New),
    {ok, [{'A', _}, {'B', _}, {'C', removed}]} = maty_protocol:compare(New, Old).

subtype() ->
    Number = protocol(<<"global protocol Ask(role A, role B) { ask(number) from A to B; }">>),
    Integer = protocol(<<"global protocol Ask(role A, role B) { ask(integer) from A to B; }">>),
    ?assertMatch({ok, #{outcome := ok}}, maty_protocol:subtype({Integer, 'A'}, {Number, 'A'})),
    ?assertMatch({ok, #{outcome := wrong}}, maty_protocol:subtype({Number, 'A'}, {Integer, 'A'})),
    ?assertMatch({ok, #{outcome := ok}}, maty_protocol:subtype({Number, 'B'}, {Integer, 'B'})).

%% ----- Writing and drawing -----

%% What is written can be read again, and is the same.
machine_text() ->
    Protocol = protocol(?PING),
    {ok, Text} = maty_protocol:machine_text(Protocol, all, machines),
    ?assertEqual(
        <<
            "machines Ping;\n"
            "\n"
            "machine A {\n"
            "  0: ping(integer) to B -> 1;\n"
            "  1: pong(n: string) from B -> 2;\n"
            "     stop() from B -> 2;\n"
            "  2: end;\n"
            "}\n"
            "\n"
            "machine B {\n"
            "  0: ping(integer) from A -> 1;\n"
            "  1: pong(n: string) to A -> 2;\n"
            "     stop() to A -> 2;\n"
            "  2: end;\n"
            "}\n"
        >>,
        Text
    ),
    {ok, Again} = maty_protocol:from_string(Text, #{form => machines}),
    ?assertEqual({ok, Text}, maty_protocol:machine_text(Again, all, machines)),
    {ok, <<".outputs A\n", _/binary>> = Cfsm} = maty_protocol:machine_text(Protocol, all, cfsm),
    {ok, Read} = maty_protocol:from_string(Cfsm, #{form => cfsm}),
    ?assertEqual(2, length(maty_protocol:roles(Read))).

diagram() ->
    {ok, Dot} = maty_protocol:diagram(protocol(?PING), 'B', graphviz),
    ?assertMatch(<<"digraph ", _/binary>>, Dot),
    {ok, Mermaid} = maty_protocol:diagram(protocol(?PING), 'B', mermaid),
    ?assertEqual(
        <<
            "---\n"
            "title: \"Ping B\"\n"
            "---\n"
            "stateDiagram-v2\n"
            "  direction LR\n"
            "  [*] --> s0\n"
            "  s0 --> s1 : A?ping(integer)\n"
            "  s1 --> s2 : A!pong(n#58; string)\n"
            "  s1 --> s2 : A!stop()\n"
            "  s2 --> [*]\n"
        >>,
        Mermaid
    ).

drawing() ->
    Files = [
        {"ping.scr", ?PING},
        {"bad.scr", <<"global protocol">>},
        {"main.scr", ?MAIN},
        {"words/Basic.scr", ?BASIC}
    ],
    with_files(Files, fun(Folder) ->
        At = fun(File) -> filename:join(Folder, File) end,
        ?assertEqual(
            {ok, <<
                "sequenceDiagram\n"
                "  participant A\n"
                "  participant B\n"
                "  A->>B: ping(integer)\n"
                "  alt B decides\n"
                "    B->>A: pong(n: string)\n"
                "  else\n"
                "    B->>A: stop()\n"
                "  end\n"
            >>},
            maty_protocol:drawing(At("ping.scr"), sequence, #{})
        ),
        ?assertMatch(
            {ok, <<"sequenceDiagram\n", _/binary>>},
            maty_protocol:drawing(At("main.scr"), sequence, #{})
        ),
        ?assertMatch(
            {error, {no_protocol, _}},
            maty_protocol:drawing(At("ping.scr"), mermaid, #{protocol => 'Pong'})
        ),
        ?assertMatch({error, _}, maty_protocol:drawing(At("bad.scr"), graphviz, #{})),
        ?assertMatch(
            {error, {file, #{reason := enoent}}},
            maty_protocol:drawing(At("none.scr"), graphviz, #{})
        )
    end).

format() ->
    Loose = <<"global protocol  P(role A,role B){m()from A to B; // one\n}">>,
    Bad = <<"global protocol P(role A) { m( }">>,
    with_files([{"loose.scr", Loose}, {"bad.scr", Bad}], fun(Folder) ->
        ?assertEqual(
            {ok, <<"global protocol P(role A, role B) {\n  m() from A to B; // one\n}\n">>},
            maty_protocol:format(filename:join(Folder, "loose.scr"))
        ),
        ?assertMatch(
            {error, {rejected, #{diagnostics := [#{class := <<"syntax">>} | _]}}},
            maty_protocol:format(filename:join(Folder, "bad.scr"))
        )
    end).

skeleton() ->
    {ok, Erlang} = maty_protocol:skeleton(protocol(?PING), 'B', erlang, ping_b),
    {ok, Tokens, _} = erl_scan:string(unicode:characters_to_list(Erlang)),
    ?assertMatch([{'-', _}, {atom, _, module}, {'(', _}, {atom, _, ping_b} | _], Tokens),
    {ok, Elixir} = maty_protocol:skeleton(protocol(?PING), 'B', elixir, 'Elixir.Ping.B'),
    ?assertMatch(<<"defmodule Ping.B do\n", _/binary>>, Elixir).

runs_as_data() ->
    Text =
        "global protocol Ends(role A, role B, role C) {\n"
        "  choice at A { go() from A to B; tell() from B to C; } or { stop() from A to B; }\n"
        "}\n",
    {ok, #{diagnostics := [Found]}} = maty_protocol:check_string("ends.scr", Text),
    Step = #{kind => message, number => 1, sender => <<"A">>, receiver => <<"B">>, line => 2},
    Tell = #{
        kind => message,
        number => 2,
        sender => <<"B">>,
        receiver => <<"C">>,
        line => 2,
        label => <<"tell">>
    },
    #{class := <<"unfinished">>, parts := Parts, sequence := Sequence} = Found,
    ?assertEqual(
        [
            #{heading => <<"one run">>, steps => [Step#{label => <<"go">>}, Tell], ending => <<>>},
            #{
                heading => <<"the other">>,
                steps => [Step#{label => <<"stop">>}],
                ending => <<"the end">>
            }
        ],
        Parts
    ),
    ?assertMatch(<<"sequenceDiagram\n", _/binary>>, Sequence).

%% ----- The engine -----

%% Whatever bytes are asked, the answer is a refusal and not the end of the VM.
questions_of_garbage() ->
    Image = maps:get(image, protocol(?PING)),
    Seed = rand:seed_s(exsss, 4711),
    {Garbage, _} = lists:mapfoldl(
        fun(Kind, S0) ->
            {Sizes, S1} = lists:mapfoldl(
                fun(_, S) -> rand:uniform_s(40, S) end, S0, lists:seq(1, 30)
            ),
            Fields = [[<<Size:32/native>>, binary:part(Image, 0, Size)] || Size <- Sizes],
            {Cut, S2} = rand:uniform_s(200, S1),
            Question = iolist_to_binary([<<Kind:32/native>> | Fields]),
            {binary:part(Question, 0, min(Cut, byte_size(Question))), S2}
        end,
        Seed,
        [N rem 12 || N <- lists:seq(1, 300)]
    ),
    lists:foreach(
        fun(Question) ->
            {Refused, none} = maty_engine:ask(Question),
            ?assert(lists:member(Refused, [invalid, bad_image]))
        end,
        [<<>> | Garbage]
    ),
    ?assertEqual(
        {bad_image, none},
        maty_engine:ask([<<2:32/native, 24:32/native, 0:192, 4:32/native, 0:32>>])
    ).
