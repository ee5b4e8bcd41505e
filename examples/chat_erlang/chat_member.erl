%% A member tells its reader what it hears, and says what it is told to say.
-module(chat_member).
-behaviour(maty_actor).
-compile({parse_transform, maty_transform}).
-maty([{roles, [{chat_in, 'Client'}, {chat_out, 'Client'}]}]).

-export([say/2, leave/1]).
-export([init_actor/1, init_session/2, handle_call/3]).

say(Member, Text) ->
    gen_server:call(Member, {say, Text}).

leave(Member) ->
    gen_server:call(Member, leave).

init_actor({ChatIn, ChatOut, Name, Reader}) ->
    maty:register(ChatOut, 'Client'),
    maty:register(ChatIn, 'Client'),
    {ok, {Name, Reader, 0}}.

%% The member's side of ChatIn is held as well, until there is something to say.
init_session(#{protocol := 'ChatIn'}, {Name, _, _} = Actor) ->
    {hold, room, fun speak/2, Name, joined(Actor)};
init_session(#{protocol := 'ChatOut'}, {Name, Reader, _} = Actor) ->
    {ok, fun hear/2, {Name, Reader}, joined(Actor)}.

%% It takes both sessions.
joined({Name, Reader, 0}) ->
    {Name, Reader, 1};
joined({Name, Reader, 1}) ->
    Reader ! {joined, Name},
    {Name, Reader, 2}.

handle_call({say, Text}, _From, Actor) ->
    {reply, maty:become(room, {say, Text}), Actor};
handle_call(leave, _From, Actor) ->
    {reply, maty:become(room, leave), Actor}.

speak({say, Text}, Name) ->
    maty:send('Room', {'Outgoing', <<Name/binary, ": ", Text/binary>>}),
    {hold, room, fun speak/2, Name};
speak(leave, Name) ->
    maty:send('Room', {'LeaveRoom'}),
    {done, normal, Name}.

hear({'Incoming', Text}, {Name, Reader} = State) ->
    Reader ! {heard, Name, Text},
    {suspend, fun hear/2, State};
hear({'Bye'}, {Name, Reader} = State) ->
    Reader ! {left, Name},
    {done, normal, State}.
