%% Random protocols, run by actors that do at random whatever their role may do.
%%
%% A counterexample of PropEr holds all that a run depends on: the protocol and
%% the seed of the actors' choices.
-module(maty_random_tests).

-behaviour(maty_actor).

-include_lib("proper/include/proper.hrl").
-include_lib("eunit/include/eunit.hrl").

-export([init_actor/1, init_session/2, terminate_session/4]).
-export([global_type/0, text/1]).

-define(ROLES, ['A', 'B', 'C', 'D']).
%% After so many messages a role takes the way out of every loop.
-define(ENOUGH, 12).

random_test_() ->
    maty_player:tests([
        fun random_protocols_run_to_their_end/0,
        fun random_mistakes_change_nothing/0
    ]).

random_protocols_run_to_their_end() ->
    check(prop_runs_to_its_end(), 400).

random_mistakes_change_nothing() ->
    check(prop_mistakes_change_nothing(), 400).

%% Runs the property, and sees that it was not without object: that a good share
%% of the protocols was accepted and run.
check(Property, Count) ->
    put(accepted, 0),
    ok = maty_player:property(Property, [{numtests, Count}, {max_size, 60}]),
    ?assert(get(accepted) >= Count div 3),
    maty_player:settled().

%% ----- Properties -----

prop_runs_to_its_end() ->
    ?FORALL(
        {Global, Seed},
        {global_type(), seed()},
        with_protocol(Global, fun(Protocol) ->
            {Reports, Violations, Counted} = run(Protocol, Seed, none),
            #{sent := Sent, received := Received, refused := Refused, cancelled := Cancelled} =
                Counted,
            AllDone = lists:all(fun({_, Ending, _}) -> Ending =:= {done, normal} end, Reports),
            AllDone andalso Violations =:= [] andalso Sent =:= Received andalso
                {Refused, Cancelled} =:= {0, 0}
        end)
    ).

prop_mistakes_change_nothing() ->
    ?FORALL(
        {Global, Seed, Mistake},
        {global_type(), seed(), mistake()},
        with_protocol(Global, fun(Protocol) ->
            {Reports, Violations, Counted} = run(Protocol, Seed, Mistake),
            #{sent := Sent, received := Received, cancelled := Cancelled} = Counted,
            AllDone = lists:all(
                fun({_, Ending, Refusals}) ->
                    Ending =:= {done, normal} andalso lists:all(fun is_refusal/1, Refusals)
                end,
                Reports
            ),
            %% What is forged is refused by whoever is still there to get it.
            OnlyForged = lists:all(
                fun(#{attempt := Attempt}) -> element(1, Attempt) =:= forged end, Violations
            ),
            AllDone andalso OnlyForged andalso Sent =:= Received andalso Cancelled =:= 0
        end)
    ).

with_protocol(Global, Run) ->
    Text = text(Global),
    case maty_protocol:from_string(Text) of
        {ok, Protocol} ->
            put(accepted, get(accepted) + 1),
            ?WHENFAIL(io:format(user, "~n~ts~n", [Text]), succeeds(Run, Protocol));
        {error, {rejected, _}} ->
            true
    end.

%% PropEr as it is packaged cannot show an exception.
succeeds(Run, Protocol) ->
    try
        Run(Protocol)
    catch
        Class:Reason:Stack ->
            io:format(user, "~n~p", [{Class, Reason, Stack}]),
            false
    end.

is_refusal({refused, #{reason := Reason, direction := send}}) ->
    lists:member(Reason, [no_action, not_now, payload]);
is_refusal(_) ->
    false.

%% ----- Global types -----

%% {RoleCount, Body}, where
%%
%%   Body = stop
%%        | {continue, LoopNumber}
%%        | {message, Message, Body}
%%        | {choice, At, [{Message, Told :: boolean(), Body}]}
%%        | {loop, Message, At, Again :: Body, Out :: Body}
%%   Message = {From, To, LabelNumber, [Type]}
%%
%% Roles are numbers, taken modulo their count where they are used. In a loop
%% the last branch is the way out; its label is known by an "x".
global_type() ->
    ?LET(Count, range(2, 4), {Count, ?SIZED(Size, body(Size, 0))}).

seed() ->
    range(1, 1 bsl 50).

body(Size, Loops) when Size =< 1 ->
    final(Loops);
body(Size, Loops) ->
    Half = Size div 2,
    frequency([
        {1, final(Loops)},
        {5, {message, message(), ?LAZY(body(Size - 1, Loops))}},
        {3, {choice, role(), [branch(Half, Loops), branch(Half, Loops)]}},
        {1, {choice, role(), [branch(Half, Loops), branch(Half, Loops), branch(Half, Loops)]}},
        {3, {loop, message(), role(), ?LAZY(body(Half, Loops + 1)), ?LAZY(body(Half, Loops))}}
    ]).

final(0) -> stop;
final(Loops) -> oneof([stop, {continue, range(1, Loops)}, {continue, Loops}]).

branch(Size, Loops) ->
    {message(), frequency([{9, true}, {1, false}]), ?LAZY(body(Size, Loops))}.

message() ->
    {role(), role(), range(1, 200), resize(3, list(type()))}.

role() ->
    range(0, 11).

type() ->
    oneof([Type || {Type, _, _} <- types()]).

%% A type, a value of it, and a value that is not.
types() ->
    [
        {"integer", 5, five},
        {"number", 2.5, <<"2.5">>},
        {"float", 1.5, 1},
        {"boolean", true, yes},
        {"atom", yes, "yes"},
        {"binary", <<0, 255>>, [0, 255]},
        {"string", <<"gr", 195, 188, "n">>, <<195>>},
        {"pid", self(), make_ref()},
        {"reference", make_ref(), self()},
        {"list(integer)", [1, 2, 3], [1, 2 | 3]},
        {"{integer, list(string)}", {1, [<<"a">>]}, {1, [a]}},
        {"%{a: integer}", #{a => 1, b => 2}, #{b => 2}},
        {"integer | {boolean, atom}", {true, x}, {x, true}},
        {"1..9", 9, 10},
        {":ok", ok, error},
        {"any", #{[] => [self()]}, none}
    ].

%% The text of a global type.
text({Count, Body}) ->
    Roles = lists:sublist(?ROLES, Count),
    Head = lists:join(", ", [["role ", atom_to_list(Role)] || Role <- Roles]),
    unicode:characters_to_binary([
        "global protocol Random(", Head, ") {\n", body_text(Body, list_to_tuple(Roles), 0), "}\n"
    ]).

body_text(stop, _Roles, _Loops) ->
    "";
body_text({continue, Loop}, _Roles, _Loops) ->
    io_lib:format("continue L~b;\n", [Loop]);
body_text({message, {From, To, Label, Types}, Body}, Roles, Loops) ->
    [message_text(role(From, Roles), To, "m", Label, Types, Roles), body_text(Body, Roles, Loops)];
body_text({choice, At, Branches}, Roles, Loops) ->
    choice_text(role(At, Roles), [{"m", Branch} || Branch <- Branches], Roles, Loops);
body_text({loop, {_, To, Label, Types}, At, Again, Out}, Roles, Loops) ->
    Name = Loops + 1,
    Chooser = role(At, Roles),
    [
        io_lib:format("rec L~b {\n", [Name]),
        choice_text(
            Chooser,
            [{"m", {{At, To, Label, Types}, true, Again}}, {"x", {{At, To, Label, []}, true, Out}}],
            Roles,
            Name
        ),
        "}\n"
    ].

choice_text(At, Branches, Roles, Loops) ->
    Blocks = [
        [
            "{\n",
            message_text(At, To, Kind, Label + 1000 * Number, Types, Roles),
            [tell(At, Role, Kind, Number, To, Roles) || Told, Role <- tuple_to_list(Roles)],
            body_text(Body, Roles, Loops),
            "}\n"
        ]
     || {Number, {Kind, {{_, To, Label, Types}, Told, Body}}} <-
            lists:zip(lists:seq(1, length(Branches)), Branches)
    ],
    ["choice at ", atom_to_list(At), " ", lists:join("or ", Blocks)].

%% All others hear of the branch.
tell(At, Role, Kind, Number, To, Roles) ->
    case Role =:= At orelse Role =:= other(At, To, Roles) of
        true -> "";
        false -> io_lib:format("~st~b() from ~s to ~s;\n", [Kind, Number, At, Role])
    end.

message_text(From, To, Kind, Label, Types, Roles) ->
    io_lib:format("~s~b(~s) from ~s to ~s;\n", [
        Kind, Label, lists:join(", ", Types), From, other(From, To, Roles)
    ]).

role(Number, Roles) ->
    element(Number rem tuple_size(Roles) + 1, Roles).

%% A role that is another one.
other(Role, Number, Roles) ->
    Others = [R || R <- tuple_to_list(Roles), R =/= Role],
    lists:nth(Number rem length(Others) + 1, Others).

%% ----- Mistakes -----

%% Which role makes it, before which of its messages, and what.
mistake() ->
    {role(), range(0, 6), oneof([label, receiver, payload, fields, moment, forged])}.

%% ----- Actors -----

%% One session with an actor for each role. Returns what each role came to, the
%% violations that receivers reported, and by how much the counters went up.
run(Protocol, Seed, Mistake) ->
    {ok, AccessPoint} = maty_access_point:start_link(Protocol),
    ok = maty_event:subscribe(violation),
    Roles = maty_protocol:roles(Protocol),
    {{Reports, Actors}, Counted} = maty_player:counted(fun() ->
        Actors = [
            begin
                Argument = {
                    self(), AccessPoint, Role, Seed + Index, mistake_of(Index, Roles, Mistake)
                },
                {ok, Actor} = maty_actor:start(?MODULE, Argument, []),
                Actor
            end
         || {Index, Role} <- lists:zip(lists:seq(0, length(Roles) - 1), Roles)
        ],
        {[report(Actor) || Actor <- Actors], Actors}
    end),
    %% What was forged last may still be in a mailbox.
    [maty:sessions(Actor) || Actor <- Actors],
    ok = maty_event:unsubscribe(violation),
    [maty_player:stop(Actor) || Actor <- Actors],
    ok = maty_access_point:stop(AccessPoint),
    {Reports, violations(), Counted}.

mistake_of(Index, Roles, {Role, Step, What}) when Role rem length(Roles) =:= Index -> {Step, What};
mistake_of(_Index, _Roles, _Mistake) -> none.

report(Actor) ->
    receive
        {report, Actor, Report} -> Report
    after 60000 -> {Actor, hangs, maty:sessions()}
    end.

violations() ->
    receive
        {maty_event, violation, Violation} -> [Violation | violations()]
    after 0 -> []
    end.

-record(local, {steps = 0, mistake, refusals = [], random, done = []}).

init_actor({Test, AccessPoint, Role, Seed, Mistake}) ->
    maty:register(AccessPoint, Role),
    {ok, {Test, #local{random = rand:seed_s(exsss, Seed), mistake = Mistake}}}.

init_session(_Session, {_, Local} = State) ->
    case step(Local) of
        {suspend, Handler, Next} -> {ok, Handler, Next, State};
        {done, Reason, _} -> {done, Reason, State}
    end.

terminate_session(Ending, #{role := Role}, Local, {Test, _} = State) ->
    Refusals =
        case Local of
            #local{refusals = Found} -> Found;
            undefined -> []
        end,
    Test ! {report, self(), {Role, Ending, Refusals}},
    {ok, State}.

%% Sends what may be sent, as long as there is something.
step(#local{steps = Steps, mistake = Mistake} = Local) ->
    {Phase, Next} = state(),
    case Phase of
        final ->
            {done, normal, Local};
        'receive' ->
            {suspend, fun(_Message, L) -> step(count(L)) end, Local};
        send when element(1, Mistake) =< Steps ->
            step(try_mistake(element(2, Mistake), Next, Local#local{mistake = none}));
        send ->
            {#{peer := Peer, label := Label} = Chosen, Random} = pick(Next, Local),
            ok = maty:send(Peer, list_to_tuple([Label | values(Chosen)])),
            step(count(Local#local{random = Random, done = [{Peer, Label} | Local#local.done]}))
    end.

count(#local{steps = Steps} = Local) -> Local#local{steps = Steps + 1}.

%% What the current session's role may do next, as the engine says.
state() ->
    #{id := Id, role := Role} = maty:session(),
    [#{roles := Roles}] = [Session || #{id := I} = Session <- maty:sessions(), I =:= Id],
    [Found] = [{State, Next} || #{role := R, state := State, next := Next} <- Roles, R =:= Role],
    Found.

pick(Next, #local{steps = Steps, random = Random}) ->
    Ways = [T || #{label := Label} = T <- Next, hd(atom_to_list(Label)) =:= $x],
    case Ways of
        [Way | _] when Steps > ?ENOUGH ->
            {Way, Random};
        _ ->
            {Number, Rest} = rand:uniform_s(length(Next), Random),
            {lists:nth(Number, Next), Rest}
    end.

values(#{fields := Fields}) ->
    [value(binary_to_list(Type), 2) || {_, Type} <- Fields].

value(Type, Element) ->
    element(Element, lists:keyfind(Type, 1, types())).

%% Makes a mistake, if there is one to be made here; the state is not changed.
try_mistake(What, [#{peer := Peer, label := Label} = First | _] = Next, Local) ->
    Values = values(First),
    Others = [R || R <- maps:keys(maps:get(participants, maty:session())), R =/= Peer],
    case What of
        label ->
            attempt(Peer, [unheard_of | Values], Local);
        receiver ->
            Wrong = [
                R
             || R <- Others,
                [] =:= [ok || #{peer := P, label := L} <- Next, {P, L} =:= {R, Label}]
            ],
            attempt(hd(Wrong ++ [nobody]), [Label | Values], Local);
        fields ->
            attempt(Peer, [Label, one_more | Values], Local);
        payload ->
            #{fields := Fields} = First,
            Bad = [value(binary_to_list(Type), 3) || {_, Type} <- Fields],
            case [B || B <- Bad, B =/= none] of
                [] -> Local;
                [_ | _] -> attempt(Peer, [Label | Bad], Local)
            end;
        moment ->
            %% What was right once and is not now.
            Past = [
                {P, L}
             || {P, L} <- Local#local.done,
                [] =:= [ok || #{peer := P1, label := L1} <- Next, {P1, L1} =:= {P, L}]
            ],
            case Past of
                [] -> Local;
                [{P, L} | _] -> attempt(P, [L], Local)
            end;
        forged ->
            forge(Peer, Local)
    end.

attempt(Peer, Elements, #local{refusals = Refusals} = Local) ->
    Result =
        try
            maty:send(Peer, list_to_tuple(Elements))
        catch
            error:{protocol_violation, Violation} -> {refused, Violation}
        end,
    Local#local{refusals = [Result | Refusals]}.

%% Sends past the engine, with every action that the other side may have.
forge(Peer, Local) ->
    #{id := Id, participants := Participants} = maty:session(),
    #{Peer := Pid} = Participants,
    lists:foreach(
        fun(Action) ->
            [
                Pid ! {'$maty', Id + Role, (3 bsl 28) bor (Action bsl 16) bor 7, {forged, Action}}
             || Role <- lists:seq(0, map_size(Participants))
            ]
        end,
        lists:seq(0, 9)
    ),
    Local.
