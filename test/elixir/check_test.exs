defmodule Maty.CheckTest do
  # Handlers of modules that are compiled already: from the command line, and by mix.
  use ExUnit.Case, async: true

  @moduletag :tmp_dir

  @protocol """
  protocol Ask(role Reader, role Desk) {
    ask(string) from Reader to Desk;
    choice at Desk {
      found(integer) from Desk to Reader;
    } or {
      none() from Desk to Reader;
    }
  }
  """

  @reader ~S"""
  -module(ask_reader).
  -behaviour(maty_actor).
  -maty([{protocol, {file, "ask.scr"}}, {role, 'Reader'}]).
  -export([init_actor/1, init_session/2]).

  init_actor(Ap) -> {ok, Ap}.

  init_session(_, #{to := To} = Actor) ->
      maty:send(To, {ask, <<"a \"book\"">>}),
      {ok, fun answer/2, none, Actor}.

  answer({found, _}, State) -> {done, normal, State};
  answer({none}, State) -> {done, normal, State}.
  """

  @desk """
  -module(ask_desk).
  -behaviour(maty_actor).
  -maty([{protocol, {file, "ask.scr"}}, {role, 'Desk'}]).
  -export([init_actor/1, init_session/2]).

  init_actor(Ap) -> {ok, Ap}.

  init_session(_, Actor) -> {ok, fun asked/2, none, Actor}.

  asked({ask, _}, State) ->
      ask_help:answer(<<"found">>),
      {done, normal, State}.
  """

  # Is not marked, and compiled in any order.
  @help """
  -module(ask_help).
  -export([answer/1]).

  answer(What) -> maty:send('Reader', {found, What}).
  """

  # That it sends is not to be seen from what it calls.
  @hidden """
  -module(ask_help).
  -export([answer/1]).
  -maty_session(true).

  answer(What) -> lists:foreach(fun(Send) -> Send('Reader', {found, What}) end, [fun maty:send/2]).
  """

  defp compile(dir, sources) do
    File.write!(Path.join(dir, "ask.scr"), @protocol)

    for {name, text} <- sources do
      file = Path.join(dir, "#{name}.erl")
      File.write!(file, text)
      path = String.to_charlist(file)
      {:ok, _} = :compile.file(path, [:debug_info, outdir: String.to_charlist(dir)])
    end

    dir
  end

  # Paths as if the folder were the current one.
  defp erl(dir, arguments) do
    paths = for app <- [:maty, :elixir], do: Application.app_dir(app, "ebin")
    command = ~w(-noshell -pa) ++ paths ++ ~w(-run maty_check main -extra) ++ arguments
    {output, status} = System.cmd("erl", command, stderr_to_stdout: true)
    {String.replace(output, dir <> "/", ""), status}
  end

  test "from the command line", %{tmp_dir: dir} do
    compile(dir, ask_desk: @desk, ask_help: @help, ask_reader: @reader)

    desk = """
    ask_desk.erl:11:5: error[bad-payload]: Desk sends found with field 1 of another type; expected \
    found(integer) to Reader
    after:
      1. Desk receives ask from Reader (line 2)
    ask.scr:4:5: note: the protocol has found(integer) to Reader
    ask.scr:6:5: note: the protocol has none() to Reader
    """

    assert erl(dir, [dir]) ==
             {desk <>
                """
                ask_reader.erl:9:5: warning[unknown]: what is sent here is not known, or to whom
                """, 1}

    assert erl(dir, [Path.join(dir, "ask_reader.beam")]) ==
             {"ask_reader.erl:9:5: warning[unknown]: what is sent here is not known, or to whom\n",
              0}

    assert erl(dir, ["--strict", Path.join(dir, "ask_reader.beam")]) ==
             {"ask_reader.erl:9:5: error[unknown]: what is sent here is not known, or to whom\n",
              1}

    assert erl(dir, [Path.join(dir, "ask_help.beam")]) == {"", 0}
  end

  test "a module with the mark is read", %{tmp_dir: dir} do
    compile(dir, ask_desk: @desk, ask_help: @hidden)
    assert {output, 1} = erl(dir, [dir])
    assert output =~ "ask_desk.erl:11:5: error[bad-payload]: Desk sends found with field 1"

    compile(dir, ask_desk: @desk, ask_help: String.replace(@hidden, "-maty_session(true).", ""))
    assert {output, 1} = erl(dir, [dir])
    assert output =~ "ask_desk.erl:12:5: error[bad-done]: Desk is done before"
  end

  test "as JSON", %{tmp_dir: dir} do
    compile(dir, ask_desk: @desk, ask_help: @help)

    expected = ~S"""
    {"severity":"error","class":"bad-payload","source":"ask_desk.erl","line":11,"column":5,
    "text":"Desk sends found with field 1 of another type; expected found(integer) to Reader",
    "run":"after:\u000a  1. Desk receives ask from Reader (line 2)\u000a",
    "notes":[{"source":"ask.scr","line":4,"column":5,
    "text":"the protocol has found(integer) to Reader"},
    {"source":"ask.scr","line":6,"column":5,"text":"the protocol has none() to Reader"}]}
    """

    assert erl(dir, ["--json", dir]) == {String.replace(expected, "\n", "") <> "\n", 1}
  end

  test "what cannot be checked", %{tmp_dir: dir} do
    nothing = Path.join(dir, "nothing.beam")

    assert erl(dir, [nothing]) == {"nothing.beam: no compiled module\n", 2}

    assert erl(dir, ["--jsn", nothing]) ==
             {"maty_check: unknown option --jsn; expected --json, --strict\n", 2}

    assert erl(dir, []) == {"usage: maty_check [--json] [--strict] FILE...\n", 2}
    assert erl(dir, ["--help"]) == {"usage: maty_check [--json] [--strict] FILE...\n", 0}

    empty = Path.join(dir, "empty")
    File.mkdir!(empty)
    assert erl(dir, [empty]) == {"empty: no compiled module in this folder\n", 2}
  end

  test "by mix", %{tmp_dir: dir} do
    compile(dir, ask_desk: @desk, ask_help: @help, ask_reader: @reader)

    output =
      ExUnit.CaptureIO.capture_io(fn ->
        assert catch_exit(Mix.Tasks.Maty.Check.run([dir])) == {:shutdown, 1}
      end)

    assert output =~ "ask_desk.erl:11:5: error[bad-payload]: Desk sends found with field 1"
    assert output =~ "ask_reader.erl:9:5: warning[unknown]: what is sent here is not known"

    output =
      ExUnit.CaptureIO.capture_io(fn ->
        assert Mix.Tasks.Maty.Check.run(["--json", Path.join(dir, "ask_reader.beam")]) == :ok
      end)

    assert output =~ ~S|{"severity":"warning","class":"unknown"|

    Mix.shell(Mix.Shell.Process)
    on_exit(fn -> Mix.shell(Mix.Shell.IO) end)
    assert catch_exit(Mix.Tasks.Maty.Check.run(["--jsn", dir])) == {:shutdown, 2}

    assert_received {:mix_shell, :error,
                     ["mix maty.check: unknown option --jsn; expected --json, --strict"]}
  end

  test "in Elixir, as data", %{tmp_dir: dir} do
    compile(dir, ask_reader: @reader)

    assert {:ok, [finding]} = Maty.Handlers.check(Path.join(dir, "ask_reader.beam"))

    assert %{severity: :warning, class: "unknown", line: 9, column: 5, run: "", notes: []} =
             finding

    nothing = Path.join(dir, "nothing.beam")
    assert {:error, error} = Maty.Handlers.check(nothing)
    assert Exception.message(error) == nothing <> ": no compiled module"
  end
end
