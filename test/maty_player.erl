%% An actor that plays a role by a list of steps and tells the test what happens,
%% and what else the tests of the runtime share.
%%
%% A step is one of
%%
%%   {send, Role, Message}     sends
%%   {refused, Role, Message}  sends, which has to be refused: {refused, Violation} is told
%%   begun                     {begun, Role} is told: the start is out of the mailbox
%%   wait                      suspends; {got, Role, Message} is told once a message has come
%%   {wait, Options}           the same with options of the suspension
%%   {call, Fun}               calls Fun(); {result, Value} is told
%%   pause                     {paused, Role} is told, and the handler goes on after go/1
%%   {return, Value}           the handler returns the value
%%
%% and at the end of the list the role is done. Whatever way a session ends,
%% {ended, Role, Ending} is told.
-module(maty_player).

-behaviour(maty_actor).

-export([play/3, play/1, play_on/2, next/1, go/1, run/2, call/2, stop/1, kill/1, take_start/3]).
-export([tests/1, alone/1, patiently/1, start_engine/0, kill_engine/0, end_others/0]).
-export([access_point/1, access_point/2, until/1, begun/1, waits/2, settled/0]).
-export([nothing_is_left/0, refused_start/0, counted/1, flush/0, property/2]).
-export([init_actor/1, init_session/2, terminate_session/4, handle_call/3, handle_info/2]).

-define(PATIENCE, 30000).

%% ----- Actors -----

%% Starts an actor that registers for one role and plays it once.
play(AccessPoint, Role, Steps) ->
    play([{AccessPoint, Role, Steps}]).

%% Starts an actor that registers once for each part, {AccessPoint, Role, Steps};
%% not for {not_yet, AccessPoint, Role, Steps}.
play(Parts) ->
    {ok, Pid} = maty_actor:start(?MODULE, {self(), Parts}, []),
    Pid.

%% The same on another node.
play_on(Node, Parts) ->
    {ok, Pid} = erpc:call(Node, maty_actor, start, [?MODULE, {self(), Parts}, []]),
    Pid.

%% What the actor tells next.
next(Pid) ->
    receive
        {?MODULE, Pid, Event} -> Event
    after ?PATIENCE -> error({nothing_from, Pid, erpc:call(node(Pid), erlang, process_info, [Pid])})
    end.

%% Ends a pause.
go(Pid) ->
    Pid ! go,
    ok.

%% Calls a function in the actor, outside of its sessions.
run(Pid, Fun) ->
    gen_server:call(Pid, {run, Fun}, infinity).

%% gen_server's, with more patience than its own.
call(Server, Request) ->
    gen_server:call(Server, Request, ?PATIENCE).

%% Registers an actor for a role, waits until the session begins, and takes the
%% start and so many messages of it out of the actor's mailbox, to be handed on
%% as the caller likes.
take_start(Actor, {AccessPoint, Role}, Messages) ->
    run(Actor, fun() ->
        maty:register(AccessPoint, Role),
        [take('$maty_start') | [take('$maty') || _ <- lists:seq(1, Messages)]]
    end).

take(Kind) ->
    receive
        Message when element(1, Message) =:= Kind -> Message
    end.

stop(Pid) ->
    gen_server:stop(Pid).

kill(Pid) ->
    Monitor = erlang:monitor(process, Pid),
    exit(Pid, kill),
    receive
        {'DOWN', Monitor, process, Pid, _} -> ok
    end.

%% ----- The engine -----

%% Tests that need the engine, for EUnit.
tests(Tests) ->
    {setup, fun start_engine/0, patiently(Tests)}.

%% Tests of processes that fail, for EUnit. Each runs in a process that outlives those it
%% starts, and hears of nothing else.
alone(Tests) ->
    {foreach,
        fun() ->
            #{level := Level} = logger:get_primary_config(),
            ok = logger:set_primary_config(level, none),
            Level
        end,
        fun(Level) -> logger:set_primary_config(level, Level) end,
        patiently([
            {atom_to_list(element(2, erlang:fun_info(Test, name))), fun() ->
                _ = process_flag(trap_exit, true),
                flush(),
                Test()
            end}
         || Test <- Tests
        ])}.

%% EUnit gives a test five seconds, which is little on a machine that is busy; what
%% hangs is found by the patience above.
patiently(Tests) ->
    [{timeout, 10 * ?PATIENCE div 1000, Test} || Test <- Tests].

%% Starts the application, anew if it runs: its supervisor gives up after so many engines
%% that have ended, whichever tests have killed them. What actors log when they end is not
%% of interest: tests look at exit reasons and at events. What other tests have left to the
%% engine is gone when this returns, so that its counters are those of the tests that follow.
start_engine() ->
    ok = logger:set_primary_config(level, none),
    _ = application:stop(maty),
    {ok, _} = application:ensure_all_started(maty),
    settled().

%% Returns when there is another.
kill_engine() ->
    Old = maty_engine:pid(),
    kill(Old),
    until(fun() ->
        case maty_engine:pid() of
            Old -> false;
            Pid -> is_pid(Pid) andalso whereis(maty_engine) =:= Pid
        end
    end).

%% Ends actors and access points that other tests have left, for tests of memory: they
%% would take of it.
end_others() ->
    Left = [
        Pid
     || Pid <- processes(),
        proc_lib:initial_call(Pid) =:= {maty_access_point, init, ['Argument__1']} orelse
            process_info(Pid, current_function) =:= {current_function, {maty_actor, loop, 2}}
    ],
    lists:foreach(fun kill/1, Left).

%% After a start of the application that failed: its supervisor, which answers before it
%% ends, has ended, and what it had is gone.
refused_start() ->
    until(fun() -> whereis(maty_sup) =:= undefined end).

%% The access point of a protocol text.
access_point(Text) ->
    {ok, Pid} = maty_access_point:start_link({string, Text}),
    Pid.

access_point(File, Name) ->
    {ok, Pid} = maty_access_point:start_link({file, File, Name}),
    Pid.

%% Looks until it is so. For what happens on its own, as a port hearing of a
%% process that has ended.
until(Condition) ->
    until(Condition, erlang:monotonic_time(millisecond) + ?PATIENCE).

until(Condition, Deadline) ->
    case Condition() of
        true ->
            ok;
        false ->
            case erlang:monotonic_time(millisecond) < Deadline of
                true ->
                    erlang:yield(),
                    until(Condition, Deadline);
                false ->
                    error({never, Condition, maty:counters()})
            end
    end.

%% The actor is in a session, whatever the others are.
begun(Actor) ->
    until(fun() -> maty:sessions(Actor) =/= [] end).

%% These come to wait at an access point: of another node, they are passed on when it
%% has been found.
waits(AccessPoint, Waiting) ->
    until(fun() -> maty_access_point:waiting(AccessPoint) =:= Waiting end).

%% The engine holds no endpoint any more; one that is being restarted cannot be asked.
settled() ->
    until(fun() ->
        try maty:counters() of
            #{endpoints := Endpoints} -> Endpoints =:= 0
        catch
            error:_ -> false
        end
    end).

%% A test: nothing is left of those before.
nothing_is_left() ->
    ok = settled(),
    [] = maty:sessions().

%% Forgets the messages that have come.
flush() ->
    receive
        _ -> flush()
    after 0 -> ok
    end.

%% Tests a property of PropEr's, and shows where it does not hold.
property(Property, Options) ->
    case proper:quickcheck(Property, [quiet | Options]) of
        true ->
            ok;
        Failed ->
            io:format(user, "~nFailed: ~p~n~p~n", [Failed, proper:counterexample()]),
            error(property_failed)
    end.

%% By how much each counter goes up while the function runs.
counted(Fun) ->
    Before = maty:counters(),
    Result = Fun(),
    After = maty:counters(),
    {Result, maps:map(fun(Name, Count) -> Count - maps:get(Name, Before) end, After)}.

%% ----- The actor -----

-record(state, {test :: pid(), scripts :: #{{pid(), atom()} => [list()]}}).

init_actor({Test, Parts}) ->
    Scripts = maps:groups_from_list(
        fun key/1, fun(Part) -> element(tuple_size(Part), Part) end, Parts
    ),
    lists:foreach(fun({AccessPoint, Role}) -> maty:register(AccessPoint, Role) end, [
        key(Part)
     || Part <- Parts, element(1, Part) =/= not_yet
    ]),
    {ok, #state{test = Test, scripts = Scripts}}.

key({AccessPoint, Role, _Steps}) -> {AccessPoint, Role};
key({not_yet, AccessPoint, Role, _Steps}) -> {AccessPoint, Role}.

init_session(#{access_point := AccessPoint, role := Role}, State) ->
    %% The port tells one participant after the other. It answers when it has told
    %% all: whoever hears from one of them knows that the others have their starts.
    _ = maty_session:state(maty_session:current()),
    Key = {AccessPoint, Role},
    #state{scripts = #{Key := [Steps | Later]} = Scripts, test = Test} = State,
    Next = State#state{scripts = Scripts#{Key := Later}},
    case steps(Steps, {Test, Role}) of
        {suspend, Handler, Local} -> {ok, Handler, Local, Next};
        {suspend, Handler, Local, Options} -> {ok, Handler, Local, Next, Options};
        {done, Reason, _Local} -> {done, Reason, Next};
        Other -> Other
    end.

handler(Message, {Steps, {_, Role} = Self}) ->
    tell({got, Role, Message}, Self),
    steps(Steps, Self).

steps([], Self) ->
    {done, normal, {[], Self}};
steps([begun | Rest], {_, Role} = Self) ->
    tell({begun, Role}, Self),
    steps(Rest, Self);
steps([wait | Rest], Self) ->
    {suspend, fun handler/2, {Rest, Self}};
steps([{wait, Options} | Rest], Self) ->
    {suspend, fun handler/2, {Rest, Self}, Options};
steps([{send, To, Message} | Rest], Self) ->
    ok = maty:send(To, Message),
    steps(Rest, Self);
steps([{refused, To, Message} | Rest], Self) ->
    try maty:send(To, Message) of
        ok -> tell({sent, Message}, Self)
    catch
        error:{protocol_violation, Violation} -> tell({refused, Violation}, Self)
    end,
    steps(Rest, Self);
steps([{call, Fun} | Rest], Self) ->
    tell({result, Fun()}, Self),
    steps(Rest, Self);
steps([pause | Rest], {_, Role} = Self) ->
    tell({paused, Role}, Self),
    receive
        go -> steps(Rest, Self)
    end;
steps([{return, Value} | _], _Self) ->
    Value.

terminate_session(Ending, #{role := Role}, _Local, #state{test = Test} = State) ->
    tell({ended, Role, Ending}, {Test, Role}),
    {ok, State}.

handle_call({run, Fun}, _From, State) ->
    {reply, Fun(), State}.

handle_info(Message, #state{test = Test} = State) ->
    tell({info, Message}, {Test, none}),
    {noreply, State}.

tell(Event, {Test, _Role}) ->
    Test ! {?MODULE, self(), Event},
    ok.
