%% @private
%% The access points of this node, so that registering for a role can say at
%% once that there is no such role.
%%
%% A row is `{Pid, Protocol, Digest, RoleIndex}'. Access points write theirs
%% when they start; this process removes the rows of those that have ended. The
%% table belongs to the supervisor, so that it outlives this process.
-module(maty_directory).

-behaviour(gen_server).

-export([create_table/0, start_link/0, add/2, find/1, all/0]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).

-include("maty_internal.hrl").

-spec create_table() -> ok.
create_table() ->
    _ = ets:new(?MODULE, [named_table, public, {read_concurrency, true}]),
    ok.

-spec start_link() -> gen_server:start_ret().
start_link() ->
    gen_server:start_link({local, ?MODULE}, ?MODULE, [], []).

%% Adds an access point of this node.
-spec add(pid(), maty_machine:machine()) -> ok.
add(Pid, Machine) ->
    #machine{protocol = Protocol, digest = Digest, role_index = Index} = Machine,
    true = ets:insert(?MODULE, {Pid, Protocol, Digest, Index}),
    gen_server:cast(?MODULE, {watch, Pid}).

%% The roles of the access point's protocol, by name.
-spec find(pid()) -> {ok, #{maty:role() => non_neg_integer()}} | error.
find(Pid) ->
    try
        {ok, ets:lookup_element(?MODULE, Pid, 4)}
    catch
        error:badarg -> error
    end.

-spec all() -> [{pid(), Protocol :: atom(), Digest :: binary()}].
all() ->
    [{Pid, Protocol, Digest} || {Pid, Protocol, Digest, _} <- ets:tab2list(?MODULE)].

-spec init([]) -> {ok, []}.
init([]) ->
    lists:foreach(fun({Pid, _, _}) -> watch(Pid) end, all()),
    {ok, []}.

watch(Pid) ->
    _ = erlang:monitor(process, Pid),
    ok.

-spec handle_call(term(), gen_server:from(), []) -> {reply, {error, term()}, []}.
handle_call(Request, _From, State) ->
    {reply, {error, {unknown_call, Request}}, State}.

-spec handle_cast({watch, pid()}, []) -> {noreply, []}.
handle_cast({watch, Pid}, State) ->
    watch(Pid),
    {noreply, State}.

-spec handle_info(term(), []) -> {noreply, []}.
handle_info({'DOWN', _, process, Pid, _}, State) ->
    true = ets:delete(?MODULE, Pid),
    {noreply, State};
handle_info(_Message, State) ->
    {noreply, State}.
