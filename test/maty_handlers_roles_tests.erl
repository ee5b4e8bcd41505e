%% Which roles a module plays, of which protocol, and which of their sessions it holds: checked
%% when it is compiled.
-module(maty_handlers_roles_tests).

-include_lib("eunit/include/eunit.hrl").
-include("maty_handlers.hrl").

-import(maty_handlers_case, [wrong/5, passes/3, compile/3]).

roles_test_() ->
    maty_handlers_case:tests([
        fun roles/1,
        fun embedding/1,
        fun several_roles/1,
        fun held/1
    ]).

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
                "an_actor:1:17: error[unused-role]: "
                "the role 'A' takes no part in the conversation\n"
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
                        "two_buyer:1:1: error[syntax]: expected a protocol, found 'x'\n  x\n  ^"}
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
