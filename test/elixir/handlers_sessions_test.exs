defmodule Maty.HandlersSessionsTest do
  # Handlers whose right answer depends on more than the message: loops, sessions that are
  # held, several roles of one actor, and who has sent what came.
  use Maty.HandlerCase, async: false

  describe "a loop" do
    @source """
    defmodule Source do
      use Maty.Actor, protocol: Maty.HandlerCase.Stream, role: :Source

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
      use Maty.Actor, protocol: Maty.HandlerCase.Protocol, role: :Seller

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
      Maty.HandlerCase.Protocol:3:3: note: the protocol has quote(integer) to Buyer1
      """)

      assert_error(@held, [{"{:leave, :none, state}", "{:done, :none, state}"}], 27, """
      [bad-done] Seller is done before it has come to its end; it has to send quote(integer) to Buyer1
      after:
        1. Seller receives title from Buyer1 (line 2)
      Maty.HandlerCase.Protocol:3:3: note: the protocol has quote(integer) to Buyer1
      """)
    end

    test "where it waits" do
      assert_error(@held, [{"{:suspend, &decision/2", "{:hold, :seller, &decision/2"}], 24, """
      [bad-suspend] Seller holds where it does not send; it waits for address(binary) from Buyer2 or \
      quit() from Buyer2
      after:
        1. Seller receives title from Buyer1 (line 2)
        2. Seller sends quote to Buyer1 (line 3)
      Maty.HandlerCase.Protocol:6:5: note: the protocol has address(binary) from Buyer2
      Maty.HandlerCase.Protocol:9:5: note: the protocol has quit() from Buyer2
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
            |> String.replace(
              "Seller do",
              "Maty.HandlersSessionsTest.Held do @compile :debug_info"
            )
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
      use Maty.Actor, protocol: Maty.HandlerCase.Pair, role: [:One, :Other]

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
      Maty.HandlerCase.Pair:3:3: note: the protocol has second(integer) to Other
      """)

      {_, {line, text}} = compile(@both, [{"{:second, n}, m", "{:third, n}, m"}])
      assert line == 22
      assert text =~ "[no-clause] second/2 has no clause for second(integer) from One"
    end

    test "of several protocols, by a branch" do
      both = """
      defmodule Both do
        use Maty.Actor,
          roles: [{Maty.HandlerCase.Pair, :Other}, {Maty.HandlerCase.Stream, :Source}]

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
      use Maty.Actor, protocol: Maty.HandlersSessionsTest.Senders, role: :C
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
end
