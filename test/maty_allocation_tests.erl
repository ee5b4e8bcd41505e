%% The driver with each of its allocations failing in turn: what wanted it is refused
%% with an error that says so, the same can be done again, and no memory is lost.
%%
%% Only a driver that is built for it (MATY_FAULTS), as that of "make test-asan", lets
%% them fail; with any other everything here is done once. One that is built for it
%% ends the VM when it is unloaded and has not given back all its memory.
-module(maty_allocation_tests).

-include_lib("eunit/include/eunit.hrl").
-include("../src/maty_internal.hrl").

-import(maty_player, [play/3, next/1]).

allocation_test_() ->
    {foreach,
        fun() ->
            maty_player:start_engine(),
            maty_player:end_others(),
            ok = application:stop(maty)
        end,
        fun(_) -> application:stop(maty) end,
        maty_player:patiently([
            fun starting/0,
            fun questions/0,
            fun handlers/0,
            fun tables_that_grow/0,
            fun sessions_of_several_nodes/0,
            fun actors/0
        ])}.

%% ----- Failing -----

%% Does it with the first allocation failing, then with the second, and so on until
%% there are fewer. "refused" says whether a result is the one of a failure, "again" is
%% done after each and looks whether all is as before. Returns how many failed.
each_fails(Do, Refused, Again) ->
    each_fails(Do, Refused, Again, 1).

each_fails(Do, Refused, Again, N) ->
    _ = fail_at(N),
    Result = Do(),
    Failed = fail_at(0),
    ?assertEqual({N, Failed, Failed}, {N, Failed, Refused(Result)}, {N, Result}),
    Again(),
    case Failed of
        true -> each_fails(Do, Refused, Again, N + 1);
        false -> N - 1
    end.

%% Lets the N-th allocation from now on fail; 0: none. Returns whether the one of the
%% call before did.
fail_at(N) ->
    try open_port({spawn_driver, "maty_drv fail " ++ integer_to_list(N)}, []) of
        _ -> error(opened)
    catch
        error:enomem -> true;
        error:eagain -> false;
        %% A driver that is not built for it.
        error:badarg -> false
    end.

%% With a driver that is built for it, some do.
some(Failed) ->
    ?assertEqual(injects(), Failed > 0).

injects() ->
    ok = load_driver(),
    try open_port({spawn_driver, "maty_drv fail 0"}, []) of
        _ -> error(opened)
    catch
        error:badarg -> false;
        error:_ -> true
    after
        ok = erl_ddll:unload_driver(maty_drv)
    end.

load_driver() ->
    erl_ddll:load_driver(code:priv_dir(maty), maty_drv).

memory() ->
    #{memory := Memory} = maty:counters(),
    Memory.

%% What a question held is given back a moment after its answer.
holds(Memory) ->
    maty_player:until(fun() -> memory() =:= Memory end).

%% ----- The engine -----

%% It is not there to hold the driver, which is to be told of failures before.
starting() ->
    ok = load_driver(),
    Failed = each_fails(
        fun() -> application:start(maty) end,
        fun
            (ok) -> application:stop(maty) =/= ok;
            ({error, Reason}) -> is_refused(Reason)
        end,
        fun() ->
            ok = application:start(maty),
            ok = application:stop(maty)
        end
    ),
    some(Failed),
    ok = erl_ddll:unload_driver(maty_drv).

is_refused(Reason) ->
    Text = io_lib:format("~0p", [Reason]),
    ?assertNotEqual(nomatch, string:find(Text, "{no_memory,#{max_memory => 0}}")),
    maty_player:refused_start(),
    true.

%% ----- Questions -----

-define(TALK,
    "global protocol Talk(role A, role B) {\n"
    "  rec Loop { choice at A {\n"
    "    ask(integer, string) from A to B; answer(integer) from B to A; continue Loop;\n"
    "  } or { stop() from A to B; } }\n"
    "}\n"
).
%% Wrong as a protocol: C cannot know which of the two it is.
-define(WRONG,
    "global protocol Q(role A, role B, role C) {\n"
    "  choice at A { a() from A to B; x() from C to B; }\n"
    "  or { b() from A to B; y() from C to B; }\n"
    "}\n"
).
%% Wrong as machines: both send first, and both wait for what is never sent.
-define(MACHINES,
    "machines Wrong;\n"
    "machine A { 0: a() to B -> 1; 1: c() from B -> 2; 2: end; }\n"
    "machine B { 0: b() to A -> 1; 1: c() from A -> 2; 2: end; }\n"
).

%% Of each kind, where it is answered and where something is wrong.
questions() ->
    ok = application:start(maty),
    {ok, Talk} = maty_protocol:from_string(?TALK),
    {ok, Other} = maty_protocol:from_string(string:replace(?TALK, "ask(integer", "ask(number")),
    {ok, #{protocols := [Wrong]}} = maty_protocol:check_string("m", ?MACHINES, #{form => machines}),
    {ok, Cfsm} = maty_protocol:machine_text(Talk, all, cfsm),
    Path = "test/protocols/chat.scr",
    Unreadable = filename:join("/tmp", "maty_allocation_" ++ os:getpid() ++ ".scr"),
    ok = file:write_file(Unreadable, "global protocol ("),
    Check = fun(Text, Options) -> maty_protocol:check_string("x", Text, Options) end,
    [
        question(Ask)
     || Ask <- [
            fun() -> Check(?TALK, #{}) end,
            fun() -> Check(?WRONG, #{}) end,
            fun() -> Check("module x;\nimport a.B;\n" ?TALK, #{}) end,
            fun() -> Check(?MACHINES, #{form => machines}) end,
            fun() -> Check(Cfsm, #{form => cfsm}) end,
            fun() -> maty_protocol:explore(Talk) end,
            fun() -> maty_protocol:explore(Wrong) end,
            fun() -> maty_protocol:compatible(Talk, 2) end,
            fun() -> maty_protocol:compatible(Wrong, 2) end,
            fun() -> maty_protocol:subtype({Talk, 'A'}, {Other, 'A'}) end,
            fun() -> maty_protocol:subtype({Other, 'A'}, {Talk, 'A'}) end,
            fun() -> maty_protocol:compare(Talk, Other) end,
            fun() -> maty_protocol:machine_text(Talk, 'A', machines) end,
            fun() -> maty_protocol:machine_text(Talk, all, cfsm) end,
            fun() -> maty_protocol:diagram(Talk, 'A', graphviz) end,
            fun() -> maty_protocol:diagram(Talk, 'A', mermaid) end,
            fun() -> maty_protocol:skeleton(Talk, 'B', elixir, 'Elixir.My.B') end,
            fun() -> maty_protocol:skeleton(Talk, 'B', erlang, b, "talk.scr") end,
            fun() -> loaded(maty_engine:load(maty_protocol:image(Talk))) end,
            fun() -> maty_protocol:drawing(Path, graphviz, #{}) end,
            fun() -> maty_protocol:drawing(Path, mermaid, #{}) end,
            fun() -> maty_protocol:drawing(Path, sequence, #{}) end,
            fun() -> maty_protocol:format(Path) end,
            fun() -> maty_protocol:format(Unreadable) end
        ]
    ],
    ok = file:delete(Unreadable),
    ok = application:stop(maty).

loaded({error, Status}) -> {error, {engine, Status}};
loaded(Loaded) -> Loaded.

question(Ask) ->
    Answer = Ask(),
    ?assertNotEqual({error, {engine, no_memory}}, Answer),
    Memory = memory(),
    Failed = each_fails(
        Ask,
        fun
            ({error, {engine, no_memory} = Reason}) ->
                ?assertEqual("out of memory", maty_protocol:format_error(Reason)),
                true;
            (Same) ->
                ?assertEqual(Answer, Same),
                false
        end,
        fun() ->
            holds(Memory),
            ?assertEqual(Answer, Ask()),
            holds(Memory)
        end
    ),
    some(Failed).

%% Code is not taken for right because it could not be checked.
handlers() ->
    ok = application:start(maty),
    {ok, Talk} = maty_protocol:from_string(?TALK),
    {ok, Skeleton} = maty_protocol:skeleton(Talk, 'B', erlang, b, "talk.scr"),
    Text = string:replace(Skeleton, "file, \"talk.scr\"", io_lib:format("string, ~p", [?TALK])),
    {ok, b, Beam} = compile:forms(forms(unicode:characters_to_list(Text)), [debug_info]),
    {ok, Found} = maty_check:beam(Beam, #{}),
    Memory = memory(),
    Failed = each_fails(
        fun() -> maty_check:beam(Beam, #{}) end,
        fun({ok, Findings}) ->
            case Findings of
                Found ->
                    false;
                [#{severity := error, class := Class, text := Said}] ->
                    ?assert(lists:member(Class, [<<"no-role">>, <<"unchecked">>])),
                    ?assertNotEqual(nomatch, string:find(Said, "out of memory")),
                    true
            end
        end,
        fun() -> holds(Memory) end
    ),
    some(Failed),
    ok = application:stop(maty).

forms(Text) ->
    case erl_scan:tokens([], Text, 1) of
        {done, {ok, Tokens, _}, Rest} ->
            {ok, Form} = erl_parse:parse_form(Tokens),
            [Form | forms(Rest)];
        _ ->
            []
    end.

%% ----- Sessions -----

%% More roles than the driver has room for without asking.
text() ->
    Roles = [[$R | integer_to_list(N)] || N <- lists:seq(1, 20)],
    [
        "global protocol Chain(", lists:join(", ", [["role ", Role] || Role <- Roles]), ") {",
        [
            ["m(string) from ", From, " to ", To, ";"]
         || {From, To} <- lists:zip(lists:droplast(Roles), tl(Roles))
        ],
        "}"
    ].

image(Text) ->
    ok = application:start(maty),
    {ok, Protocol} = maty_protocol:from_string(Text),
    ok = application:stop(maty),
    maty_protocol:image(Protocol).

%% The same with an engine of its own for each, so that its tables grow from nothing.
%% "steps" throws no_memory.
each_fails_anew(Steps) ->
    ok = load_driver(),
    Failed = each_fails(
        fun() -> in_process(Steps) end,
        fun(Result) -> Result =:= no_memory end,
        fun() ->
            ok = in_process(Steps),
            maty_player:settled(),
            ok = application:stop(maty),
            ok = erl_ddll:unload_driver(maty_drv),
            ok = load_driver(),
            ok = application:start(maty)
        end
    ),
    ok = erl_ddll:unload_driver(maty_drv),
    Failed.

%% A process that has not been a participant yet.
in_process(Steps) ->
    {Pid, Monitor} = spawn_monitor(fun() ->
        exit(
            try
                Steps()
            catch
                throw:no_memory -> no_memory
            end
        )
    end),
    receive
        {'DOWN', Monitor, process, Pid, Result} -> Result
    end.

got({error, no_memory}) -> throw(no_memory);
got(Result) -> Result.

tables_that_grow() ->
    Image = image(text()),
    ok = application:start(maty),
    Failed = each_fails_anew(fun() -> steps(Image) end),
    some(Failed).

steps(Image) ->
    Engine = maty_engine:pid(),
    {ok, Number, Machine} = got(maty_machine:load(Engine, Image)),
    {ok, Token} = got(maty_engine:attach()),
    Places = [maty_engine:place(Token, Role) || Role <- lists:seq(1, 20)],
    ok = got(maty_engine:open(0, Number, {100, refuse}, Places)),
    Endpoints = [
        receive
            {'$maty_start', Role, Handle, Participants, Number} ->
                Port = maty_engine:port_of(Handle, Engine),
                Id = Handle - ?HANDLE_ROLE(Handle),
                maty_session:endpoint(Handle, Port, Participants, Id, Machine, self())
        end
     || Role <- lists:seq(1, 20)
    ],
    ok = got(maty_session:set_deadline(lists:nth(2, Endpoints), 3600000)),
    [{_, Number, [_ | _] = Roles}] = maty_engine:sessions(),
    ?assertEqual(
        [{Role, self()} || Role <- lists:seq(0, 19)], [{Role, Pid} || {Role, Pid, _} <- Roles]
    ),
    ?assertMatch(#{endpoints := 20}, maty:counters()),
    pass_on(Endpoints).

pass_on([Last]) ->
    maty_session:close(Last);
pass_on([#endpoint{role = #role{sends = #{m := #send{to = To}}}} = First, Second | Rest]) ->
    maty_session:enter(First),
    ok = maty_session:send(To, {m, <<"text">>}),
    ok = maty_session:close(First),
    receive
        {'$maty', _, Command, Message} ->
            true = is_integer(maty_session:offer(Second, Command, Message))
    end,
    pass_on([Second | Rest]).

%% The part of a session that spans nodes, through a port of the test's own, which is
%% told what other nodes have to know. Once it is open nothing of it is lost for want of
%% memory.
sessions_of_several_nodes() ->
    Image = image(?TALK),
    ok = application:start(maty),
    Failed = each_fails_anew(fun() -> part(Image) end),
    some(Failed).

part(Image) ->
    {ok, Number, _} = got(maty_machine:load(Image)),
    {ok, Token} = got(maty_engine:attach()),
    Port =
        try
            open_port({spawn_driver, "maty_drv 200 1 0"}, [])
        catch
            error:enomem -> throw(no_memory)
        end,
    Open = [
        <<Number:32/native, 2:32/native, 0:32/native>>,
        maty_engine:place(Token, 0),
        maty_engine:place(0, 0)
    ],
    Session = opened(port_control(Port, ?COMMAND(?OP_PART, ?PART_OPEN), Open)),
    Data = <<Session:64/native>>,
    %% An ask on the way, and the end of B, which has received it.
    Ask = term_to_binary({ask, 1, <<"x">>}),
    [_, _, _] = port_control(Port, ?COMMAND(?OP_SEND_TERM, 0), [Data, 0, Ask]),
    Report = <<
        1:32/native, ?STATE_CANCELLED:32/native, (channel(0, 1))/binary, (channel(0, 0))/binary
    >>,
    [0] = port_control(Port, ?COMMAND(?OP_PART, ?PART_REPORT), [Data, Report]),
    receive
        {'$maty_failed', Session, 1} -> ok
    end,
    receive
        {'$maty_report', Session, 0, ?STATE_CANCELLED, 0, Channels} ->
            ?assertEqual(<<(channel(1, 1))/binary, (channel(0, 0))/binary>>, Channels)
    end,
    Next = opened(port_control(Port, ?COMMAND(?OP_PART, ?PART_OPEN), Open)),
    [0] = port_control(Port, ?COMMAND(?OP_PART, ?PART_ABANDON), <<Next:64/native>>),
    true = port_close(Port),
    ok.

opened([0 | Handle]) ->
    <<Session:64>> = list_to_binary(Handle),
    Session;
opened([?REFUSED + ?NO_MEMORY]) ->
    throw(no_memory).

channel(Sent, Received) ->
    <<Sent:32/native, Received:32/native, 0:32>>.

%% ----- Actors -----

%% Whoever asks for something is refused; whoever waits for an access point, which goes
%% to another port or tries again, only waits longer.
actors() ->
    ok = application:start(maty),
    some(each_fails_or_is_got_over(1)).

each_fails_or_is_got_over(N) ->
    _ = fail_at(N),
    Result = in_process(fun talk/0),
    Failed = fail_at(0),
    ?assert(lists:member(Result, [ok, no_memory]), {N, Result}),
    ok = in_process(fun talk/0),
    %% One that was there when the other was refused.
    maty_player:end_others(),
    maty_player:settled(),
    ok = application:stop(maty),
    ok = application:start(maty),
    case Failed of
        true -> each_fails_or_is_got_over(N + 1);
        false -> N - 1
    end.

talk() ->
    process_flag(trap_exit, true),
    AccessPoint =
        case maty_access_point:start_link({string, ?TALK}) of
            {ok, Started} -> Started;
            {error, {engine, no_memory}} -> throw(no_memory);
            {error, {image_not_loaded, no_memory}} -> throw(no_memory)
        end,
    try
        B = play(AccessPoint, 'B', [wait, {send, 'A', {answer, 1}}, wait]),
        A = play(AccessPoint, 'A', [{send, 'B', {ask, 1, <<"x">>}}, wait, {send, 'B', {stop}}]),
        ?assertEqual({got, 'A', {answer, 1}}, next(A)),
        ?assertEqual({ended, 'A', {done, normal}}, next(A)),
        [maty_player:stop(Actor) || Actor <- [A, B]],
        ok
    catch
        error:{badmatch, {error, no_memory}} -> throw(no_memory)
    after
        ok = maty_access_point:stop(AccessPoint)
    end.
