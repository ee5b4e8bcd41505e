%% The room holds its side of ChatOut, where it is its turn to send, under the member's
%% pid, and goes on with it when somebody has said something in ChatIn: it is one actor
%% in many sessions, and what happens in one of them decides what it sends in the others.
-module(chat_room).
-behaviour(maty_actor).
-compile({parse_transform, maty_transform}).
-maty([{roles, [{chat_in, 'Room'}, {chat_out, 'Room'}]}]).

-export([init_actor/1, init_session/2, handle_failure/4]).

init_actor({ChatIn, ChatOut}) ->
    maty:register(ChatIn, 'Room'),
    maty:register(ChatOut, 'Room'),
    {ok, {ChatIn, ChatOut}}.

init_session(#{protocol := 'ChatIn', participants := #{'Client' := Member}}, {ChatIn, _} = Actor) ->
    maty:register(ChatIn, 'Room'),
    {ok, fun said/2, Member, Actor};
init_session(#{protocol := 'ChatOut', participants := #{'Client' := Member}}, {_, ChatOut} = Actor) ->
    maty:register(ChatOut, 'Room'),
    {hold, Member, fun tell/2, Member, Actor}.

%% In ChatIn.
said({'Outgoing', Text}, Member) ->
    tell_all(Text),
    {suspend, fun said/2, Member};
said({'LeaveRoom'}, Member) ->
    maty:become(Member, {'Bye'}),
    {done, normal, Member}.

tell_all(Text) ->
    [maty:become(Other, {'Incoming', Text}) || Other <- maty:held()].

%% In ChatOut.
tell({'Incoming', _Text} = Message, Member) ->
    maty:send('Client', Message),
    {hold, Member, fun tell/2, Member};
tell({'Bye'}, Member) ->
    maty:send('Client', {'Bye'}),
    {done, normal, Member}.

%% A member that has crashed is noticed in ChatIn, where the room waits for it.
handle_failure({cancelled, 'Client'}, #{protocol := 'ChatIn'}, Member, Actor) ->
    maty:become(Member, {'Bye'}),
    tell_all(<<"(somebody is gone)">>),
    {ok, Actor}.
