%% @private
%% What has come before its turn: messages that wait in a session until its role
%% expects them, and what came before the session itself did.
%%
%% Senders go at paces of their own, but each keeps its order. So the messages of a
%% session wait in one queue for each sender, and only the first of a queue can be
%% next: the engine is asked about that one alone.
%%
%% What always holds: no queue is empty, so that nothing waits where the map is #{}.
-module(maty_waiting).

-export([new/0, in/3, out/2, senders/1, count/1]).
-export([no_early/0, keep/3, early/2, drop/2, early_count/1, early_count/2]).

-export_type([item/0, queues/0, early/0]).

%% A message, and the command that offers it to the engine.
-type item() :: {Command :: term(), Message :: term()}.
-type queues() :: #{maty:role() => queue:queue(item())}.
%% The latest first; a tuple of another kind says that the session has failed.
-type early() :: #{maty_engine:handle() => [item() | tuple()]}.

%% ----- In a session -----

-spec new() -> queues().
new() ->
    #{}.

%% Puts messages behind what waits of their sender. They are given the latest first.
-spec in(maty:role(), [item(), ...], queues()) -> queues().
in(Sender, Items, Waiting) ->
    Queue = maps:get(Sender, Waiting, queue:new()),
    Waiting#{Sender => lists:foldr(fun queue:in/2, Queue, Items)}.

%% Takes the first message of a sender of whom one waits.
-spec out(maty:role(), queues()) -> {item(), queues()}.
out(Sender, Waiting) ->
    #{Sender := Queue} = Waiting,
    {{value, Item}, Rest} = queue:out(Queue),
    case queue:is_empty(Rest) of
        true -> {Item, maps:remove(Sender, Waiting)};
        false -> {Item, Waiting#{Sender := Rest}}
    end.

-spec senders(queues()) -> [maty:role()].
senders(Waiting) ->
    maps:keys(Waiting).

-spec count(queues()) -> non_neg_integer().
count(Waiting) when map_size(Waiting) =:= 0 ->
    0;
count(Waiting) ->
    lists:sum([queue:len(Queue) || Queue <- maps:values(Waiting)]).

%% ----- Before the start of a session -----

-spec no_early() -> early().
no_early() ->
    #{}.

-spec keep(maty_engine:handle(), item() | tuple(), early()) -> early().
keep(Handle, Item, Early) ->
    Early#{Handle => [Item | early(Handle, Early)]}.

%% What has come for an endpoint, the latest first.
-spec early(maty_engine:handle(), early()) -> [item() | tuple()].
early(Handle, Early) ->
    case Early of
        #{Handle := Items} -> Items;
        #{} -> []
    end.

-spec drop(maty_engine:handle(), early()) -> early().
drop(Handle, Early) ->
    maps:remove(Handle, Early).

%% How many messages have come, for one endpoint or for all.
-spec early_count(maty_engine:handle(), early()) -> non_neg_integer().
early_count(Handle, Early) ->
    length([Command || {Command, _Message} <- early(Handle, Early)]).

-spec early_count(early()) -> non_neg_integer().
early_count(Early) ->
    lists:sum([early_count(Handle, Early) || Handle <- maps:keys(Early)]).
