%% @doc Who waits for whom across the sessions of a node, without an end.
%%
%% In a session that follows an accepted protocol, somebody can always go on.
%% Across sessions that need not be so: an actor holds one session until it hears
%% something in another, where somebody else holds, too:
%%
%% ```
%%     session M          session N
%%   ann waits for bob   bob waits for ann
%%   bob holds           ann holds
%% '''
%%
%% This is found by looking, when asked, or at an interval. Nothing is stopped for
%% it: the engine lists its sessions port by port, what looks like a circle is asked
%% of its actors, and what the engine says of them then has to be what it said
%% before. So an actor whose handler runs is in no circle, nor one that has messages
%% before it.
%%
%% An actor is stuck if it has a role that waits, and no role that waits can be
%% served: each waits, through others of its session or at once, for roles that
%% send next only, and whose actors are stuck. The largest such set of actors is
%% found by taking out those of whom it is not so, until none is left to take out
%% (Knapp, "Deadlock Detection in Distributed Databases", Computing Surveys 1987, for
%% the model in which any one of many may go on). A timer or a message from elsewhere
%% may still set such an actor going: only its author knows of that.
-module(maty_stuck).

-behaviour(gen_server).

-export([circles/0, format/1, start_link/0]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).

-export_type([circle/0, link/0]).

%% An actor, one of its roles that waits, and the role of the next actor in the
%% circle that it waits for.
-type link() :: #{
    actor := pid(),
    session := maty:session_id(),
    protocol := atom(),
    role := maty:role(),
    waits_for := maty:role(),
    of_actor := pid()
}.
%% The last one waits for the first.
-type circle() :: [link(), ...].

%% Milliseconds for an actor's answer: one that takes longer is running a handler.
-define(PATIENCE, 1000).

%% ----- Looking -----

%% @doc The circles of actors that wait for one another now.
-spec circles() -> [circle()].
circles() ->
    First = look(),
    case stuck(First) of
        Stuck when Stuck =:= #{} ->
            [];
        Stuck ->
            Idle = [Actor || Actor <- maps:keys(Stuck), is_idle(Actor)],
            Again = maps:with(Idle, look()),
            walks(stuck(maps:filter(fun(A, Ends) -> Ends =:= maps:get(A, First) end, Again)))
    end.

%% By actor, its roles: {Session, Protocol, Role, State, Sources}.
look() ->
    Ends = [End || Session <- maty:sessions(), End <- ends(Session)],
    maps:groups_from_list(fun({Actor, _}) -> Actor end, fun({_, End}) -> End end, Ends).

ends(#{id := Id, protocol := Protocol, roles := Roles}) ->
    ByName = maps:from_list([{Role, R} || #{role := Role} = R <- Roles]),
    [
        {Actor, {Id, Protocol, Role, State, sources(peers(R), [Role], ByName)}}
     || #{role := Role, actor := Actor, state := State} = R <- Roles
    ].

peers(#{next := Next}) ->
    lists:usort([Peer || #{direction := 'receive', peer := Peer} <- Next]).

%% What a role that waits is served by: the roles that it waits for, those that they
%% wait for, and so on. Those that send next come first.
sources([], _Seen, _Roles) ->
    [];
sources([Role | Rest], Seen, Roles) ->
    case {lists:member(Role, Seen), Roles} of
        {true, _} ->
            sources(Rest, Seen, Roles);
        {false, #{Role := #{state := send, actor := Actor}}} ->
            [{send, Role, Actor} | sources(Rest, [Role | Seen], Roles)];
        {false, #{Role := #{state := 'receive', actor := Actor} = Waits}} ->
            sources(peers(Waits) ++ Rest, [Role | Seen], Roles) ++ [{'receive', Role, Actor}];
        {false, #{}} ->
            %% At its end, gone, or played elsewhere.
            [{unknown, Role, none} | sources(Rest, [Role | Seen], Roles)]
    end.

%% ----- Who is stuck -----

%% By actor, its roles that wait. An actor that is not among those looked at is not.
stuck(Ends) ->
    Waits = maps:map(
        fun(_, Roles) -> [Role || Role <- Roles, element(4, Role) =:= 'receive'] end, Ends
    ),
    shrink(maps:filter(fun(_, Roles) -> Roles =/= [] end, Waits)).

shrink(Waits) ->
    Left = maps:filter(
        fun(_, Roles) ->
            lists:all(fun({_, _, _, _, Sources}) -> blocked(Sources, Waits) end, Roles)
        end,
        Waits
    ),
    case map_size(Left) =:= map_size(Waits) of
        true -> Left;
        false -> shrink(Left)
    end.

%% If nobody sends next, a message is under way.
blocked([{send, _, _} | _] = Sources, Waits) ->
    lists:all(fun({_, _, Actor}) -> is_map_key(Actor, Waits) end, Sources);
blocked(_, _Waits) ->
    false.

%% It answers, so no handler of it runs, and nothing came before the question.
is_idle(Actor) ->
    try gen_server:call(Actor, '$maty_sessions', ?PATIENCE) of
        _ -> erlang:process_info(Actor, message_queue_len) =:= {message_queue_len, 0}
    catch
        exit:_ -> false
    end.

%% ----- Circles -----

%% From each actor along its first wait; each circle once, its least actor first.
walks(Stuck) ->
    Next = maps:map(
        fun(Actor, Links) ->
            [{Id, Protocol, Role, _, [{send, Peer, Of} | _]} | _] = lists:sort(Links),
            #{
                actor => Actor,
                session => Id,
                protocol => Protocol,
                role => Role,
                waits_for => Peer,
                of_actor => Of
            }
        end,
        Stuck
    ),
    lists:usort([Circle || Actor <- maps:keys(Next), Circle <- walk(Actor, [], Next)]).

walk(Actor, Path, Next) ->
    case lists:member(Actor, Path) of
        true ->
            Members = [Actor | lists:takewhile(fun(A) -> A =/= Actor end, Path)],
            [circle(lists:min(Members), lists:min(Members), Next)];
        false ->
            case Next of
                #{Actor := #{of_actor := Of}} -> walk(Of, [Actor | Path], Next);
                #{} -> []
            end
    end.

circle(Actor, First, Next) ->
    #{Actor := #{of_actor := Of} = Link} = Next,
    case Of of
        First -> [Link];
        _ -> [Link | circle(Of, First, Next)]
    end.

%% @doc Circles as text for people.
-spec format([circle()]) -> unicode:chardata().
format([]) ->
    "Nobody is stuck.\n";
format(Circles) ->
    [
        ["Actors that wait for one another:\n", [format_link(Link) || Link <- Circle]]
     || Circle <- Circles
    ].

format_link(#{actor := Actor, session := Id, protocol := Protocol, role := Role} = Link) ->
    #{waits_for := Peer, of_actor := Of} = Link,
    io_lib:format("  ~p  as ~ts in ~ts ~ts waits for ~ts, which is ~p\n", [
        Actor, Role, Protocol, maty:format_session(Id), Peer, Of
    ]).

%% ----- Looking at an interval -----

%% @private
%% Looks every so many milliseconds that the environment of the application has as
%% `stuck_interval'; not at all without it.
-spec start_link() -> gen_server:start_ret() | ignore.
start_link() ->
    case application:get_env(maty, stuck_interval) of
        {ok, Interval} when is_integer(Interval), Interval > 0 ->
            gen_server:start_link(?MODULE, Interval, []);
        {ok, Other} when Other =/= infinity ->
            {error, {bad_option, stuck_interval, Other, "milliseconds, or 'infinity'"}};
        _ ->
            ignore
    end.

%% @private
-spec init(pos_integer()) -> {ok, {pos_integer(), [circle()]}}.
init(Interval) ->
    _ = erlang:send_after(Interval, self(), look),
    {ok, {Interval, []}}.

%% @private
-spec handle_call(term(), gen_server:from(), State) -> {reply, {error, term()}, State}.
handle_call(Request, _From, State) ->
    {reply, {error, {unknown_call, Request}}, State}.

%% @private
-spec handle_cast(term(), State) -> {noreply, State}.
handle_cast(_Request, State) ->
    {noreply, State}.

%% @private
%% What has been told is not told again as long as it lasts.
-spec handle_info(term(), State) -> {noreply, State}.
handle_info(look, {Interval, Known}) ->
    Circles =
        try
            circles()
        catch
            %% The engine is being started.
            error:_ -> []
        end,
    [maty_event:notify(stuck, #{circle => Circle}) || Circle <- Circles -- Known],
    _ = erlang:send_after(Interval, self(), look),
    {noreply, {Interval, Circles}};
handle_info(_Message, State) ->
    {noreply, State}.
