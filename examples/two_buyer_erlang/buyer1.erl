%% Asks for the price of a book, and offers to pay half of it.
-module(buyer1).
-behaviour(maty_actor).
-compile({parse_transform, maty_transform}).
-maty([{protocol, {file, "../two_buyer/two_buyer.scr"}}, {role, 'Buyer1'}]).

-export([init_actor/1, init_session/2, terminate_session/4]).

init_actor({AccessPoint, Title}) ->
    maty:register(AccessPoint, 'Buyer1'),
    {ok, Title}.

init_session(_Session, Title) ->
    two_buyer:say('Seller', {title, Title}),
    {ok, fun quote/2, #{}, Title}.

quote({quote, Price}, State) ->
    two_buyer:say('Buyer2', {share, Price div 2}),
    {done, normal, State}.

%% This buyer wants one book and no other.
terminate_session({done, Reason}, _Session, _State, Title) -> {stop, Reason, Title};
terminate_session({failed, Cause}, _Session, _State, Title) -> {stop, Cause, Title}.
