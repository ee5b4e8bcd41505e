%% @doc A queue of a set capacity.
%%
%% What comes into a full one is refused, or takes the place of the oldest item, or
%% is dropped itself. Every operation takes constant time.
%%
%% ```
%% Queue = maty_bounded:new(2, drop_oldest),
%% {ok, One} = maty_bounded:in(a, Queue),
%% {ok, Two} = maty_bounded:in(b, One),
%% {dropped, a, Three} = maty_bounded:in(c, Two),
%% [b, c] = maty_bounded:to_list(Three).
%% '''
%%
%% What always holds: length is that of the queue, and at most the capacity.
-module(maty_bounded).

-export([new/2, in/2, out/1, length/1, is_full/1, to_list/1]).

-export_type([bounded/1, policy/0]).

-record(bounded, {
    queue = queue:new() :: queue:queue(),
    length = 0 :: non_neg_integer(),
    capacity :: pos_integer(),
    policy :: policy()
}).

-type policy() :: drop_oldest | drop_newest | refuse.
-opaque bounded(_Item) :: #bounded{}.

%% @doc An empty queue.
-spec new(pos_integer(), policy()) -> bounded(_).
new(Capacity, Policy) when
    is_integer(Capacity),
    Capacity > 0,
    (Policy =:= drop_oldest orelse Policy =:= drop_newest orelse Policy =:= refuse)
->
    #bounded{capacity = Capacity, policy = Policy}.

%% @doc Adds an item at the end. `dropped' names the one that went for it, which is
%% the item itself under `drop_newest'; `full' says that nothing has changed.
-spec in(Item, bounded(Item)) -> {ok, bounded(Item)} | {dropped, Item, bounded(Item)} | full.
in(Item, #bounded{queue = Queue, length = Length, capacity = Capacity} = Bounded) when
    Length < Capacity
->
    {ok, Bounded#bounded{queue = queue:in(Item, Queue), length = Length + 1}};
in(Item, #bounded{queue = Queue, policy = drop_oldest} = Bounded) ->
    {{value, Oldest}, Rest} = queue:out(Queue),
    {dropped, Oldest, Bounded#bounded{queue = queue:in(Item, Rest)}};
in(Item, #bounded{policy = drop_newest} = Bounded) ->
    {dropped, Item, Bounded};
in(_Item, #bounded{policy = refuse}) ->
    full.

%% @doc Takes the oldest item.
-spec out(bounded(Item)) -> {ok, Item, bounded(Item)} | empty.
out(#bounded{length = 0}) ->
    empty;
out(#bounded{queue = Queue, length = Length} = Bounded) ->
    {{value, Item}, Rest} = queue:out(Queue),
    {ok, Item, Bounded#bounded{queue = Rest, length = Length - 1}}.

%% @doc How many items there are.
-spec length(bounded(_)) -> non_neg_integer().
length(#bounded{length = Length}) ->
    Length.

%% @doc Whether there are as many as there can be.
-spec is_full(bounded(_)) -> boolean().
is_full(#bounded{length = Length, capacity = Capacity}) ->
    Length =:= Capacity.

%% @doc All items, the oldest first.
-spec to_list(bounded(Item)) -> [Item].
to_list(#bounded{queue = Queue}) ->
    queue:to_list(Queue).
