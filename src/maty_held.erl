%% @private
%% The sessions that an actor holds: by name, those in which its role is to send
%% next and which wait to be gone on with from elsewhere.
%%
%% It stands in the process dictionary of the actor, because user code names what
%% it goes on with and nothing else. All functions are for the actor's process.
%%
%% What always holds: a name is of one session, which the actor has, and a session
%% has one name at most. A session that is gone on with keeps its name; what is asked
%% of it meanwhile waits until it is held again, and goes with it when it ends.
-module(maty_held).

-export([hold/2, names/0, name/1, become/2, drop/1, clear/0]).

-record(held, {
    handle :: maty_engine:handle(),
    %% The arguments that it has not been gone on with yet, while it is not free.
    asked = free :: free | queue:queue(term())
}).

-define(HELD, '$maty_held').

%% Goes on at once with what has been asked first, if anything has.
-spec hold(term(), maty_engine:handle()) -> ok | {error, name_held}.
hold(Name, Handle) ->
    case held() of
        #{Name := #held{handle = Handle, asked = Asked}} = Held ->
            case queue:out(Asked) of
                {{value, Argument}, Left} ->
                    go_on(Handle, Argument),
                    keep(Held#{Name := #held{handle = Handle, asked = Left}});
                {empty, _} ->
                    keep(Held#{Name := #held{handle = Handle}})
            end;
        #{Name := _} ->
            {error, name_held};
        #{} ->
            ok = drop(Handle),
            keep((held())#{Name => #held{handle = Handle}})
    end.

-spec names() -> [term()].
names() ->
    lists:sort(maps:keys(held())).

%% That of a session, also while it is gone on with.
-spec name(maty_engine:handle()) -> {ok, term()} | none.
name(Handle) ->
    case [Name || {Name, #held{handle = H}} <- maps:to_list(held()), H =:= Handle] of
        [Name] -> {ok, Name};
        [] -> none
    end.

%% Has the actor told to go on with a session, {'$maty_become', Handle, Argument}.
-spec become(term(), term()) -> ok | {error, not_held}.
become(Name, Argument) ->
    case held() of
        #{Name := #held{handle = Handle, asked = free}} = Held ->
            go_on(Handle, Argument),
            keep(Held#{Name := #held{handle = Handle, asked = queue:new()}});
        #{Name := #held{asked = Asked} = One} = Held ->
            keep(Held#{Name := One#held{asked = queue:in(Argument, Asked)}});
        #{} ->
            {error, not_held}
    end.

go_on(Handle, Argument) ->
    self() ! {'$maty_become', Handle, Argument},
    ok.

%% The session has ended, or has got another name.
-spec drop(maty_engine:handle()) -> ok.
drop(Handle) ->
    case held() of
        Held when Held =:= #{} -> ok;
        Held -> keep(maps:filter(fun(_, #held{handle = H}) -> H =/= Handle end, Held))
    end.

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
