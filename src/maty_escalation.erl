%% @doc A supervisor that decides by the kind of error what becomes of a child.
%%
%% ```
%% maty_escalation:start_link(#{
%%     children => [
%%         #{id => chain, start => {chain, start_link, []}},
%%         #{id => network, start => {network, start_link, []}}
%%     ],
%%     policy => #{network => restart, configuration => stop}
%% })
%% '''
%%
%% The decisions are
%%
%% <dl>
%% <dt>`restart'</dt>
%% <dd>the supervisor restarts the child by its strategy, and counts it</dd>
%% <dt>`stop'</dt>
%% <dd>the child stays ended, the others go on</dd>
%% <dt>`resume'</dt>
%% <dd>the child goes on as it was: it is started by what its specification has
%% under `resume', `{Module, Function, Arguments}', which finds what the child has
%% kept; the others are left alone, and nothing is counted. A child that has no
%% such key is left ended until {@link resume/2}</dd>
%% <dt>`escalate'</dt>
%% <dd>the supervisor stops all its children and ends, and its own supervisor
%% decides</dd>
%% </dl>
%%
%% A child that ends with `normal', `shutdown' or `{shutdown, _}' has not failed:
%% what happens then its `restart' says. A `temporary' child is never started again.
%%
%% == Kinds ==
%%
%% A policy is a map from kinds to decisions; what it does not say is said by
%% `#{network => restart, configuration => stop, temporary => resume, other =>
%% escalate}', and a kind that neither has is `other'. {@link kind/1} tells the kind of an
%% exit reason. A function of one's own can be given for it as the option `kind'; and
%% instead of a map a function of the child's id and the exit reason, which decides.
%%
%% == How it is built ==
%%
%% The process is a `supervisor' of OTP, of which each child has a process of its own,
%% `maty_guard', that starts the child, sees it end and decides. It ends with the
%% child's reason to have it restarted, and with `{shutdown, {escalated, Id,
%% Reason}}' to end the supervisor, to which it is significant; otherwise it stays. So
%% strategies, intensity and what is logged are those of OTP.
-module(maty_escalation).

-behaviour(supervisor).

-export([start_link/1, child_spec/1, children/1, resume/2]).
-export([kind/1, decide/3, format_error/1]).
-export([init/1]).

-export_type([options/0, child/0, policy/0, decision/0, kind/0]).

-type decision() :: restart | stop | resume | escalate.
-type kind() :: network | configuration | temporary | other | atom().
-type policy() ::
    #{kind() => decision()} | fun((Id :: term(), Reason :: term()) -> decision()).

%% A child specification as a map, which may have `resume', too.
-type child() :: map().

%% `strategy', `intensity' and `period' are those of `supervisor', with its defaults.
-type options() :: #{
    children := [child()],
    policy => policy(),
    kind => fun((Reason :: term()) -> kind()),
    strategy => supervisor:strategy(),
    intensity => non_neg_integer(),
    period => pos_integer(),
    name => atom() | {local, atom()} | {global, term()} | {via, module(), term()}
}.

-define(POLICY, #{
    network => restart, configuration => stop, temporary => resume, other => escalate
}).
-define(DECISIONS, [restart, stop, resume, escalate]).

%% @doc Starts the supervisor, linked to the caller, and its children. A wrong
%% option or child is an error, see {@link format_error/1}.
-spec start_link(options()) -> supervisor:startlink_ret().
start_link(Options) ->
    case configure(Options) of
        {ok, none, Configured} -> supervisor:start_link(?MODULE, Configured);
        {ok, Name, Configured} when is_atom(Name) ->
            supervisor:start_link({local, Name}, ?MODULE, Configured);
        {ok, Name, Configured} -> supervisor:start_link(Name, ?MODULE, Configured);
        {error, Reason} -> {error, Reason}
    end.

%% @doc A child specification of the supervisor. The id is the name, or the module.
-spec child_spec(options()) -> supervisor:child_spec().
child_spec(Options) ->
    Id =
        case Options of
            #{name := Name} -> Name;
            #{} -> ?MODULE
        end,
    #{id => Id, start => {?MODULE, start_link, [Options]}, type => supervisor}.

%% @doc The children by id, in the order of the options; `undefined' is one that
%% was stopped or waits for {@link resume/2}.
-spec children(gen_server:server_ref()) -> [{Id :: term(), pid() | undefined}].
children(Supervisor) ->
    lists:reverse([
        {Id, child(Guard)}
     || {Id, Guard, supervisor, [maty_guard]} <- supervisor:which_children(Supervisor)
    ]).

child(Guard) when is_pid(Guard) ->
    try supervisor:which_children(Guard) of
        [{_, Pid, _, _}] -> Pid
    catch
        exit:_ -> undefined
    end;
child(_) ->
    undefined.

%% @doc Starts a child again that has ended and was left so.
-spec resume(gen_server:server_ref(), Id :: term()) -> {ok, pid() | undefined} | {error, term()}.
resume(Supervisor, Id) ->
    case lists:keyfind(Id, 1, supervisor:which_children(Supervisor)) of
        {Id, Guard, _, _} when is_pid(Guard) -> supervisor:restart_child(Guard, Id);
        {Id, _, _, _} -> {error, restarting};
        false -> {error, not_found}
    end.

%% @doc The kind of an exit reason. A reason says it itself as `{Kind, _}' with one
%% of `network', `configuration', `temporary'; else these are known, with a stack
%% trace or without, within `{error, _}' and `{badmatch, _}', too:
%%
%% <dl>
%% <dt>`network'</dt>
%% <dd>what `inet' says: `econnrefused', `econnreset', `closed', `nxdomain' ...;
%% `noconnection' and `{nodedown, _}'</dd>
%% <dt>`configuration'</dt>
%% <dd>`{missing_option, _}', `{unknown_option, _, _}', `{bad_option, _, _, _}',
%% and `undef', a function that is not there</dd>
%% <dt>`temporary'</dt>
%% <dd>`timeout', `{timeout, _}', `busy', `overload', `eagain'</dd>
%% <dt>`other'</dt><dd>anything else</dd>
%% </dl>
-spec kind(Reason :: term()) -> network | configuration | temporary | other.
kind({Kind, _}) when Kind =:= network; Kind =:= configuration; Kind =:= temporary -> Kind;
kind({error, Reason}) -> kind(Reason);
kind({badmatch, Reason}) -> kind(Reason);
kind({shutdown, Reason}) -> kind(Reason);
kind({missing_option, _}) -> configuration;
kind({unknown_option, _, _}) -> configuration;
kind({bad_option, _, _, _}) -> configuration;
kind(undef) -> configuration;
kind({timeout, _}) -> temporary;
kind({nodedown, _}) -> network;
kind({Reason, [Frame | _]}) when is_tuple(Frame) -> kind(Reason);
kind(Reason) when is_atom(Reason) -> atom_kind(Reason);
kind(_) -> other.

atom_kind(Reason) ->
    Network = [
        closed,
        econnaborted,
        econnrefused,
        econnreset,
        ehostdown,
        ehostunreach,
        enetdown,
        enetunreach,
        enotconn,
        epipe,
        etimedout,
        noconnection,
        nxdomain
    ],
    case {lists:member(Reason, Network), lists:member(Reason, [timeout, busy, overload, eagain])} of
        {true, _} -> network;
        {_, true} -> temporary;
        _ -> other
    end.

%% @private
%% What the policy says. A function that says nothing of use has failed itself,
%% and escalates.
-spec decide({policy(), fun((term()) -> kind())}, term(), term()) -> decision().
decide({Policy, _Kind}, Id, Reason) when is_function(Policy) ->
    checked(fun() -> Policy(Id, Reason) end);
decide({Policy, Kind}, _Id, Reason) ->
    checked(fun() ->
        #{other := Other} = Policy,
        maps:get(Kind(Reason), Policy, Other)
    end).

checked(Decide) ->
    try
        Decision = Decide(),
        true = lists:member(Decision, ?DECISIONS),
        Decision
    catch
        Class:Problem:Stack ->
            logger:error(
                "a policy of maty_escalation did not decide, so the error is escalated: ~tp",
                [{Class, Problem, Stack}]
            ),
            escalate
    end.

%% @doc The text of an error of {@link start_link/1}.
-spec format_error(term()) -> unicode:chardata().
format_error({bad_child, Child, Reason}) ->
    io_lib:format("~0tP is no child specification: ~0tp", [Child, 20, Reason]);
format_error(Reason) ->
    maty_options:format_error(Reason).

configure(Options) ->
    Known = #{
        children => {required, "a list of child specifications, which are maps", fun(Children) ->
            is_list(Children) andalso lists:all(fun is_map/1, Children)
        end},
        policy => {
            {default, #{}},
            "a map from kinds to 'restart', 'stop', 'resume' or 'escalate', or a function of an "
            "id and a reason",
            fun is_policy/1
        },
        kind =>
            {{default, fun ?MODULE:kind/1}, "a function of a reason", fun(Fun) ->
                is_function(Fun, 1)
            end},
        strategy =>
            {
                {default, one_for_one},
                "'one_for_one', 'one_for_all' or 'rest_for_one'",
                fun(Strategy) ->
                    lists:member(Strategy, [one_for_one, one_for_all, rest_for_one])
                end
            },
        intensity =>
            {{default, 1}, "an integer from 0", fun(N) -> is_integer(N) andalso N >= 0 end},
        period =>
            {{default, 5}, "seconds, an integer from 1", fun(N) -> is_integer(N) andalso N > 0 end},
        name => maty_options:name(none)
    },
    case maty_options:take(Options, Known) of
        {ok, #{children := Children, policy := Policy, kind := Kind, name := Name} = Taken} ->
            case guards(Children, {complete(Policy), Kind}, []) of
                {ok, Guards} -> {ok, Name, {flags(Taken), Guards}};
                {error, Reason} -> {error, Reason}
            end;
        {error, Reason} ->
            {error, Reason}
    end.

is_policy(Policy) when is_map(Policy) ->
    lists:all(fun(Decision) -> lists:member(Decision, ?DECISIONS) end, maps:values(Policy));
is_policy(Policy) ->
    is_function(Policy, 2).

complete(Policy) when is_map(Policy) -> maps:merge(?POLICY, Policy);
complete(Policy) -> Policy.

flags(Options) ->
    (maps:with([strategy, intensity, period], Options))#{auto_shutdown => any_significant}.

guards([], _Policy, Guards) ->
    {ok, lists:reverse(Guards)};
guards([Child | Children], Policy, Guards) ->
    case maty_guard:child_spec(Child, Policy) of
        {ok, Guard} -> guards(Children, Policy, [Guard | Guards]);
        {error, Reason} -> {error, Reason}
    end.

%% @private
-spec init({supervisor:sup_flags(), [supervisor:child_spec()]}) ->
    {ok, {supervisor:sup_flags(), [supervisor:child_spec()]}}.
init(Configured) ->
    {ok, Configured}.
