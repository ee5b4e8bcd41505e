defmodule Maty.AloneTest do
  # Actors that are tested alone, in the Elixir face; see test/maty_testing_tests.erl.
  use ExUnit.Case, async: false

  import ExUnit.CaptureIO
  import Maty.Test, only: [assert_plays: 2]

  @moduletag :capture_log
  @protocol "examples/two_buyer/two_buyer.scr"
  @titles [
    title: [
      {:title, "Types and Programming Languages"},
      {:title, "The Art of Computer Programming"}
    ]
  ]

  # Mix loads tests without debug information, and actors are checked by it.
  Code.put_compiler_option(:debug_info, true)

  for file <- ~w(two_buyer printer seller buyers) do
    Code.require_file("examples/two_buyer/#{file}.ex")
  end

  # What the actors of the example print goes nowhere. The printer has a name that other
  # tests use, so it has ended when these have.
  setup_all do
    printer = start_supervised!(%{id: Printer, start: {Printer, :start_link, []}})
    {:ok, nowhere} = StringIO.open("")
    Process.group_leader(printer, nowhere)
    :ok
  end

  defp text(fun) do
    error = assert_raise(ExUnit.AssertionError, fun)

    error.message
    |> String.replace(~r/in session #[\d.]+/, "in session #ID")
    |> String.replace(~r/\(maty [\d.]+\) /, "")
    |> String.replace(~r/\b[\w\/.]+\.exs?:\d+(?=: )/, "FILE:LINE")
  end

  describe "the actors of the example" do
    test "play their roles, and do all that there is" do
      report =
        assert_plays(Seller, protocol: @protocol, role: :Seller, messages: @titles, seed: 1)

      assert to_string(report) == """
             Seller as Seller of TwoBuyer: 5 of 5 states, 5 of 5 transitions in 2 \
             runs, seed 1

               state                                         count
                   0  waits for title(binary) from Buyer1        2
                   1  sends quote(integer) to Buyer1             2
                   2  waits for address(binary) from Buyer2      1
                      waits for quit() from Buyer2               1
                   3  sends date(date) to Buyer2                 1
                   4  is at its end                              2
             """

      assert inspect(report) ==
               "#Maty.Test.Report<Seller as Seller of TwoBuyer: 5 of 5 states, " <>
                 "5 of 5 transitions in 2 runs, seed 1>"

      assert_plays(Buyer1,
        protocol: @protocol,
        role: :Buyer1,
        argument: &{&1, "Logic"},
        coverage: :all
      )

      assert_plays(Buyer2,
        protocol: {:file, @protocol},
        role: :Buyer2,
        argument: &{&1, 500},
        coverage: :all
      )
    end

    test "live on when a partner crashes, and refuse garbage" do
      options = [protocol: @protocol, role: :Seller, messages: @titles]
      assert assert_plays(Seller, options ++ [fault: {:crash, :each}]).faults == 3

      assert %{faults: 3, refused: refused} =
               assert_plays(Seller, options ++ [fault: {:garbage, :each}])

      assert refused >= 3
    end

    test "get dates as Elixir has them" do
      test = self()

      expect = fn {:Buyer2, :Seller, _}, earlier ->
        send(test, {:earlier, earlier})
        :ok
      end

      assert_plays(Buyer2,
        protocol: {:string, "global protocol Day(role Buyer2, role Seller) {
            share(date) from Seller to Buyer2; quit() from Buyer2 to Seller; }"},
        role: :Buyer2,
        argument: &{&1, 0},
        expect: expect
      )

      assert_receive {:earlier, [{:Seller, :Buyer2, {:share, %Date{}}}]}
    end
  end

  defmodule Rounds do
    use Maty.Protocol, file: "../protocols/senders.scr", protocol: :Rounds
  end

  defmodule Asking do
    # Tells who has sent "x", which says nothing of it.
    use Maty.Actor, protocol: Maty.AloneTest.Rounds, role: :C

    @impl true
    def init_actor(ap) do
      Maty.register(ap, :C)
      {:ok, ap}
    end

    @impl true
    def init_session(_session, ap) do
      # Nothing has come yet.
      {:not_received, {:x, 1}} = catch_error(:maty.sender({:x, 1}))
      {:ok, &x/2, nil, ap}
    end

    def x({:x, _} = message, state) do
      case Maty.sender(message) do
        :B -> go_on(state)
        :D -> {:suspend, &y/2, state}
      end
    end

    def x({:bye} = message, state) do
      true = Maty.sender(message) in [:B, :D]
      {:done, :normal, state}
    end

    # Only one role sends it; it is still known after something was sent.
    def y({:y} = message, state) do
      Maty.send(Maty.sender(message), {:z})
      :D = Maty.sender(message)
      go_on(state)
    end

    defp go_on(state) do
      Maty.send(:A, {:on})
      {:suspend, &x/2, state}
    end
  end

  test "an actor asks who has sent a message" do
    assert_plays(Asking, protocol: Rounds, role: :C, coverage: :all)

    assert_raise Maty.Error, "{:x, 1} is not the message that the handler was called with", fn ->
      Maty.sender({:x, 1})
    end
  end

  defmodule Wrong do
    # A seller whose handlers are functions.
    use Maty.Actor

    @impl true
    def init_actor({ap, title}) do
      Maty.register(ap, :Seller)
      {:ok, title}
    end

    @impl true
    def init_session(_session, title), do: {:ok, title, nil, title}

    def decision({:address, _}, state) do
      Maty.send(:Buyer2, {:date, ~D[2026-12-01]})
      {:done, :normal, state}
    end

    def decision({:quit}, state), do: {:done, :normal, state}
  end

  defp plays(title, options \\ []) do
    assert_plays(
      Wrong,
      [protocol: @protocol, role: :Seller, seed: 1, argument: &{&1, title}] ++ options
    )
  end

  describe "a wrong actor" do
    test "sends a wrong label" do
      title = fn {:title, _}, state ->
        Maty.send(:Buyer1, {:qoute, 5})
        {:suspend, &Wrong.decision/2, state}
      end

      assert text(fn -> plays(title) end) == """
             Maty.AloneTest.Wrong does not play Seller of TwoBuyer: it crashed
               ** (Maty.ProtocolError) Seller in session #ID of TwoBuyer sends {:qoute, 5} to \
             :Buyer1, a message that the protocol does not have for this role; allowed here:
                   quote(integer) to Buyer1   examples/two_buyer/two_buyer.scr:5:3
                   FILE:LINE: anonymous fn/2 in Maty.AloneTest."test a wrong actor sends a wrong \
             label"/1

             The conversation of run 1, seed 1:
               1. Buyer1 -> Seller  title("tfippeov")
             Expected of Seller:
               sends quote(integer) to Buyer1   examples/two_buyer/two_buyer.scr:5:3
             """
    end

    test "crashes" do
      title = fn {:title, title}, state ->
        Maty.send(:Buyer1, {:quote, Map.fetch!(%{}, title)})
        {:suspend, &Wrong.decision/2, state}
      end

      assert text(fn -> plays(title) end) =~
               ~r/\A.*: it crashed\n  \*\* \(KeyError\) key "tfippeov" not found in: %{}\n    /
    end

    test "hangs" do
      title = fn _, _ -> Process.sleep(:infinity) end

      assert text(fn -> plays(title, timeout: 2000) end) =~
               ~r/\A.*: it does not go on; it stands\n  at \(elixir [\d.]+\) .*: Process.sleep\/1\n\n/
    end

    test "says what is not expected" do
      title = fn {:title, _}, state ->
        Maty.send(:Buyer1, {:quote, -1})
        {:suspend, &Wrong.decision/2, state}
      end

      expect = fn
        {_, _, {:quote, price}}, _ when price < 0 -> {:error, "a price is not below nothing"}
        _, _ -> :ok
      end

      assert text(fn -> plays(title, expect: expect) end) == """
             Maty.AloneTest.Wrong does not play Seller of TwoBuyer: its last message is not as \
             expected
               a price is not below nothing

             The conversation of run 1, seed 1:
               1. Buyer1 -> Seller  title("tfippeov")
               2. Seller -> Buyer1  quote(-1)
             Expected of Seller:
               waits for address(binary) from Buyer2   examples/two_buyer/two_buyer.scr:8:5
               waits for quit() from Buyer2   examples/two_buyer/two_buyer.scr:11:5
             """
    end
  end

  test "the documentation shows what is so" do
    shown = File.read!("docs/testing.md")
    seller = [protocol: @protocol, role: :Seller, seed: 1]
    {:error, crash} = Maty.Test.plays(Seller, seller)
    assert shown =~ "```\n" <> crash <> "```\n"

    titles = [messages: [title: [{:title, "Types and Programming Languages"}]]]
    {:ok, report} = Maty.Test.plays(Seller, seller ++ titles)
    assert shown =~ "```\n" <> to_string(report) <> "```\n"

    {:ok, report} = Maty.Test.plays(Seller, seller ++ titles ++ [fault: {:garbage, :each}])
    [head, _table] = report |> to_string() |> String.split("\n\n")
    assert shown =~ String.replace(head, ~r/\d+(?= messages)/, "15")

    {:error, missing} =
      Maty.Test.plays(Buyer2,
        protocol: @protocol,
        role: :Buyer2,
        seed: 1,
        argument: &{&1, -Bitwise.bsl(1, 64)},
        coverage: :all
      )

    assert shown =~ "```\n" <> missing <> "```\n"
  end

  test "plays/2 returns what went wrong" do
    assert {:ok, %Maty.Test.Report{runs: 2}} =
             Maty.Test.plays(Seller, protocol: @protocol, role: :Seller, messages: @titles)

    assert {:error, "Seller does not play Seller of TwoBuyer: it crashed\n" <> _} =
             Maty.Test.plays(Seller, protocol: @protocol, role: :Seller)
  end

  test "a failing test is printed as one" do
    text = """
    defmodule Maty.AloneTest.Failing do
      use ExUnit.Case
      test "the seller" do
        Maty.Test.assert_plays(Seller, protocol: "#{@protocol}", role: :Seller, seed: 1)
      end
    end
    """

    [{module, _}] = Code.compile_string(text)

    test = %ExUnit.Test{
      name: :"test the seller",
      module: module,
      case: module,
      tags: %{file: "seller_test.exs", line: 3}
    }

    error = assert_raise ExUnit.AssertionError, fn -> apply(module, :"test the seller", [%{}]) end

    failures = [{:error, error, []}]

    printed = ExUnit.Formatter.format_test_failure(test, failures, 1, 80, fn _, text -> text end)
    assert printed =~ "it crashed"
    assert printed =~ ~s|1. Buyer1 -> Seller  title("tfippeov")|
    assert capture_io(fn -> IO.puts(printed) end) =~ "Expected of Seller:"
  end

  test "a wrong option is named" do
    right = [protocol: @protocol, role: :Seller]

    for {options, text} <- [
          {[role: :A], "the option :protocol is missing"},
          {right ++ [rloe: 1],
           "unknown option: :rloe; the options are :protocol, :role, :argument, :start, " <>
             ":messages, :expect, :order, :runs, :seed, :steps, :timeout, :coverage, :fault"},
          {right ++ [order: 1], "expected :order to be :systematic or :random, got: 1"},
          {right ++ [fault: :crash],
           "expected :fault to be :none, or {:crash | :garbage | {:delay, milliseconds}, " <>
             "number | :random | :each}, got: :crash"},
          {[protocol: @protocol, role: :A],
           "there is no role A; the protocol has Buyer1, Buyer2, Seller"}
        ] do
      error = assert_raise ArgumentError, fn -> assert_plays(Seller, options) end
      assert error.message == "Maty.Test.assert_plays/2: " <> text
    end

    assert_raise Maty.Error, "no.scr: no such file or directory", fn ->
      assert_plays(Seller, protocol: "no.scr", role: :Seller)
    end
  end
end
