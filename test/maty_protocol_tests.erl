%% Protocols as values: from text to image and back, in modules, and what is said
%% of those that are wrong.
-module(maty_protocol_tests).

-include_lib("eunit/include/eunit.hrl").

-import(maty_player, [play/3, next/1]).

-define(TWO, <<
    "global protocol First(role A, role B) {\n"
    "  m(integer) from A to B;\n"
    "}\n"
    "global protocol Second(role X, role Y, role Z) {\n"
    "  n(count: 1..3, string) from X to Y;\n"
    "  o() from Y to Z;\n"
    "}\n"
>>).

protocols_test_() ->
    maty_player:tests([
        fun accepted/0,
        fun rejected/0,
        fun rejected_beside_an_accepted_one/0,
        fun several_in_one_text/0,
        fun names_of_protocols/0,
        fun files/0,
        fun texts_that_are_none/0,
        fun machine/0,
        fun image_and_back/0,
        fun damaged_images/0,
        fun access_point_of_each_source/0,
        fun modules/0,
        fun module_that_does_not_compile/0,
        fun marks_under_the_place/0
    ]).

flat(Chardata) ->
    unicode:characters_to_binary(Chardata).

accepted() ->
    {ok, Verdict} = maty_protocol:check_string("two.scr", ?TWO),
    ?assertMatch(
        #{
            source := <<"two.scr">>,
            sources := #{<<"two.scr">> := ?TWO},
            accepted := true,
            diagnostics := [],
            protocols := [#{name := 'First', image := <<_, _/binary>>}, #{name := 'Second'}]
        },
        Verdict
    ).

rejected() ->
    Text = <<"global protocol P(role A, role B) {\n  m(integer) from A to C;\n}\n">>,
    {ok, Verdict} = maty_protocol:check_string("p.scr", Text),
    ?assertMatch(#{accepted := false, protocols := [], diagnostics := [_ | _]}, Verdict),
    #{diagnostics := [Diagnostic]} = Verdict,
    ?assertMatch(
        #{
            severity := error,
            source := <<"p.scr">>,
            class := <<"unbound-role">>,
            line := 2,
            column := 24,
            length := 1,
            text := <<_, _/binary>>,
            run := <<>>
        },
        Diagnostic
    ),
    {error, {rejected, #{source := <<"nofile">>, diagnostics := Same}}} =
        maty_protocol:from_string(Text),
    ?assertEqual([Diagnostic#{source := <<"nofile">>}], Same),
    %% One that cannot be implemented shows how it goes wrong.
    {ok, #{accepted := false, diagnostics := Shown}} = maty_protocol:check_string("q.scr", [
        "global protocol Q(role A, role B, role C) {\n"
        "  choice at A { a() from A to B; x() from C to B; }\n"
        "  or { b() from A to B; y() from C to B; }\n"
        "}\n"
    ]),
    ?assertMatch([_ | _], [Run || #{run := Run} <- Shown, Run =/= <<>>]).

rejected_beside_an_accepted_one() ->
    Text = <<?TWO/binary, "global protocol Third(role A, role B) { m() from A to C; }\n">>,
    {ok, #{accepted := false, protocols := Protocols}} =
        maty_protocol:check_string("three.scr", Text),
    ?assertEqual(['First', 'Second'], [maty_protocol:name(P) || P <- Protocols]),
    ?assertMatch({error, {rejected, _}}, maty_protocol:from_string(Text, 'First')).

several_in_one_text() ->
    ?assertEqual(
        {error,
            {no_protocol, #{
                name => any, source => <<"nofile">>, protocols => ['First', 'Second']
            }}},
        maty_protocol:from_string(?TWO)
    ),
    [
        begin
            {ok, Protocol} = maty_protocol:from_string(?TWO, Name),
            ?assertEqual('Second', maty_protocol:name(Protocol)),
            ?assertEqual(['X', 'Y', 'Z'], maty_protocol:roles(Protocol))
        end
     || Name <- ['Second', "Second", <<"Second">>]
    ].

names_of_protocols() ->
    Text = fun({error, Reason}) -> flat(maty_protocol:format_error(Reason)) end,
    ?assertEqual(
        <<"nofile has several protocols, name one: First, Second">>,
        Text(maty_protocol:from_string(?TWO))
    ),
    ?assertEqual(
        <<"nofile has no protocol Third; it has First, Second">>,
        Text(maty_protocol:from_string(?TWO, 'Third'))
    ),
    ?assertEqual(
        <<"nofile has no protocol Third; it has First, Second">>,
        Text(maty_protocol:from_string(?TWO, <<"Third">>))
    ),
    ?assertEqual(<<"nofile has no protocol">>, Text(
        maty_protocol:from_string("aux global protocol P(role A, role B) { m() from A to B; }")
    )),
    ?assertEqual(
        <<"nofile:1:1: error[syntax]: expected a protocol, found the end of the text\n  \n  ^">>,
        Text(maty_protocol:from_string(""))
    ).

files() ->
    Folder = filename:join(os:getenv("TMPDIR", "/tmp"), "maty_protocol_tests." ++ os:getpid()),
    Path = filename:join(Folder, "two.scr"),
    ok = filelib:ensure_dir(Path),
    ok = file:write_file(Path, ?TWO),
    {ok, Protocol} = maty_protocol:from_file(Path, 'First'),
    ?assertEqual(['A', 'B'], maty_protocol:roles(Protocol)),
    ?assertEqual({ok, Protocol}, maty_protocol:resolve({file, Path, 'First'})),
    ?assertMatch({error, {no_protocol, _}}, maty_protocol:from_file(Path)),
    ?assertMatch({ok, #{accepted := true}}, maty_protocol:check_file(Path)),
    ok = file:delete(Path),
    ok = file:del_dir(Folder),
    Gone = {error, {file, #{path => Path, reason => enoent}}},
    ?assertEqual(Gone, maty_protocol:from_file(Path)),
    ?assertEqual(Gone, maty_protocol:check_file(Path)),
    {error, Reason} = Gone,
    ?assertMatch(
        {match, _}, re:run(flat(maty_protocol:format_error(Reason)), "two\\.scr.*no such file")
    ).

texts_that_are_none() ->
    ?assertMatch(
        {ok, #{accepted := false, diagnostics := [#{severity := error} | _]}},
        maty_protocol:check_string("latin.scr", <<"global protocol \344">>)
    ),
    ?assertEqual(
        {error, {not_text, #{source => <<"bad">>}}}, maty_protocol:check_string("bad", [16#110000])
    ),
    {error, NotText} = maty_protocol:check_string("bad", ["a", [16#d800]]),
    ?assertMatch({match, _}, re:run(flat(maty_protocol:format_error(NotText)), "bad")),
    ?assertMatch({ok, #{accepted := false}}, maty_protocol:check_string("zero", <<0, 0, 0>>)),
    [
        ?assertEqual({error, {not_a_protocol, Source}}, maty_protocol:resolve(Source))
     || Source <- [5, "text", {text, ""}, #{}, lists, no_such_module]
    ].

machine() ->
    {ok, Protocol} = maty_protocol:from_string(?TWO, 'Second'),
    N = #{
        label => n,
        target => 1,
        fields => [{<<"count">>, <<"1..3">>}, {<<>>, <<"string">>}],
        line => 5,
        column => 3
    },
    O = #{label => o, target => 2, fields => [], line => 6, column => 3},
    ?assertEqual(
        [{send, [N#{direction => send, peer => 'Y'}]}, {final, []}],
        maty_protocol:machine(Protocol, 'X')
    ),
    ?assertEqual(
        [
            {'receive', [N#{direction => 'receive', peer => 'X'}]},
            {send, [O#{direction => send, peer => 'Z'}]},
            {final, []}
        ],
        maty_protocol:machine(Protocol, 'Y')
    ).

%% ----- Images -----

image_and_back() ->
    {ok, Protocol} = maty_protocol:from_string(?TWO, 'Second'),
    Image = maty_protocol:image(Protocol),
    ?assertEqual({ok, Protocol}, maty_protocol:from_image(Image)),
    {ok, Again} = maty_protocol:from_image(binary:copy(Image)),
    ?assertEqual(['X', 'Y', 'Z'], maty_protocol:roles(Again)).

%% Whatever is wrong with an image, it is said, and nothing happens.
damaged_images() ->
    {ok, Protocol} = maty_protocol:from_string(?TWO, 'First'),
    Image = maty_protocol:image(Protocol),
    Size = byte_size(Image),
    Bad = {error, {engine, bad_image}},
    [
        begin
            <<Before:At/binary, Byte, After/binary>> = Image,
            Damaged = <<Before/binary, (Byte bxor Flip), After/binary>>,
            ?assertEqual({At, Flip, Bad}, {At, Flip, maty_protocol:from_image(Damaged)})
        end
     || At <- lists:seq(0, Size - 1), Flip <- [1, 128, 255]
    ],
    [
        ?assertEqual({Cut, Bad}, {Cut, maty_protocol:from_image(binary_part(Image, 0, Cut))})
     || Cut <- lists:seq(0, Size - 1)
    ],
    [
        ?assertEqual(Bad, maty_protocol:from_image(Other))
     || Other <- [<<Image/binary, 0>>, <<Image/binary, 0:64>>, <<0:8000>>, <<-1:8000>>]
    ],
    ?assertEqual({ok, Protocol}, maty_protocol:from_image(Image)),
    process_flag(trap_exit, true),
    ?assertEqual(
        {error, {image_not_loaded, bad_image}},
        maty_access_point:start_link(#{name => 'First', image => <<0:800>>})
    ),
    receive
        {'EXIT', _, Reason} -> ?assertEqual({image_not_loaded, bad_image}, Reason)
    end,
    process_flag(trap_exit, false).

%% ----- Sources -----

access_point_of_each_source() ->
    {ok, Protocol} = maty_protocol:from_string(?TWO, 'First'),
    [
        begin
            {ok, AccessPoint} = Start(),
            ?assertEqual('First', maty_protocol:name(maty_access_point:protocol(AccessPoint))),
            A = play(AccessPoint, 'A', [{send, 'B', {m, 1}}]),
            B = play(AccessPoint, 'B', [wait]),
            ?assertEqual({got, 'B', {m, 1}}, next(B)),
            ?assertEqual({ended, 'A', {done, normal}}, next(A)),
            ok = maty_access_point:stop(AccessPoint)
        end
     || Start <- [
            fun() -> maty_access_point:start_link(Protocol) end,
            fun() -> maty_access_point:start_link({string, ?TWO, 'First'}) end,
            fun() -> maty_access_point:start_link(#{protocol => Protocol}) end,
            fun() -> maty_access_point:start_link(maty_protocol_first, Protocol) end,
            fun() -> maty_access_point:start_link({local, maty_protocol_first}, Protocol) end
        ]
    ].

%% ----- Modules -----

%% Compiles a module in memory, as the compiler would from a file.
compile_module(Forms) ->
    Parsed = [
        begin
            {ok, Tokens, _} = erl_scan:string(Form),
            {ok, Abstract} = erl_parse:parse_form(Tokens),
            Abstract
        end
     || Form <- Forms
    ],
    compile:forms([{attribute, 1, file, {"/nowhere/m.erl", 1}} | Parsed], [return]).

modules() ->
    {ok, Module, Binary, []} = compile_module(
        [
            "-module(maty_protocol_embedded).",
            "-compile({parse_transform, maty_transform}).",
            "-maty_protocol({string,"
            " \"global protocol Embedded(role A, role B) { m() from A to B; }\"}).",
            "-export([f/0]).",
            "f() -> ok."
        ]
    ),
    {module, Module} = code:load_binary(Module, "maty_protocol_embedded.erl", Binary),
    {ok, Protocol} = maty_protocol:from_module(Module),
    ?assertEqual('Embedded', maty_protocol:name(Protocol)),
    ?assertEqual(Protocol, Module:maty_protocol()),
    ?assertEqual(ok, Module:f()),
    {ok, AccessPoint} = maty_access_point:start_link(Module),
    B = play(AccessPoint, 'B', [wait]),
    _A = play(AccessPoint, 'A', [{send, 'B', {m}}]),
    ?assertEqual({got, 'B', {m}}, next(B)),
    true = code:delete(Module),
    code:purge(Module),
    %% Without the attribute the transform does nothing.
    ?assertMatch(
        {ok, maty_protocol_plain, _, []},
        compile_module([
            "-module(maty_protocol_plain).", "-compile({parse_transform, maty_transform})."
        ])
    ),
    ?assertEqual({error, {not_a_protocol, ?MODULE}}, maty_protocol:from_module(?MODULE)).

module_that_does_not_compile() ->
    Compile = fun(Attributes) ->
        {error, [{"/nowhere/m.erl", [{_, maty_transform, Reason}]}], _} = compile_module(
            [
                "-module(maty_protocol_bad).",
                "-compile({parse_transform, maty_transform})."
                | Attributes
            ]
        ),
        flat(maty_transform:format_error(Reason))
    end,
    ?assertMatch(
        {match, _},
        re:run(
            Compile([
                "-maty_protocol({string,"
                " \"global protocol E(role A, role B) { m() from A to C; }\"})."
            ]),
            "^the protocol is not accepted:\nmaty_protocol_bad:1:51: error\\[unbound-role\\]: "
        )
    ),
    Good = "-maty_protocol({string, \"global protocol E(role A, role B) { m() from A to B; }\"}).",
    ?assertEqual(<<"a module can embed one protocol">>, Compile([Good, Good])),
    ?assertMatch(
        {match, _},
        re:run(Compile(["-maty_protocol({file, \"no.scr\"})."]), "/nowhere/no\\.scr.*no such file")
    ),
    ?assertMatch({match, _}, re:run(Compile(["-maty_protocol(5)."]), "5 is no protocol; expected")).

%% Tabs stay tabs, and a character is one mark wide however many bytes it has.
marks_under_the_place() ->
    {error, Reason} = maty_protocol:from_string(
        <<"// grün\nglobal protocol P(role A, role B) {\n\tm() from A to Nobody;\n}\n"/utf8>>
    ),
    ?assertMatch(
        {match, _},
        re:run(
            flat(maty_protocol:format_error(Reason)),
            "^nofile:3:16: error\\[unbound-role\\]: .*\n  \tm\\(\\) from A to Nobody;\n"
            "  \t {14}\\^{6}(\n|$)"
        )
    ).
