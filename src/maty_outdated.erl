%% @private
%% Modules to be compiled again because a protocol has changed, for build tools that know
%% of no files but sources.
%%
%% A compiled module says in its attributes which protocol it embeds, and which roles of
%% which protocols it plays. It is outdated if one of the files that these are made of is not
%% older than it: a protocol's own file, or the source of the module that embeds it. Where
%% both are of the same second it counts as outdated, for nothing tells which came first.
-module(maty_outdated).

-export([beams/1]).

%% What is outdated in these folders.
-spec beams([file:filename()]) -> [file:filename()].
beams(Folders) ->
    Beams = lists:append([
        lists:sort(filelib:wildcard(filename:join(F, "*.beam")))
     || F <- Folders
    ]),
    Read = [{Beam, Module, Found} || Beam <- Beams, {ok, Module, Found} <- [read(Beam)]],
    Modules = maps:from_list([{Module, Found} || {_, Module, Found} <- Read]),
    [Beam || {Beam, _, Found} <- Read, is_outdated(Beam, files(Found, Modules))].

%% What a module says, with its source: none where the compiler was told to leave it out.
read(Beam) ->
    case beam_lib:chunks(Beam, [attributes, compile_info]) of
        {ok, {Module, [{attributes, Attributes}, {compile_info, Info}]}} ->
            {ok, Module, {proplists:get_value(source, Info, none), Attributes}};
        {error, beam_lib, _} ->
            error
    end.

files({none, _}, _) ->
    [];
files({Source, Attributes} = Module, Modules) ->
    Played = [
        Protocol
     || {maty, Says} <- Attributes,
        {ok, #{roles := Roles}} <- [maty_handlers:options(Says)],
        {Protocol, _} <- Roles
    ],
    embedded(Module) ++
        lists:append([
            case Protocol of
                Name when is_map_key(Name, Modules) -> made_of(maps:get(Name, Modules));
                _ -> beside(Protocol, Source)
            end
         || Protocol <- Played
        ]).

made_of({Source, _} = Module) ->
    [Source || Source =/= none] ++ embedded(Module).

embedded({none, _}) ->
    [];
embedded({Source, Attributes}) ->
    lists:append([
        beside(Protocol, Source)
     || {maty_protocol, Says} <- Attributes, Protocol <- lists:flatten([Says])
    ]).

beside({file, Path}, Source) -> [filename:join(filename:dirname(Source), Path)];
beside({file, Path, _}, Source) -> beside({file, Path}, Source);
beside(_, _) -> [].

%% A file that is not there is older than everything: what wants it says so.
is_outdated(Beam, Files) ->
    Made = filelib:last_modified(Beam),
    lists:any(fun(File) -> filelib:last_modified(File) >= Made end, Files).
