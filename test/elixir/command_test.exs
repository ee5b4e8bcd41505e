defmodule Maty.CommandTest do
  # The command maty, as a shell runs it.
  use ExUnit.Case, async: true

  @moduletag :tmp_dir

  @ends """
  global protocol Ends(role A, role B, role C) {
    choice at A {
      go() from A to B;
      tell() from B to C;
    } or {
      stop() from A to B;
    }
  }
  """

  @ends_error """
  ends.scr:4:5: error[unfinished]: 'C' goes on with 'tell' after one run; after another that is the same to it the conversation is over, and it waits for ever
        tell() from B to C;
        ^^^^
  one run:
    1. A -> B: go (line 3)
    2. B -> C: tell (line 4)
  the other:
    1. A -> B: stop (line 6)
       the end
  """

  @good """
  protocol Ask(role A, role B) {
    ask(integer) from A to B;
    answer(string) from B to A;
  }

  protocol Tell(role A, role B) {
    tell() from A to B;
  }
  """

  setup %{tmp_dir: tmp_dir} do
    File.write!(Path.join(tmp_dir, "ends.scr"), @ends)
    File.write!(Path.join(tmp_dir, "good.scr"), @good)
    :ok
  end

  defp command, do: Application.app_dir(:maty, "priv/maty")

  # What it wrote to standard output and to standard error, and its exit status.
  defp maty(tmp_dir, arguments, input \\ "", env \\ []) do
    files = %{"IN" => Path.join(tmp_dir, ".in"), "ERR" => Path.join(tmp_dir, ".err")}
    File.write!(files["IN"], input)

    {output, status} =
      System.cmd("sh", ["-c", ~S(exec "$@" 2>"$ERR" <"$IN"), "sh", command() | arguments],
        cd: tmp_dir,
        env: Map.to_list(files) ++ env
      )

    {output, File.read!(files["ERR"]), status}
  end

  describe "check" do
    test "an imported module is looked for beside the file, then in each -I", %{tmp_dir: dir} do
      File.mkdir_p!(Path.join(dir, "lib/a/b"))

      File.write!(Path.join(dir, "lib/a/b/C.scr"), """
      module a.b.C;
      aux global protocol Hello(role X, role Y) {
        hello() from X to Z;
      }
      """)

      File.write!(Path.join(dir, "Main.scr"), """
      module Main;
      import a.b.C;
      global protocol Main(role A, role B) {
        do a.b.C.Hello(A, B);
      }
      """)

      for {options, places} <- [
            {[], "a/b/C.scr"},
            {["-I", "nowhere", "-I", "lib/a"], "a/b/C.scr, nowhere/a/b/C.scr, lib/a/a/b/C.scr"}
          ] do
        assert maty(dir, ["check", "Main.scr" | options]) ==
                 {"""
                  Main.scr:2:8: error[unbound-protocol]: the module 'a.b.C' is not found
                    import a.b.C;
                           ^^^^^
                  a.b.C was looked for as #{places}
                  """, "", 1}
      end

      assert maty(dir, ["check", "-I", "lib", "Main.scr"]) ==
               {"""
                lib/a/b/C.scr:3:21: error[unbound-role]: there is no role 'Z'
                    hello() from X to Z;
                                      ^
                """, "", 1}
    end

    test "an imported module is where the module line of the file says", %{tmp_dir: dir} do
      for {path, text} <- [
            {"x/y/Main.scr",
             "module x.y.Main;\nimport x.z.Hello;\n" <>
               "global protocol Main(role A, role B) { do x.z.Hello.Hello(A, B); }\n"},
            {"x/z/Hello.scr",
             "module x.z.Hello;\naux global protocol Hello(role A, role B) { hello() from A to B; }\n"}
          ] do
        File.mkdir_p!(Path.dirname(Path.join(dir, path)))
        File.write!(Path.join(dir, path), text)
      end

      assert maty(dir, ["check", "x/y/Main.scr"]) == {"x/y/Main.scr: ok (Main)\n", "", 0}
      inside = Path.join(dir, "x/y")
      assert maty(inside, ["check", "Main.scr"]) == {"Main.scr: ok (Main)\n", "", 0}
      path = Path.join(dir, "x/y/Main.scr")
      assert {:ok, %Maty.Verdict{accepted?: true}} = Maty.Protocol.check_file(path)
    end

    test "says what is accepted", %{tmp_dir: dir} do
      assert maty(dir, ["check", "good.scr"]) == {"good.scr: ok (Ask, Tell)\n", "", 0}
    end

    test "shows what is wrong", %{tmp_dir: dir} do
      assert maty(dir, ["check", "ends.scr"]) == {@ends_error, "", 1}
    end

    test "checks every file, and reads standard input", %{tmp_dir: dir} do
      assert maty(dir, ["check", "good.scr", "-", "ends.scr"], "protocol P(role A) {") ==
               {"""
                good.scr: ok (Ask, Tell)
                <stdin>:1:21: error[syntax]: expected a statement or '}', found the end of the text
                  protocol P(role A) {
                                      ^
                <stdin>:1:20: note: the block that begins here is not closed
                  protocol P(role A) {
                                     ^
                """ <> @ends_error, "", 1}
    end

    test "a file that cannot be read does not stop it", %{tmp_dir: dir} do
      assert maty(dir, ["check", "no.scr", ".", "good.scr"]) ==
               {"good.scr: ok (Ask, Tell)\n",
                "maty: no.scr: No such file or directory\nmaty: .: Is a directory\n", 2}
    end

    test "a text of more than 64 MB is refused", %{tmp_dir: dir} do
      {:ok, file} = File.open(Path.join(dir, "big.scr"), [:write])
      {:ok, _} = :file.position(file, 65 * 1024 * 1024)
      :ok = :file.truncate(file)
      File.close(file)

      assert maty(dir, ["check", "big.scr", "good.scr"]) ==
               {"good.scr: ok (Ask, Tell)\n",
                "maty: big.scr: larger than 64 MB, more than a text may have\n", 2}
    end

    test "without memory it says so", %{tmp_dir: dir} do
      body = Enum.map_join(1..100_000, &"m#{&1}() from A to B;\n")
      File.write!(Path.join(dir, "long.scr"), "protocol P(role A, role B) {\n#{body}}\n")

      assert {"maty: long.scr: out of memory\n", 2} =
               System.cmd("sh", ["-c", "ulimit -v 20000; #{command()} check long.scr"],
                 cd: dir,
                 stderr_to_stdout: true
               )
    end

    test "marks stand under what is meant", %{tmp_dir: dir} do
      text = "protocol P(role A, role B) {\n\t/* é */ m(strin) from A to B;\e[31m\n}\n"
      assert {output, "", 1} = maty(dir, ["check", "-"], text)
      assert output =~ "  \t/* é */ m(strin) from A to B;?[31m\n  \t          ^^^^^\n"
    end

    test "a long line is cut", %{tmp_dir: dir} do
      text = "/* #{String.duplicate("x", 5_000)} */ protocol P(role A, role A) { }"
      assert {output, "", 1} = maty(dir, ["check", "-"], text)
      assert output =~ ~r/^  \.\.\.x{50,80} \*\/ protocol P\(role A, role A\) { }$/m
    end

    test "--json has the same facts", %{tmp_dir: dir} do
      text =
        "'C' goes on with 'tell' after one run; after another that is the same to it " <>
          "the conversation is over, and it waits for ever"

      assert maty(dir, ["check", "--json", "good.scr", "ends.scr", "no\"\xff.scr"]) ==
               {~s({"files":[\n) <>
                  ~s({"file":"good.scr","verdict":"accepted","protocols":[) <>
                  ~s({"name":"Ask","accepted":true},{"name":"Tell","accepted":true}],) <>
                  ~s("diagnostics":[]},\n) <>
                  ~s({"file":"ends.scr","verdict":"rejected","protocols":[) <>
                  ~s({"name":"Ends","accepted":false}],"diagnostics":[) <>
                  ~s({"severity":"error","class":"unfinished","file":"ends.scr","line":4,) <>
                  ~s("column":5,"length":4,"text":"#{text}","runs":[) <>
                  ~s({"heading":"one run","steps":[) <>
                  ~s({"kind":"message","number":1,"sender":"A","receiver":"B","label":"go","line":3},) <>
                  ~s({"kind":"message","number":2,"sender":"B","receiver":"C","label":"tell","line":4}],) <>
                  ~s("ending":""},{"heading":"the other","steps":[) <>
                  ~s({"kind":"message","number":1,"sender":"A","receiver":"B","label":"stop","line":6}],) <>
                  ~s("ending":"the end"}]}]},\n) <>
                  ~s({"file":"no\\"\\ufffd.scr","verdict":"unknown",) <>
                  ~s("trouble":"No such file or directory","protocols":[],"diagnostics":[]}\n]}\n),
                "", 2}
    end

    test "--json tells what is unsupported from what is wrong", %{tmp_dir: dir} do
      connects = "  connect A to B;\n"
      File.write!(Path.join(dir, "new.scr"), "protocol New(role A, role B) {\n#{connects}}\n")

      File.write!(
        Path.join(dir, "both.scr"),
        "protocol Both(role A, role B) {\n#{connects}  m() from A to Z;\n}\n"
      )

      unsupported =
        ~s|"line":2,"column":3,"length":7,"text":"an explicit connection ('connect') is not | <>
          ~s|supported","runs":[]}|

      assert maty(dir, ["check", "--json", "new.scr", "both.scr"]) ==
               {~s({"files":[\n) <>
                  ~s({"file":"new.scr","verdict":"unsupported","protocols":[) <>
                  ~s({"name":"New","accepted":false}],"diagnostics":[) <>
                  ~s({"severity":"error","class":"unsupported","file":"new.scr",#{unsupported}]},\n) <>
                  ~s({"file":"both.scr","verdict":"rejected","protocols":[) <>
                  ~s({"name":"Both","accepted":false}],"diagnostics":[) <>
                  ~s({"severity":"error","class":"unsupported","file":"both.scr",#{unsupported},) <>
                  ~s({"severity":"error","class":"unbound-role","file":"both.scr","line":3,) <>
                  ~s("column":17,"length":1,"text":"there is no role 'Z'","runs":[]}]}\n) <>
                  ~s(]}\n), "", 1}

      assert maty(dir, ["check", "new.scr"]) ==
               {"new.scr:2:3: error[unsupported]: an explicit connection ('connect') is not supported\n" <>
                  "    connect A to B;\n    ^^^^^^^\n", "", 1}
    end

    test "colours", %{tmp_dir: dir} do
      plain = {"good.scr: ok (Ask, Tell)\n", "", 0}
      colored = {"good.scr: \e[1;32mok\e[0m (Ask, Tell)\n", "", 0}
      assert maty(dir, ["check", "good.scr", "--color", "always"]) == colored
      assert maty(dir, ["check", "good.scr", "--color=never"]) == plain
      assert maty(dir, ["check", "good.scr", "--color", "auto"]) == plain

      assert {"\e[1mends.scr:4:5: \e[1;31merror[unfinished]: \e[0m'C'" <> _, "", 1} =
               maty(dir, ["check", "ends.scr", "--color", "always"])
    end

    # "script" runs a command on a terminal of its own.
    if System.find_executable("script") do
      test "colours on a terminal, unless NO_COLOR is set", %{tmp_dir: dir} do
        on_terminal = fn env ->
          {output, 0} =
            System.cmd("script", ["-qec", "#{command()} check good.scr", "/dev/null"],
              cd: dir,
              env: [{"TERM", "xterm"} | env]
            )

          output
        end

        assert on_terminal.([{"NO_COLOR", nil}]) =~ "good.scr: \e[1;32mok\e[0m (Ask, Tell)"
        assert on_terminal.([{"NO_COLOR", "1"}]) =~ "good.scr: ok (Ask, Tell)"
      end
    end

    test "output that cannot be written is trouble", %{tmp_dir: dir} do
      assert {"", 2} =
               System.cmd("sh", ["-c", "#{command()} check good.scr >/dev/full 2>/dev/null"],
                 cd: dir
               )
    end
  end

  describe "usage" do
    test "errors name what is wrong and what was meant", %{tmp_dir: dir} do
      for {arguments, message} <- [
            {[], "maty: expected a command\nSee 'maty help'.\n"},
            {["chek"], "maty: unknown command 'chek'; did you mean 'check'?\nSee 'maty help'.\n"},
            {["--what"], "maty: unknown option '--what'\nSee 'maty help'.\n"},
            {["help", "gem"],
             "maty: unknown command 'gem'; did you mean 'gen'?\nSee 'maty help'.\n"},
            {["check"], "maty check: expected FILES...\nSee 'maty check --help'.\n"},
            {["check", "--jsn", "x"],
             "maty check: unknown option '--jsn'; did you mean '--json'?\nSee 'maty check --help'.\n"},
            {["check", "--json=1", "x"],
             "maty check: --json takes no value\nSee 'maty check --help'.\n"},
            {["check", "x", "-I"],
             "maty check: -I needs a value: DIR\nSee 'maty check --help'.\n"},
            {["check", "x", "--color", "red"],
             "maty check: 'red' is no value of --color; it is one of auto|always|never\n" <>
               "See 'maty check --help'.\n"},
            {["explore", "x", "--bound", "1x"],
             "maty explore: '1x' is no value of --bound; it is a number\n" <>
               "See 'maty explore --help'.\n"},
            {["explore", "x", "--bound", "0"],
             "maty explore: '0' is no value of --bound; it is a number from 1 to 4294967295\n" <>
               "See 'maty explore --help'.\n"},
            {["explore", "x", "--states", "4294967296"],
             "maty explore: '4294967296' is no value of --states; it is a number from 1 to " <>
               "4294967295\nSee 'maty explore --help'.\n"},
            {["simulate", "good.scr", "Ask", "--seed", "1"],
             "maty simulate: --seed and --steps go with --random\nSee 'maty simulate --help'.\n"},
            {["gen", "a", "b", "c", "d"],
             "maty gen: 'd' is one too many; expected FILE PROTOCOL ROLE\nSee 'maty gen --help'.\n"},
            {["fmt", "--check", "--write", "good.scr"],
             "maty fmt: --check and --write do not go together\nSee 'maty fmt --help'.\n"},
            {["graph", "good.scr", "Ask", "A", "--format", "sequence"],
             "maty graph: a role has states and no sequence; give --format dot or mermaid\n" <>
               "See 'maty graph --help'.\n"},
            {["gen", "good.scr", "Ask", "A", "--module", "a b"],
             "maty gen: 'a b' is no name of a module\nSee 'maty gen --help'.\n"},
            {["project", "good.scr", "Asj"],
             "maty: good.scr has no protocol 'Asj'; did you mean 'Ask'?\n"},
            {["project", "good.scr", "Ask", "Zoe"], "maty: Ask has no role 'Zoe'; it has A, B\n"},
            {["simulate", "good.scr"], "maty: good.scr: name a protocol: Ask, Tell\n"}
          ] do
        assert maty(dir, arguments) == {"", message, 2}
      end
    end

    test "a protocol that is not accepted is no machine", %{tmp_dir: dir} do
      assert maty(dir, ["project", "ends.scr", "Ends"]) ==
               {"", @ends_error <> "maty: ends.scr: 'Ends' is not accepted\n", 1}
    end

    test "help and version", %{tmp_dir: dir} do
      assert maty(dir, ["--version"]) == {"maty #{Application.spec(:maty, :vsn)}\n", "", 0}
      assert {help, "", 0} = maty(dir, ["help"])
      assert maty(dir, ["--help"]) == {help, "", 0}

      for command <- commands(dir) do
        assert help =~ ~r/^  #{command} +\w/m
        assert {about, "", 0} = maty(dir, ["help", command])
        assert about =~ ~r/\AUsage: maty #{command} /
        assert maty(dir, [command, "--help"]) == {about, "", 0}
      end
    end

    test "the completion and the man page have every command and option", %{tmp_dir: dir} do
      {script, "", 0} = maty(dir, ["completion", "bash"])
      manual = File.read!("c_src/cli/share/maty.1")
      assert {^script, "", 0} = maty(dir, ["completion", "bash"])
      assert {"#compdef maty\n" <> _, "", 0} = maty(dir, ["completion", "zsh"])
      assert {"", _, 2} = maty(dir, ["completion", "fish"])

      for command <- commands(dir) do
        {about, "", 0} = maty(dir, ["help", command])
        options = for [_, option] <- Regex.scan(~r/^  (-\S+)/m, about), do: option
        assert script =~ "    #{command}) words='#{Enum.join(options, " ")}' ;;\n"
        assert manual =~ ~r/^\.It Cm #{command}\b/m

        for option <- options do
          name = option |> String.trim_leading("-") |> String.replace("-", "\\\\?-")
          assert manual =~ ~r/(\.It|Oo|\||Fl|,)? ?Fl -?#{name}\b|^\.Fl -?#{name}\b/m
        end
      end
    end

    if System.find_executable("bash") do
      test "bash completes", %{tmp_dir: dir} do
        {script, "", 0} = maty(dir, ["completion", "bash"])

        complete = fn words ->
          call =
            script <>
              "COMP_WORDS=(#{Enum.map_join(words, " ", &"'#{&1}'")}); " <>
              "COMP_CWORD=#{length(words) - 1}; _maty; echo \"${COMPREPLY[@]}\""

          {output, 0} = System.cmd("bash", ["-c", call], cd: dir)
          String.split(output)
        end

        assert complete.(["maty", "ch"]) == ["check"]
        assert complete.(["maty", "help", "g"]) == ["graph", "gen"]
        assert complete.(["maty", "check", "--c"]) == ["--color"]
        assert complete.(["maty", "graph", "--format", ""]) == ["dot", "mermaid", "sequence"]
        assert complete.(["maty", "project", "--format", ""]) == ["plain", "cfsm"]
        assert complete.(["maty", "check", "go"]) == []
      end
    end
  end

  # Those that the help lists.
  defp commands(dir) do
    {help, "", 0} = maty(dir, ["help"])
    [_, list] = Regex.run(~r/^Commands:\n(.*?)\n\n/ms, help)
    for line <- String.split(list, "\n"), do: line |> String.split() |> hd()
  end

  describe "fmt" do
    @messy "protocol P(role A,role B){m()from A to B;}"
    @tidy "protocol P(role A, role B) {\n  m() from A to B;\n}\n"

    test "prints, checks and writes", %{tmp_dir: dir} do
      path = Path.join(dir, "messy.scr")
      File.write!(path, @messy)
      File.chmod!(path, 0o640)
      File.ln_s!("messy.scr", Path.join(dir, "link.scr"))
      assert maty(dir, ["fmt", "messy.scr", "-"], @messy) == {@tidy <> @tidy, "", 0}

      assert maty(dir, ["fmt", "--check", "good.scr", "messy.scr", "-"], @messy) ==
               {"messy.scr\n<stdin>\n", "", 1}

      good = File.stat!(Path.join(dir, "good.scr"))
      assert maty(dir, ["fmt", "--write", "link.scr", "good.scr"]) == {"", "", 0}
      assert File.read!(path) == @tidy
      assert Bitwise.band(File.stat!(path).mode, 0o777) == 0o640
      assert File.read_link!(Path.join(dir, "link.scr")) == "messy.scr"
      assert File.stat!(Path.join(dir, "good.scr")).inode == good.inode
      assert maty(dir, ["fmt", "--check", "messy.scr", "good.scr"]) == {"", "", 0}
      assert dir |> File.ls!() |> Enum.filter(&(&1 =~ "messy")) == ["messy.scr"]
    end

    test "leaves alone what it cannot read", %{tmp_dir: dir} do
      path = Path.join(dir, "bad.scr")
      File.write!(path, "protocol P(role A) {")

      assert {"", "bad.scr:1:21: error[syntax]: " <> _, 1} =
               maty(dir, ["fmt", "--write", "bad.scr", "good.scr"])

      assert File.read!(path) == "protocol P(role A) {"
      assert {"", "maty: no.scr: No such file or directory\n", 2} = maty(dir, ["fmt", "no.scr"])
    end
  end

  describe "machines" do
    test "are written, and read again by every command that takes them", %{tmp_dir: dir} do
      {plain, "", 0} = maty(dir, ["project", "good.scr", "Ask"])
      {cfsm, "", 0} = maty(dir, ["project", "good.scr", "Ask", "--format", "cfsm"])
      File.write!(Path.join(dir, "a.machines"), plain)
      File.write!(Path.join(dir, "a.cfsm"), cfsm)
      File.write!(Path.join(dir, "a.txt"), plain)
      assert maty(dir, ["project", "a.machines", "Ask"]) == {plain, "", 0}
      assert maty(dir, ["project", "a.txt", "Ask", "--machines", "plain"]) == {plain, "", 0}

      for file <- ["a.machines", "a.cfsm"] do
        assert {output, "", 0} = maty(dir, ["explore", file])
        assert output =~ ~r/^#{file}: \w+: ok; /
      end

      picture = maty(dir, ["graph", "good.scr", "Ask", "A"])
      assert maty(dir, ["graph", "a.machines", "Ask", "A"]) == picture

      assert maty(dir, ["graph", "a.machines"]) ==
               {"", "maty: a.machines: machines are drawn one at a time; name a role\n", 2}
    end

    test "that wait for each other", %{tmp_dir: dir} do
      File.write!(Path.join(dir, "stuck.machines"), """
      machine A { 0: x() from B -> 1; 1: end; }
      machine B { 0: y() from A -> 1; 1: end; }
      """)

      assert {"stuck.machines:1:13: error[deadlock]: " <> rest, "", 1} =
               maty(dir, ["explore", "stuck.machines"])

      assert rest =~
               ~r/^stuck.machines: Machines: rejected; 1 states, 0 transitions, queues of 1, /m

      assert {walk, "", 0} = maty(dir, ["simulate", "stuck.machines"])
      assert walk =~ "\nNothing can happen any more.\n"
    end

    test "that are too many states", %{tmp_dir: dir} do
      assert {output, "", 2} = maty(dir, ["explore", "good.scr", "Ask", "--states", "1"])
      assert output =~ ~r/good.scr: Ask: unknown, a limit is reached; /
    end
  end

  test "diff", %{tmp_dir: dir} do
    old = "protocol P(role A, role B) {\n  m() from A to B;\n}\n"

    new =
      "protocol P(role A, role B) {\n  choice at A { m() from A to B; } or { n() from A to B; }\n}\n"

    File.write!(Path.join(dir, "old.scr"), old)
    File.write!(Path.join(dir, "new.scr"), new)

    assert maty(dir, ["diff", "old.scr", "old.scr"]) ==
             {"A: compatible\nB: compatible\n", "", 0}

    assert maty(dir, ["diff", "good.scr", "good.scr"]) ==
             {"protocol Ask\nA: compatible\nB: compatible\n" <>
                "protocol Tell\nA: compatible\nB: compatible\n", "", 0}

    assert maty(dir, ["diff", "old.scr", "new.scr", "P"]) ==
             {"""
              A: not compatible
              new.scr:2:41: error[subtype]: role 'A': 'n' to 'B' is sent where it is not expected
                  choice at A { m() from A to B; } or { n() from A to B; }
                                                        ^
                1. A sends n to B (line 2)
                   expected here: to send m() to B
              B: compatible
              """, "", 1}

    File.write!(Path.join(dir, "other.scr"), String.replace(old, "A", "C"))

    assert {output, "", 1} = maty(dir, ["diff", "old.scr", "other.scr"])
    assert output =~ ~r/\AA: gone\nB: not compatible\nother.scr:2:3: .*\nC: new\n\z/s

    assert maty(dir, ["diff", "old.scr", "good.scr"]) ==
             {"", "maty: good.scr has no protocol 'P'; it has Ask, Tell\n", 2}

    assert {"", "maty: no.scr: No such file or directory\n", 2} =
             maty(dir, ["diff", "old.scr", "no.scr"])
  end

  describe "simulate" do
    test "by hand", %{tmp_dir: dir} do
      beginning = """

      After 0 steps:
        A  sends ask(integer) to B
        B  waits for ask(integer) from A
      Next:
        1  A sends ask(integer) to B
      """

      sent = """

      After 1 step:
        A  waits for answer(string) from B
        B  waits for ask(integer) from A
        under way from A to B: ask
      Next:
        1  B receives ask(integer) from A
      """

      assert maty(dir, ["simulate", "good.scr", "Ask"], "b\n7\n?\n1\nb\n1\n1\n1\n1\n") ==
               {beginning <>
                  "> This is the beginning.\n" <>
                  beginning <>
                  "> '7' is no number from 1 to 1, and none of b, q and ?\n" <>
                  beginning <>
                  "> " <>
                  """
                    a number  makes that step
                    b         goes one step back
                    ?         shows this
                    q         ends
                  """ <>
                  beginning <>
                  "> " <>
                  sent <>
                  "> " <>
                  beginning <>
                  "> " <>
                  sent <>
                  "> " <>
                  """

                  After 2 steps:
                    A  waits for answer(string) from B
                    B  sends answer(string) to A
                  Next:
                    1  B sends answer(string) to A
                  > 
                  After 3 steps:
                    A  waits for answer(string) from B
                    B  is done
                    under way from B to A: answer
                  Next:
                    1  A receives answer(string) from B
                  > 
                  After 4 steps:
                    A  is done
                    B  is done
                  The conversation is over.
                  > 
                  """, "", 0}

      assert {_, "", 0} = maty(dir, ["simulate", "good.scr", "Ask"], "q\n")
    end

    test "at random", %{tmp_dir: dir} do
      arguments = ["simulate", "good.scr", "Ask", "--random", "--seed"]

      assert maty(dir, arguments ++ ["5"]) ==
               {"""
                seed 5
                    1. A sends ask(integer) to B
                    2. B receives ask(integer) from A
                    3. B sends answer(string) to A
                    4. A receives answer(string) from B
                The conversation is over.
                """, "", 0}

      assert {"seed 5\n    1. A sends ask(integer) to B\n\nAfter 1 step:\n" <> _, "", 0} =
               maty(dir, arguments ++ ["5", "--steps", "1"])
    end
  end

  describe "gen" do
    # Every protocol here, with its roles.
    defp protocols do
      for path <- Path.wildcard("test/protocols/*.scr"),
          {:ok, %{protocols: protocols}} = Maty.Protocol.check_file(path),
          protocol <- protocols do
        {Path.expand(path), Maty.Protocol.name(protocol), protocol}
      end
    end

    # A module tells the test when its role has come to its end.
    defp reporting(source, :elixir, test) do
      String.replace(source, "  # For one session;", """
        @compile :debug_info

        @impl true
        def terminate_session(ending, session, _state, access_point) do
          send(:#{test}, {session.role, ending})
          {:ok, access_point}
        end

        # For one session;\
      """)
    end

    defp reporting(source, :erlang, test) do
      String.replace(source, "-export([init_actor/1, init_session/2]).\n", """
      -export([init_actor/1, init_session/2, terminate_session/4]).

      terminate_session(Ending, #{"\#{role := Role}"}, _State, AccessPoint) ->
          #{test} ! {Role, Ending},
          {ok, AccessPoint}.
      """)
    end

    # Other tests warn at the same time, so the file has a name of its own.
    defp compile(source, :elixir) do
      file = "generated_#{System.unique_integer([:positive])}.ex"

      warnings =
        ExUnit.CaptureIO.capture_io(:stderr, fn ->
          [{module, _}] = Code.compile_string(source, file)
          send(self(), {:compiled, module})
        end)

      refute warnings =~ file, warnings
      assert_received {:compiled, module}
      module
    end

    defp compile(source, :erlang) do
      {:ok, tokens, _} = :erl_scan.string(String.to_charlist(source))

      forms =
        tokens
        |> Enum.chunk_while(
          [],
          fn
            {:dot, _} = dot, form -> {:cont, Enum.reverse([dot | form]), []}
            token, form -> {:cont, [token | form]}
          end,
          fn [] -> {:cont, []} end
        )
        |> Enum.map(fn form ->
          assert {:ok, parsed} = :erl_parse.parse_form(form)
          parsed
        end)

      file = {:attribute, 1, :file, {'generated.erl', 1}}
      assert {:ok, module, code, []} = :compile.forms([file | forms], [:return, :binary]), source
      {:module, ^module} = :code.load_binary(module, 'nofile', code)
      module
    end

    # Generates all roles, and has them play the protocol once, if it has an end.
    defp play(dir, {path, name, protocol}, language, test) do
      roles = Maty.Protocol.roles(protocol)
      {machines, "", 0} = maty(dir, ["project", path, "#{name}"])

      actors =
        for role <- roles do
          module = "Maty.Generated.#{String.capitalize("#{language}")}#{name}#{role}"
          options = ["--language", "#{language}", "--module", module]
          {source, "", 0} = maty(dir, ["gen", path, "#{name}", "#{role}"] ++ options)
          source |> reporting(language, test) |> compile(language)
        end

      if length(Regex.scan(~r/: end;$/m, machines)) == length(roles) do
        {:ok, access_point} = Maty.AccessPoint.start_link(protocol: protocol)
        for actor <- actors, do: {:ok, _} = :maty_actor.start_link(actor, access_point)

        for role <- roles do
          assert_receive {^role, ending}, 30_000, "#{role} of #{name} does not end"
          assert ending == {:done, :normal}
        end
      end
    end

    for language <- [:elixir, :erlang] do
      test "what is generated for #{language} compiles and plays its role", %{tmp_dir: dir} do
        name = :"maty_generated_#{unquote(language)}"
        Process.register(self(), name)
        for protocol <- protocols(), do: play(dir, protocol, unquote(language), name)
      end
    end

    test "a module is named after its role", %{tmp_dir: dir} do
      assert {"defmodule A do\n" <> _, "", 0} = maty(dir, ["gen", "good.scr", "Ask", "A"])

      assert {source, "", 0} = maty(dir, ["gen", "good.scr", "Ask", "A", "--language", "erlang"])

      assert source =~ "-module(a).\n"
    end
  end

  describe "graph" do
    test "what is wrong", %{tmp_dir: dir} do
      assert maty(dir, ["graph", "ends.scr", "--counterexample"]) ==
               {"""
                sequenceDiagram
                  participant A
                  participant B
                  participant C
                  Note over A: one run
                  A->>B: go (line 3)
                  B->>C: tell (line 4)
                  Note over A: the other
                  A->>B: stop (line 6)
                  Note over A: the end
                """, "", 0}

      assert maty(dir, ["graph", "good.scr", "--counterexample"]) ==
               {"", "maty: good.scr: accepted, so there is no counterexample\n", 1}
    end
  end

  test "make install", %{tmp_dir: dir} do
    {_, 0} =
      System.cmd("make", ["-C", "c_src", "install", "DESTDIR=#{Path.expand(dir)}", "PREFIX=/usr"],
        stderr_to_stdout: true
      )

    root = Path.join(dir, "usr")

    assert root |> Path.join("**") |> Path.wildcard() |> Enum.reject(&File.dir?/1) |> Enum.sort() ==
             for(
               file <- [
                 "bin/maty",
                 "include/maty.h",
                 "lib/libmaty.a",
                 "lib/pkgconfig/maty.pc",
                 "share/bash-completion/completions/maty",
                 "share/man/man1/maty.1",
                 "share/zsh/site-functions/_maty"
               ],
               do: Path.join(root, file)
             )

    assert {"maty " <> _, 0} = System.cmd(Path.join(root, "bin/maty"), ["--version"])

    File.write!(Path.join(dir, "embed.c"), """
    #include <maty.h>
    #include <stdio.h>
    int main(void) { puts(maty_status_text(MATY_EWAIT)); return 0; }
    """)

    {"", 0} =
      System.cmd("cc", ~w(embed.c -Iusr/include -Lusr/lib -lmaty -o embed),
        cd: dir,
        stderr_to_stdout: true
      )

    assert System.cmd(Path.join(dir, "embed"), []) ==
             {"the message is early and has to wait\n", 0}
  end

  # Each "$ maty ..." of the page prints what stands below it.
  test "docs/command.md shows what the command does", %{tmp_dir: dir} do
    page = File.read!("docs/command.md")
    File.cp!("examples/two_buyer/two_buyer.scr", Path.join(dir, "two_buyer.scr"))
    assert page =~ @ends
    blocks = for [_, block] <- Regex.scan(~r/^```console\n(.*?)^```$/ms, page), do: block
    examples = blocks |> Enum.join() |> String.split(~r/^\$ /m, trim: true)
    assert length(examples) > 10

    for example <- examples do
      [line, expected] = String.split(example, "\n", parts: 2)

      {output, _} =
        System.cmd("sh", ["-c", line],
          cd: dir,
          env: [{"PATH", Path.dirname(command()) <> ":" <> System.get_env("PATH")}],
          stderr_to_stdout: true
        )

      took = ~r/[\d.]+ MB, [\d.]+ s$/m
      assert Regex.replace(took, output, "") == Regex.replace(took, expected, ""), line
    end
  end
end
