%% What the modules share that read what a module does in a session: the graph as far as it
%% is written, and where the reading is.
%%
%% What always holds: an outcome's node has no instruction yet; no two outcomes share a
%% node; `effects' has grown if and only if an instruction was written that is more than a
%% way from one node to others.

-record(context, {
    %% Whose local functions are called.
    code :: maty_code:code(),
    %% Whether that is another module than the one that is checked.
    foreign = false :: boolean(),
    %% Who sent the message that a handler was called with.
    sender = none :: none | atom(),
    %% Variables that a caller gave their values.
    given = #{} :: #{atom() => true},
    %% What becomes of the value, if it is the last one of a handler.
    result = none :: none | init | {handler, non_neg_integer()},
    %% The procedure whose last expression this is.
    tail = none :: none | tuple(),
    %% Where a refused message leads, and anything else that is raised.
    refused = none :: none | maty_behaviour_graph:place_in_graph(),
    raised = none :: none | maty_behaviour_graph:place_in_graph()
}).

-record(graph, {
    code :: maty_code:code(),
    view :: maty_behaviour:view(),
    cache :: maty_code:cache(),
    next = 0 :: maty_behaviour_graph:place_in_graph(),
    nodes = #{} :: #{maty_behaviour_graph:place_in_graph() => maty_behaviour_graph:instruction()},
    effects = 0 :: non_neg_integer(),
    %% Calls of procedures that were not read to their end.
    rounds = 0 :: non_neg_integer(),
    %% The outermost procedure, by its depth, that was called again before its end.
    again = infinity :: non_neg_integer() | infinity,
    depth = 0 :: non_neg_integer(),
    procedures = #{} :: #{
        tuple() =>
            {active, non_neg_integer(), maty_behaviour_graph:place_in_graph()}
            | {done, maty_behaviour_graph:place_in_graph(), [maty_abstract:value()]}
    },
    values = #{} :: #{tuple() => none | maty_abstract:value()},
    instances = #{} :: #{tuple() => pos_integer()},
    %% Calls of become/2, and what is known of them beforehand.
    becomes = [] :: [maty_behaviour:become()],
    known_becomes = unknown :: unknown | [maty_behaviour:become()],
    %% Whether a session begins with a handler, or is done at once.
    begun = false :: boolean(),
    %% Names under which sessions are held, each with the arguments that the handler takes.
    holds = [] :: [maty_behaviour:hold()],
    %% Handlers with the session's state as far as it is known, numbered.
    handlers = #{} :: #{maty_behaviour:handler() => non_neg_integer()},
    %% Those that are still to be read, and those that were.
    waiting = [] :: [{non_neg_integer(), maty_behaviour:handler()}],
    written = [] :: [iodata()],
    marks = #{} :: #{erl_parse:abstract_clause() => non_neg_integer()},
    fuel = 200000 :: integer()
}).
