%% @doc The owner of the engine, and the Erlang side of what is not a step of a
%% session.
%%
%% The process loads the driver and opens its ports. Every port is a space of
%% sessions with a lock of its own; there are many, so that schedulers seldom
%% meet on one. When the process ends, the ports close and with them every
%% session on this node: actors and access points monitor it and begin again
%% with its successor.
%%
%% It is also where this node hears from the engines of others; maty_nodes says
%% what it does then.
%%
%% What always holds: the persistent term `maty_engine' names the process, its
%% ports and what is counted in Erlang, or is left over from one that was killed;
%% ports that are closed show as `{error, engine_down}'.
-module(maty_engine).

-behaviour(gen_server).

-include("maty_internal.hrl").

-export([start_link/0, pid/0, port_count/0, port/1, port_of/2]).
-export([attach/0, place/2, place_number/1, open/4, info/1, cancel/1, count/1, sessions/0]).
-export([counters/0, ask/1, load/1, open_part/4, report_part/4, abandon_part/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).

-export_type([handle/0, place/0, bound/0, counters/0]).

-define(PORTS_PER_SCHEDULER, 16).
%% What a handle has bits for.
-define(MAX_PORTS, 256).

-type handle() :: non_neg_integer().
%% Names a participant to the engine, and has a number of the participant's own
%% that it is told again when a session begins.
-type place() :: <<_:128>>.
%% How many messages may be under way from one role of a session to another, 0
%% for any number, and what comes of one more.
-type bound() :: {0..16#ffffffff, refuse | fail}.
-type status() :: maty_error:status().

-type counters() :: #{
    sessions_opened := non_neg_integer(),
    sessions_closed := non_neg_integer(),
    sent := non_neg_integer(),
    received := non_neg_integer(),
    waited := non_neg_integer(),
    refused := non_neg_integer(),
    cancelled := non_neg_integer(),
    expired := non_neg_integer(),
    overloaded := non_neg_integer(),
    endpoints := non_neg_integer(),
    bytes := non_neg_integer(),
    memory := non_neg_integer(),
    max_memory := non_neg_integer()
}.

-record(state, {
    ports :: [port()],
    nodes :: maty_nodes:state()
}).

-type state() :: #state{}.

-spec start_link() -> gen_server:start_ret().
start_link() ->
    gen_server:start_link({local, ?MODULE}, ?MODULE, [], []).

%% @doc The process that owns the engine now; to be monitored.
-spec pid() -> pid() | undefined.
pid() ->
    case persistent_term:get(?MODULE, undefined) of
        {Pid, _Ports, _Counts} -> Pid;
        undefined -> undefined
    end.

-spec port_count() -> pos_integer().
port_count() ->
    tuple_size(ports()).

%% @doc The port of the number, counted from 0 and round.
-spec port(non_neg_integer()) -> port().
port(Number) ->
    Ports = ports(),
    element(Number rem tuple_size(Ports) + 1, Ports).

ports() ->
    {_Pid, Ports, _Counts} = engine(),
    Ports.

engine() ->
    case persistent_term:get(?MODULE, undefined) of
        undefined -> erlang:error(maty_not_started, none, [{error_info, #{module => maty_error}}]);
        Engine -> Engine
    end.

%% @doc The port of an endpoint that was opened by an engine; `gone' if that is
%% not the engine that runs now.
-spec port_of(handle(), pid()) -> port() | gone.
port_of(Handle, Engine) ->
    case persistent_term:get(?MODULE, undefined) of
        {Engine, Ports, _Counts} -> element(?HANDLE_PORT(Handle) + 1, Ports);
        _ -> gone
    end.

%% @doc Makes the calling process a participant, who can own endpoints. The
%% token goes into a {@link place()}. Calling again gives the same token.
-spec attach() -> {ok, Token :: non_neg_integer()} | {error, status()}.
attach() ->
    case control(port(erlang:phash2(self())), ?OP_ATTACH, <<>>) of
        {ok, Token} -> {ok, number(Token)};
        {error, Status, _} -> {error, Status}
    end.

%% @doc Makes a place out of a participant's token and a number.
-spec place(non_neg_integer(), non_neg_integer()) -> place().
place(Token, Number) ->
    <<Token:64/native, Number:64/native>>.

%% @doc The participant's own number in a place.
-spec place_number(place()) -> non_neg_integer().
place_number(<<_Token:64/native, Number:64/native>>) ->
    Number.

%% @doc Opens a session of a loaded image with one place for each role. Each
%% participant is sent `{'$maty_start', Number, Handle, Participants, Image}'.
-spec open(non_neg_integer(), non_neg_integer(), bound(), [place()]) ->
    ok | {dead, Role :: non_neg_integer()} | {error, status()}.
open(PortNumber, Image, Bound, Places) ->
    case control(port(PortNumber), ?OP_OPEN, [open_head(Image, Bound) | Places]) of
        {ok, []} -> ok;
        {error, participant_dead, [High, Low]} -> {dead, High * 256 + Low};
        {error, Status, _} -> {error, Status}
    end.

open_head(Image, {Most, Overload}) ->
    <<Image:32/native, Most:32/native, (overload(Overload)):32/native>>.

%% maty_overload of c_src/include/maty.h.
overload(refuse) -> 0;
overload(fail) -> 1.

%% @doc Opens this node's part of a session, which nobody is told of. The places of
%% roles that are away have no token.
-spec open_part(non_neg_integer(), non_neg_integer(), bound(), [place()]) ->
    {ok, handle()} | {dead, Role :: non_neg_integer()} | {error, status()}.
open_part(PortNumber, Image, Bound, Places) ->
    Command = ?COMMAND(?OP_PART, ?PART_OPEN),
    case command(port(PortNumber), Command, [open_head(Image, Bound) | Places]) of
        {ok, Handle} -> {ok, number(Handle)};
        {error, participant_dead, [High, Low]} -> {dead, High * 256 + Low};
        {error, Status, _} -> {error, Status}
    end.

%% @doc Tells the engine of a role that is away; see maty_space_report.
-spec report_part(handle(), non_neg_integer(), non_neg_integer(), binary()) ->
    ok | {error, status()}.
report_part(Handle, Role, State, Channels) ->
    Report = [<<Handle:64/native, Role:32/native, State:32/native>>, Channels],
    part(Handle, ?PART_REPORT, Report).

%% @doc Ends a part that nobody has been told of.
-spec abandon_part(handle()) -> ok | {error, status()}.
abandon_part(Handle) ->
    part(Handle, ?PART_ABANDON, <<Handle:64/native>>).

part(Handle, Part, Data) ->
    case command(port(?HANDLE_PORT(Handle)), ?COMMAND(?OP_PART, Part), Data) of
        {ok, []} -> ok;
        {error, Status, _} -> {error, Status}
    end.

%% A number in a reply, high byte first.
number(Bytes) ->
    lists:foldl(fun(Byte, Number) -> (Number bsl 8) bor Byte end, 0, Bytes).

%% @doc Where an endpoint stands: its phase, the number of its state in the
%% image, and whether it belongs to the calling process.
-spec info(handle()) -> {ok, 0..2, non_neg_integer(), boolean()} | {error, status()}.
info(Handle) ->
    Number = ?HANDLE_PORT(Handle),
    case Number < port_count() of
        false ->
            {error, stale};
        true ->
            Reply = erlang:port_control(
                port(Number), ?COMMAND(?OP_INFO, 0), <<Handle:64/native>>
            ),
            case Reply of
                [Phase, A, B, C, D, Mine] when Phase < ?REFUSED ->
                    <<State:32>> = <<A, B, C, D>>,
                    {ok, Phase, State, Mine =:= 1};
                [Refused | _] ->
                    {error, maty_error:status(Refused - ?REFUSED)}
            end
    end.

%% @doc Ends an endpoint of the calling process wherever it stands; who waits for
%% it fails.
-spec cancel(handle()) -> ok | {error, status()}.
cancel(Handle) ->
    case control(port(?HANDLE_PORT(Handle)), ?OP_CANCEL, <<Handle:64/native>>) of
        {ok, []} -> ok;
        {error, Status, _} -> {error, Status}
    end.

%% @doc Counts what the ports do not hear of: a message that is refused for what it
%% looks like, and a session that is given up because its actor keeps too many messages.
-spec count(refused | overloaded) -> ok.
count(What) ->
    case persistent_term:get(?MODULE, undefined) of
        {_Pid, _Ports, Counts} -> counters:add(Counts, index(What), 1);
        undefined -> ok
    end.

index(refused) -> 1;
index(overloaded) -> 2.

%% @doc What the engine counted since it was started; `endpoints' and `bytes', the
%% memory of sessions, are what it holds now; so is `memory', which is that of
%% everything in C, protocols and work in progress included, and which cannot
%% exceed `max_memory' unless that is 0. Raises `maty_not_started' if there is no
%% engine, and `engine_down' if it has ended and the next one is not there yet.
-spec counters() -> counters().
counters() ->
    {_Pid, Ports, Counts} = engine(),
    {Sums, Memory, Most} = lists:foldl(
        fun(Port, {Sum, _, _}) ->
            {Own, [Memory, Most]} = lists:split(length(Sum), counters(Port, length(Sum) + 2, [])),
            {lists:zipwith(fun erlang:'+'/2, Sum, Own), Memory, Most}
        end,
        {[0 || _ <- counter_names()], 0, 0},
        tuple_to_list(Ports)
    ),
    Add = fun(What, Counters) ->
        maps:update_with(What, fun(N) -> N + counters:get(Counts, index(What)) end, Counters)
    end,
    Counters = lists:foldl(
        Add, maps:from_list(lists:zip(counter_names(), Sums)), [refused, overloaded]
    ),
    Counters#{memory => Memory, max_memory => Most}.

%% A reply has a few of them.
counters(_Port, Count, Values) when length(Values) =:= Count ->
    Values;
counters(Port, Count, Values) ->
    case command(Port, ?COMMAND(?OP_COUNTERS, length(Values)), <<>>) of
        {ok, Bytes} ->
            counters(Port, Count, Values ++ [Value || <<Value:64>> <= list_to_binary(Bytes)]);
        {error, engine_down, []} ->
            error(engine_down)
    end.

counter_names() ->
    [
        sessions_opened,
        sessions_closed,
        sent,
        received,
        waited,
        refused,
        cancelled,
        expired,
        overloaded,
        endpoints,
        bytes
    ].

%% @doc Asks the checker a question of c_src/beam/job.h. It answers on a thread of
%% the VM's, not on a scheduler.
-spec ask(iodata()) -> {status(), term() | none}.
ask(Question) ->
    case request(?OP_ASK, Question) of
        {ok, _, Answer} -> {ok, Answer};
        {error, Status, []} -> {Status, none};
        {error, Status, Answer} -> {Status, Answer}
    end.

%% @doc Loads an image. Returns its number in this engine, and what it says. An
%% image stays loaded until the engine stops.
-spec load(binary()) -> {ok, non_neg_integer(), term()} | {error, status()}.
load(Image) ->
    case request(?OP_LOAD, Image) of
        {ok, Number, Description} -> {ok, Number, Description};
        {error, Status, _} -> {error, Status}
    end.

%% @doc The sessions of this engine: handle, number of the image, and of each
%% role that is played here its index, the process, and its state.
-spec sessions() ->
    [{handle(), Image :: non_neg_integer(), [{non_neg_integer(), pid(), non_neg_integer()}]}].
sessions() ->
    sessions(lists:append([endpoints(Port, 0) || Port <- tuple_to_list(ports())])).

sessions([{Handle, Image, _, _} | _] = Endpoints) ->
    Id = Handle - ?HANDLE_ROLE(Handle),
    {Own, Others} = lists:splitwith(fun({H, _, _, _}) -> H - ?HANDLE_ROLE(H) =:= Id end, Endpoints),
    [{Id, Image, [{?HANDLE_ROLE(H), Pid, State} || {H, _, Pid, State} <- Own]} | sessions(Others)];
sessions([]) ->
    [].

endpoints(Port, Cursor) ->
    case request(Port, ?OP_LIST, <<Cursor:64/native>>) of
        {ok, 0, Endpoints} -> Endpoints;
        {ok, Next, Endpoints} -> Endpoints ++ endpoints(Port, Next);
        {error, engine_down, _} -> []
    end.

%% A command that the engine answers with a message.
request(Op, Data) ->
    request(port(erlang:unique_integer([positive])), Op, Data).

request(Port, Op, Data) ->
    Reference = erlang:unique_integer([positive]),
    Monitor = erlang:monitor(port, Port),
    case control(Port, Op, [<<Reference:64/native>>, Data]) of
        {ok, []} ->
            receive
                {'$maty_reply', Reference, Status, Number, Result} ->
                    true = erlang:demonitor(Monitor, [flush]),
                    Term = reply_term(Result),
                    case maty_error:status(Status) of
                        ok -> {ok, Number, Term};
                        Refused -> {error, Refused, Term}
                    end;
                {'DOWN', Monitor, port, _, _} ->
                    {error, engine_down, none}
            end;
        {error, Status, Rest} ->
            true = erlang:demonitor(Monitor, [flush]),
            {error, Status, Rest}
    end.

reply_term(<<>>) -> none;
reply_term(Bytes) when is_binary(Bytes) -> binary_to_term(Bytes, [safe]);
reply_term(Term) -> Term.

control(Port, Op, Data) ->
    command(Port, ?COMMAND(Op, 0), Data).

command(Port, Command, Data) ->
    try erlang:port_control(Port, Command, Data) of
        [0 | Rest] -> {ok, Rest};
        [Refused | Rest] -> {error, maty_error:status(Refused - ?REFUSED), Rest}
    catch
        error:badarg -> {error, engine_down, []}
    end.

%% ----- The owner -----

%% @private
-spec init([]) -> {ok, state()} | {stop, term()}.
init([]) ->
    process_flag(trap_exit, true),
    process_flag(priority, high),
    MaxMemory = max_memory(),
    case load_driver() of
        ok ->
            Ports = open_spaces(MaxMemory),
            _ = ets:new(maty_images, [named_table, public, {read_concurrency, true}]),
            Counts = counters:new(2, []),
            persistent_term:put(?MODULE, {self(), list_to_tuple(Ports), Counts}),
            {ok, #state{ports = Ports, nodes = maty_nodes:new()}};
        {error, Reason} ->
            {stop, Reason}
    end.

max_memory() ->
    case application:get_env(maty, max_memory, infinity) of
        infinity -> 0;
        Bytes when is_integer(Bytes), Bytes > 0, Bytes < 1 bsl 63 -> Bytes;
        Other -> exit({bad_option, max_memory, Other, "a number of bytes, or 'infinity'"})
    end.

open_spaces(MaxMemory) ->
    Count = min(erlang:system_info(schedulers) * ?PORTS_PER_SCHEDULER, ?MAX_PORTS),
    try
        [open_space(Number, MaxMemory) || Number <- lists:seq(0, Count - 1)]
    catch
        error:enomem -> exit({no_memory, #{max_memory => MaxMemory}})
    end.

load_driver() ->
    Directory =
        case code:priv_dir(maty) of
            {error, bad_name} -> filename:join(filename:dirname(code:which(?MODULE)), "../priv");
            Found -> Found
        end,
    case load_driver(Directory) of
        ok ->
            ok;
        {error, Reason} ->
            {error,
                {driver_not_loaded, #{
                    path => filename:join(Directory, "maty_drv.so"),
                    reason => unicode:characters_to_binary(erl_ddll:format_error(Reason))
                }}}
    end.

%% The engine of another version, which has just ended, has loaded it from another
%% folder. It goes when the last question to the checker has been answered.
load_driver(Directory) ->
    case erl_ddll:load_driver(Directory, maty_drv) of
        {error, bad_driver_name} ->
            Unloaded = erl_ddll:monitor(driver, {maty_drv, unloaded}),
            receive
                {_, Unloaded, driver, maty_drv, _} -> erl_ddll:load_driver(Directory, maty_drv)
            end;
        Loaded ->
            Loaded
    end.

open_space(Number, MaxMemory) ->
    <<Seed:63, _:1>> = random_seed(),
    Command = io_lib:format("maty_drv ~b ~b ~b", [Number, Seed, MaxMemory]),
    open_port({spawn_driver, lists:flatten(Command)}, []).

%% Tickets guard against mistakes, not against an attacker inside of the node;
%% a seed of the runtime's own generator is enough.
random_seed() ->
    <<(rand:uniform(1 bsl 64) - 1):64>>.

%% @private
-spec handle_call(term(), gen_server:from(), state()) -> {reply, {error, term()}, state()}.
handle_call(Request, _From, State) ->
    {reply, {error, {unknown_call, Request}}, State}.

%% @private
-spec handle_cast(term(), state()) -> {noreply, state()}.
handle_cast(_Request, State) ->
    {noreply, State}.

%% @private
-spec handle_info(term(), state()) -> {noreply, state()} | {stop, term(), state()}.
handle_info({'EXIT', Port, Reason}, State) when is_port(Port) ->
    case Reason =:= badsig andalso erlang:port_info(Port, id) of
        %% Somebody has sent it a message, and ports take none; it goes on.
        {id, _} -> {noreply, State};
        _ -> {stop, {port_closed, Reason}, State}
    end;
handle_info({'EXIT', _Process, normal}, State) ->
    {noreply, State};
handle_info({'EXIT', _Process, Reason}, State) ->
    {stop, Reason, State};
handle_info(Message, #state{nodes = Nodes} = State) ->
    {noreply, State#state{nodes = maty_nodes:handle(Message, Nodes)}}.

%% @private
-spec terminate(term(), state()) -> ok.
terminate(_Reason, #state{ports = Ports}) ->
    lists:foreach(fun(Port) -> catch port_close(Port) end, Ports),
    _ = persistent_term:erase(?MODULE),
    _ = erl_ddll:unload_driver(maty_drv),
    ok.
