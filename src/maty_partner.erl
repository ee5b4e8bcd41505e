%% @private
%% An actor that plays a role of a session for {@link maty_testing}, once, and
%% does nothing by itself: it tells the process that started it what happens, and
%% where its role sends, asks for what.
%%
%% It tells, each with the reference it was started with and itself:
%%
%%   {session, Id}        a session has begun
%%   {got, Message}       a message has come
%%   {ask, State}         its role sends in this state; answered with say/4
%%   {refused, Violation} what it was answered is not allowed
%%   {ended, Ending}      the session has ended for it
-module(maty_partner).

-behaviour(maty_actor).

-include("maty_internal.hrl").

-export([start/3, say/4]).
-export([init_actor/1, init_session/2, terminate_session/4, handle_info/2]).

-record(partner, {owner :: pid(), reference :: reference()}).

-spec start(pid(), maty:role(), reference()) -> {ok, pid()}.
start(AccessPoint, Role, Reference) ->
    {ok, _} = maty_actor:start(?MODULE, {AccessPoint, Role, self(), Reference}, []).

%% Has a partner that asks send a message.
-spec say(pid(), reference(), maty:role(), maty:message()) -> ok.
say(Partner, Reference, To, Message) ->
    Partner ! {Reference, say, To, Message},
    ok.

-spec init_actor({pid(), maty:role(), pid(), reference()}) -> {ok, #partner{}}.
init_actor({AccessPoint, Role, Owner, Reference}) ->
    _ = erlang:monitor(process, Owner),
    maty:register(AccessPoint, Role),
    {ok, #partner{owner = Owner, reference = Reference}}.

-spec init_session(maty:session(), #partner{}) ->
    {ok, maty_actor:handler(), #partner{}, #partner{}} | {done, normal, #partner{}}.
init_session(#{id := Id}, Partner) ->
    tell({session, Id}, Partner),
    case step(Partner) of
        {suspend, Handler, Local} -> {ok, Handler, Local, Partner};
        {done, Reason, _Local} -> {done, Reason, Partner}
    end.

got(Message, Partner) ->
    tell({got, Message}, Partner),
    step(Partner).

step(Partner) ->
    #endpoint{role = Role} = Endpoint = maty_session:current(),
    case maty_session:state(Endpoint) of
        {ok, State} -> step(maty_machine:state(Role, State), State, Partner);
        %% It waits for somebody who has gone, and will be told.
        {error, _} -> {suspend, fun got/2, Partner}
    end.

step(final, _State, Partner) ->
    {done, normal, Partner};
step('receive', _State, Partner) ->
    {suspend, fun got/2, Partner};
step(send, State, #partner{reference = Reference, owner = Owner} = Partner) ->
    tell({ask, State}, Partner),
    receive
        {Reference, say, To, Message} -> send(To, Message, Partner);
        {'DOWN', _, process, Owner, _} -> exit(normal)
    end,
    step(Partner).

send(To, Message, Partner) ->
    try
        maty:send(To, Message)
    catch
        error:{protocol_violation, Violation} -> tell({refused, Violation}, Partner)
    end.

-spec terminate_session(maty_actor:ending(), maty:session(), term(), #partner{}) ->
    {ok, #partner{}}.
terminate_session(Ending, _Session, _Local, Partner) ->
    tell({ended, Ending}, Partner),
    {ok, Partner}.

-spec handle_info(term(), #partner{}) -> {noreply, #partner{}} | {stop, normal, #partner{}}.
handle_info({'DOWN', _, process, Owner, _}, #partner{owner = Owner} = Partner) ->
    {stop, normal, Partner};
handle_info(_Message, Partner) ->
    {noreply, Partner}.

tell(What, #partner{owner = Owner, reference = Reference}) ->
    Owner ! {Reference, self(), What},
    ok.
