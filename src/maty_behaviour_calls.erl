%% @private
%% Calls. A function that sends is a procedure of the graph, read once for each set of
%% arguments that are told apart; one that does not is its value.
%%
%% A procedure that is being read is `active', so that one that calls itself leads back to
%% its entry. Of other modules those are read that may send (maty_code).
-module(maty_behaviour_calls).

-include("maty_behaviour.hrl").

-export([apply_value/7, call/7, local/9]).

-import(maty_behaviour_clauses, [select/3, variables/1]).
-import(maty_behaviour_loops, [loops/9]).
-import(maty_behaviour_eval, [branches/5, eval_all/5, sequence/5]).
-import(maty_behaviour_graph, [
    again/1, code_of/2, each/3, fewer/4, fork/3, fresh/1, go/1, guess/3, joined/1, language/1,
    merge/3, nested/1, place/2, place/3, put_effect/3, put_node/3, raise/3, ref/1, session/1,
    suppose/3, take_back/2
]).

-define(MAX_EXITS, 12).
-define(MAX_CALLS, 30).

-spec call(
    term(), [term()], erl_anno:anno(), maty_behaviour_graph:place_in_graph(),
    maty_abstract:env(), maty_behaviour_graph:context(), maty_behaviour_graph:graph()
) -> {[maty_behaviour_graph:outcome()], maty_behaviour_graph:graph()}.
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

-spec apply_value(
    maty_abstract:value(), [maty_abstract:value()], erl_anno:anno(),
    maty_behaviour_graph:place_in_graph(), maty_abstract:env(), maty_behaviour_graph:context(),
    maty_behaviour_graph:graph()
) -> {[maty_behaviour_graph:outcome()], maty_behaviour_graph:graph()}.
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
apply_value({hidden, _, _, _}, _, _, Node, _, Context, Graph) ->
    raise(Node, Context, Graph);
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
    Place = place(Where, Exprs, Context),
    maty_behaviour_messages:send(To, Message, Place, Node, Env, Context, Graph);
remote(Maty, session, [], _, _, Node, Env, _, Graph) when Maty =:= maty; Maty =:= 'Elixir.Maty' ->
    {[{Node, Env, session(Graph)}], Graph};
remote(Maty, sender, [_], _, _, Node, Env, Context, Graph) when
    Maty =:= maty; Maty =:= 'Elixir.Maty'
->
    {[{Node, Env, sender(Context)}], Graph};
%% It does nothing in this session, and raises where the name is not held.
remote(Maty, become, [Name, Argument], _, Where, Node, Env, Context, Graph) when
    Maty =:= maty; Maty =:= 'Elixir.Maty'
->
    Seen = [
        {maty_abstract:cut(N), maty_abstract:cut(A), place_here(Where, Context)}
     || N <- maty_abstract:alternatives(Name), A <- maty_abstract:alternatives(Argument)
    ],
    #graph{becomes = Becomes} = Graph,
    Noted = Graph#graph{becomes = lists:usort(Seen ++ Becomes)},
    loops(Maty, become, [], {atom, ok}, Where, Node, Env, Context, Noted);
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
    maty_behaviour_messages:raw_send(Message, Where, Node, Env, Context, Graph);
remote('Elixir.Kernel', send, [_, Message], _, Where, Node, Env, Context, Graph) ->
    maty_behaviour_messages:raw_send(Message, Where, Node, Env, Context, Graph);
remote(
    erlang, apply, [{atom, M}, {atom, F}, {list, Values}], _, Where, Node, Env, Context, Graph
) ->
    remote(M, F, Values, [], Where, Node, Env, Context, Graph);
remote(erlang, apply, [Function, {list, Values}], _, Where, Node, Env, Context, Graph) ->
    apply_value(Function, Values, Where, Node, Env, Context, Graph);
remote(
    erlang, Name, Values, _, Where, Node, Env, Context, Graph
) when Name =/= spawn, Name =/= spawn_link ->
    Returned = maty_known:builtin(Name, Values),
    loops(erlang, Name, Values, Returned, Where, Node, Env, Context, Graph);
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

sender(#context{sender = none}) -> {type, atom};
sender(#context{sender = Role}) -> {atom, Role}.

place_here(_, #context{foreign = true}) -> erl_anno:new(0);
place_here(Where, _) -> Where.

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
            Text = [
                "what ",
                maty_language:call(Module, Name, length(Values), language(Graph)),
                " does in the session is not known: its code is not there"
            ],
            unknown(Text, Where, Node, Env, Context, Graph);
        false ->
            loops(Module, Name, Values, any, Where, Node, Env, Context, Graph)
    end.

%% A function of a module that is read. The context is the called module's; the last
%% one the caller's.
-spec local(
    module(), atom(), [maty_abstract:value()], [term()], erl_anno:anno(),
    maty_behaviour_graph:place_in_graph(), maty_abstract:env(), maty_behaviour_graph:context(),
    maty_behaviour_graph:graph()
) -> {[maty_behaviour_graph:outcome()], maty_behaviour_graph:graph()}.
local(Module, Name, Values, Exprs, Where, Node, Env, Context, Graph) ->
    local(Module, Name, Values, Exprs, Where, Node, Env, Context, Graph, Context).

local(Module, Name, Values, Exprs, Where, Node, Env, Context, Graph, Caller) ->
    #context{code = #{functions := Functions} = Code, tail = Tail} = Context,
    Arity = length(Values),
    case Functions of
        #{{Name, Arity} := {_, Clauses}} ->
            Guarded = {Caller#context.refused =/= none, Caller#context.raised =/= none},
            Function = {Module, Name, Arity, {Guarded, told(Caller, Graph)}},
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

%% Calls are told apart by who sent the message where that may make a difference.
told(_, #graph{view = #{told := false}}) -> none;
told(#context{sender = Sender}, _) -> Sender.

%% A function with arguments, as far as they are told apart.
instance(Function, Values, #graph{procedures = Procedures, values = Known} = Graph) ->
    Exists = fun(Each) ->
        is_map_key({Function, Each}, Procedures) orelse is_map_key({Function, Each}, Known)
    end,
    {Fewer, G1} = fewer(Function, Values, Exists, Graph),
    {{Function, Fewer}, Fewer =/= Values, G1}.

%% Reads a function: it becomes a procedure, or a value if it does nothing.
procedure(Key, _, _, _, #graph{depth = ?MAX_CALLS} = Graph) ->
    Graph#graph{values = (Graph#graph.values)#{Key => any}};
procedure(
    {{_, _, _, {Guarded, Sender}}, Values} = Key, Clauses, Code, Context, Before
) ->
    {GuardsRefused, GuardsRaised} = Guarded,
    #graph{depth = Depth, effects = Effects, again = Again} = Before,
    {Entry, G1} = fresh(Before),
    {Refused, G2} = leave(GuardsRefused, "refused", G1),
    {Raised, G3} = leave(GuardsRaised, "raised", G2),
    Inner = #context{
        code = Code,
        foreign = Context#context.foreign,
        sender = Sender,
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

exits(Values) ->
    case lists:usort(Values) of
        Few when length(Few) =< ?MAX_EXITS -> Few;
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
