# What a conversation costs between nodes: three VMs on this machine, so it is the
# distribution of the VM that is paid for, and no network.

Code.require_file("support/bench.ex", __DIR__)

defmodule NodesBench.Pinger do
  use Maty.Actor

  def init_actor({ap, count, told}) do
    Maty.register(ap, :A)
    {:ok, {count, told}}
  end

  def init_session(_session, {count, told}) do
    started = System.monotonic_time()
    Maty.send(:B, {:ask, count})
    {:ok, &answer/2, {count - 1, started, told}, told}
  end

  def answer({:answer, _}, {0, started, told}) do
    send(told, {:took, System.monotonic_time() - started})
    Maty.send(:B, {:stop})
    {:done, :normal, nil}
  end

  def answer({:answer, _}, {left, started, told}) do
    Maty.send(:B, {:ask, left})
    {:suspend, &answer/2, {left - 1, started, told}}
  end

  def terminate_session(_ending, _session, _local, state), do: {:stop, :normal, state}
end

defmodule NodesBench.Ponger do
  use Maty.Actor

  def init_actor(ap) do
    Maty.register(ap, :B)
    {:ok, ap}
  end

  def init_session(_session, ap), do: {:ok, &ask/2, nil, ap}

  def ask({:ask, n}, state) do
    Maty.send(:A, {:answer, n})
    {:suspend, &ask/2, state}
  end

  def ask({:stop}, state), do: {:done, :normal, state}

  def terminate_session(_ending, _session, _local, state), do: {:stop, :normal, state}
end

# Plays a role of many sessions of three, one after the other.
defmodule NodesBench.Three do
  use Maty.Actor

  def init_actor({ap, role, told}) do
    Maty.register(ap, role)
    {:ok, {ap, role, told}}
  end

  def init_session(_session, {_, :A, _} = actor) do
    Maty.send(:C, {:title, 1})
    {:ok, &priced/2, nil, actor}
  end

  def init_session(_session, {_, :B, _} = actor), do: {:ok, &share/2, nil, actor}

  def init_session(_session, {ap, :C, _} = actor) do
    Maty.register(ap, :C)
    {:ok, &title/2, nil, actor}
  end

  def title({:title, n}, state) do
    Maty.send(:A, {:quote, n})
    {:suspend, &address/2, state}
  end

  def priced({:quote, n}, state) do
    Maty.send(:B, {:share, n})
    {:done, :normal, state}
  end

  def share({:share, n}, state) do
    Maty.send(:C, {:address, n})
    {:suspend, &date/2, state}
  end

  def address({:address, n}, state) do
    Maty.send(:B, {:date, n})
    {:done, :normal, state}
  end

  def date({:date, _}, state), do: {:done, :normal, state}

  def terminate_session(_ending, _session, _local, {ap, role, told} = state) do
    if role != :C, do: Maty.register(ap, role)
    if role == :B, do: send(told, :ended)
    {:ok, state}
  end
end

defmodule NodesBench.Echo do
  use GenServer
  def init(state), do: {:ok, state}
  def handle_call({:ask, n}, _from, state), do: {:reply, {:answer, n}, state}
end

defmodule NodesBench do
  @talk "global protocol Talk(role A, role B) { rec L { choice at A { ask(integer) from A to B; " <>
          "answer(integer) from B to A; continue L; } or { stop() from A to B; } } }"

  @three "global protocol Three(role A, role B, role C) { title(integer) from A to C; " <>
           "quote(integer) from C to A; share(integer) from A to B; " <>
           "address(integer) from B to C; date(integer) from C to B; }"

  def main(file) do
    paths = Enum.flat_map(:code.get_path(), &[~c"-pa", &1])

    [{first, _} | _] =
      peers =
      for letter <- ~w(a b c) do
        {:ok, peer, node} =
          :peer.start_link(%{
            name: :"maty_bench_#{letter}_#{System.pid()}",
            host: ~c"127.0.0.1",
            longnames: true,
            connection: :standard_io,
            args: [~c"-setcookie", ~c"maty" | paths]
          })

        {:ok, _} = :peer.call(peer, :application, :ensure_all_started, [:maty])

        {:ok, _} = :peer.call(peer, :application, :ensure_all_started, [:elixir])
        _ = :peer.call(peer, Code, :compile_file, [file], 60_000)
        {peer, node}
      end

    nodes = Enum.map(peers, &elem(&1, 1))
    figures = :peer.call(first, NodesBench, :measure, [nodes], 120_000)
    Enum.each(peers, fn {peer, _} -> :peer.stop(peer) end)

    Bench.header("Three nodes")
    for {name, value, base} <- figures, do: Bench.ratio(name, value, "us", base, nil)
  end

  # Runs on the first node.
  def measure([a, b, c]) do
    {:ok, talk} = Maty.AccessPoint.start_link(protocol: {:string, @talk})
    {:ok, three} = Maty.AccessPoint.start_link(protocol: {:string, @three})
    count = 5_000
    rounds = for _ <- 1..11, do: {request(talk, b, count), call(b, count)}
    maty = Bench.median(Enum.map(rounds, &elem(&1, 0)))
    call = Bench.median(Enum.map(rounds, &elem(&1, 1)))
    {home, far} = {sessions(three, [a, a, a]), sessions(three, [a, b, c])}

    [
      {"request and answer between two nodes", maty, {"gen_server:call", call}},
      {"a session of three on three nodes", far, {"on one node", home}}
    ]
  end

  defp microseconds(native), do: System.convert_time_unit(native, :native, :nanosecond) / 1000

  defp request(ap, node, count) do
    {:ok, _} = :erpc.call(node, :maty_actor, :start, [NodesBench.Ponger, ap, []])
    {:ok, _} = :maty_actor.start(NodesBench.Pinger, {ap, count, self()}, [])

    receive do
      {:took, native} -> microseconds(native) / count
    end
  end

  defp call(node, count) do
    {:ok, pid} = :erpc.call(node, GenServer, :start, [NodesBench.Echo, nil])
    started = System.monotonic_time()
    for n <- 1..count, do: {:answer, ^n} = GenServer.call(pid, {:ask, n})
    microseconds(System.monotonic_time() - started) / count
  end

  # Twenty of each role play at the same time.
  defp sessions(ap, nodes) do
    actors =
      for {node, role} <- Enum.zip(nodes, [:A, :B, :C]), _ <- 1..20 do
        arguments = [NodesBench.Three, {ap, role, self()}, []]
        {:ok, pid} = :erpc.call(node, :maty_actor, :start, arguments)
        pid
      end

    ended(2_000)
    started = System.monotonic_time()
    ended(10_000)
    took = System.monotonic_time() - started

    Bench.stop(actors)
    microseconds(took) / 10_000
  end

  defp ended(0), do: :ok

  defp ended(count) do
    receive do
      :ended -> ended(count - 1)
    end
  end
end

# The nodes compile this file, too.
unless Node.alive?(), do: NodesBench.main(__ENV__.file)
