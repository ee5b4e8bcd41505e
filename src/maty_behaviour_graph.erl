%% @private
%% The graph of what a module does in a session, as it is written: nodes with their
%% instructions, and outcomes, which are what reading a piece of code has come to.
%%
%% Nothing here reads code. A node has no instruction, or has got one and keeps it, unless
%% all that was written behind it is taken back.
-module(maty_behaviour_graph).

-include("maty_behaviour.hrl").

-export([
    again/1, bad/4, code_of/2, common/1, dead/1, each/3, fewer/4, fork/3, fresh/1, go/1,
    guess/3, joined/1, language/1, merge/3, name/1, nested/1, place/2, place/3, put_effect/3,
    put_node/3, quoted/1, raise/3, ref/1, session/1, spend/1, suppose/3, take_back/2, ways/3,
    write/2
]).

-export_type([graph/0, context/0, place_in_graph/0, instruction/0, outcome/0]).

-type graph() :: #graph{}.
-type context() :: #context{}.
-type place_in_graph() :: non_neg_integer().
%% As text; ways are kept as they are, to be followed.
-type instruction() :: iodata() | {go, [place_in_graph()]}.
-type outcome() :: {place_in_graph(), maty_abstract:env(), maty_abstract:value()}.

-define(MAX_OUTCOMES, 12).
-define(MAX_INSTANCES, 8).

-spec session(graph()) -> maty_abstract:value().
session(#graph{view = #{role := Role, protocol := Protocol}}) ->
    {map, #{role => {atom, Role}, protocol => {atom, Protocol}}}.

-spec code_of(module(), graph()) -> maty_code:code().
code_of(Module, #graph{code = #{module := Module} = Code}) ->
    Code;
code_of(Module, #graph{cache = Cache}) ->
    {session, Code} = maps:get(Module, Cache),
    Code.

-spec fresh(graph()) -> {place_in_graph(), graph()}.
fresh(#graph{next = Next} = Graph) ->
    {Next, Graph#graph{next = Next + 1}}.

-spec put_node(place_in_graph(), instruction(), graph()) -> graph().
put_node(Node, Instruction, #graph{nodes = Nodes} = Graph) ->
    Graph#graph{nodes = Nodes#{Node => Instruction}}.

%% An instruction that is more than a way.
-spec put_effect(place_in_graph(), instruction(), graph()) -> graph().
put_effect(Node, Instruction, #graph{effects = Effects} = Graph) ->
    put_node(Node, Instruction, Graph#graph{effects = Effects + 1}).

%% A node that leads nowhere: the way there ends with something raised.
-spec dead(graph()) -> {place_in_graph(), graph()}.
dead(Graph) ->
    {Node, G1} = fresh(Graph),
    {Node, put_node(Node, go([]), G1)}.

-spec go([place_in_graph()]) -> {go, [place_in_graph()]}.
go(Nodes) -> {go, Nodes}.

-spec bad(iodata(), iodata(), unicode:chardata(), place_in_graph()) -> iodata().
bad(Place, Class, Text, Next) ->
    ["bad ", Place, " ", quoted(Class), " ", quoted(Text), " ", ref(Next)].

-spec guess(iodata(), unicode:chardata(), place_in_graph()) -> iodata().
guess(Place, Text, Next) ->
    ["guess ", Place, " ", quoted(Text), " ", ref(Next)].

-spec suppose(iodata(), unicode:chardata(), place_in_graph()) -> iodata().
suppose(Place, Text, Next) ->
    ["suppose ", Place, " ", quoted(Text), " ", ref(Next)].

-spec ref(place_in_graph() | none) -> iodata().
ref(none) -> "-";
ref(Node) -> integer_to_binary(Node).

-spec name(atom()) -> iodata().
name(Atom) -> quoted(atom_to_binary(Atom)).

%% @doc A text as the notation has it.
-spec quoted(unicode:chardata()) -> iodata().
quoted(Text) ->
    [$", [escape(Byte) || <<Byte>> <= unicode:characters_to_binary(Text)], $"].

escape($") -> "\\\"";
escape($\\) -> "\\\\";
escape($\n) -> "\\n";
escape(Byte) -> Byte.

%% The language of the module that is checked.
-spec language(graph()) -> maty_language:language().
language(#graph{code = #{module := Module}}) -> maty_language:of_module(Module).

%% Where something is in the source; in another module's, it is for the caller to
%% say where.
-spec place(erl_anno:anno(), context()) -> iodata().
place(_, #context{foreign = true}) -> "^0:0";
place(Anno, _) ->
    Column =
        case erl_anno:column(Anno) of
            undefined -> 0;
            Number -> Number
        end,
    [integer_to_binary(erl_anno:line(Anno)), $:, integer_to_binary(Column)].

%% The place of a call whose arguments the caller has given.
-spec place(erl_anno:anno(), [term()], context()) -> iodata().
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
-spec fork(place_in_graph(), [term()], graph()) -> {[place_in_graph()], graph()}.
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
-spec joined([maty_abstract:value()] | [[maty_abstract:value()]]) ->
    maty_abstract:value() | [maty_abstract:value()].
joined([[] | _]) -> [];
joined([[_ | _] | _] = Lists) ->
    [joined([hd(List) || List <- Lists]) | joined([tl(List) || List <- Lists])];
joined(Values) -> maty_abstract:either(Values).

%% Variables that are bound in all; those that differ in more than one are not known,
%% since their values belong together.
-spec common([maty_abstract:env()]) -> maty_abstract:env().
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
-spec merge([outcome()], maty_abstract:env(), graph()) -> {[outcome()], graph()}.
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
-spec take_back(graph(), graph()) -> graph().
take_back(Before, After) ->
    #graph{cache = Cache, values = Values, fuel = Fuel, again = Again, becomes = Becomes} = After,
    Before#graph{
        cache = Cache, values = Values, fuel = Fuel, again = Again, becomes = Becomes
    }.

-spec nested(context()) -> context().
nested(Context) ->
    Context#context{tail = none, result = none}.

-spec spend(graph()) -> graph().
spend(#graph{fuel = 0}) -> throw({maty_behaviour, too_large});
spend(#graph{fuel = Fuel} = Graph) -> Graph#graph{fuel = Fuel - 1}.

%% Something is raised: the way ends, or goes to whoever catches it.
-spec raise(place_in_graph(), context(), graph()) -> {[], graph()}.
raise(Node, #context{raised = none}, Graph) ->
    {[], put_node(Node, go([]), Graph)};
raise(Node, #context{raised = Raised}, Graph) ->
    {[], put_effect(Node, go([Raised]), Graph)}.

-spec again(graph()) -> graph().
again(#graph{rounds = Rounds} = Graph) -> Graph#graph{rounds = Rounds + 1}.

%% Of a function or handler that comes with ever new values, the first ones are told
%% apart, then their types, and at last nothing.
-spec fewer(Name, Values, fun((Values) -> boolean()), graph()) -> {Values, graph()} when
    Name :: term(), Values :: [maty_abstract:value()].
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

%% The nodes that are reached without doing anything.
-spec ways([place_in_graph()], #{place_in_graph() => term()}, Seen) -> Seen when
    Seen :: #{place_in_graph() => true}.
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

-spec write(place_in_graph(), graph()) -> iodata().
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
