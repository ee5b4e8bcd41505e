%% @private
%% Expressions: reads what code does and what its value may be.
%%
%% Where no message depends on it, a branch is only two possible values. Where one does, its
%% outcomes are kept apart as long as their variables or values differ and there are few of
%% them. Each expression costs fuel, and without any left reading is given up, so that it
%% always ends.
-module(maty_behaviour_eval).

-include("maty_behaviour.hrl").

-export([branches/5, eval/5, eval_all/5, sequence/5]).

-import(maty_behaviour_calls, [call/7]).
-import(maty_behaviour_ends, [finish/6]).
-import(maty_behaviour_loops, [comprehension/8]).
-import(maty_behaviour_messages, [raw_receive/7, raw_send/6]).
-import(maty_behaviour_clauses, [select/3]).
-import(maty_behaviour_graph, [
    common/1, each/3, fork/3, fresh/1, joined/1, merge/3, nested/1, place/2, put_effect/3,
    raise/3, ref/1, spend/1, take_back/2
]).

-spec sequence(
    [term()], maty_behaviour_graph:place_in_graph(), maty_abstract:env(),
    maty_behaviour_graph:context(), maty_behaviour_graph:graph()
) -> {[maty_behaviour_graph:outcome()], maty_behaviour_graph:graph()}.
sequence([Last], Node, Env, Context, Graph) ->
    last(Last, Node, Env, Context, Graph);
sequence([First | Rest], Node, Env, Context, Graph) ->
    {Outcomes, G1} = eval(First, Node, Env, nested(Context), Graph),
    each(Outcomes, fun({N, E, _}, G) -> sequence(Rest, N, E, Context, G) end, G1).

%% The last expression of a body. That of a handler says how the handler ends.
last(Expression, Node, Env, #context{result = none} = Context, Graph) ->
    eval(Expression, Node, Env, Context, Graph);
last(Expression, Node, Env, Context, Graph) ->
    case holds_result(Expression) of
        true ->
            eval(Expression, Node, Env, Context, Graph);
        false ->
            {Outcomes, G1} = eval(Expression, Node, Env, nested(Context), Graph),
            Place = place(line(Expression), Context),
            G2 = G1#graph{begun = G1#graph.begun orelse Outcomes =/= []},
            each(Outcomes, fun({N, E, V}, G) -> finish(V, Place, N, E, Context, G) end, G2)
    end.

%% Elixir keeps no line of a pair, but of what is in it.
line({tuple, Where, [_, _] = Elements}) ->
    Inside = [element(2, Element) || Element <- Elements, not is_literal(Element)],
    Known = [Anno || Anno <- Inside, erl_anno:line(Anno) > 0],
    case {erl_anno:column(Where), Known} of
        {undefined, [First | _]} -> First;
        _ -> Where
    end;
line(Expression) ->
    element(2, Expression).

is_literal(Element) -> lists:member(element(1, Element), [atom, integer, nil, string, bin]).

holds_result({'case', _, _, _}) -> true;
holds_result({'if', _, _}) -> true;
holds_result({block, _, _}) -> true;
holds_result({'try', _, _, [], _, []}) -> true;
holds_result(_) -> false.

-spec eval(
    term(), maty_behaviour_graph:place_in_graph(), maty_abstract:env(), #context{}, #graph{}
) ->
    {[maty_behaviour_graph:outcome()], #graph{}}.
eval(Expression, Node, Env, Context, Graph) ->
    expression(Expression, Node, Env, Context, spend(Graph)).

expression({'$mark', _, _}, Node, Env, #context{foreign = true}, Graph) ->
    {[{Node, Env, any}], Graph};
expression({'$mark', _, Mark}, Node, Env, _, Graph) ->
    {Next, G1} = fresh(Graph),
    {[{Next, Env, any}], put_effect(Node, ["mark ", Mark, " ", ref(Next)], G1)};
%% Where another way of beginning goes on.
expression({'$elsewhere', _}, Node, _, _, Graph) ->
    {[], put_effect(Node, "go", Graph)};
expression({match, _, Pattern, Expression}, Node, Env, Context, Graph) ->
    {Outcomes, G1} = eval(Expression, Node, Env, nested(Context), Graph),
    each(Outcomes, fun({N, E, V}, G) -> bind(Pattern, V, N, E, Context, G) end, G1);
expression({tuple, _, Elements}, Node, Env, Context, Graph) ->
    with_all(Elements, Node, Env, Context, Graph, fun(Values) -> {tuple, Values} end);
expression({cons, _, Head, Tail}, Node, Env, Context, Graph) ->
    with_all([Head, Tail], Node, Env, Context, Graph, fun([H, T]) -> maty_known:cons(H, T) end);
expression({map, _, Fields}, Node, Env, Context, Graph) ->
    map_fields(#{}, Fields, Node, Env, Context, Graph);
expression({map, _, Map, Fields}, Node, Env, Context, Graph) ->
    {Outcomes, G1} = eval(Map, Node, Env, nested(Context), Graph),
    each(
        Outcomes,
        fun
            ({N, E, {map, Keys}}, G) -> map_fields(Keys, Fields, N, E, Context, G);
            ({N, E, _}, G) -> map_fields(#{}, Fields, N, E, Context, G)
        end,
        G1
    );
expression({bin, _, Elements}, Node, Env, Context, Graph) ->
    Parts = [Part || {bin_element, _, Part, _, _} <- Elements],
    Literal =
        case Elements of
            [] -> {text, <<>>};
            [{bin_element, _, {string, _, String}, default, default}] -> literal(String);
            _ -> {type, binary}
        end,
    with_all(Parts, Node, Env, Context, Graph, fun(_) -> Literal end);
expression({record, _, _, Fields}, Node, Env, Context, Graph) ->
    Values = [Value || {record_field, _, _, Value} <- Fields],
    with_all(Values, Node, Env, Context, Graph, fun(_) -> {type, tuple} end);
expression({record, _, Record, _, Fields}, Node, Env, Context, Graph) ->
    Values = [Record | [Value || {record_field, _, _, Value} <- Fields]],
    with_all(Values, Node, Env, Context, Graph, fun(_) -> {type, tuple} end);
expression({record_field, _, Record, _, _}, Node, Env, Context, Graph) ->
    with_all([Record], Node, Env, Context, Graph, fun(_) -> any end);
expression({block, _, Body}, Node, Env, Context, Graph) ->
    sequence(Body, Node, Env, Context, Graph);
expression({'case', _, Expression, Clauses}, Node, Env, Context, Graph) ->
    {Outcomes, G1} = eval(Expression, Node, Env, nested(Context), Graph),
    each(
        Outcomes,
        fun({N, E, V}, G) ->
            branches(select(Clauses, [V], E), N, E, Context, G)
        end,
        G1
    );
expression({'if', _, Clauses}, Node, Env, Context, Graph) ->
    branches(select(Clauses, [], Env), Node, Env, Context, Graph);
expression({'try', _, Body, Of, Catches, After}, Node, Env, Context, Graph) ->
    try_body(Body, Of, Catches, After, Node, Env, Context, Graph);
expression({'catch', _, Expression}, Node, Env, Context, Graph) ->
    Catch = [{clause, 0, [{var, 0, '_'}], [], [{atom, 0, '$caught'}]}],
    try_body([Expression], [], Catch, [], Node, Env, nested(Context), Graph);
expression({'receive', Where, Clauses}, Node, Env, Context, Graph) ->
    raw_receive(Where, Clauses, [], Node, Env, Context, Graph);
expression({'receive', Where, Clauses, _, After}, Node, Env, Context, Graph) ->
    raw_receive(Where, Clauses, After, Node, Env, Context, Graph);
expression({op, Where, '!', To, Message}, Node, Env, Context, Graph) ->
    {Outcomes, G1} = eval_all([To, Message], Node, Env, Context, Graph),
    each(Outcomes, fun({N, E, [_, V]}, G) -> raw_send(V, Where, N, E, Context, G) end, G1);
expression(
    {op, _, Op, Left, Right}, Node, Env, Context, Graph
) when Op =:= 'andalso'; Op =:= 'orelse' ->
    {Outcomes, G1} = eval(Left, Node, Env, nested(Context), Graph),
    {Stay, Leave} =
        case Op of
            'andalso' -> {true, false};
            'orelse' -> {false, true}
        end,
    Clauses = [
        {clause, 0, [{atom, 0, Stay}], [], [Right]},
        {clause, 0, [{atom, 0, Leave}], [], [{atom, 0, Leave}]}
    ],
    each(
        Outcomes, fun({N, E, V}, G) -> branches(select(Clauses, [V], E), N, E, Context, G) end, G1
    );
expression({op, _, Op, Left, Right}, Node, Env, Context, Graph) ->
    with_all([Left, Right], Node, Env, Context, Graph, fun([L, R]) ->
        maty_known:operator(Op, L, R)
    end);
expression({op, _, 'not', Value}, Node, Env, Context, Graph) ->
    with_all([Value], Node, Env, Context, Graph, fun([V]) -> maty_known:negated(V) end);
expression({op, _, '-', {integer, _, Integer}}, Node, Env, _, Graph) ->
    {[{Node, Env, {int, -Integer}}], Graph};
expression({op, _, _, Value}, Node, Env, Context, Graph) ->
    with_all([Value], Node, Env, Context, Graph, fun(_) -> {type, number} end);
expression(
    {'fun', _, {function, Name, Arity}}, Node, Env, #context{code = #{module := Module}}, Graph
) ->
    {[{Node, Env, {'fun', Module, Name, Arity}}], Graph};
expression({'fun', _, {function, Module, Name, Arity}}, Node, Env, #context{code = Code}, Graph) ->
    Value =
        case {Module, Name, Arity} of
            {{atom, _, M}, {atom, _, F}, {integer, _, A}} -> external(M, F, A, Code);
            _ when is_atom(Module) -> external(Module, Name, Arity, Code);
            _ -> {type, function}
        end,
    {[{Node, Env, Value}], Graph};
expression({'fun', _, {clauses, Clauses}}, Node, Env, Context, Graph) ->
    {[{Node, Env, closure(Clauses, Env, Context)}], Graph};
expression({named_fun, _, Name, Clauses}, Node, Env, Context, Graph) ->
    {[{Node, Env, closure(Clauses, maps:remove(Name, Env), Context)}], Graph};
expression({lc, Where, Template, Qualifiers}, Node, Env, Context, Graph) ->
    comprehension(Qualifiers, Template, Where, Node, Env, nested(Context), Graph, {type, list});
expression({bc, Where, Template, Qualifiers}, Node, Env, Context, Graph) ->
    comprehension(Qualifiers, Template, Where, Node, Env, nested(Context), Graph, {type, binary});
expression({call, Where, Function, Arguments}, Node, Env, Context, Graph) ->
    call(Function, Arguments, Where, Node, Env, Context, Graph);
expression(Expression, Node, Env, _, Graph) ->
    {[{Node, Env, maty_known:expression(Expression, Env)}], Graph}.

%% Elixir keeps the bytes of a string, Erlang its characters, of which a byte is taken.
literal(String) ->
    Bytes = list_to_binary([Character band 255 || Character <- String]),
    case unicode:characters_to_binary(Bytes) of
        Bytes -> {text, Bytes};
        _ -> {type, binary}
    end.

%% It is called through the module's exports, which are known of the module itself.
external(Module, Name, Arity, #{module := Module, functions := Functions, exports := Exports}) when
    is_map_key({Name, Arity}, Functions), not is_map_key({Name, Arity}, Exports)
->
    {hidden, Module, Name, Arity};
external(Module, Name, Arity, _) ->
    {'fun', Module, Name, Arity}.

closure(
    [{clause, _, Patterns, _, _} | _] = Clauses, Env, #context{
        code = #{module := Module}, foreign = Foreign
    }
) ->
    {closure, length(Patterns), Clauses, Env, {Module, Foreign}}.

-spec eval_all(
    [term()], maty_behaviour_graph:place_in_graph(), maty_abstract:env(),
    maty_behaviour_graph:context(), maty_behaviour_graph:graph()
) -> {[{maty_behaviour_graph:place_in_graph(), maty_abstract:env(), [maty_abstract:value()]}],
    maty_behaviour_graph:graph()}.
eval_all([], Node, Env, _, Graph) ->
    {[{Node, Env, []}], Graph};
eval_all([First | Rest], Node, Env, Context, Graph) ->
    {Outcomes, G1} = eval(First, Node, Env, nested(Context), Graph),
    each(
        Outcomes,
        fun({N, E, V}, G) ->
            {Others, Ga} = eval_all(Rest, N, E, Context, G),
            {[{Nb, Eb, [V | Vs]} || {Nb, Eb, Vs} <- Others], Ga}
        end,
        G1
    ).

with_all(Expressions, Node, Env, Context, Graph, Fun) ->
    {Outcomes, G1} = eval_all(Expressions, Node, Env, Context, Graph),
    {[{N, E, Fun(Values)} || {N, E, Values} <- Outcomes], G1}.

map_fields(Keys, Fields, Node, Env, Context, Graph) ->
    Values = [Value || {_, _, _, Value} <- Fields],
    Names = [maty_known:expression(Key, Env) || {_, _, Key, _} <- Fields],
    with_all(Values, Node, Env, Context, Graph, fun(Known) ->
        {map,
            lists:foldl(
                fun
                    ({{atom, Name}, Value}, Map) -> Map#{Name => Value};
                    (_, Map) -> Map
                end,
                Keys,
                lists:zip(Names, Known)
            )}
    end).

bind(Pattern, Value, Node, Env, Context, Graph) ->
    Clause = [{clause, 0, [Pattern], [], []}],
    case select(Clause, [Value], Env) of
        [] ->
            raise(Node, Context, Graph);
        Chosen ->
            {Nodes, G1} = fork(Node, Chosen, Graph),
            Fits = [{N, E, Value} || {N, {_, E}} <- lists:zip(Nodes, Chosen)],
            {Fits, G1}
    end.

-spec branches(
    [{[term()], maty_abstract:env()}], maty_behaviour_graph:place_in_graph(),
    maty_abstract:env(), maty_behaviour_graph:context(), maty_behaviour_graph:graph()
) -> {[maty_behaviour_graph:outcome()], maty_behaviour_graph:graph()}.
branches([], Node, _, Context, Graph) ->
    raise(Node, Context, Graph);
branches([{Body, Env}], Node, _, Context, Graph) ->
    sequence(Body, Node, Env, Context, Graph);
branches(Chosen, Node, Env, Context, Graph) ->
    {Nodes, G1} = fork(Node, Chosen, Graph),
    {Lists, G2} = lists:mapfoldl(
        fun({N, {Body, E}}, G) -> sequence(Body, N, E, Context, G) end, G1, lists:zip(Nodes, Chosen)
    ),
    collapse(lists:append(Lists), Node, Env, Graph, G2).

%% The outcomes of branches. Where no message depends on which was taken, they are one.
collapse([], _, _, _, Graph) ->
    {[], Graph};
collapse(
    Outcomes,
    Node,
    _,
    #graph{effects = Effects, rounds = Rounds} = Before,
    #graph{effects = Effects, rounds = Rounds} = After
) ->
    Env = common([E || {_, E, _} <- Outcomes]),
    {[{Node, Env, joined([V || {_, _, V} <- Outcomes])}], take_back(Before, After)};
collapse(Outcomes, _, Env, _, After) ->
    merge(Outcomes, Env, After).

%% What is refused or raised in the body goes to those clauses that may catch it, and
%% else to whoever is outside.
try_body(Body, Of, Catches, After, Node, Env, Context, Graph) ->
    Flat = [
        {clause, Where, [triple(Pattern)], Guard, Caught}
     || {clause, Where, [Pattern], Guard, Caught} <- Catches
    ],
    Refusal = {tuple, [
        {atom, error},
        {either, [
            {map, #{
                '__struct__' => {atom, 'Elixir.Maty.ProtocolError'},
                '__exception__' => {atom, true}
            }},
            {tuple, [{atom, protocol_violation}, any]}
        ]},
        any
    ]},
    ForRefused = select(Flat, [spread(Refusal)], Env),
    ForRaised = select(Flat, [{tuple, [any, any, any]}], Env),
    {Refused, G1} = catcher(ForRefused, Context#context.refused, Graph),
    {Raised, G2} = catcher(ForRaised, Context#context.raised, G1),
    Inner = (body_context(Of, After, Context))#context{refused = Refused, raised = Raised},
    {Results, G3} = sequence(Body, Node, Env, Inner, G2),
    Outer = body_context([], After, Context),
    {Done, G4} = each(
        Results,
        fun({N, E, V}, G) ->
            case Of of
                [] -> {[{N, E, V}], G};
                _ -> branches(select(Of, [V], E), N, E, Outer, G)
            end
        end,
        G3
    ),
    {Caught1, G5} = caught(ForRefused, Refused, Env, Outer, G4),
    {Caught2, G6} = caught(ForRaised, Raised, Env, Outer, G5),
    {Ends, G7} = collapse(Done ++ Caught1 ++ Caught2, Node, Env, Graph, G6),
    case After of
        [] ->
            {Ends, G7};
        _ ->
            each(
                Ends,
                fun({N, E, V}, G) ->
                    {Last, Ga} = sequence(After, N, E, nested(Context), G),
                    {[{Nb, Eb, V} || {Nb, Eb, _} <- Last], Ga}
                end,
                G7
            )
    end.

%% Alternatives inside of a triple, as triples.
spread({tuple, [Class, {either, Reasons}, Stack]}) ->
    {either, [{tuple, [Class, Reason, Stack]} || Reason <- Reasons]}.

triple({tuple, _, [_, _, _]} = Pattern) -> Pattern;
triple(Pattern) -> Pattern.

body_context([], [], Context) -> Context#context{tail = none};
body_context(_, _, Context) -> nested(Context).

catcher([], Outer, Graph) -> {Outer, Graph};
catcher(_, _, Graph) -> fresh(Graph).

caught([], _, _, _, Graph) -> {[], Graph};
caught(Chosen, Node, Env, Context, Graph) -> branches(Chosen, Node, Env, Context, Graph).
