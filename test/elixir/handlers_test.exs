defmodule Maty.HandlersTest do
  # What is wrong in a handler keeps its module from being compiled, with the place of it
  # and of what the protocol has there. Each test changes one thing of a seller or a buyer
  # that is right.
  # Standard error, which is read here, is everybody's.
  use ExUnit.Case, async: false

  defmodule Protocol do
    use Maty.Protocol,
      string: """
      global protocol TwoBuyer(role Buyer1, role Buyer2, role Seller) {
        title(binary) from Buyer1 to Seller;
        quote(integer) from Seller to Buyer1;
        share(integer) from Buyer1 to Buyer2;
        choice at Buyer2 {
          address(binary) from Buyer2 to Seller;
          date(date) from Seller to Buyer2;
        } or {
          quit() from Buyer2 to Seller;
        }
      }
      """
  end

  defmodule Stream do
    use Maty.Protocol,
      string: """
      protocol Stream(role Source, role Sink) {
        rec L { choice at Source {
          item(integer) from Source to Sink;
          continue L;
        } or {
          stop() from Source to Sink;
        } }
      }
      """
  end

  defmodule Work do
    use Maty.Protocol,
      string: """
      type order = {integer, string};
      global protocol Work(role Client, role Server, role Log) {
        hello(order) from Client to Server;
        rec L {
          choice at Client {
            job(id: integer, body: %{name: string, tags: list(atom)}) from Client to Server;
            choice at Server {
              ok(integer | float) from Server to Client;
              note(string) from Server to Log;
            } or {
              failed(:timeout | :crash) from Server to Client;
              note(string) from Server to Log;
            }
            continue L;
          } or {
            bye() from Client to Server;
            stop(datetime) from Server to Log;
          }
        }
      }
      """
  end

  defmodule Pair do
    use Maty.Protocol,
      string: """
      protocol Pair(role One, role Other) {
        first(integer) from One to Other;
        second(integer) from One to Other;
      }
      """
  end

  @seller """
  defmodule Seller do
    use Maty.Actor, protocol: Maty.HandlersTest.Protocol, role: :Seller

    def init_actor(ap) do
      Maty.register(ap, :Seller)
      {:ok, ap}
    end

    def init_session(_session, ap) do
      Maty.register(ap, :Seller)
      {:ok, &title_handler/2, %{}, ap}
    end

    def title_handler({:title, title}, state) do
      Maty.send(:Buyer1, {:quote, price(title)})
      {:suspend, &decision_handler/2, state}
    end

    def decision_handler({:address, _address}, state) do
      Maty.send(:Buyer2, {:date, ~D[2026-12-01]})
      {:done, :normal, state}
    end

    def decision_handler({:quit}, state) do
      {:done, :normal, state}
    end

    defp price(_title), do: 155
  end
  """

  @buyer """
  defmodule Buyer do
    use Maty.Actor, protocol: Maty.HandlersTest.Protocol, role: :Buyer1

    def init_actor({ap, title}) do
      Maty.register(ap, :Buyer1)
      {:ok, title}
    end

    def init_session(_session, title) do
      Maty.send(:Seller, {:title, title})
      {:ok, &quote_handler/2, nil, title}
    end

    def quote_handler({:quote, price}, state) do
      Maty.send(:Buyer2, {:share, div(price, 2)})
      {:done, :normal, state}
    end
  end
  """

  # Compiles the text with one part replaced, under a name of its own. Returns the line
  # and the description of the error, or nothing.
  defp compile(text, changes) do
    {name, text} = named(text)

    text =
      Enum.reduce(changes, text, fn {from, to}, text ->
        assert text =~ from
        String.replace(text, from, to, global: false)
      end)

    # What the compiler says of variables that are not used now is no matter.
    {error, _} =
      ExUnit.CaptureIO.with_io(:stderr, fn ->
        try do
          Code.compile_string(text, "actor.ex")
          nil
        rescue
          error in CompileError ->
            assert Path.basename(error.file) == "actor.ex"
            {error.line, error.description}
        end
      end)

    {name, error}
  end

  defp named(text) do
    name = Module.concat(__MODULE__, "Actor#{System.unique_integer([:positive])}")
    # While mix loads test files, it compiles without debug information.
    head = "defmodule #{inspect(name)} do @compile :debug_info"
    {name, Regex.replace(~r/defmodule \w+ do/, text, head, global: false)}
  end

  defp assert_error(text, changes, line, description) do
    {_, error} = compile(text, changes)
    assert error == {line, String.trim_trailing(description)}
  end

  defp assert_compiles(text, changes \\ []) do
    {name, error} = compile(text, changes)
    assert error == nil
    name
  end

  test "a seller and a buyer that are right" do
    assert_compiles(@seller)
    assert_compiles(@buyer)
  end

  describe "a send" do
    test "to the wrong role" do
      assert_error(@seller, [{"Maty.send(:Buyer1", "Maty.send(:Buyer2"}], 15, """
      [bad-send] Seller sends quote/1 to Buyer2, which the protocol does not allow here; it has to \
      send quote(integer) to Buyer1
      after:
        1. Seller receives title from Buyer1 (line 2)
      Maty.HandlersTest.Protocol:3:3: note: the protocol has quote(integer) to Buyer1
      """)
    end

    test "with the wrong label" do
      assert_error(@seller, [{"{:quote, ", "{:qoute, "}], 15, """
      [bad-send] Seller sends qoute/1 to Buyer1, which the protocol does not allow here; it has to \
      send quote(integer) to Buyer1
      after:
        1. Seller receives title from Buyer1 (line 2)
      Maty.HandlersTest.Protocol:3:3: note: the protocol has quote(integer) to Buyer1
      """)
    end

    test "with the wrong payload" do
      expected = """
      [bad-payload] Seller sends quote with field 1 of another type; expected quote(integer) to Buyer1
      after:
        1. Seller receives title from Buyer1 (line 2)
      Maty.HandlersTest.Protocol:3:3: note: the protocol has quote(integer) to Buyer1
      """

      assert_error(@seller, [{"{:quote, price(title)}", "{:quote, title}"}], 15, expected)
      assert_error(@seller, [{"do: 155", "do: \"155\""}], 15, expected)
      assert_error(@seller, [{"{:quote, price(title)}", "{:quote, :none}"}], 15, expected)

      guarded = [{"defp price(_title), do: 155", "defp price(t) when is_binary(t), do: t"}]
      assert_error(@seller, guarded, 15, expected)

      specified = [
        {"defp price(_title), do: 155",
         "@spec price(String.t()) :: float()\n  defp price(t), do: Process.get(t)"}
      ]

      assert_error(@seller, specified, 15, expected)
    end

    test "with too many fields" do
      assert_error(@seller, [{"{:quote, price(title)}", "{:quote, price(title), :eur}"}], 15, """
      [bad-payload] Seller sends quote with 2 fields; expected quote(integer) to Buyer1
      after:
        1. Seller receives title from Buyer1 (line 2)
      Maty.HandlersTest.Protocol:3:3: note: the protocol has quote(integer) to Buyer1
      """)
    end

    test "too many" do
      twice = [
        {"Maty.send(:Buyer1, {:quote, price(title)})",
         "Maty.send(:Buyer1, {:quote, 1})\n    Maty.send(:Buyer1, {:quote, 2})"}
      ]

      assert_error(@seller, twice, 16, """
      [bad-send] Seller sends quote/1 to Buyer1, which the protocol does not allow here; it waits for \
      address(binary) from Buyer2 or quit() from Buyer2
      after:
        1. Seller receives title from Buyer1 (line 2)
        2. Seller sends quote to Buyer1 (line 3)
      Maty.HandlersTest.Protocol:6:5: note: the protocol has address(binary) from Buyer2
      Maty.HandlersTest.Protocol:9:5: note: the protocol has quit() from Buyer2
      """)
    end

    test "missing" do
      assert_error(
        @seller,
        [{"Maty.send(:Buyer1, {:quote, price(title)})", "price(title)"}],
        16,
        """
        [bad-suspend] Seller suspends where it does not wait; it has to send quote(integer) to Buyer1
        after:
          1. Seller receives title from Buyer1 (line 2)
        Maty.HandlersTest.Protocol:3:3: note: the protocol has quote(integer) to Buyer1
        """
      )
    end

    test "in one branch only" do
      for branch <- [
            "if state.open, do: Maty.send(:Buyer1, {:quote, 1})",
            "case state do\n %{open: true} -> Maty.send(:Buyer1, {:quote, 1})\n _ -> :ok end",
            "cond do\n state.open -> Maty.send(:Buyer1, {:quote, 1})\n true -> :ok end",
            "with true <- state.open do Maty.send(:Buyer1, {:quote, 1}) end",
            "state.open && Maty.send(:Buyer1, {:quote, 1})",
            "try do price(title) rescue ArgumentError -> Maty.send(:Buyer1, {:quote, 1}) end"
          ] do
        {_, {line, text}} =
          compile(@seller, [{"Maty.send(:Buyer1, {:quote, price(title)})", branch}])

        assert line == 16 + length(String.split(branch, "\n")) - 1
        assert text =~ "[bad-suspend] Seller suspends where it does not wait"
      end
    end

    test "in a helper that is called twice" do
      twice = [
        {"Maty.send(:Buyer1, {:quote, price(title)})", "answer(price(title))\n    answer(1)"},
        {"defp price",
         "defp answer(price), do: Maty.send(:Buyer1, {:quote, price})\n  defp price"}
      ]

      assert_error(@seller, twice, 29, """
      [bad-send] Seller sends quote/1 to Buyer1, which the protocol does not allow here; it waits for \
      address(binary) from Buyer2 or quit() from Buyer2
      after:
        1. Seller receives title from Buyer1 (line 2)
        2. Seller sends quote to Buyer1 (line 3)
      actor.ex:16: note: called here
      Maty.HandlersTest.Protocol:6:5: note: the protocol has address(binary) from Buyer2
      Maty.HandlersTest.Protocol:9:5: note: the protocol has quit() from Buyer2
      """)
    end

    test "of what a helper was given is wrong where it is called" do
      given = [
        {"Maty.send(:Buyer1, {:quote, price(title)})", "say(:Buyer2, {:quote, 1})"},
        {"defp price", "defp say(to, message), do: Maty.send(to, message)\n  def price"}
      ]

      {_, {line, text}} = compile(@seller, given)
      assert line == 15
      assert text =~ "[bad-send] Seller sends quote/1 to Buyer2"
    end

    test "past the session, and a receive in a handler" do
      assert_error(@seller, [{"Maty.send(:Buyer1", "send(self()"}], 15, """
      [raw-message] {:quote, 155} is sent to a process, past the session; use Maty.send/2
      after:
        1. Seller receives title from Buyer1 (line 2)
      Maty.HandlersTest.Protocol:3:3: note: the protocol has quote(integer) to Buyer1
      """)

      for pattern <- ["_", "{:address, _}", "{:quit} = message", "{label, 1}"] do
        received = [
          {"Maty.send(:Buyer1, {:quote, price(title)})", "receive do #{pattern} -> :ok end"}
        ]

        assert_error(@seller, received, 15, """
        [raw-message] a handler waits for a message by itself; only a suspended handler hears
        after:
          1. Seller receives title from Buyer1 (line 2)
        Maty.HandlersTest.Protocol:3:3: note: the protocol has quote(integer) to Buyer1
        """)
      end
    end

    test "after waiting for what is no message of the session" do
      assert_compiles(@seller, [
        {"Maty.send(:Buyer1", "wait(spawn_monitor(fn -> :ok end))\n    Maty.send(:Buyer1"},
        {"  defp price",
         """
           defp wait({pid, monitor}) do
             receive do
               {:DOWN, ^monitor, :process, ^pid, _} -> :ok
               {^monitor, _answer} -> :ok
               :stop -> :ok
             after
               5000 -> exit(:timeout)
             end
           end

           defp price\
         """}
      ])
    end
  end

  describe "a handler ends" do
    test "with the wrong handler" do
      assert_error(
        @seller,
        [{"{:suspend, &decision_handler/2", "{:suspend, &title_handler/2"}],
        14,
        """
        [no-clause] title_handler/2 has no clause for address(binary) from Buyer2
        after:
          1. Seller receives title from Buyer1 (line 2)
          2. Seller sends quote to Buyer1 (line 3)
        actor.ex:16: note: suspended here
        Maty.HandlersTest.Protocol:6:5: note: the protocol has it here

        actor.ex:14: [no-clause] title_handler/2 has no clause for quit() from Buyer2
        after:
          1. Seller receives title from Buyer1 (line 2)
          2. Seller sends quote to Buyer1 (line 3)
        actor.ex:16: note: suspended here
        Maty.HandlersTest.Protocol:9:5: note: the protocol has it here
        """
      )
    end

    test "with a handler that does not exist" do
      {name, {line, text}} =
        compile(@seller, [{"&decision_handler/2", "&__MODULE__.decison_handler/2"}])

      assert line == 16

      assert text == """
             [no-handler] suspends with #{inspect(name)}.decison_handler/2, which does not exist
             after:
               1. Seller receives title from Buyer1 (line 2)
               2. Seller sends quote to Buyer1 (line 3)
             Maty.HandlersTest.Protocol:6:5: note: the protocol has address(binary) from Buyer2
             Maty.HandlersTest.Protocol:9:5: note: the protocol has quit() from Buyer2\
             """
    end

    test "with what is no handler" do
      {_, {line, text}} = compile(@seller, [{"&decision_handler/2", "fn _ -> :ok end"}])
      assert line == 16
      assert text =~ "[no-handler] suspends with a fun of 1, which is no function of a message"
    end

    test "too early" do
      done = [{"{:suspend, &decision_handler/2, state}", "{:done, :normal, state}"}]

      assert_error(@seller, done, 16, """
      [bad-done] Seller is done before it has come to its end; it waits for address(binary) from \
      Buyer2 or quit() from Buyer2
      after:
        1. Seller receives title from Buyer1 (line 2)
        2. Seller sends quote to Buyer1 (line 3)
      Maty.HandlersTest.Protocol:6:5: note: the protocol has address(binary) from Buyer2
      Maty.HandlersTest.Protocol:9:5: note: the protocol has quit() from Buyer2
      """)
    end

    test "with a literal, which has no line of its own" do
      for {literal, line, printed} <- [
            {"{:suspended, 1}", 15, "{:suspended, 1}"},
            {":done", 15, ":done"},
            {"{:error, 'x', Shop.Cart, nil, \"text\", :\"a b\"}", 16,
             "{:error, [120], Shop.Cart, nil, \"text\", :\"a b\"}"}
          ] do
        assert_error(@buyer, [{"{:done, :normal, state}", literal}], line, """
        [bad-return] returns #{printed}; expected {:suspend, handler, state}, \
        {:hold, name, handler, state}, {:done, reason, state}, {:leave, reason, state} or :noreply
        after:
          1. Buyer1 sends title to Seller (line 2)
          2. Buyer1 receives quote from Seller (line 3)
          3. Buyer1 sends share to Buyer2 (line 4)
        Maty.HandlersTest.Protocol:11:1: note: the protocol has nothing more for this role
        """)
      end
    end

    test "with something else" do
      assert_error(@buyer, [{"{:done, :normal, state}", "{:ok, state}"}], 16, """
      [bad-return] returns {:ok, nil}; expected {:suspend, handler, state}, {:hold, name, handler, state}, {:done, reason, state}, \
      {:leave, reason, state} or :noreply
      after:
        1. Buyer1 sends title to Seller (line 2)
        2. Buyer1 receives quote from Seller (line 3)
        3. Buyer1 sends share to Buyer2 (line 4)
      Maty.HandlersTest.Protocol:11:1: note: the protocol has nothing more for this role
      """)
    end
  end

  describe "a clause" do
    @decision_quit "  def decision_handler({:quit}, state) do\n    {:done, :normal, state}\n  end\n"

    test "missing" do
      assert_error(@seller, [{@decision_quit, ""}], 19, """
      [no-clause] decision_handler/2 has no clause for quit() from Buyer2
      after:
        1. Seller receives title from Buyer1 (line 2)
        2. Seller sends quote to Buyer1 (line 3)
      actor.ex:16: note: suspended here
      Maty.HandlersTest.Protocol:9:5: note: the protocol has it here
      """)
    end

    test "for the wrong label, number of fields or type" do
      for wrong <- ["({:quits}", "({:quit, _}", "({:quote, _}"] do
        assert_error(@seller, [{"({:quit}", wrong}], 19, """
        [no-clause] decision_handler/2 has no clause for quit() from Buyer2
        after:
          1. Seller receives title from Buyer1 (line 2)
          2. Seller sends quote to Buyer1 (line 3)
        actor.ex:16: note: suspended here
        Maty.HandlersTest.Protocol:9:5: note: the protocol has it here

        actor.ex:24: [dead-clause] this clause fits no message that comes here
        """)
      end

      for wrong <- [
            "({:title, 42 = title}, state)",
            "({:title, title}, state) when is_integer(title)"
          ] do
        {_, {line, text}} = compile(@seller, [{"({:title, title}, state)", wrong}])

        assert line == 14
        assert text =~ "[no-clause] title_handler/2 has no clause for title(binary) from Buyer1"
        assert text =~ "actor.ex:14: [dead-clause] this clause fits no message that comes here"
      end
    end
  end

  describe "a role" do
    test "that the protocol does not have" do
      assert_error(@seller, [{"role: :Seller", "role: :Seler"}], 2, """
      [no-role] TwoBuyer has no role Seler; it has Buyer1, Buyer2, Seller
      """)
    end

    test "that is registered for and not played" do
      assert_error(
        @seller,
        [{"register(ap, :Seller)\n    {:ok, ap}", "register(ap, :Buyer1)\n    {:ok, ap}"}],
        5,
        """
        [no-role] registers for Buyer1, for which it has no init_session: it says that it plays Seller
        """
      )

      assert_error(
        @seller,
        [{"register(ap, :Seller)\n    {:ok, ap}", "register(ap, :Nobody)\n    {:ok, ap}"}],
        5,
        """
        [no-role] registers for Nobody, which is no role of the protocol; it has Buyer1, Buyer2, Seller
        """
      )
    end

    test "that begins with something else" do
      assert_error(@buyer, [{"Maty.send(:Seller, {:title, title})\n    ", ""}], 10, """
      [bad-suspend] Buyer1 suspends where it does not wait; it has to send title(binary) to Seller
      Maty.HandlersTest.Protocol:2:3: note: the protocol has title(binary) to Seller
      """)
    end

    test "of what is no protocol" do
      assert_error(
        @seller,
        [
          {"Maty.HandlersTest.Protocol", "{:string, \"protocol P(role A) { m() from A to B; }\"}"}
        ],
        2,
        """
        [no-role] the protocol of Seller cannot be used:
        nofile:1:36: error[unbound-role]: there is no role 'B'
          protocol P(role A) { m() from A to B; }
                                             ^
        """
      )

      assert_error(@seller, [{"Maty.HandlersTest.Protocol", "Maty.HandlersTest.Protocl"}], 2, """
      [no-role] the protocol of Seller cannot be used:
      there is no module Maty.HandlersTest.Protocl with "use Maty.Protocol"
      """)

      assert_error(@seller, [{"Maty.HandlersTest.Protocol", "{:text, \"P\"}"}], 2, """
      [no-role] the protocol of Seller cannot be used:
      {:text, "P"} is no protocol; expected {:file, path}, {:file, path, name}, {:string, text}, \
      {:string, text, name}, a module with "use Maty.Protocol", or a Maty.Protocol
      """)
    end
  end

  describe "a loop" do
    @source """
    defmodule Source do
      use Maty.Actor, protocol: Maty.HandlersTest.Stream, role: :Source

      def init_actor(ap), do: {:ok, ap}

      def init_session(_session, numbers) do
        for number <- numbers, do: Maty.send(:Sink, {:item, number})
        Maty.send(:Sink, {:stop})
        {:done, :normal, numbers}
      end
    end
    """

    test "over what is not known" do
      assert_compiles(@source)
      loop = "for number <- numbers, do: Maty.send(:Sink, {:item, number})"

      for other <- [
            "Enum.each(numbers, fn number -> Maty.send(:Sink, {:item, number}) end)",
            "Enum.reduce(numbers, 0, fn n, sum -> Maty.send(:Sink, {:item, n}); sum + n end)",
            "for n <- numbers, rem(n, 2) == 0, do: Maty.send(:Sink, {:item, n})",
            "for n <- 1..3, do: Maty.send(:Sink, {:item, n})",
            "all(numbers)"
          ] do
        all =
          {"  def init_actor",
           "  defp all([n | ns]) do Maty.send(:Sink, {:item, n}); all(ns) end\n defp all([]), do: :ok\n def init_actor"}

        assert_compiles(@source, [{loop, other}, all])
      end
    end

    test "whose second round differs" do
      {_, {line, text}} =
        compile(@source, [
          {"Stream, role: :Source", "Pair, role: :One"},
          {":item, number", ":first, number"},
          {":Sink, {:first", ":Other, {:first"},
          {":Sink, {:stop}", ":Other, {:second, 1}"}
        ])

      assert line == 7

      assert text =~
               "[bad-send] One sends first/1 to Other, which the protocol does not allow here; it has to send second(integer) to Other"
    end

    test "that is a function, and whose second round differs" do
      changes = [
        {"for number <- numbers, do: Maty.send(:Sink, {:item, number})", "all(numbers)"},
        {"Maty.send(:Sink, {:stop})\n    ", ""},
        {"def init_actor",
         "defp all([n | ns]) do\n Maty.send(:Sink, {:item, n})\n Maty.send(:Sink, {:stop})\n all(ns)\n end\n defp all([]), do: :ok\n  def init_actor"}
      ]

      {_, {line, text}} = compile(@source, changes)
      assert line == 5

      assert text =~
               "[bad-send] Source sends item/1 to Sink, which the protocol does not allow here; it has come to its end"
    end
  end

  describe "a session that is held" do
    @held """
    defmodule Seller do
      use Maty.Actor, protocol: Maty.HandlersTest.Protocol, role: :Seller

      def init_actor(ap), do: {:ok, ap}
      def init_session(_session, ap), do: {:ok, &title/2, nil, ap}

      def title({:title, title}, state) do
        Maty.Actor.cast(self(), {:price, title})
        {:hold, :seller, &found/2, state}
      end

      def handle_cast({:price, "Logic"}, actor) do
        Maty.become(:seller, {:price, 155})
        {:noreply, actor}
      end

      def handle_cast({:price, _title}, actor) do
        Maty.become(:seller, :none)
        {:noreply, actor}
      end

      def found({:price, price}, state) do
        Maty.send(:Buyer1, {:quote, price})
        {:suspend, &decision/2, state}
      end

      def found(:none, state), do: {:leave, :none, state}

      def decision({:address, _address}, state) do
        Maty.send(:Buyer2, {:date, ~D[2026-12-01]})
        {:done, :normal, state}
      end

      def decision({:quit}, state), do: {:done, :normal, state}
    end
    """

    test "is gone on with from where it is held" do
      assert_compiles(@held)
      assert_compiles(@held, [{"role: :Seller", "role: :Seller, check: :strict"}])

      assert_error(@held, [{"{:price, 155}", "{:price, :much}"}], 23, """
      [bad-payload] Seller sends quote with field 1 of another type; expected quote(integer) to Buyer1
      after:
        1. Seller receives title from Buyer1 (line 2)
      Maty.HandlersTest.Protocol:3:3: note: the protocol has quote(integer) to Buyer1
      """)

      assert_error(@held, [{"{:leave, :none, state}", "{:done, :none, state}"}], 27, """
      [bad-done] Seller is done before it has come to its end; it has to send quote(integer) to Buyer1
      after:
        1. Seller receives title from Buyer1 (line 2)
      Maty.HandlersTest.Protocol:3:3: note: the protocol has quote(integer) to Buyer1
      """)
    end

    test "where it waits" do
      assert_error(@held, [{"{:suspend, &decision/2", "{:hold, :seller, &decision/2"}], 24, """
      [bad-suspend] Seller holds where it does not send; it waits for address(binary) from Buyer2 or \
      quit() from Buyer2
      after:
        1. Seller receives title from Buyer1 (line 2)
        2. Seller sends quote to Buyer1 (line 3)
      Maty.HandlersTest.Protocol:6:5: note: the protocol has address(binary) from Buyer2
      Maty.HandlersTest.Protocol:9:5: note: the protocol has quit() from Buyer2
      """)
    end

    test "with a handler that takes no argument of it" do
      {_, {line, text}} = compile(@held, [{"seller, &found/2", "seller, &decision/2"}])
      assert line == 29

      assert text =~
               "[no-clause] decision/2 has no clause for :none or {:price, 155}, with which it goes on"
    end

    test "with an argument for which there is no clause, or a name under which none is held" do
      assert_error(@held, [{"(:seller, :none)", "(:seller, :nothing)"}], 18, """
      [no-clause] goes on with :nothing, for which no handler of a session that is held so has a clause
      """)

      warned =
        ExUnit.CaptureIO.capture_io(:stderr, fn ->
          Code.put_compiler_option(:debug_info, true)

          Code.compile_string(
            @held
            |> String.replace("Seller do", "Maty.HandlersTest.Held do @compile :debug_info")
            |> String.replace("(:seller, :none)", "(:sellers, :none)"),
            "actor.ex"
          )
        end)

      assert warned =~ "[not-held] no session is held under the name :sellers in this module"
      assert warned =~ "actor.ex:18"
    end
  end

  describe "several roles" do
    @both """
    defmodule Both do
      use Maty.Actor, protocol: Maty.HandlersTest.Pair, role: [:One, :Other]

      def init_actor({ap, role}) do
        Maty.register(ap, role)
        {:ok, role}
      end

      def init_session(_session, actor) do
        case actor do
          :one ->
            Maty.send(:Other, {:first, 1})
            Maty.send(:Other, {:second, 2})
            {:done, :normal, actor}

          :other ->
            {:ok, &first/2, nil, actor}
        end
      end

      def first({:first, n}, _), do: {:suspend, &second/2, n}
      def second({:second, n}, m), do: {:done, n + m, nil}
    end
    """

    test "are told apart by a branch" do
      assert_compiles(@both)
      assert_compiles(@both, [{"case actor do", "case Map.get(actor, :role) do"}])

      assert_compiles(@both, [
        {"init_session(_session", "init_session(session"},
        {"case actor do", "case {session.protocol, session.role} do"},
        {":one ->", "{:Pair, :One} ->"},
        {":other ->", "{:Pair, :Other} ->"}
      ])

      assert_compiles(@both, [
        {"case actor do", "if actor == :one do"},
        {":one ->", ""},
        {":other ->", "else"}
      ])

      assert_compiles(@both, [
        {"case actor do", "cond do"},
        {":one ->", "actor == :one ->"},
        {":other ->", "true ->"}
      ])

      assert_error(@both, [{"{:second, 2}", "{:third, 2}"}], 13, """
      [bad-send] One sends third/1 to Other, which the protocol does not allow here; it has to send \
      second(integer) to Other
      after:
        1. One sends first to Other (line 2)
      Maty.HandlersTest.Pair:3:3: note: the protocol has second(integer) to Other
      """)

      {_, {line, text}} = compile(@both, [{"{:second, n}, m", "{:third, n}, m"}])
      assert line == 22
      assert text =~ "[no-clause] second/2 has no clause for second(integer) from One"
    end

    test "of several protocols, by a branch" do
      both = """
      defmodule Both do
        use Maty.Actor,
          roles: [{Maty.HandlersTest.Pair, :Other}, {Maty.HandlersTest.Stream, :Source}]

        def init_actor(ap), do: {:ok, ap}

        def init_session(session, actor) do
          case session.protocol do
            :Pair ->
              {:ok, &first/2, nil, actor}

            :Stream ->
              Maty.send(:Sink, {:stop})
              {:done, :normal, actor}
          end
        end

        def first({:first, n}, _), do: {:suspend, &second/2, n}
        def second({:second, n}, m), do: {:done, n + m, nil}
      end
      """

      assert_compiles(both)
      assert_compiles(both, [{"session.protocol", "actor"}])
      {_, {line, text}} = compile(both, [{"{:stop}", "{:item, 1}"}])
      assert line == 14
      assert text =~ "[bad-done] Source is done before it has come to its end"
    end
  end

  defmodule Senders do
    use Maty.Protocol, file: "../protocols/senders.scr", protocol: :Two
  end

  test "who has sent a message may be asked" do
    asks = """
    defmodule Asks do
      use Maty.Actor, protocol: Maty.HandlersTest.Senders, role: :C
      def init_actor(ap), do: {:ok, ap}
      def init_session(_session, ap), do: {:ok, &x/2, nil, ap}

      def x({:x, _} = message, state) do
        answer(Maty.sender(message))
        {:done, :normal, state}
      end

      defp answer(:B), do: Maty.send(:B, {:yes})
      defp answer(:D), do: Maty.send(:D, {:oh})
    end
    """

    assert_compiles(asks)

    helper = [
      {"answer(Maty.sender(message))", "answer(message)"},
      {"answer(:B)", "answer(message)"}
    ]

    assert_compiles(
      asks,
      helper ++
        [
          {"do: Maty.send(:B, {:yes})",
           "do: if(Maty.sender(message) == :B, do: Maty.send(:B, {:yes}), else: Maty.send(:D, {:oh}))"},
          {"defp answer(:D), do: Maty.send(:D, {:oh})", ""}
        ]
    )

    {_, {line, text}} =
      compile(asks, [
        {"answer(:B)", "answer(:D)"},
        {"answer(:D), do: Maty.send(:D", "answer(:B), do: Maty.send(:D"}
      ])

    assert line == 11
    assert text =~ "[bad-send] C sends yes/0 to B, which the protocol does not allow here; it has"

    assert text =~
             "actor.ex:12: [bad-send] C sends oh/0 to D, which the protocol does not allow here"
  end

  describe "is right" do
    test "with more clauses than branches" do
      assert_compiles(@seller, [
        {"def decision_handler({:quit}, state) do",
         "def decision_handler({:address, a, b}, state) when a > b, do: {:done, :no, state}\n  def decision_handler({:quit}, state) do"}
      ])
    rescue
      error -> flunk(Exception.message(error))
    end

    test "with handlers under another name, and one in two states" do
      assert_compiles(@seller, [
        {"{:suspend, &decision_handler/2, state}",
         "next = &decision_handler/2\n    {:suspend, next, state}"}
      ])

      assert_compiles(@seller, [
        {"{:suspend, &decision_handler/2, state}",
         "{:suspend, fn m, s -> decision_handler(m, s) end, state}"}
      ])

      assert_compiles(@seller, [
        {"{:suspend, &decision_handler/2, state}", "{:suspend, &title_handler/2, state}"},
        {"def decision_handler({:address, _address}", "def title_handler({:address, _address}"},
        {"def decision_handler({:quit}", "def title_handler({:quit}"}
      ])
    end

    test "with a helper in another module, which is read" do
      helper = Module.concat(__MODULE__, Helper)

      Code.compile_string("""
      defmodule #{inspect(helper)} do
        @compile :debug_info
        use Maty.Helper
        def answer(price), do: Maty.send(:Buyer1, {:quote, price})
      end
      """)

      call = {"Maty.send(:Buyer1, {:quote, price(title)})", "#{inspect(helper)}.answer(1)"}
      assert_compiles(@seller, [call])
      {_, {line, text}} = compile(@seller, [call, {"answer(1)", "answer(1.0)"}])
      assert line == 15
      assert text =~ "[bad-payload] Seller sends quote with field 1 of another type"
    end

    test "with two roles of one protocol" do
      both = """
      defmodule Both do
        use Maty.Actor, protocol: Maty.HandlersTest.Pair, role: [:One, :Other]

        def init_actor({ap, role}) do
          Maty.register(ap, role)
          {:ok, role}
        end

        def init_session(%{role: :One}, actor) do
          Maty.send(:Other, {:first, 1})
          Maty.send(:Other, {:second, 2})
          {:done, :normal, actor}
        end

        def init_session(_, actor), do: {:ok, &first/2, nil, actor}

        def first({:first, n}, _), do: {:suspend, &second/2, n}
        def second({:second, n}, m), do: {:done, n + m, nil}
      end
      """

      assert_compiles(both)
      {_, {line, text}} = compile(both, [{"{:second, 2}", "{:third, 2}"}])
      assert line == 11
      assert text =~ "[bad-send] One sends third/1 to Other"
      {_, {line, text}} = compile(both, [{"{:second, n}, m", "{:third, n}, m"}])
      assert line == 18
      assert text =~ "[no-clause] second/2 has no clause for second(integer) from One"
    end

    test "where a refusal is caught" do
      caught = """
      try do
            Maty.send(:Buyer2, {:quote, 1})
          rescue
            Maty.ProtocolError -> Maty.send(:Buyer1, {:quote, 1})
          end
      """

      assert_compiles(@seller, [{"Maty.send(:Buyer1, {:quote, price(title)})", caught}])

      {_, {line, _}} =
        compile(@seller, [
          {"Maty.send(:Buyer1, {:quote, price(title)})",
           String.replace(caught, "Maty.ProtocolError", "ArgumentError")}
        ])

      assert line == 16
    end

    test "where a library may raise, which is not known" do
      risky = """
      try do
            IO.puts(title)
            Maty.send(:Buyer1, {:quote, 1})
          rescue
            _ -> Maty.send(:Buyer1, {:quote, 0})
          end
      """

      send = "Maty.send(:Buyer1, {:quote, price(title)})"
      strict = {"role: :Seller", "role: :Seller, check: :strict"}
      assert_compiles(@seller, [{send, risky}, strict])
      wrong = String.replace(risky, "{:quote, 0}", "{:quote, :no}")
      assert_compiles(@seller, [{send, wrong}])

      assert_error(@seller, [{send, wrong}, strict], 16, """
      [unknown] whether this raises is not known
      """)
    end

    test "where its own state says how far it is" do
      assert_compiles("""
      defmodule Counting do
        use Maty.Actor, protocol: Maty.HandlersTest.Pair, role: :Other
        def init_actor(ap), do: {:ok, ap}
        def init_session(_, actor), do: {:ok, &heard/2, 1, actor}
        def heard({_, n}, count) do
          IO.inspect(n)
          if count < 2, do: {:suspend, &heard/2, count + 1}, else: {:done, :normal, nil}
        end
      end
      """)
    end

    test "in the usual style, and nothing is unknown of it" do
      {_, warnings} =
        ExUnit.CaptureIO.with_io(:stderr, fn ->
          Code.compile_string(~S'''
          defmodule Maty.HandlersTest.Server do
            @compile :debug_info
            use Maty.Actor, protocol: Maty.HandlersTest.Work, role: :Server, check: :strict
            require Logger
            defstruct [:count, :log]

            def init_actor(ap), do: (Maty.register(ap, :Server); {:ok, %{ap: ap, jobs: []}})

            def init_session(session, %{ap: ap} = actor) do
              Maty.register(ap, :Server)
              Logger.info("session #{session.id}")
              {:ok, &__MODULE__.hello/2, %__MODULE__{count: 0, log: []}, actor}
            end

            def hello({:hello, {n, name}}, state) when n >= 0 do
              Logger.debug(fn -> "#{name} #{n}" end)
              wait(state)
            end
            def hello({:hello, _}, state), do: wait(state)

            def job({:job, id, %{name: name} = body}, state) do
              result =
                with {:ok, found} <- lookup(id),
                     true <- Enum.all?(body.tags, &is_atom/1),
                     {:ok, value} <- run(found, name) do
                  {:ok, value}
                else
                  {:error, reason} when reason in [:timeout, :crash] -> {:failed, reason}
                  _ -> {:failed, :crash}
                end

              state |> answer(result) |> log("#{name}: #{inspect(result)}") |> wait()
            end

            def job({:bye}, state) do
              Maty.send(:Log, {:stop, DateTime.utc_now()})
              Enum.each(state.log, &IO.puts/1)
              {:done, :normal, state}
            end

            defp answer(state, {:ok, value}) do
              Maty.send(:Client, {:ok, value})
              state
            end

            defp answer(state, {:failed, _} = failed) do
              :ok = Maty.send(:Client, failed)
              state
            end

            defp log(state, line, level \\ :info) do
              if level == :info, do: Maty.send(:Log, {:note, line}), else: Maty.send(:Log, {:note, "! " <> line})
              %{state | count: state.count + 1, log: [line | state.log]}
            end

            defp wait(state), do: {:suspend, &job/2, state}
            defp lookup(id) when rem(id, 2) == 0, do: {:ok, id * 3}
            defp lookup(_), do: {:error, :timeout}
            defp run(x, name), do: if(name == "x", do: {:error, :crash}, else: {:ok, x / 2})
          end

          defmodule Maty.HandlersTest.Client do
            @compile :debug_info
            use Maty.Actor, protocol: Maty.HandlersTest.Work, role: :Client, check: :strict
            @names ~w(a b c)
            def init_actor({ap, n}), do: (Maty.register(ap, :Client); {:ok, n})
            def init_session(_s, n) do
              Maty.send(:Server, {:hello, {1, "me"}})
              case next(n, 0) do
                {:wait, state} -> {:ok, &answered/2, state, n}
                :stop -> {:done, :normal, n}
              end
            end
            def answered({:ok, _x}, {n, i}), do: more(next(n, i))
            def answered({:failed, reason}, {n, i}) do
              IO.inspect(reason)
              more(next(n, i))
            end
            defp more({:wait, state}), do: {:suspend, &answered/2, state}
            defp more(:stop), do: {:done, :normal, nil}
            defp next(n, i) when i >= n do
              Maty.send(:Server, {:bye})
              :stop
            end
            defp next(n, i) do
              name = Enum.at(@names, rem(i, 3))
              Maty.send(:Server, {:job, i, %{name: name, tags: [:x, :y]}})
              {:wait, {n, i + 1}}
            end
          end

          defmodule Maty.HandlersTest.Log do
            @compile :debug_info
            use Maty.Actor, protocol: Maty.HandlersTest.Work, role: :Log, check: :strict
            def init_actor(ap), do: {:ok, ap, {:continue, :x}}
            def handle_continue(:x, ap), do: (Maty.register(ap, :Log); {:noreply, ap})
            def init_session(_, ap), do: {:ok, &entry/2, [], ap}
            def entry({:note, line}, lines) when is_binary(line), do: {:suspend, &entry/2, [line | lines]}
            def entry({:stop, %DateTime{} = at}, lines), do: {:done, {at, lines}, lines}
            def entry({:stop, _}, lines), do: {:done, :normal, lines}
          end
          ''')
        end)

      assert warnings == ""
    end
  end

  describe "strictness" do
    @unknown {"Maty.send(:Buyer1, {:quote, price(title)})", "Maty.send(state.to, {:quote, 1})"}

    test "what is not known is left to be seen, or an error" do
      assert_compiles(@seller, [@unknown])

      assert_error(
        @seller,
        [@unknown, {"role: :Seller", "role: :Seller, check: :strict"}],
        15,
        """
        [unknown] what is sent here is not known, or to whom
        """
      )
    end

    test "off, and warnings" do
      wrong = {"{:quote, price(title)}", "{:quote, :none}"}
      assert_compiles(@seller, [wrong, {"role: :Seller", "role: :Seller, check: :off"}])

      warned =
        ExUnit.CaptureIO.capture_io(:stderr, fn ->
          assert_compiles(@seller, [wrong, {"role: :Seller", "role: :Seller, check: :warn"}])
        end)

      assert warned =~ "[bad-payload] Seller sends quote with field 1 of another type"
      assert warned =~ "actor.ex:15"
    end

    test "options that are none" do
      for {options, text} <- [
            {"role: :Seller", "the option :protocol is missing"},
            {"protocol: Maty.HandlersTest.Protocol", "the option :role is missing"},
            {"protocol: P, role: :A, check: :loud",
             "expected :check to be :strict, :error, :warn or :off, got: :loud"},
            {"protocol: P, role: \"A\"", "expected roles to be atoms, got: [{P, \"A\"}]"},
            {"protocol: P, role: :A, roles: []", "give either :roles, or :protocol and :role"}
          ] do
        assert_raise ArgumentError, "use Maty.Actor: " <> text, fn ->
          Code.compile_string(
            "defmodule Maty.HandlersTest.Wrong do\n  use Maty.Actor, #{options}\nend"
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
      defmodule Maty.HandlersTest.Together.Actor do
        @compile :debug_info
        use Maty.Actor, protocol: Maty.HandlersTest.Together.Protocol, role: :A
        def init_actor(ap), do: {:ok, ap}

        def init_session(_, ap) do
          Maty.HandlersTest.Together.Helper.tell()
          {:done, :normal, ap}
        end
      end
      """,
      helper: """
      defmodule Maty.HandlersTest.Together.Helper do
        @compile :debug_info
        use Maty.Helper
        def tell, do: Maty.send(:B, {:tell, 1.5})
      end
      """,
      protocol: """
      defmodule Maty.HandlersTest.Together.Protocol do
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

  # What editors show comes from the compiler's diagnostics: each finding has its place.
  @tag :tmp_dir
  test "each of three findings is a diagnostic at its place", %{tmp_dir: dir} do
    three = """
    defmodule Maty.HandlersTest.Three do
      @compile :debug_info
      use Maty.Actor, protocol: Maty.HandlersTest.Protocol, role: :Seller
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
      :code.purge(Maty.HandlersTest.Three)
      :code.delete(Maty.HandlersTest.Three)

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
      |> String.replace("TwoBuyer", "Maty.HandlersTest.Shown")
      |> String.replace("Seller do", "Maty.HandlersTest.Seller do @compile :debug_info")

    File.write!(
      Path.join(dir, "shop.ex"),
      String.replace(protocol, "TwoBuyer", "Maty.HandlersTest.Shown") <> program
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
