%% @private
%% The top supervisor. It owns the table of access points, which has to outlive
%% every process that writes to it.
%%
%% The strategy is one_for_one: an engine that is started anew ends all
%% sessions, but the directory and the event groups know nothing of sessions and
%% go on. Actors and
%% access points are children of the user's supervisors; they watch the engine
%% themselves.
-module(maty_sup).

-behaviour(supervisor).

-export([start_link/0, init/1]).

-spec start_link() -> supervisor:startlink_ret().
start_link() ->
    supervisor:start_link({local, ?MODULE}, ?MODULE, []).

-spec init([]) -> {ok, {supervisor:sup_flags(), [supervisor:child_spec()]}}.
init([]) ->
    ok = maty_directory:create_tables(),
    Flags = #{strategy => one_for_one, intensity => 10, period => 10},
    {ok,
        {Flags, [
            #{id => maty_engine, start => {maty_engine, start_link, []}},
            #{id => maty_directory, start => {maty_directory, start_link, []}},
            maty_event:child_spec(),
            #{id => maty_stuck, start => {maty_stuck, start_link, []}}
        ]}}.
