%% @private
%% What has come before its turn: messages that wait in a session until its role
%% expects them, and what came before the session itself did.
%%
%% Senders go at paces of their own, but each keeps its order. So the messages of a
%% session wait in one queue for each sender, and only the first of a queue can be
%% next. One that comes right behind the last of its queue can only wait as well, so
%% the engine is not asked about it before its turn: their tickets say so, as the
%% engine says what it mixed them with when it has the first one wait.
%%
%% What always holds: no queue is empty, so that nothing waits where the map is #{}.
-module(maty_waiting).

-export([new/0, in/4, follows/3, out/2, senders/1, count/1]).
-export([no_early/0, keep/3, early/2, drop/2, early_count/1, early_count/2]).

-export_type([item/0, mix/0, queues/0, early/0]).

%% A message, and the command that offers it to the engine.
-type item() :: {Command :: term(), Message :: term()}.
%% What tickets are counts exclusive or.
-type mix() :: 0..16#ffff | unknown.
-type queues() :: #{maty:role() => {mix(), queue:queue(item())}}.
%% The latest first; a tuple of another kind says that the session has failed.
-type early() :: #{maty_engine:handle() => [item() | tuple()]}.

%% ----- In a session -----

-spec new() -> queues().
new() ->
    #{}.

-spec in(maty:role(), item(), mix(), queues()) -> queues().
in(Sender, Item, Mix, Waiting) ->
    case Waiting of
        #{Sender := {_, Queue}} -> Waiting#{Sender := {Mix, queue:in(Item, Queue)}};
        #{} -> Waiting#{Sender => {Mix, queue:from_list([Item])}}
    end.

%% Whether a command is of the message right behind the last one that waits.
-spec follows(maty:role() | unknown, Command :: term(), queues()) -> {true, mix()} | false.
follows(Sender, Command, Waiting) ->
    case Waiting of
        #{Sender := {Mix, Queue}} when is_integer(Mix) ->
            {Last, _Message} = queue:get_r(Queue),
            case count_of(Command, Mix) =:= (count_of(Last, Mix) + 1) band 16#ffff of
                true -> {true, Mix};
                false -> false
            end;
        #{} ->
            false
    end.

count_of(Command, Mix) ->
    (Command band 16#ffff) bxor Mix.

%% Takes the first message of a sender of whom one waits.
-spec out(maty:role(), queues()) -> {item(), queues()}.
out(Sender, Waiting) ->
    #{Sender := {Mix, Queue}} = Waiting,
    {{value, Item}, Rest} = queue:out(Queue),
    case queue:is_empty(Rest) of
        true -> {Item, maps:remove(Sender, Waiting)};
        false -> {Item, Waiting#{Sender := {Mix, Rest}}}
    end.

-spec senders(queues()) -> [maty:role()].
senders(Waiting) ->
    maps:keys(Waiting).

-spec count(queues()) -> non_neg_integer().
count(Waiting) when map_size(Waiting) =:= 0 ->
    0;
count(Waiting) ->
    lists:sum([queue:len(Queue) || {_Mix, Queue} <- maps:values(Waiting)]).

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
