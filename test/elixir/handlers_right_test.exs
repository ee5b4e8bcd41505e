defmodule Maty.HandlersRightTest do
  # What is right, however it is written, is let through.
  use Maty.HandlerCase, async: false

  describe "is right" do
    test "with more clauses than branches" do
      assert_compiles(seller(), [
        {"def decision_handler({:quit}, state) do",
         "def decision_handler({:address, a, b}, state) when a > b, do: {:done, :no, state}\n  def decision_handler({:quit}, state) do"}
      ])
    rescue
      error -> flunk(Exception.message(error))
    end

    test "with handlers under another name, and one in two states" do
      assert_compiles(seller(), [
        {"{:suspend, &decision_handler/2, state}",
         "next = &decision_handler/2\n    {:suspend, next, state}"}
      ])

      assert_compiles(seller(), [
        {"{:suspend, &decision_handler/2, state}",
         "{:suspend, fn m, s -> decision_handler(m, s) end, state}"}
      ])

      assert_compiles(seller(), [
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
      assert_compiles(seller(), [call])
      {_, {line, text}} = compile(seller(), [call, {"answer(1)", "answer(1.0)"}])
      assert line == 15
      assert text =~ "[bad-payload] Seller sends quote with field 1 of another type"
    end

    test "with two roles of one protocol" do
      both = """
      defmodule Both do
        use Maty.Actor, protocol: Maty.HandlerCase.Pair, role: [:One, :Other]

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

      assert_compiles(seller(), [{"Maty.send(:Buyer1, {:quote, price(title)})", caught}])

      {_, {line, _}} =
        compile(seller(), [
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
      assert_compiles(seller(), [{send, risky}, strict])
      wrong = String.replace(risky, "{:quote, 0}", "{:quote, :no}")
      assert_compiles(seller(), [{send, wrong}])

      assert_error(seller(), [{send, wrong}, strict], 16, """
      [unknown] whether this raises is not known
      """)
    end

    test "where its own state says how far it is" do
      assert_compiles("""
      defmodule Counting do
        use Maty.Actor, protocol: Maty.HandlerCase.Pair, role: :Other
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
          defmodule Maty.HandlersRightTest.Server do
            @compile :debug_info
            use Maty.Actor, protocol: Maty.HandlerCase.Work, role: :Server, check: :strict
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

          defmodule Maty.HandlersRightTest.Client do
            @compile :debug_info
            use Maty.Actor, protocol: Maty.HandlerCase.Work, role: :Client, check: :strict
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

          defmodule Maty.HandlersRightTest.Log do
            @compile :debug_info
            use Maty.Actor, protocol: Maty.HandlerCase.Work, role: :Log, check: :strict
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
end
