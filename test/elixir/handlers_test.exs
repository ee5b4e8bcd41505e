defmodule Maty.HandlersTest do
  # What is wrong in a handler keeps its module from being compiled, with the place of it
  # and of what the protocol has there. Each test changes one thing of a seller or a buyer
  # that is right.
  use Maty.HandlerCase, async: false

  test "a seller and a buyer that are right" do
    assert_compiles(seller())
    assert_compiles(buyer())
  end

  describe "a send" do
    test "to the wrong role" do
      assert_error(seller(), [{"Maty.send(:Buyer1", "Maty.send(:Buyer2"}], 15, """
      [bad-send] Seller sends quote/1 to Buyer2, which the protocol does not allow here; it has to \
      send quote(integer) to Buyer1
      after:
        1. Seller receives title from Buyer1 (line 2)
      Maty.HandlerCase.Protocol:3:3: note: the protocol has quote(integer) to Buyer1
      """)
    end

    test "with the wrong label" do
      assert_error(seller(), [{"{:quote, ", "{:qoute, "}], 15, """
      [bad-send] Seller sends qoute/1 to Buyer1, which the protocol does not allow here; it has to \
      send quote(integer) to Buyer1
      after:
        1. Seller receives title from Buyer1 (line 2)
      Maty.HandlerCase.Protocol:3:3: note: the protocol has quote(integer) to Buyer1
      """)
    end

    test "with the wrong payload" do
      expected = """
      [bad-payload] Seller sends quote with field 1 of another type; expected quote(integer) to Buyer1
      after:
        1. Seller receives title from Buyer1 (line 2)
      Maty.HandlerCase.Protocol:3:3: note: the protocol has quote(integer) to Buyer1
      """

      assert_error(seller(), [{"{:quote, price(title)}", "{:quote, title}"}], 15, expected)
      assert_error(seller(), [{"do: 155", "do: \"155\""}], 15, expected)
      assert_error(seller(), [{"{:quote, price(title)}", "{:quote, :none}"}], 15, expected)

      guarded = [{"defp price(_title), do: 155", "defp price(t) when is_binary(t), do: t"}]
      assert_error(seller(), guarded, 15, expected)

      specified = [
        {"defp price(_title), do: 155",
         "@spec price(String.t()) :: float()\n  defp price(t), do: Process.get(t)"}
      ]

      assert_error(seller(), specified, 15, expected)
    end

    test "with too many fields" do
      assert_error(seller(), [{"{:quote, price(title)}", "{:quote, price(title), :eur}"}], 15, """
      [bad-payload] Seller sends quote with 2 fields; expected quote(integer) to Buyer1
      after:
        1. Seller receives title from Buyer1 (line 2)
      Maty.HandlerCase.Protocol:3:3: note: the protocol has quote(integer) to Buyer1
      """)
    end

    test "too many" do
      twice = [
        {"Maty.send(:Buyer1, {:quote, price(title)})",
         "Maty.send(:Buyer1, {:quote, 1})\n    Maty.send(:Buyer1, {:quote, 2})"}
      ]

      assert_error(seller(), twice, 16, """
      [bad-send] Seller sends quote/1 to Buyer1, which the protocol does not allow here; it waits for \
      address(binary) from Buyer2 or quit() from Buyer2
      after:
        1. Seller receives title from Buyer1 (line 2)
        2. Seller sends quote to Buyer1 (line 3)
      Maty.HandlerCase.Protocol:6:5: note: the protocol has address(binary) from Buyer2
      Maty.HandlerCase.Protocol:9:5: note: the protocol has quit() from Buyer2
      """)
    end

    test "missing" do
      assert_error(
        seller(),
        [{"Maty.send(:Buyer1, {:quote, price(title)})", "price(title)"}],
        16,
        """
        [bad-suspend] Seller suspends where it does not wait; it has to send quote(integer) to Buyer1
        after:
          1. Seller receives title from Buyer1 (line 2)
        Maty.HandlerCase.Protocol:3:3: note: the protocol has quote(integer) to Buyer1
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
          compile(seller(), [{"Maty.send(:Buyer1, {:quote, price(title)})", branch}])

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

      assert_error(seller(), twice, 29, """
      [bad-send] Seller sends quote/1 to Buyer1, which the protocol does not allow here; it waits for \
      address(binary) from Buyer2 or quit() from Buyer2
      after:
        1. Seller receives title from Buyer1 (line 2)
        2. Seller sends quote to Buyer1 (line 3)
      actor.ex:16: note: called here
      Maty.HandlerCase.Protocol:6:5: note: the protocol has address(binary) from Buyer2
      Maty.HandlerCase.Protocol:9:5: note: the protocol has quit() from Buyer2
      """)
    end

    test "of what a helper was given is wrong where it is called" do
      given = [
        {"Maty.send(:Buyer1, {:quote, price(title)})", "say(:Buyer2, {:quote, 1})"},
        {"defp price", "defp say(to, message), do: Maty.send(to, message)\n  def price"}
      ]

      {_, {line, text}} = compile(seller(), given)
      assert line == 15
      assert text =~ "[bad-send] Seller sends quote/1 to Buyer2"
    end

    test "past the session, and a receive in a handler" do
      assert_error(seller(), [{"Maty.send(:Buyer1", "send(self()"}], 15, """
      [raw-message] {:quote, 155} is sent to a process, past the session; use Maty.send/2
      after:
        1. Seller receives title from Buyer1 (line 2)
      Maty.HandlerCase.Protocol:3:3: note: the protocol has quote(integer) to Buyer1
      """)

      for pattern <- ["_", "{:address, _}", "{:quit} = message", "{label, 1}"] do
        received = [
          {"Maty.send(:Buyer1, {:quote, price(title)})", "receive do #{pattern} -> :ok end"}
        ]

        assert_error(seller(), received, 15, """
        [raw-message] a handler waits for a message by itself; only a suspended handler hears
        after:
          1. Seller receives title from Buyer1 (line 2)
        Maty.HandlerCase.Protocol:3:3: note: the protocol has quote(integer) to Buyer1
        """)
      end
    end

    test "after waiting for what is no message of the session" do
      assert_compiles(seller(), [
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
        seller(),
        [{"{:suspend, &decision_handler/2", "{:suspend, &title_handler/2"}],
        14,
        """
        [no-clause] title_handler/2 has no clause for address(binary) from Buyer2
        after:
          1. Seller receives title from Buyer1 (line 2)
          2. Seller sends quote to Buyer1 (line 3)
        actor.ex:16: note: suspended here
        Maty.HandlerCase.Protocol:6:5: note: the protocol has it here

        actor.ex:14: [no-clause] title_handler/2 has no clause for quit() from Buyer2
        after:
          1. Seller receives title from Buyer1 (line 2)
          2. Seller sends quote to Buyer1 (line 3)
        actor.ex:16: note: suspended here
        Maty.HandlerCase.Protocol:9:5: note: the protocol has it here
        """
      )
    end

    test "with a handler that does not exist" do
      {name, {line, text}} =
        compile(seller(), [{"&decision_handler/2", "&__MODULE__.decison_handler/2"}])

      assert line == 16

      assert text == """
             [no-handler] suspends with #{inspect(name)}.decison_handler/2, which does not exist
             after:
               1. Seller receives title from Buyer1 (line 2)
               2. Seller sends quote to Buyer1 (line 3)
             Maty.HandlerCase.Protocol:6:5: note: the protocol has address(binary) from Buyer2
             Maty.HandlerCase.Protocol:9:5: note: the protocol has quit() from Buyer2\
             """
    end

    test "with a handler of its module that is private" do
      by_name = {"&decision_handler/2", "&__MODULE__.decision_handler/2"}
      address = {"def decision_handler({:address", "defp decision_handler({:address"}
      quit = {"def decision_handler({:quit", "defp decision_handler({:quit"}
      assert {_name, nil} = compile(seller(), [by_name])
      # One that nobody calls would not be compiled.
      used = {"price(title)})", "price(title)})\n    _ = &decision_handler/2"}
      {name, {17, text}} = compile(seller(), [by_name, address, quit, used])

      assert text == """
             [no-handler] suspends with #{inspect(name)}.decision_handler/2, which is not exported
             after:
               1. Seller receives title from Buyer1 (line 2)
               2. Seller sends quote to Buyer1 (line 3)
             Maty.HandlerCase.Protocol:6:5: note: the protocol has address(binary) from Buyer2
             Maty.HandlerCase.Protocol:9:5: note: the protocol has quit() from Buyer2\
             """
    end

    test "with what is no handler" do
      {_, {line, text}} = compile(seller(), [{"&decision_handler/2", "fn _ -> :ok end"}])
      assert line == 16
      assert text =~ "[no-handler] suspends with a fun of 1, which is no function of a message"
    end

    test "too early" do
      done = [{"{:suspend, &decision_handler/2, state}", "{:done, :normal, state}"}]

      assert_error(seller(), done, 16, """
      [bad-done] Seller is done before it has come to its end; it waits for address(binary) from \
      Buyer2 or quit() from Buyer2
      after:
        1. Seller receives title from Buyer1 (line 2)
        2. Seller sends quote to Buyer1 (line 3)
      Maty.HandlerCase.Protocol:6:5: note: the protocol has address(binary) from Buyer2
      Maty.HandlerCase.Protocol:9:5: note: the protocol has quit() from Buyer2
      """)
    end

    test "with a literal, which has no line of its own" do
      for {literal, line, printed} <- [
            {"{:suspended, 1}", 15, "{:suspended, 1}"},
            {":done", 15, ":done"},
            {"{:error, 'x', Shop.Cart, nil, \"text\", :\"a b\"}", 16,
             "{:error, [120], Shop.Cart, nil, \"text\", :\"a b\"}"}
          ] do
        assert_error(buyer(), [{"{:done, :normal, state}", literal}], line, """
        [bad-return] returns #{printed}; expected {:suspend, handler, state}, \
        {:hold, name, handler, state}, {:done, reason, state}, {:leave, reason, state} or :noreply
        after:
          1. Buyer1 sends title to Seller (line 2)
          2. Buyer1 receives quote from Seller (line 3)
          3. Buyer1 sends share to Buyer2 (line 4)
        Maty.HandlerCase.Protocol:11:1: note: the protocol has nothing more for this role
        """)
      end
    end

    test "with something else" do
      assert_error(buyer(), [{"{:done, :normal, state}", "{:ok, state}"}], 16, """
      [bad-return] returns {:ok, nil}; expected {:suspend, handler, state}, {:hold, name, handler, state}, {:done, reason, state}, \
      {:leave, reason, state} or :noreply
      after:
        1. Buyer1 sends title to Seller (line 2)
        2. Buyer1 receives quote from Seller (line 3)
        3. Buyer1 sends share to Buyer2 (line 4)
      Maty.HandlerCase.Protocol:11:1: note: the protocol has nothing more for this role
      """)
    end
  end

  describe "a clause" do
    @decision_quit "  def decision_handler({:quit}, state) do\n    {:done, :normal, state}\n  end\n"

    test "missing" do
      assert_error(seller(), [{@decision_quit, ""}], 19, """
      [no-clause] decision_handler/2 has no clause for quit() from Buyer2
      after:
        1. Seller receives title from Buyer1 (line 2)
        2. Seller sends quote to Buyer1 (line 3)
      actor.ex:16: note: suspended here
      Maty.HandlerCase.Protocol:9:5: note: the protocol has it here
      """)
    end

    test "for the wrong label, number of fields or type" do
      for wrong <- ["({:quits}", "({:quit, _}", "({:quote, _}"] do
        assert_error(seller(), [{"({:quit}", wrong}], 19, """
        [no-clause] decision_handler/2 has no clause for quit() from Buyer2
        after:
          1. Seller receives title from Buyer1 (line 2)
          2. Seller sends quote to Buyer1 (line 3)
        actor.ex:16: note: suspended here
        Maty.HandlerCase.Protocol:9:5: note: the protocol has it here

        actor.ex:24: [dead-clause] this clause fits no message that comes here
        """)
      end

      for wrong <- [
            "({:title, 42 = title}, state)",
            "({:title, title}, state) when is_integer(title)"
          ] do
        {_, {line, text}} = compile(seller(), [{"({:title, title}, state)", wrong}])

        assert line == 14
        assert text =~ "[no-clause] title_handler/2 has no clause for title(binary) from Buyer1"
        assert text =~ "actor.ex:14: [dead-clause] this clause fits no message that comes here"
      end
    end
  end

  describe "a role" do
    test "that the protocol does not have" do
      assert_error(seller(), [{"role: :Seller", "role: :Seler"}], 2, """
      [no-role] TwoBuyer has no role Seler; it has Buyer1, Buyer2, Seller
      """)
    end

    test "that is registered for and not played" do
      assert_error(
        seller(),
        [{"register(ap, :Seller)\n    {:ok, ap}", "register(ap, :Buyer1)\n    {:ok, ap}"}],
        5,
        """
        [no-role] registers for Buyer1, for which it has no init_session: it says that it plays Seller
        """
      )

      assert_error(
        seller(),
        [{"register(ap, :Seller)\n    {:ok, ap}", "register(ap, :Nobody)\n    {:ok, ap}"}],
        5,
        """
        [no-role] registers for Nobody, which is no role of the protocol; it has Buyer1, Buyer2, Seller
        """
      )
    end

    test "that begins with something else" do
      assert_error(buyer(), [{"Maty.send(:Seller, {:title, title})\n    ", ""}], 10, """
      [bad-suspend] Buyer1 suspends where it does not wait; it has to send title(binary) to Seller
      Maty.HandlerCase.Protocol:2:3: note: the protocol has title(binary) to Seller
      """)
    end

    test "of what is no protocol" do
      text = "{:string, \"protocol P(role A) { m() from A to B; }\"}"
      {name, error} = compile(seller(), [{"Maty.HandlerCase.Protocol", text}])

      assert error ==
               {2,
                String.trim_trailing("""
                [no-role] the protocol of Seller cannot be used:
                #{inspect(name)}:1:36: error[unbound-role]: there is no role 'B'
                  protocol P(role A) { m() from A to B; }
                                                     ^
                """)}

      assert_error(seller(), [{"Maty.HandlerCase.Protocol", "Maty.HandlersTest.Protocl"}], 2, """
      [no-role] the protocol of Seller cannot be used:
      there is no module Maty.HandlersTest.Protocl with "use Maty.Protocol"
      """)

      assert_error(seller(), [{"Maty.HandlerCase.Protocol", "{:text, \"P\"}"}], 2, """
      [no-role] the protocol of Seller cannot be used:
      {:text, "P"} is no protocol; expected {:file, path}, {:file, path, name}, {:string, text}, \
      {:string, text, name}, a module with "use Maty.Protocol", or a Maty.Protocol
      """)
    end
  end
end
