%% An actor that plays one role of the two buyers over and over, and counts on its
%% node how its sessions end; and the processes of one node that do so.
-module(maty_fault_actors).

-behaviour(maty_actor).

-export([start/3, stop/1, begin_end/0, tally/0, access_point/0, upgrade/2, victim/0]).
-export([init/1, actor/2]).
-export([init_actor/1, init_session/2, terminate_session/4, handle_info/2]).
-export([access_point_down/3, turned_away/3, registration_expired/3]).

-define(TALLY, ?MODULE).
-define(SHOP, maty_faults_shop).

%% Of registrations, in milliseconds: how long a first buyer waits, and until one that
%% was turned away comes again.
-define(PATIENCE, 20).
-define(AGAIN, 5).

%% Starts what plays on this node: so many actors of each role, for an access
%% point that has a name on a node. Whoever is to be told is told of each end of a
%% session.
start(Shop, Told, Roles) ->
    Caller = self(),
    Pid = spawn(fun() ->
        ?TALLY = ets:new(?TALLY, [named_table, public]),
        true = ets:insert(?TALLY, {told, Told}),
        {ok, Supervisor} = supervisor:start_link(?MODULE, {Shop, Roles}),
        Caller ! {self(), Supervisor},
        process_flag(trap_exit, true),
        receive
            stop -> exit(Supervisor, shutdown)
        end,
        receive
            {'EXIT', Supervisor, _} -> ok
        end
    end),
    receive
        {Pid, Supervisor} -> {Pid, Supervisor}
    end.

stop({Keeper, _Supervisor}) ->
    Monitor = erlang:monitor(process, Keeper),
    Keeper ! stop,
    receive
        {'DOWN', Monitor, process, Keeper, _} -> ok
    end.

%% From now on nobody registers any more.
begin_end() ->
    true = ets:insert(?TALLY, {ending, 1}),
    ok.

%% How many sessions have begun and ended for an actor here.
tally() ->
    maps:from_list(ets:tab2list(?TALLY)).

count(What) ->
    ets:update_counter(?TALLY, What, 1, {What, 0}).

%% Any actor of this node.
victim() ->
    Supervisor = ets:lookup_element(?TALLY, supervisor, 2),
    Actors = [Pid || {_, Pid, _, _} <- supervisor:which_children(Supervisor), is_pid(Pid)],
    lists:nth(rand:uniform(length(Actors)), Actors).

%% The protocol, with its roles in one order or another: they are versions of one
%% another.
protocol(Version) ->
    Roles = lists:nth(Version, [
        "role Buyer1, role Buyer2, role Seller", "role Seller, role Buyer2, role Buyer1"
    ]),
    {ok, Protocol} = maty_protocol:from_string([
        "global protocol TwoBuyer(",
        Roles,
        ") {"
        "  title(string) from Buyer1 to Seller; quote(integer) from Seller to Buyer1;"
        "  share(integer) from Buyer1 to Buyer2;"
        "  choice at Buyer2 { address(string) from Buyer2 to Seller;"
        "    date(date) from Seller to Buyer2; }"
        "  or { quit() from Buyer2 to Seller; } }"
    ]),
    Protocol.

%% Moves the access point to another version. It may be restarting.
upgrade(Shop, Version) ->
    try maty_access_point:upgrade(Shop, protocol(Version)) of
        ok -> ok;
        {error, {engine, _}} -> upgrade(Shop, Version)
    catch
        exit:_ -> upgrade(Shop, Version)
    end.

%% The access point of this node, under a supervisor that is not linked. Of twenty first
%% buyers it lets ten wait.
access_point() ->
    Protocol = protocol(1),
    Caller = self(),
    Keeper = spawn(fun() ->
        process_flag(trap_exit, true),
        {ok, _} = supervisor:start_link(?MODULE, {access_point, Protocol}),
        Caller ! {self(), started},
        receive
            stop -> exit(shutdown)
        end
    end),
    receive
        {Keeper, started} -> {Keeper, {?SHOP, node()}}
    end.

init({access_point, Protocol}) ->
    Child = maty_access_point:child_spec(#{
        protocol => Protocol, name => ?SHOP, max_waiting => 10, drop => oldest, max_under_way => 2
    }),
    {ok, {#{intensity => 1000000, period => 1}, [Child]}};
init({Shop, Roles}) ->
    true = ets:insert(?TALLY, {supervisor, self()}),
    {ok,
        {#{intensity => 1000000, period => 1}, [
            #{
                id => {Role, Number},
                start => {?MODULE, actor, [Shop, Role]},
                shutdown => brutal_kill
            }
         || {Role, Count} <- Roles, Number <- lists:seq(1, Count)
        ]}}.

%% Tries again while the engine is being restarted.
actor(Shop, Role) ->
    case maty_actor:start_link(?MODULE, {Shop, Role}) of
        {ok, Pid} ->
            {ok, Pid};
        {error, _} ->
            erlang:yield(),
            actor(Shop, Role)
    end.

%% ----- The actor -----

init_actor({Shop, Role}) ->
    process_flag(trap_exit, false),
    ok = register_again(Shop, Role),
    {ok, {Shop, Role}}.

register_again(Shop, Role) ->
    case ets:member(?TALLY, ending) of
        true -> ok;
        false when Role =:= 'Buyer1' -> maty:register(Shop, Role, #{timeout => ?PATIENCE});
        false -> maty:register(Shop, Role)
    end.

init_session(_Session, {Shop, 'Seller'} = State) ->
    _ = count(begun),
    %% If it is gone, the actor that is started next will wait for it.
    register_again(Shop, 'Seller'),
    {ok, fun title/2, none, State};
init_session(_Session, {_, 'Buyer1'} = State) ->
    _ = count(begun),
    maty:send('Seller', {title, <<"Types">>}),
    {ok, fun quote/2, none, State};
init_session(_Session, {_, 'Buyer2'} = State) ->
    _ = count(begun),
    {ok, fun share/2, none, State}.

title({title, _}, none) ->
    maty:send('Buyer1', {quote, 154}),
    {suspend, fun decision/2, none}.

quote({quote, Price}, none) ->
    maty:send('Buyer2', {share, Price div 2}),
    {done, normal, none}.

share({share, Share}, none) ->
    case rand:uniform(2) of
        1 ->
            maty:send('Seller', {quit}),
            {done, normal, none};
        2 ->
            maty:send('Seller', {address, integer_to_binary(Share)}),
            {suspend, fun date/2, none}
    end.

decision({quit}, none) ->
    {done, normal, none};
decision({address, _}, none) ->
    maty:send('Buyer2', {date, {2026, 12, 1}}),
    {done, normal, none}.

date({date, _}, none) ->
    {done, normal, none}.

terminate_session(Ending, _Session, _Local, {Shop, Role} = State) ->
    _ =
        case Ending of
            {done, _} -> count(done);
            {failed, Cause} -> count({failed, Cause})
        end,
    Told = ets:lookup_element(?TALLY, told, 2),
    _ = is_pid(Told) andalso (Told ! {?MODULE, ended}),
    _ = Role =/= 'Seller' andalso register_again(Shop, Role),
    {ok, State}.

access_point_down(_AccessPoint, _Roles, State) ->
    {stop, shutdown, State}.

%% Its place is somebody else's for a moment.
turned_away(_AccessPoint, Role, State) ->
    _ = count({turned_away, Role}),
    _ = erlang:send_after(?AGAIN, self(), again),
    {ok, State}.

registration_expired(_AccessPoint, Role, {Shop, Role} = State) ->
    _ = count({expired, Role}),
    ok = register_again(Shop, Role),
    {ok, State}.

handle_info(again, {Shop, Role} = State) ->
    ok = register_again(Shop, Role),
    {noreply, State}.
