defmodule Maty.FailureTest do
  # What an Elixir actor sees when something goes wrong.
  use ExUnit.Case, async: true

  import ExUnit.CaptureLog

  @moduletag capture_log: true

  defmodule Request do
    use Maty.Protocol,
      string: """
      global protocol Request(role Client, role Server) {
        ask(integer) from Client to Server;
        answer(integer) from Server to Client;
      }
      """
  end

  defmodule Client do
    # Asks when it is told to; its session is held until then.
    use Maty.Actor

    @impl true
    def init_actor({ap, test, options}) do
      Maty.register(ap, :Client)
      {:ok, %{test: test, options: options, session: nil}}
    end

    @impl true
    def init_session(session, actor) do
      {:hold, :ask, &ask/2, actor.options, %{actor | session: session}}
    end

    def ask(number, options) do
      Maty.send(:Server, {:ask, number})
      {:suspend, &answer/2, options, options}
    end

    def answer({:answer, _number}, options), do: {:done, :normal, options}

    @impl true
    def handle_call(:leave, _from, actor), do: {:reply, Maty.leave(actor.session, :bored), actor}
    def handle_call({:become, name}, _from, actor), do: {:reply, become(name), actor}

    defp become(name) do
      Maty.become(name, 1)
    rescue
      error in Maty.Error -> Exception.message(error)
    end

    @impl true
    def handle_failure(failure, session, _options, actor) do
      send(actor.test, {:handle_failure, session.role, failure})
      {:ok, actor}
    end

    @impl true
    def terminate_session(ending, session, _options, actor) do
      send(actor.test, {:terminate_session, session.role, ending})
      {:ok, actor}
    end
  end

  defmodule Server do
    use Maty.Actor

    @impl true
    def init_actor({ap, test, handler}) do
      Maty.register(ap, :Server)
      {:ok, {test, handler}}
    end

    @impl true
    def init_session(_session, {_, handler} = actor), do: {:ok, handler, nil, actor}

    @impl true
    def terminate_session(ending, session, _state, {test, _} = actor) do
      send(test, {:terminate_session, session.role, ending})
      {:ok, actor}
    end
  end

  defmodule Lonely do
    use Maty.Actor

    @impl true
    def init_actor({ap, test}) do
      Maty.register(ap, :Client, timeout: 1)
      {:ok, test}
    end

    @impl true
    def init_session(_session, test), do: {:leave, :unexpected, test}

    @impl true
    def registration_expired(ap, role, test) do
      send(test, {:expired, ap, role})
      {:ok, test}
    end
  end

  setup do
    {:ok, ap} = Maty.AccessPoint.start_link(protocol: Request)
    %{ap: ap}
  end

  defp client(ap, options \\ []) do
    {:ok, client} = Maty.Actor.start(Client, {ap, self(), options})
    client
  end

  defp server(ap, handler) do
    {:ok, server} = Maty.Actor.start(Server, {ap, self(), handler}, on_raise: :leave)
    server
  end

  # Answers once the session is held.
  defp ask(client) do
    case Maty.Actor.call(client, {:become, :ask}) do
      :ok -> :ok
      _not_yet -> ask(client)
    end
  end

  test "a handler leaves", %{ap: ap} do
    client = client(ap)
    server(ap, fn {:ask, 1}, state -> {:leave, :busy, state} end)
    ask(client)
    assert_receive {:terminate_session, :Server, {:left, :busy}}
    assert_receive {:handle_failure, :Client, {:cancelled, :Server}}
  end

  test "a handler raises, and its actor goes on", %{ap: ap} do
    client = client(ap)
    server = server(ap, fn {:ask, 1}, _state -> raise "no" end)
    ask(client)

    assert_receive {:terminate_session, :Server, {:failed, {:raised, {%RuntimeError{}, [_ | _]}}}}

    assert_receive {:handle_failure, :Client, {:cancelled, :Server}}
    assert Process.alive?(server)
  end

  test "what it raised is what a process would exit with", %{ap: ap} do
    raised = fn handler ->
      client = client(ap)
      server = server(ap, handler)
      ask(client)
      assert_receive {:terminate_session, :Server, {:failed, {:raised, reason}}}, 30_000
      assert_receive {:handle_failure, :Client, {:cancelled, :Server}}, 30_000
      assert Process.alive?(server)
      reason
    end

    assert {%RuntimeError{message: "no"}, [{_, _, _, _} | _]} =
             raised.(fn {:ask, 1}, _state -> raise "no" end)

    assert {:badarith, [{_, _, _, _} | _] = stacktrace} =
             raised.(fn {:ask, one}, _state -> one / 0 end)

    assert %ArithmeticError{} = Exception.normalize(:error, :badarith, stacktrace)
    assert {{:nocatch, 7}, [_ | _]} = raised.(fn {:ask, 1}, _state -> throw(7) end)
    assert :gone = raised.(fn {:ask, 1}, _state -> exit(:gone) end)

    assert {%Maty.ProtocolError{reason: :no_action}, [_ | _]} =
             raised.(fn {:ask, 1}, _state -> Maty.send(:Client, {:what}) end)

    assert {{:protocol_violation, violation}, [_ | _]} =
             raised.(fn {:ask, 1}, state -> {:done, :normal, state} end)

    assert %Maty.ProtocolError{direction: :done, reason: :unfinished} =
             Maty.ProtocolError.exception(violation)

    assert {{:bad_handler_return, handler, :ok}, [_ | _]} =
             raised.(fn {:ask, 1}, _state -> :ok end)

    assert is_function(handler, 2)
  end

  defmodule Careful do
    use Maty.Actor, on_raise: :leave, max_waiting: 5, restart: :temporary

    @impl true
    def init_actor({ap, test}) do
      Maty.register(ap, :Server)
      {:ok, test}
    end

    @impl true
    def init_session(_session, test), do: {:ok, &ask/2, nil, test}

    def ask({:ask, 1}, _state), do: raise("no")

    @impl true
    def handle_failure(failure, _session, _state, test) do
      send(test, {:careful, failure})
      {:ok, test}
    end
  end

  test "the options of use are those that the actor is started with", %{ap: ap} do
    assert %{restart: :temporary, start: {Careful, :start_link, [:argument]}} =
             Careful.child_spec(:argument)

    careful = start_supervised!({Careful, {ap, self()}})
    ask(client(ap))
    assert_receive {:careful, {:raised, {%RuntimeError{message: "no"}, _}}}, 30_000
    assert_receive {:handle_failure, :Client, {:cancelled, :Server}}, 30_000
    assert Maty.sessions(careful) == []

    assert_raise ArgumentError,
                 "use Maty.Actor: expected :on_raise to be :stop or :leave, got: :never",
                 fn ->
                   Code.compile_string(
                     "defmodule Maty.FailureTest.Never, do: use(Maty.Actor, on_raise: :never)"
                   )
                 end
  end

  test "what is waited for does not come in time", %{ap: ap} do
    test = self()
    on_failure = fn failure, actor -> {send(test, {:on_failure, failure}) && :ok, actor} end
    client = client(ap, timeout: 1, on_failure: on_failure)
    server = server(ap, fn {:ask, 1}, state -> receive(do: (:go -> {:leave, :late, state})) end)
    ask(client)
    assert_receive {:on_failure, :timeout}
    send(server, :go)
    refute_received {:handle_failure, _, _}
  end

  test "what is no session cannot be left" do
    assert_raise Maty.Error, "17 is not a session, as init_session/2 is given one", fn ->
      Maty.leave(17)
    end
  end

  test "only an actor has sessions", %{ap: ap} do
    assert_raise Maty.Error, "#{inspect(ap)} is not an actor", fn -> Maty.sessions(ap) end
  end

  test "a callback leaves", %{ap: ap} do
    client = client(ap)
    server(ap, fn {:ask, 1}, state -> {:done, :normal, state} end)
    ask_is_held(client)
    assert :ok = Maty.Actor.call(client, :leave)
    assert_receive {:terminate_session, :Client, {:left, :bored}}
    assert_receive {:terminate_session, :Server, {:failed, {:cancelled, :Client}}}

    assert Maty.Actor.call(client, {:become, :ask}) ==
             "no session is held by the name :ask, nor by any other"
  end

  test "a session that is held says so", %{ap: ap} do
    client = client(ap)
    server = server(ap, fn {:ask, 1}, state -> receive(do: (:go -> {:leave, :late, state})) end)
    session = ask_is_held(client)
    assert %{state: :send, held: :ask, waiting: 0} = session

    assert inspect(session) ==
             "#Maty.Session<#{Maty.format_session(session.id)} Request as Client, " <>
               "held as :ask, sends ask(integer) to Server>"

    ask(client)
    assert [%{state: :receive, held: nil}] = Maty.sessions(client)
    send(server, :go)
    assert_receive {:handle_failure, :Client, {:cancelled, :Server}}
  end

  defp ask_is_held(client) do
    case Maty.sessions(client) do
      [] -> ask_is_held(client)
      [session] -> session
    end
  end

  test "who is told of a failure ends the actor, and the log says in which session", %{ap: ap} do
    for {told, reason, text} <- [
          {fn _, _ -> :no end, {:bad_return_value, :no},
           "** (exit) on_failure returned :no; it returns {:ok, state} or {:stop, reason, state}"},
          {fn _, actor -> {:stop, :enough, actor} end, :enough, "** (exit) :enough"}
        ] do
      log =
        capture_log(fn ->
          client = client(ap, on_failure: told)
          monitor = Process.monitor(client)
          server(ap, fn {:ask, 1}, state -> {:leave, :busy, state} end)
          ask(client)
          assert_receive {:DOWN, ^monitor, :process, ^client, ^reason}, 30_000
        end)

      assert log =~
               ~r/Client\) ended in session #[\d.]+ of Request as Client\n#{Regex.escape(text)}/
    end
  end

  test "a handler throws", %{ap: ap} do
    log =
      capture_log(fn ->
        client = client(ap)
        server(ap, fn {:ask, 1}, _state -> throw(:ball) end)
        ask(client)
        assert_receive {:handle_failure, :Client, {:cancelled, :Server}}, 30_000
      end)

    assert log =~
             ~r/left its role in session #[\d.]+ of Request as Server\n\*\* \(throw\) :ball\n/
  end

  test "a registration is not answered in its time", %{ap: ap} do
    {:ok, _} = Maty.Actor.start(Lonely, {ap, self()})
    assert_receive {:expired, ^ap, :Client}
  end

  test "wrong options are named", %{ap: ap} do
    assert_raise ArgumentError, ~r/expected :on_raise to be :stop or :leave, got: :never/, fn ->
      Maty.Actor.start(Client, {ap, self(), []}, on_raise: :never)
    end

    assert_raise ArgumentError, ~r/Maty.register\/3: expected :timeout to be milliseconds/, fn ->
      Maty.register(ap, :Client, timeout: :soon)
    end
  end
end
