%% An actor's process and its sessions, for the modules that the process is made of.

-record(session, {
    handle :: maty_engine:handle(),
    endpoint :: maty_session:endpoint(),
    %% What the module is told of the session.
    about :: maty:session(),
    next_handler :: maty_actor:handler() | undefined,
    local_state :: term(),
    %% Messages that came before their turn, by sender.
    waiting :: maty_waiting:queues(),
    %% Of the suspension; "none" if it has none, and its role no deadlines.
    options :: none | maty_actor:options()
}).

-record(actor, {
    module :: module(),
    state :: term(),
    %% By handle; of the one in hand an older state, or nothing.
    sessions = #{} :: #{maty_engine:handle() => #session{}},
    %% What came before the start of its session did.
    early = maty_waiting:no_early() :: maty_waiting:early(),
    %% How many messages may wait, in all sessions and before their starts; and how
    %% many do, which is counted only if there is a bound.
    max_waiting = infinity :: pos_integer() | infinity,
    waiting = 0 :: non_neg_integer(),
    parent :: pid(),
    name :: term(),
    debug = [] :: [sys:dbg_opt()],
    engine :: reference() | undefined,
    %% What a handler that raises takes with it: the actor, or its session only.
    on_raise = stop :: stop | leave,
    timeout = infinity :: timeout(),
    hibernate_after = infinity :: timeout()
}).
