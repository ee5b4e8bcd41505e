defmodule Maty.AccessPointTest do
  use ExUnit.Case, async: true

  doctest Maty.AccessPoint

  @text "global protocol Ping(role A, role B) { ping() from A to B; }"

  defmodule Ping do
    use Maty.Protocol, string: "global protocol Ping(role A, role B) { ping() from A to B; }"
  end

  defp waits(ap, role) do
    waits = fn _ -> {:suspend, fn _, _ -> :noreply end, nil} end
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
             "unknown option: :nmae; the options are :protocol, :name"},
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
      actor = waits(use, :B)
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

  test "is listed as long as it lives" do
    ap = start_supervised!({Maty.AccessPoint, protocol: Ping})
    assert {ap, :Ping} in Maty.AccessPoint.list()
  end
end
