%% @doc What can go wrong, as data and as text.
-module(maty_error).

-export([status/1, format_status/1, format/1, format/2, format_next/2]).
-export([format_error/2, format_return/2]).

-export_type([status/0, violation/0]).

%% Numbered as in c_src/include/maty.h.
-define(STATUSES,
    {ok, no_memory, invalid, limit, rejected, bad_image, canceled, stale, not_owner, no_action,
        not_now, payload, wait, forged, unfinished, look, participant_dead, bad_term, full}
).

-type status() ::
    ok
    | no_memory
    | invalid
    | limit
    | rejected
    | bad_image
    | canceled
    | stale
    | not_owner
    | no_action
    | not_now
    | payload
    | wait
    | forged
    | unfinished
    | look
    | participant_dead
    | bad_term
    | full
    | engine_down.

%% What was not as the protocol says. `attempt' is what was tried: a message
%% sent to or received from a peer, or how a handler ended. `allowed' is what the
%% protocol allows at this point, each with its place in the source. `roles' are those of
%% the protocol, where a message is sent to something else.
-type violation() :: #{
    reason :=
        not_now
        | no_action
        | payload
        | forged
        | not_a_message
        | no_session
        | not_waiting
        | not_sending
        | unfinished
        | limit
        | bad_term
        | full
        | stale
        | engine_down,
    direction := send | 'receive' | suspend | hold | done,
    attempt := term(),
    peer => atom(),
    field => non_neg_integer(),
    session => non_neg_integer(),
    role => atom(),
    protocol => atom(),
    source => binary(),
    allowed => [maty_machine:transition()],
    roles => [atom()]
}.

%% @private
-spec status(non_neg_integer()) -> status().
status(Number) ->
    element(Number + 1, ?STATUSES).

%% @doc The text of a status that is no violation. That of `no_memory' names the
%% limit on memory, if there is one, and what is held.
-spec format_status(status()) -> unicode:chardata().
format_status(no_memory) ->
    try maty_engine:counters() of
        #{max_memory := 0} ->
            "out of memory";
        #{max_memory := Most, memory := Held} ->
            io_lib:format(
                "out of memory: the engine holds ~b bytes, and max_memory of the application "
                "maty is ~b",
                [Held, Most]
            )
    catch
        error:_ -> "out of memory"
    end;
format_status(Status) ->
    io_lib:format("the engine says ~tp", [Status]).

%% @doc The text of a violation: what was tried, what is wrong with it, and
%% what the protocol allows.
-spec format(violation()) -> unicode:chardata().
format(Violation) ->
    format(Violation, fun term/1).

%% @doc The same, with a function that writes the terms in it, for another
%% language than Erlang.
-spec format(violation(), fun((term()) -> unicode:chardata())) -> unicode:chardata().
format(#{reason := no_session, attempt := Attempt}, Write) ->
    io_lib:format(
        "~ts was sent outside of a session: only a handler, init_session and "
        "setup_actor can send to a role, in the actor's own process; to send from another "
        "callback, hold the session and call become there",
        [Write(Attempt)]
    );
format(Violation, Write) ->
    [who(Violation), " ", what(Violation, Write), allowed(Violation)].

who(#{role := Role, protocol := Protocol, session := Session}) ->
    io_lib:format("~ts in session ~ts of ~ts", [Role, maty:format_session(Session), Protocol]);
who(_) ->
    "an actor".

what(#{reason := Reason, direction := Direction} = Violation, Write) ->
    [attempt(Direction, Violation, Write), reason(Reason, Violation)].

attempt(send, #{attempt := Message, peer := Peer}, Write) ->
    io_lib:format("sends ~ts to ~ts", [Write(Message), Write(Peer)]);
attempt('receive', #{attempt := Message, peer := Peer}, Write) ->
    io_lib:format("was sent ~ts in the name of ~ts", [Write(Message), Peer]);
attempt('receive', #{attempt := Message}, Write) ->
    io_lib:format("was sent ~ts", [Write(Message)]);
attempt(suspend, _, _) ->
    "suspends";
attempt(hold, _, _) ->
    "holds the session";
attempt(done, _, _) ->
    "is done".

reason(not_now, _) ->
    ", which the protocol does not allow here";
reason(no_action, #{attempt := Message} = Violation) when
    is_tuple(Message), not is_atom(element(1, Message))
->
    reason(not_a_message, Violation);
reason(no_action, #{direction := send, peer := Peer}) when not is_atom(Peer) ->
    ", which is no role: a role is an atom";
reason(no_action, #{direction := send, peer := Role, role := Role}) ->
    ", which is the role that sends it";
reason(no_action, #{direction := send, peer := Peer} = Violation) ->
    case {atom_to_list(Peer), Violation} of
        {"Elixir." ++ Name, _} ->
            io_lib:format(", which is a module; the role would be :~ts", [Name]);
        {_, #{roles := Roles}} ->
            io_lib:format(", which is no role of the protocol; it has ~ts", [names(Roles)]);
        _ ->
            reason(no_action, #{})
    end;
reason(no_action, _) ->
    ", a message that the protocol does not have for this role";
reason(payload, #{field := 0}) ->
    ", with the wrong number of fields";
reason(payload, #{field := Field}) ->
    io_lib:format(", but field ~b is not of the declared type", [Field]);
reason(forged, _) ->
    ", but that role did not send it";
reason(not_a_message, _) ->
    ", which is no message: a message is a tuple of a label, an atom, and its payload";
reason(not_waiting, _) ->
    " where the protocol does not wait";
reason(not_sending, _) ->
    " where the protocol does not send";
reason(unfinished, _) ->
    " before the end of the protocol";
reason(limit, _) ->
    ", a payload too large to be looked at";
reason(bad_term, _) ->
    ", a payload that could not be read";
reason(full, _) ->
    ", to which as many messages are under way as there may be";
reason(stale, _) ->
    " in a session that has ended";
reason(engine_down, _) ->
    ", but the engine was stopped";
reason(Status, _) ->
    io_lib:format(", but the engine says ~ts", [Status]).

allowed(#{reason := full}) ->
    "";
allowed(#{allowed := []}) ->
    "; the role has come to its end";
allowed(#{allowed := Transitions, source := Source}) ->
    ["; allowed here:", [["\n    ", transition(T, Source)] || T <- Transitions]];
allowed(_) ->
    "".

transition(#{line := Line, column := Column} = Transition, Source) ->
    io_lib:format("~ts   ~ts:~b:~b", [message(Transition), Source, Line, Column]).

message(#{direction := Direction, peer := Peer, label := Label, fields := Fields}) ->
    Way =
        case Direction of
            send -> "to";
            'receive' -> "from"
        end,
    Payload = lists:join(", ", [field(Field) || Field <- Fields]),
    io_lib:format("~ts(~ts) ~s ~ts", [Label, Payload, Way, Peer]).

%% @doc In one line what a role does next.
-spec format_next(send | 'receive' | final | away, [maty_machine:transition()]) ->
    unicode:chardata().
format_next(final, []) ->
    "is at its end";
format_next(away, []) ->
    "is on another node";
format_next(Phase, Transitions) ->
    Verb =
        case Phase of
            send -> "sends ";
            'receive' -> "waits for "
        end,
    [Verb, lists:join(" | ", [message(Transition) || Transition <- Transitions])].

field({<<>>, Type}) -> Type;
field({Name, Type}) -> [Name, ": ", Type].

names(Atoms) ->
    lists:join(", ", [atom_to_list(Atom) || Atom <- Atoms]).

term(Term) ->
    io_lib:format("~0tP", [Term, 20]).

%% @private
%% What is said of an exception in place of its reason, or of its arguments, in the shell
%% and in the report of a process that ends (EEP 54); asked for by what this library
%% raises. The cause is the callback that returned what is wrong, or `handler'.
-spec format_error(term(), [term()]) -> #{reason | general | pos_integer() => binary()}.
format_error(Reason, Stack) ->
    Info = info(Stack),
    Explained = shown(explain(Reason, Info), Info),
    maps:map(fun(_, Text) -> unicode:characters_to_binary(Text) end, Explained).

info([{_, _, _, Where} | _]) -> proplists:get_value(error_info, Where, #{});
info(_) -> #{}.

%% Elixir, which gives a function to write terms with, shows no text in place of a reason.
shown(#{reason := Text}, #{pretty_printer := _}) -> #{general => Text};
shown(Explained, _) -> Explained.

explain({protocol_violation, Violation}, Info) ->
    #{reason => format(Violation, maps:get(pretty_printer, Info, fun term/1))};
explain({bad_handler_return, Handler, Value}, _) ->
    #{reason => returned(io_lib:format("~tp", [Handler]), Value, returns(handler))};
explain({bad_return_value, Value}, #{cause := Callback}) ->
    #{reason => format_return(Callback, Value)};
explain({name_held, Name}, _) ->
    #{reason => io_lib:format("another session of the actor is held as ~tp", [Name])};
explain(maty_not_started, _) ->
    #{general => "the application maty is not started; application:ensure_all_started(maty)"};
explain({no_actor, _}, _) ->
    #{1 => "not an actor"};
explain({not_a_session, _}, _) ->
    #{1 => "not a session, as init_session is given one"};
explain({unknown_event, _, Kinds}, _) ->
    #{1 => io_lib:format("the kinds are ~0tp", [Kinds])};
explain(not_an_actor, _) ->
    #{general => "only an actor can register"};
explain({no_access_point, _}, _) ->
    #{1 => "no such access point; it is started before the actors that register there"};
explain({not_received, _}, _) ->
    #{1 => "no such message of this session has come"};
explain({not_held, _, []}, _) ->
    #{1 => "this process holds no session"};
explain({not_held, _, Names}, _) ->
    #{1 => io_lib:format("held are ~0tp", [Names])};
explain({unknown_role, Role, Roles}, _) ->
    #{2 => io_lib:format("no role ~tp; the protocol has ~ts", [Role, names(Roles)])};
explain(Reason, Info) when
    element(1, Reason) =:= unknown_option;
    element(1, Reason) =:= bad_option;
    element(1, Reason) =:= not_options
->
    Text = maty_options:format_error(Reason),
    case Info of
        #{cause := handler} -> #{reason => ["a suspension: ", Text]};
        #{} -> #{3 => Text}
    end;
explain(_, _) ->
    #{}.

%% @private
%% The text of a callback that returned what it may not.
-spec format_return(atom(), term()) -> unicode:chardata().
format_return(Callback, Value) ->
    returned(atom_to_list(Callback), Value, returns(Callback)).

returned(Who, Value, Returns) ->
    [Who, " returned ", term(Value), Returns].

returns(handler) ->
    "; a handler returns {suspend, Handler, State}, {suspend, Handler, State, Options}, "
    "{hold, Name, Handler, State}, {done, Reason, State}, {leave, Reason, State} or noreply, "
    "where Handler is a function of two arguments";
returns(init_session) ->
    "; it returns {ok, Handler, SessionState, State}, {ok, Handler, SessionState, State, Options}, "
    "{hold, Name, Handler, SessionState, State}, {done, Reason, State} "
    "or {leave, Reason, State}, where Handler is a function of two arguments";
returns(setup_actor) ->
    "; it returns {ok, State}";
returns(Callback) when
    Callback =:= on_failure;
    Callback =:= handle_failure;
    Callback =:= terminate_session;
    Callback =:= access_point_down;
    Callback =:= registration_expired;
    Callback =:= turned_away
->
    "; it returns {ok, State} or {stop, Reason, State}";
%% Those of gen_server are known well enough.
returns(_) ->
    "".
