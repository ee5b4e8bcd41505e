%% @private
-module(maty_app).

-behaviour(application).

-export([start/2, prep_stop/1, stop/1]).

-spec start(application:start_type(), term()) -> {ok, pid()} | {error, term()}.
start(_Type, _Arguments) ->
    case maty_sup:start_link() of
        {ok, Pid} -> {ok, Pid};
        {error, Reason} -> {error, Reason}
    end.

-spec prep_stop(term()) -> term().
prep_stop(State) ->
    ok = maty_event:keep(),
    State.

-spec stop(term()) -> ok.
stop(_State) ->
    ok.
