%% @private
%% Messages: what is sent in the session, and what is sent or waited for past it.
-module(maty_behaviour_messages).

-include("maty_behaviour.hrl").

-export([raw_receive/7, raw_send/6, send/7]).

-import(maty_behaviour_clauses, [select/3]).
-import(maty_behaviour_eval, [branches/5]).
-import(maty_behaviour_graph, [
    bad/4, fork/3, fresh/1, language/1, name/1, place/2, put_effect/3, ref/1
]).

%% A receive of what cannot be a message of the session, a monitor's, say, is an ordinary
%% call of something else.
-spec raw_receive(
    erl_anno:anno(), [term()], [term()], maty_behaviour_graph:place_in_graph(),
    maty_abstract:env(), maty_behaviour_graph:context(), maty_behaviour_graph:graph()
) -> {[maty_behaviour_graph:outcome()], maty_behaviour_graph:graph()}.
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

-spec raw_send(
    maty_abstract:value(), erl_anno:anno(), maty_behaviour_graph:place_in_graph(),
    maty_abstract:env(), maty_behaviour_graph:context(), maty_behaviour_graph:graph()
) -> {[maty_behaviour_graph:outcome()], maty_behaviour_graph:graph()}.
raw_send({tuple, [{atom, '$maty'} | _]}, Where, Node, Env, Context, Graph) ->
    raw_send_found(
        ["an envelope of a session message is sent by hand; use ", sends(Graph)],
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
                maty_abstract:describe(Message, language(Graph)),
                " is sent to a process, past the session; use ",
                sends(Graph)
            ],
            raw_send_found(Text, Where, Node, Env, Context, Graph);
        false ->
            {[{Node, Env, Message}], Graph}
    end;
raw_send(Message, _, Node, Env, _, Graph) ->
    {[{Node, Env, Message}], Graph}.

sends(Graph) ->
    case language(Graph) of
        erlang -> "maty:send/2";
        elixir -> "Maty.send/2"
    end.

raw_send_found(Text, Where, Node, Env, Context, Graph) ->
    {Next, G1} = fresh(Graph),
    Instruction = bad(place(Where, Context), "raw-message", Text, Next),
    {[{Next, Env, any}], put_effect(Node, Instruction, G1)}.

-spec send(
    maty_abstract:value(), maty_abstract:value(), iodata(),
    maty_behaviour_graph:place_in_graph(), maty_abstract:env(), maty_behaviour_graph:context(),
    maty_behaviour_graph:graph()
) -> {[maty_behaviour_graph:outcome()], maty_behaviour_graph:graph()}.
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
        fun({N, {Role, Each}}, G) ->
            put_effect(N, send(Role, Each, Place, Next, language(G), Context), G)
        end,
        G2,
        lists:zip(Nodes, Ways)
    ),
    {[{Next, Env, {atom, ok}}], G3}.

send(Role, Message, Place, Next, Language, #context{refused = Refused}) ->
    case {to(Role), what(Message)} of
        {{error, Value}, _} ->
            Text = ["sends to ", maty_abstract:describe(Value, Language), ", which is no role"],
            bad(Place, "bad-send", Text, Next);
        {_, error} ->
            Text = [
                "sends ",
                maty_abstract:describe(Message, Language),
                ", which is no message: a message is a tuple of a label and its payload"
            ],
            bad(Place, "bad-send", Text, Next);
        {Peer, What} ->
            ["send ", Place, " ", ref(Next), " ", ref(Refused), " ", Peer, " ", What]
    end.

labels({tuple, [{either, Labels} | Fields]}) -> [{tuple, [Label | Fields]} || Label <- Labels];
labels(Message) -> [Message].

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
