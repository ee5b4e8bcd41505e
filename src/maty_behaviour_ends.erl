%% @private
%% How a handler ends: what its last expression returns, and the handler that it suspends
%% with, which is to be read then.
-module(maty_behaviour_ends).

-include("maty_behaviour.hrl").

-export([finish/6]).

-import(maty_behaviour_graph, [
    bad/4, dead/1, each/3, fewer/4, fork/3, fresh/1, guess/3, nested/1, put_effect/3, ref/1,
    session/1, suppose/3
]).

-spec finish(
    maty_abstract:value(), iodata(), maty_behaviour_graph:place_in_graph(), maty_abstract:env(),
    maty_behaviour_graph:context(), maty_behaviour_graph:graph()
) -> {[maty_behaviour_graph:outcome()], maty_behaviour_graph:graph()}.
finish({either, Values}, Place, Node, Env, Context, Graph) ->
    {Nodes, G1} = fork(Node, Values, Graph),
    each(lists:zip(Nodes, Values), fun({N, V}, G) -> finish(V, Place, N, Env, Context, G) end, G1);
finish(
    {
        tuple, [{atom, suspend}, Handler, State]
    }, Place, Node, _, #context{result = {handler, _}}, Graph
) ->
    {[], suspend(Handler, State, Place, Node, Graph)};
finish({tuple, [{atom, suspend}, Handler, State, _Options]}, Place, Node, Env, Context, Graph) ->
    finish({tuple, [{atom, suspend}, Handler, State]}, Place, Node, Env, Context, Graph);
%% A role can leave wherever it stands, and nothing follows.
finish({tuple, [{atom, leave}, _, _]}, _Place, Node, _, _, Graph) ->
    {[], put_effect(Node, "go", Graph)};
%% When a session that is held goes on, and with what, is up to other sessions.
finish({tuple, [{atom, hold} | Rest]}, Place, Node, _, Context, Graph) when
    length(Rest) =:= 3, element(1, Context#context.result) =:= handler;
    length(Rest) =:= 4, Context#context.result =:= init
->
    {Next, G1} = fresh(Graph),
    Text = "what comes of a session that is held here is not known",
    {[], put_effect(Next, "go", put_effect(Node, suppose(Place, Text, Next), G1))};
finish({tuple, [{atom, done}, _, _]}, Place, Node, _, _, Graph) ->
    {[], put_effect(Node, ["done ", Place], Graph)};
finish({atom, noreply}, Place, Node, _, #context{result = {handler, Number}}, Graph) ->
    {[], put_effect(Node, ["suspend ", Place, " ", ref(Number)], Graph)};
finish(
    {
        tuple, [{atom, ok}, Handler, Local, State, _Options]
    }, Place, Node, Env, #context{result = init} = Context, Graph
) ->
    finish({tuple, [{atom, ok}, Handler, Local, State]}, Place, Node, Env, Context, Graph);
finish(
    {
        tuple, [{atom, ok}, Handler, State, _]
    }, Place, Node, Env, #context{result = init} = Context, Graph
) ->
    #graph{code = #{functions := Functions, module := Module} = Code} = Graph,
    case Functions of
        #{{setup_actor, 2} := _} ->
            Own = (nested(Context))#context{code = Code},
            Nowhere = erl_anno:new(0),
            {Outcomes, G1} = maty_behaviour_calls:local(
                Module, setup_actor, [session(Graph), any], [], Nowhere, Node, Env, Own, Graph
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
is_result({tuple, [any | Rest]}) -> length(Rest) >= 2 andalso length(Rest) =< 4;
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
