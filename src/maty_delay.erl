%% @doc Delays that grow: how long to wait before the next try.
%%
%% The n-th delay is `min * factor^n', never more than `max', and then made
%% different for everybody who waits, so that they do not all come back in the
%% same moment:
%%
%% <dl>
%% <dt>`none'</dt><dd>the delay as it is</dd>
%% <dt>`equal'</dt><dd>anything from half of the delay to the delay</dd>
%% <dt>`full'</dt><dd>anything from nothing to the delay</dd>
%% <dt>`decorrelated'</dt>
%% <dd>anything from `min' to three times the delay before, at most `max'</dd>
%% </dl>
%%
%% The kinds are those of Brooker, "Exponential Backoff and Jitter" (AWS
%% Architecture Blog, 2015). All is pure: a value in, a value out; times are in
%% milliseconds.
%%
%% ```
%% {ok, Delays} = maty_delay:new(#{min => 100, max => 5000, jitter => none}),
%% {100, Later} = maty_delay:next(Delays),
%% {200, _} = maty_delay:next(Later).
%% '''
-module(maty_delay).

-export([new/1, next/1, reset/1, options/0, format_error/1]).

-export_type([delays/0, options/0, jitter/0]).

-type jitter() :: none | equal | full | decorrelated.

%% `min' 100, `max' 30000, `factor' 2 and `jitter' `equal' unless given. With a
%% `seed' the delays are the same each time.
-type options() :: #{
    min => pos_integer(),
    max => pos_integer(),
    factor => number(),
    jitter => jitter(),
    seed => integer()
}.

-record(delays, {
    min :: pos_integer(),
    max :: pos_integer(),
    factor :: number(),
    jitter :: jitter(),
    %% What the next delay is made from.
    base :: number(),
    random :: rand:state()
}).

-opaque delays() :: #delays{}.

%% @doc Delays from the first on.
-spec new(options()) -> {ok, delays()} | {error, maty_options:error_reason()}.
new(Options) ->
    case maty_options:take(Options, options()) of
        {ok, #{min := Min, max := Max}} when Min > Max ->
            Expected = io_lib:format("at least min, ~b", [Min]),
            {error, {bad_option, max, Max, lists:flatten(Expected)}};
        {ok, #{min := Min, max := Max, factor := Factor, jitter := Jitter, seed := Seed}} ->
            Random =
                case Seed of
                    none -> rand:seed_s(exsss);
                    _ -> rand:seed_s(exsss, Seed)
                end,
            {ok, #delays{
                min = Min, max = Max, factor = Factor, jitter = Jitter, base = Min, random = Random
            }};
        {error, Reason} ->
            {error, Reason}
    end.

%% @private
%% The options, for whoever takes them among others.
-spec options() -> maty_options:known().
options() ->
    #{
        min => maty_options:time(100, 1),
        max => maty_options:time(30000, 1),
        factor =>
            {{default, 2}, "a number from 1 to 2^32", fun(F) ->
                is_number(F) andalso F >= 1 andalso F =< 1 bsl 32
            end},
        jitter =>
            {{default, equal}, "'none', 'equal', 'full' or 'decorrelated'", fun(Jitter) ->
                lists:member(Jitter, [none, equal, full, decorrelated])
            end},
        seed =>
            {{default, none}, "an integer", fun(Seed) -> Seed =:= none orelse is_integer(Seed) end}
    }.

%% @doc The next delay in milliseconds, and those after it.
-spec next(delays()) -> {non_neg_integer(), delays()}.
next(#delays{min = Min, max = Max, factor = Factor, jitter = Jitter, base = Base} = Delays) ->
    Whole = trunc(Base),
    case Jitter of
        none -> {Whole, grow(Base * Factor, Delays)};
        equal -> between(Whole - Whole div 2, Whole, Base * Factor, Delays);
        full -> between(0, Whole, Base * Factor, Delays);
        decorrelated -> decorrelated(Min, min(Max, Whole * 3), Delays)
    end.

between(From, To, Base, #delays{random = Random} = Delays) ->
    {Number, Next} = rand:uniform_s(To - From + 1, Random),
    {From + Number - 1, grow(Base, Delays#delays{random = Next})}.

decorrelated(From, To, #delays{random = Random} = Delays) ->
    {Number, Next} = rand:uniform_s(To - From + 1, Random),
    Delay = From + Number - 1,
    {Delay, grow(Delay, Delays#delays{random = Next})}.

grow(Base, #delays{max = Max} = Delays) ->
    Delays#delays{base = min(Base, Max)}.

%% @doc From the first delay on again.
-spec reset(delays()) -> delays().
reset(#delays{min = Min} = Delays) ->
    Delays#delays{base = Min}.

%% @doc The text of an error.
-spec format_error(maty_options:error_reason()) -> unicode:chardata().
format_error(Reason) ->
    maty_options:format_error(Reason).
