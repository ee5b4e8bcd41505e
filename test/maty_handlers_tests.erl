%% What handlers do, checked when their module is compiled.
-module(maty_handlers_tests).

-include_lib("eunit/include/eunit.hrl").
-include("maty_handlers.hrl").

-import(maty_handlers_case, [wrong/5, passes/3, compile/3]).

handlers_test_() ->
    maty_handlers_case:tests([
        fun right/1,
        fun sends/1,
        fun ends/1,
        fun clauses/1,
        fun loops/1,
        fun levels/1
    ]).

right(Folder) ->
    [
        passes(Folder, ?SELLER, []),
        passes(Folder, ?BUYER, []),
        %% Handlers by their module's name.
        passes(Folder, ?SELLER, [
            {"init_session/2]", "init_session/2, title/2, decision/2]"},
            {"fun title/2", "fun ?MODULE:title/2"},
            {"fun decision/2", "fun an_actor:decision/2"}
        ]),
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
        wrong("with a handler that is not exported", Folder, ?SELLER, [
            {"fun decision/2", "fun ?MODULE:decision/2"}
        ], [
            {{16, 5},
                "[no-handler] suspends with an_actor:decision/2, which is not exported\n"
                ?AFTER_QUOTE ?HAS_DECISION}
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
                "an_actor:1:156: note: the protocol has nothing more for this role"},
            {{15, 14},
                "[bad-send] Source sends stop/0 to Sink, which the protocol does not allow here; "
                "it has come to its end\n"
                "after:\n  1. Source sends stop to Sink (line 1)\n"
                "an_actor.erl:12:19: note: called here\n"
                "an_actor:1:156: note: the protocol has nothing more for this role"}
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
