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
%% once for each state it is suspended with, as far as states are told apart. The rest:
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

-export([build/3, registrations/1]).

-export_type([view/0, start/0]).

-import(maty_behaviour_clauses, [depends_on_guard/3, product/1, select/3]).
-import(maty_behaviour_eval, [branches/5]).
-import(maty_behaviour_graph, [
    bad/4, code_of/2, dead/1, fresh/1, name/1, place/2, put_node/3, quoted/1, ref/1, session/1,
    write/2
]).

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
