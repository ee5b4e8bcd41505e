%% @private
%% The steps of a session: every message out and in is one call of the engine.
%%
%% An endpoint is the record that its owner keeps of it; which endpoint a handler
%% runs for, and the phase that the engine said it is in, stand in the process
%% dictionary, so that user code sends by naming a role and nothing else.
%%
%% send/2 and offer/3 are the data path. What they do on success is written out
%% in one place each, and everything else is left to functions further down.
-module(maty_session).

-include("maty_internal.hrl").

-export([endpoint/6, about/1, enter/1, enter_phase/1, leave/0, current/0, phase/0]).
-export([send/2, offer/3, close/1, leave/2, deadline/1, set_deadline/2]).
-export([state/1, expected_peers/1, sender/1, sender/2, labelled_sender/3, violation/4]).

-compile({inline, [tag/1, step/4, sent/5]}).

-type endpoint() :: #endpoint{}.
-export_type([endpoint/0]).

%% Statuses of the engine that are handled apart, as they stand in a reply.
-define(REPLY_WAIT, (?REFUSED + 12)).
-define(REPLY_LOOK, (?REFUSED + 15)).

%% What a scheduler looks at in one go; see MAX_MESSAGE of the driver.
-define(MAX_SHOWN, 4 * 1024 * 1024 - 9).
%% What it encodes in one go.
-define(MAX_CALL, 64 * 1024).
%% In a message from this size on large binaries are left out, which are those from
%% the other size on; below, to show them costs less than to look for them.
-define(MIN_HOLLOW, 2048).
-define(MIN_LARGE, 256).
%% Whether large binaries are left out, as the engine is told.
-define(WHOLE, 0).
-define(HOLLOW, 1).

-spec endpoint(
    maty_engine:handle(), port(), tuple(), maty:session_id(), maty_machine:machine(), pid()
) -> endpoint().
endpoint(Handle, Port, Participants, Id, Machine, AccessPoint) ->
    RoleIndex = ?HANDLE_ROLE(Handle),
    Role = maty_machine:role(Machine, RoleIndex),
    #endpoint{
        port = Port,
        data = <<Handle:64/native>>,
        handle = Handle,
        session = Handle - RoleIndex,
        id = Id,
        role = Role,
        sends = Role#role.sends,
        labels = Role#role.told,
        participants = Participants,
        machine = Machine,
        access_point = AccessPoint,
        options = options(Role)
    }.

options(#role{deadlines = none}) -> none;
options(#role{}) -> #{}.

%% What user code is told of a session.
-spec about(endpoint()) -> maty:session().
about(#endpoint{id = Id, role = Role, machine = Machine} = Endpoint) ->
    #endpoint{participants = Participants, access_point = AccessPoint} = Endpoint,
    #{
        id => Id,
        role => Role#role.name,
        protocol => Machine#machine.protocol,
        access_point => AccessPoint,
        participants => maty_machine:actors(Machine, Participants)
    }.

%% Makes an endpoint the current one.
-spec enter(endpoint()) -> ok.
enter(Endpoint) ->
    _ = put(?CURRENT, Endpoint),
    ok.

-spec leave() -> ok.
leave() ->
    %% Not erased: the next enter/1 only has to replace it.
    _ = put(?CURRENT, undefined),
    ok.

-spec current() -> endpoint() | undefined.
current() ->
    get(?CURRENT).

%% Notes the phase of the current endpoint, as the engine said it last.
-spec enter_phase(0..2) -> ok.
enter_phase(Phase) ->
    put(?PHASE, Phase),
    ok.

%% The phase of the current endpoint; "lost" once a send found that it is gone,
%% "left" once its owner has left it.
-spec phase() -> 0..2 | lost | left.
phase() ->
    get(?PHASE).

%% ----- Sending -----

%% Sends to a role of the current session. On an error nothing has left.
-spec send(maty:role(), maty:message()) -> ok | {error, maty_error:violation()}.
send(To, {Label} = Message) ->
    send(To, Label, Message, 0);
send(To, {Label, A} = Message) ->
    send(To, Label, Message, tag(A));
send(To, {Label, A, B} = Message) ->
    send(To, Label, Message, tag(A) bor (tag(B) bsl 4));
send(To, {Label, A, B, C} = Message) ->
    send(To, Label, Message, tag(A) bor (tag(B) bsl 4) bor (tag(C) bsl 8));
send(To, {Label, A, B, C, D} = Message) ->
    Tags = tag(A) bor (tag(B) bsl 4) bor (tag(C) bsl 8) bor (tag(D) bsl 12),
    send(To, Label, Message, Tags);
send(To, Message) when is_tuple(Message), tuple_size(Message) > 0 ->
    send(To, element(1, Message), Message, too_many);
send(To, Message) ->
    case get(?CURRENT) of
        undefined -> {error, no_session(To, Message)};
        Endpoint -> {error, unknown_send(not_a_message, Endpoint, To, Message)}
    end.

%% The tags are those of the payload's fields, if they fit into a command.
send(To, Label, Message, Tags) ->
    case get(?CURRENT) of
        #endpoint{sends = Sends} = Endpoint ->
            case Sends of
                #{Label := #send{to = To} = Send} ->
                    step(Send, Message, Tags, Endpoint);
                #{Label := [_ | _] = Several} ->
                    case lists:keyfind(To, #send.to, Several) of
                        #send{} = Send -> step(Send, Message, Tags, Endpoint);
                        false -> {error, unknown_send(no_action, Endpoint, To, Message)}
                    end;
                #{} ->
                    {error, unknown_send(no_action, Endpoint, To, Message)}
            end;
        undefined ->
            {error, no_session(To, Message)}
    end.

step(Send, Message, Tags, #endpoint{port = Port, data = Data} = Endpoint) ->
    #send{command = Command, look = Look, to_index = Index, receives = Receives} = Send,
    try
        case Look of
            false when is_integer(Tags) -> port_control(Port, Command bor Tags, Data);
            _ -> show(Port, ?COMMAND(?OP_SEND_TERM, ?COMMAND_ACTION(Command)), Data, Message)
        end
    of
        [Phase, High, Low] when Phase < ?REFUSED ->
            sent(Phase, Receives bor (High bsl 8) bor Low, Index, Message, Endpoint);
        Accepted when is_integer(Accepted) ->
            sent(Accepted bsr 16, Receives bor (Accepted band 16#ffff), Index, Message, Endpoint);
        Refused ->
            {error, refused_send(Refused, Endpoint, Send#send.to, Message)}
    catch
        error:badarg ->
            {error, refused_send(engine_down, Endpoint, Send#send.to, Message)}
    end.

%% The engine has accepted it: off it goes, with the command that receives it.
sent(Phase, Command, Index, Message, Endpoint) ->
    #endpoint{session = Session, participants = Participants} = Endpoint,
    put(?PHASE, Phase),
    case element(Index + 1, Participants) of
        Actor when is_pid(Actor) ->
            Actor ! ?MESSAGE(Session + Index, Command, Message),
            ok;
        {Actor, Handle} ->
            %% It is judged in full where it arrives.
            Shown = Command + ?COMMAND(?OP_RECEIVE_TERM - ?OP_RECEIVE, 0),
            Actor ! ?MESSAGE(Handle, Shown, Message),
            ok
    end.

no_session(To, Message) ->
    #{reason => no_session, direction => send, attempt => Message, peer => To}.

%% maty_tag of c_src/include/maty.h.
tag(Value) when is_integer(Value) -> 1;
tag(Value) when is_binary(Value) -> 5;
tag(Value) when is_atom(Value), Value =/= true, Value =/= false -> 4;
tag(Value) when is_atom(Value) -> 3;
tag(Value) when is_float(Value) -> 2;
tag(Value) when is_list(Value) -> 10;
tag(Value) when is_map(Value) -> 9;
tag(Value) when is_tuple(Value) -> 8;
tag(Value) when is_pid(Value) -> 6;
tag(Value) when is_reference(Value) -> 7;
tag(_) -> 11.

%% What is shown as it is, and has no parts.
-define(IS_SMALL(Term),
    (is_atom(Term) orelse is_number(Term) orelse
        (is_binary(Term) andalso byte_size(Term) < ?MIN_LARGE))
).

%% Shows the engine a message, without its large binaries if it has any. Returns a
%% reply as of port_control/3, or if accepted also as of port_call/3.
show(Port, Command, Data, Message) ->
    case erlang:external_size(Message) < ?MIN_HOLLOW of
        true -> call(Port, Command, Data, Message);
        false -> show_large(Port, Command, Data, Message)
    end.

%% The data goes where the label stands, which the command says as well.
call(Port, Command, Data, {_Label, Field}) ->
    called(erlang:port_call(Port, Command, {Data, Field}));
call(Port, Command, Data, Message) ->
    called(erlang:port_call(Port, Command, setelement(1, Message, Data))).

called(Refused) when Refused >= ?REFUSED bsl 16 -> [Refused bsr 16, Refused band 16#ffff];
called(Accepted) -> Accepted.

%% A large binary that is declared to be a string has to be shown after all.
show_large(Port, Command, Data, Message) ->
    case show_all(Port, Command, Data, ?HOLLOW, hollow(Message)) of
        [?REPLY_LOOK | _] -> show_all(Port, Command, Data, ?WHOLE, Message);
        Reply -> Reply
    end.

%% port_call/3 encodes without giving way to others.
show_all(Port, Command, Data, Hollow, Message) ->
    case erlang:external_size(Message) of
        Size when Size =< ?MAX_CALL ->
            call(Port, Command bor ?CALL_HOLLOW(Hollow), Data, Message);
        Size when Size =< ?MAX_SHOWN ->
            port_control(Port, Command, [Data, Hollow | term_to_iovec(Message)]);
        _ ->
            limit
    end.

%% The message with bitstrings of one bit in place of large binaries. Other bitstrings
%% fit no type but "any", and get two.
hollow(Term) when ?IS_SMALL(Term); Term =:= [] ->
    Term;
hollow(Binary) when is_binary(Binary) ->
    <<0:1>>;
hollow({A, B}) ->
    {hollow(A), hollow(B)};
hollow([Head | Tail]) ->
    [hollow(Head) | hollow(Tail)];
hollow(Map) when is_map(Map) ->
    Pairs = maps:to_list(Map),
    case are_small(Pairs) of
        true -> Map;
        false -> maps:from_list(hollow(Pairs))
    end;
hollow(Tuple) when is_tuple(Tuple) ->
    list_to_tuple(hollow(tuple_to_list(Tuple)));
hollow(Bits) when is_bitstring(Bits) ->
    <<0:2>>;
hollow(Term) ->
    Term.

%% Most maps are so, and need not be made anew.
are_small([{Key, Value} | Pairs]) when ?IS_SMALL(Key), ?IS_SMALL(Value) -> are_small(Pairs);
are_small(Pairs) -> Pairs =:= [].

%% ----- Receiving -----

%% Whether a message has the label that the command's action receives. A guard: it
%% fails for what is no command or no message.
-define(IS_LABELLED(Labels, Command, Message),
    (element(?COMMAND_ACTION(Command) + 1, Labels) =:= element(1, Message))
).

%% Offers a message to an endpoint. Returns the phase after it if it is the next
%% one, "wait" if others come first, and otherwise what is wrong with it.
-spec offer(endpoint(), term(), term()) ->
    0..2 | wait | gone | {refused, maty_error:violation()}.
offer(#endpoint{labels = Labels, port = Port, data = Data} = Endpoint, Command, Message) when
    ?IS_LABELLED(Labels, Command, Message), ?COMMAND_OP(Command) =:= ?OP_RECEIVE
->
    try port_control(Port, Command, Data) of
        [Phase] when Phase < ?REFUSED -> Phase;
        [?REPLY_WAIT] -> wait;
        [Refused | _] -> refuse(maty_error:status(Refused - ?REFUSED), Endpoint, Command, Message)
    catch
        error:badarg -> gone
    end;
offer(#endpoint{labels = Labels, port = Port, data = Data} = Endpoint, Command, Message) when
    ?IS_LABELLED(Labels, Command, Message), ?COMMAND_OP(Command) =:= ?OP_RECEIVE_TERM
->
    %% Of another node.
    try show(Port, Command, Data, Message) of
        [Phase] when Phase < ?REFUSED -> Phase;
        Accepted when is_integer(Accepted) -> Accepted bsr 16;
        [?REPLY_WAIT | _] -> wait;
        [Refused | _] -> refuse(maty_error:status(Refused - ?REFUSED), Endpoint, Command, Message);
        limit -> refuse(limit, Endpoint, Command, Message)
    catch
        error:badarg -> gone
    end;
%% Several roles send this label, so who did is kept for sender/1.
offer(#endpoint{labels = Labels} = Endpoint, Command, Message) when
    element(2, element(?COMMAND_ACTION(Command) + 1, Labels)) =:= element(1, Message)
->
    Plain = setelement(?COMMAND_ACTION(Command) + 1, Labels, element(1, Message)),
    case offer(Endpoint#endpoint{labels = Plain}, Command, Message) of
        Phase when is_integer(Phase) ->
            _ = put(?TOLD, {Endpoint#endpoint.handle, ?COMMAND_ACTION(Command) + 1}),
            Phase;
        Other ->
            Other
    end;
offer(Endpoint, Command, Message) ->
    maty_engine:count(refused),
    refuse(no_action, Endpoint, Command, Message).

refuse(stale, _Endpoint, _Command, _Message) ->
    gone;
refuse(Reason, Endpoint, Command, Message) ->
    Violation = violation(Reason, 'receive', Endpoint, Message),
    case sender(Endpoint, Command) of
        {ok, Peer} -> {refused, known_sender(Violation, Peer)};
        unknown -> {refused, Violation}
    end.

%% A message that nobody sent is reported by what the protocol says of it, if
%% that is enough to refuse it.
known_sender(#{reason := forged, attempt := Message, allowed := Allowed} = Violation, Peer) ->
    Expected = [
        T
     || #{peer := P, label := L} = T <- Allowed, P =:= Peer, L =:= element(1, Message)
    ],
    case Expected of
        [] -> Violation#{peer => Peer, reason := not_now};
        [_ | _] -> Violation#{peer => Peer}
    end;
known_sender(Violation, Peer) ->
    Violation#{peer => Peer}.

%% The role that a message says it is from.
-spec sender(endpoint(), term()) -> {ok, maty:role()} | unknown.
sender(#endpoint{role = #role{peers = Peers}}, Command) when
    ?COMMAND_ACTION(Command) < tuple_size(Peers),
    (?COMMAND_OP(Command) =:= ?OP_RECEIVE orelse ?COMMAND_OP(Command) =:= ?OP_RECEIVE_TERM)
->
    {ok, element(?COMMAND_ACTION(Command) + 1, Peers)};
sender(_Endpoint, _Command) ->
    unknown.

%% The role that sent the message that the current handler was called with.
-spec sender(term()) -> {ok, maty:role()} | {error, not_received}.
sender(Message) when is_tuple(Message), tuple_size(Message) > 0 ->
    case current() of
        #endpoint{handle = Handle, role = #role{labels = Labels, peers = Peers}, labels = Told} ->
            Label = element(1, Message),
            case [I || I <- lists:seq(1, tuple_size(Labels)), element(I, Labels) =:= Label] of
                [Only] when element(Only, Told) =:= Label -> {ok, element(Only, Peers)};
                Several -> told(get(?TOLD), Handle, Several, Peers)
            end;
        undefined ->
            {error, not_received}
    end;
sender(_) ->
    {error, not_received}.

told({Handle, Index}, Handle, Several, Peers) ->
    case lists:member(Index, Several) of
        true -> {ok, element(Index, Peers)};
        false -> {error, not_received}
    end;
told(_, _, _, _) ->
    {error, not_received}.

%% The role of this node that a message is from, if it has a label of that role's. What
%% roles that are away have sent, the engine learns from what it is offered.
-spec labelled_sender(endpoint(), term(), term()) -> {ok, maty:role()} | unknown.
labelled_sender(#endpoint{role = #role{labels = Labels, peers = Peers}}, Command, Message) when
    ?IS_LABELLED(Labels, Command, Message), ?COMMAND_OP(Command) =:= ?OP_RECEIVE
->
    {ok, element(?COMMAND_ACTION(Command) + 1, Peers)};
labelled_sender(_Endpoint, _Command, _Message) ->
    unknown.

%% ----- Ending -----

-spec close(endpoint()) -> ok | {error, maty_error:status()}.
close(#endpoint{port = Port, data = Data}) ->
    try port_control(Port, ?COMMAND(?OP_CLOSE, 0), Data) of
        [0] -> ok;
        [Refused] -> {error, maty_error:status(Refused - ?REFUSED)}
    catch
        error:badarg -> {error, engine_down}
    end.

%% Gives up the endpoints that the calling process has in a session, and has it
%% told with {'$maty_left', Handle, Reason}. Of those that are gone, it is or was
%% told why.
-spec leave(maty:session(), term()) -> ok.
leave(#{id := {_Node, _} = Id} = Session, Reason) ->
    case maty_nodes:handle_of(Id) of
        {ok, Handle} -> leave(Session#{id := Handle}, Reason);
        no -> ok
    end;
leave(#{id := Id, participants := Participants}, Reason) ->
    lists:foreach(
        fun(Handle) ->
            %% The engine knows whose they are.
            case maty_engine:cancel(Handle) of
                ok -> left(Handle, Reason);
                {error, _} -> ok
            end
        end,
        lists:seq(Id, Id + map_size(Participants) - 1)
    ).

left(Handle, Reason) ->
    self() ! {'$maty_left', Handle, Reason},
    ok = maty_held:drop(Handle),
    case current() of
        #endpoint{handle = Handle} -> enter_left();
        _ -> ok
    end.

enter_left() ->
    _ = put(?PHASE, left),
    ok.

%% ----- Deadlines -----

%% The deadline that the protocol gives where the endpoint stands.
-spec deadline(endpoint()) -> timeout().
deadline(#endpoint{options = none}) ->
    infinity;
deadline(#endpoint{role = Role} = Endpoint) ->
    case state(Endpoint) of
        {ok, State} -> maty_machine:deadline(Role, State);
        {error, _} -> infinity
    end.

%% Lets an endpoint fail so many milliseconds from now, unless what it waits for has
%% been sent by then. One that is gone has failed.
-spec set_deadline(endpoint(), non_neg_integer()) -> ok | {error, no_memory}.
set_deadline(#endpoint{port = Port, data = Data}, Timeout) ->
    try port_control(Port, ?COMMAND(?OP_DEADLINE, 0), [Data, <<Timeout:32/native>>]) of
        [Refused] when Refused =:= ?REFUSED + ?NO_MEMORY -> {error, no_memory};
        _ -> ok
    catch
        error:badarg -> ok
    end.

%% ----- Looking -----

%% The number of the endpoint's state in the image.
-spec state(endpoint()) -> {ok, non_neg_integer()} | {error, maty_error:status()}.
state(#endpoint{handle = Handle}) ->
    case look(Handle) of
        {ok, _Phase, State, _Mine} -> {ok, State};
        {error, Status} -> {error, Status}
    end.

look(Handle) ->
    try
        maty_engine:info(Handle)
    catch
        error:_ -> {error, engine_down}
    end.

%% The roles that the endpoint waits for now.
-spec expected_peers(endpoint()) -> [atom()].
expected_peers(#endpoint{role = Role} = Endpoint) ->
    case state(Endpoint) of
        {ok, State} ->
            lists:usort([
                Peer
             || #{direction := 'receive', peer := Peer} <- maty_machine:transitions(Role, State)
            ]);
        {error, _} ->
            []
    end.

-spec violation(atom(), send | 'receive' | suspend | hold | done, endpoint(), term()) ->
    maty_error:violation().
violation(Reason, Direction, Endpoint, Attempt) ->
    #endpoint{role = Role, machine = Machine, id = Session} = Endpoint,
    #machine{protocol = Protocol, source = Source} = Machine,
    Violation = #{
        reason => Reason,
        direction => Direction,
        attempt => Attempt,
        session => Session,
        role => Role#role.name,
        protocol => Protocol,
        source => Source
    },
    case state(Endpoint) of
        {ok, State} -> Violation#{allowed => maty_machine:transitions(Role, State)};
        {error, _} -> Violation
    end.

%% What the engine has no number for; it is counted all the same.
unknown_send(Reason, #endpoint{machine = Machine} = Endpoint, To, Message) ->
    maty_engine:count(refused),
    Violation = refused_send(Reason, Endpoint, To, Message),
    case Machine#machine.role_index of
        #{To := _} -> Violation;
        Roles -> Violation#{roles => lists:sort(maps:keys(Roles))}
    end.

refused_send([Refused | Field], Endpoint, To, Message) ->
    Reason = maty_error:status(Refused - ?REFUSED),
    Violation = refused_send(Reason, Endpoint, To, Message),
    case lists:member(Reason, [payload, limit, bad_term]) of
        true -> Violation#{field => hd(Field)};
        false -> Violation
    end;
refused_send(full, Endpoint, To, Message) ->
    #{session := Session, protocol := Protocol, role := Role} =
        Violation = violation(full, send, Endpoint, Message),
    maty_event:notify(overload, #{
        kind => send, session => Session, protocol => Protocol, role => Role, actor => self()
    }),
    %% Where sending too much fails the sender, the endpoint is there no more.
    _ = is_map_key(allowed, Violation) orelse put(?PHASE, lost),
    Violation#{peer => To};
refused_send(Reason, Endpoint, To, Message) ->
    _ = (Reason =:= stale orelse Reason =:= engine_down) andalso put(?PHASE, lost),
    (violation(Reason, send, Endpoint, Message))#{peer => To}.
