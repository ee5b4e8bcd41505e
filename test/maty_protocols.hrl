%% Protocols that several suites run.

%% C waits for both of the others, and A for C: who gives out takes the next along.
-define(CASCADE,
    "global protocol Cascade(role A, role B, role C) {"
    "  x() from A to C;"
    "  y() from B to C;"
    "  z() from C to A;"
    "}"
).

-define(REQUEST,
    "global protocol Request(role Client, role Server) {"
    "  ask(integer) from Client to Server;"
    "  answer(integer) from Server to Client;"
    "}"
).

%% Every field of a message can be wrong here.
-define(ORDER, <<
    "global protocol Order(role Buyer, role Seller, role Clerk) {\n"
    "  order(string, amount: 1..9) from Buyer to Seller;\n"
    "  choice at Seller {\n"
    "    price(number) from Seller to Buyer;\n"
    "    note(integer) from Seller to Clerk;\n"
    "  } or {\n"
    "    none() from Seller to Buyer;\n"
    "    none() from Seller to Clerk;\n"
    "  }\n"
    "}\n"
>>).

%% That of the examples.
-define(TWO_BUYER_FILE, "examples/two_buyer/two_buyer.scr").
