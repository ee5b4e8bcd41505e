%% Every protocol, played by actors that do at random whatever their role may do,
%% one of which gives out at a random point: it is killed, exits, raises, leaves, or sets
%% itself a deadline that has passed. maty_model_tests knows more, of actors that go
%% one step at a time; here they go as they come. What has to come of it is counted from
%% what was sent and received:
%%
%%   - every role comes to an end, and the engine keeps nothing;
%%   - no message reaches a role that has ended;
%%   - a role fails because of one that did not come to its end as the protocol has
%%     it, and with nothing under way from any role that it waits for: so none fails
%%     that could have gone on.
%%
%% A counterexample of PropEr holds all that a run depends on but the order in which
%% processes run.
-module(maty_crash_tests).

-behaviour(maty_actor).

-include_lib("proper/include/proper.hrl").
-include_lib("eunit/include/eunit.hrl").
-include("../src/maty_internal.hrl").

-export([init_actor/1, init_session/2, terminate_session/4]).

%% After so many steps a role leaves: some protocols never end.
-define(ENOUGH, 60).
-define(RUNS, 100).

crash_test_() ->
    {setup, fun maty_player:start_engine/0, fun(ok) ->
        [
            {atom_to_list(maty_protocol:name(Protocol)),
                {timeout, 300, fun() -> check(Protocol) end}}
         || Path <- filelib:wildcard("test/protocols/*.scr"), Protocol <- protocols(Path)
        ]
    end}.

protocols(Path) ->
    {ok, #{protocols := [_ | _] = Protocols}} = maty_protocol:check_file(Path),
    Protocols.

check(Protocol) ->
    {ok, AccessPoint} = maty_access_point:start_link(Protocol),
    Roles = maty_protocol:roles(Protocol),
    Property = ?FORALL(
        {Role, Step, How, OnRaise, Seed},
        {
            oneof(Roles),
            range(0, 12),
            oneof([kill, exit, raise, leave, timeout]),
            oneof([stop, leave]),
            range(1, 1 bsl 50)
        },
        holds(run(AccessPoint, Roles, {Role, Step, How}, OnRaise, Seed))
    ),
    ok = maty_player:property(Property, [{numtests, ?RUNS}]),
    ok = maty_access_point:stop(AccessPoint),
    maty_player:settled().

%% ----- Runs -----

%% One session. Returns how each role ended, and the counts of messages.
run(AccessPoint, Roles, {Crashing, Step, How}, OnRaise, Seed) ->
    Counts = ets:new(counts, [public]),
    Actors = maps:from_list([
        begin
            Crash = case Role of Crashing -> {Step, How}; _ -> none end,
            Argument = {self(), AccessPoint, Role, {Seed, Index, 0}, Crash, Counts},
            {ok, Actor} = maty_actor:start(?MODULE, Argument, [{on_raise, OnRaise}]),
            {Role, {Actor, erlang:monitor(process, Actor)}}
        end
     || {Index, Role} <- lists:zip(lists:seq(1, length(Roles)), Roles)
    ]),
    Endings = maps:map(fun(_, {Actor, Monitor}) -> ending(Actor, Monitor) end, Actors),
    %% What is still in a mailbox has been seen when an actor answers.
    Strays = [
        Stray
     || {_, {Actor, _}} <- maps:to_list(Actors), Stray <- [stray(Actor)], Stray =/= none
    ],
    [
        begin erlang:demonitor(M, [flush]), exit(Actor, kill) end
     || {_, {Actor, M}} <- maps:to_list(Actors)
    ],
    Messages = maps:from_list(ets:tab2list(Counts)),
    true = ets:delete(Counts),
    {Endings, Messages, Strays}.

ending(Actor, Monitor) ->
    receive
        {ended, Actor, Ending, Next} -> {Ending, Next};
        {'DOWN', Monitor, process, Actor, Reason} -> {{down, Reason}, []}
    after 60000 -> {{hangs, maty:sessions()}, []}
    end.

stray(Actor) ->
    try maty:sessions(Actor) of
        [] ->
            receive
                {stray, Actor, Message} -> Message
            after 0 -> none
            end;
        Sessions ->
            {left_over, Sessions}
    catch
        exit:_ -> none
    end.

holds({Endings, Messages, Strays}) ->
    Wrong = [
        {Role, Ending}
     || {Role, {Ending, Next}} <- maps:to_list(Endings),
        not right(Role, Ending, Next, Endings, Messages)
    ],
    ?WHENFAIL(
        io:format(user, "wrong: ~p~nstrays: ~p~nendings: ~p~nmessages: ~p~n", [
            Wrong, Strays, Endings, Messages
        ]),
        Wrong =:= [] andalso Strays =:= []
    ).

right(_Role, {done, normal}, _Next, _Endings, _Messages) -> true;
right(_Role, {left, _}, _Next, _Endings, _Messages) -> true;
right(_Role, {down, killed}, _Next, _Endings, _Messages) -> true;
right(_Role, {down, crash}, _Next, _Endings, _Messages) -> true;
right(_Role, {down, {crash, [_ | _]}}, _Next, _Endings, _Messages) -> true;
%% So soon that it could not be monitored.
right(_Role, {down, noproc}, _Next, _Endings, _Messages) -> true;
right(_Role, {failed, {raised, crash}}, _Next, _Endings, _Messages) -> true;
right(_Role, {failed, {raised, {crash, _}}}, _Next, _Endings, _Messages) -> true;
right(_Role, {failed, timeout}, _Next, _Endings, _Messages) -> true;
right(Role, {failed, {cancelled, Cause}}, Next, Endings, Messages) ->
    {Ending, _} = maps:get(Cause, Endings),
    Ending =/= {done, normal} andalso
        lists:all(fun(Peer) -> none_under_way(Peer, Role, Messages) end, peers(Next));
right(_Role, _Ending, _Next, _Endings, _Messages) -> false.

peers(Next) ->
    lists:usort([Peer || #{direction := 'receive', peer := Peer} <- Next]).

%% Who has received a message that two may have sent cannot tell whose it was.
none_under_way(From, To, Messages) ->
    is_map_key({unsure, To}, Messages) orelse
        maps:get({sent, From, To}, Messages, 0) =:= maps:get({received, From, To}, Messages, 0).

%% ----- The actors -----

-record(local, {role, random, crash, counts, steps = 0, next = []}).

init_actor({Test, AccessPoint, Role, Seed, Crash, Counts}) ->
    maty:register(AccessPoint, Role),
    Random = rand:seed_s(exsss, Seed),
    {ok, {Test, #local{role = Role, random = Random, crash = Crash, counts = Counts}}}.

init_session(_Session, {_, Local} = State) ->
    case step(Local) of
        {suspend, Handler, Next} -> {ok, Handler, Next, State};
        {suspend, Handler, Next, Options} -> {ok, Handler, Next, State, Options};
        {done, Reason, _} -> {done, Reason, State};
        {leave, Reason, _} -> {leave, Reason, State}
    end.

terminate_session(Ending, _Session, Local, {Test, _} = State) ->
    put(ended, Test),
    Next = case Local of #local{next = N} -> N; undefined -> [] end,
    Test ! {ended, self(), Ending, Next},
    {ok, State}.

got(Message, #local{role = Role, counts = Counts, next = Next} = Local) ->
    case get(ended) of
        undefined -> ok;
        Test -> Test ! {stray, self(), Message}
    end,
    Label = element(1, Message),
    case lists:usort([Peer || #{peer := Peer, label := L} <- Next, L =:= Label]) of
        [Peer] -> count(Counts, {received, Peer, Role});
        _ -> count(Counts, {unsure, Role})
    end,
    step(Local).

count(Counts, Key) ->
    ets:update_counter(Counts, Key, 1, {Key, 0}).

step(#local{steps = Steps, crash = {Step, How}} = Local) when Steps >= Step ->
    give_out(How, Local#local{crash = none});
step(#local{steps = Steps} = Local) when Steps >= ?ENOUGH ->
    {leave, enough, Local};
step(#local{steps = Steps} = Local) ->
    #endpoint{role = Role} = Endpoint = maty_session:current(),
    case maty_session:state(Endpoint) of
        {ok, State} ->
            Next = maty_machine:transitions(Role, State),
            step(maty_machine:state(Role, State), Local#local{steps = Steps + 1, next = Next});
        %% It has failed, and will be told.
        {error, _} ->
            {suspend, fun got/2, Local#local{next = []}}
    end.

step(final, Local) ->
    {done, normal, Local};
step('receive', Local) ->
    {suspend, fun got/2, Local};
step(send, #local{role = Role, next = Next, random = Random, counts = Counts} = Local) ->
    {Number, Random1} = rand:uniform_s(length(Next), Random),
    #{peer := Peer, label := Label, fields := Fields} = lists:nth(Number, Next),
    {Values, Random2} = lists:mapfoldl(
        fun({_, Text}, R) ->
            {ok, Type} = maty_value:parse(Text),
            maty_value:value(Type, erlang, R)
        end,
        Random1,
        Fields
    ),
    ok = maty:send(Peer, list_to_tuple([Label | Values])),
    count(Counts, {sent, Role, Peer}),
    step(Local#local{random = Random2}).

give_out(kill, _Local) ->
    exit(self(), kill);
give_out(exit, _Local) ->
    exit(crash);
give_out(raise, _Local) ->
    error(crash);
give_out(leave, Local) ->
    {leave, crash, Local};
give_out(timeout, Local) ->
    case step(Local) of
        {suspend, Handler, Next} -> {suspend, Handler, Next, #{timeout => 0}};
        Other -> Other
    end.
