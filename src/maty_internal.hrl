%% What the modules on the data path share: those of the driver's commands that
%% Erlang gives, as c_src/beam/command.h explains them, and the records that keep a step cheap.

-define(OP_PART, 0).
-define(OP_SEND, 1).
-define(OP_SEND_TERM, 2).
-define(OP_RECEIVE, 3).
-define(OP_RECEIVE_TERM, 4).
-define(OP_CLOSE, 5).
-define(OP_CANCEL, 6).
-define(OP_OPEN, 7).
-define(OP_ATTACH, 8).
-define(OP_INFO, 9).
-define(OP_COUNTERS, 10).
-define(OP_ASK, 11).
-define(OP_LOAD, 12).
-define(OP_LIST, 13).
-define(OP_DEADLINE, 15).

%% What OP_PART does, in place of the action.
-define(PART_OPEN, 0).
-define(PART_REPORT, 1).
-define(PART_ABANDON, 2).
%% MATY_STATE_CANCELLED of c_src/include/maty.h.
-define(STATE_CANCELLED, 16#fffffffe).

-define(COMMAND(Op, Action), (((Op) bsl 28) bor ((Action) bsl 16))).
-define(COMMAND_OP(Command), ((Command) bsr 28)).
%% In a command of port_call/3, of a message that is (1) or is not (0) hollow.
-define(CALL_HOLLOW(Hollow), ((Hollow) bsl 31)).
-define(COMMAND_ACTION(Command), (((Command) bsr 16) band 16#fff)).

%% Phases of an endpoint.
-define(RECEIVES, 0).
-define(SENDS, 1).
-define(FINAL, 2).

%% In place of the role that a failure is because of: a deadline has passed, or more
%% messages wait than may. MATY_CAUSE_DEADLINE and MATY_CAUSE_OVERLOAD of c_src/include/maty.h.
-define(CAUSE_DEADLINE, 16#ffffffff).
-define(CAUSE_OVERLOAD, 16#fffffffe).

%% First byte of a reply that refuses: 128 and the status, such as MATY_ENOMEM.
-define(REFUSED, 128).
-define(NO_MEMORY, 1).

%% Where a handle names the port, and the role.
-define(HANDLE_PORT(Handle), ((Handle) bsr 51)).
-define(HANDLE_ROLE(Handle), ((Handle) band 16#fff)).

%% A session message: the receiver's handle, the command that receives it (its
%% ticket included), and what the user sent.
-define(MESSAGE(Handle, Command, Message), {'$maty', Handle, Command, Message}).

%% What a role can send under one label.
-record(send, {
    to :: atom(),
    to_index :: non_neg_integer(),
    command :: non_neg_integer(),
    %% Whether the engine has to be shown the payload itself.
    look :: boolean(),
    %% The command that receives it at the other side, without the ticket.
    receives :: non_neg_integer()
}).

%% One role of a protocol, as the runtime needs it.
-record(role, {
    name :: atom(),
    index :: non_neg_integer(),
    %% By label; a list where the same label goes to several roles.
    sends :: #{atom() => #send{} | [#send{}]},
    %% By action: the label that is received, or [] for an action that sends.
    labels :: tuple(),
    %% The same, but {told, Label} where several roles send it.
    told :: tuple(),
    %% By action: the role at the other side.
    peers :: tuple(),
    initial_phase :: 0..2,
    initial_state :: non_neg_integer(),
    %% By state, from first_state on: its deadline; "none" if no state has one.
    deadlines :: none | tuple(),
    %% The same: its phase and what may be done in it, and where that leads to.
    first_state :: non_neg_integer(),
    states :: tuple()
}).

%% All roles of one protocol.
-record(machine, {
    protocol :: atom(),
    source :: binary(),
    roles :: tuple(),
    role_index :: #{atom() => non_neg_integer()},
    digest :: binary()
}).

%% An endpoint as its owner sees it. It does not change while the session lives.
-record(endpoint, {
    port :: port(),
    %% The handle as the engine wants it, made once.
    data :: binary(),
    handle :: non_neg_integer(),
    %% The handle of the session's first role on this node.
    session :: non_neg_integer(),
    %% What the session is called, on every node.
    id :: maty:session_id(),
    role :: #role{},
    sends :: map(),
    labels :: tuple(),
    %% By role: the actor, or if its node is another one {Actor, Handle} with the
    %% role's handle there.
    participants :: tuple(),
    machine :: #machine{},
    access_point :: pid(),
    %% Of a suspension that has no options: none, or no more than that the protocol
    %% may have a deadline here.
    options :: none | #{}
}).

%% Keys of the process dictionary: the endpoint whose handler runs, and the phase
%% it is in.
-define(CURRENT, '$maty_endpoint').
-define(PHASE, '$maty_phase').
%% Of the message received last whose label several roles send: the handle of the
%% endpoint, and the place of its action in the tuples of the role.
-define(TOLD, '$maty_told').
