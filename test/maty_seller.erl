%% A seller of the two-buyer protocol that is tested alone, and what is said of it.
%%
%% It is made of handlers: of the title, and of the decision. A test gives those, or other
%% callbacks, that differ from the right ones.
-module(maty_seller).

-include("maty_protocols.hrl").

-export([plays/1, plays/2, start/1, right/0, hang/0, failure/1, first_part/1, text/1]).

plays(Handlers) ->
    plays(Handlers, #{}).

plays(Handlers, Options) ->
    Default = #{
        protocol => {file, ?TWO_BUYER_FILE}, role => 'Seller', seed => 1, start => start(Handlers)
    },
    maty_testing:plays(made, maps:merge(Default, Options)).

start(Handlers) ->
    fun(AccessPoint) ->
        Callbacks = #{
            init_actor => fun() ->
                maty:register(AccessPoint, 'Seller'),
                {ok, none}
            end,
            init_session => fun(_Session, State) ->
                {ok, maps:get(title, maps:merge(right(), Handlers)), Handlers, State}
            end
        },
        maty_actor:start(maty_callbacks, maps:merge(Callbacks, Handlers), [])
    end.

right() ->
    #{
        title => fun({title, Title}, Handlers) ->
            maty:send('Buyer1', {quote, byte_size(Title)}),
            {suspend, maps:get(decision, maps:merge(right(), Handlers)), Handlers}
        end,
        decision => fun
            ({address, _}, Handlers) ->
                maty:send('Buyer2', {date, {2026, 12, 1}}),
                {done, normal, Handlers};
            ({quit}, Handlers) ->
                {done, normal, Handlers}
        end
    }.

hang() ->
    receive
        never -> ok
    end.

%% The text of a failure, with names for what depends on the run. Where a function
%% of a test stands is not of interest.
failure({error, #{kind := _} = Failure}) ->
    Text = text(maty_testing:format_failure(Failure)),
    lists:foldl(
        fun({Pattern, Name}, T) ->
            re:replace(T, Pattern, Name, [global, unicode, {return, list}])
        end,
        Text,
        [
            {"in session #[0-9.]+", "in session #ID"},
            {"at maty_(testing\\w*|seller):\\S+ \\(\\w+.erl:\\d+\\)", "at HERE"},
            {" \\(maty_callbacks.erl:\\d+\\)", ""}
        ]
    ).

first_part(Text) ->
    [First | _] = string:split(Text, "\n\n"),
    First ++ "\n".

text(Chardata) ->
    unicode:characters_to_list(Chardata).
