%% @private
%% The ways in which a session can begin.
%%
%% An actor of several roles may tell them apart by what is not known when its code is
%% read, its own state, say: with a clause of init_session/2 for each, or with a branch. A
%% way is a part of the code in which each such choice is made: it has all clauses, so that
%% what is known still decides, but the others end in {'$elsewhere', Line}.
%%
%% What always holds: whatever the code does, one of its ways does.
-module(maty_behaviour_starts).

-export([clauses/1, ways/2]).

-export_type([start/0]).

%% What of a module's functions is to be read otherwise.
-type start() :: functions().
-type functions() :: #{
    {atom(), arity()} => {erl_anno:anno(), [erl_parse:abstract_clause()]}
}.

-define(INIT, {init_session, 2}).
%% More are not told apart.
-define(MAX_WAYS, 64).

%% @doc A way for each clause of init_session/2.
-spec clauses(maty_code:code()) -> [start()].
clauses(#{functions := #{?INIT := {Where, Clauses}}}) ->
    [#{?INIT => {Where, [Clause]}} || Clause <- Clauses].

%% @doc All ways of one that is a clause.
-spec ways(start(), maty_code:code()) -> [start()].
ways(#{?INIT := {Where, [Clause]}} = Start, Code) ->
    Ways = [Functions#{?INIT => {Where, [Each]}} || {Each, Functions} <- clause(Clause, Code)],
    case length(Ways) =< ?MAX_WAYS of
        true -> Ways;
        false -> [Start]
    end.

clause({clause, Where, Patterns, Guard, Body}, Code) ->
    [
        {{clause, Where, Patterns, Guard, Each}, Functions}
     || {Each, Functions} <- body(Body, Code)
    ].

body(Expressions, Code) ->
    lists:foldr(
        fun(Expression, Rests) ->
            Firsts = expression(Expression, Code),
            case length(Firsts) * length(Rests) =< ?MAX_WAYS of
                true ->
                    [
                        {[First | Rest], maps:merge(Functions, Others)}
                     || {First, Functions} <- Firsts, {Rest, Others} <- Rests
                    ];
                false ->
                    [{[Expression | Rest], Others} || {Rest, Others} <- Rests]
            end
        end,
        [{[], #{}}],
        Expressions
    ).

expression({match, Where, Pattern, Expression}, Code) ->
    [
        {{match, Where, Pattern, Each}, Functions}
     || {Each, Functions} <- expression(Expression, Code)
    ];
expression({block, Where, Body}, Code) ->
    [{{block, Where, Each}, Functions} || {Each, Functions} <- body(Body, Code)];
expression({'case', Where, Expression, Clauses}, Code) ->
    [{{'case', Where, Expression, Each}, Functions} || {Each, Functions} <- one_of(Clauses, Code)];
expression({'if', Where, Clauses}, Code) ->
    [{{'if', Where, Each}, Functions} || {Each, Functions} <- one_of(Clauses, Code)];
expression({call, _, {atom, _, Name}, Arguments} = Call, #{functions := Functions} = Code) ->
    Key = {Name, length(Arguments)},
    case Functions of
        #{Key := {Where, Clauses}} when Key =/= ?INIT ->
            case uses(Key, Functions) of
                1 ->
                    [
                        {Call, Others#{Key => {Where, Each}}}
                     || {Each, Others} <- one_of(Clauses, Code)
                    ];
                _ ->
                    [{Call, #{}}]
            end;
        #{} ->
            [{Call, #{}}]
    end;
expression(Expression, _) ->
    [{Expression, #{}}].

%% Each clause in turn, with the others as they are told from it.
one_of(Clauses, Code) ->
    [
        {Before ++ [Each | lists:map(fun elsewhere/1, After)], Functions}
     || {Before, Chosen, After} <- splits([], Clauses), {Each, Functions} <- clause(Chosen, Code)
    ].

splits(_, []) ->
    [];
splits(Before, [Clause | After]) ->
    [{Before, Clause, After} | splits(Before ++ [elsewhere(Clause)], After)].

elsewhere({clause, Where, Patterns, Guard, _}) ->
    {clause, Where, Patterns, Guard, [{'$elsewhere', Where}]}.

%% How often a function is named. One that is called from other places as well is left
%% whole.
uses(Key, Functions) ->
    maps:fold(fun(_, {_, Clauses}, Count) -> Count + count(Key, Clauses) end, 0, Functions).

count({Name, Arity} = Key, {call, _, {atom, _, Name}, Arguments}) when
    length(Arguments) =:= Arity
->
    1 + count(Key, Arguments);
count({Name, Arity}, {function, Name, Arity}) ->
    1;
count({Name, _}, {function, _, {atom, _, Name}, _}) ->
    1;
count({Name, _} = Key, {call, _, {remote, _, _, {atom, _, Name}}, Arguments}) ->
    1 + count(Key, Arguments);
count(Key, Tuple) when is_tuple(Tuple) -> count(Key, tuple_to_list(Tuple));
count(Key, [Head | Tail]) -> count(Key, Head) + count(Key, Tail);
count(_, _) -> 0.
