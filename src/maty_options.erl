%% @private
%% Checks of option maps, so that a wrong one is named.
-module(maty_options).

-export([check/2]).

-spec check(map(), #{atom() => required | optional}) ->
    ok | {error, {unknown_option, term(), [atom()]} | {missing_option, atom()}}.
check(Options, Known) ->
    Unknown = lists:sort(maps:keys(maps:without(maps:keys(Known), Options))),
    Missing = [Key || {Key, required} <- lists:sort(maps:to_list(Known)), not is_map_key(Key, Options)],
    case {Unknown, Missing} of
        {[Key | _], _} -> {error, {unknown_option, Key, lists:sort(maps:keys(Known))}};
        {[], [Key | _]} -> {error, {missing_option, Key}};
        {[], []} -> ok
    end.
