%% @private
%% What is known of a value while code is read and not run.
%%
%% A value is literal as far as the code says it literally; beyond that it is of a
%% type, one of a few alternatives, or unknown. Nothing is ever assumed: a question
%% about a value is answered with yes, no or unsure.
-module(maty_abstract).

-export([alternatives/1, either/1, generalise/1, widen/1, cut/1, notation/1, describe/2]).
-export([match/4, guard/3, list_of/1, is_type/2, compare/3, from_type/1]).

-export_type([value/0, env/0, answer/0]).

-type type() ::
    integer
    | float
    | number
    | boolean
    | atom
    | binary
    | pid
    | reference
    | map
    | list
    | tuple
    | function.

-type value() ::
    any
    | {atom, atom()}
    | {int, integer()}
    %% A literal binary, in UTF-8.
    | {text, binary()}
    | {type, type()}
    | {tuple, [value()]}
    | {list, [value()]}
    %% With these keys, and perhaps others.
    | {map, #{atom() => value()}}
    | {'fun', module(), atom(), arity()}
    %% The same, of a function that its module does not export: calling it fails.
    | {hidden, module(), atom(), arity()}
    %% A fun where it was made: its clauses, its variables, and whose code it is.
    | {closure, arity(), [erl_parse:abstract_clause()], env(), term()}
    %% One of them, two at least.
    | {either, [value()]}.

-type env() :: #{atom() => value()}.
-type answer() :: yes | no | unsure.

-define(MAX_ALTERNATIVES, 8).
-define(MAX_DEPTH, 6).
-define(MAX_WIDTH, 16).

%% @doc The values that a value may be.
-spec alternatives(value()) -> [value()].
alternatives({either, Values}) -> Values;
alternatives(Value) -> [Value].

%% @doc One of some values.
-spec either([value()]) -> value().
either(Values) ->
    case lists:usort(lists:append([alternatives(Value) || Value <- Values])) of
        [Value] ->
            Value;
        Several ->
            case lists:member(any, Several) of
                true -> any;
                false when length(Several) =< ?MAX_ALTERNATIVES -> {either, Several};
                false -> common(lists:usort([generalise(Value) || Value <- Several]))
            end
    end.

common([Value]) -> Value;
common(_) -> any.

%% @doc Only the type of a value.
-spec generalise(value()) -> value().
generalise({atom, Boolean}) when is_boolean(Boolean) -> {type, boolean};
generalise({atom, _}) -> {type, atom};
generalise({int, _}) -> {type, integer};
generalise({text, _}) -> {type, binary};
generalise({tuple, _}) -> {type, tuple};
generalise({list, _}) -> {type, list};
generalise({map, _}) -> {type, map};
generalise({either, Values}) -> common(lists:usort([generalise(Value) || Value <- Values]));
generalise(Value) -> Value.

%% @doc A value without what is counted or collected: atoms and the shape stay.
-spec widen(value()) -> value().
widen({int, _}) -> {type, integer};
widen({text, _}) -> {type, binary};
widen({list, _}) -> {type, list};
widen({tuple, Values}) -> {tuple, [widen(Value) || Value <- Values]};
widen({map, Keys}) -> {map, maps:map(fun(_, Value) -> widen(Value) end, Keys)};
widen({either, Values}) -> either([widen(Value) || Value <- Values]);
widen(Value) -> Value.

%% @doc A value without what is deep inside of it, so that there are not endlessly many.
-spec cut(value()) -> value().
cut(Value) ->
    cut(Value, ?MAX_DEPTH).

cut(_, 0) -> any;
cut({tuple, Values}, Depth) -> {tuple, [cut(Value, Depth - 1) || Value <- Values]};
cut({list, Values}, _) when length(Values) > ?MAX_WIDTH -> {type, list};
cut({list, Values}, Depth) -> {list, [cut(Value, Depth - 1) || Value <- Values]};
cut({map, Keys}, Depth) -> {map, maps:map(fun(_, Value) -> cut(Value, Depth - 1) end, Keys)};
cut({either, Values}, Depth) -> either([cut(Value, Depth) || Value <- Values]);
cut(Value, _) -> Value.

%% @doc The elements of a list that is known.
-spec list_of(value()) -> {ok, [value()]} | unknown.
list_of({list, Values}) ->
    {ok, Values};
list_of({map, #{'__struct__' := {atom, 'Elixir.Range'}} = Range}) ->
    case Range of
        #{first := {int, First}, last := {int, Last}, step := {int, Step}} when
            Step =/= 0, abs(Last - First) < ?MAX_WIDTH
        ->
            {ok, [{int, I} || I <- range(First, Last, Step)]};
        _ ->
            unknown
    end;
list_of(_) ->
    unknown.

range(First, Last, Step) when Step > 0, First > Last -> [];
range(First, Last, Step) when Step < 0, First < Last -> [];
range(First, Last, Step) -> lists:seq(First, Last, Step).

%% ----- Types -----

%% @doc Whether a value is of a type.
-spec is_type(type(), value()) -> answer().
is_type(_, any) ->
    unsure;
is_type(Type, {either, Values}) ->
    all([is_type(Type, Value) || Value <- Values]);
is_type(Type, {type, Type}) ->
    yes;
is_type(number, {type, T}) when T =:= integer; T =:= float -> yes;
is_type(T, {type, number}) when T =:= integer; T =:= float -> unsure;
is_type(atom, {type, boolean}) ->
    yes;
is_type(boolean, {type, atom}) ->
    unsure;
is_type(_, {type, _}) ->
    no;
is_type(boolean, {atom, Atom}) ->
    answer(is_boolean(Atom));
is_type(atom, {atom, _}) ->
    yes;
is_type(T, {int, _}) when T =:= integer; T =:= number -> yes;
is_type(binary, {text, _}) ->
    yes;
is_type(tuple, {tuple, _}) ->
    yes;
is_type(list, {list, _}) ->
    yes;
is_type(map, {map, _}) ->
    yes;
is_type(function, Value) when
    element(1, Value) =:= 'fun'; element(1, Value) =:= hidden; element(1, Value) =:= closure
->
    yes;
is_type(_, _) ->
    no.

answer(true) -> yes;
answer(false) -> no.

%% The same of all alternatives, or unsure.
all(Answers) ->
    case lists:usort(Answers) of
        [Answer] -> Answer;
        _ -> unsure
    end.

both(no, _) -> no;
both(_, no) -> no;
both(yes, yes) -> yes;
both(_, _) -> unsure.

one(yes, _) -> yes;
one(_, yes) -> yes;
one(no, no) -> no;
one(_, _) -> unsure.

%% @doc A value of a type as a specification has it.
-spec from_type(term()) -> value().
from_type({type, _, 'fun', [{type, _, product, _}, Result]}) -> from_type(Result);
from_type({type, _, bounded_fun, [Fun, _]}) -> from_type(Fun);
from_type({type, _, union, Types}) -> either([from_type(Type) || Type <- Types]);
from_type({ann_type, _, [_, Type]}) -> from_type(Type);
from_type({atom, _, Atom}) -> {atom, Atom};
from_type({integer, _, Integer}) -> {int, Integer};
from_type({type, _, tuple, Types}) when is_list(Types) -> {tuple, [from_type(T) || T <- Types]};
from_type({type, _, Name, _}) -> from_name(Name);
from_type({remote_type, _, [{atom, _, 'Elixir.String'}, {atom, _, t}, []]}) -> {type, binary};
from_type(_) -> any.

from_name(Name) when
    Name =:= integer;
    Name =:= float;
    Name =:= number;
    Name =:= boolean;
    Name =:= atom;
    Name =:= binary;
    Name =:= pid;
    Name =:= reference;
    Name =:= map;
    Name =:= list;
    Name =:= tuple
->
    {type, Name};
from_name(Name) when
    Name =:= pos_integer; Name =:= non_neg_integer; Name =:= neg_integer; Name =:= range
->
    {type, integer};
from_name(bool) -> {type, boolean};
from_name(module) -> {type, atom};
from_name(string) -> {type, list};
from_name(nonempty_list) -> {type, list};
from_name(_) -> any.

%% ----- Patterns -----

%% @doc Whether a value fits a pattern; if it may, what the variables are then. The
%% function gives the value of an expression that a pattern has in it.
-spec match(term(), value(), env(), fun((term(), env()) -> value())) ->
    {yes | unsure, env()} | no.
match({var, _, '_'}, _, Env, _) ->
    {yes, Env};
match({var, _, Name}, Value, Env, _) ->
    case Env of
        #{Name := Bound} ->
            case compare('=:=', Bound, Value) of
                no -> no;
                Answer -> {Answer, Env}
            end;
        #{} ->
            {yes, Env#{Name => Value}}
    end;
match({match, _, Left, Right}, Value, Env, Eval) ->
    %% Each says something of what the other's variables are.
    Both = shape(Right, shape(Left, Value)),
    case match(Left, Value, Env, Eval) of
        no -> no;
        {unsure, _} -> at_most_match(match_both(Left, Right, Both, Env, Eval));
        {yes, _} -> match_both(Left, Right, Both, Env, Eval)
    end;
match(Pattern, {either, Values}, Env, Eval) ->
    %% Only asked where alternatives are not told apart, inside of another value.
    case [Match || Value <- Values, Match <- [match(Pattern, Value, Env, Eval)], Match =/= no] of
        [] -> no;
        [Match] -> {unsure, element(2, Match)};
        [_ | _] -> match(Pattern, any, Env, Eval)
    end;
match({tuple, _, Patterns}, {tuple, Values}, Env, Eval) ->
    match_all(Patterns, Values, Env, Eval);
match({tuple, _, Patterns}, Value, Env, Eval) ->
    inside(is_type(tuple, Value), Patterns, Env, Eval);
match({nil, _}, {list, Values}, Env, _) ->
    maybe_env(answer(Values =:= []), Env);
match({nil, _}, Value, Env, _) ->
    at_most(is_type(list, Value), Env);
match({cons, _, Head, Tail}, {list, [First | Rest]}, Env, Eval) ->
    match_all([Head, Tail], [First, {list, Rest}], Env, Eval);
match({cons, _, _, _}, {list, []}, _, _) ->
    no;
match({cons, _, Head, Tail}, Value, Env, Eval) ->
    inside(is_type(list, Value), [Head, Tail], Env, Eval);
match({map, _, Fields}, {map, Keys}, Env, Eval) ->
    match_fields(Fields, Keys, yes, Env, Eval);
match({map, _, Fields}, Value, Env, Eval) ->
    case is_type(map, Value) of
        no -> no;
        Answer -> also(Answer, match_fields(Fields, #{}, yes, Env, Eval))
    end;
match({bin, _, [{bin_element, _, {string, _, String}, default, default}]}, Value, Env, _) ->
    maybe_env(compare('=:=', {text, unicode:characters_to_binary(String)}, Value), Env);
match({bin, _, []}, Value, Env, _) ->
    maybe_env(compare('=:=', {text, <<>>}, Value), Env);
match({bin, _, Elements}, Value, Env, Eval) ->
    inside(
        is_type(binary, Value), [Pattern || {bin_element, _, Pattern, _, _} <- Elements], Env, Eval
    );
match({record, _, _, Fields}, Value, Env, Eval) ->
    inside(is_type(tuple, Value), [Pattern || {record_field, _, _, Pattern} <- Fields], Env, Eval);
match(Literal, Value, Env, Eval) ->
    maybe_env(compare('=:=', Eval(Literal, Env), Value), Env).

match_both(Left, Right, Value, Env, Eval) ->
    case match(Left, Value, Env, Eval) of
        no -> no;
        {Answer, Next} -> also(Answer, match(Right, Value, Next, Eval))
    end.

%% What is known of a value that fits a pattern.
shape({tuple, _, Patterns}, Value) when Value =:= any; Value =:= {type, tuple} ->
    {tuple, [shape(Pattern, any) || Pattern <- Patterns]};
shape({tuple, _, Patterns}, {tuple, Values}) when length(Patterns) =:= length(Values) ->
    {tuple, [shape(Pattern, Value) || {Pattern, Value} <- lists:zip(Patterns, Values)]};
shape({map, _, _}, any) ->
    {type, map};
shape({atom, _, Atom}, Value) when Value =:= any; Value =:= {type, atom} ->
    {atom, Atom};
shape({integer, _, Integer}, Value) when Value =:= any; Value =:= {type, integer} ->
    {int, Integer};
shape(_, Value) ->
    Value.

match_all(Patterns, Values, Env, Eval) when length(Patterns) =:= length(Values) ->
    lists:foldl(
        fun
            (_, no) -> no;
            ({Pattern, Value}, {Answer, Next}) -> also(Answer, match(Pattern, Value, Next, Eval))
        end,
        {yes, Env},
        lists:zip(Patterns, Values)
    );
match_all(_, _, _, _) ->
    no.

%% Parts of a value that is not known.
inside(no, _, _, _) ->
    no;
inside(_, Patterns, Env, Eval) ->
    at_most_match(match_all(Patterns, [any || _ <- Patterns], Env, Eval)).

match_fields([], _, Answer, Env, _) ->
    {Answer, Env};
match_fields([{_, _, Key, Pattern} | Fields], Keys, Answer, Env, Eval) ->
    {Has, Value} =
        case Eval(Key, Env) of
            {atom, Name} when is_map_key(Name, Keys) -> {Answer, maps:get(Name, Keys)};
            _ -> {unsure, any}
        end,
    case match(Pattern, Value, Env, Eval) of
        no -> no;
        {Fits, Next} -> match_fields(Fields, Keys, both(Has, Fits), Next, Eval)
    end.

also(_, no) -> no;
also(One, {Other, Env}) -> {both(One, Other), Env}.

maybe_env(no, _) -> no;
maybe_env(Answer, Env) -> {Answer, Env}.

at_most(no, _) -> no;
at_most(_, Env) -> {unsure, Env}.

at_most_match(no) -> no;
at_most_match({_, Env}) -> {unsure, Env}.

%% ----- Guards -----

%% @doc Whether a guard holds; if it may, what it says of the variables.
-spec guard([[term()]], env(), fun((term(), env()) -> value())) -> {yes | unsure, env()} | no.
guard([], Env, _) ->
    {yes, Env};
guard([Tests], Env, Eval) ->
    tests(Tests, Env, Eval);
guard(Several, Env, Eval) ->
    Answers = [
        case tests(Tests, Env, Eval) of
            no -> no;
            {Answer, _} -> Answer
        end
     || Tests <- Several
    ],
    maybe_env(lists:foldl(fun one/2, no, Answers), Env).

tests(Tests, Env, Eval) ->
    lists:foldl(
        fun
            (_, no) -> no;
            (Test, {Answer, Next}) -> also(Answer, test(Test, Next, Eval))
        end,
        {yes, Env},
        Tests
    ).

test({op, _, And, Left, Right}, Env, Eval) when And =:= 'andalso'; And =:= 'and' ->
    tests([Left, Right], Env, Eval);
test({op, _, Or, Left, Right}, Env, Eval) when Or =:= 'orelse'; Or =:= 'or' ->
    guard([[Left], [Right]], Env, Eval);
test({op, _, Op, {var, _, Name}, Right}, Env, Eval) when Op =:= '=:='; Op =:= '==' ->
    equal(Name, Op, Eval(Right, Env), Env);
test({op, _, Op, Left, {var, _, Name}}, Env, Eval) when Op =:= '=:='; Op =:= '==' ->
    equal(Name, Op, Eval(Left, Env), Env);
test({call, _, Name, [{var, _, Variable}]} = Test, Env, Eval) ->
    case type_test(Name) of
        none ->
            decide(Eval(Test, Env), Env);
        Type ->
            Value = maps:get(Variable, Env, any),
            case is_type(Type, Value) of
                no -> no;
                unsure when Value =:= any -> {unsure, Env#{Variable => {type, Type}}};
                Answer -> {Answer, Env}
            end
    end;
test(Test, Env, Eval) ->
    decide(Eval(Test, Env), Env).

decide({atom, true}, Env) -> {yes, Env};
decide({atom, _}, _) -> no;
decide(_, Env) -> {unsure, Env}.

equal(Name, Op, Value, Env) ->
    Bound = maps:get(Name, Env, any),
    case {compare(Op, Bound, Value), Value} of
        {no, _} -> no;
        {yes, _} -> {yes, Env};
        {unsure, Literal} when element(1, Literal) =:= atom; element(1, Literal) =:= int ->
            {unsure, Env#{Name => Value}};
        {unsure, _} -> {unsure, Env}
    end.

type_test({remote, _, {atom, _, erlang}, Name}) -> type_test(Name);
type_test({atom, _, is_integer}) -> integer;
type_test({atom, _, is_float}) -> float;
type_test({atom, _, is_number}) -> number;
type_test({atom, _, is_boolean}) -> boolean;
type_test({atom, _, is_atom}) -> atom;
type_test({atom, _, is_binary}) -> binary;
type_test({atom, _, is_pid}) -> pid;
type_test({atom, _, is_reference}) -> reference;
type_test({atom, _, is_map}) -> map;
type_test({atom, _, is_list}) -> list;
type_test({atom, _, is_tuple}) -> tuple;
type_test({atom, _, is_function}) -> function;
type_test(_) -> none.

%% @doc Whether a comparison holds.
-spec compare(atom(), value(), value()) -> answer().
compare(Op, {either, Values}, Other) ->
    all([compare(Op, Value, Other) || Value <- Values]);
compare(Op, Value, {either, Others}) ->
    all([compare(Op, Value, Other) || Other <- Others]);
compare(Op, Left, Right) when Op =:= '=:='; Op =:= '==' ->
    equal(Left, Right);
compare(Op, Left, Right) when Op =:= '=/='; Op =:= '/=' ->
    case equal(Left, Right) of
        yes -> no;
        no -> yes;
        unsure -> unsure
    end;
compare(Op, {int, Left}, {int, Right}) ->
    answer(erlang:Op(Left, Right));
compare(_, _, _) ->
    unsure.

equal(any, _) -> unsure;
equal(_, any) -> unsure;
equal({Kind, Value}, {Kind, Value}) when Kind =:= atom; Kind =:= int; Kind =:= text -> yes;
equal({Kind, _}, {Kind, _}) when Kind =:= atom; Kind =:= int; Kind =:= text -> no;
equal({type, Type}, Value) -> not_no(is_type(Type, Value));
equal(Value, {type, Type}) -> not_no(is_type(Type, Value));
equal({tuple, Left}, {tuple, Right}) when length(Left) =/= length(Right) -> no;
equal({tuple, Left}, {tuple, Right}) ->
    lists:foldl(fun({L, R}, Answer) -> both(Answer, equal(L, R)) end, yes, lists:zip(Left, Right));
equal({list, []}, {list, []}) -> yes;
equal({list, []}, {list, [_ | _]}) -> no;
equal({list, [_ | _]}, {list, []}) -> no;
equal(Left, Right) when element(1, Left) =:= element(1, Right) -> unsure;
equal(Left, Right) -> functions(Left, Right).

functions(Left, Right) ->
    case {is_type(function, Left), is_type(function, Right)} of
        {yes, yes} -> unsure;
        _ -> no
    end.

not_no(no) -> no;
not_no(_) -> unsure.

%% ----- Values as text -----

%% @doc A value as the notation of a behaviour has it, see c_src/core/behaviour.h.
-spec notation(value()) -> iodata().
notation({either, Values}) ->
    [$v, integer_to_binary(length(Values)), [[$\s, plain(V, 4)] || V <- Values]];
notation(Value) -> plain(Value, 4).

plain(any, _) -> "?";
plain({either, _}, _) -> "?";
plain({atom, Atom}, _) -> maty_behaviour_graph:quoted(atom_to_binary(Atom));
plain({int, Integer}, _) when Integer >= -(1 bsl 63), Integer < 1 bsl 63 ->
    [$=, integer_to_binary(Integer)];
plain({int, _}, _) -> "i";
plain({text, _}, _) -> "u";
plain({tuple, Values}, Depth) ->
    case may_be_moment(Values) of
        true -> parts($t, tuple, Values, Depth);
        false -> parts($T, tuple, Values, Depth)
    end;
plain({list, Values}, Depth) -> parts($l, list, Values, Depth);
plain({map, #{'__struct__' := {atom, Struct}}}, _) when
    Struct =/= 'Elixir.Date',
    Struct =/= 'Elixir.Time',
    Struct =/= 'Elixir.DateTime',
    Struct =/= 'Elixir.NaiveDateTime'
->
    "M";
plain({map, _}, _) -> "m";
plain({type, integer}, _) -> "i";
plain({type, float}, _) -> "f";
plain({type, number}, _) -> "n";
plain({type, boolean}, _) -> "b";
plain({type, atom}, _) -> "a";
plain({type, binary}, _) -> "s";
plain({type, pid}, _) -> "p";
plain({type, reference}, _) -> "r";
plain({type, map}, _) -> "m";
plain({type, list}, _) -> "l";
plain({type, tuple}, _) -> "t";
plain(_, _) -> "o".

%% Three integers are a date or a time, and a pair of them both.
may_be_moment([_, _, _] = Values) ->
    not lists:member(no, [is_type(integer, Value) || Value <- Values]);
may_be_moment([_, _] = Values) -> not lists:member(no, [is_type(tuple, Value) || Value <- Values]);
may_be_moment(_) -> false.

parts(_, Type, Values, Depth) when Depth =:= 0; length(Values) > 8 -> plain({type, Type}, 0);
parts(Letter, _, Values, Depth) ->
    [Letter, integer_to_binary(length(Values)), [[$\s, plain(V, Depth - 1)] || V <- Values]].

%% @doc A value for a reader.
-spec describe(value(), maty_language:language()) -> unicode:chardata().
describe(any, _) -> "something";
describe({atom, Atom}, Language) -> maty_language:term(Atom, Language);
describe({int, Integer}, _) -> integer_to_list(Integer);
describe({text, Text}, _) -> io_lib:format("~tp", [unicode:characters_to_list(Text)]);
describe({type, Type}, _) -> article(atom_to_list(Type));
describe({tuple, Values}, Language) -> ["{", described(Values, ", ", Language), "}"];
describe({list, Values}, Language) -> ["[", described(Values, ", ", Language), "]"];
describe({map, _}, _) -> "a map";
describe({'fun', _, Name, Arity}, _) -> io_lib:format("~tw/~b", [Name, Arity]);
describe({hidden, _, Name, Arity}, _) -> io_lib:format("~tw/~b", [Name, Arity]);
describe({closure, Arity, _, _, _}, _) -> io_lib:format("a fun of ~b", [Arity]);
describe({either, Values}, Language) -> described(Values, " or ", Language).

described(Values, Between, Language) ->
    lists:join(Between, [describe(Value, Language) || Value <- Values]).

article([First | _] = Word) ->
    case lists:member(First, "aeiou") of
        true -> ["an ", Word];
        false -> ["a ", Word]
    end.
