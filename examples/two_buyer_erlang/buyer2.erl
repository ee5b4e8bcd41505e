%% Buys if its half is within its budget.
-module(buyer2).
-behaviour(maty_actor).
-compile({parse_transform, maty_transform}).
-maty([{protocol, {file, "../two_buyer/two_buyer.scr"}}, {role, 'Buyer2'}]).

-export([init_actor/1, init_session/2, terminate_session/4]).

init_actor({AccessPoint, Budget}) ->
    maty:register(AccessPoint, 'Buyer2'),
    {ok, Budget}.

init_session(_Session, Budget) ->
    {ok, fun share/2, Budget, Budget}.

share({share, Amount}, Budget) when Amount =< Budget ->
    two_buyer:say('Seller', {address, <<"12 Grimmauld Place">>}),
    {suspend, fun date/2, Budget};
share({share, _Amount}, Budget) ->
    two_buyer:say('Seller', {quit}),
    {done, normal, Budget}.

date({date, _Date}, Budget) ->
    {done, normal, Budget}.

terminate_session(Ending, Session, State, Budget) ->
    buyer1:terminate_session(Ending, Session, State, Budget).
