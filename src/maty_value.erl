%% @private
%% Values of the types that payloads are declared with.
%%
%% A type is read from the text that the engine gives of it, as in `list(integer) |
%% :none'. Values are small, and depend on the state of `rand' alone; those that
%% both languages write differently (dates, times) are written as one of them does.
-module(maty_value).

-export([parse/1, value/3, generator/2]).

-export_type([type/0, language/0]).

-type type() ::
    {simple, atom()}
    | {literal, atom()}
    | {range, integer(), integer()}
    | {list, type()}
    | {tuple, [type()]}
    | {map, [{atom(), type()}]}
    | {union, [type()]}.

-type language() :: erlang | elixir.

-define(SIMPLE, [
    integer, number, float, boolean, atom, binary, string, pid, reference, date, time, datetime, any
]).
%% Longest list, string and binary.
-define(MAX_LENGTH, 4).
-define(MAX_TEXT, 12).

%% ----- Reading -----

%% What is no type that this module knows is an error with what was left of the
%% text. A name that is no type's stands for anything.
-spec parse(unicode:chardata()) -> {ok, type()} | {error, {unknown_type, string()}}.
parse(Text) ->
    try union(unicode:characters_to_list(Text)) of
        {Type, ""} -> {ok, Type};
        {_, Rest} -> {error, {unknown_type, Rest}}
    catch
        throw:{unknown_type, _} = Reason -> {error, Reason}
    end.

union(Text) ->
    case single(Text) of
        {First, " | " ++ Rest} ->
            {Type, Left} = union(Rest),
            {alternatives(First, Type), Left};
        Only ->
            Only
    end.

alternatives(First, {union, Types}) -> {union, [First | Types]};
alternatives(First, Type) -> {union, [First, Type]}.

single("list(" ++ Text) ->
    {Type, Rest} = union(Text),
    {{list, Type}, expect(")", Rest)};
single("{}" ++ Rest) ->
    {{tuple, []}, Rest};
single("{" ++ Text) ->
    {Types, Rest} = several(fun union/1, Text),
    {{tuple, Types}, expect("}", Rest)};
single("%{}" ++ Rest) ->
    {{map, []}, Rest};
single("%{" ++ Text) ->
    {Fields, Rest} = several(fun field/1, Text),
    {{map, Fields}, expect("}", Rest)};
single(":" ++ Text) ->
    {Name, Rest} = name(Text),
    {{literal, list_to_atom(Name)}, Rest};
single([C | _] = Text) when C >= $0, C =< $9; C =:= $- ->
    {Low, Rest} = string:to_integer(Text),
    case Rest of
        ".." ++ More ->
            {High, Left} = string:to_integer(More),
            {{range, Low, High}, Left};
        _ ->
            {{range, Low, Low}, Rest}
    end;
single(Text) ->
    {Name, Rest} = name(Text),
    Known = [Type || Type <- ?SIMPLE, atom_to_list(Type) =:= Name],
    {{simple, hd(Known ++ [any])}, Rest}.

several(One, Text) ->
    case One(Text) of
        {First, ", " ++ Rest} ->
            {More, Left} = several(One, Rest),
            {[First | More], Left};
        {Only, Rest} ->
            {[Only], Rest}
    end.

field(Text) ->
    {Name, Rest} = name(Text),
    {Type, Left} = union(expect(": ", Rest)),
    {{list_to_atom(Name), Type}, Left}.

name(Text) ->
    case lists:splitwith(fun is_name/1, Text) of
        {"", _} -> throw({unknown_type, Text});
        Split -> Split
    end.

is_name(C) ->
    not lists:member(C, " ,:|(){}%").

expect(Mark, Text) ->
    case lists:prefix(Mark, Text) of
        true -> lists:nthtail(length(Mark), Text);
        false -> throw({unknown_type, Text})
    end.

%% ----- Making -----

-spec value(type(), language(), rand:state()) -> {term(), rand:state()}.
value({literal, Atom}, _Language, Random) ->
    {Atom, Random};
value({range, Low, High}, _Language, Random) ->
    between(Low, High, Random);
value({list, Type}, Language, Random) ->
    {Length, Next} = between(0, ?MAX_LENGTH, Random),
    values(lists:duplicate(Length, Type), Language, Next);
value({tuple, Types}, Language, Random) ->
    {Values, Next} = values(Types, Language, Random),
    {list_to_tuple(Values), Next};
value({map, Fields}, Language, Random) ->
    {Names, Types} = lists:unzip(Fields),
    {Values, Next} = values(Types, Language, Random),
    {maps:from_list(lists:zip(Names, Values)), Next};
value({union, Types}, Language, Random) ->
    {Type, Next} = one_of(Types, Random),
    value(Type, Language, Next);
value({simple, Simple}, Language, Random) ->
    simple(Simple, Language, Random).

values(Types, Language, Random) ->
    lists:mapfoldl(fun(Type, R) -> value(Type, Language, R) end, Random, Types).

%% Now and then a number is one of those at which programs go wrong.
simple(integer, _, Random) ->
    case between(1, 8, Random) of
        {1, Next} -> one_of([0, -1, 1 bsl 31, -(1 bsl 63), 1 bsl 64], Next);
        {_, Next} -> between(0, 1000, Next)
    end;
simple(float, _, Random) ->
    {Number, Next} = between(-8000, 8000, Random),
    {Number / 8, Next};
simple(number, Language, Random) ->
    {Type, Next} = one_of([integer, float], Random),
    simple(Type, Language, Next);
simple(boolean, _, Random) ->
    one_of([true, false], Random);
simple(atom, _, Random) ->
    one_of([ok, error, none, some, true, false], Random);
simple(binary, _, Random) ->
    text(lists:seq($a, $z), Random);
simple(string, _, Random) ->
    text([16#20, 16#e9, 16#3b1, 16#20ac | lists:seq($a, $z)], Random);
simple(pid, _, Random) ->
    {self(), Random};
simple(reference, _, Random) ->
    {make_ref(), Random};
simple(date, Language, Random) ->
    {[Year, Month, Day], Next} = date(Random),
    Fields = #{year => Year, month => Month, day => Day},
    {written(Language, 'Elixir.Date', Fields, {Year, Month, Day}), Next};
simple(time, Language, Random) ->
    {[Hour, Minute, Second], Next} = time(Random),
    Fields = #{hour => Hour, minute => Minute, second => Second, microsecond => {0, 0}},
    {written(Language, 'Elixir.Time', Fields, {Hour, Minute, Second}), Next};
simple(datetime, Language, Random) ->
    {[Year, Month, Day], Next} = date(Random),
    {[Hour, Minute, Second], Rest} = time(Next),
    Fields = #{
        year => Year,
        month => Month,
        day => Day,
        hour => Hour,
        minute => Minute,
        second => Second,
        microsecond => {0, 0}
    },
    Plain = {{Year, Month, Day}, {Hour, Minute, Second}},
    {written(Language, 'Elixir.NaiveDateTime', Fields, Plain), Rest};
simple(any, Language, Random) ->
    {Type, Next} = one_of([integer, float, boolean, atom, string], Random),
    simple(Type, Language, Next).

written(erlang, _Struct, _Fields, Plain) -> Plain;
written(elixir, Struct, Fields, _Plain) ->
    Fields#{'__struct__' => Struct, calendar => 'Elixir.Calendar.ISO'}.

date(Random) -> numbers([{1970, 2099}, {1, 12}, {1, 28}], Random).

time(Random) -> numbers([{0, 23}, {0, 59}, {0, 59}], Random).

numbers(Ranges, Random) ->
    lists:mapfoldl(fun({Low, High}, R) -> between(Low, High, R) end, Random, Ranges).

text(Alphabet, Random) ->
    {Length, Next} = between(0, ?MAX_TEXT, Random),
    {Characters, Rest} = lists:mapfoldl(
        fun(_, R) -> one_of(Alphabet, R) end, Next, lists:seq(1, Length)
    ),
    {unicode:characters_to_binary(Characters), Rest}.

between(Low, High, Random) ->
    {Number, Next} = rand:uniform_s(High - Low + 1, Random),
    {Low + Number - 1, Next}.

one_of(List, Random) ->
    {Index, Next} = rand:uniform_s(length(List), Random),
    {lists:nth(Index, List), Next}.

%% ----- For PropEr -----

%% A generator that shrinks. PropEr is called by a name that is no constant, since
%% nothing else here needs it.
-spec generator(type(), language()) -> term().
generator(Type, Language) ->
    generator(Type, Language, proper_types).

generator({literal, Atom}, _, Proper) ->
    Proper:exactly(Atom);
generator({range, Low, High}, _, Proper) ->
    Proper:integer(Low, High);
generator({list, Type}, Language, Proper) ->
    Proper:list(generator(Type, Language, Proper));
generator({tuple, Types}, Language, Proper) ->
    Proper:tuple([generator(Type, Language, Proper) || Type <- Types]);
generator({map, Fields}, Language, Proper) ->
    Pairs = [{Name, generator(Type, Language, Proper)} || {Name, Type} <- Fields],
    Proper:bind(Pairs, fun maps:from_list/1, false);
generator({union, Types}, Language, Proper) ->
    Proper:union([generator(Type, Language, Proper) || Type <- Types]);
generator({simple, integer}, _, Proper) ->
    Proper:integer(inf, inf);
generator({simple, float}, _, Proper) ->
    Proper:float(inf, inf);
generator({simple, number}, _, Proper) ->
    Proper:union([Proper:integer(inf, inf), Proper:float(inf, inf)]);
generator({simple, binary}, _, Proper) ->
    Proper:binary();
generator({simple, string}, _, Proper) ->
    Character = Proper:union([Proper:integer($a, $z), Proper:integer(0, 16#d7ff)]),
    Proper:bind(Proper:list(Character), fun unicode:characters_to_binary/1, false);
generator({simple, _} = Type, Language, Proper) ->
    Proper:bind(
        Proper:integer(1, 1 bsl 32),
        fun(Seed) ->
            {Value, _} = value(Type, Language, rand:seed_s(exsss, Seed)),
            Value
        end,
        false
    ).
