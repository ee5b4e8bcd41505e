%% @private
%% This node's parts of sessions whose roles are played on several nodes.
%%
%% It is the state of the engine's process (maty_engine), which is how nodes talk
%% to each other: an engine is known to others by its pid, and when it ends, or its
%% node does, or the connection to it, a monitor tells. There is one for each other
%% engine, however many sessions there are.
%%
%% A session is opened by its access point, wherever that is, in two rounds:
%%
%%   access point   ! {'$maty_prepare', ...}       to each engine with a participant
%%   engine         opens its part, other roles away; nobody is told yet. One that does
%%                  not have the protocol says so, and gets '$maty_image'
%%                  ! {'$maty_watch', ...}         to each other engine it did not watch before
%%   that engine    ! {'$maty_watched', ...}
%%   engine         ! {'$maty_prepared', ...}      what came of it, and the part's handle
%%   access point   ! {'$maty_begin', ...}         with the handles of all parts
%%   engine         ! {'$maty_start', ...}         to its participants
%%
%% or, if a part could not be opened, '$maty_abandon'. Should the access point be
%% lost between the two, the part is abandoned, and the other engines are told,
%% as some of them may have begun; there the session fails. One may hear of that
%% before it is asked for its part, and the access point, which is not lost to
%% others, may still let them begin: so that is remembered.
%%
%% An engine answers the access point only when all others of the session have said
%% that they are watched. From then on a connection that is lost, and with it what was
%% on its way, is one that a monitor stands on: whoever has not heard something is told
%% of a loss. A monitor alone may have been made after the connection was lost, and
%% stand on the next one.
%%
%% From then on actors send to one another directly. What an engine has to know of
%% roles elsewhere comes as '$maty_told', the reports of c_src/include/maty.h. Reports
%% before the second round are held back, because others may not have a part yet.
%%
%% What always holds: a part is here from its preparation to the end of its last
%% endpoint, but not before it has begun; engines that have a part of the same
%% session are monitored, unless they have been lost, and so is the access point of
%% one that has not begun.
-module(maty_nodes).

-include("maty_internal.hrl").

-export([new/0, handle/2, spans/1, handle_of/1]).

-export_type([state/0, role_place/0]).

%% Who plays a role, and where.
-type role_place() ::
    {Role :: non_neg_integer(), Engine :: pid(), Actor :: pid(), maty_engine:place()}.
%% The access point, and the number of the session there.
-type key() :: {pid(), non_neg_integer()}.

-record(part, {
    handle :: maty_engine:handle(),
    image :: non_neg_integer(),
    roles :: [role_place()],
    peers :: [Engine :: pid()],
    %% Those that have not said yet that they are watched.
    unsure :: [Engine :: pid()],
    %% False once the last endpoint here has ended.
    live = true :: boolean(),
    %% Reports that are held back, the last one first.
    begun = {held, []} :: true | {held, [tuple()]}
}).

-record(nodes, {
    parts = #{} :: #{key() => #part{}},
    keys = #{} :: #{maty_engine:handle() => key()},
    %% Other engines, and access points.
    monitors = #{} :: #{pid() => reference()},
    %% Engines that have not said yet that they are watched.
    unsure = #{} :: #{Engine :: pid() => true},
    %% Engines that gave up their part of a session before it has one here.
    early = [] :: [{key(), Engine :: pid()}]
}).

-opaque state() :: #nodes{}.

%% Parts that have begun, for whoever wants to look: {Handle, Id, Actors} and {Id, Handle}.
-define(PARTS, maty_parts).

-spec new() -> state().
new() ->
    _ = ets:new(?PARTS, [named_table, {read_concurrency, true}]),
    #nodes{}.

%% @doc What is known of a session with roles on other nodes, by its handle here:
%% its identifier, and the actors by role.
-spec spans(maty_engine:handle()) -> {ok, maty:session_id(), tuple()} | no.
spans(Handle) ->
    try ets:lookup(?PARTS, Handle) of
        [{_, Id, Actors}] -> {ok, Id, Actors};
        [] -> no
    catch
        error:badarg -> no
    end.

%% @doc The handle here of a session with roles on other nodes.
-spec handle_of(maty:session_id()) -> {ok, maty_engine:handle()} | no.
handle_of(Id) ->
    try
        {ok, ets:lookup_element(?PARTS, Id, 2)}
    catch
        error:badarg -> no
    end.

%% @doc Handles a message of the engine's process.
-spec handle(term(), state()) -> state().
handle({'$maty_prepare', AccessPoint, Number, Digest, Bound, Roles}, State) ->
    prepare({AccessPoint, Number}, Digest, Bound, Roles, State);
handle({'$maty_watch', Engine, Monitor}, State) ->
    Engine ! {'$maty_watched', self(), Monitor},
    State;
handle({'$maty_watched', Engine, Monitor}, #nodes{monitors = Monitors} = State) ->
    case Monitors of
        #{Engine := Monitor} -> sure(Engine, State);
        %% It was lost meanwhile.
        #{} -> State
    end;
handle({'$maty_image', {AccessPoint, Number}, Image}, State) ->
    %% Verified as any.
    case maty_machine:load(self(), Image) of
        {ok, _, _} ->
            State;
        {error, _} = Refused ->
            AccessPoint ! {'$maty_prepared', Number, self(), Refused},
            State
    end;
handle({'$maty_begin', Key, Handles}, State) ->
    'begin'(Key, Handles, State);
handle({'$maty_abandon', Key}, State) ->
    abandon(Key, State);
handle({'$maty_report', Handle, Role, Role_state, Live, Channels}, State) ->
    reported(Handle, {Role, Role_state, Channels}, Live > 0, State);
handle({'$maty_told', Key, Role, Role_state, Channels}, #nodes{parts = Parts} = State) ->
    case Parts of
        #{Key := #part{handle = Handle}} -> report(Handle, Role, Role_state, Channels);
        #{} -> ok
    end,
    State;
handle({'$maty_lost', {AccessPoint, _} = Key, Engine}, #nodes{parts = Parts} = State) ->
    case Parts of
        #{Key := Part} ->
            lost(Engine, Part),
            State;
        #{} ->
            #nodes{early = Early} = Watching = watch(AccessPoint, State),
            Watching#nodes{early = [{Key, Engine} | Early]}
    end;
handle({'$maty_gone', Key, Engine}, #nodes{parts = Parts} = State) ->
    case Parts of
        #{Key := Part} -> lost(Engine, Part);
        #{} -> ok
    end,
    State;
handle({'DOWN', Monitor, process, Pid, _}, #nodes{monitors = Monitors} = State) ->
    case Monitors of
        #{Pid := Monitor} ->
            Left = State#nodes{monitors = maps:remove(Pid, Monitors)},
            engine_down(Pid, sure(Pid, access_point_down(Pid, Left)));
        #{} ->
            State
    end;
handle(_Message, State) ->
    State.

%% ----- Opening -----

prepare({AccessPoint, Number} = Key, Digest, Bound, Roles, State) ->
    case maty_machine:number(self(), Digest) of
        error ->
            AccessPoint ! {'$maty_prepared', Number, self(), no_image},
            State;
        {ok, Image} ->
            Places = [place(Engine, Place) || {_, Engine, _, Place} <- Roles],
            case maty_engine:open_part(Number, Image, Bound, Places) of
                {ok, Handle} ->
                    prepared(Key, Handle, Image, Roles, State);
                Refused ->
                    AccessPoint ! {'$maty_prepared', Number, self(), Refused},
                    State
            end
    end.

%% A role with no token is away.
place(Engine, Place) when Engine =:= self() -> Place;
place(_Engine, _Place) -> maty_engine:place(0, 0).

prepared({AccessPoint, _} = Key, Handle, Image, Roles, #nodes{early = Early} = State) ->
    Peers = lists:usort([Engine || {_, Engine, _, _} <- Roles, Engine =/= self()]),
    #nodes{parts = Parts, keys = Keys, unsure = Unsure} =
        Watching = watch(AccessPoint, lists:foldl(fun watch_engine/2, State, Peers)),
    Part = #part{
        handle = Handle,
        image = Image,
        roles = Roles,
        peers = Peers,
        unsure = [Peer || Peer <- Peers, is_map_key(Peer, Unsure)]
    },
    lists:foreach(fun(Engine) -> lost(Engine, Part) end, [E || {K, E} <- Early, K =:= Key]),
    answer(Key, Part),
    Watching#nodes{
        parts = Parts#{Key => Part},
        keys = Keys#{Handle => Key},
        early = [Other || {K, _} = Other <- Early, not is_over(K, Key)]
    }.

%% An access point asks for one part after the other: whether it has nothing more to say of
%% a session that is not here when it has asked for this one.
is_over({AccessPoint, Number}, {AccessPoint, Asked}) -> Number =< Asked;
is_over(_Key, _Other) -> false.

answer({AccessPoint, Number}, #part{unsure = [], handle = Handle}) ->
    AccessPoint ! {'$maty_prepared', Number, self(), {ok, Handle}},
    ok;
answer(_Key, #part{}) ->
    ok.

watch(Pid, #nodes{monitors = Monitors} = State) when is_map_key(Pid, Monitors) ->
    State;
watch(Pid, #nodes{monitors = Monitors} = State) ->
    State#nodes{monitors = Monitors#{Pid => erlang:monitor(process, Pid)}}.

watch_engine(Engine, #nodes{monitors = Monitors} = State) when is_map_key(Engine, Monitors) ->
    State;
watch_engine(Engine, #nodes{unsure = Unsure} = State) ->
    #nodes{monitors = #{Engine := Monitor}} = Watching = watch(Engine, State),
    %% Comes to it after the monitor.
    Engine ! {'$maty_watch', self(), Monitor},
    Watching#nodes{unsure = Unsure#{Engine => true}}.

%% An engine is watched, or has been lost: either way what becomes of it is known.
sure(Engine, #nodes{unsure = Unsure, parts = Parts} = State) when is_map_key(Engine, Unsure) ->
    State#nodes{
        unsure = maps:remove(Engine, Unsure),
        parts = maps:map(fun(Key, Part) -> sure(Engine, Key, Part) end, Parts)
    };
sure(_Engine, State) ->
    State.

sure(Engine, Key, #part{unsure = Unsure} = Part) ->
    case lists:member(Engine, Unsure) of
        true ->
            Surer = Part#part{unsure = lists:delete(Engine, Unsure)},
            answer(Key, Surer),
            Surer;
        false ->
            Part
    end.

'begin'(Key, Handles, #nodes{parts = Parts} = State) ->
    case Parts of
        #{Key := #part{begun = {held, Reports}} = Part} ->
            #part{handle = Handle, image = Image, roles = Roles} = Part,
            Id = id(Roles, Handles),
            Participants = list_to_tuple([participant(Role, Handles) || Role <- Roles]),
            Begun = Part#part{begun = true},
            _ = Part#part.live andalso Part#part.peers =/= [] andalso
                ets:insert(?PARTS, [
                    {Handle, Id, list_to_tuple([P || {_, _, P, _} <- Roles])}, {Id, Handle}
                ]),
            lists:foreach(
                fun({Role, Actor, Number}) ->
                    Actor ! {'$maty_start', Number, Handle + Role, Participants, Image, Id}
                end,
                at_home(Part)
            ),
            lists:foreach(fun(Report) -> tell(Report, Begun) end, lists:reverse(Reports)),
            case Part of
                %% All roles are here; nobody has to be told anything.
                #part{peers = []} -> forget(Key, Begun, State);
                #part{live = false} -> forget(Key, Begun, State);
                #part{} -> State#nodes{parts = Parts#{Key := Begun}}
            end;
        #{} ->
            State
    end.

%% A session goes by the handle of its first role, and by the node of that if others
%% are elsewhere.
id([{0, Engine, _, _} | Rest], Handles) ->
    #{Engine := Handle} = Handles,
    case lists:all(fun({_, Other, _, _}) -> Other =:= Engine end, Rest) of
        true -> Handle;
        false -> {node(Engine), Handle}
    end.

participant({_Role, Engine, Actor, _}, _Handles) when Engine =:= self() -> Actor;
participant({Role, Engine, Actor, _}, Handles) -> {Actor, map_get(Engine, Handles) + Role}.

%% The roles that are played here, with the numbers of their registrations.
at_home(#part{roles = Roles}) ->
    [
        {Role, Actor, maty_engine:place_number(Place)}
     || {Role, Engine, Actor, Place} <- Roles, Engine =:= self()
    ].

forget(Key, #part{handle = Handle}, #nodes{parts = Parts, keys = Keys} = State) ->
    _ = [true = ets:delete(?PARTS, Id) || {_, Id, _} <- ets:lookup(?PARTS, Handle)],
    true = ets:delete(?PARTS, Handle),
    State#nodes{parts = maps:remove(Key, Parts), keys = maps:remove(Handle, Keys)}.

abandon(Key, #nodes{parts = Parts} = State) ->
    case Parts of
        #{Key := #part{handle = Handle, begun = {held, _}} = Part} ->
            _ = maty_engine:abandon_part(Handle),
            lists:foreach(
                fun({Role, Actor, _}) -> Actor ! {'$maty_void', Handle + Role} end,
                at_home(Part)
            ),
            forget(Key, Part, State);
        #{} ->
            State
    end.

%% ----- Reports -----

reported(Handle, Report, Live, #nodes{parts = Parts, keys = Keys} = State) ->
    case Keys of
        #{Handle := Key} ->
            #{Key := Part} = Parts,
            {Role, Role_state, Channels} = Report,
            Message = {'$maty_told', Key, Role, Role_state, Channels},
            case Part of
                #part{begun = {held, Reports}} ->
                    Held = Part#part{begun = {held, [Message | Reports]}, live = Live},
                    State#nodes{parts = Parts#{Key := Held}};
                #part{} ->
                    tell(Message, Part),
                    case Live of
                        true -> State;
                        false -> forget(Key, Part, State)
                    end
            end;
        #{} ->
            State
    end.

%% An engine that is not connected now is lost, or will be told so.
tell(Message, #part{peers = Peers}) ->
    lists:foreach(fun(Peer) -> erlang:send(Peer, Message, [noconnect]) end, Peers).

%% The roles that an engine played in a session.
lost(Engine, #part{handle = Handle, roles = Roles}) ->
    lists:foreach(
        fun(Role) -> report(Handle, Role, ?STATE_CANCELLED, <<>>) end,
        [Role || {Role, E, _, _} <- Roles, E =:= Engine]
    ).

report(Handle, Role, Role_state, Channels) ->
    _ = maty_engine:report_part(Handle, Role, Role_state, Channels),
    ok.

%% ----- Loss -----

access_point_down(AccessPoint, #nodes{parts = Parts, early = Early} = State) ->
    Mine = [
        {Key, Part}
     || {{A, _} = Key, #part{begun = {held, _}} = Part} <- maps:to_list(Parts), A =:= AccessPoint
    ],
    lists:foldl(
        fun({Key, Part}, Left) ->
            %% Others may have begun.
            tell({'$maty_lost', Key, self()}, Part),
            abandon(Key, Left)
        end,
        State#nodes{early = [Other || {{A, _}, _} = Other <- Early, A =/= AccessPoint]},
        Mine
    ).

%% Nothing more comes from there. What has come may still be in the mailboxes of
%% the actors here, so each is asked first whether it has looked at that.
engine_down(Engine, #nodes{parts = Parts} = State) ->
    Affected = [
        {Key, lists:usort([Actor || {_, Actor, _} <- at_home(Part)])}
     || {Key, #part{peers = Peers} = Part} <- maps:to_list(Parts), lists:member(Engine, Peers)
    ],
    Self = self(),
    _ = Affected =/= [] andalso spawn_link(fun() -> ask_actors(Self, Engine, Affected) end),
    State.

%% Asks each actor once, and says that roles are lost in each session all of whose
%% actors have answered.
ask_actors(Self, Engine, Affected) ->
    Sessions = maps:groups_from_list(
        fun({Actor, _Key}) -> Actor end,
        fun({_Actor, Key}) -> Key end,
        [{Actor, Key} || {Key, Actors} <- Affected, Actor <- Actors]
    ),
    Missing = maps:from_list([{Key, length(Actors)} || {Key, Actors} <- Affected]),
    lists:foreach(
        fun(Actor) ->
            _ = erlang:monitor(process, Actor),
            Actor ! {'$maty_flush', self()}
        end,
        maps:keys(Sessions)
    ),
    answered(Self, Engine, Sessions, Missing).

answered(_Self, _Engine, Sessions, _Missing) when Sessions =:= #{} ->
    ok;
answered(Self, Engine, Sessions, Missing) ->
    Answered =
        receive
            {'$maty_flushed', Actor} -> Actor;
            {'DOWN', _, process, Actor, _} -> Actor
        end,
    {Keys, Left} = take_or(Answered, [], Sessions),
    Fewer = lists:foldl(
        fun(Key, Counts) ->
            case Counts of
                #{Key := 1} ->
                    Self ! {'$maty_gone', Key, Engine},
                    maps:remove(Key, Counts);
                #{Key := Count} ->
                    Counts#{Key := Count - 1}
            end
        end,
        Missing,
        Keys
    ),
    answered(Self, Engine, Left, Fewer).

take_or(Key, Default, Map) ->
    case maps:take(Key, Map) of
        error -> {Default, Map};
        Taken -> Taken
    end.
