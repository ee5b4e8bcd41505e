defmodule Maty.ProtocolErrorTest do
  use ExUnit.Case, async: true

  import ExUnit.CaptureLog

  defmodule Errand do
    use Maty.Protocol,
      string: """
      global protocol Errand(role A, role B, role C) {
        order(count: 1..10, item: string) from A to B;
        choice at B {
          done() from B to A;
          paid(number) from A to C;
        } or {
          sorry(string) from B to A;
          none() from A to C;
        }
      }
      """
  end

  # Has a session in which A runs a function. Returns what the function returned,
  # or the error that it raised with its stacktrace, and the session; then checks
  # that the session goes on as if nothing had been.
  defp in_session(fun) do
    ap = start_supervised!({Maty.AccessPoint, protocol: Errand})
    test = self()

    a = fn session ->
      result =
        try do
          fun.()
        rescue
          error -> {error, __STACKTRACE__}
        end

      send(test, {:result, result, session})
      Maty.send(:B, {:order, 3, "apples"})
      {:suspend, fn {:done}, _ -> Maty.send(:C, {:paid, 1.5}) && {:done, :normal, nil} end, nil}
    end

    b = fn _ ->
      {:suspend,
       fn {:order, 3, "apples"}, _ ->
         Maty.send(:A, {:done})
         {:done, :normal, nil}
       end, nil}
    end

    c = fn _ ->
      {:suspend,
       fn {:paid, 1.5}, _ ->
         send(test, :paid)
         {:done, :normal, nil}
       end, nil}
    end

    for {role, begin} <- [A: a, B: b, C: c] do
      start_supervised!({Maty.Scripted, {ap, role, begin}}, id: role)
    end

    assert_receive {:result, result, session}
    assert_receive :paid
    {result, session}
  end

  defp refused(role, message) do
    {{%Maty.ProtocolError{} = error, _}, session} =
      in_session(fn ->
        Maty.send(role, message)
        :sent
      end)

    assert error.direction == :send
    assert error.attempt == message
    assert error.peer == role
    assert {error.session, error.role} == {session.id, :A}
    assert {error.protocol, error.source} == {:Errand, "Maty.ProtocolErrorTest.Errand"}
    {error, "A in session #{Maty.format_session(session.id)} of Errand "}
  end

  @allowed """
  ; allowed here:
      order(count: 1..10, item: string) to B   Maty.ProtocolErrorTest.Errand:2:3\
  """

  test "a wrong label" do
    {error, who} = refused(:B, {:oder, 3, "apples"})
    assert error.reason == :no_action

    assert Exception.message(error) ==
             who <>
               ~s|sends {:oder, 3, "apples"} to :B, a message that the protocol does not have | <>
               "for this role" <> @allowed

    assert error.allowed == [
             %{
               direction: :send,
               peer: :B,
               label: :order,
               target: 1,
               fields: [{"count", "1..10"}, {"item", "string"}],
               line: 2,
               column: 3
             }
           ]
  end

  test "a wrong payload" do
    {error, who} = refused(:B, {:order, 11, "apples"})
    assert {error.reason, error.field} == {:payload, 1}

    assert Exception.message(error) ==
             who <>
               ~s|sends {:order, 11, "apples"} to :B, but field 1 is not of the declared type| <>
               @allowed
  end

  test "a wrong payload in a later field" do
    {error, who} = refused(:B, {:order, 3, :apples})
    assert {error.reason, error.field} == {:payload, 2}

    assert Exception.message(error) ==
             who <>
               "sends {:order, 3, :apples} to :B, but field 2 is not of the declared type" <>
               @allowed
  end

  test "a wrong number of fields" do
    {error, who} = refused(:B, {:order, 3})
    assert {error.reason, error.field} == {:payload, 0}

    assert Exception.message(error) ==
             who <> "sends {:order, 3} to :B, with the wrong number of fields" <> @allowed
  end

  test "a wrong role" do
    {error, who} = refused(:C, {:order, 3, "apples"})
    assert {error.reason, error.roles} == {:no_action, nil}

    assert Exception.message(error) ==
             who <>
               ~s|sends {:order, 3, "apples"} to :C, a message that the protocol does not have | <>
               "for this role" <> @allowed
  end

  test "a role that the protocol does not have" do
    {error, who} = refused(:D, {:order, 3, "apples"})
    assert {error.reason, error.roles} == {:no_action, [:A, :B, :C]}

    assert Exception.message(error) ==
             who <>
               ~s|sends {:order, 3, "apples"} to :D, which is no role of the protocol; it has | <>
               "A, B, C" <> @allowed
  end

  test "a role that is no atom" do
    {error, who} = refused("B", {:order, 3, "apples"})
    assert error.reason == :no_action

    assert Exception.message(error) ==
             who <>
               ~s|sends {:order, 3, "apples"} to "B", which is no role: a role is an atom| <>
               @allowed
  end

  test "a wrong moment" do
    {error, who} = refused(:C, {:paid, 7})
    assert error.reason == :not_now

    assert Exception.message(error) ==
             who <> "sends {:paid, 7} to :C, which the protocol does not allow here" <> @allowed
  end

  for term <- [:order, {}, nil, ["order"]] do
    test "no message: #{inspect(term)}" do
      term = unquote(Macro.escape(term))
      {error, who} = refused(:B, term)
      assert error.reason == :not_a_message

      assert Exception.message(error) ==
               who <>
                 "sends #{inspect(term)} to :B, which is no message: a message is a tuple of a " <>
                 "label, an atom, and its payload" <> @allowed
    end
  end

  test "a label that is no atom" do
    {error, who} = refused(:B, {"order", 3, 1, "x"})

    assert Exception.message(error) ==
             who <>
               "sends {\"order\", 3, 1, \"x\"} to :B, which is no message: a message is a " <>
               "tuple of a label, an atom, and its payload" <> @allowed
  end

  test "a large message is cut short in the text" do
    {error, _} = refused(:B, {:order, 3, 1, String.duplicate("x", 1_000_000)})
    assert byte_size(Exception.message(error)) < 1_000
  end

  test "outside of a session" do
    error = assert_raise Maty.ProtocolError, fn -> Maty.send(:B, {:quit}) end
    assert {error.reason, error.session, error.allowed} == {:no_session, nil, nil}

    assert Exception.message(error) ==
             "{:quit} was sent outside of a session: only a handler, init_session and " <>
               "setup_actor can send to a role, in the actor's own process; to send from " <>
               "another callback, hold the session and call become there"
  end

  test "is raised at the line that sends" do
    line = __ENV__.line + 4

    {{_, stacktrace}, _} =
      in_session(fn ->
        Maty.send(:B, {:quit})
        :sent
      end)

    assert [{__MODULE__, _, _, location} | _] = stacktrace
    assert location[:file] |> to_string() |> Path.basename() == "protocol_error_test.exs"
    assert location[:line] == line
    assert location[:error_info] == %{module: Exception}
  end

  test "of Erlang's send is said behind its reason" do
    {reason, stacktrace} =
      try do
        :maty.send(:B, {:quit, "it"})
      catch
        :error, reason -> {reason, __STACKTRACE__}
      end

    assert Exception.format_banner(:error, reason, stacktrace) =~
             ~r/Erlang error: {:protocol_violation, .*}: {:quit, "it"} was sent outside of a session/
  end

  describe "the end of a handler" do
    # Starts A and B of a session; returns the log of what begin leads to in A.
    defp ended(begin) do
      capture_log(fn ->
        ap = start_supervised!({Maty.AccessPoint, protocol: Errand})

        {:ok, a} = Maty.Actor.start(Maty.Scripted, {ap, :A, begin})
        monitor = Process.monitor(a)

        for role <- [:B, :C] do
          waits = fn _ -> {:suspend, fn _, _ -> :noreply end, nil} end
          start_supervised!({Maty.Scripted, {ap, role, waits}}, id: role)
        end

        assert_receive {:DOWN, ^monitor, :process, ^a, reason}
        send(self(), {:ended, a, reason})
      end)
    end

    test "suspending where the role has to send" do
      test = self()

      log =
        ended(fn session ->
          send(test, session)
          {:suspend, &Function.identity/1, nil}
          {:suspend, fn _, _ -> :noreply end, nil}
        end)

      assert_receive {:ended, a, {{:protocol_violation, violation}, _}}
      assert_receive %{id: id}
      assert %{reason: :not_waiting, direction: :suspend, role: :A} = violation

      assert log =~
               """
               #{inspect(a)} (Maty.Scripted) ended in session #{Maty.format_session(id)} of Errand as A
               ** (Maty.ProtocolError) A in session #{Maty.format_session(id)} of Errand suspends \
               where the protocol does not wait#{@allowed}
               """
    end

    test "being done before the end" do
      test = self()

      log =
        ended(fn session ->
          send(test, session)
          {:done, :normal}
        end)

      assert_receive {:ended, a, {{:protocol_violation, violation}, _}}
      assert_receive %{id: id}
      assert %{reason: :unfinished, direction: :done, role: :A} = violation

      assert log =~
               """
               #{inspect(a)} (Maty.Scripted) ended in session #{Maty.format_session(id)} of Errand as A
               ** (Maty.ProtocolError) A in session #{Maty.format_session(id)} of Errand is done \
               before the end of the protocol#{@allowed}
               """
    end

    test "a violation that is not rescued names the line" do
      line = __ENV__.line + 4

      log =
        ended(fn _session ->
          Maty.send(:B, {:sorry})
          {:done, :normal}
        end)

      assert_receive {:ended, _, {%Maty.ProtocolError{reason: :no_action}, _}}

      assert log =~
               "sends {:sorry} to :B, a message that the protocol does not have for this role"

      assert log =~ "test/elixir/protocol_error_test.exs:#{line}: "
    end
  end

  test "a message that no role has sent is dropped and logged" do
    text = """
    global protocol Two(role A, role B) {
      first(integer) from A to B;
      second() from A to B;
    }
    """

    ap = start_supervised!({Maty.AccessPoint, protocol: {:string, text}})
    test = self()

    b = fn session ->
      second = fn {:second}, _ -> send(test, :second) && {:done, :normal, nil} end
      first = fn {:first, _}, _ -> send(test, {:first, session}) && {:suspend, second, nil} end
      {:suspend, first, nil}
    end

    a = fn _ ->
      Maty.send(:B, {:first, 1})

      receive do
        :go_on -> Maty.send(:B, {:second})
      end

      {:done, :normal}
    end

    b = start_supervised!({Maty.Scripted, {ap, :B, b}}, id: :B)
    :erlang.trace(b, true, [:receive])
    a = start_supervised!({Maty.Scripted, {ap, :A, a}}, id: :A)
    assert_receive {:first, %{id: id}}
    assert_receive {:trace, ^b, :receive, message} when elem(message, 0) == :"$maty"

    log =
      capture_log(fn ->
        send(b, message)
        assert [%{state: :receive}] = Maty.sessions(b)
      end)

    assert log =~
             """
             #{inspect(b)} refused a message: B in session #{Maty.format_session(id)} of Two was \
             sent {:first, 1} in the name of A, which the protocol does not allow here; allowed here:
                 second() from A   nofile:3:3
             """

    send(a, :go_on)
    assert_receive :second
  end
end
