%% @private
%% Checks of option maps, so that a wrong one is named.
-module(maty_options).

-export([check/2, take/2, timeout/0, timeout/2, time/2, one_of/2, name/1, format_error/1]).

-export_type([error_reason/0, known/0]).

-type error_reason() ::
    {unknown_option, term(), [atom()]}
    | {missing_option, atom()}
    | {bad_option, atom(), Value :: term(), Expected :: string()}
    | {not_options, term()}.

%% Of each option its default, or that there has to be one; what a value has to
%% be in words, with quotes around atoms, which Elixir writes in its own way; and
%% whether one is.
-type known() :: #{
    atom() => {required | {default, term()}, Expected :: string(), fun((term()) -> boolean())}
}.

-spec check(map(), #{atom() => required | optional}) ->
    ok | {error, {unknown_option, term(), [atom()]} | {missing_option, atom()}}.
check(Options, Known) ->
    Unknown = lists:sort(maps:keys(maps:without(maps:keys(Known), Options))),
    Missing = [
        Key
     || {Key, required} <- lists:sort(maps:to_list(Known)), not is_map_key(Key, Options)
    ],
    case {Unknown, Missing} of
        {[Key | _], _} -> {error, {unknown_option, Key, lists:sort(maps:keys(Known))}};
        {[], [Key | _]} -> {error, {missing_option, Key}};
        {[], []} -> ok
    end.

%% The options with the defaults of those that are not given, each of them a
%% value that it may have.
-spec take(term(), known()) -> {ok, map()} | {error, error_reason()}.
take(Options, Known) when is_map(Options) ->
    Needed = maps:map(
        fun
            (_, {required, _, _}) -> required;
            (_, {{default, _}, _, _}) -> optional
        end,
        Known
    ),
    case check(Options, Needed) of
        ok ->
            Bad = [
                {bad_option, Key, Value, Expected}
             || {Key, Value} <- lists:sort(maps:to_list(Options)),
                {_, Expected, Valid} <- [maps:get(Key, Known)],
                not Valid(Value)
            ],
            case Bad of
                [] ->
                    {ok, maps:merge(defaults(Known), Options)};
                [First | _] ->
                    {error, First}
            end;
        {error, Reason} ->
            {error, Reason}
    end;
take(Options, _Known) ->
    {error, {not_options, Options}}.

%% An option that is a time to wait, for ever unless it is given.
-spec timeout() -> {{default, infinity}, string(), fun((term()) -> boolean())}.
timeout() ->
    timeout(infinity, 0).

%% An option that is a time of at least so many milliseconds, or "infinity"; and one that
%% ends. A timer has room for no more than 2^32 - 1.
-spec timeout(Default, 0 | 1) -> {{default, Default}, string(), fun((term()) -> boolean())}.
timeout(Default, Least) ->
    {{default, Default}, time_text(Least) ++ ", or 'infinity'", fun(Time) ->
        Time =:= infinity orelse is_time(Time, Least)
    end}.

-spec time(Default, 0 | 1) -> {{default, Default}, string(), fun((term()) -> boolean())}.
time(Default, Least) ->
    {{default, Default}, time_text(Least), fun(Time) -> is_time(Time, Least) end}.

time_text(0) -> "milliseconds, up to 2^32 - 1";
time_text(1) -> "milliseconds, from 1 to 2^32 - 1".

is_time(Time, Least) ->
    is_integer(Time) andalso Time >= Least andalso Time < 1 bsl 32.

%% An option that is one of some atoms; the default need not be one of them.
-spec one_of(Default :: atom(), [atom()]) ->
    {{default, atom()}, string(), fun((term()) -> boolean())}.
one_of(Default, Values) ->
    Quoted = [lists:concat(["'", Value, "'"]) || Value <- Values],
    {{default, Default}, lists:append(lists:join(" or ", Quoted)), fun(Value) ->
        lists:member(Value, Values)
    end}.

%% An option that is the name of a process, with what it is unless it is given.
-spec name(Default :: atom()) -> {{default, atom()}, string(), fun((term()) -> boolean())}.
name(Default) ->
    {{default, Default}, "an atom, {local, Atom}, {global, Term} or {via, Module, Term}",
        fun is_name/1}.

is_name(Name) when is_atom(Name) -> true;
is_name({local, Name}) -> is_atom(Name);
is_name({global, _}) -> true;
is_name({via, Module, _}) -> is_atom(Module);
is_name(_) -> false.

defaults(Known) ->
    maps:from_list([{Key, Value} || {Key, {{default, Value}, _, _}} <- maps:to_list(Known)]).

-spec format_error(error_reason()) -> unicode:chardata().
format_error({unknown_option, Key, Known}) ->
    io_lib:format("unknown option ~tp; the options are ~ts", [
        Key, lists:join(", ", [atom_to_list(K) || K <- Known])
    ]);
format_error({missing_option, Key}) ->
    io_lib:format("the option ~ts is missing", [Key]);
format_error({bad_option, Key, Value, Expected}) ->
    io_lib:format("the option ~ts is ~0tP; expected ~ts", [Key, Value, 20, Expected]);
format_error({not_options, Term}) ->
    io_lib:format("~0tP is no map of options", [Term, 20]).
