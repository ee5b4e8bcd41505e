%% @doc A plugin of rebar3: checks the handlers of a project, and has modules compiled
%% again when their protocol has changed.
%%
%% ```
%% {project_plugins, [{maty, {git, "https://...", {branch, "main"}}}]}.
%% '''
%%
%% `rebar3 maty check' compiles the project and checks all modules that say which roles
%% they play, as {@link maty_check} does. With
%%
%% ```
%% {provider_hooks, [{post, [{compile, {maty, check}}]}]}.
%% '''
%%
%% it does so after each compilation, which fails where a handler is wrong. Options:
%%
%% <dl>
%% <dt>`--json'</dt><dd>one object for each finding, one a line; with `QUIET=1' before the
%% command nothing else is printed</dd>
%% <dt>`--strict'</dt><dd>what cannot be known from the code is an error</dd>
%% </dl>
%%
%% rebar3 does not know that modules are made from a protocol's file. With
%%
%% ```
%% {provider_hooks, [{pre, [{compile, {maty, refresh}}]}]}.
%% '''
%%
%% what embeds a protocol that has changed, and what plays a role of it, is compiled again
%% as if its source had changed.
%%
%% Only rebar3 calls this module, and only rebar3 has what it calls.
-module(rebar3_maty).

-export([init/1, do/1]).

%% The state of rebar3.
-type state() :: term().

%% @private
-spec init(state()) -> {ok, state()}.
init(State) ->
    Provider = providers:create([
        {name, check},
        {namespace, maty},
        {module, ?MODULE},
        {bare, true},
        {deps, [{default, compile}]},
        {example, "rebar3 maty check --strict"},
        {short_desc, "Checks the handlers of all actors against their protocols"},
        {desc, "Checks the handlers of all actors of this project against their protocols."},
        {opts, [
            {json, undefined, "json", boolean, "one JSON object for each finding, one a line"},
            {strict, undefined, "strict", boolean, "what cannot be known is an error"}
        ]}
    ]),
    {ok, rebar_state:add_provider(State, Provider)}.

%% @private
-spec do(state()) -> {ok, state()}.
do(State) ->
    {Given, _} = rebar_state:command_parsed_args(State),
    Options = maps:from_list([Option || {_, _} = Option <- Given]),
    %% Before those of the plugins: what is checked may use another Maty than this one.
    ok = rebar_paths:set_paths([deps], State),
    {ok, _} = application:ensure_all_started(maty),
    Folders = [rebar_app_info:ebin_dir(App) || App <- rebar_state:project_apps(State)],
    Result = maty_check:report(maty_check:beams(Folders, maps:with([strict], Options)), Options),
    ok = rebar_paths:set_paths([plugins], State),
    case Result of
        0 -> {ok, State};
        %% An error that is returned by a hook is said to be an unknown command.
        1 -> rebar_api:abort("a handler does what its protocol does not allow", []);
        2 -> rebar_api:abort("some modules could not be checked", [])
    end.
