%% erlc -pa MATY/ebin *.erl && erl -pa MATY/ebin -noshell -s demo
%%
%% One seller serves two pairs of buyers at the same time, then refuses three
%% messages of a third. Ends with exit status 1 if anything is not as it should be.
-module(demo).
-behaviour(maty_actor).
-compile({parse_transform, maty_transform}).
-maty([{protocol, {file, "../two_buyer/two_buyer.scr"}}, {role, 'Buyer1'}]).

-export([start/0]).
-export([init_actor/1, init_session/2, terminate_session/4]).

start() ->
    try
        run(),
        halt(0)
    catch
        Class:Reason:Stack ->
            io:put_chars(erl_error:format_exception(Class, Reason, Stack)),
            halt(1)
    end.

run() ->
    {ok, _} = application:ensure_all_started(maty),
    process_flag(trap_exit, true),
    {ok, AccessPoint} = maty_access_point:start_link(two_buyer),
    %% Nothing begins before there is a seller.
    Buyers = [
        actor(buyer1, {AccessPoint, <<"Types and Programming Languages">>}),
        actor(buyer2, {AccessPoint, 100}),
        actor(buyer1, {AccessPoint, <<"The Art of Computer Programming">>}),
        actor(buyer2, {AccessPoint, 150})
    ],
    Seller = actor(seller, AccessPoint),
    lists:foreach(fun await/1, Buyers),
    Careless = [
        actor(?MODULE, {AccessPoint, <<"Types and Programming Languages">>}),
        actor(buyer2, {AccessPoint, 20})
    ],
    lists:foreach(fun await/1, Careless),
    %% The seller hears last.
    [] = maty:sessions(Seller),
    #{sessions_opened := 3, sessions_closed := 3, sent := 13, refused := 3} = maty:counters(),
    ok.

actor(Module, Argument) ->
    {ok, Pid} = maty_actor:start_link(Module, Argument),
    Pid.

%% Buyers end with their conversation.
await(Pid) ->
    receive
        {'EXIT', Pid, normal} -> ok;
        {'EXIT', Pid, Reason} -> error({buyer_ended, Reason})
    after 30000 -> error({no_end, maty:sessions()})
    end.

%% ----- A careless first buyer: tries what the protocol does not allow, then
%% goes on as buyer1 does -----

init_actor(Argument) ->
    buyer1:init_actor(Argument).

init_session(Session, Title) ->
    refused("a wrong label", 'Seller', {tilte, Title}),
    refused("a wrong payload", 'Seller', {title, 42}),
    refused("a wrong moment", 'Buyer2', {share, 77}),
    buyer1:init_session(Session, Title).

refused(What, To, Message) ->
    try maty:send(To, Message) of
        ok -> error({not_refused, Message})
    catch
        error:{protocol_violation, Violation} ->
            io:format("~ts is refused: ~ts~n", [What, maty_error:format(Violation)])
    end.

terminate_session(Ending, Session, State, Title) ->
    buyer1:terminate_session(Ending, Session, State, Title).
