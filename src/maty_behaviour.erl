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
%% Here are the beginning, init_session, and the handlers: each that is suspended is read
%% once for each state it is suspended with, as far as states are told apart. One that is
%% held is read with the arguments that the module's calls of become/2 give it, as far as
%% they are known beforehand. The rest:
%%
%%     maty_behaviour_graph     nodes, instructions, outcomes, and the graph as text
%%     maty_behaviour_eval      expressions, and what becomes of branches
%%     maty_behaviour_clauses   which clauses values fit
%%     maty_behaviour_calls     functions of this module and of others
%%     maty_behaviour_loops     what is done any number of times
%%     maty_behaviour_messages  what is sent, and what goes past the session
%%     maty_behaviour_ends      how a handler ends
%%
%% maty_behaviour.hrl says what always holds.
-module(maty_behaviour).

-include("maty_behaviour.hrl").

-export([build/3, becomes/3, called/2, calls/2]).

-export_type([view/0, known/0, uses/0, become/0, hold/0, handler/0]).

-import(maty_behaviour_clauses, [depends_on_guard/3, product/1, select/3]).
-import(maty_behaviour_eval, [branches/5]).
-import(maty_behaviour_graph, [
    bad/4, code_of/2, dead/1, fork/3, fresh/1, language/1, name/1, place/2, put_effect/3,
    put_node/3, quoted/1, ref/1, session/1, suppose/3, write/2
]).

%% A role as its code has to see it.
-type view() :: #{
    role := atom(),
    protocol := atom(),
    %% What it receives: sender, label, and the types of the fields as the language
    %% spells them, which may differ from one moment to another.
    receives := [{atom(), atom(), [[binary()]]}],
    %% Whether several roles send it the same label.
    told := boolean(),
    %% Labels that it sends.
    sends := [atom()],
    %% All of the protocol.
    roles := [atom()]
}.

%% What runs outside of a session.
-define(CALLBACKS, [
    {init_actor, 1},
    {setup_actor, 2},
    {handle_call, 3},
    {handle_cast, 2},
    {handle_info, 2},
    {handle_continue, 2},
    {handle_failure, 4},
    {terminate_session, 4},
    {access_point_down, 3},
    {registration_expired, 3},
    {turned_away, 3},
    {code_change, 3}
]).

%% A call of become/2: the name, the argument, and where it is.
-type become() :: {maty_abstract:value(), maty_abstract:value(), erl_anno:anno()}.

%% A name under which a session is held, and those arguments that the handler has a clause for.
-type hold() :: {maty_abstract:value(), [maty_abstract:value()]}.

%% A function with the session's state; of one that is held, the name and the arguments.
-type handler() :: {
    Function :: term(),
    State :: maty_abstract:value(),
    suspended | {held, maty_abstract:value(), [maty_abstract:value()]}
}.

%% What is known before a module is read: other modules, and its calls of become/2.
-type known() :: {maty_code:cache(), unknown | [become()]}.
-type uses() :: #{becomes := [become()], holds := [hold()]}.

%% @doc The behaviour of a module in a role, what it does with sessions that are held, and
%% what is known of other modules now. `too_large': the code does more than is looked at;
%% `elsewhere': no session of this role begins here.
-spec build(maty_code:code(), view(), known()) ->
    {ok, iodata(), uses(), maty_code:cache()} | {error, too_large | elsewhere, maty_code:cache()}.
build(#{functions := #{{init_session, 2} := {Where, Clauses}}} = Code, View, {Cache, Becomes}) ->
    Graph = #graph{code = Code, view = View, cache = Cache, known_becomes = Becomes},
    try
        {Entry, Begun} = begin_session(Where, Clauses, Code, Graph),
        case read_handlers(Begun) of
            #graph{begun = false, cache = Known} ->
                {error, elsewhere, Known};
            #graph{becomes = Seen, holds = Holds, cache = Known} = Done ->
                {ok, write(Entry, Done), #{becomes => Seen, holds => Holds}, Known}
        end
    catch
        throw:{?MODULE, too_large} -> {error, too_large, Cache}
    end.

%% @doc The calls of become/2 in what a module does outside of its handlers.
-spec becomes(maty_code:code(), view(), maty_code:cache()) -> {[become()], maty_code:cache()}.
becomes(#{functions := Functions, module := Module} = Code, View, Cache) ->
    Context = #context{code = Code},
    Nowhere = erl_anno:new(0),
    lists:foldl(
        fun({Name, Arity}, {Found, Known}) ->
            {Node, Graph} = fresh(#graph{code = Code, view = View, cache = Known}),
            Unknown = lists:duplicate(Arity, any),
            try
                maty_behaviour_calls:local(
                    Module, Name, Unknown, [], Nowhere, Node, #{}, Context, Graph
                )
            of
                {_, #graph{becomes = Seen, cache = Now}} -> {lists:umerge(Found, Seen), Now}
            catch
                throw:{?MODULE, too_large} -> {Found, Known}
            end
        end,
        {[], Cache},
        [Callback || Callback <- ?CALLBACKS, is_map_key(Callback, Functions)]
    ).

begin_session(Where, Clauses, Code, Graph) ->
    {Entry, G1} = fresh(Graph),
    Context = #context{code = Code, result = init},
    case select(Clauses, [session(Graph), any], #{}) of
        [] ->
            {Dead, G2} = dead(G1#graph{begun = true}),
            Text = "no clause of init_session/2 takes a session of this role",
            {Entry, put_node(Entry, bad(place(Where, Context), "no-clause", Text, Dead), G2)};
        Chosen ->
            {[], G2} = branches(Chosen, Entry, #{}, Context, G1),
            {Entry, G2}
    end.

read_handlers(#graph{waiting = []} = Graph) ->
    Graph;
read_handlers(#graph{waiting = [{Number, Handler} | Waiting], view = View} = Graph) ->
    {Function, State, How} = Handler,
    {Name, Place, Clauses, Env, Context} = handler_code(Function, Number, Graph),
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
            Heard = Context#context{sender = Peer},
            read_entry(
                [Word, name(Label), " ", name(Peer)], select(Marked, Values, Env), Env, Heard, G
            )
        end,
        G1,
        Receives
    ),
    {Resume, G3} = read_held(How, Name, State, Marked, Place, Env, Context, G2),
    Ids = [
        ["clause ", Mark, " ", place(Where, Context), "\n"]
     || not Context#context.foreign, {clause, Where, _, _, [{'$mark', _, Mark} | _]} <- Marked
    ],
    Head = ["handler ", integer_to_binary(Number), " ", quoted(Name), " ", Place, "\n"],
    #graph{written = Written} = G3,
    read_handlers(G3#graph{written = [Written, Head, Entries, Resume, Ids]}).

%% A handler of a session that is held runs with an argument of become/2: it has to take
%% one that this module gives it. Other modules may have calls of it, too, so it may be
%% any other, of which nothing is certain.
read_held(suspended, _, _, _, _, _, _, Graph) ->
    {[], Graph};
read_held({held, Held, Arguments}, Name, State, Clauses, Place, Env, Context, Graph) ->
    Chosen = [{Argument, select(Clauses, [Argument, State], Env)} || Argument <- Arguments],
    Taken = [Argument || {Argument, [_ | _]} <- Chosen],
    {Entry, G1} = fresh(Graph#graph{holds = [{Held, Taken} | Graph#graph.holds]}),
    {[Certain, Possible], G2} = fork(Entry, [certain, possible], G1),
    G3 =
        case lists:usort(lists:append([Ways || {_, Ways} <- Chosen])) of
            [] ->
                Text = [
                    Name,
                    " has no clause for ",
                    described(Arguments, language(Graph)),
                    ", with which it goes on"
                ],
                {Dead, Ga} = dead(G2),
                put_effect(Certain, bad(Place, "no-clause", Text, Dead), Ga);
            Ways ->
                {[], Ga} = branches(Ways, Certain, Env, Context, G2),
                Ga
        end,
    {Any, G4} = fresh(G3),
    Elsewhere = "what this session goes on with elsewhere is not known",
    G5 = put_node(Possible, suppose(Place, Elsewhere, Any), G4),
    {[], G6} = branches(select(Clauses, [any, State], Env), Any, Env, Context, G5),
    {["resume ", ref(Entry), "\n"], G6}.

described(Values, Language) ->
    lists:join(" or ", [maty_abstract:describe(Value, Language) || Value <- Values]).

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

%% @doc The calls of a function of Maty's with two arguments: the arguments, and the place.
-spec calls(register | become, maty_code:code()) -> [{term(), term(), erl_anno:anno()}].
calls(Name, #{functions := Functions}) ->
    called(Name, maps:values(Functions)).

%% @doc The same in a part of the code.
-spec called(register | become | send, term()) -> [{term(), term(), erl_anno:anno()}].
called(Name, Code) ->
    lists:usort(called(Name, Code, [])).

called(Name, {call, Where, {remote, _, {atom, _, Maty}, {atom, _, Name}}, [One, Other]}, Found) when
    Maty =:= maty; Maty =:= 'Elixir.Maty'
->
    [{One, Other, Where} | Found];
called(Name, Tuple, Found) when is_tuple(Tuple) -> called(Name, tuple_to_list(Tuple), Found);
called(Name, [Head | Tail], Found) -> called(Name, Tail, called(Name, Head, Found));
called(_, _, Found) -> Found.
