defmodule Maty.ProtocolTest do
  use ExUnit.Case, async: true

  doctest Maty.Protocol
  doctest Maty.Verdict
  doctest Maty.Error

  @accepted """
  global protocol Ping(role A, role B) {
    ping(integer) from A to B;
  }
  """

  # B is not told which way A went.
  @rejected """
  global protocol Lost(role A, role B, role C) {
    choice at A {
      left() from A to C;
      go() from C to B;
    } or {
      right() from A to C;
    }
  }
  """

  @several @accepted <> "global protocol Pong(role A, role B) { pong() from B to A; }\n"

  @moduletag :tmp_dir

  # The module's source is a file in the folder; returns what compiling it raises.
  defp compile_error(folder, options) do
    path = Path.join(folder, "embeds.ex")

    File.write!(
      path,
      "defmodule Maty.ProtocolTest.Embeds do\n  use Maty.Protocol, #{options}\nend\n"
    )

    assert_raise CompileError, fn -> Code.compile_file(path) end
  end

  defp compile(folder, name, options) do
    path = Path.join(folder, "embeds.ex")
    File.write!(path, "defmodule #{inspect(name)} do\n  use Maty.Protocol, #{options}\nend\n")
    [{^name, _}] = Code.compile_file(path)
    name
  end

  test "wrong arguments are named", %{tmp_dir: folder} do
    path = Path.join(folder, "ping.scr")
    File.write!(path, @accepted)
    ping = Maty.Protocol.from_string!(@accepted)

    for {wrong, text} <- [
          {Maty.Protocol.from_file(42), "42 is no path of a file"},
          {Maty.Protocol.from_string(42), "nofile: not Unicode text"},
          {Maty.Protocol.machine_text(ping, :A, :xml),
           "the option format is xml; expected machines or cfsm"},
          {Maty.Protocol.machine_text(ping, :C), "Ping has no role 'C'; it has A, B"},
          {Maty.Protocol.diagram(ping, :A, :png),
           "the option format is png; expected graphviz or mermaid"},
          {Maty.Protocol.drawing(path, :png),
           "the option format is png; expected graphviz or mermaid or sequence"},
          {Maty.Protocol.skeleton(ping, :A, :ruby, Ping),
           "the option language is ruby; expected elixir or erlang"}
        ] do
      assert {:error, error} = wrong
      assert Exception.message(error) == text
      assert inspect(error) == "#Maty.Error<#{text}>"
    end

    assert_raise Maty.Error, "Ping has no role 'C'; it has A, B", fn ->
      Maty.Protocol.machine(ping, :C)
    end
  end

  # Without what differs from one time to the next.
  defp explored(protocol) do
    {:ok, found} = Maty.Protocol.explore(protocol)
    {found.outcome, found.states}
  end

  test "a module stands for the protocol that it embeds", %{tmp_dir: folder} do
    module = compile(folder, Maty.ProtocolTest.Ping, "string: #{inspect(@accepted)}")
    {:ok, ping} = Maty.Protocol.new(module)

    for of <- [
          &Maty.Protocol.name/1,
          &Maty.Protocol.roles/1,
          &Maty.Protocol.machine(&1, :A),
          &Maty.Protocol.machine_text(&1, :all),
          &explored/1,
          &Maty.Protocol.compatible(&1, 2),
          &Maty.Protocol.compare(&1, &1),
          &Maty.Protocol.subtype({&1, :A}, {&1, :A}),
          &Maty.Protocol.diagram(&1, :A),
          &Maty.Protocol.skeleton(&1, :A, Ping)
        ] do
      assert of.(module) == of.(ping)
    end
  end

  test "what is no protocol is named" do
    text =
      ~s|42 is no protocol; expected {:file, path}, {:file, path, name}, {:string, text}, | <>
        ~s|{:string, text, name}, a module with "use Maty.Protocol", or a Maty.Protocol|

    for of <- [&Maty.Protocol.name/1, &Maty.Protocol.roles/1, &Maty.Protocol.machine(&1, :A)] do
      assert_raise Maty.Error, text, fn -> of.(42) end
    end

    ping = Maty.Protocol.from_string!(@accepted)

    for of <- [
          &Maty.Protocol.machine_text(&1, :all),
          &Maty.Protocol.explore/1,
          &Maty.Protocol.compatible(&1, 2),
          &Maty.Protocol.compare(&1, ping),
          &Maty.Protocol.compare(ping, &1),
          &Maty.Protocol.subtype({&1, :A}, {ping, :A}),
          &Maty.Protocol.subtype({ping, :A}, {&1, :A}),
          &Maty.Protocol.diagram(&1, :A),
          &Maty.Protocol.skeleton(&1, :A, Ping)
        ] do
      assert {:error, error} = of.(42)
      assert Exception.message(error) == text
    end
  end

  describe "from_file and from_string" do
    test "take the only protocol, or the one of a name", %{tmp_dir: folder} do
      path = Path.join(folder, "several.scr")
      File.write!(path, @several)
      assert inspect(Maty.Protocol.from_string!(@accepted)) == "#Maty.Protocol<Ping: A, B>"
      assert inspect(Maty.Protocol.from_string!(@several, :Pong)) == "#Maty.Protocol<Pong: A, B>"
      assert inspect(Maty.Protocol.from_file!(path, "Ping")) == "#Maty.Protocol<Ping: A, B>"

      assert {:error, error} = Maty.Protocol.from_file(path)

      assert Exception.message(error) ==
               "#{path} has several protocols, name one: Ping, Pong"

      assert {:error, error} = Maty.Protocol.from_file(path, :Pang)
      assert Exception.message(error) == "#{path} has no protocol Pang; it has Ping, Pong"
    end

    test "show what is wrong, and where" do
      error = assert_raise Maty.Error, fn -> Maty.Protocol.from_string!(@rejected) end
      text = Exception.message(error)
      assert String.starts_with?(text, "nofile:")
      assert text =~ "error[unfinished]"
      assert text =~ "\n  1. A -> C: left (line 3)\n"
    end
  end

  describe "check_file and check_string" do
    test "give a verdict", %{tmp_dir: folder} do
      path = Path.join(folder, "two.scr")
      File.write!(path, @several)
      assert {:ok, verdict} = Maty.Protocol.check_file(path)
      assert %Maty.Verdict{accepted?: true, source: ^path, diagnostics: []} = verdict
      assert Enum.map(verdict.protocols, & &1.name) == [:Ping, :Pong]
      assert inspect(verdict) == "#Maty.Verdict<#{path} accepted: Ping, Pong>"
      assert to_string(verdict) == "#{path}: accepted"
    end

    test "find all that is wrong" do
      text = """
      global protocol P(role A, role B, role C) {
        m() from A to B;
        m() from A to D;
      }
      """

      assert {:ok, verdict} = Maty.Protocol.check_string(text, "p.scr")
      assert %Maty.Verdict{accepted?: false, source: "p.scr", protocols: []} = verdict

      assert [%{severity: :error, class: "unbound-role", line: 3, column: 17} | _] =
               verdict.diagnostics

      assert inspect(verdict) =~ "#Maty.Verdict<p.scr not accepted: unbound-role at 3:17"
      assert to_string(verdict) =~ "p.scr:3:17: error[unbound-role]: "
      assert to_string(verdict) =~ "\n    m() from A to D;\n                  ^"
    end
  end

  describe "use Maty.Protocol" do
    test "embeds a file beside the module's own", %{tmp_dir: folder} do
      scr = Path.join(folder, "ping.scr")
      File.write!(scr, @accepted)
      module = compile(folder, Maty.ProtocolTest.File, ~s|file: "ping.scr"|)
      File.rm!(scr)
      assert {:ok, protocol} = Maty.Protocol.new(module)
      assert inspect(protocol) == "#Maty.Protocol<Ping: A, B>"
      assert module.__info__(:attributes)[:external_resource] == [Path.expand(scr)]
    end

    test "embeds one of several", %{tmp_dir: folder} do
      File.write!(Path.join(folder, "several.scr"), @several)

      module =
        compile(folder, Maty.ProtocolTest.Several, ~s|file: "several.scr", protocol: :Pong|)

      assert {:ok, protocol} = Maty.Protocol.new(module)
      assert Maty.Protocol.name(protocol) == :Pong
    end

    test "is for Erlang too", %{tmp_dir: folder} do
      module = compile(folder, Maty.ProtocolTest.Erlang, "string: #{inspect(@accepted)}")
      assert {:ok, protocol} = :maty_protocol.from_module(module)
      assert protocol == module.maty_protocol()
      assert :maty_protocol.name(protocol) == :Ping
      refute is_struct(protocol)
    end

    test "fails with the place in the protocol's file", %{tmp_dir: folder} do
      scr = Path.join(folder, "wrong.scr")
      File.write!(scr, "\nglobal protocol P(role A, role B) {\n  m() from A to C;\n}\n")
      relative = Path.relative_to_cwd(scr)
      error = compile_error(folder, ~s|file: "wrong.scr"|)
      assert {error.file, error.line} == {Path.expand(scr), 3}

      assert String.starts_with?(
               Exception.message(error),
               "#{relative}:3: #{relative}:3:17: error[unbound-role]: "
             )

      assert error.description =~ "\n    m() from A to C;\n                  ^"
    end

    test "fails with the place in a string", %{tmp_dir: folder} do
      error = compile_error(folder, "string: #{inspect(@rejected)}")
      assert {error.file, error.line} == {Path.join(folder, "embeds.ex"), 2}
      assert error.description =~ ~r/^Maty.ProtocolTest.Embeds:\d+:\d+: error\[unfinished\]: /
    end

    test "fails without the file, or without a name for it", %{tmp_dir: folder} do
      missing = folder |> Path.join("missing.scr") |> Path.relative_to_cwd()
      error = compile_error(folder, ~s|file: "missing.scr"|)
      assert error.description == "#{missing}: no such file or directory"
      assert {error.file, error.line} == {Path.join(folder, "embeds.ex"), 2}

      error = compile_error(folder, "string: :text")
      assert error.description == "Maty.ProtocolTest.Embeds: not Unicode text"

      error = compile_error(folder, "string: #{inspect(@several)}")

      assert error.description ==
               "Maty.ProtocolTest.Embeds has several protocols, name one: Ping, Pong"

      error = compile_error(folder, "string: #{inspect(@several)}, protocol: :Pang")

      assert error.description ==
               "Maty.ProtocolTest.Embeds has no protocol Pang; it has Ping, Pong"
    end

    test "names a wrong option", %{tmp_dir: folder} do
      path = Path.join(folder, "embeds.ex")

      for {options, text} <- [
            {~s|pfad: "x.scr"|,
             "unknown option: :pfad; the options are :file, :string, :protocol, :dialect, " <>
               ":choice, :path, :form"},
            {"protocol: :P", "the option :file or :string is missing"},
            {~s|file: "x", string: "y"|, "give either :file or :string"},
            {"file: :x", "expected :file to be a path, got: :x"}
          ] do
        File.write!(
          path,
          "defmodule Maty.ProtocolTest.Wrong do\n  use Maty.Protocol, #{options}\nend"
        )

        error = assert_raise ArgumentError, fn -> Code.compile_file(path) end
        assert error.message == "use Maty.Protocol: " <> text
      end
    end
  end
end
