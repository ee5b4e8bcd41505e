%% @private
%% What a module does in a session, from its abstract code: a graph that the engine
%% compares with the machine of a role (c_src/core/behaviour.h has its notation).
%%
%% Code is read as it would be run, with values known as far as maty_abstract knows
%% them. Reading goes from a place in the graph, a node, with the values of the
%% variables; an expression gives some outcomes, each a node, variables and a value.
%%
%%     case price(Title) of            n: go a b
%%         none -> maty:send(..);      a: send .. c
%%         _ -> ok                     b: go c
%%     end,                            c: ...
%%
%% Where no message depends on it, a branch is only two possible values. Where one
%% does, its outcomes are kept apart as long as their variables or values differ and
%% there are few of them. A function that sends is a procedure of the graph, read
%% once for each set of arguments that are known; one that does not is its value.
%%
%% What always holds: an outcome's node has no instruction yet; no two outcomes
%% share a node; `effects' has grown if and only if an instruction was written that
%% is more than a way from one node to others.
-module(maty_behaviour).

-export([build/3, quoted/1, registrations/1]).

-export_type([view/0, start/0]).

%% A role as its code has to see it.
-type view() :: #{
    role := atom(),
    protocol := atom(),
    %% What it receives: sender, label, and the types of the fields as the language
    %% spells them, which may differ from one moment to another.
    receives := [{atom(), atom(), [[binary()]]}],
    %% Labels that it sends.
    sends := [atom()],
    %% All of the protocol.
    roles := [atom()]
}.

%% Which clauses of init_session/2 a session begins with.
-type start() :: all | pos_integer().

-type place_in_graph() :: non_neg_integer().
-type outcome() :: {place_in_graph(), maty_abstract:env(), maty_abstract:value()}.

-record(context, {
    %% Whose local functions are called.
    code :: maty_code:code(),
    %% Whether that is another module than the one that is checked.
    foreign = false :: boolean(),
    %% Variables that a caller gave their values.
    given = #{} :: #{atom() => true},
    %% What becomes of the value, if it is the last one of a handler.
    result = none :: none | init | {handler, non_neg_integer()},
    %% The procedure whose last expression this is.
    tail = none :: none | tuple(),
    %% Where a refused message leads, and anything else that is raised.
    refused = none :: none | place_in_graph(),
    raised = none :: none | place_in_graph()
}).

-record(graph, {
    code :: maty_code:code(),
    view :: view(),
    cache :: maty_code:cache(),
    next = 0 :: place_in_graph(),
    nodes = #{} :: #{place_in_graph() => iodata() | {go, [place_in_graph()]}},
    effects = 0 :: non_neg_integer(),
    %% Calls of procedures that were not read to their end.
    rounds = 0 :: non_neg_integer(),
    %% The outermost procedure, by its depth, that was called again before its end.
    again = infinity :: non_neg_integer() | infinity,
    depth = 0 :: non_neg_integer(),
    procedures = #{} :: #{
        tuple() =>
            {active, non_neg_integer(), place_in_graph()}
            | {done, place_in_graph(), [maty_abstract:value()]}
    },
    values = #{} :: #{tuple() => none | maty_abstract:value()},
    instances = #{} :: #{tuple() => pos_integer()},
    %% Handlers with the session's state as far as it is known, numbered.
    handlers = #{} :: #{{term(), maty_abstract:value()} => non_neg_integer()},
    %% Those that are still to be read, and those that were.
    waiting = [] :: [{non_neg_integer(), term(), maty_abstract:value()}],
    written = [] :: [iodata()],
    marks = #{} :: #{erl_parse:abstract_clause() => non_neg_integer()},
    fuel = 200000 :: integer()
}).

-define(MAX_OUTCOMES, 12).
-define(MAX_INSTANCES, 8).
-define(MAX_CALLS, 30).

%% @doc The behaviour of a module in a role, and what is known of other modules now.
%% `too_large': the code does more than is looked at.
-spec build(maty_code:code(), view(), {start(), maty_code:cache()}) ->
    {ok, iodata(), maty_code:cache()} | {error, too_large | no_init_session, maty_code:cache()}.
build(#{functions := Functions} = Code, View, {Start, Cache}) ->
    Graph = #graph{code = Code, view = View, cache = Cache},
    case Functions of
        #{{init_session, 2} := {Where, Clauses}} ->
            try
                {Entry, Begun} = begin_session(Where, chosen(Start, Clauses), Code, Graph),
                #graph{cache = Known} = Done = read_handlers(Begun),
                {ok, write(Entry, Done), Known}
            catch
                throw:{?MODULE, too_large} -> {error, too_large, Cache}
            end;
        #{} ->
            {error, no_init_session, Cache}
    end.

chosen(all, Clauses) -> Clauses;
chosen(Number, Clauses) -> [lists:nth(Number, Clauses)].

begin_session(Where, Clauses, Code, Graph) ->
    {Entry, G1} = fresh(Graph),
    Context = #context{code = Code, result = init},
    case select(Clauses, [session(Graph), any], #{}) of
        [] ->
            {Dead, G2} = dead(G1),
            Text = "no clause of init_session/2 takes a session of this role",
            {Entry, put_node(Entry, bad(place(Where, Context), "no-clause", Text, Dead), G2)};
        Chosen ->
            {[], G2} = branches(Chosen, Entry, #{}, Context, G1),
            {Entry, G2}
    end.

session(#graph{view = #{role := Role, protocol := Protocol}}) ->
    {map, #{role => {atom, Role}, protocol => {atom, Protocol}}}.

read_handlers(#graph{waiting = []} = Graph) ->
    Graph;
read_handlers(#graph{waiting = [{Number, Handler, State} | Waiting], view = View} = Graph) ->
    {Name, Place, Clauses, Env, Context} = handler_code(Handler, Number, Graph),
    #{receives := Receives} = View,
    {Marked, G1} = lists:mapfoldl(fun mark/2, Graph#graph{waiting = Waiting}, Clauses),
    {Entries, G2} = lists:mapfoldl(
        fun({Peer, Label, Fields}, G) ->
            Values = [message(Label, Fields), State],
            Word =
                case lists:any(
                    fun(Each) -> depends_on_guard(Marked, Each, Env) end, product(Values)
                ) of
                    true -> "perhaps ";
                    false -> "on "
                end,
            read_entry(
                [Word, name(Label), " ", name(Peer)], select(Marked, Values, Env), Env, Context, G
            )
        end,
        G1,
        Receives
    ),
    Ids = [
        ["clause ", Mark, " ", place(Where, Context), "\n"]
     || not Context#context.foreign, {clause, Where, _, _, [{'$mark', _, Mark} | _]} <- Marked
    ],
    Head = ["handler ", integer_to_binary(Number), " ", quoted(Name), " ", Place, "\n"],
    #graph{written = Written} = G2,
    read_handlers(G2#graph{written = [Written, Head, Entries, Ids]}).

%% A clause that says when it was chosen; the same one always has the same mark.
mark({clause, Where, Patterns, Guard, Body} = Clause, #graph{marks = Marks} = Graph) ->
    Number = maps:get(Clause, Marks, map_size(Marks)),
    Marked = {clause, Where, Patterns, Guard, [{'$mark', Where, integer_to_binary(Number)} | Body]},
    {Marked, Graph#graph{marks = Marks#{Clause => Number}}}.

%% The field lists are those of all messages with this label from this sender.
message(Label, Several) ->
    maty_abstract:either(
        [{tuple, [{atom, Label} | [field(Field) || Field <- Fields]]} || Fields <- Several]
    ).

%% Whether there is one clause for a message, and only its guard says whether it fits.
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

read_entry(_, [], _, _, Graph) ->
    {[], Graph};
read_entry(Head, Chosen, Env, Context, Graph) ->
    {Entry, G1} = fresh(Graph),
    {[], G2} = branches(Chosen, Entry, Env, Context, G1),
    {[Head, " ", ref(Entry), "\n"], G2}.

handler_code({closure, 2, Clauses, Env, {Module, Foreign}}, Number, Graph) ->
    Context = #context{
        code = code_of(Module, Graph), foreign = Foreign, result = {handler, Number}
    },
    [{clause, Where, _, _, _} | _] = Clauses,
    {"fun", place(Where, Context), Clauses, Env, Context};
handler_code({'fun', Module, Name, 2}, Number, #graph{code = #{module := Own}} = Graph) ->
    #{functions := #{{Name, 2} := {Where, Clauses}}} = Code = code_of(Module, Graph),
    Context = #context{code = Code, foreign = Module =/= Own, result = {handler, Number}},
    {io_lib:format("~ts/2", [Name]), place(Where, Context), Clauses, #{}, Context}.

code_of(Module, #graph{code = #{module := Module} = Code}) ->
    Code;
code_of(Module, #graph{cache = Cache}) ->
    {session, Code} = maps:get(Module, Cache),
    Code.

field(<<"integer">>) -> {type, integer};
field(<<"float">>) -> {type, float};
field(<<"number">>) -> {type, number};
field(<<"boolean">>) -> {type, boolean};
field(<<"atom">>) -> {type, atom};
field(<<"binary">>) -> {type, binary};
field(<<"string">>) -> {type, binary};
field(<<"pid">>) -> {type, pid};
field(<<"reference">>) -> {type, reference};
field(<<"list(", _/binary>>) -> {type, list};
field(<<"%{", _/binary>>) -> {type, map};
field(_) -> any.

%% ----- The graph -----

fresh(#graph{next = Next} = Graph) ->
    {Next, Graph#graph{next = Next + 1}}.

put_node(Node, Instruction, #graph{nodes = Nodes} = Graph) ->
    Graph#graph{nodes = Nodes#{Node => Instruction}}.

%% An instruction that is more than a way.
put_effect(Node, Instruction, #graph{effects = Effects} = Graph) ->
    put_node(Node, Instruction, Graph#graph{effects = Effects + 1}).

%% A node that leads nowhere: the way there ends with something raised.
dead(Graph) ->
    {Node, G1} = fresh(Graph),
    {Node, put_node(Node, go([]), G1)}.

go(Nodes) -> {go, Nodes}.

bad(Place, Class, Text, Next) ->
    ["bad ", Place, " ", quoted(Class), " ", quoted(Text), " ", ref(Next)].

guess(Place, Text, Next) ->
    ["guess ", Place, " ", quoted(Text), " ", ref(Next)].

suppose(Place, Text, Next) ->
    ["suppose ", Place, " ", quoted(Text), " ", ref(Next)].

ref(none) -> "-";
ref(Node) -> integer_to_binary(Node).

name(Atom) -> quoted(atom_to_binary(Atom)).

%% @doc A text as the notation has it.
-spec quoted(unicode:chardata()) -> iodata().
quoted(Text) ->
    [$", [escape(Byte) || <<Byte>> <= unicode:characters_to_binary(Text)], $"].

escape($") -> "\\\"";
escape($\\) -> "\\\\";
escape($\n) -> "\\n";
escape(Byte) -> Byte.

%% Where something is in the source; in another module's, it is for the caller to
%% say where.
place(_, #context{foreign = true}) -> "^0:0";
place(Anno, _) ->
    Column =
        case erl_anno:column(Anno) of
            undefined -> 0;
            Number -> Number
        end,
    [integer_to_binary(erl_anno:line(Anno)), $:, integer_to_binary(Column)].

%% The place of a call whose arguments the caller has given.
place(Anno, Arguments, #context{given = Given, foreign = false} = Context) ->
    Passed = lists:any(
        fun
            ({var, _, Name}) -> is_map_key(Name, Given);
            (_) -> false
        end,
        Arguments
    ),
    case Passed of
        true -> [$^, place(Anno, Context)];
        false -> place(Anno, Context)
    end;
place(Anno, _, Context) ->
    place(Anno, Context).

%% One node for each of some ways on.
fork(Node, [_], Graph) ->
    {[Node], Graph};
fork(Node, Ways, Graph) ->
    {Nodes, G1} = lists:mapfoldl(fun(_, G) -> fresh(G) end, Graph, Ways),
    {Nodes, put_node(Node, go(Nodes), G1)}.

%% Goes on from each outcome.
-spec each([term()], fun((term(), #graph{}) -> {[outcome()], #graph{}}), #graph{}) ->
    {[outcome()], #graph{}}.
each(Outcomes, Fun, Graph) ->
    {Lists, G1} = lists:mapfoldl(Fun, Graph, Outcomes),
    few(lists:append(Lists), G1).

few(Outcomes, Graph) when length(Outcomes) =< ?MAX_OUTCOMES -> {Outcomes, Graph};
few(Outcomes, Graph) -> one(Outcomes, Graph).

%% All outcomes as one.
one([{_, _, _}] = Outcomes, Graph) ->
    {Outcomes, Graph};
one(Outcomes, Graph) ->
    {Node, G1} = fresh(Graph),
    G2 = lists:foldl(fun({N, _, _}, G) -> put_node(N, go([Node]), G) end, G1, Outcomes),
    {[{Node, common([Env || {_, Env, _} <- Outcomes]), joined([V || {_, _, V} <- Outcomes])}], G2}.

%% The values of several expressions are joined one by one.
joined([[] | _]) -> [];
joined([[_ | _] | _] = Lists) ->
    [joined([hd(List) || List <- Lists]) | joined([tl(List) || List <- Lists])];
joined(Values) -> maty_abstract:either(Values).

%% Variables that are bound in all; those that differ in more than one are not known,
%% since their values belong together.
common([Env]) ->
    Env;
common([First | Rest]) ->
    Bound = lists:foldl(fun(Env, Common) -> maps:with(maps:keys(Env), Common) end, First, Rest),
    All = [First | Rest],
    Different = [
        Name || Name <- maps:keys(Bound), length(lists:usort([maps:get(Name, E) || E <- All])) > 1
    ],
    lists:foldl(
        fun(Name, Env) ->
            Value =
                case Different of
                    [_] -> maty_abstract:either([maps:get(Name, E) || E <- All]);
                    _ -> any
                end,
            Env#{Name := Value}
        end,
        Bound,
        Different
    ).

%% Outcomes that do not differ, as one.
merge(Outcomes, Env, Graph) ->
    Bound = [maps:keys(E) || {_, E, _} <- Outcomes],
    Shared = lists:usort(maps:keys(Env) ++ shared(Bound)),
    Groups = maps:to_list(
        maps:groups_from_list(
            fun({_, E, Value}) -> {maps:with(Shared, E), Value} end,
            fun({Node, _, _}) -> Node end,
            Outcomes
        )
    ),
    {Merged, G1} = lists:mapfoldl(
        fun
            ({{E, Value}, [Node]}, G) ->
                {{Node, E, Value}, G};
            ({{E, Value}, Nodes}, G) ->
                {Joined, Ga} = fresh(G),
                {{Joined, E, Value},
                    lists:foldl(fun(N, Gb) -> put_node(N, go([Joined]), Gb) end, Ga, Nodes)}
        end,
        Graph,
        Groups
    ),
    few(Merged, G1).

shared([]) -> [];
shared([First | Rest]) ->
    lists:foldl(fun(Names, Shared) -> [N || N <- Shared, lists:member(N, Names)] end, First, Rest).

%% Takes back what was written after a graph, except for what was learned.
take_back(Before, #graph{cache = Cache, values = Values, fuel = Fuel, again = Again}) ->
    Before#graph{cache = Cache, values = Values, fuel = Fuel, again = Again}.

%% ----- Expressions -----

nested(Context) ->
    Context#context{tail = none, result = none}.

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
            each(Outcomes, fun({N, E, V}, G) -> finish(V, Place, N, E, Context, G) end, G1)
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

spend(#graph{fuel = 0}) -> throw({?MODULE, too_large});
spend(#graph{fuel = Fuel} = Graph) -> Graph#graph{fuel = Fuel - 1}.

-spec eval(term(), place_in_graph(), maty_abstract:env(), #context{}, #graph{}) ->
    {[outcome()], #graph{}}.
eval(Expression, Node, Env, Context, Graph) ->
    expression(Expression, Node, Env, Context, spend(Graph)).

expression({'$mark', _, _}, Node, Env, #context{foreign = true}, Graph) ->
    {[{Node, Env, any}], Graph};
expression({'$mark', _, Mark}, Node, Env, _, Graph) ->
    {Next, G1} = fresh(Graph),
    {[{Next, Env, any}], put_effect(Node, ["mark ", Mark, " ", ref(Next)], G1)};
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
expression({'fun', _, {function, Module, Name, Arity}}, Node, Env, _, Graph) ->
    Value =
        case {Module, Name, Arity} of
            {{atom, _, M}, {atom, _, F}, {integer, _, A}} -> {'fun', M, F, A};
            _ when is_atom(Module) -> {'fun', Module, Name, Arity};
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

closure(
    [{clause, _, Patterns, _, _} | _] = Clauses, Env, #context{
        code = #{module := Module}, foreign = Foreign
    }
) ->
    {closure, length(Patterns), Clauses, Env, {Module, Foreign}}.

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

%% Something is raised: the way ends, or goes to whoever catches it.
raise(Node, #context{raised = none}, Graph) ->
    {[], put_node(Node, go([]), Graph)};
raise(Node, #context{raised = Raised}, Graph) ->
    {[], put_effect(Node, go([Raised]), Graph)}.

%% ----- Branches -----

%% The clauses that some values may fit, with the variables in each: those up to the
%% first that they fit for certain.
select(Clauses, Values, Env) ->
    lists:usort(lists:append([chosen_clauses(Clauses, Each, Env) || Each <- product(Values)])).

product(Values) ->
    Product = lists:foldr(
        fun(Value, Rests) -> [[V | Rest] || V <- maty_abstract:alternatives(Value), Rest <- Rests] end,
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

branches([], Node, _, Context, Graph) ->
    raise(Node, Context, Graph);
branches([{Body, Env}], Node, _, Context, Graph) ->
    sequence(Body, Node, Env, Context, Graph);
branches(Chosen, Node, Env, Context, Graph) ->
    {Nodes, G1} = fork(Node, Chosen, Graph),
    {Lists, G2} = lists:mapfoldl(
        fun({N, {Body, E}}, G) -> sequence(Body, N, E, Context, G) end,
        G1,
        lists:zip(Nodes, Chosen)
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

%% A receive of what cannot be a message of the session, a monitor's, say, is an ordinary
%% call of something else.
raw_receive(Where, Clauses, After, Node, Env, Context, #graph{view = View} = Graph) ->
    #{receives := Receives} = View,
    Labels = ['$maty' | [Label || {_, Label, _} <- Receives]],
    Timeout = [{clause, Where, [{var, Where, '_'}], [], After} || After =/= []],
    Chosen = select(Clauses ++ Timeout, [any], Env),
    case [Pattern || {clause, _, [Pattern], _, _} <- Clauses, may_be(Pattern, Labels, Env)] of
        [] ->
            branches(Chosen, Node, Env, Context, Graph);
        _ ->
            {Next, G1} = fresh(Graph),
            Text = "a handler waits for a message by itself; only a suspended handler hears",
            G2 = put_effect(Node, bad(place(Where, Context), "raw-message", Text, Next), G1),
            branches(Chosen, Next, Env, Context, G2)
    end.

%% Whether a tuple that begins with one of these labels may fit a pattern.
may_be({match, _, Left, Right}, Labels, Env) ->
    may_be(Left, Labels, Env) andalso may_be(Right, Labels, Env);
may_be({tuple, _, [{atom, _, Label} | _]}, Labels, _) ->
    lists:member(Label, Labels);
may_be({tuple, _, [First | _]}, Labels, Env) ->
    may_be(First, Labels, Env);
may_be({var, _, Name}, _, Env) ->
    not is_map_key(Name, Env);
may_be(_, _, _) ->
    false.

raw_send({tuple, [{atom, '$maty'} | _]}, Where, Node, Env, Context, Graph) ->
    raw_send_found(
        "an envelope of a session message is sent by hand; use send/2 of Maty",
        Where,
        Node,
        Env,
        Context,
        Graph
    );
raw_send({tuple, [{atom, Label} | _]} = Message, Where, Node, Env, Context, Graph) ->
    #graph{view = #{sends := Sends}} = Graph,
    case lists:member(Label, Sends) of
        true ->
            Text = [
                maty_abstract:describe(Message),
                " is sent to a process, past the session; use send/2 of Maty"
            ],
            raw_send_found(Text, Where, Node, Env, Context, Graph);
        false ->
            {[{Node, Env, Message}], Graph}
    end;
raw_send(Message, _, Node, Env, _, Graph) ->
    {[{Node, Env, Message}], Graph}.

raw_send_found(Text, Where, Node, Env, Context, Graph) ->
    {Next, G1} = fresh(Graph),
    Instruction = bad(place(Where, Context), "raw-message", Text, Next),
    {[{Next, Env, any}], put_effect(Node, Instruction, G1)}.

%% ----- Calls -----

call({remote, _, Module, Function}, Arguments, Where, Node, Env, Context, Graph) ->
    {Outcomes, G1} = eval_all([Module, Function | Arguments], Node, Env, Context, Graph),
    each(
        Outcomes,
        fun
            ({N, E, [{atom, M}, {atom, F} | Values]}, G) ->
                remote(M, F, Values, Arguments, Where, N, E, Context, G);
            %% What Elixir makes of "map.key".
            ({N, E, [_, {atom, _}]}, G) ->
                {[{N, E, any}], G};
            ({N, E, _}, G) ->
                unknown("which function is called here is not known", Where, N, E, Context, G)
        end,
        G1
    );
call({atom, _, Name}, Arguments, Where, Node, Env, #context{code = Code} = Context, Graph) ->
    #{functions := Functions, module := Module} = Code,
    Key = {Name, length(Arguments)},
    Tail = Context#context.tail,
    {Outcomes, G1} = eval_all(Arguments, Node, Env, Context, Graph),
    each(
        Outcomes,
        fun({N, E, Values}, G) ->
            case is_map_key(Key, Functions) of
                true ->
                    local(
                        Module,
                        Name,
                        Values,
                        Arguments,
                        Where,
                        N,
                        E,
                        Context#context{tail = Tail},
                        G
                    );
                false -> remote(erlang, Name, Values, Arguments, Where, N, E, Context, G)
            end
        end,
        G1
    );
call(Function, Arguments, Where, Node, Env, Context, Graph) ->
    {Outcomes, G1} = eval_all([Function | Arguments], Node, Env, Context, Graph),
    each(
        Outcomes,
        fun({N, E, [F | Values]}, G) -> apply_value(F, Values, Where, N, E, Context, G) end,
        G1
    ).

apply_value({either, Functions}, Values, Where, Node, Env, Context, Graph) ->
    {Nodes, G1} = fork(Node, Functions, Graph),
    each(
        lists:zip(Nodes, Functions),
        fun({N, F}, G) -> apply_value(F, Values, Where, N, Env, Context, G) end,
        G1
    );
apply_value(
    {closure, Arity, Clauses, Bound, {Module, Foreign}}, Values, _, Node, Env, Context, Graph
) when
    Arity =:= length(Values)
->
    Inner = (nested(Context))#context{
        code = code_of(Module, Graph), foreign = Foreign, given = #{}
    },
    case select(Clauses, Values, Bound) of
        [] ->
            raise(Node, Context, Graph);
        Chosen ->
            {Outcomes, G1} = branches(Chosen, Node, Bound, Inner, Graph),
            one_env(Outcomes, Env, G1)
    end;
apply_value({'fun', Module, Name, Arity}, Values, Where, Node, Env, Context, Graph) when
    Arity =:= length(Values)
->
    remote(Module, Name, Values, [], Where, Node, Env, Context, Graph);
apply_value(_, _, Where, Node, Env, Context, Graph) ->
    unknown("which fun is called here is not known", Where, Node, Env, Context, Graph).

%% Outcomes of a body with variables of its own.
one_env(Outcomes, Env, Graph) ->
    merge([{Node, Env, Value} || {Node, _, Value} <- Outcomes], Env, Graph).

unknown(Text, Where, Node, Env, Context, Graph) ->
    {Next, G1} = fresh(Graph),
    {[{Next, Env, any}], put_effect(Node, guess(place(Where, Context), Text, Next), G1)}.

remote(
    Maty, send, [To, Message], Exprs, Where, Node, Env, Context, Graph
) when Maty =:= maty; Maty =:= 'Elixir.Maty' ->
    send(To, Message, place(Where, Exprs, Context), Node, Env, Context, Graph);
remote(Maty, session, [], _, _, Node, Env, _, Graph) when Maty =:= maty; Maty =:= 'Elixir.Maty' ->
    {[{Node, Env, session(Graph)}], Graph};
remote(
    Maty, register, [_, _], _, _, Node, Env, _, Graph
) when Maty =:= maty; Maty =:= 'Elixir.Maty' ->
    {[{Node, Env, {atom, ok}}], Graph};
remote(erlang, Name, Values, _, _, Node, _, Context, Graph) when
    (Name =:= error andalso length(Values) > 0) orelse
        (Name =:= exit andalso length(Values) =:= 1) orelse
        Name =:= throw orelse
        Name =:= raise
->
    raise(Node, Context, Graph);
remote(erlang, send, [_, Message | _], _, Where, Node, Env, Context, Graph) ->
    raw_send(Message, Where, Node, Env, Context, Graph);
remote('Elixir.Kernel', send, [_, Message], _, Where, Node, Env, Context, Graph) ->
    raw_send(Message, Where, Node, Env, Context, Graph);
remote(
    erlang, apply, [{atom, M}, {atom, F}, {list, Values}], _, Where, Node, Env, Context, Graph
) ->
    remote(M, F, Values, [], Where, Node, Env, Context, Graph);
remote(erlang, apply, [Function, {list, Values}], _, Where, Node, Env, Context, Graph) ->
    apply_value(Function, Values, Where, Node, Env, Context, Graph);
remote(
    erlang, Name, Values, _, Where, Node, Env, Context, Graph
) when Name =/= spawn, Name =/= spawn_link ->
    loops(erlang, Name, Values, maty_known:builtin(Name, Values), Where, Node, Env, Context, Graph);
remote(
    Module, Name, Values, Exprs, Where, Node, Env, Context, #graph{
        code = #{module := Module}
    } = Graph
) ->
    Own = Context#context{code = Graph#graph.code, foreign = false, tail = none},
    local(Module, Name, Values, Exprs, Where, Node, Env, Own, Graph, Context);
remote(Module, Name, Values, Exprs, Where, Node, Env, Context, #graph{cache = Cache} = Graph) ->
    {Class, Known} = maty_code:classify(Module, Cache),
    G1 = Graph#graph{cache = Known},
    case Class of
        plain ->
            Returned = maty_known:returned(Module, Name),
            loops(Module, Name, Values, Returned, Where, Node, Env, Context, G1);
        opaque ->
            opaque(Module, Name, Values, Where, Node, Env, Context, G1);
        {session, Code} ->
            Theirs = Context#context{code = Code, foreign = true, tail = none},
            local(Module, Name, Values, Exprs, Where, Node, Env, Theirs, G1, Context)
    end.

%% A function whose code is not there is taken to send if it is given what can be sent:
%% a role, or a message.
opaque(
    Module, Name, Values, Where, Node, Env, Context, #graph{
        view = #{sends := Sends, roles := Roles}
    } = Graph
) ->
    Given = fun
        ({atom, Atom}) -> lists:member(Atom, Roles);
        ({tuple, [{atom, Label} | _]}) -> lists:member(Label, Sends);
        (_) -> false
    end,
    case lists:any(Given, lists:append([maty_abstract:alternatives(Value) || Value <- Values])) of
        true ->
            Format = "what ~tp:~tp/~b does in the session is not known: its code is not there",
            Text =
                io_lib:format(Format, [
                Module, Name, length(Values)
            ]),
            unknown(Text, Where, Node, Env, Context, Graph);
        false ->
            loops(Module, Name, Values, any, Where, Node, Env, Context, Graph)
    end.

%% A function of a module that is read. The context is the called module's; the last
%% one the caller's.
local(Module, Name, Values, Exprs, Where, Node, Env, Context, Graph) ->
    local(Module, Name, Values, Exprs, Where, Node, Env, Context, Graph, Context).

local(Module, Name, Values, Exprs, Where, Node, Env, Context, Graph, Caller) ->
    #context{code = #{functions := Functions} = Code, tail = Tail} = Context,
    Arity = length(Values),
    case Functions of
        #{{Name, Arity} := {_, Clauses}} ->
            Guarded = {Caller#context.refused =/= none, Caller#context.raised =/= none},
            Function = {Module, Name, Arity, Guarded},
            {Key, Widened, G1} = instance(Function, [maty_abstract:cut(V) || V <- Values], Graph),
            Place = place(Where, Exprs, Caller),
            case {G1#graph.procedures, G1#graph.values} of
                {#{Key := {active, _, Entry}}, _} when Key =:= Tail ->
                    {[], again(put_node(Node, go([Entry]), G1))};
                {#{Key := {active, Depth, Entry}}, _} ->
                    {Next, G2} = fresh(G1),
                    G3 = G2#graph{again = min(Depth, G2#graph.again)},
                    G4 = put_node(Node, enter(Place, Entry, [Next], Caller), G3),
                    {[{Next, Env, any}], again(G4)};
                {#{Key := {done, Entry, Exits}}, _} when Widened ->
                    Text = "with which arguments this is called is not known",
                    {Next, G2} = fresh(G1),
                    G3 = put_effect(Node, suppose(place(Where, Caller), Text, Next), G2),
                    enter(Place, Entry, Exits, Next, Env, Caller, G3);
                {#{Key := {done, Entry, Exits}}, _} ->
                    enter(Place, Entry, Exits, Node, Env, Caller, G1);
                {_, #{Key := none}} ->
                    raise(Node, Caller, G1);
                {_, #{Key := Value}} ->
                    {[{Node, Env, Value}], G1};
                _ ->
                    G2 = procedure(Key, Clauses, Code, Context, G1),
                    local(Module, Name, Values, Exprs, Where, Node, Env, Context, G2, Caller)
            end;
        #{} ->
            {[{Node, Env, any}], Graph}
    end.

again(#graph{rounds = Rounds} = Graph) -> Graph#graph{rounds = Rounds + 1}.

%% A function with arguments, as far as they are told apart.
instance(Function, Values, #graph{procedures = Procedures, values = Known} = Graph) ->
    Exists = fun(Each) ->
        is_map_key({Function, Each}, Procedures) orelse is_map_key({Function, Each}, Known)
    end,
    {Fewer, G1} = fewer(Function, Values, Exists, Graph),
    {{Function, Fewer}, Fewer =/= Values, G1}.

%% Of a function or handler that comes with ever new values, the first ones are told
%% apart, then their types, and at last nothing.
fewer(Name, Values, Exists, #graph{instances = Instances} = Graph) ->
    Count = maps:get(Name, Instances, 0),
    Types = [maty_abstract:widen(Value) || Value <- Values],
    Unknown = [any || _ <- Values],
    Exact = Exists(Values) orelse Count < ?MAX_INSTANCES,
    Wide = Exists(Types) orelse Count < 2 * ?MAX_INSTANCES,
    Chosen =
        if
            Exact -> Values;
            Wide -> Types;
            true -> Unknown
        end,
    case Exists(Chosen) of
        true -> {Chosen, Graph};
        false -> {Chosen, Graph#graph{instances = Instances#{Name => Count + 1}}}
    end.

%% Reads a function: it becomes a procedure, or a value if it does nothing.
procedure(Key, _, _, _, #graph{depth = ?MAX_CALLS} = Graph) ->
    Graph#graph{values = (Graph#graph.values)#{Key => any}};
procedure(
    {{_, _, _, {GuardsRefused, GuardsRaised}}, Values} = Key, Clauses, Code, Context, Before
) ->
    #graph{depth = Depth, effects = Effects, again = Again} = Before,
    {Entry, G1} = fresh(Before),
    {Refused, G2} = leave(GuardsRefused, "refused", G1),
    {Raised, G3} = leave(GuardsRaised, "raised", G2),
    Inner = #context{
        code = Code,
        foreign = Context#context.foreign,
        tail = Key,
        refused = Refused,
        raised = Raised
    },
    Active = G3#graph{
        depth = Depth + 1,
        again = infinity,
        procedures = (G3#graph.procedures)#{Key => {active, Depth, Entry}}
    },
    {Outcomes, After} = function_body(Clauses, Values, Entry, Inner, Active),
    Exits = exits([Value || {_, _, Value} <- Outcomes]),
    Reached = After#graph.again,
    case After#graph.effects =:= Effects andalso Reached >= Depth of
        true ->
            Value =
                case Exits of
                    [] -> none;
                    _ -> specified(Key, Code, maty_abstract:cut(joined(Exits)))
                end,
            Back = take_back(Before, After#graph{again = Again}),
            Back#graph{values = (Back#graph.values)#{Key => Value}};
        false ->
            Left = lists:foldl(
                fun({Node, _, Value}, G) ->
                    put_node(Node, ["exit ", integer_to_binary(index(Value, Exits))], G)
                end,
                After,
                Outcomes
            ),
            Left#graph{
                depth = Depth,
                again = min(Again, Reached),
                effects = max(Left#graph.effects, Effects + 1),
                procedures = (Left#graph.procedures)#{Key => {done, Entry, Exits}}
            }
    end.

specified({{_, Name, Arity, _}, _}, #{specs := Specs}, any) ->
    case Specs of
        #{{Name, Arity} := Spec} -> maty_abstract:from_type(Spec);
        #{} -> any
    end;
specified(_, _, Value) ->
    Value.

leave(false, _, Graph) ->
    {none, Graph};
leave(true, How, Graph) ->
    {Node, G1} = fresh(Graph),
    {Node, put_node(Node, How, G1)}.

function_body(Clauses, Values, Entry, Context, Graph) ->
    Given = [
        {clause, Where, Patterns, Guard, {variables(Patterns), Body}}
     || {clause, Where, Patterns, Guard, Body} <- Clauses
    ],
    case select(Given, Values, #{}) of
        [] ->
            raise(Entry, Context, Graph);
        Chosen ->
            {Nodes, G1} = fork(Entry, Chosen, Graph),
            each(
                lists:zip(Nodes, Chosen),
                fun({Node, {{Names, Body}, Env}}, G) ->
                    sequence(Body, Node, Env, Context#context{given = Names}, G)
                end,
                G1
            )
    end.

variables(Patterns) ->
    maps:from_keys(variables(Patterns, []), true).

variables({var, _, Name}, Names) -> [Name | Names];
variables(Tuple, Names) when is_tuple(Tuple) -> variables(tuple_to_list(Tuple), Names);
variables([Head | Tail], Names) -> variables(Tail, variables(Head, Names));
variables(_, Names) -> Names.

exits(Values) ->
    case lists:usort(Values) of
        Few when length(Few) =< ?MAX_OUTCOMES -> Few;
        _ -> [any]
    end.

index(_, [any]) -> 0;
index(Value, Exits) -> length(lists:takewhile(fun(Exit) -> Exit =/= Value end, Exits)).

enter(Place, Entry, Nexts, #context{refused = Refused, raised = Raised}) ->
    Ways = [[" ", ref(Node)] || Node <- [Entry, Refused, Raised | Nexts]],
    ["call ", Place, Ways].

enter(Place, Entry, Exits, Node, Env, Caller, Graph) ->
    {Outcomes, G1} = lists:mapfoldl(
        fun(Value, G) ->
            {Next, Ga} = fresh(G),
            {{Next, Env, Value}, Ga}
        end,
        Graph,
        Exits
    ),
    {Outcomes, put_effect(Node, enter(Place, Entry, [N || {N, _, _} <- Outcomes], Caller), G1)}.

%% ----- Sending -----

send(To, Message, Place, Node, Env, Context, Graph) ->
    {Next, G1} = fresh(Graph),
    Ways = [
        {Role, Each}
     || Role <- maty_abstract:alternatives(To),
        One <- maty_abstract:alternatives(Message),
        Each <- labels(One)
    ],
    {Nodes, G2} = fork(Node, Ways, G1),
    G3 = lists:foldl(
        fun({N, {Role, Each}}, G) -> put_effect(N, send(Role, Each, Place, Next, Context), G) end,
        G2,
        lists:zip(Nodes, Ways)
    ),
    {[{Next, Env, {atom, ok}}], G3}.

labels({tuple, [{either, Labels} | Fields]}) -> [{tuple, [Label | Fields]} || Label <- Labels];
labels(Message) -> [Message].

send(Role, Message, Place, Next, #context{refused = Refused}) ->
    case {to(Role), what(Message)} of
        {{error, Value}, _} ->
            Text = ["sends to ", maty_abstract:describe(Value), ", which is no role"],
            bad(Place, "bad-send", Text, Next);
        {_, error} ->
            Text = [
                "sends ",
                maty_abstract:describe(Message),
                ", which is no message: a message is a tuple of a label and its payload"
            ],
            bad(Place, "bad-send", Text, Next);
        {Peer, What} ->
            ["send ", Place, " ", ref(Next), " ", ref(Refused), " ", Peer, " ", What]
    end.

to({atom, Role}) -> name(Role);
to(any) -> "?";
to({type, atom}) -> "?";
to(Value) -> {error, Value}.

what({tuple, [Label | Fields]}) ->
    Payload = [
        integer_to_binary(length(Fields)), [[" ", maty_abstract:notation(Field)] || Field <- Fields]
    ],
    case Label of
        {atom, Name} -> [name(Name), " ", Payload];
        any -> ["? ", Payload];
        {type, atom} -> ["? ", Payload];
        _ -> error
    end;
what(any) -> "? ?";
what({type, tuple}) -> "? ?";
what(_) -> error.

%% ----- Loops -----

%% A call of a library with funs among its arguments: each may be called any number
%% of times.
loops(Module, Name, Values, Result, Where, Node, Env, Context, Graph) ->
    case [Value || Value <- Values, is_fun(Value)] of
        [] ->
            {Next, G1} = may_raise(Where, Node, Context, Graph),
            {[{Next, Env, Result}], G1};
        Funs ->
            Rounds = rounds(Module, Name, Values),
            lists:foldl(
                fun(Fun, {Outcomes, G0}) ->
                    each(
                        Outcomes,
                        fun({N, E, _}, G) ->
                            fun_loop(Fun, Rounds, Result, Where, N, E, Context, G)
                        end,
                        G0
                    )
                end,
                {[{Node, Env, Result}], Graph},
                Funs
            )
    end.

%% What a library raises is caught, if it is raised.
may_raise(_, Node, #context{raised = none}, Graph) ->
    {Node, Graph};
may_raise(Where, Node, #context{raised = Raised} = Context, Graph) ->
    {Next, G1} = fresh(Graph),
    {Raises, G2} = fresh(G1),
    Text = "whether this raises is not known",
    G3 = put_node(Raises, suppose(place(Where, Context), Text, Raised), G2),
    {Next, put_node(Node, go([Next, Raises]), G3)}.

is_fun({closure, _, _, _, _}) -> true;
is_fun({'fun', _, _, _}) -> true;
is_fun(_) -> false.

%% The arguments of each round, if they are known; `some' rounds, or `never': the fun
%% is kept for another time or another process.
rounds(Module, Name, [First | _] = Values) when Module =:= 'Elixir.Enum'; Module =:= lists ->
    List =
        case Module of
            lists -> lists:last(Values);
            _ -> First
        end,
    InOrder = [each, map, foreach, flat_map, flatmap, reduce, foldl],
    case {lists:member(Name, InOrder), maty_abstract:list_of(List)} of
        {true, {ok, Elements}} -> Elements;
        _ -> some
    end;
rounds(_, _, _) ->
    some.

fun_loop(Fun, Rounds, Result, Where, Node, Env, Context, Graph) ->
    Body = fun(Element, N, E, G) ->
        Arity = arity(Fun),
        Arguments =
            case Arity of
                0 -> [];
                _ -> [Element | lists:duplicate(Arity - 1, any)]
            end,
        apply_value(Fun, Arguments, Where, N, E, nested(Context), G)
    end,
    loop(Body, Rounds, Result, Where, Node, Env, Context, Graph).

arity({closure, Arity, _, _, _}) -> Arity;
arity({'fun', _, _, Arity}) -> Arity.

%% A loop over what is known is run; else it has at least one round, and perhaps more.
%% That it has none is possible and never more than possible.
loop(Body, Rounds, Result, _, Node, Env, _, Graph) when is_list(Rounds) ->
    {Outcomes, G1} = lists:foldl(
        fun(Element, {Outcomes, G0}) ->
            each(Outcomes, fun({N, E, _}, G) -> Body(Element, N, E, G) end, G0)
        end,
        {[{Node, Env, ok}], Graph},
        Rounds
    ),
    {[{N, Env, Result} || {N, _, _} <- Outcomes], G1};
loop(
    Body, some, Result, Where, Node, Env, Context, #graph{
        effects = Effects, rounds = Rounds
    } = Graph
) ->
    {First, G1} = fresh(Graph),
    {Outcomes, G2} = Body(any, First, Env, G1),
    case {G2#graph.effects, G2#graph.rounds} of
        {Effects, Rounds} ->
            {[{Node, Env, Result}], take_back(Graph, G2)};
        _ ->
            {Again, G3} = fresh(G2),
            {None, G4} = fresh(G3),
            {After, G5} = fresh(G4),
            %% A round in which nothing is done is as none.
            Idle = ways([First], G5#graph.nodes, #{}),
            G6 = lists:foldl(
                fun
                    ({N, _, _}, G) when is_map_key(N, Idle) -> put_node(N, go([]), G);
                    ({N, _, _}, G) -> put_node(N, go([Again]), G)
                end,
                G5,
                Outcomes
            ),
            G7 = put_node(Again, go([First, After]), G6),
            G8 = put_node(Node, go([First, None]), G7),
            Text = "how often this is done is not known",
            {
                [{After, Env, Result}], put_effect(
                    None, suppose(place(Where, Context), Text, After), G8
                )
            }
    end.

%% The nodes that are reached without doing anything.
ways([], _, Seen) ->
    Seen;
ways([Node | Nodes], Instructions, Seen) when is_map_key(Node, Seen) ->
    ways(Nodes, Instructions, Seen);
ways([Node | Nodes], Instructions, Seen) ->
    Next =
        case Instructions of
            #{Node := {go, Targets}} -> Targets;
            #{} -> []
        end,
    ways(Next ++ Nodes, Instructions, Seen#{Node => true}).

comprehension([], Template, _, Node, Env, Context, Graph, _) ->
    eval(Template, Node, Env, Context, Graph);
comprehension(
    [{Kind, _, Pattern, List} | Qualifiers], Template, Where, Node, Env, Context, Graph, Result
) when
    Kind =:= generate; Kind =:= b_generate
->
    {Outcomes, G1} = eval(List, Node, Env, Context, Graph),
    each(
        Outcomes,
        fun({N, E, V}, G) ->
            Rounds =
                case maty_abstract:list_of(V) of
                    {ok, Elements} when Kind =:= generate -> Elements;
                    _ -> some
                end,
            Body = fun(Element, Na, Ea, Ga) ->
                Inner = maps:without(maps:keys(variables([Pattern])), Ea),
                case select([{clause, 0, [Pattern], [], []}], [Element], Inner) of
                    [] -> {[{Na, Ea, any}], Ga};
                    [{_, Bound} | _] ->
                        comprehension(Qualifiers, Template, Where, Na, Bound, Context, Ga, Result)
                end
            end,
            loop(Body, Rounds, Result, Where, N, E, Context, G)
        end,
        G1
    );
comprehension([Filter | Qualifiers], Template, Where, Node, Env, Context, Graph, Result) ->
    {Outcomes, G1} = eval(Filter, Node, Env, Context, Graph),
    each(
        Outcomes,
        fun
            ({N, E, {atom, false}}, G) -> {[{N, E, any}], G};
            ({N, E, _}, G) -> comprehension(Qualifiers, Template, Where, N, E, Context, G, Result)
        end,
        G1
    ).

%% ----- How a handler ends -----

finish({either, Values}, Place, Node, Env, Context, Graph) ->
    {Nodes, G1} = fork(Node, Values, Graph),
    each(lists:zip(Nodes, Values), fun({N, V}, G) -> finish(V, Place, N, Env, Context, G) end, G1);
finish(
    {
        tuple, [{atom, suspend}, Handler, State]
    }, Place, Node, _, #context{result = {handler, _}}, Graph
) ->
    {[], suspend(Handler, State, Place, Node, Graph)};
finish({tuple, [{atom, done}, _, _]}, Place, Node, _, _, Graph) ->
    {[], put_effect(Node, ["done ", Place], Graph)};
finish({atom, noreply}, Place, Node, _, #context{result = {handler, Number}}, Graph) ->
    {[], put_effect(Node, ["suspend ", Place, " ", ref(Number)], Graph)};
finish(
    {
        tuple, [{atom, ok}, Handler, State, _]
    }, Place, Node, Env, #context{result = init} = Context, Graph
) ->
    #graph{code = #{functions := Functions, module := Module} = Code} = Graph,
    case Functions of
        #{{setup_actor, 2} := _} ->
            Own = (nested(Context))#context{code = Code},
            {Outcomes, G1} = local(
                Module, setup_actor, [session(Graph), any], [], 0, Node, Env, Own, Graph
            ),
            {
                [], lists:foldl(
                    fun({N, _, _}, G) -> suspend(Handler, State, Place, N, G) end, G1, Outcomes
                )
            };
        #{} ->
            {[], suspend(Handler, State, Place, Node, Graph)}
    end;
finish(Value, Place, Node, _, Context, Graph) ->
    {Dead, G1} = dead(Graph),
    case is_result(Value) of
        true ->
            Text = "what is returned here is not known",
            {[], put_effect(Node, guess(Place, Text, Dead), G1)};
        false ->
            Text = ["returns ", maty_abstract:describe(Value), "; expected ", expected(Context)],
            {[], put_effect(Node, bad(Place, "bad-return", Text, Dead), G1)}
    end.

is_result(any) -> true;
is_result({type, tuple}) -> true;
is_result({type, atom}) -> true;
is_result({tuple, [any | Rest]}) -> length(Rest) =:= 2 orelse length(Rest) =:= 3;
is_result(_) -> false.

expected(#context{result = init}) -> "{ok, Handler, LocalState, State} or {done, Reason, State}";
expected(_) -> "{suspend, Handler, State}, {done, Reason, State} or noreply".

%% Waits with a handler.
suspend({either, Handlers}, State, Place, Node, Graph) ->
    {Nodes, G1} = fork(Node, Handlers, Graph),
    lists:foldl(
        fun({N, H}, G) -> suspend(H, State, Place, N, G) end, G1, lists:zip(Nodes, Handlers)
    );
suspend({closure, 2, _, _, _} = Handler, State, Place, Node, Graph) ->
    suspend_with(Handler, maty_abstract:cut(State), Place, Node, Graph);
suspend(
    {'fun', Module, Name, 2} = Handler, State, Place, Node, #graph{
        code = #{module := Own}, cache = Cache
    } = Graph
) ->
    {Class, Known} =
        case Module of
            Own -> {{session, Graph#graph.code}, Cache};
            _ -> maty_code:classify(Module, Cache)
        end,
    G1 = Graph#graph{cache = Known},
    case Class of
        {session, #{functions := #{{Name, 2} := _}}} ->
            suspend_with(Handler, maty_abstract:cut(State), Place, Node, G1);
        {session, _} ->
            {Dead, G2} = dead(G1),
            Text = io_lib:format(
                "suspends with ~ts, which does not exist", [function(Module, Name)]
            ),
            put_effect(Node, bad(Place, "no-handler", Text, Dead), G2);
        _ ->
            Text = io_lib:format("what ~ts does is not known", [function(Module, Name)]),
            suspend_unknown(Text, Place, Node, G1)
    end;
suspend(Handler, _, Place, Node, Graph) when Handler =:= any; Handler =:= {type, function} ->
    suspend_unknown("which handler is suspended here is not known", Place, Node, Graph);
suspend(Other, _, Place, Node, Graph) ->
    {Dead, G1} = dead(Graph),
    Text = [
        "suspends with ",
        maty_abstract:describe(Other),
        ", which is no function of a message and a state"
    ],
    put_effect(Node, bad(Place, "no-handler", Text, Dead), G1).

%% As the module's language writes it.
function(Module, Name) ->
    case atom_to_list(Module) of
        "Elixir." ++ Elixir -> io_lib:format("~ts.~ts/2", [Elixir, Name]);
        _ -> io_lib:format("~tw:~tw/2", [Module, Name])
    end.

suspend_unknown(Text, Place, Node, Graph) ->
    {Next, G1} = fresh(Graph),
    G2 = put_effect(Node, guess(Place, Text, Next), G1),
    put_effect(Next, ["suspend ", Place, " -"], G2).

suspend_with(Handler, State, Place, Node, #graph{handlers = Handlers} = Graph) ->
    Exists = fun([Each]) -> is_map_key({Handler, Each}, Handlers) end,
    case fewer(Handler, [State], Exists, Graph) of
        {[State], G1} ->
            suspend_known({Handler, State}, Place, Node, G1);
        {[Wider], G1} ->
            {Next, G2} = fresh(G1),
            Text = "with which state this is suspended is not known",
            G3 = put_effect(Node, suppose(Place, Text, Next), G2),
            suspend_known({Handler, Wider}, Place, Next, G3)
    end.

suspend_known(Key, Place, Node, #graph{handlers = Handlers, waiting = Waiting} = Graph) ->
    case Handlers of
        #{Key := Number} ->
            put_effect(Node, ["suspend ", Place, " ", ref(Number)], Graph);
        #{} ->
            Number = map_size(Handlers),
            {Handler, State} = Key,
            Next = Graph#graph{
                handlers = Handlers#{Key => Number}, waiting = Waiting ++ [{Number, Handler, State}]
            },
            put_effect(Node, ["suspend ", Place, " ", ref(Number)], Next)
    end.

%% ----- Writing -----

write(Entry, #graph{code = #{source := Source}, view = #{role := Role}} = Graph) ->
    #graph{nodes = Nodes, next = Next, written = Handlers} = Graph,
    [
        ["behaviour 1 ", quoted(Source), " ", name(Role), "\n"],
        ["start ", ref(Entry), "\n"],
        Handlers,
        ["nodes ", ref(Next), "\n"],
        [[instruction(maps:get(Node, Nodes, go([]))), "\n"] || Node <- lists:seq(0, Next - 1)]
    ].

instruction({go, Nodes}) -> ["go", [[" ", ref(Node)] || Node <- Nodes]];
instruction(Instruction) -> Instruction.

%% ----- Registering -----

%% @doc The roles that the code registers for by name, each with its place.
-spec registrations(maty_code:code()) -> [{atom(), erl_anno:anno()}].
registrations(#{functions := Functions}) ->
    lists:usort(
        lists:foldl(
            fun({_, Clauses}, Found) -> registered(Clauses, Found) end, [], maps:values(Functions)
        )
    ).

registered(
    {call, Where, {remote, _, {atom, _, Maty}, {atom, _, register}}, [_, {atom, _, Role}]}, Found
) when
    Maty =:= maty; Maty =:= 'Elixir.Maty'
->
    [{Role, Where} | Found];
registered(Tuple, Found) when is_tuple(Tuple) -> registered(tuple_to_list(Tuple), Found);
registered([Head | Tail], Found) -> registered(Tail, registered(Head, Found));
registered(_, Found) -> Found.
