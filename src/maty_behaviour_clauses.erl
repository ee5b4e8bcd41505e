%% @private
%% Which clauses values fit, and what their variables are then. Pure: nothing is written.
%%
%% A value that may be one of several is taken apart into all of them, and one of which
%% too much is not known is taken for its type; so no clause that may be chosen is missed.
-module(maty_behaviour_clauses).

-export([depends_on_guard/3, product/1, select/3, variables/1]).

%% Whether there is one clause for a message, and only its guard says whether it fits.
-spec depends_on_guard([term()], [maty_abstract:value()], maty_abstract:env()) -> boolean().
depends_on_guard(Clauses, Values, Env) ->
    Fitting = [
        {Patterns, Guard}
     || {clause, _, Patterns, Guard, _} <- Clauses, fits(Patterns, Values, Guard, Env) =/= no
    ],
    case Fitting of
        [{Patterns, Guard}] ->
            {WithGuard, _} = fits(Patterns, Values, Guard, Env),
            {Without, _} = fits(Patterns, Values, [], Env),
            {WithGuard, Without} =:= {unsure, yes};
        _ ->
            false
    end.

%% The clauses that some values may fit, with the variables in each: those up to the
%% first that they fit for certain.
-spec select([term()], [maty_abstract:value()], maty_abstract:env()) ->
    [{Body :: term(), maty_abstract:env()}].
select(Clauses, Values, Env) ->
    lists:usort(lists:append([chosen_clauses(Clauses, Each, Env) || Each <- product(Values)])).

-spec product([maty_abstract:value()]) -> [[maty_abstract:value()]].
product(Values) ->
    Product = lists:foldr(
        fun(Value, Rests) ->
            [[V | Rest] || V <- maty_abstract:alternatives(Value), Rest <- Rests]
        end,
        [[]],
        Values
    ),
    case length(Product) =< 16 of
        true -> Product;
        false -> [[maty_abstract:generalise(Value) || Value <- Values]]
    end.

chosen_clauses([], _, _) ->
    [];
chosen_clauses([{clause, _, Patterns, Guard, Body} | Clauses], Values, Env) ->
    case fits(Patterns, Values, Guard, Env) of
        no -> chosen_clauses(Clauses, Values, Env);
        {yes, Bound} -> [{Body, Bound}];
        {unsure, Bound} -> [{Body, Bound} | chosen_clauses(Clauses, Values, Env)]
    end.

fits(Patterns, Values, Guard, Env) when length(Patterns) =:= length(Values) ->
    Matched = lists:foldl(
        fun
            (_, no) ->
                no;
            ({Pattern, Value}, {Answer, E}) ->
                case maty_abstract:match(Pattern, Value, E, fun maty_known:expression/2) of
                    {yes, Next} -> {Answer, Next};
                    {unsure, Next} -> {unsure, Next};
                    no -> no
                end
        end,
        {yes, Env},
        lists:zip(Patterns, Values)
    ),
    case Matched of
        no ->
            no;
        {Answer, Bound} ->
            case maty_abstract:guard(Guard, Bound, fun maty_known:expression/2) of
                no -> no;
                {yes, Next} -> {Answer, Next};
                {unsure, Next} -> {unsure, Next}
            end
    end;
fits(_, _, _, _) ->
    no.

-spec variables(term()) -> #{atom() => true}.
variables(Patterns) ->
    maps:from_keys(variables(Patterns, []), true).

variables({var, _, Name}, Names) -> [Name | Names];
variables(Tuple, Names) when is_tuple(Tuple) -> variables(tuple_to_list(Tuple), Names);
variables([Head | Tail], Names) -> variables(Tail, variables(Head, Names));
variables(_, Names) -> Names.
