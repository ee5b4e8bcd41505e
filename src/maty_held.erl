%% @private
%% The sessions that an actor holds: by name, those in which its role is to send
%% next and which wait to be gone on with from elsewhere.
%%
%% It stands in the process dictionary of the actor, because user code names what
%% it goes on with and nothing else. All functions are for the actor's process.
%%
%% What always holds: a name is of one session, which the actor holds and which
%% nothing has been sent to that goes on with it.
-module(maty_held).

-export([hold/2, names/0, become/2, drop/1, clear/0]).

-define(HELD, '$maty_held').

-spec hold(term(), maty_engine:handle()) -> ok | {error, name_held}.
hold(Name, Handle) ->
    case held() of
        #{Name := _} -> {error, name_held};
        Held -> keep(Held#{Name => Handle})
    end.

-spec names() -> [term()].
names() ->
    lists:sort(maps:keys(held())).

%% Has the actor told to go on with a session, {'$maty_become', Handle, Argument}.
-spec become(term(), term()) -> ok | {error, not_held}.
become(Name, Argument) ->
    case maps:take(Name, held()) of
        {Handle, Left} ->
            self() ! {'$maty_become', Handle, Argument},
            keep(Left);
        error ->
            {error, not_held}
    end.

%% Whatever name a session has, it is held no more.
-spec drop(maty_engine:handle()) -> ok.
drop(Handle) ->
    keep(maps:filter(fun(_, H) -> H =/= Handle end, held())).

-spec clear() -> ok.
clear() ->
    keep(#{}).

held() ->
    case get(?HELD) of
        undefined -> #{};
        Held -> Held
    end.

keep(Held) ->
    _ = put(?HELD, Held),
    ok.
