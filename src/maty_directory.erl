%% @private
%% The access points of this node, so that registering for a role can say at
%% once that there is no such role, and the actors that wait for a new one.
%%
%% A row is `{Pid, Protocol, Digest}'. Access points write theirs when they
%% start; this process removes the rows of those that have ended. An actor whose
%% access point has ended, but has a name, writes itself into a second table, is
%% told by the next access point that starts, here or on another node, and when
%% another node is connected, and looks whether it has the name.
%% The tables belong to the supervisor, so that they outlive this process.
-module(maty_directory).

-behaviour(gen_server).

-export([create_tables/0, start_link/0, add/2, find/1, all/0, await/0]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).

-define(WAITING, maty_directory_waiting).

-spec create_tables() -> ok.
create_tables() ->
    _ = ets:new(?MODULE, [named_table, public, {read_concurrency, true}]),
    _ = ets:new(?WAITING, [named_table, public]),
    ok.

-spec start_link() -> gen_server:start_ret().
start_link() ->
    gen_server:start_link({local, ?MODULE}, ?MODULE, [], []).

%% Adds the calling process, an access point that has its name already.
-spec add(atom(), Digest :: binary()) -> ok.
add(Protocol, Digest) ->
    true = ets:insert(?MODULE, {self(), Protocol, Digest}),
    ok = gen_server:cast(?MODULE, {watch, self()}),
    %% In this order, and await/0 before a look: one of the two sees the other.
    wake(),
    abcast = gen_server:abcast(nodes(), ?MODULE, wake),
    ok.

wake() ->
    lists:foreach(
        fun({Actor}) ->
            true = ets:delete(?WAITING, Actor),
            Actor ! '$maty_access_point'
        end,
        ets:tab2list(?WAITING)
    ).

%% The calling process is sent '$maty_access_point' when the next one is added.
-spec await() -> ok.
await() ->
    try ets:insert(?WAITING, {self()}) of
        true -> ok
    catch
        %% The application has stopped; an engine that comes back is told as well.
        error:badarg -> ok
    end.

%% The image's digest of the access point's protocol.
-spec find(pid()) -> {ok, Digest :: binary()} | error.
find(Pid) ->
    try
        {ok, ets:lookup_element(?MODULE, Pid, 3)}
    catch
        error:badarg -> error
    end.

-spec all() -> [{pid(), Protocol :: atom(), Digest :: binary()}].
all() ->
    ets:tab2list(?MODULE).

-spec init([]) -> {ok, []}.
init([]) ->
    lists:foreach(fun({Pid, _, _}) -> watch(Pid) end, all()),
    ok = net_kernel:monitor_nodes(true),
    {ok, []}.

watch(Pid) ->
    _ = erlang:monitor(process, Pid),
    ok.

-spec handle_call(term(), gen_server:from(), []) -> {reply, {error, term()}, []}.
handle_call(Request, _From, State) ->
    {reply, {error, {unknown_call, Request}}, State}.

-spec handle_cast({watch, pid()} | wake, []) -> {noreply, []}.
handle_cast(wake, State) ->
    wake(),
    {noreply, State};
handle_cast({watch, Pid}, State) ->
    watch(Pid),
    {noreply, State}.

-spec handle_info(term(), []) -> {noreply, []}.
handle_info({'DOWN', _, process, Pid, _}, State) ->
    true = ets:delete(?MODULE, Pid),
    {noreply, State};
handle_info({nodeup, _Node}, State) ->
    wake(),
    {noreply, State};
handle_info(_Message, State) ->
    {noreply, State}.
