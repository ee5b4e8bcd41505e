%% erlc -pa MATY/ebin *.erl && erl -pa MATY/ebin -noshell -s chat
%%
%% The chat room of examples/chat: three members talk, one leaves, one is killed.
-module(chat).

-export([start/0]).

start() ->
    {ok, _} = application:ensure_all_started(maty),
    {ok, ChatIn} = maty_access_point:start_link(chat_in),
    {ok, ChatOut} = maty_access_point:start_link(chat_out),
    {ok, _Room} = maty_actor:start_link(chat_room, {ChatIn, ChatOut}),
    Names = [Ann, Bob, _Eve] = [<<"Ann">>, <<"Bob">>, <<"Eve">>],
    [AnnPid, BobPid, EvePid] = [join(Name, ChatIn, ChatOut) || Name <- Names],
    chat_member:say(AnnPid, <<"Hello!">>),
    read(Names),
    chat_member:say(BobPid, <<"Hi Ann">>),
    chat_member:say(BobPid, <<"and Eve">>),
    read(Names ++ Names),
    chat_member:leave(BobPid),
    read([Bob]),
    exit(EvePid, kill),
    read([Ann]),
    chat_member:leave(AnnPid),
    read([Ann]),
    halt(0).

join(Name, ChatIn, ChatOut) ->
    {ok, Member} = maty_actor:start(chat_member, {ChatIn, ChatOut, Name, self()}),
    read([Name]),
    Member.

%% Prints what each of the members sees next.
read(Names) ->
    lists:foreach(fun read_one/1, Names).

read_one(Name) ->
    receive
        {joined, Name} -> io:format("~ts has joined~n", [Name]);
        {heard, Name, Text} -> io:format("~ts reads  ~ts~n", [Name, Text]);
        {left, Name} -> io:format("~ts has left~n", [Name])
    end.
