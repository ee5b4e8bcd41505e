%% @doc What happens in Maty, for whoever wants to know.
%%
%% A process subscribes to a kind of event and from then on gets messages
%%
%% ```
%% {maty_event, Kind, Metadata}
%% '''
%%
%% until it unsubscribes or ends. These are all the kinds, and what their
%% metadata holds:
%%
%% <dl>
%% <dt>`violation'</dt>
%% <dd>A message was refused by the actor it was sent to, and dropped; the
%% session goes on. The metadata is a {@link maty_error:violation()} with
%% `direction => receive'.</dd>
%% <dt>`session_failed'</dt>
%% <dd>A role of a session failed. `#{session, protocol, role, actor, cause}';
%% `cause' is a {@link maty_actor:failure()}.</dd>
%% <dt>`overload'</dt>
%% <dd>A bound was reached (see docs/overload.md). `#{kind, protocol, role, actor}', and
%% `access_point' or `session'. The kind is `registration': one of the actor was
%% turned away; `send': the actor sent a message that was refused; `waiting': the
%% actor had too many messages whose turn had not come, and gave up a session.</dd>
%% <dt>`breaker'</dt>
%% <dd>A circuit breaker changed. `#{name, from, to}', states of
%% {@link maty_breaker:state()}.</dd>
%% <dt>`stuck'</dt>
%% <dd>Actors wait for one another across sessions. `#{circle}', a {@link
%% maty_stuck:circle()}; told once for each, and only with the environment variable
%% `stuck_interval' of the application `maty', in milliseconds.</dd>
%% </dl>
%%
%% Subscribers are members of a `pg' group of this node. They stay subscribed when the
%% application `maty' is stopped and started again.
-module(maty_event).

-export([child_spec/0, start_link/0, keep/0, subscribe/1, unsubscribe/1, notify/2]).

-export_type([kind/0]).

-type kind() :: violation | session_failed | overload | breaker | stuck.

-define(KINDS, [violation, session_failed, overload, breaker, stuck]).

%% @private
-spec child_spec() -> supervisor:child_spec().
child_spec() ->
    #{id => ?MODULE, start => {?MODULE, start_link, []}}.

%% @private
-spec start_link() -> {ok, pid()} | {error, term()}.
start_link() ->
    case pg:start_link(?MODULE) of
        {ok, Pid} ->
            Kept = persistent_term:get(?MODULE, []),
            lists:foreach(fun({Kind, Pids}) -> ok = pg:join(?MODULE, Kind, Pids) end, Kept),
            _ = persistent_term:erase(?MODULE),
            {ok, Pid};
        {error, Reason} ->
            {error, Reason}
    end.

%% @private
%% Called before the application stops, for the next start_link/0.
-spec keep() -> ok.
keep() ->
    persistent_term:put(?MODULE, [{Kind, pg:get_local_members(?MODULE, Kind)} || Kind <- ?KINDS]).

%% @doc Subscribes the calling process to a kind of event.
-spec subscribe(kind()) -> ok.
subscribe(Kind) ->
    pg:join(?MODULE, check(Kind), self()).

%% @doc Ends one subscription of the calling process.
-spec unsubscribe(kind()) -> ok | not_joined.
unsubscribe(Kind) ->
    pg:leave(?MODULE, check(Kind), self()).

%% @private
-spec notify(kind(), map()) -> ok.
notify(Kind, Metadata) ->
    Subscribers =
        try
            pg:get_local_members(?MODULE, Kind)
        catch
            %% The table is not there while the application starts or stops.
            error:badarg -> []
        end,
    lists:foreach(fun(Pid) -> Pid ! {maty_event, Kind, Metadata} end, Subscribers).

check(Kind) ->
    case lists:member(Kind, ?KINDS) of
        true -> Kind;
        false ->
            Info = [{error_info, #{module => maty_error}}],
            erlang:error({unknown_event, Kind, ?KINDS}, [Kind], Info)
    end.
