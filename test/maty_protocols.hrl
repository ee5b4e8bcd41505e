%% Protocols that several suites run.

%% C waits for both of the others, and A for C: who gives out takes the next along.
-define(CASCADE,
    "global protocol Cascade(role A, role B, role C) {"
    "  x() from A to C;"
    "  y() from B to C;"
    "  z() from C to A;"
    "}"
).

%% That of the examples.
-define(TWO_BUYER_FILE, "examples/two_buyer/two_buyer.scr").
