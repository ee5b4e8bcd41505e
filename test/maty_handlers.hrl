%% Actors of the two-buyer protocol whose handlers are right, and parts of what is said
%% when they are not.

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
