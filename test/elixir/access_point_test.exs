defmodule Maty.AccessPointTest do
  use ExUnit.Case, async: true

  doctest Maty.AccessPoint

  @text "global protocol Ping(role A, role B) { ping() from A to B; }"

  defmodule Ping do
    use Maty.Protocol, string: "global protocol Ping(role A, role B) { ping() from A to B; }"
  end

  defmodule Waiter do
    use Maty.Actor

    @impl true
    def init_actor({ap, test}) do
      Maty.register(ap, :B)
      {:ok, {ap, test}}
    end

    @impl true
    def init_session(_session, actor), do: {:ok, fn _, _ -> {:done, :normal, nil} end, nil, actor}

    @impl true
    def access_point_down(ap, roles, {_, test} = actor) do
      send(test, {:down, ap, roles})
      {:ok, actor}
    end

    @impl true
    def handle_call(:leave, _from, {ap, _} = actor), do: {:reply, Maty.unregister(ap, :B), actor}
  end

  defp waits(ap, role) do
    waits = fn _ -> {:suspend, fn _, _ -> {:done, :normal, nil} end, nil} end
    start_supervised!({Maty.Scripted, {ap, role, waits}}, id: make_ref(), restart: :temporary)
  end

  describe "start_link" do
    @tag :tmp_dir
    test "takes every kind of protocol", %{tmp_dir: folder} do
      path = Path.join(folder, "ping.scr")
      File.write!(path, @text <> " global protocol Pong(role A, role B) { pong() from B to A; }")

      for {source, name} <- [
            {{:string, @text}, :Ping},
            {{:string, String.to_charlist(@text), :Ping}, :Ping},
            {{:file, path, :Pong}, :Pong},
            {{:file, path, "Ping"}, :Ping},
            {Ping, :Ping},
            {Maty.Protocol.from_string!(@text), :Ping}
          ] do
        {:ok, ap} = Maty.AccessPoint.start_link(protocol: source)
        assert Maty.Protocol.name(Maty.AccessPoint.protocol(ap)) == name
      end
    end

    test "gives an error for a protocol that is not accepted, and starts nothing" do
      Process.flag(:trap_exit, true)

      assert {:error, %Maty.Error{} = error} =
               Maty.AccessPoint.start_link(
                 protocol:
                   {:string, "global protocol Ping(role A, role B) { ping() from A to C; }"},
                 name: :maty_ping
               )

      assert Exception.message(error) =~ "nofile:1:57: error[unbound-role]: "
      assert inspect(error) =~ ~r/^#Maty.Error<nofile:1:57: error\[unbound-role\]: [^\n]*>$/
      assert Process.whereis(:maty_ping) == nil
      refute_received {:EXIT, _, _}
    end

    test "says what can be a protocol" do
      expected =
        " is no protocol; expected {:file, path}, {:file, path, name}, {:string, text}, " <>
          "{:string, text, name}, a module with \"use Maty.Protocol\", or a Maty.Protocol"

      for wrong <- ["ping.scr", :no_such_module, String, nil, {:file}] do
        assert {:error, %Maty.Error{} = error} = Maty.AccessPoint.start_link(protocol: wrong)
        assert Exception.message(error) == inspect(wrong) <> expected
      end
    end

    test "names a wrong option" do
      for {options, text} <- [
            {[], "the option :protocol is missing"},
            {[protocol: Ping, nmae: :a],
             "unknown option: :nmae; the options are :protocol, :name, :max_waiting, " <>
               ":max_waiting_in_all, :drop, :max_under_way, :overload"},
            {[protocol: Ping, max_waiting: 0],
             "expected :max_waiting to be a number from 1 on, or :infinity, got: 0"},
            {[protocol: Ping, name: "shop"],
             "expected :name to be an atom, {:local, atom}, {:global, term} or " <>
               "{:via, module, term}, got: \"shop\""},
            {[protocol: Ping, drop: "newest"],
             "expected :drop to be :newest or :oldest, got: \"newest\""},
            {Ping, "expected keyword options, got: Maty.AccessPointTest.Ping"}
          ] do
        error = assert_raise ArgumentError, fn -> Maty.AccessPoint.start_link(options) end
        assert error.message == "Maty.AccessPoint.start_link/1: " <> text
      end
    end
  end

  test "has a name, or none" do
    start_supervised!({Registry, keys: :unique, name: Maty.AccessPointTest.Registry})

    for name <- [
          :maty_shop,
          {:global, :maty_shop},
          {:via, Registry, {Maty.AccessPointTest.Registry, 1}},
          nil
        ] do
      {:ok, ap} = Maty.AccessPoint.start_link(protocol: Ping, name: name)
      use = name || ap
      actor = start_supervised!({Waiter, {use, self()}}, id: make_ref())
      assert Maty.AccessPoint.waiting(use) == %{A: [], B: [actor]}
      assert Maty.AccessPoint.stop(use) == :ok
      refute Process.alive?(ap)
    end

    {:ok, ap} = Maty.AccessPoint.start_link(protocol: Ping, name: :maty_taken)

    assert Maty.AccessPoint.start_link(protocol: Ping, name: :maty_taken) ==
             {:error, {:already_started, ap}}
  end

  test "is a child of a supervisor" do
    options = [protocol: Ping, name: :maty_child]

    assert Maty.AccessPoint.child_spec(options) == %{
             id: :maty_child,
             start: {Maty.AccessPoint, :start_link, [options]}
           }

    assert Maty.AccessPoint.child_spec(protocol: Ping).id == Maty.AccessPoint
    ap = start_supervised!({Maty.AccessPoint, options})
    assert Process.whereis(:maty_child) == ap
  end

  test "lists those who wait, in their order" do
    ap = start_supervised!({Maty.AccessPoint, protocol: Ping})
    assert Maty.AccessPoint.waiting(ap) == %{A: [], B: []}
    [one, two, three] = for _ <- 1..3, do: waits(ap, :B)
    assert Maty.AccessPoint.waiting(ap) == %{A: [], B: [one, two, three]}

    # Who has ended waits no more.
    monitor = Process.monitor(two)
    Process.exit(two, :kill)
    assert_receive {:DOWN, ^monitor, :process, ^two, :killed}
    assert ended_leaves(ap, two) == %{A: [], B: [one, three]}

    test = self()

    sends = fn session ->
      send(test, session)
      Maty.send(:B, {:ping})
      {:done, :normal}
    end

    sender = start_supervised!({Maty.Scripted, {ap, :A, sends}})
    assert_receive %{participants: %{A: ^sender, B: ^one}}
    assert Maty.AccessPoint.waiting(ap) == %{A: [], B: [three]}
  end

  # The access point hears of an end by a signal of its own.
  defp ended_leaves(ap, pid) do
    waiting = Maty.AccessPoint.waiting(ap)
    if pid in waiting[:B], do: ended_leaves(ap, pid), else: waiting
  end

  test "forgets a registration that is taken back" do
    ap = start_supervised!({Maty.AccessPoint, protocol: Ping})
    actor = start_supervised!({Waiter, {ap, self()}})
    assert Maty.AccessPoint.waiting(ap) == %{A: [], B: [actor]}
    assert Maty.Actor.call(actor, :leave) == :ok
    assert Maty.AccessPoint.waiting(ap) == %{A: [], B: []}
    assert Maty.Actor.call(actor, :leave) == :not_registered
  end

  test "is missed by those who wait" do
    {:ok, ap} = Maty.AccessPoint.start_link(protocol: Ping)
    start_supervised!({Waiter, {ap, self()}})
    Maty.AccessPoint.stop(ap)
    assert_receive {:down, ^ap, [:B]}
  end

  # What comes next to the actor comes behind the signal of the end.
  defp told_of_the_end(actor, ap) do
    {:monitors, monitors} = Process.info(actor, :monitors)
    if {:process, ap} in monitors, do: told_of_the_end(actor, ap)
  end

  defp registered(ap) do
    waiting = Maty.AccessPoint.waiting(ap)
    if waiting[:B] == [], do: registered(ap), else: waiting
  end

  test "is missed in the log by those who do not say what to do then" do
    import ExUnit.CaptureLog

    log =
      capture_log(fn ->
        {:ok, ap} = Maty.AccessPoint.start_link(protocol: Ping)
        actor = waits(ap, :B)
        Maty.AccessPoint.stop(ap)
        told_of_the_end(actor, ap)
        assert Maty.sessions(actor) == []
        send(self(), {:waited, actor, ap})
      end)

    assert_receive {:waited, actor, ap}

    assert log =~
             "#{inspect(actor)} (Maty.Scripted) had registered as B at #{inspect(ap)}, " <>
               "which has ended\n"
  end

  test "is found again under its name" do
    {:ok, _} = Maty.AccessPoint.start_link(protocol: Ping, name: :maty_again)
    actor = start_supervised!({Waiter, {:maty_again, self()}})
    Maty.AccessPoint.stop(:maty_again)
    {:ok, ap} = Maty.AccessPoint.start_link(protocol: Ping, name: :maty_again)
    assert registered(ap) == %{A: [], B: [actor]}
    refute_received {:down, _, _}
  end

  test "raises for a process that is no actor" do
    ap = start_supervised!({Maty.AccessPoint, protocol: Ping})
    error = assert_raise Maty.Error, fn -> Maty.register(ap, :B) end
    assert Exception.message(error) == "only an actor can register: a process of Maty.Actor"
  end

  test "is listed as long as it lives" do
    ap = start_supervised!({Maty.AccessPoint, protocol: Ping})
    assert {ap, :Ping} in Maty.AccessPoint.list()
  end
end
