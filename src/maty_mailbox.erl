%% @doc A mailbox of a set capacity, as a process between those who send and the one
%% who takes.
%%
%% The mailbox of an Erlang process grows as long as it is sent to. What stands
%% before a process that may be slow, an actor's casts for example, goes through this
%% one instead, which holds 1000 messages and then does what its policy says:
%%
%% <dl>
%% <dt>`drop_oldest'</dt>
%% <dd>the oldest message gives way (the default)</dd>
%% <dt>`drop_newest'</dt>
%% <dd>the message that comes is dropped</dd>
%% <dt>`block'</dt>
%% <dd>{@link put/2} waits until there is room; who came first is first</dd>
%% <dt>`fail'</dt>
%% <dd>{@link put/2} returns `{error, full}'</dd>
%% </dl>
%%
%% ```
%% {ok, Mailbox} = maty_mailbox:start_link(#{capacity => 1000}),
%% ok = maty_mailbox:put(Mailbox, hello),
%% {ok, hello} = maty_mailbox:take(Mailbox).
%% '''
%%
%% A process with a loop of its own, such as an actor or a `gen_server', asks with
%% {@link next/1} and gets one message as `{maty_mailbox, Mailbox, Message}'; having
%% handled it, it asks again.
%%
%% It is for ordinary messages. Those of a session must not be dropped, see
%% docs/overload.md.
%%
%% What always holds between two requests: if somebody waits to take, nothing is
%% there; if somebody waits to put, it is full; whoever waits is monitored and has
%% not ended.
-module(maty_mailbox).

-behaviour(gen_server).

-export([start_link/0, start_link/1, child_spec/1, stop/1]).
-export([put/2, put/3, take/1, take/2, next/1, info/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).

-export_type([mailbox/0, options/0, policy/0, info/0]).

-type mailbox() :: gen_server:server_ref().
-type policy() :: drop_oldest | drop_newest | block | fail.
-type options() :: #{
    capacity => pos_integer(),
    policy => policy(),
    name => atom() | gen_server:server_name()
}.

%% Messages that are there; and ever put, taken, dropped and refused. What is put is
%% there, or was taken or dropped.
-type info() :: #{
    capacity := pos_integer(),
    policy := policy(),
    length := non_neg_integer(),
    put := non_neg_integer(),
    taken := non_neg_integer(),
    dropped := non_neg_integer(),
    refused := non_neg_integer()
}.

%% Somebody who waits, to take or to put this message.
-record(waiter, {
    monitor :: reference(),
    to :: {call, gen_server:from()} | {next, pid()},
    message :: term()
}).

-record(state, {
    capacity :: pos_integer(),
    policy :: policy(),
    messages :: maty_bounded:bounded(term()),
    takers = queue:new() :: queue:queue(#waiter{}),
    putters = queue:new() :: queue:queue(#waiter{}),
    put = 0 :: non_neg_integer(),
    taken = 0 :: non_neg_integer(),
    dropped = 0 :: non_neg_integer(),
    refused = 0 :: non_neg_integer()
}).

%% @doc Starts one of 1000 messages that drops the oldest, linked to the caller.
-spec start_link() -> gen_server:start_ret().
start_link() ->
    start_link(#{}).

%% @doc The same with options.
-spec start_link(options()) -> gen_server:start_ret() | {error, maty_options:error_reason()}.
start_link(Options) ->
    Policies = [drop_oldest, drop_newest, block, fail],
    Known = #{
        capacity =>
            {{default, 1000}, "a number from 1 on", fun(C) -> is_integer(C) andalso C > 0 end},
        policy =>
            {{default, drop_oldest}, "'drop_oldest', 'drop_newest', 'block' or 'fail'", fun(P) ->
                lists:member(P, Policies)
            end},
        name => maty_options:name(undefined)
    },
    case maty_options:take(Options, Known) of
        {ok, #{name := undefined} = Taken} -> gen_server:start_link(?MODULE, Taken, []);
        {ok, #{name := Name} = Taken} when is_atom(Name) ->
            gen_server:start_link({local, Name}, ?MODULE, Taken, []);
        {ok, #{name := Name} = Taken} -> gen_server:start_link(Name, ?MODULE, Taken, []);
        {error, Reason} -> {error, Reason}
    end.

%% @doc A child specification. The id is the name, or the module.
-spec child_spec(options()) -> supervisor:child_spec().
child_spec(Options) ->
    #{id => maps:get(name, Options, ?MODULE), start => {?MODULE, start_link, [Options]}}.

%% @doc Stops a mailbox, with what is in it.
-spec stop(mailbox()) -> ok.
stop(Mailbox) ->
    gen_server:stop(Mailbox).

%% @doc Puts a message in. Under `block' it waits as long as it takes.
-spec put(mailbox(), term()) -> ok | {error, full}.
put(Mailbox, Message) ->
    put(Mailbox, Message, infinity).

%% @doc The same. Under `block' it waits for so many milliseconds; after `{error,
%% full}' the message is not in, and will not be.
-spec put(mailbox(), term(), timeout()) -> ok | {error, full}.
put(Mailbox, Message, Timeout) ->
    gen_server:call(Mailbox, {put, Message, Timeout}, infinity).

%% @doc Takes the oldest message, and waits until there is one.
-spec take(mailbox()) -> {ok, term()}.
take(Mailbox) ->
    gen_server:call(Mailbox, {take, infinity}, infinity).

%% @doc The same, waiting for so many milliseconds at most.
-spec take(mailbox(), timeout()) -> {ok, term()} | {error, empty}.
take(Mailbox, Timeout) ->
    gen_server:call(Mailbox, {take, Timeout}, infinity).

%% @doc Asks for one message, which the caller is sent as `{maty_mailbox, Mailbox,
%% Message}', where Mailbox is the process, as soon as there is one.
-spec next(mailbox()) -> ok.
next(Mailbox) ->
    gen_server:cast(Mailbox, {next, self()}).

%% @doc How many messages there are, and what became of others.
-spec info(mailbox()) -> info().
info(Mailbox) ->
    gen_server:call(Mailbox, info).

%% ----- The process -----

%% @private
-spec init(map()) -> {ok, #state{}}.
init(#{capacity := Capacity, policy := Policy}) ->
    Bounded =
        case Policy of
            _ when Policy =:= block; Policy =:= fail -> refuse;
            _ -> Policy
        end,
    {ok, #state{
        capacity = Capacity, policy = Policy, messages = maty_bounded:new(Capacity, Bounded)
    }}.

%% @private
-spec handle_call(term(), gen_server:from(), #state{}) ->
    {reply, term(), #state{}} | {noreply, #state{}}.
handle_call({put, Message, Timeout}, From, #state{messages = Messages, policy = Policy} = State) ->
    #state{takers = Takers, put = Put, dropped = Dropped, refused = Refused} = State,
    case queue:out(Takers) of
        {{value, Taker}, Rest} ->
            give(Taker, Message),
            {reply, ok, State#state{takers = Rest, put = Put + 1, taken = State#state.taken + 1}};
        {empty, _} ->
            case maty_bounded:in(Message, Messages) of
                {ok, Added} ->
                    {reply, ok, State#state{messages = Added, put = Put + 1}};
                {dropped, _, Changed} ->
                    {reply, ok, State#state{
                        messages = Changed, put = Put + 1, dropped = Dropped + 1
                    }};
                full when Policy =:= block, Timeout =/= 0 ->
                    Waiter = waiter({call, From}, Message, Timeout),
                    {noreply, State#state{putters = queue:in(Waiter, State#state.putters)}};
                full ->
                    {reply, {error, full}, State#state{refused = Refused + 1}}
            end
    end;
handle_call({take, Timeout}, From, State) ->
    case take_one(State) of
        {ok, Message, Taken} -> {reply, {ok, Message}, Taken};
        empty when Timeout =:= 0 -> {reply, {error, empty}, State};
        empty -> {noreply, wait_to_take(waiter({call, From}, none, Timeout), State)}
    end;
handle_call(info, _From, #state{messages = Messages} = State) ->
    Info = #{
        capacity => State#state.capacity,
        policy => State#state.policy,
        length => maty_bounded:length(Messages),
        put => State#state.put,
        taken => State#state.taken,
        dropped => State#state.dropped,
        refused => State#state.refused
    },
    {reply, Info, State};
handle_call(Request, _From, State) ->
    {reply, {error, {unknown_call, Request}}, State}.

%% @private
-spec handle_cast(term(), #state{}) -> {noreply, #state{}}.
handle_cast({next, Pid}, State) ->
    case take_one(State) of
        {ok, Message, Taken} ->
            Pid ! {?MODULE, self(), Message},
            {noreply, Taken};
        empty ->
            {noreply, wait_to_take(waiter({next, Pid}, none, infinity), State)}
    end;
handle_cast(_Request, State) ->
    {noreply, State}.

%% @private
-spec handle_info(term(), #state{}) -> {noreply, #state{}}.
handle_info({'DOWN', Monitor, process, _, _}, State) ->
    {_, Left} = without(Monitor, State),
    {noreply, Left};
handle_info({timeout, _, Monitor}, State) ->
    {Waiter, #state{refused = Refused} = Left} = without(Monitor, State),
    case Waiter of
        {taker, #waiter{to = {call, From}}} ->
            true = erlang:demonitor(Monitor, [flush]),
            gen_server:reply(From, {error, empty}),
            {noreply, Left};
        {putter, #waiter{to = {call, From}}} ->
            true = erlang:demonitor(Monitor, [flush]),
            gen_server:reply(From, {error, full}),
            {noreply, Left#state{refused = Refused + 1}};
        none ->
            {noreply, Left}
    end;
handle_info(_Message, State) ->
    {noreply, State}.

%% Takes the oldest message, and lets the first in who waits to put one.
take_one(#state{messages = Messages, taken = Taken, putters = Putters, put = Put} = State) ->
    case maty_bounded:out(Messages) of
        {ok, Message, Left} ->
            Next = State#state{messages = Left, taken = Taken + 1},
            case queue:out(Putters) of
                {{value, #waiter{message = Waiting} = Putter}, Rest} ->
                    {ok, Full} = maty_bounded:in(Waiting, Left),
                    answer(Putter, ok),
                    {ok, Message, Next#state{messages = Full, putters = Rest, put = Put + 1}};
                {empty, _} ->
                    {ok, Message, Next}
            end;
        empty ->
            empty
    end.

%% ----- Those who wait -----

waiter(To, Message, Timeout) ->
    Monitor = erlang:monitor(process, process_of(To)),
    _ = is_integer(Timeout) andalso erlang:start_timer(Timeout, self(), Monitor),
    #waiter{monitor = Monitor, to = To, message = Message}.

process_of({call, {Pid, _}}) -> Pid;
process_of({next, Pid}) -> Pid.

wait_to_take(Waiter, #state{takers = Takers} = State) ->
    State#state{takers = queue:in(Waiter, Takers)}.

%% A timer that goes off later finds nobody.
answer(#waiter{monitor = Monitor, to = {call, From}}, Answer) ->
    true = erlang:demonitor(Monitor, [flush]),
    gen_server:reply(From, Answer).

give(#waiter{to = {call, _}} = Taker, Message) ->
    answer(Taker, {ok, Message});
give(#waiter{monitor = Monitor, to = {next, Pid}}, Message) ->
    true = erlang:demonitor(Monitor, [flush]),
    Pid ! {?MODULE, self(), Message},
    ok.

without(Monitor, #state{takers = Takers, putters = Putters} = State) ->
    Is = fun(#waiter{monitor = M}) -> M =:= Monitor end,
    IsNot = fun(Waiter) -> not Is(Waiter) end,
    Found =
        [{taker, W} || W <- queue:to_list(Takers), Is(W)] ++
            [{putter, W} || W <- queue:to_list(Putters), Is(W)],
    Left = State#state{
        takers = queue:filter(IsNot, Takers), putters = queue:filter(IsNot, Putters)
    },
    case Found of
        [Waiter] -> {Waiter, Left};
        [] -> {none, Left}
    end.
