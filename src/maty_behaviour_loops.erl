%% @private
%% What is done any number of times: comprehensions, and funs that are handed to a library.
%%
%% Over a list that is known a loop is run as it is. Any other has at least one round, and
%% perhaps more; that it has none is supposed and never more than that, so nothing that is
%% found after no round at all is an error.
-module(maty_behaviour_loops).

-include("maty_behaviour.hrl").

-export([comprehension/8, loops/9]).

-import(maty_behaviour_clauses, [select/3, variables/1]).
-import(maty_behaviour_eval, [eval/5]).
-import(maty_behaviour_graph, [
    bad/4, each/3, fresh/1, go/1, guess/3, nested/1, place/2, put_effect/3, put_node/3, suppose/3,
    take_back/2, ways/3
]).

%% Their funs run in another process.
-define(STARTS, [
    spawn, spawn_link, spawn_monitor, spawn_opt, start, start_link, start_child, async, async_nolink
]).

%% A call of a library with funs among its arguments: each may be called any number
%% of times.
-spec loops(
    module(), atom(), [maty_abstract:value()], maty_abstract:value(), erl_anno:anno(),
    maty_behaviour_graph:place_in_graph(), maty_abstract:env(), maty_behaviour_graph:context(),
    maty_behaviour_graph:graph()
) -> {[maty_behaviour_graph:outcome()], maty_behaviour_graph:graph()}.
loops(Module, Name, Values, Result, Where, Node, Env, Context, Graph) ->
    case [Value || Value <- Values, is_fun(Value)] of
        [] ->
            {Next, G1} = may_raise(Where, Node, Context, Graph),
            {[{Next, Env, Result}], G1};
        Funs ->
            Started = [Clauses || starts(Module, Name), {closure, _, Clauses, _, _} <- Funs],
            case maty_behaviour:called(send, Started) of
                [] ->
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
                    );
                [{_, _, Sent} | _] ->
                    sent_elsewhere(Sent, Node, Env, Context, Graph)
            end
    end.

starts(Module, Name) when
    Module =:= erlang; Module =:= proc_lib; Module =:= 'Elixir.Task';
    Module =:= 'Elixir.Task.Supervisor'
->
    lists:member(Name, ?STARTS);
starts(_, _) ->
    false.

%% Only the actor's own process is in its sessions. What it was meant to send is not known.
sent_elsewhere(Where, Node, Env, Context, Graph) ->
    Place = place(Where, Context),
    {Meant, G1} = fresh(Graph),
    Text = "sends in another process; only the actor's own can send in its sessions",
    G2 = put_effect(Node, bad(Place, "bad-send", Text, Meant), G1),
    {Next, G3} = fresh(G2),
    {[{Next, Env, any}], put_effect(Meant, guess(Place, Text, Next), G3)}.

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

%% The arguments of each round, if they are known, or `some' rounds.
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
        maty_behaviour_calls:apply_value(Fun, Arguments, Where, N, E, nested(Context), G)
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

-spec comprehension(
    [term()], term(), erl_anno:anno(), maty_behaviour_graph:place_in_graph(),
    maty_abstract:env(), maty_behaviour_graph:context(), maty_behaviour_graph:graph(),
    maty_abstract:value()
) -> {[maty_behaviour_graph:outcome()], maty_behaviour_graph:graph()}.
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
