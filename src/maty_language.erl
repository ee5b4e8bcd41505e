%% @private
%% Text about a module's code, in the notation of its language: Erlang, or Elixir, whose
%% modules are known by their names.
-module(maty_language).

-export([of_module/1, module/1, term/2, call/4]).

-export_type([language/0]).

-type language() :: erlang | elixir.

-spec of_module(module()) -> language().
of_module(Module) ->
    case atom_to_list(Module) of
        "Elixir." ++ _ -> elixir;
        _ -> erlang
    end.

%% A module's name without Elixir's prefix.
-spec module(module()) -> string().
module(Module) ->
    case atom_to_list(Module) of
        "Elixir." ++ Name -> Name;
        Name -> Name
    end.

-spec term(term(), language()) -> unicode:chardata().
term(Term, erlang) -> io_lib:format("~0tp", [Term]);
term(Atom, elixir) when is_atom(Atom) -> atom(Atom);
term(Tuple, elixir) when is_tuple(Tuple) -> ["{", terms(tuple_to_list(Tuple)), "}"];
%% Not one that is improper, whose length cannot be taken.
term([_ | _] = List, elixir) when length(List) > 0 -> ["[", terms(List), "]"];
term(Binary, elixir) when is_binary(Binary) ->
    case unicode:characters_to_list(Binary) of
        Text when is_list(Text) -> io_lib:format("~0tp", [Text]);
        _ -> io_lib:format("~0tp", [Binary])
    end;
term(Term, elixir) -> io_lib:format("~0tp", [Term]).

terms(Terms) -> lists:join(", ", [term(Term, elixir) || Term <- Terms]).

atom(Atom) when Atom =:= nil; is_boolean(Atom) ->
    atom_to_list(Atom);
atom(Atom) ->
    case atom_to_list(Atom) of
        "Elixir." ++ Module ->
            Module;
        Name ->
            case re:run(Name, "^[\\pL_][\\pL\\pN_@]*[?!]?$", [unicode, {capture, none}]) of
                match -> [":", Name];
                nomatch -> [":", io_lib:format("~0tp", [Name])]
            end
    end.

-spec call(module(), atom(), arity(), language()) -> unicode:chardata().
call(Module, Name, Arity, erlang) -> io_lib:format("~tw:~tw/~b", [Module, Name, Arity]);
call(Module, Name, Arity, elixir) -> io_lib:format("~ts.~ts/~b", [atom(Module), Name, Arity]).
