%% @private
%% How a handler ends: what its last expression returns, and the handler that it waits
%% with, which is to be read then.
-module(maty_behaviour_ends).

-include("maty_behaviour.hrl").

-export([finish/6]).

-import(maty_behaviour_graph, [
    bad/4, dead/1, each/3, fewer/4, fork/3, fresh/1, guess/3, language/1, nested/1, put_effect/3,
    ref/1, session/1, suppose/3
]).

-spec finish(
    maty_abstract:value(), iodata(), maty_behaviour_graph:place_in_graph(), maty_abstract:env(),
    maty_behaviour_graph:context(), maty_behaviour_graph:graph()
) -> {[maty_behaviour_graph:outcome()], maty_behaviour_graph:graph()}.
finish({either, Values}, Place, Node, Env, Context, Graph) ->
    {Nodes, G1} = fork(Node, Values, Graph),
    each(lists:zip(Nodes, Values), fun({N, V}, G) -> finish(V, Place, N, Env, Context, G) end, G1);
finish({tuple, [{atom, suspend}, Handler, State]}, Place, Node, _, #context{
    result = {handler, _}
}, Graph) ->
    {[], wait(suspend, Handler, State, Place, Node, Graph)};
finish({tuple, [{atom, suspend}, Handler, State, _Options]}, Place, Node, Env, Context, Graph) ->
    finish({tuple, [{atom, suspend}, Handler, State]}, Place, Node, Env, Context, Graph);
%% A role can leave wherever it stands, and nothing follows.
finish({tuple, [{atom, leave}, _, _]}, _Place, Node, _, _, Graph) ->
    {[], put_effect(Node, "go", Graph)};
finish({tuple, [{atom, hold}, Name, Handler, State]}, Place, Node, _, #context{
    result = {handler, _}
}, Graph) ->
    {[], wait({hold, Name}, Handler, State, Place, Node, Graph)};
finish({tuple, [{atom, hold}, Name, Handler, Local, _]}, Place, Node, Env, #context{
    result = init
} = Context, Graph) ->
    {[], set_up({hold, Name}, Handler, Local, Place, Node, Env, Context, Graph)};
finish({tuple, [{atom, done}, _, _]}, Place, Node, _, _, Graph) ->
    {[], put_effect(Node, ["done ", Place], Graph)};
finish({atom, noreply}, Place, Node, _, #context{result = {handler, Number}}, Graph) ->
    {[], put_effect(Node, ["suspend ", Place, " ", ref(Number)], Graph)};
finish({tuple, [{atom, ok}, Handler, Local, State, _Options]}, Place, Node, Env, #context{
    result = init
} = Context, Graph) ->
    finish({tuple, [{atom, ok}, Handler, Local, State]}, Place, Node, Env, Context, Graph);
finish({tuple, [{atom, ok}, Handler, Local, _]}, Place, Node, Env, #context{
    result = init
} = Context, Graph) ->
    {[], set_up(suspend, Handler, Local, Place, Node, Env, Context, Graph)};
finish(Value, Place, Node, _, Context, Graph) ->
    {Dead, G1} = dead(Graph),
    case is_result(Value) of
        true ->
            Text = "what is returned here is not known",
            {[], put_effect(Node, guess(Place, Text, Dead), G1)};
        false ->
            Text = [
                "returns ",
                maty_abstract:describe(Value, language(Graph)),
                "; expected ",
                expected(Context, language(Graph))
            ],
            {[], put_effect(Node, bad(Place, "bad-return", Text, Dead), G1)}
    end.

is_result(any) -> true;
is_result({type, tuple}) -> true;
is_result({type, atom}) -> true;
is_result({tuple, [any | Rest]}) -> length(Rest) >= 2 andalso length(Rest) =< 4;
is_result(_) -> false.

expected(#context{result = init}, erlang) ->
    "{ok, Handler, SessionState, State}, {hold, Name, Handler, SessionState, State}, "
    "{done, Reason, State} or {leave, Reason, State}";
expected(#context{result = init}, elixir) ->
    "{:ok, handler, session_state, state}, {:hold, name, handler, session_state, state}, "
    "{:done, reason, state} or {:leave, reason, state}";
expected(_, erlang) ->
    "{suspend, Handler, State}, {hold, Name, Handler, State}, {done, Reason, State}, "
    "{leave, Reason, State} or noreply";
expected(_, elixir) ->
    "{:suspend, handler, state}, {:hold, name, handler, state}, {:done, reason, state}, "
    "{:leave, reason, state} or :noreply".

%% After init_session/2 comes setup_actor/2, if there is one.
set_up(How, Handler, State, Place, Node, Env, Context, Graph) ->
    #graph{code = #{functions := Functions, module := Module} = Code} = Graph,
    case Functions of
        #{{setup_actor, 2} := _} ->
            Own = (nested(Context))#context{code = Code},
            Nowhere = erl_anno:new(0),
            {Outcomes, G1} = maty_behaviour_calls:local(
                Module, setup_actor, [session(Graph), any], [], Nowhere, Node, Env, Own, Graph
            ),
            lists:foldl(
                fun({N, _, _}, G) -> wait(How, Handler, State, Place, N, G) end, G1, Outcomes
            );
        #{} ->
            wait(How, Handler, State, Place, Node, Graph)
    end.

%% Waits with a handler for a message, or, held under a name, to be gone on with.
wait(How, {either, Handlers}, State, Place, Node, Graph) ->
    {Nodes, G1} = fork(Node, Handlers, Graph),
    lists:foldl(
        fun({N, H}, G) -> wait(How, H, State, Place, N, G) end, G1, lists:zip(Nodes, Handlers)
    );
wait(How, {closure, 2, _, _, _} = Handler, State, Place, Node, Graph) ->
    wait_with(How, Handler, maty_abstract:cut(State), Place, Node, Graph);
wait(How, {'fun', Module, Name, 2} = Handler, State, Place, Node, Graph) ->
    #graph{code = #{module := Own}, cache = Cache} = Graph,
    {Class, Known} =
        case Module of
            Own -> {{session, Graph#graph.code}, Cache};
            _ -> maty_code:classify(Module, Cache)
        end,
    G1 = Graph#graph{cache = Known},
    case Class of
        {session, #{functions := #{{Name, 2} := _}}} ->
            wait_with(How, Handler, maty_abstract:cut(State), Place, Node, G1);
        {session, _} ->
            {Dead, G2} = dead(G1),
            Text = [verb(How), " with ", called(Module, Name, Graph), ", which does not exist"],
            put_effect(Node, bad(Place, "no-handler", Text, Dead), G2);
        _ ->
            Text = ["what ", called(Module, Name, Graph), " does is not known"],
            wait_unknown(How, Text, Place, Node, G1)
    end;
wait(How, {hidden, Module, Name, 2}, _, Place, Node, Graph) ->
    Text = [verb(How), " with ", called(Module, Name, Graph), ", which is not exported"],
    {Dead, G1} = dead(Graph),
    put_effect(Node, bad(Place, "no-handler", Text, Dead), G1);
wait(How, Handler, _, Place, Node, Graph) when Handler =:= any; Handler =:= {type, function} ->
    wait_unknown(How, "which handler waits here is not known", Place, Node, Graph);
wait(How, Other, _, Place, Node, Graph) ->
    {Dead, G1} = dead(Graph),
    Text = [
        verb(How),
        " with ",
        maty_abstract:describe(Other, language(Graph)),
        ", which is no function of ",
        takes(How),
        " and a state"
    ],
    put_effect(Node, bad(Place, "no-handler", Text, Dead), G1).

verb(suspend) -> "suspends";
verb({hold, _}) -> "holds".

takes(suspend) -> "a message";
takes({hold, _}) -> "an argument".

word(suspend) -> "suspend ";
word({hold, _}) -> "hold ".

called(Module, Name, Graph) -> maty_language:call(Module, Name, 2, language(Graph)).

wait_unknown(How, Text, Place, Node, Graph) ->
    {Next, G1} = fresh(Graph),
    G2 = put_effect(Node, guess(Place, Text, Next), G1),
    put_effect(Next, [word(How), Place, " -"], G2).

wait_with(How, Handler, State, Place, Node, #graph{handlers = Handlers} = Graph) ->
    Kind = kind(How, Graph),
    Exists = fun([Each]) -> is_map_key({Handler, Each, Kind}, Handlers) end,
    case fewer({Handler, Kind}, [State], Exists, Graph) of
        {[State], G1} ->
            wait_known(How, {Handler, State, Kind}, Place, Node, G1);
        {[Wider], G1} ->
            {Next, G2} = fresh(G1),
            Text = "with which state this is suspended is not known",
            G3 = put_effect(Node, suppose(Place, Text, Next), G2),
            wait_known(How, {Handler, Wider, Kind}, Place, Next, G3)
    end.

wait_known(How, Key, Place, Node, #graph{handlers = Handlers, waiting = Waiting} = Graph) ->
    case Handlers of
        #{Key := Number} ->
            put_effect(Node, [word(How), Place, " ", ref(Number)], Graph);
        #{} ->
            Number = map_size(Handlers),
            Next = Graph#graph{
                handlers = Handlers#{Key => Number}, waiting = Waiting ++ [{Number, Key}]
            },
            put_effect(Node, [word(How), Place, " ", ref(Number)], Next)
    end.

%% With what a session that is held under a name may be gone on with: any argument, unless
%% calls of become/2 are known.
kind(suspend, _) ->
    suspended;
kind({hold, Name}, #graph{known_becomes = unknown}) ->
    {held, maty_abstract:cut(Name), [any]};
kind({hold, Name}, #graph{known_becomes = Becomes}) ->
    Arguments = [A || {N, A, _} <- Becomes, maty_abstract:compare('=:=', Name, N) =/= no],
    case lists:usort(Arguments) of
        [] -> {held, maty_abstract:cut(Name), [any]};
        Known -> {held, maty_abstract:cut(Name), Known}
    end.
