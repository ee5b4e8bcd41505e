-module(seller).
-behaviour(maty_actor).
-compile({parse_transform, maty_transform}).
-maty([{protocol, {file, "../two_buyer/two_buyer.scr"}}, {role, 'Seller'}]).

-export([init_actor/1, init_session/2]).

init_actor(AccessPoint) ->
    maty:register(AccessPoint, 'Seller'),
    {ok, AccessPoint}.

init_session(_Session, AccessPoint) ->
    %% Stays open for the next buyers.
    maty:register(AccessPoint, 'Seller'),
    {ok, fun title/2, #{}, AccessPoint}.

title({title, Title}, State) ->
    two_buyer:say('Buyer1', {quote, price(Title)}),
    {suspend, fun decision/2, State}.

decision({address, _Address}, State) ->
    two_buyer:say('Buyer2', {date, {2026, 12, 1}}),
    {done, normal, State};
decision({quit}, State) ->
    {done, normal, State}.

price(<<"Types and Programming Languages">>) -> 154;
price(<<"The Art of Computer Programming">>) -> 398.
