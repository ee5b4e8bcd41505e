%% Handlers that are checked when their module is compiled: each test changes one thing
%% of a seller or a buyer that is right, and states the error in full.
-module(maty_handlers_tests).

-include_lib("eunit/include/eunit.hrl").

-define(SCR, [
    "global protocol TwoBuyer(role Buyer1, role Buyer2, role Seller) {\n"
    "  title(binary) from Buyer1 to Seller;\n"
    "  quote(integer) from Seller to Buyer1;\n"
    "  share(integer) from Buyer1 to Buyer2;\n"
    "  choice at Buyer2 {\n"
    "    address(binary) from Buyer2 to Seller;\n"
    "    date(date) from Seller to Buyer2;\n"
    "  } or {\n"
    "    quit() from Buyer2 to Seller;\n"
    "  }\n"
    "}\n"
]).

-define(SELLER,
    "-module(an_actor).\n"
    "-behaviour(maty_actor).\n"
    "-compile({parse_transform, maty_transform}).\n"
    "-maty([{protocol, {file, \"two_buyer.scr\"}}, {role, 'Seller'}]).\n"
    "-export([init_actor/1, init_session/2]).\n"
    "\n"
    "init_actor(AccessPoint) ->\n"
    "    maty:register(AccessPoint, 'Seller'),\n"
    "    {ok, AccessPoint}.\n"
    "\n"
    "init_session(_Session, AccessPoint) ->\n"
    "    {ok, fun title/2, #{}, AccessPoint}.\n"
    "\n"
    "title({title, Title}, State) ->\n"
    "    maty:send('Buyer1', {quote, price(Title)}),\n"
    "    {suspend, fun decision/2, State}.\n"
    "\n"
    "decision({address, _Address}, State) ->\n"
    "    maty:send('Buyer2', {date, {2026, 12, 1}}),\n"
    "    {done, normal, State};\n"
    "decision({quit}, State) ->\n"
    "    {done, normal, State}.\n"
    "\n"
    "price(_) -> 155.\n"
).

-define(BUYER,
    "-module(an_actor).\n"
    "-behaviour(maty_actor).\n"
    "-compile({parse_transform, maty_transform}).\n"
    "-maty([{protocol, {file, \"two_buyer.scr\"}}, {role, 'Buyer1'}]).\n"
    "-export([init_actor/1, init_session/2]).\n"
    "\n"
    "init_actor({AccessPoint, Title}) ->\n"
    "    maty:register(AccessPoint, 'Buyer1'),\n"
    "    {ok, Title}.\n"
    "\n"
    "init_session(_Session, Title) ->\n"
    "    maty:send('Seller', {title, Title}),\n"
    "    {ok, fun quote/2, none, Title}.\n"
    "\n"
    "quote({quote, Price}, State) ->\n"
    "    maty:send('Buyer2', {share, Price div 2}),\n"
    "    {done, normal, State}.\n"
).

-define(QUOTE, "maty:send('Buyer1', {quote, price(Title)})").
-define(AFTER_TITLE, "after:\n  1. Seller receives title from Buyer1 (line 2)\n").
-define(AFTER_QUOTE, ?AFTER_TITLE "  2. Seller sends quote to Buyer1 (line 3)\n").
-define(HAS_QUOTE, "two_buyer.scr:3:3: note: the protocol has quote(integer) to Buyer1").
-define(HAS_DECISION,
    "two_buyer.scr:6:5: note: the protocol has address(binary) from Buyer2\n"
    "two_buyer.scr:9:5: note: the protocol has quit() from Buyer2"
).

handlers_test_() ->
    {setup,
        fun() ->
            {ok, _} = application:ensure_all_started(maty),
            Folder = filename:join("/tmp", "maty_handlers_" ++ os:getpid()),
            ok = filelib:ensure_dir(filename:join(Folder, "x")),
            ok = file:write_file(filename:join(Folder, "two_buyer.scr"), ?SCR),
            Folder
        end,
        fun(Folder) -> file:del_dir_r(Folder) end, fun(Folder) ->
            maty_player:patiently(lists:flatten([
                right(Folder),
                sends(Folder),
                ends(Folder),
                clauses(Folder),
                roles(Folder),
                embedding(Folder),
                loops(Folder),
                held(Folder),
                several_roles(Folder),
                levels(Folder)
            ]))
        end}.

%% Compiles a text in which parts are replaced. Returns errors and warnings, each with
%% its place.
compile(Folder, Text, Changes) ->
    Changed = lists:foldl(
        fun({From, To}, T) ->
            ?assertNotEqual({From, nomatch}, {From, string:find(T, From)}),
            lists:flatten(string:replace(T, From, To))
        end,
        Text,
        Changes
    ),
    File = filename:join(Folder, "an_actor.erl"),
    ok = file:write_file(File, Changed),
    case compile:file(File, [return, binary, debug_info]) of
        {ok, an_actor, _, Warnings} -> {ok, messages(Folder, Warnings)};
        {error, Errors, _} -> {error, messages(Folder, Errors)}
    end.

%% Paths are those of the folder.
messages(Folder, Found) ->
    [
        {
            Where, lists:flatten(
                string:replace(
                    unicode:characters_to_list(Module:format_error(What)), Folder ++ "/", "", all
                )
            )
        }
     || {_, InFile} <- Found, {Where, Module, What} <- InFile, Module =:= maty_transform
    ].

wrong(Title, Folder, Text, Changes, Expected) ->
    {Title, ?_assertEqual({error, Expected}, compile(Folder, Text, Changes))}.

passes(Folder, Text, Changes) ->
    ?_assertEqual({ok, []}, compile(Folder, Text, Changes)).

right(Folder) ->
    [
        passes(Folder, ?SELLER, []),
        passes(Folder, ?BUYER, []),
        %% With options, and leaving wherever it stands.
        passes(Folder, ?SELLER, [
            {"{suspend, fun decision/2, State}",
                "{suspend, fun decision/2, State, #{timeout => 5000}}"},
            {"fun title/2, #{}, AccessPoint}", "fun title/2, #{}, AccessPoint, [{timeout, 5000}]}"}
        ]),
        passes(Folder, ?SELLER, [{"{done, normal, State};", "{leave, later, State};"}]),
        passes(Folder, ?SELLER, [
            {"    maty:send('Buyer1', {quote, price(Title)}),\n"
                "    {suspend, fun decision/2, State}",
                "    case Title of <<>> -> {leave, Title, State}; _ -> "
                "maty:send('Buyer1', {quote, price(Title)}), {suspend, fun decision/2, State} end"}
        ]),
        %% Captured under another name, or from another module's name.
        passes(
            Folder, ?SELLER, [
                {
                    "{suspend, fun decision/2, State}",
                    "Next = fun decision/2, {suspend, Next, State}"
                }
            ]
        ),
        passes(Folder, ?SELLER, [
            {"fun decision/2", "fun an_actor:decision/2"}, {
                "init_session/2])", "init_session/2, decision/2])"
            }
        ]),
        passes(
            Folder, ?SELLER, [{"fun decision/2", "fun(Message, S) -> decision(Message, S) end"}]
        ),
        %% More clauses than branches.
        passes(
            Folder, ?SELLER, [
                {
                    "decision({quit}, State) ->",
                    "decision({quit}, #{left := all}) -> {done, none, none};\n"
                    "decision({quit}, State) ->"
                }
            ]
        ),
        %% Chosen by a value that is known.
        passes(Folder, ?SELLER, [
            {
                ?QUOTE,
                "To = case Title of <<>> -> 'Buyer1'; _ -> 'Buyer1' end, maty:send(To, {quote, 1})"
            }
        ]),
        passes(Folder, ?SELLER, [
            {?QUOTE, "catch maty:send('Buyer2', {quote, 1}), maty:send('Buyer1', {quote, 1})"}
        ])
    ].

sends(Folder) ->
    [
        wrong("to the wrong role", Folder, ?SELLER, [{"send('Buyer1'", "send('Buyer2'"}], [
            {{15, 5},
                "[bad-send] Seller sends quote/1 to Buyer2, which the protocol does not allow "
                "here; it has to send quote(integer) to Buyer1\n" ?AFTER_TITLE ?HAS_QUOTE}
        ]),
        wrong("with the wrong label", Folder, ?SELLER, [{"{quote,", "{qoute,"}], [
            {{15, 5},
                "[bad-send] Seller sends qoute/1 to Buyer1, which the protocol does not allow "
                "here; it has to send quote(integer) to Buyer1\n" ?AFTER_TITLE ?HAS_QUOTE}
        ]),
        [
            wrong("with the wrong payload", Folder, ?SELLER, Changes, [
                {{15, 5},
                    "[bad-payload] Seller sends quote with field 1 of another type; expected "
                    "quote(integer) to Buyer1\n" ?AFTER_TITLE ?HAS_QUOTE}
            ])
         || Changes <- [
                [{"{quote, price(Title)}", "{quote, Title}"}],
                [{"price(_) -> 155", "price(_) -> 155.0"}],
                [{"price(_) -> 155", "price(Title) -> [Title]"}],
                [
                    {
                        "price(_) -> 155",
                        "-spec price(binary()) -> binary().\nprice(Title) -> get(Title)"
                    }
                ]
            ]
        ],
        wrong("too many", Folder, ?SELLER, [{?QUOTE, "maty:send('Buyer1', {quote, 1}), " ?QUOTE}], [
            {{15, 38},
                "[bad-send] Seller sends quote/1 to Buyer1, which the protocol does not allow "
                "here; it waits for address(binary) from Buyer2 or quit() from Buyer2\n"
                ?AFTER_QUOTE ?HAS_DECISION}
        ]),
        wrong("missing", Folder, ?SELLER, [{?QUOTE, "price(Title)"}], [
            {{16, 5},
                "[bad-suspend] Seller suspends where it does not wait; it has to send "
                "quote(integer) to Buyer1\n" ?AFTER_TITLE ?HAS_QUOTE}
        ]),
        [
            wrong("in one branch only", Folder, ?SELLER, [{?QUOTE, Branch}], [
                {{16, 5},
                    "[bad-suspend] Seller suspends where it does not wait; it has to send "
                    "quote(integer) to Buyer1\n" ?AFTER_TITLE ?HAS_QUOTE}
            ])
         || Branch <- [
                "case State of #{open := true} -> " ?QUOTE "; _ -> ok end",
                "if State =:= open -> " ?QUOTE "; true -> ok end",
                "State =:= open andalso " ?QUOTE,
                "try price(Title) of 155 -> ok; _ -> " ?QUOTE " catch _:_ -> ok end"
            ]
        ],
        wrong(
            "in a helper that is called twice",
            Folder,
            ?SELLER,
            [
                {?QUOTE, "answer(price(Title)),\n    answer(1)"}, {
                    "price(_)",
                    "answer(Price) ->\n    maty:send('Buyer1', {quote, Price}).\n\nprice(_)"
                }
            ],
            [
                {{26, 5},
                    "[bad-send] Seller sends quote/1 to Buyer1, which the protocol does not allow "
                    "here; it waits for address(binary) from Buyer2 or quit() from Buyer2\n"
                    ?AFTER_QUOTE
                    "an_actor.erl:16:5: note: called here\n" ?HAS_DECISION}
            ]
        ),
        wrong("past the session", Folder, ?SELLER, [{?QUOTE, "self() ! {quote, price(Title)}"}], [
            {{15, 12},
                "[raw-message] {quote, 155} is sent to a process, past the session; use "
                "maty:send/2\n"
                ?AFTER_TITLE ?HAS_QUOTE}
        ]),
        wrong("a receive in a handler", Folder, ?SELLER, [
            {?QUOTE, "receive _ -> " ?QUOTE " end"}
        ], [
            {{15, 5},
                "[raw-message] a handler waits for a message by itself; only a suspended handler "
                "hears\n"
                ?AFTER_TITLE ?HAS_QUOTE}
        ])
    ].

ends(Folder) ->
    [
        wrong("with the wrong handler", Folder, ?SELLER, [{"fun decision/2", "fun title/2"}], [
            {{14, 1},
                "[no-clause] title/2 has no clause for address(binary) from Buyer2\n" ?AFTER_QUOTE
                "an_actor.erl:16:5: note: suspended here\n"
                "two_buyer.scr:6:5: note: the protocol has it here"},
            {{14, 1},
                "[no-clause] title/2 has no clause for quit() from Buyer2\n" ?AFTER_QUOTE
                "an_actor.erl:16:5: note: suspended here\n"
                "two_buyer.scr:9:5: note: the protocol has it here"}
        ]),
        wrong("with a handler that does not exist", Folder, ?SELLER, [
            {"fun decision/2", "fun an_actor:decison/2"}
        ], [
            {{16, 5},
                "[no-handler] suspends with an_actor:decison/2, which does not exist\n" ?AFTER_QUOTE
                ?HAS_DECISION}
        ]),
        wrong("too early", Folder, ?SELLER, [
            {"{suspend, fun decision/2, State}", "{done, normal, State}"}
        ], [
            {{16, 5},
                "[bad-done] Seller is done before it has come to its end; it waits for "
                "address(binary) from Buyer2 or quit() from Buyer2\n" ?AFTER_QUOTE ?HAS_DECISION}
        ]),
        wrong("with something else", Folder, ?BUYER, [{"{done, normal, State}", "{ok, State}"}], [
            {{17, 5},
                "[bad-return] returns {ok, none}; expected {suspend, Handler, State}, "
                "{hold, Name, Handler, State}, {done, Reason, State}, {leave, Reason, State} or "
                "noreply\n"
                "after:\n"
                "  1. Buyer1 sends title to Seller (line 2)\n"
                "  2. Buyer1 receives quote from Seller (line 3)\n"
                "  3. Buyer1 sends share to Buyer2 (line 4)\n"
                "two_buyer.scr:11:1: note: the protocol has nothing more for this role"}
        ])
    ].

clauses(Folder) ->
    Missing =
        {{18, 1},
            "[no-clause] decision/2 has no clause for quit() from Buyer2\n" ?AFTER_QUOTE
            "an_actor.erl:16:5: note: suspended here\n"
            "two_buyer.scr:9:5: note: the protocol has it here"},
    [
        wrong(
            "missing", Folder, ?SELLER, [
                {"State};\ndecision({quit}, State) ->\n    {done, normal, State}.", "State}."}
            ], [Missing]
        ),
        [
            wrong("for another message", Folder, ?SELLER, [{"decision({quit}", Clause}], [
                Missing, {{21, 1}, "[dead-clause] this clause fits no message that comes here"}
            ])
         || Clause <- [
             "decision({quits}", "decision({quit, _}", "decision({title, _}", "decision([quit]"
         ]
        ],
        wrong("for another type", Folder, ?SELLER, [
            {"title({title, Title}, State)", "title({title, Title}, State) when is_integer(Title)"}
        ], [
            {{14, 1}, "[dead-clause] this clause fits no message that comes here"},
            {{14, 1},
                "[no-clause] title/2 has no clause for title(binary) from Buyer1\n"
                "an_actor.erl:12:5: note: suspended here\n"
                "two_buyer.scr:2:3: note: the protocol has it here"}
        ]),
        {"that is of no use", ?_assertEqual(
            {ok, [{{18, 1}, "[dead-clause] this clause fits no message that comes here"}]},
            compile(
                Folder, ?SELLER, [
                    {
                        "decision({address",
                        "decision({refuse}, State) -> {done, no, State};\ndecision({address"
                    }
                ]
            )
        )}
    ].

roles(Folder) ->
    [
        wrong("that the protocol does not have", Folder, ?SELLER, [
            {"{role, 'Seller'}", "{role, 'Seler'}"}
        ], [
            {4, "[no-role] TwoBuyer has no role Seler; it has Buyer1, Buyer2, Seller"}
        ]),
        wrong("that is not played", Folder, ?SELLER, [
            {"register(AccessPoint, 'Seller')", "register(AccessPoint, 'Buyer2')"}
        ], [
            {{8, 5},
                "[no-role] registers for Buyer2, for which it has no init_session: it says that it "
                "plays Seller"}
        ]),
        wrong("that begins with something else", Folder, ?BUYER, [
            {"    maty:send('Seller', {title, Title}),\n", ""}
        ], [
            {{12, 5},
                "[bad-suspend] Buyer1 suspends where it does not wait; it has to send "
                "title(binary) to Seller\n"
                "two_buyer.scr:2:3: note: the protocol has title(binary) to Seller"}
        ]),
        wrong("of a protocol that is not accepted", Folder, ?SELLER, [
            {"{file, \"two_buyer.scr\"}", "{string, \"protocol P(role A) { }\"}"}
        ], [
            {4,
                "[no-role] the protocol of Seller cannot be used:\n"
                "nofile:1:17: error[unused-role]: the role 'A' takes no part in the conversation\n"
                "  protocol P(role A) { }\n"
                "                  ^"}
        ]),
        wrong("of a file that is not there", Folder, ?SELLER, [
            {"two_buyer.scr", "three_buyer.scr"}
        ], [
            {4,
                "[no-role] the protocol of Seller cannot be used:\n"
                "three_buyer.scr: no such file or directory"}
        ]),
        wrong("of options that are none", Folder, ?SELLER, [
            {"{role, 'Seller'}", "{rule, 'Seller'}"}
        ], [
            {4, "unknown option rule; expected protocol, role, roles, check"}
        ])
    ].

%% The module that embeds the protocol, in the same folder, is nowhere compiled.
embedding(Folder) ->
    Write = fun(File, Text) -> ok = file:write_file(filename:join(Folder, File), Text) end,
    Embeds = {"{protocol, {file, \"two_buyer.scr\"}}", "{protocol, two_buyer}"},
    [
        {"a module that is not compiled yet", fun() ->
            Write(
                "two_buyer.erl",
                "-module(two_buyer).\n"
                "-compile({parse_transform, maty_transform}).\n"
                "-ifdef(OTHER).\n"
                "-maty_protocol({string, \"\"}).\n"
                "-else.\n"
                "-maty_protocol({file, \"two_buyer.scr\"}).\n"
                "-endif.\n"
            ),
            ?assertEqual({ok, []}, compile(Folder, ?SELLER, [Embeds])),
            ?assertEqual(
                {error, [
                    {
                        {15, 5},
                        "[bad-payload] Seller sends quote with field 1 of another type; "
                        "expected quote(integer) to Buyer1\n"
                        ?AFTER_TITLE
                        ?HAS_QUOTE
                    }
                ]},
                compile(Folder, ?SELLER, [Embeds, {"price(Title)", "cheap"}])
            )
        end},
        {"a module whose protocol is not accepted", fun() ->
            Write("two_buyer.erl", "-module(two_buyer).\n-maty_protocol({string, \"x\"}).\n"),
            ?assertEqual(
                {error, [
                    {4,
                        "[no-role] the protocol of Seller cannot be used:\n"
                        "nofile:1:1: error[syntax]: expected a protocol, found 'x'\n  x\n  ^"}
                ]},
                compile(Folder, ?SELLER, [Embeds])
            )
        end},
        wrong("a module that is not there", Folder, ?SELLER, [
            {"{file, \"two_buyer.scr\"}", "nowhere"}
        ], [
            {4,
                "[no-role] the protocol of Seller cannot be used:\n"
                "nowhere is no module that embeds a protocol, or is not compiled; where its source "
                "is in another folder, it has to be compiled before this one"}
        ])
    ].

loops(Folder) ->
    Stream =
        "\"protocol Stream(role Source, role Sink) { rec L { choice at Source {"
        " item(integer) from Source to Sink; continue L; }"
        " or { stop() from Source to Sink; } } }\"",
    Source = fun(Loop) ->
        [
            {
                "{file, \"two_buyer.scr\"}}, {role, 'Buyer1'}",
                "{string, " ++ Stream ++ "}}, {role, 'Source'}"
            },
            {"maty:register(AccessPoint, 'Buyer1'),", "_ = AccessPoint,"},
            {"maty:send('Seller', {title, Title}),\n    {ok, fun quote/2, none, Title}", Loop},
            {"quote({quote, Price}, State) ->\n"
                "    maty:send('Buyer2', {share, Price div 2}),\n"
                "    {done, normal, State}.",
                "items([N | Ns]) -> maty:send('Sink', {item, N}), items(Ns);\n"
                "items([]) -> maty:send('Sink', {stop}).\n"}
        ]
    end,
    [
        passes(Folder, ?BUYER, Source("items(Title), {done, normal, Title}")),
        passes(
            Folder, ?BUYER, Source(
                "[maty:send('Sink', {item, N}) || N <- Title], items([]), {done, normal, Title}"
            )
        ),
        passes(
            Folder, ?BUYER, Source(
                "lists:foreach(fun(N) -> maty:send('Sink', {item, N}) end, [1, 2]), items([]),"
                " {done, normal, Title}"
            )
        ),
        wrong("that goes on after its end", Folder, ?BUYER, Source(
            "items(Title), items(Title), {done, normal, Title}"
        ), [
            {{14, 20},
                "[bad-send] Source sends item/1 to Sink, which the protocol does not allow here; "
                "it has come to its end\n"
                "after:\n  1. Source sends stop to Sink (line 1)\n"
                "an_actor.erl:12:19: note: called here\n"
                "nofile:1:156: note: the protocol has nothing more for this role"},
            {{15, 14},
                "[bad-send] Source sends stop/0 to Sink, which the protocol does not allow here; "
                "it has come to its end\n"
                "after:\n  1. Source sends stop to Sink (line 1)\n"
                "an_actor.erl:12:19: note: called here\n"
                "nofile:1:156: note: the protocol has nothing more for this role"}
        ])
    ].

%% A seller that finds out the price elsewhere.
held_seller(More) ->
    [
        {"    maty:send('Buyer1', {quote, price(Title)}),\n    {suspend, fun decision/2, State}",
            "    self() ! {price, price(Title)},\n    {hold, quoting, fun quote/2, State}"},
        {"init_session/2])", "init_session/2, handle_info/2])"},
        {"price(_) -> 155.\n",
            "price(_) -> 155.\n"
            "\n"
            "handle_info({price, Price}, Actor) ->\n"
            "    maty:become(quoting, {quote, Price}),\n"
            "    {noreply, Actor};\n"
            "handle_info(none, Actor) ->\n"
            "    maty:become(quoting, none),\n"
            "    {noreply, Actor}.\n"
            "\n"
            "quote({quote, Price}, State) ->\n"
            "    maty:send('Buyer1', {quote, Price}),\n"
            "    {suspend, fun decision/2, State};\n"
            "quote(none, State) ->\n"
            "    {leave, none, State}.\n"}
        | More
    ].

held(Folder) ->
    Wrong = fun(Title, Changes, Expected) ->
        wrong(Title, Folder, ?SELLER, held_seller(Changes), Expected)
    end,
    [
        passes(Folder, ?SELLER, held_seller([])),
        %% Held again, and gone on with from a handler.
        passes(
            Folder, ?SELLER, held_seller([
                {"{leave, none, State}",
                    "maty:become(quoting, {quote, 1}), {hold, quoting, fun quote/2, State}"}
            ])
        ),
        %% From the beginning.
        passes(Folder, ?BUYER, [
            {"    maty:send('Seller', {title, Title}),\n    {ok, fun quote/2, none, Title}",
                "    {hold, title, fun ask/2, none, Title}"},
            {"quote({quote", "ask(Title, State) ->\n"
                "    maty:send('Seller', {title, Title}),\n"
                "    {suspend, fun quote/2, State}.\n"
                "\n"
                "quote({quote"}
        ]),
        Wrong("and sends something else", [{"send('Buyer1', {quote", "send('Buyer2', {quote"}], [
            {{34, 5},
                "[bad-send] Seller sends quote/1 to Buyer2, which the protocol does not allow "
                "here; it has to send quote(integer) to Buyer1\n" ?AFTER_TITLE ?HAS_QUOTE}
        ]),
        Wrong("and is done at once", [{"{leave, none", "{done, none"}], [
            {{37, 5},
                "[bad-done] Seller is done before it has come to its end; it has to send "
                "quote(integer) to Buyer1\n" ?AFTER_TITLE ?HAS_QUOTE}
        ]),
        Wrong("and held where it waits", [
            {"{suspend, fun decision/2, State}", "{hold, quoting, fun decision/2, State}"}
        ], [
            {{35, 5},
                "[bad-suspend] Seller holds where it does not send; it waits for address(binary) "
                "from Buyer2 or quit() from Buyer2\n" ?AFTER_QUOTE ?HAS_DECISION}
        ]),
        Wrong("and held where it has come to its end", [
            {"{done, normal, State};", "{hold, quoting, fun quote/2, State};"}
        ], [
            {{20, 5},
                "[bad-suspend] Seller holds where it does not send; it has come to its end\n"
                ?AFTER_QUOTE
                "  3. Seller receives address from Buyer2 (line 6)\n"
                "  4. Seller sends date to Buyer2 (line 7)\n"
                "two_buyer.scr:11:1: note: the protocol has nothing more for this role"}
        ]),
        Wrong("with a handler that does not exist", [{"fun quote/2", "fun an_actor:quot/2"}], [
            {{16, 5},
                "[no-handler] holds with an_actor:quot/2, which does not exist\n"
                ?AFTER_TITLE ?HAS_QUOTE}
        ]),
        Wrong("and gone on with otherwise", [
            {"become(quoting, none)", "become(quoting, nothing)"}
        ], [
            {{30, 5},
                "[no-clause] goes on with nothing, for which no handler of a session that is held "
                "so has a clause"}
        ]),
        {"under another name", ?_assertEqual(
            {ok, [
                {{30, 5}, "[not-held] no session is held under the name qouting in this module"}
            ]},
            compile(
                Folder, ?SELLER, held_seller([{"become(quoting, none)", "become(qouting, none)"}])
            )
        )}
    ].

%% An actor of two roles, which are told apart by its own state.
-define(BOTH,
    "-module(an_actor).\n"
    "-behaviour(maty_actor).\n"
    "-compile({parse_transform, maty_transform}).\n"
    "-maty([{protocol, {file, \"two_buyer.scr\"}}, {role, ['Buyer1', 'Buyer2']}]).\n"
    "-export([init_actor/1, init_session/2]).\n"
    "\n"
    "init_actor({AccessPoint, Role}) ->\n"
    "    maty:register(AccessPoint, Role),\n"
    "    {ok, Role}.\n"
    "\n"
    "init_session(_Session, Role) ->\n"
    "    case Role of\n"
    "        'Buyer1' ->\n"
    "            maty:send('Seller', {title, <<\"Logic\">>}),\n"
    "            {ok, fun quote/2, none, Role};\n"
    "        'Buyer2' ->\n"
    "            {ok, fun share/2, none, Role}\n"
    "    end.\n"
    "\n"
    "quote({quote, Price}, State) ->\n"
    "    maty:send('Buyer2', {share, Price div 2}),\n"
    "    {done, normal, State}.\n"
    "\n"
    "share({share, _}, State) ->\n"
    "    maty:send('Seller', {quit}),\n"
    "    {done, normal, State}.\n"
).

several_roles(Folder) ->
    Branches = fun(Text) ->
        {"    case Role of\n"
            "        'Buyer1' ->\n"
            "            maty:send('Seller', {title, <<\"Logic\">>}),\n"
            "            {ok, fun quote/2, none, Role};\n"
            "        'Buyer2' ->\n"
            "            {ok, fun share/2, none, Role}\n"
            "    end.\n",
            Text}
    end,
    Send = "maty:send('Seller', {title, <<\"Logic\">>})",
    [
        passes(Folder, ?BOTH, []),
        passes(Folder, ?BOTH, [{"case Role of", "case maps:get(role, Role) of"}]),
        %% By the session.
        passes(Folder, ?BOTH, [{"_Session", "#{role := Played}"}, {"case Role", "case Played"}]),
        %% Before the last expression, in a function, with a branch for neither.
        passes(Folder, ?BOTH, [
            Branches(
                "    First = case Role of 'Buyer1' -> " ++ Send ++
                    ", fun quote/2; _ -> fun share/2 end,\n    {ok, First, none, Role}.\n"
            )
        ]),
        passes(Folder, ?BOTH, [
            Branches(
                "    begin_as(Role).\n"
                "begin_as('Buyer1' = Role) -> " ++ Send ++ ", {ok, fun quote/2, none, Role};\n"
                "begin_as(Role) -> {ok, fun share/2, none, Role}.\n"
            )
        ]),
        passes(Folder, ?BOTH, [
            Branches(
                "    if Role =:= 'Buyer1' -> " ++ Send ++ ", {ok, fun quote/2, none, Role};\n"
                "       Role =:= 'Buyer2' -> {ok, fun share/2, none, Role};\n"
                "       true -> error(Role)\n"
                "    end.\n"
            )
        ]),
        wrong("one of which begins with something else", Folder, ?BOTH, [
            {"            " ++ Send ++ ",\n", ""}
        ], [
            {{14, 13},
                "[bad-suspend] Buyer1 suspends where it does not wait; it has to send "
                "title(binary) to Seller\n"
                "two_buyer.scr:2:3: note: the protocol has title(binary) to Seller"}
        ]),
        wrong("one of which ends too early", Folder, ?BOTH, [
            {"    maty:send('Seller', {quit}),\n", ""}
        ], [
            {{25, 5},
                "[bad-done] Buyer2 is done before it has come to its end; it has to send "
                "address(binary) to Seller or quit() to Seller\n"
                "after:\n  1. Buyer2 receives share from Buyer1 (line 4)\n"
                "two_buyer.scr:6:5: note: the protocol has address(binary) to Seller\n"
                "two_buyer.scr:9:5: note: the protocol has quit() to Seller"}
        ]),
        wrong("one of which has no beginning", Folder, ?BOTH, [
            {"        'Buyer2' ->\n            {ok, fun share/2, none, Role}\n",
                "        _ -> error(Role)\n"},
            {"'Buyer1' ->\n            maty", "'Buyer1' ->\n            _ = fun share/2, maty"}
        ], [
            {{14, 30},
                "[bad-send] Buyer2 sends title/1 to Seller, which the protocol does not allow "
                "here; it waits for share(integer) from Buyer1\n"
                "two_buyer.scr:4:3: note: the protocol has share(integer) from Buyer1"}
        ])
    ].

levels(Folder) ->
    Unknown = {?QUOTE, "maty:send(maps:get(to, State), {quote, price(Title)})"},
    Wrong = {"{quote, price(Title)}", "{quote, Title}"},
    Large = ["price(_) -> [0", lists:duplicate(200000, ",0"), "]"],
    Level = fun(Name) -> {"{role, 'Seller'}", "{role, 'Seller'}, {check, " ++ Name ++ "}"} end,
    [
        passes(Folder, ?SELLER, [Unknown]),
        wrong("strict", Folder, ?SELLER, [Unknown, Level("strict")], [
            {{15, 5}, "[unknown] what is sent here is not known, or to whom"}
        ]),
        wrong("too large", Folder, ?SELLER, [{"price(_) -> 155", Large}, Level("strict")], [
            {none, "[unknown] its handlers do too much to be checked"}
        ]),
        passes(Folder, ?SELLER, [Wrong, Level("off")]),
        ?_assertEqual(
            {ok, [
                {{15, 5},
                    "[bad-payload] Seller sends quote with field 1 of another type; expected "
                    "quote(integer) to Buyer1\n" ?AFTER_TITLE ?HAS_QUOTE}
            ]},
            compile(Folder, ?SELLER, [Wrong, Level("warn")])
        )
    ].
