%% Mistakes that come naturally to who is new here: each says what is wrong, where, and
%% what was expected.
-module(maty_mistakes_tests).

-include_lib("eunit/include/eunit.hrl").

-define(HOST(Attributes, Body), [
    "-module(an_actor).\n"
    "-behaviour(maty_actor).\n"
    "-compile({parse_transform, maty_transform}).\n"
    "-maty_protocol({string, \"protocol Hello(role Guest, role Host) {\n"
    "  hello(string) from Guest to Host;\n"
    "  welcome(string) from Host to Guest;\n"
    "}\"}).\n",
    Attributes,
    "init_actor(AccessPoint) ->\n"
    "    maty:register(AccessPoint, 'Host'),\n"
    "    {ok, none}.\n",
    Body
]).

-define(WELCOME,
    "hello({hello, Name}, State) ->\n"
    "    maty:send('Guest', {welcome, Name}),\n"
    "    {done, normal, State}.\n"
).

-define(OWN, "-maty([{protocol, an_actor}, {role, 'Host'}]).\n").

%% ----- When an actor is compiled -----

exported_test_() ->
    ByName =
        "init_session(_Session, State) ->\n"
        "    {ok, fun ?MODULE:hello/2, none, State}.\n",
    Local =
        "init_session(_Session, State) ->\n"
        "    {ok, fun hello/2, none, State}.\n",
    Both = ?OWN "-export([init_actor/1, init_session/2]).\n",
    All = ?OWN "-export([init_actor/1, init_session/2, hello/2]).\n",
    maty_player:tests([
        {"a handler by its module's name",
            ?_assertEqual(
                [
                    {{14, 5},
                        "[no-handler] suspends with an_actor:hello/2, which is not exported\n"
                        "an_actor:2:3: note: the protocol has hello(string) from Guest"}
                ],
                compile(?HOST(Both, [ByName, ?WELCOME]), [])
            )},
        {"one that is exported", ?_assertEqual([], compile(?HOST(All, [ByName, ?WELCOME]), []))},
        {"one of which all is",
            ?_assertEqual([], compile(?HOST(Both, [ByName, ?WELCOME]), [export_all]))},
        {"one without a module's name need not be",
            ?_assertEqual([], compile(?HOST(Both, [Local, ?WELCOME]), []))},
        {"init_session",
            ?_assertEqual(
                [{{13, 1}, "[no-handler] init_session/2 is not exported"}],
                compile(?HOST(?OWN "-export([init_actor/1]).\n", [Local, ?WELCOME]), [])
            )}
    ]).

another_process_test_() ->
    Begin =
        "init_session(_Session, State) ->\n"
        "    {ok, fun hello/2, none, State}.\n",
    Attributes = ?OWN "-export([init_actor/1, init_session/2]).\n",
    maty_player:tests([
        {Start,
            ?_assertEqual(
                [
                    {{16, Column},
                        "[bad-send] sends in another process; only the actor's own can send in "
                        "its sessions\n"
                        "after:\n"
                        "  1. Host receives hello from Guest (line 2)\n"
                        "an_actor:3:3: note: the protocol has welcome(string) to Guest"}
                ],
                compile(
                    ?HOST(Attributes, [
                        Begin,
                        "hello({hello, Name}, State) ->\n    ",
                        Start,
                        "(fun() -> maty:send('Guest', {welcome, Name}) end),\n"
                        "    {done, normal, State}.\n"
                    ]),
                    []
                )
            )}
     || {Start, Column} <- [{"spawn", 20}, {"spawn_link", 25}, {"proc_lib:spawn", 29}]
    ]).

attributes_test_() ->
    maty_player:tests([
        {Wrong,
            ?_assertEqual(
                [{8, Text}],
                compile(?HOST(["-maty(", Wrong, ").\n-export([init_actor/1]).\n"], []), [])
            )}
     || {Wrong, Text} <- [
            {"[{protocol, an_actor}, {role, \"Host\"}]",
                "expected role to be an atom, or a list of atoms, got: \"Host\""},
            {"[{roles, ['Host', 'Guest']}]",
                "expected roles to be a list of {Protocol, Role}, got: ['Host','Guest']"},
            {"#{protocol => an_actor, role => 'Host'}",
                "expected a list of options, got: #{protocol => an_actor,role => 'Host'}"}
        ]
    ]).

without_transform_test_() ->
    maty_player:tests([fun without_transform/0]).

without_transform() ->
    {ok, Module, Beam} = compile_file(
        "maty_mistakes_plain",
        "-module(maty_mistakes_plain).\n"
        "-maty_protocol({string, \"protocol P(role A, role B) { m() from A to B; }\"}).\n",
        []
    ),
    {module, Module} = code:load_binary(Module, "nofile", Beam),
    {error, Reason} = maty_access_point:start_link(Module),
    ?assertEqual({not_a_protocol, Module}, Reason),
    ?assertEqual(
        "maty_mistakes_plain has -maty_protocol, and was compiled without "
        "-compile({parse_transform, maty_transform})",
        lists:flatten(maty_protocol:format_error(Reason))
    ),
    true = code:delete(Module),
    _ = code:purge(Module).

%% The errors and their places, as the compiler hands them on.
compile(Text, Options) ->
    case compile_file("an_actor", Text, [return_errors | Options]) of
        {ok, _, _} ->
            [];
        {error, Errors, _} ->
            [
                {Where, lists:flatten(unicode:characters_to_list(Module:format_error(What)))}
             || {_, Found} <- Errors, {Where, Module, What} <- Found
            ]
    end.

compile_file(Name, Text, Options) ->
    Folder = filename:join("/tmp", "maty_mistakes_" ++ os:getpid()),
    File = filename:join(Folder, Name ++ ".erl"),
    ok = filelib:ensure_dir(File),
    ok = file:write_file(File, Text),
    Result = compile:file(File, [binary | Options]),
    ok = file:del_dir_r(Folder),
    Result.

%% ----- When it is run -----

described_test_() ->
    ok = maty_player:start_engine(),
    AccessPoint = maty_player:access_point("protocol P(role A, role B) { m() from A to B; }"),
    maty_player:patiently([
        {Called, ?_assertEqual({Reason, Info}, raised(Fun))}
     || {Called, Fun, Reason, Info} <- [
            {"leave", fun() -> maty:leave(17) end, {not_a_session, 17},
                #{1 => <<"not a session, as init_session is given one">>}},
            {"sessions", fun() -> maty:sessions(AccessPoint) end, {no_actor, AccessPoint},
                #{1 => <<"not an actor">>}},
            {"sender", fun() -> maty:sender({hello, 1}) end, {not_received, {hello, 1}},
                #{1 => <<"no such message of this session has come">>}},
            {"subscribe", fun() -> maty_event:subscribe(stuk) end,
                {unknown_event, stuk, [violation, session_failed, overload, breaker, stuck]},
                #{1 => <<"the kinds are [violation,session_failed,overload,breaker,stuck]">>}}
        ]
    ]).

not_started_test_() ->
    Reason = maty_not_started,
    Info = #{
        general =>
            <<"the application maty is not started; application:ensure_all_started(maty)">>
    },
    Text = "protocol P(role A, role B) { m() from A to B; }",
    {setup,
        fun() ->
            ok = maty_player:start_engine(),
            {ok, Protocol} = maty_protocol:from_string(Text),
            ok = application:stop(maty),
            Protocol
        end,
        fun(_) -> maty_player:start_engine() end, fun(Protocol) ->
            maty_player:patiently([
                ?_assertEqual({Reason, Info}, raised(fun() -> maty_protocol:from_string(Text) end)),
                ?_assertEqual({Reason, Info}, raised(fun maty:i/0)),
                ?_test(begin
                    Before = process_flag(trap_exit, true),
                    ?assertEqual({error, Reason}, maty_access_point:start_link(Protocol)),
                    receive
                        {'EXIT', _, Reason} -> ok
                    end,
                    true = process_flag(trap_exit, Before)
                end),
                ?_assertEqual(
                    "the application maty is not started", maty_protocol:format_error(Reason)
                )
            ])
        end}.

%% A role is what stands in the protocol.
receiver_test() ->
    Violation = #{
        reason => no_action,
        direction => send,
        attempt => {welcome, <<"Joe">>},
        session => 0,
        role => 'Host',
        protocol => 'Hello',
        source => <<"hello.scr">>,
        allowed => [],
        roles => ['Guest', 'Host']
    },
    [
        ?assertEqual(
            "Host in session #0.0.0 of Hello sends {welcome,<<\"Joe\">>} to " ++ Text ++
                "; the role has come to its end",
            lists:flatten(maty_error:format(Violation#{peer => Peer}))
        )
     || {Peer, Text} <- [
            {'Host', "'Host', which is the role that sends it"},
            {'Elixir.Guest', "'Elixir.Guest', which is a module; the role would be :Guest"},
            {guest, "guest, which is no role of the protocol; it has Guest, Host"}
        ]
    ].

%% What a shell shows of an error.
raised(Fun) ->
    try Fun() of
        Value -> {returned, Value}
    catch
        error:Reason:Stack ->
            [{_, _, _, Location} | _] = Stack,
            #{module := Module} = proplists:get_value(error_info, Location),
            {Reason, Module:format_error(Reason, Stack)}
    end.
