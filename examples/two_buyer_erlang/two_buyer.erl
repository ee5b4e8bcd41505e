%% The protocol, and how its messages are printed.
-module(two_buyer).
-compile({parse_transform, maty_transform}).

-export([say/2]).

-maty_protocol({file, "../two_buyer/two_buyer.scr"}).

%% Prints a message and sends it, in a handler. Printing waits for the output, so
%% that the answer is always printed after it.
say(To, Message) ->
    #{id := Id, role := Role} = maty:session(),
    [Label | Payload] = tuple_to_list(Message),
    io:format("session ~ts  ~ts -> ~ts  ~ts(~ts)~n", [
        maty:format_session(Id), Role, To, Label, lists:join(", ", [text(P) || P <- Payload])
    ]),
    maty:send(To, Message).

text(Payload) ->
    io_lib:format("~tp", [Payload]).
