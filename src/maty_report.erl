%% @private
%% The log entries of actors: what there is to report, and its text.
%%
%% An entry is a map, so that handlers of the logger can filter; the text is made
%% only where it is wanted, by a function that the actor was started with or by
%% text/2. It stands in the process dictionary of the actor. All functions but
%% text/2 are for the actor's process.
-module(maty_report).

-include("maty_internal.hrl").
-include("maty_actor.hrl").

-export([new/1, log/4, violation/1, ended/3, text/2]).

-type callback() :: fun((logger:report(), logger:report_cb_config()) -> unicode:chardata()).

-define(REPORT, '$maty_report').

%% Says what writes the text of the calling actor's entries.
-spec new(callback() | undefined) -> ok.
new(undefined) ->
    new(fun ?MODULE:text/2);
new(Callback) ->
    _ = put(?REPORT, Callback),
    ok.

-spec log(logger:level(), atom(), map(), #actor{}) -> ok.
log(Level, Event, Report, #actor{name = Name, module = Module}) ->
    logger:log(
        Level,
        Report#{event => Event, name => Name, module => Module},
        #{report_cb => get(?REPORT)}
    ).

%% A message was refused that the actor got.
-spec violation(maty_error:violation()) -> ok.
violation(Violation) ->
    maty_event:notify(violation, Violation),
    logger:log(
        warning,
        #{event => violation, violation => Violation, actor => self()},
        #{report_cb => get(?REPORT)}
    ).

%% The actor ends, and does nothing more; "About" may have the session that it ends
%% because of, and the callback that returned what it may not.
-spec ended(term(), #{session => maty:session(), callback => atom()}, #actor{}) -> ok.
ended(normal, _, _) -> ok;
ended(shutdown, _, _) -> ok;
ended({shutdown, _}, _, _) -> ok;
ended(Reason, About, #actor{name = Name, module = Module, state = State}) ->
    logger:log(
        error,
        About#{
            event => terminate,
            name => Name,
            module => Module,
            reason => Reason,
            state => State
        },
        #{report_cb => get(?REPORT), error_logger => #{tag => error}}
    ),
    forget().

%% The process ends with a report of proc_lib, which shows its dictionary. What is
%% kept there under '$maty_...' would fill pages and says nothing to people.
forget() ->
    lists:foreach(fun erase/1, [
        Key
     || Key <- get_keys(), is_atom(Key), lists:prefix("$maty_", atom_to_list(Key))
    ]).

%% ----- Texts -----

%% Reports have no key 'label': Elixir's logger drops those of labels it does not know.
-spec text(logger:report(), logger:report_cb_config()) -> unicode:chardata().
text(#{event := violation, violation := Violation, actor := Actor}, _Config) ->
    [io_lib:format("~p refused a message: ", [Actor]), maty_error:format(Violation)];
text(#{event := no_handle_info} = Report, _Config) ->
    #{name := Name, module := Module, message := Message} = Report,
    io_lib:format("~tp (~tp) got a message and has no handle_info/2: ~tp", [Name, Module, Message]);
text(#{event := access_point_down} = Report, _Config) ->
    #{name := Name, module := Module, access_point := AccessPoint, roles := Roles} = Report,
    io_lib:format("~tp (~tp) had registered as ~ts at ~tp, which has ended", [
        Name, Module, lists:join(", ", [atom_to_list(Role) || Role <- Roles]), AccessPoint
    ]);
text(#{event := registration_expired} = Report, _Config) ->
    #{name := Name, module := Module, access_point := AccessPoint, roles := Role} = Report,
    io_lib:format("~tp (~tp) had registered as ~ts at ~tp, and nobody came in time", [
        Name, Module, Role, AccessPoint
    ]);
text(#{event := turned_away} = Report, _Config) ->
    #{name := Name, module := Module, access_point := AccessPoint, roles := Role} = Report,
    io_lib:format("~tp (~tp) was turned away as ~ts by ~tp, where too many wait", [
        Name, Module, Role, AccessPoint
    ]);
text(#{event := raised} = Report, _Config) ->
    #{name := Name, module := Module, state := State} = Report,
    io_lib:format("~tp (~tp) left its role~ts: ~ts~n    session's state: ~tp", [
        Name, Module, where(Report), reason_text(Report), State
    ]);
text(#{event := terminate} = Report, _Config) ->
    #{name := Name, module := Module, state := State} = Report,
    io_lib:format("~tp (~tp) ended~ts: ~ts~n    state: ~tp", [
        Name, Module, where(Report), reason_text(Report), State
    ]).

%% The text of a violation names its session itself.
where(#{reason := {{protocol_violation, #{session := _}}, _}}) ->
    "";
where(#{session := #{id := Id, role := Role, protocol := Protocol}}) ->
    io_lib:format(" in session ~ts of ~ts as ~ts", [maty:format_session(Id), Protocol, Role]);
where(#{}) ->
    "".

reason_text(#{callback := Callback, reason := {bad_return_value, Value}}) ->
    maty_error:format_return(Callback, Value);
reason_text(#{reason := {{nocatch, Value}, [{_, _, _, _} | _] = Stack}}) ->
    exception(throw, Value, Stack);
reason_text(#{reason := {Reason, [{maty_actor, returned, _, _} | _] = Stack}}) ->
    maps:get(reason, maty_error:format_error(Reason, Stack));
reason_text(#{reason := {Reason, [{_, _, _, _} | _] = Stack}}) ->
    exception(error, Reason, Stack);
reason_text(#{reason := Reason}) ->
    io_lib:format("~tp", [Reason]).

%% As the shell and proc_lib write it, down to the code of the user.
exception(Class, Reason, Stack) ->
    Own = fun(Module, _, _) -> Module =:= maty_actor orelse Module =:= proc_lib end,
    erl_error:format_exception(Class, Reason, Stack, #{stack_trim_fun => Own, column => 5}).
