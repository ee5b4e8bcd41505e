%% A supervisor of one child, and, as a second use of one small module, an actor
%% with no more callbacks than it must have.
-module(maty_otp_supervisor).

-export([init/1]).
-export([init_actor/1, init_session/2]).

init(Child) ->
    {ok, {#{strategy => one_for_one}, [Child]}}.

init_actor(none) ->
    {ok, none}.

init_session(_Session, none) ->
    {done, normal, none}.
