%% @private
%% The machines of a protocol's roles as the runtime needs them, made from what
%% the engine says of an image.
%%
%% They are kept as a persistent term under the image's digest, so that all
%% processes share them without a copy. They are never replaced: the same digest
%% is the same protocol.
-module(maty_machine).

-include("maty_internal.hrl").

-export([load/1, load/2, kept/1, find/1, number/2, numbered/1, role/2, roles/1, actors/2]).
-export([states/1, state/2, deadline/2, transitions/2, targets/2]).

-export_type([machine/0, role/0, transition/0]).

-type machine() :: #machine{}.
-type role() :: #role{}.

%% What a role may do in a state: which message, which of its states comes next
%% (counted from 0), and where the protocol says so.
-type transition() :: #{
    direction := send | 'receive',
    peer := atom(),
    label := atom(),
    target := non_neg_integer(),
    fields := [{Name :: binary(), Type :: binary()}],
    line := pos_integer(),
    column := pos_integer()
}.

%% @doc Loads an image into the engine that runs now. Returns its number there.
-spec load(binary()) -> {ok, non_neg_integer(), machine()} | {error, maty_error:status()}.
load(Image) ->
    load(maty_engine:pid(), Image).

%% @doc The same into a certain engine, which has to run now.
-spec load(pid() | undefined, binary()) ->
    {ok, non_neg_integer(), machine()} | {error, maty_error:status()}.
load(Engine, Image) ->
    Digest = erlang:md5(Image),
    case number(Engine, Digest) of
        {ok, Number} ->
            {ok, Number, kept(Digest)};
        error ->
            case maty_engine:load(Image) of
                {ok, Number, Description} -> loaded(Engine, Number, keep(Digest, Description));
                {error, Status} -> {error, Status}
            end
    end.

%% Another engine may have taken its place meanwhile, and the number be of that
%% one, unless it is still there.
loaded(Engine, Number, #machine{digest = Digest} = Machine) ->
    case maty_engine:pid() of
        Engine ->
            try ets:insert(maty_images, {{Engine, Digest}, Number}) of
                true -> {ok, Number, Machine}
            catch
                error:badarg -> {error, engine_down}
            end;
        _ ->
            {error, engine_down}
    end.

%% @doc The number of an image in an engine of this node. The table of numbers goes
%% with the engine that gave them.
-spec number(pid() | undefined, binary()) -> {ok, non_neg_integer()} | error.
number(Engine, Digest) ->
    try ets:lookup(maty_images, {Engine, Digest}) of
        [{_, Number}] -> {ok, Number};
        [] -> error
    catch
        error:badarg -> error
    end.

%% @doc The machines of an image that was loaded, by its digest.
-spec kept(binary()) -> machine().
kept(Digest) ->
    persistent_term:get({?MODULE, Digest}).

%% @doc The machines of an image, if it was ever loaded on this node.
-spec find(binary()) -> {ok, machine()} | error.
find(Digest) ->
    case persistent_term:get({?MODULE, Digest}, undefined) of
        undefined -> error;
        Machine -> {ok, Machine}
    end.

%% @doc The machines of an image by its number in the engine that runs now.
-spec numbered(non_neg_integer()) -> {ok, machine()} | error.
numbered(Number) ->
    try ets:match(maty_images, {{maty_engine:pid(), '$1'}, Number}) of
        [[Digest]] -> {ok, kept(Digest)};
        [] -> error
    catch
        error:badarg -> error
    end.

keep(Digest, Description) ->
    Key = {?MODULE, Digest},
    case persistent_term:get(Key, undefined) of
        undefined ->
            Machine = machine(Digest, Description),
            ok = persistent_term:put(Key, Machine),
            Machine;
        Machine ->
            Machine
    end.

-spec role(machine(), non_neg_integer()) -> role().
role(#machine{roles = Roles}, Index) ->
    element(Index + 1, Roles).

-spec roles(machine()) -> [role()].
roles(#machine{roles = Roles}) ->
    tuple_to_list(Roles).

%% @doc Who plays each role, of the participants of a session.
-spec actors(machine(), tuple()) -> #{maty:role() => pid()}.
actors(#machine{role_index = Index, roles = Roles}, Participants) ->
    actors(tuple_size(Roles), Roles, Participants, Index).

actors(0, _Roles, _Participants, Actors) ->
    Actors;
actors(Number, Roles, Participants, Actors) ->
    #role{name = Name} = element(Number, Roles),
    Actor =
        case element(Number, Participants) of
            {Elsewhere, _Handle} -> Elsewhere;
            Here -> Here
        end,
    actors(Number - 1, Roles, Participants, Actors#{Name := Actor}).

%% @doc The numbers of a role's states.
-spec states(role()) -> [non_neg_integer()].
states(#role{first_state = First, states = States}) ->
    lists:seq(First, First + tuple_size(States) - 1).

%% @doc The phase of a state, by its number in the image.
-spec state(role(), non_neg_integer()) -> send | 'receive' | final.
state(Role, State) ->
    {Phase, _} = at(Role, State),
    Phase.

%% @doc In how many milliseconds what the role waits for in a state has to be sent.
-spec deadline(role(), non_neg_integer()) -> timeout().
deadline(#role{deadlines = none}, _State) ->
    infinity;
deadline(#role{first_state = First, deadlines = Deadlines}, State) ->
    element(State - First + 1, Deadlines).

-spec transitions(role(), non_neg_integer()) -> [transition()].
transitions(Role, State) ->
    {_, Transitions} = at(Role, State),
    Transitions.

%% @doc The states that the transitions lead to, in their order.
-spec targets(role(), non_neg_integer()) -> [non_neg_integer()].
targets(#role{first_state = First} = Role, State) ->
    [First + Target || #{target := Target} <- transitions(Role, State)].

at(#role{first_state = First, states = States}, State) ->
    element(State - First + 1, States).

%% ----- Reading the description (c_src/beam/describe.h) -----

machine(Digest, {Protocol, Source, Roles}) ->
    Names = list_to_tuple([name(element(1, Role)) || Role <- Roles]),
    Numbered = lists:zip(lists:seq(0, length(Roles) - 1), Roles),
    #machine{
        protocol = name(Protocol),
        source = Source,
        roles = list_to_tuple([role(Index, Role, Names) || {Index, Role} <- Numbered]),
        role_index = maps:from_list([{name(element(1, Role)), Index} || {Index, Role} <- Numbered]),
        digest = Digest
    }.

%% Atoms are made here, from a protocol that a developer wrote, as the compiler
%% makes them from a module.
name(Binary) ->
    binary_to_atom(Binary, utf8).

role(Index, {Name, _Line, _Column, Initial, First, Actions, States}, Names) ->
    Decoded = [
        {direction(Direction), element(Peer + 1, Names), Peer, PeerAction, name(Label), Look =:= 1}
     || {Direction, Peer, PeerAction, Label, Look} <- Actions
    ],
    Table = list_to_tuple(Decoded),
    Labels = [received_label(Action) || Action <- Decoded],
    #role{
        name = name(Name),
        index = Index,
        sends = sends(Decoded),
        labels = list_to_tuple(Labels),
        told = list_to_tuple([told(Label, Labels -- [Label]) || Label <- Labels]),
        peers = list_to_tuple([element(2, Action) || Action <- Decoded]),
        initial_phase = element(1, lists:nth(Initial - First + 1, States)),
        initial_state = Initial,
        first_state = First,
        deadlines = deadlines([Deadline || {_, _, _, Deadline, _} <- States]),
        states = list_to_tuple([
            {phase(Phase), [transition(Transition, First, Table) || Transition <- Transitions]}
         || {Phase, _, _, _, Transitions} <- States
        ])
    }.

deadlines(Milliseconds) ->
    case lists:all(fun(Time) -> Time =:= 0 end, Milliseconds) of
        true -> none;
        false -> list_to_tuple([time(Time) || Time <- Milliseconds])
    end.

time(0) -> infinity;
time(Milliseconds) -> Milliseconds.

direction(0) -> send;
direction(1) -> 'receive'.

phase(?RECEIVES) -> 'receive';
phase(?SENDS) -> send;
phase(?FINAL) -> final.

received_label({'receive', _, _, _, Label, _}) -> Label;
received_label({send, _, _, _, _, _}) -> [].

%% An action is a label and a role, so who sends another with this label is another role.
told([], _) -> [];
told(Label, Others) ->
    case lists:member(Label, Others) of
        true -> {told, Label};
        false -> Label
    end.

transition({Action, Target, Line, Column, Fields}, First, Table) ->
    {Direction, Peer, _, _, Label, _} = element(Action + 1, Table),
    #{
        direction => Direction,
        peer => Peer,
        label => Label,
        target => Target - First,
        fields => Fields,
        line => Line,
        column => Column
    }.

sends(Actions) ->
    Sends = [
        {Label, #send{
            to = To,
            to_index = ToIndex,
            command = ?COMMAND(send_operation(Look), Action),
            look = Look,
            receives = ?COMMAND(?OP_RECEIVE, ToAction)
        }}
     || {Action, {send, To, ToIndex, ToAction, Label, Look}} <-
            lists:zip(lists:seq(0, length(Actions) - 1), Actions)
    ],
    maps:map(
        fun
            (_, [One]) -> One;
            (_, Several) -> Several
        end,
        maps:groups_from_list(
            fun({Label, _}) -> Label end,
            fun({_, Send}) -> Send end,
            Sends
        )
    ).

send_operation(true) -> ?OP_SEND_TERM;
send_operation(false) -> ?OP_SEND.
