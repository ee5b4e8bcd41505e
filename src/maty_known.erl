%% @private
%% What expressions are worth when code is read and not run: literals, variables,
%% operators, and what is called of Erlang's and Elixir's own.
-module(maty_known).

-export([expression/2, cons/2, negated/1, operator/3, builtin/2, returned/2]).

-type value() :: maty_abstract:value().

-define(IS_COMPARISON(Op),
    (Op =:= '=:=' orelse Op =:= '==' orelse Op =:= '=/=' orelse Op =:= '/=' orelse Op =:= '<' orelse
        Op =:= '>' orelse Op =:= '>=' orelse Op =:= '=<')
).
-define(IS_LOGICAL(Op),
    (Op =:= 'andalso' orelse Op =:= 'orelse' orelse Op =:= 'and' orelse Op =:= 'or')
).
-define(IS_ARITHMETIC(Op), (Op =:= '+' orelse Op =:= '-' orelse Op =:= '*')).
-define(IS_INTEGRAL(Op),
    (Op =:= 'div' orelse Op =:= 'rem' orelse Op =:= 'band' orelse Op =:= 'bor' orelse
        Op =:= 'bxor' orelse Op =:= 'bsl' orelse Op =:= 'bsr')
).

%% @doc What an expression is worth, as far as it can be told without reading functions.
-spec expression(term(), maty_abstract:env()) -> value().
expression(Expression, Env) ->
    case Expression of
        {atom, _, Atom} -> {atom, Atom};
        {integer, _, Integer} -> {int, Integer};
        {char, _, Integer} -> {int, Integer};
        {float, _, _} -> {type, float};
        {string, _, []} -> {list, []};
        {string, _, _} -> {type, list};
        {nil, _} -> {list, []};
        {var, _, Name} -> maps:get(Name, Env, any);
        {tuple, _, Elements} -> {tuple, [expression(Element, Env) || Element <- Elements]};
        {cons, _, Head, Tail} -> cons(expression(Head, Env), expression(Tail, Env));
        {op, _, '-', {integer, _, Integer}} -> {int, -Integer};
        {op, _, Op, Left, Right} -> operator(Op, expression(Left, Env), expression(Right, Env));
        {op, _, 'not', Value} -> negated(expression(Value, Env));
        {call, _, Name, Arguments} -> called(Name, Arguments, Env);
        _ -> any
    end.

called({remote, _, {atom, _, erlang}, {atom, _, Name}}, Arguments, Env) ->
    builtin(Name, [expression(Argument, Env) || Argument <- Arguments]);
called({atom, _, Name}, Arguments, Env) ->
    builtin(Name, [expression(Argument, Env) || Argument <- Arguments]);
called(_, _, _) ->
    any.

%% @doc A list from its head and tail.
-spec cons(value(), value()) -> value().
cons(Head, {list, Tail}) -> {list, [Head | Tail]};
cons(_, _) -> {type, list}.

%% @doc The opposite of a boolean.
-spec negated(value()) -> value().
negated({atom, Boolean}) when is_boolean(Boolean) -> {atom, not Boolean};
negated(_) -> {type, boolean}.

%% @doc What an operator gives.
-spec operator(atom(), value(), value()) -> value().
operator(Op, {int, A}, {int, B}) when ?IS_ARITHMETIC(Op) ->
    {int, erlang:Op(A, B)};
operator(Op, Left, Right) when ?IS_ARITHMETIC(Op) ->
    case {maty_abstract:is_type(integer, Left), maty_abstract:is_type(integer, Right)} of
        {yes, yes} -> {type, integer};
        _ -> {type, number}
    end;
operator('/', _, _) ->
    {type, float};
operator(Op, _, _) when ?IS_INTEGRAL(Op) ->
    {type, integer};
operator('++', _, _) ->
    any;
operator('--', _, _) ->
    {type, list};
operator(Op, Left, Right) when ?IS_COMPARISON(Op) ->
    case maty_abstract:compare(Op, Left, Right) of
        yes -> {atom, true};
        no -> {atom, false};
        unsure -> {type, boolean}
    end;
operator(Op, Left, Right) when Op =:= 'and'; Op =:= 'or'; Op =:= 'xor' ->
    logical(Op, Left, Right);
operator(Op, Left, Right) when Op =:= 'andalso'; Op =:= 'orelse' ->
    logical(Op, Left, Right);
operator(_, _, _) ->
    any.

logical(Op, {atom, true}, Right) when Op =:= 'andalso'; Op =:= 'and' -> Right;
logical(Op, {atom, false}, _) when Op =:= 'andalso'; Op =:= 'and' -> {atom, false};
logical(Op, {atom, true}, _) when Op =:= 'orelse'; Op =:= 'or' -> {atom, true};
logical(Op, {atom, false}, Right) when Op =:= 'orelse'; Op =:= 'or' -> Right;
logical(_, _, _) -> any.

%% @doc What a function of the module `erlang' gives.
-spec builtin(atom(), [value()]) -> value().
builtin(Name, [Value]) when
    Name =:= is_integer;
    Name =:= is_float;
    Name =:= is_number;
    Name =:= is_boolean;
    Name =:= is_atom;
    Name =:= is_binary;
    Name =:= is_pid;
    Name =:= is_reference;
    Name =:= is_map;
    Name =:= is_list;
    Name =:= is_tuple;
    Name =:= is_function
->
    "is_" ++ Type = atom_to_list(Name),
    case maty_abstract:is_type(list_to_existing_atom(Type), Value) of
        yes -> {atom, true};
        no -> {atom, false};
        unsure -> {type, boolean}
    end;
builtin(map_get, [{atom, Key}, {map, Keys}]) ->
    maps:get(Key, Keys, any);
builtin(map_get, [_, Value]) ->
    %% In a guard it fails where there is no map.
    case maty_abstract:is_type(map, Value) of
        no -> {atom, false};
        _ -> any
    end;
builtin(tuple_size, [{tuple, Values}]) ->
    {int, length(Values)};
builtin(tuple_size, [Value]) ->
    case maty_abstract:is_type(tuple, Value) of
        no -> {atom, false};
        _ -> {type, integer}
    end;
builtin(element, [{int, Index}, {tuple, Values}]) when Index >= 1, Index =< length(Values) ->
    lists:nth(Index, Values);
builtin(is_map_key, [{atom, Key}, {map, Keys}]) when is_map_key(Key, Keys) ->
    {atom, true};
builtin(Name, [Left, Right]) when
    ?IS_COMPARISON(Name); ?IS_LOGICAL(Name); ?IS_ARITHMETIC(Name)
->
    operator(Name, Left, Right);
builtin(Name, _) ->
    case Name of
        'div' -> {type, integer};
        'rem' -> {type, integer};
        length -> {type, integer};
        byte_size -> {type, integer};
        bit_size -> {type, integer};
        size -> {type, integer};
        tuple_size -> {type, integer};
        map_size -> {type, integer};
        round -> {type, integer};
        trunc -> {type, integer};
        ceil -> {type, integer};
        floor -> {type, integer};
        binary_to_integer -> {type, integer};
        list_to_integer -> {type, integer};
        unique_integer -> {type, integer};
        system_time -> {type, integer};
        monotonic_time -> {type, integer};
        float -> {type, float};
        binary_to_float -> {type, float};
        abs -> {type, number};
        atom_to_binary -> {type, binary};
        integer_to_binary -> {type, binary};
        float_to_binary -> {type, binary};
        list_to_binary -> {type, binary};
        iolist_to_binary -> {type, binary};
        term_to_binary -> {type, binary};
        atom_to_list -> {type, list};
        integer_to_list -> {type, list};
        binary_to_list -> {type, list};
        tuple_to_list -> {type, list};
        list_to_atom -> {type, atom};
        binary_to_atom -> {type, atom};
        node -> {type, atom};
        list_to_tuple -> {type, tuple};
        self -> {type, pid};
        make_ref -> {type, reference};
        monitor -> {type, reference};
        is_map_key -> {type, boolean};
        _ -> any
    end.

%% @doc What functions of libraries give whose results are often sent.
-spec returned(module(), atom()) -> value().
returned('Elixir.String.Chars', to_string) -> {type, binary};
returned('Elixir.Integer', to_string) -> {type, binary};
returned('Elixir.Integer', parse) -> any;
returned('Elixir.String', to_integer) -> {type, integer};
returned('Elixir.String', length) -> {type, integer};
returned(
    'Elixir.String', Name
) when Name =:= upcase; Name =:= downcase; Name =:= trim; Name =:= duplicate ->
    {type, binary};
returned('Elixir.Enum', Name) when Name =:= count -> {type, integer};
returned('Elixir.Enum', Name) when
    Name =:= map; Name =:= filter; Name =:= sort; Name =:= reverse; Name =:= to_list ->
    {type, list};
returned('Elixir.Enum', each) -> {atom, ok};
returned('Elixir.Enum', join) -> {type, binary};
returned(lists, Name) when
    Name =:= map; Name =:= filter; Name =:= sort; Name =:= reverse; Name =:= seq ->
    {type, list};
returned(lists, foreach) -> {atom, ok};
returned(lists, sum) -> {type, number};
returned(io, format) -> {atom, ok};
returned(_, _) -> any.
