%% Bounded queues and mailboxes against a list.
-module(maty_mailbox_tests).

-include_lib("proper/include/proper.hrl").
-include_lib("eunit/include/eunit.hrl").

mailbox_test_() ->
    maty_player:patiently([
        fun queue_is_as_a_list/0,
        fun mailbox_is_as_a_list/0,
        fun burst/0,
        fun burst_fails/0,
        fun burst_blocks/0,
        fun waiting_to_put/0,
        fun waiting_to_take/0,
        fun next/0,
        fun options/0
    ]).

check(Property) ->
    maty_player:property(Property, [{numtests, 500}]).

%% ----- Against a list -----

queue_is_as_a_list() ->
    check(
        ?FORALL(
            {Capacity, Policy, Steps},
            {range(1, 5), oneof([drop_oldest, drop_newest, refuse]), list(oneof([in, in, out]))},
            begin
                Numbered = lists:zip(lists:seq(1, length(Steps)), Steps),
                {_, _} = lists:foldl(
                    fun({N, Step}, {Queue, List}) ->
                        {NewQueue, NewList} = queue_step(Step, N, Queue, List, Capacity, Policy),
                        NewList = maty_bounded:to_list(NewQueue),
                        true = maty_bounded:length(NewQueue) =:= length(NewList),
                        true = maty_bounded:is_full(NewQueue) =:= (length(NewList) =:= Capacity),
                        {NewQueue, NewList}
                    end,
                    {maty_bounded:new(Capacity, Policy), []},
                    Numbered
                ),
                true
            end
        )
    ).

queue_step(out, _, Queue, [], _, _) ->
    empty = maty_bounded:out(Queue),
    {Queue, []};
queue_step(out, _, Queue, [First | Rest], _, _) ->
    {ok, First, Left} = maty_bounded:out(Queue),
    {Left, Rest};
queue_step(in, N, Queue, List, Capacity, Policy) ->
    case {maty_bounded:in(N, Queue), length(List) < Capacity, Policy} of
        {{ok, Added}, true, _} -> {Added, List ++ [N]};
        {{dropped, Oldest, Changed}, false, drop_oldest} when Oldest =:= hd(List) ->
            {Changed, tl(List) ++ [N]};
        {{dropped, N, Same}, false, drop_newest} -> {Same, List};
        {full, false, refuse} -> {Queue, List}
    end.

mailbox_is_as_a_list() ->
    check(
        ?FORALL(
            {Capacity, Policy, Steps},
            {
                range(1, 5),
                oneof([drop_oldest, drop_newest, block, fail]),
                list(oneof([put, put, take]))
            },
            begin
                {ok, Mailbox} = maty_mailbox:start_link(#{capacity => Capacity, policy => Policy}),
                Numbered = lists:zip(lists:seq(1, length(Steps)), Steps),
                End = lists:foldl(
                    fun({N, Step}, State) ->
                        mailbox_step(Step, N, Mailbox, State, Capacity, Policy)
                    end,
                    {[], #{put => 0, taken => 0, dropped => 0, refused => 0}},
                    Numbered
                ),
                {List, Counts} = End,
                Info = maty_mailbox:info(Mailbox),
                Info = Counts#{capacity => Capacity, policy => Policy, length => length(List)},
                ok = maty_mailbox:stop(Mailbox),
                true
            end
        )
    ).

mailbox_step(take, _, Mailbox, {[], _} = State, _, _) ->
    {error, empty} = maty_mailbox:take(Mailbox, 0),
    State;
mailbox_step(take, _, Mailbox, {[First | Rest], Counts}, _, _) ->
    {ok, First} = maty_mailbox:take(Mailbox),
    {Rest, count(taken, Counts)};
mailbox_step(put, N, Mailbox, {List, Counts}, Capacity, Policy) ->
    case {maty_mailbox:put(Mailbox, N, 0), length(List) < Capacity, Policy} of
        {ok, true, _} -> {List ++ [N], count(put, Counts)};
        {ok, false, drop_oldest} -> {tl(List) ++ [N], count(dropped, count(put, Counts))};
        {ok, false, drop_newest} -> {List, count(dropped, count(put, Counts))};
        {{error, full}, false, _} -> {List, count(refused, Counts)}
    end.

count(Key, Counts) ->
    maps:update_with(Key, fun(N) -> N + 1 end, Counts).

%% ----- Bursts -----

%% Ten processes put a thousand each. As many are left as there is room for, and of
%% each process the last ones or the first, in its order.
burst() ->
    lists:foreach(
        fun(Policy) ->
            {ok, Mailbox} = maty_mailbox:start_link(#{policy => Policy}),
            _ = burst(Mailbox, 10, 1000),
            ?assertMatch(
                #{length := 1000, put := 10000, taken := 0, dropped := 9000, refused := 0},
                maty_mailbox:info(Mailbox)
            ),
            Left = [
                Message
             || _ <- lists:seq(1, 1000), {ok, Message} <- [maty_mailbox:take(Mailbox, 0)]
            ],
            ?assertEqual({error, empty}, maty_mailbox:take(Mailbox, 0)),
            lists:foreach(
                fun({_, Numbers}) ->
                    Count = length(Numbers),
                    Expected =
                        case Policy of
                            drop_oldest -> lists:seq(1000 - Count + 1, 1000);
                            drop_newest -> lists:seq(1, Count)
                        end,
                    ?assertEqual(Expected, Numbers)
                end,
                by_sender(Left)
            ),
            ok = maty_mailbox:stop(Mailbox)
        end,
        [drop_oldest, drop_newest]
    ).

by_sender(Messages) ->
    maps:to_list(
        maps:groups_from_list(
            fun({Sender, _}) -> Sender end, fun({_, Number}) -> Number end, Messages
        )
    ).

burst(Mailbox, Senders, Each) ->
    Pids = [
        spawn_monitor(fun() ->
            exit({put, [maty_mailbox:put(Mailbox, {S, N}) || N <- lists:seq(1, Each)]})
        end)
     || S <- lists:seq(1, Senders)
    ],
    lists:append([
        receive
            {'DOWN', Monitor, process, Pid, {put, Results}} -> Results
        end
     || {Pid, Monitor} <- Pids
    ]).

burst_fails() ->
    {ok, Mailbox} = maty_mailbox:start_link(#{capacity => 100, policy => fail}),
    Results = burst(Mailbox, 10, 100),
    ?assertEqual(100, length([ok || ok <- Results])),
    ?assertEqual(900, length([full || {error, full} <- Results])),
    ?assertMatch(#{length := 100, put := 100, refused := 900}, maty_mailbox:info(Mailbox)),
    ok = maty_mailbox:stop(Mailbox).

burst_blocks() ->
    {ok, Mailbox} = maty_mailbox:start_link(#{capacity => 10, policy => block}),
    Test = self(),
    spawn_link(fun() ->
        _ = burst(Mailbox, 10, 1000),
        Test ! burst_is_over
    end),
    Taken = [Message || _ <- lists:seq(1, 10000), {ok, Message} <- [maty_mailbox:take(Mailbox)]],
    receive
        burst_is_over -> ok
    end,
    [?assertEqual(lists:seq(1, 1000), Numbers) || {_, Numbers} <- by_sender(Taken)],
    ?assertMatch(
        #{length := 0, put := 10000, taken := 10000, dropped := 0, refused := 0},
        maty_mailbox:info(Mailbox)
    ),
    ok = maty_mailbox:stop(Mailbox).

%% ----- Waiting -----

%% In the order of their coming; who ends or has waited enough is not among them.
waiting_to_put() ->
    {ok, Mailbox} = maty_mailbox:start_link(#{capacity => 1, policy => block}),
    ok = maty_mailbox:put(Mailbox, 0),
    Putters = [
        begin
            Putter = spawn_monitor(fun() -> ok = maty_mailbox:put(Mailbox, N) end),
            sees(Mailbox, Putter),
            Putter
        end
     || N <- [1, 2, 3]
    ],
    ?assertEqual({error, full}, maty_mailbox:put(Mailbox, 4, 1)),
    [_, Second | _] = Putters,
    goes(Mailbox, Second),
    ?assertMatch(#{length := 1, put := 1, refused := 1}, maty_mailbox:info(Mailbox)),
    ?assertEqual([{ok, 0}, {ok, 1}, {ok, 3}], [maty_mailbox:take(Mailbox) || _ <- [1, 2, 3]]),
    ?assertEqual({error, empty}, maty_mailbox:take(Mailbox, 0)),
    ok = maty_mailbox:stop(Mailbox).

%% The process ends, and the mailbox, which hears of that by a signal of its own, has
%% it no more.
goes(Mailbox, {Pid, Monitor}) ->
    exit(Pid, kill),
    receive
        {'DOWN', Monitor, process, Pid, killed} -> ok
    end,
    maty_player:until(fun() ->
        {monitors, Monitors} = process_info(Mailbox, monitors),
        not lists:member({process, Pid}, Monitors)
    end).

%% The process waits for the answer to its call, and the call has been seen.
sees(Mailbox, {Pid, _}) ->
    maty_player:until(fun() ->
        process_info(Pid, status) =:= {status, waiting} andalso
            process_info(Pid, current_function) =:= {current_function, {gen, do_call, 4}}
    end),
    _ = maty_mailbox:info(Mailbox).

waiting_to_take() ->
    {ok, Mailbox} = maty_mailbox:start_link(),
    Test = self(),
    ?assertEqual({error, empty}, maty_mailbox:take(Mailbox, 1)),
    [First, Second, Third] = [
        begin
            Taker = spawn_monitor(fun() -> Test ! {taken, self(), maty_mailbox:take(Mailbox)} end),
            sees(Mailbox, Taker),
            Taker
        end
     || _ <- [1, 2, 3]
    ],
    goes(Mailbox, Second),
    [ok = maty_mailbox:put(Mailbox, N) || N <- [1, 2, 3]],
    [
        receive
            {taken, Pid, Taken} -> ?assertEqual({ok, N}, Taken)
        end
     || {{Pid, _}, N} <- [{First, 1}, {Third, 2}]
    ],
    ?assertEqual({ok, 3}, maty_mailbox:take(Mailbox)),
    ok = maty_mailbox:stop(Mailbox).

next() ->
    {ok, Mailbox} = maty_mailbox:start_link(),
    ok = maty_mailbox:next(Mailbox),
    [ok = maty_mailbox:put(Mailbox, N) || N <- [1, 2]],
    receive
        {maty_mailbox, Mailbox, First} -> ?assertEqual(1, First)
    end,
    ?assertMatch(#{length := 1}, maty_mailbox:info(Mailbox)),
    ok = maty_mailbox:next(Mailbox),
    receive
        {maty_mailbox, Mailbox, Second} -> ?assertEqual(2, Second)
    end,
    ok = maty_mailbox:stop(Mailbox).

options() ->
    ?assertMatch({error, {bad_option, capacity, 0, _}}, maty_mailbox:start_link(#{capacity => 0})),
    ?assertMatch({error, {bad_option, policy, x, _}}, maty_mailbox:start_link(#{policy => x})),
    ?assertMatch({error, {unknown_option, size, _}}, maty_mailbox:start_link(#{size => 1})),
    ?assertEqual(
        {error,
            {bad_option, name, 7, "an atom, {local, Atom}, {global, Term} or {via, Module, Term}"}},
        maty_mailbox:start_link(#{name => 7})
    ),
    {ok, Short} = maty_mailbox:start_link(#{name => maty_mailbox_of_an_atom}),
    ?assertEqual(Short, whereis(maty_mailbox_of_an_atom)),
    ok = maty_mailbox:stop(maty_mailbox_of_an_atom),
    {ok, Mailbox} = maty_mailbox:start_link(#{name => {local, maty_mailbox_of_a_name}}),
    ?assertMatch(
        #{capacity := 1000, policy := drop_oldest}, maty_mailbox:info(maty_mailbox_of_a_name)
    ),
    ?assertMatch(#{id := {local, n}}, maty_mailbox:child_spec(#{name => {local, n}})),
    ok = maty_mailbox:stop(Mailbox).
