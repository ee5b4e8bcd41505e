%% @private
%% Reports and failures of {@link maty_testing} as text.
-module(maty_testing_text).

-export([report/1, failure/1]).

%% As many messages of a conversation are written, the last ones.
-define(SHOWN, 50).

%% What of the role was done, as a table.
-spec report(maty_testing:report()) -> unicode:chardata().
report(#{module := Module, role := Role, protocol := Protocol, states := States} = Report) ->
    #{seed := Seed, runs := Runs, cut := Cut, faults := Faults, refused := Refused} = Report,
    Counts = [N || #{transitions := Transitions} <- States, {_, N} <- Transitions],
    Rows = lists:append([rows(State) || State <- States]),
    Width = lists:max([6 | [string:length(Text) || {_, Text, _} <- Rows]]),
    [
        io_lib:format(
            "~ts as ~ts of ~ts: ~b of ~b states, ~b of ~b transitions in ~ts, seed ~b~n",
            [
                maty_language:module(Module),
                Role,
                Protocol,
                length([ok || #{count := N} <- States, N > 0]),
                length(States),
                length([N || N <- Counts, N > 0]),
                length(Counts),
                plural(Runs, "run"),
                Seed
            ]
        ),
        [[plural(Faults, "fault"), ", ", plural(Refused, "message"), " refused\n"] || Faults > 0],
        [[plural(Cut, "run"), " cut\n"] || Cut > 0],
        ["\n  state  ", string:pad("", Width), "  count\n"],
        [
            io_lib:format("  ~5ts  ~ts  ~5b~n", [Number, string:pad(Text, Width), Count])
         || {Number, Text, Count} <- Rows
        ]
    ].

rows(#{state := State, phase := final, count := Count}) ->
    [{integer_to_list(State), "is at its end", Count}];
rows(#{state := State, phase := Phase, transitions := [First | More]}) ->
    Row = fun(Number, {Transition, Count}) -> {Number, next(Phase, [Transition]), Count} end,
    [Row(integer_to_list(State), First) | [Row("", Transition) || Transition <- More]].

next(Phase, Transitions) ->
    unicode:characters_to_list(maty_error:format_next(Phase, Transitions)).

plural(1, Noun) -> ["1 ", Noun];
plural(Count, Noun) -> [integer_to_list(Count), " ", Noun, "s"].

%% What went wrong, the conversation so far, and what was expected.
-spec failure(maty_testing:failure()) -> unicode:chardata().
failure(#{kind := Kind, module := Module, role := Role, protocol := Protocol} = Failure) ->
    #{report := Report} = Failure,
    [
        io_lib:format("~ts does not play ~ts of ~ts: ", [
            maty_language:module(Module), Role, Protocol
        ]),
        what(Kind, Failure),
        "\n",
        case Kind of
            not_covered -> ["\n", report(Report)];
            _ -> conversation(Failure)
        end
    ].

what(not_started, #{detail := Reason} = Failure) ->
    ["it could not be started\n", indented(exit_text(Reason, Failure))];
what(not_registered, #{role := Role}) ->
    io_lib:format("it did not register for ~ts", [Role]);
what(crashed, #{detail := Reason} = Failure) ->
    ["it crashed\n", indented(exit_text(Reason, Failure))];
what(ended, #{detail := Reason} = Failure) ->
    ["its process ended before the role did\n", indented(exit_text(Reason, Failure))];
what(left, _) ->
    "it left the session before the role had ended";
what(stuck, #{detail := Stack, format := Format}) ->
    Write = maps:get(stack, Format, fun stack/1),
    ["it does not go on; it stands\n", indented(string:trim(Write(Stack), leading))];
what(endless, _) ->
    "it sends without end";
what(unexpected, #{detail := Text}) ->
    ["its last message is not as expected\n", indented(Text)];
what(message, #{detail := Violation} = Failure) ->
    [
        "a message that was to be sent to it is not of the protocol\n",
        indented(maty_error:format(Violation, writer(Failure)))
    ];
what(not_covered, #{detail := Missing}) ->
    [
        "it was not seen to do all that it has to",
        [["\n  ", next(Direction, [T])] || #{direction := Direction} = T <- Missing]
    ].

conversation(#{run := Run, seed := Seed, conversation := Said, role := Role} = Failure) ->
    #{phase := Phase, next := Next, source := Source} = Failure,
    [
        io_lib:format("~nThe conversation of run ~b, seed ~b:~n", [Run, Seed]),
        said_lines(Said, Failure),
        io_lib:format("Expected of ~ts:~n", [Role]),
        case Next of
            [] ->
                "  is at its end\n";
            _ ->
                [
                    io_lib:format("  ~ts   ~ts:~b:~b~n", [next(Phase, [T]), Source, Line, Column])
                 || #{line := Line, column := Column} = T <- Next
                ]
        end
    ].

said_lines([], _Failure) ->
    "  nothing was said\n";
said_lines(Said, Failure) ->
    Before = max(0, length(Said) - ?SHOWN),
    Numbers = lists:seq(Before + 1, length(Said)),
    [
        [io_lib:format("  ... ~b more~n", [Before]) || Before > 0],
        [
            [string:pad(integer_to_list(Number), 3, leading), ". ", said(Step, Failure), "\n"]
         || {Number, Step} <- lists:zip(Numbers, lists:nthtail(Before, Said))
        ]
    ].

said({note, Role, Text}, _Failure) ->
    [atom_to_list(Role), " ", Text];
said({From, To, Message}, Failure) ->
    [Label | Payload] = tuple_to_list(Message),
    Write = writer(Failure),
    io_lib:format("~ts -> ~ts  ~ts(~ts)", [
        From, To, Label, lists:join(", ", [Write(Value) || Value <- Payload])
    ]).

indented(Text) ->
    Lines = string:split(string:trim(unicode:characters_to_list(Text)), "\n", all),
    lists:join("\n", [["  ", Line] || Line <- Lines]).

writer(#{format := Format}) ->
    maps:get(term, Format, fun(Term) -> io_lib:format("~0tP", [Term, 20]) end).

exit_text(Reason, #{format := #{exit := Write}}) ->
    Write(Reason);
exit_text({{protocol_violation, Violation}, Stack}, Failure) ->
    [maty_error:format(Violation, writer(Failure)), stack(Stack)];
exit_text({Reason, [{maty_actor, returned, _, _} | _] = Stack}, _Failure) ->
    maps:get(reason, maty_error:format_error(Reason, Stack));
exit_text({undef, [{M, F, A, _} | _] = Stack}, _Failure) ->
    [io_lib:format("undefined function ~tw:~tw/~b", [M, F, arity(A)]), stack(Stack)];
exit_text({Reason, [Frame | _] = Stack}, _Failure) when is_tuple(Frame), tuple_size(Frame) =:= 4 ->
    [io_lib:format("~0tP", [Reason, 30]), stack(Stack)];
exit_text(Reason, _Failure) ->
    io_lib:format("~0tP", [Reason, 30]).

%% Where the actor's own code was, the innermost call first.
stack(Stack) ->
    [
        io_lib:format("~n  at ~ts:~ts/~b (~ts:~b)", [
            maty_language:module(M),
            F,
            arity(A),
            filename:basename(proplists:get_value(file, Where)),
            proplists:get_value(line, Where)
        ])
     || {M, F, A, Where} <- Stack,
        proplists:is_defined(line, Where),
        not lists:member(M, [maty, maty_session, maty_actor, proc_lib])
    ].

arity(Arity) when is_integer(Arity) -> Arity;
arity(Arguments) -> length(Arguments).
