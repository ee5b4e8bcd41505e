%% An actor that does at random whatever its role may do passes, in every role of every
%% protocol: what is said of an actor that fails is so.
-module(maty_testing_all_tests).

-behaviour(maty_actor).

-include_lib("eunit/include/eunit.hrl").
-include("../src/maty_internal.hrl").

-export([init_actor/1, init_session/2]).

all_test_() ->
    {setup, fun maty_player:start_engine/0, [
        {atom_to_list(element(1, What)), {timeout, 300, fun() -> every_role(What) end}}
     || What <- [
            {systematic, #{}},
            {random, #{order => random, runs => 5, coverage => none}},
            {crash, #{fault => {crash, each}, runs => 10}},
            {garbage, #{fault => {garbage, each}, runs => 10, coverage => none}}
        ]
    ]}.

every_role({_, Options}) ->
    Seed = rand:uniform(1 bsl 32),
    lists:foreach(
        fun({Protocol, Role}) ->
            All = Options#{
                protocol => Protocol,
                role => Role,
                seed => Seed,
                argument => fun(AccessPoint) -> {AccessPoint, Role, Seed} end
            },
            case maty_testing:plays(?MODULE, All) of
                {ok, _} ->
                    ok;
                {error, Failure} ->
                    io:put_chars(maty_testing:format_failure(Failure)),
                    error({failed, maty_protocol:name(Protocol), Role, Seed})
            end
        end,
        [
            {Protocol, Role}
         || Path <- filelib:wildcard("test/protocols/*.scr"),
            Protocol <- protocols(Path),
            Role <- maty_protocol:roles(Protocol),
            comes_to_rest(Protocol, Role)
        ]
    ).

%% Not a role that can send for ever without waiting, which the actor would do.
comes_to_rest(Protocol, Name) ->
    {ok, _, Machine} = maty_machine:load(maty_protocol:image(Protocol)),
    [Role] = [R || #role{name = N} = R <- maty_machine:roles(Machine), N =:= Name],
    #role{initial_state = Initial, states = States} = Role,
    HasEnd = lists:any(
        fun(State) -> maty_machine:state(Role, State) =:= final end,
        maty_machine:states(Role)
    ),
    HasEnd orelse waits(Initial, Role, tuple_size(States)).

waits(_State, _Role, 0) ->
    false;
waits(State, Role, Depth) ->
    maty_machine:state(Role, State) =:= 'receive' orelse
        lists:all(
            fun(Target) -> waits(Target, Role, Depth - 1) end, maty_machine:targets(Role, State)
        ).

protocols(Path) ->
    {ok, #{protocols := [_ | _] = Protocols}} = maty_protocol:check_file(Path),
    Protocols.

%% ----- The actor -----

init_actor({AccessPoint, Role, Seed}) ->
    maty:register(AccessPoint, Role),
    {ok, rand:seed_s(exsss, {Seed, erlang:unique_integer([positive]), 1})}.

init_session(_Session, Random) ->
    case step(Random) of
        {suspend, Handler, Local} -> {ok, Handler, Local, Random};
        {done, Reason, _Local} -> {done, Reason, Random}
    end.

step(Random) ->
    #endpoint{role = Role} = Endpoint = maty_session:current(),
    case maty_session:state(Endpoint) of
        {ok, State} -> step(maty_machine:state(Role, State), State, Role, Random);
        %% It waits for somebody who has gone, and will be told.
        {error, _} -> {suspend, fun got/2, Random}
    end.

got(_Message, Local) ->
    step(Local).

step(final, _State, _Role, _Local) ->
    {done, normal, none};
step('receive', _State, _Role, Random) ->
    {suspend, fun got/2, Random};
step(send, State, Role, Random) ->
    Transitions = maty_machine:transitions(Role, State),
    {Number, Next} = rand:uniform_s(length(Transitions), Random),
    #{peer := Peer, label := Label, fields := Fields} = lists:nth(Number, Transitions),
    {Values, Rest} = lists:mapfoldl(
        fun({_, Text}, R) ->
            {ok, Type} = maty_value:parse(Text),
            maty_value:value(Type, erlang, R)
        end,
        Next,
        Fields
    ),
    ok = maty:send(Peer, list_to_tuple([Label | Values])),
    step(Rest).
