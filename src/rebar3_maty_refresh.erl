%% @private
%% `rebar3 maty refresh', see rebar3_maty.
-module(rebar3_maty_refresh).

-export([init/1, do/1]).

-spec init(State) -> {ok, State} when State :: term().
init(State) ->
    Provider = providers:create([
        {name, refresh},
        {namespace, maty},
        {module, ?MODULE},
        {bare, true},
        {deps, [{default, app_discovery}]},
        {example, "rebar3 maty refresh"},
        {short_desc, "Has compiled again what was compiled with another protocol"},
        {desc,
            "Removes the compiled modules whose protocol has changed since, and so has "
            "them compiled again."},
        {opts, []}
    ]),
    {ok, rebar_state:add_provider(State, Provider)}.

-spec do(State) -> {ok, State} when State :: term().
do(State) ->
    Folders = lists:append([folders(App) || App <- rebar_state:project_apps(State)]),
    lists:foreach(fun file:delete/1, maty_outdated:beams(Folders)),
    {ok, State}.

%% Tests are compiled beside the application.
folders(App) ->
    Out = rebar_app_info:out_dir(App),
    Extra = rebar_dir:extra_src_dirs(rebar_app_info:opts(App)),
    [rebar_app_info:ebin_dir(App) | [filename:join(Out, Folder) || Folder <- Extra]].
