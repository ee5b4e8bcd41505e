%% An actor that plays one role of one session, and does in its handlers what it is
%% told: each handler tells that it runs, and then waits for an order. Told are
%%
%%   {puppet, Pid, {begun, Handle}}    the session has begun
%%   {puppet, Pid, sent}               the order to send has been followed
%%   {puppet, Pid, {got, Label, State}}  a message has come; the number of the state after it
%%   {puppet, Pid, {ended, Ending}}    the session has ended for it
%%
%% Orders to one that waits for a message are calls.
-module(maty_puppet).

-behaviour(maty_actor).

-export([start/4, order/2, call/2]).
-export([init_actor/1, init_session/2, terminate_session/4, handle_call/3]).

-include("../src/maty_internal.hrl").

-type order() ::
    {send, maty:role(), maty:message()}
    | suspend
    | {suspend, map()}
    | done
    | leave
    | raise
    | exit.

%% Starts one on a node.
start(Node, AccessPoint, Role, OnRaise) ->
    Argument = {self(), AccessPoint, Role},
    {ok, Pid} = erpc:call(Node, maty_actor, start, [?MODULE, Argument, [{on_raise, OnRaise}]]),
    Pid.

-spec order(pid(), order()) -> ok.
order(Pid, Order) ->
    Pid ! {?MODULE, Order},
    ok.

%% Of one that waits: leave or raise.
call(Pid, Order) ->
    gen_server:call(Pid, Order, 30000).

init_actor({Test, AccessPoint, Role}) ->
    maty:register(AccessPoint, Role),
    {ok, {Test, none}}.

init_session(Session, {Test, none}) ->
    #endpoint{handle = Handle} = maty_session:current(),
    tell(Test, {begun, Handle}),
    State = {Test, Session},
    case active(Test) of
        {suspend, Handler, Local} -> {ok, Handler, Local, State};
        {suspend, Handler, Local, Options} -> {ok, Handler, Local, State, Options};
        {done, Reason, _Local} -> {done, Reason, State};
        {leave, Reason, _Local} -> {leave, Reason, State}
    end.

handler(Message, Test) ->
    State =
        case maty_session:state(maty_session:current()) of
            {ok, Number} -> Number;
            {error, _} -> gone
        end,
    tell(Test, {got, element(1, Message), State}),
    active(Test).

active(Test) ->
    receive
        {?MODULE, {send, To, Message}} ->
            ok = maty:send(To, Message),
            tell(Test, sent),
            active(Test);
        {?MODULE, suspend} ->
            {suspend, fun handler/2, Test};
        {?MODULE, {suspend, Options}} ->
            {suspend, fun handler/2, Test, Options};
        {?MODULE, done} ->
            {done, normal, Test};
        {?MODULE, leave} ->
            {leave, crash, Test};
        {?MODULE, raise} ->
            error(crash);
        {?MODULE, exit} ->
            exit(crash)
    end.

terminate_session(Ending, _Session, _Local, {Test, _} = State) ->
    tell(Test, {ended, Ending}),
    {ok, State}.

handle_call(leave, _From, {_, Session} = State) ->
    {reply, maty:leave(Session, crash), State};
handle_call(raise, _From, _State) ->
    error(crash).

tell(Test, Event) ->
    Test ! {puppet, self(), Event},
    ok.
