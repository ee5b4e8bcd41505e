defmodule Maty.HandlersFindingsTest do
  # How strict to be, and where findings are shown.
  use Maty.HandlerCase, async: false

  describe "strictness" do
    @unknown {"Maty.send(:Buyer1, {:quote, price(title)})", "Maty.send(state.to, {:quote, 1})"}

    test "what is not known is left to be seen, or an error" do
      assert_compiles(seller(), [@unknown])

      assert_error(
        seller(),
        [@unknown, {"role: :Seller", "role: :Seller, check: :strict"}],
        15,
        """
        [unknown] what is sent here is not known, or to whom
        """
      )
    end

    test "off, and warnings" do
      wrong = {"{:quote, price(title)}", "{:quote, :none}"}
      assert_compiles(seller(), [wrong, {"role: :Seller", "role: :Seller, check: :off"}])

      warned =
        ExUnit.CaptureIO.capture_io(:stderr, fn ->
          assert_compiles(seller(), [wrong, {"role: :Seller", "role: :Seller, check: :warn"}])
        end)

      assert warned =~ "[bad-payload] Seller sends quote with field 1 of another type"
      assert warned =~ "actor.ex:15"
    end

    test "options that are none" do
      for {options, text} <- [
            {"role: :Seller", "the option :protocol is missing"},
            {"protocol: Maty.HandlerCase.Protocol", "the option :role is missing"},
            {"protocol: P, role: :A, check: :loud",
             "expected :check to be :strict, :error, :warn or :off, got: :loud"},
            {"protocol: P, role: \"A\"",
             "expected :role to be an atom, or a list of atoms, got: \"A\""},
            {"roles: [:A]", "expected :roles to be a list of {protocol, role}, got: [:A]"},
            {"protocol: P, role: :A, roles: []", "give either :roles, or :protocol and :role"}
          ] do
        assert_raise ArgumentError, "use Maty.Actor: " <> text, fn ->
          Code.compile_string(
            "defmodule Maty.HandlersFindingsTest.Wrong do\n  use Maty.Actor, #{options}\nend"
          )
        end
      end
    end
  end

  # The actor waits for what it needs of the others, which are compiled at the same time.
  @tag :tmp_dir
  test "compiled together with its protocol and a helper", %{tmp_dir: dir} do
    files = [
      actor: """
      defmodule Maty.HandlersFindingsTest.Together.Actor do
        @compile :debug_info
        use Maty.Actor, protocol: Maty.HandlersFindingsTest.Together.Protocol, role: :A
        def init_actor(ap), do: {:ok, ap}

        def init_session(_, ap) do
          Maty.HandlersFindingsTest.Together.Helper.tell()
          {:done, :normal, ap}
        end
      end
      """,
      helper: """
      defmodule Maty.HandlersFindingsTest.Together.Helper do
        @compile :debug_info
        use Maty.Helper
        def tell, do: Maty.send(:B, {:tell, 1.5})
      end
      """,
      protocol: """
      defmodule Maty.HandlersFindingsTest.Together.Protocol do
        use Maty.Protocol, string: "protocol P(role A, role B) { tell(integer) from A to B; }"
      end
      """
    ]

    paths =
      for {name, text} <- files do
        path = Path.join(dir, "#{name}.ex")
        File.write!(path, text)
        path
      end

    said =
      ExUnit.CaptureIO.capture_io(fn ->
        assert {:error, [{file, 7, text}], []} = Kernel.ParallelCompiler.compile(paths)
        assert Path.basename(file) == "actor.ex"

        assert text =~
                 "[bad-payload] A sends tell with field 1 of another type; expected tell(integer) to B"
      end)

    assert said =~ "Compilation error in file"
  end

  @quote "Maty.send(:Buyer1, {:quote, price(title)})"

  test "a helper without its mark is named where something is not sent" do
    Code.compile_string("""
    defmodule Maty.HandlersFindingsTest.Unmarked do
      def tell(price), do: Maty.send(:Buyer1, {:quote, price})
    end
    """)

    assert_error(
      seller(),
      [{@quote, "Maty.HandlersFindingsTest.Unmarked.tell(price(title))"}],
      16,
      """
      [bad-suspend] Seller suspends where it does not wait; it has to send quote(integer) to Buyer1
      after:
        1. Seller receives title from Buyer1 (line 2)
      Maty.HandlerCase.Protocol:3:3: note: the protocol has quote(integer) to Buyer1
      actor.ex:15: note: the code of Maty.HandlersFindingsTest.Unmarked.tell/1 is not there; \
      if it sends, its module has to say "use Maty.Helper"
      """
    )
  end

  test "a send in a process that the handler starts" do
    for start <- ["spawn", "Task.start", "Task.async", "spawn_link"] do
      assert_error(
        seller(),
        [{@quote, "#{start}(fn -> #{@quote} end)"}],
        15,
        """
        [bad-send] sends in another process; only the actor's own can send in its sessions
        after:
          1. Seller receives title from Buyer1 (line 2)
        Maty.HandlerCase.Protocol:3:3: note: the protocol has quote(integer) to Buyer1
        """
      )
    end
  end

  # What editors show comes from the compiler's diagnostics: each finding has its place.
  @tag :tmp_dir
  test "each of three findings is a diagnostic at its place", %{tmp_dir: dir} do
    three = """
    defmodule Maty.HandlersFindingsTest.Three do
      @compile :debug_info
      use Maty.Actor, protocol: Maty.HandlerCase.Protocol, role: :Seller
      def init_actor(ap), do: {:ok, ap}
      def init_session(_session, ap), do: {:ok, &title/2, nil, ap}

      def title({:title, _title}, state) do
        Maty.send(:Buyer1, {:quote, "155"})
        {:suspend, &decision/2, state}
      end

      def decision({:address, _}, state), do: {:done, :normal, state}
      def decision({:quit}, state), do: {:ok, state}
    end
    """

    Code.put_compiler_option(:parser_options, columns: true)
    on_exit(fn -> Code.put_compiler_option(:parser_options, []) end)
    file = Path.join(dir, "three.ex")
    shown = Path.relative_to_cwd(file)

    compile = fn text ->
      File.write!(file, text)
      # It is loaded when it is found to be wrong, and is not to be there twice.
      :code.purge(Maty.HandlersFindingsTest.Three)
      :code.delete(Maty.HandlersFindingsTest.Three)

      {result, _} =
        ExUnit.CaptureIO.with_io(:stderr, fn ->
          {result, _} =
            ExUnit.CaptureIO.with_io(fn -> Kernel.ParallelCompiler.compile([file]) end)

          result
        end)

      result
    end

    heads = [
      "[bad-payload] Seller sends quote with field 1 of another type; expected quote(integer) to Buyer1",
      "[bad-done] Seller is done before it has come to its end; it has to send date(date) to Buyer2",
      "[bad-return] returns {:ok, nil}; expected {:suspend, handler, state}, " <>
        "{:hold, name, handler, state}, {:done, reason, state}, {:leave, reason, state} or :noreply"
    ]

    [first, second, third] = heads

    # An exception has one place: the others are warnings at theirs. It has the text of all.
    assert {:error, [{^file, 8, text}], warnings} = compile.(three)

    assert for({^file, line, warning} <- warnings, do: {line, warning}) |> Enum.sort() ==
             [{12, "error: " <> second}, {13, "error: " <> third}]

    assert text =~ "(CompileError) #{shown}:8: column 10: " <> first
    assert text =~ "\n#{shown}:12:43: " <> second
    assert text =~ "\n#{shown}:13:43: " <> third

    warn =
      three
      |> String.replace("Three do", "ThreeWarned do")
      |> String.replace("role: :Seller", "role: :Seller, check: :warn")

    assert {:ok, [_], warnings} = compile.(warn)

    found =
      for {^file, line, warning} <- Enum.sort(warnings),
          do: {line, hd(String.split(warning, "\n"))}

    assert found == Enum.zip([8, 12, 13], heads)
  end

  # The first program of the page is compiled, and what is said of it is what the page says.
  @tag :tmp_dir
  test "docs/handlers.md", %{tmp_dir: dir} do
    page = File.read!("docs/handlers.md")
    [_, program, _, output | _] = String.split(page, ~r/^```.*$/m)
    File.cp!("examples/two_buyer/two_buyer.scr", Path.join(dir, "two_buyer.scr"))

    protocol = """
    defmodule TwoBuyer do
      use Maty.Protocol, file: "two_buyer.scr"
    end
    """

    program =
      program
      |> String.replace("TwoBuyer", "Maty.HandlersFindingsTest.Shown")
      |> String.replace("Seller do", "Maty.HandlersFindingsTest.Seller do @compile :debug_info")

    File.write!(
      Path.join(dir, "shop.ex"),
      String.replace(protocol, "TwoBuyer", "Maty.HandlersFindingsTest.Shown") <> program
    )

    {error, warnings} =
      ExUnit.CaptureIO.with_io(:stderr, fn ->
        assert_raise CompileError, fn -> Code.compile_file(Path.join(dir, "shop.ex")) end
      end)

    # All but the first are warnings as well, each with its place.
    assert Regex.scan(~r/^warning: (.*)$\n.*\/(shop.ex:\d+):/m, warnings, capture: :all_but_first) ==
             [
               [
                 "error: [no-clause] decision/2 has no clause for quit() from Buyer2",
                 "shop.ex:23"
               ],
               [
                 "error: [bad-payload] Seller sends date with field 1 of another type; " <>
                   "expected date(date) to Buyer2",
                 "shop.ex:24"
               ]
             ]

    said = "** (CompileError) " <> Exception.message(error)
    assert String.replace(said, Path.relative_to_cwd(dir) <> "/", "") == String.trim(output)
  end
end
