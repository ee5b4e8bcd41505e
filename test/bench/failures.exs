# What failures and load cost: a million sessions at once, how fast a failure is
# told, what its handling costs when nothing fails, and an engine that is restarted
# under load. Messages that come before their turn are measured in actors.exs.

Code.require_file("support/bench.ex", __DIR__)

# ----- A million sessions -----

defmodule Failures.Million do
  @moduledoc """
  The engine without actors: two processes own the two roles of all sessions, hold
  them by their handles alone, and take the steps of one message in each, in turn.
  """
  @sessions 1_000_000
  @batch 10_000

  @protocol "protocol One(role A, role B) { m(integer) from A to B; }"

  def run do
    {:ok, protocol} = :maty_protocol.from_string(@protocol)
    {:ok, image, _} = :maty_engine.load(:maty_protocol.image(protocol))
    before = :maty.counters()
    me = self()
    # One that takes both roles: what is measured is the engine.
    owner = spawn_link(fn -> own(me, image) end)

    receive do
      {:opened, ^owner, microseconds} ->
        counters = :maty.counters()
        bytes = counters.memory - before.memory

        Bench.value("1,000,000 sessions of two: made", microseconds / @sessions, "us", nil)
        Bench.value("1,000,000 sessions of two: memory in C", bytes / 1.0e6, "MB", 200)
        send(owner, :go)
    end

    receive do
      {:closed, ^owner, microseconds} ->
        Bench.value(
          "1,000,000 sessions of two: a message and both ends",
          microseconds / @sessions,
          "us",
          nil
        )
    end

    counters = :maty.counters()
    true = counters.endpoints == 0
    true = counters.sent - before.sent == @sessions
    true = counters.received - before.received == @sessions
  end

  defp own(report, image) do
    {:ok, token} = :maty_engine.attach()
    places = [:maty_engine.place(token, 0), :maty_engine.place(token, 1)]
    start = Bench.now()

    handles =
      for batch <- 1..div(@sessions, @batch) do
        for number <- 1..@batch do
          :ok = :maty_engine.open(batch * @batch + number, image, {0, :refuse}, places)
        end

        starts([])
      end

    send(report, {:opened, self(), (Bench.now() - start) / 1000})

    receive do
      :go -> :ok
    end

    start = Bench.now()
    for batch <- handles, <<handle::64-native <- batch>>, do: talk(handle)
    send(report, {:closed, self(), (Bench.now() - start) / 1000})
  end

  # The handles of role A, packed.
  defp starts(handles) do
    receive do
      {:"$maty_start", 0, handle, _, _} -> starts([<<handle::64-native>> | handles])
      {:"$maty_start", 1, _, _, _} -> starts(handles)
    after
      0 -> IO.iodata_to_binary(handles)
    end
  end

  # The commands of c_src/beam/command.h: send (1), receive (3), close (5).
  defp talk(handle) do
    port = :maty_engine.port(Bitwise.bsr(handle, 51))
    a = <<handle::64-native>>
    b = <<handle + 1::64-native>>
    [2, high, low] = :erlang.port_control(port, Bitwise.bsl(1, 28) + 1, a)
    [2] = :erlang.port_control(port, Bitwise.bsl(3, 28) + high * 256 + low, b)
    [0] = :erlang.port_control(port, Bitwise.bsl(5, 28), a)
    [0] = :erlang.port_control(port, Bitwise.bsl(5, 28), b)
  end
end

# ----- The end of an actor -----

defmodule Failures.Told do
  @moduledoc "An actor with a thousand sessions is killed; each has a partner that waits."
  @behaviour :maty_actor
  @sessions 1000

  @protocol """
  protocol Wait(role Hub, role Partner) { go(integer) from Hub to Partner; }
  """

  def run do
    {:ok, ap} = :maty_access_point.start_link({:string, @protocol})
    one = for _ <- 1..11, do: told(ap, @sessions)
    many = for _ <- 1..11, do: told(ap, 1)

    Bench.value(
      "killed with 1000 sessions: 1000 partners told",
      Bench.median(one) / 1.0e6,
      "ms",
      20
    )

    Bench.value(
      "killed with 1000 sessions: one partner of all told",
      Bench.median(many) / 1.0e6,
      "ms",
      20
    )

    Bench.stop([ap |> tap(&Process.unlink/1)])
  end

  # From the kill to the last callback, as the partners' own clocks have it.
  defp told(ap, partners) do
    me = self()
    each = div(@sessions, partners)

    pids =
      for _ <- 1..partners do
        {:ok, pid} = :maty_actor.start(__MODULE__, {ap, :Partner, each, me}, [])
        pid
      end

    {:ok, hub} = :maty_actor.start(__MODULE__, {ap, :Hub, @sessions, me}, [])

    for _ <- 1..@sessions do
      receive do
        :began -> :ok
      end
    end

    start = Bench.now()
    Process.exit(hub, :kill)

    times =
      for _ <- 1..@sessions do
        receive do
          {:failed, time} -> time
        end
      end

    Bench.stop(pids)
    Bench.settled()
    Enum.max(times) - start
  end

  def init_actor({ap, role, sessions, report}) do
    for _ <- 1..sessions, do: :maty.register(ap, role)
    {:ok, report}
  end

  # The hub holds the first it is told of: it never gets to send.
  def init_session(%{role: :Hub}, _report) do
    receive do
      :never -> :ok
    end
  end

  def init_session(%{role: :Partner}, report) do
    send(report, :began)
    {:ok, fn _, state -> {:done, :normal, state} end, nil, report}
  end

  def terminate_session({:failed, {:cancelled, :Hub}}, _session, _state, report) do
    send(report, {:failed, Bench.now()})
    {:ok, report}
  end
end

# ----- The price of failure handling -----

defmodule Failures.Steady do
  @moduledoc """
  A round trip between two actors that have a thousand other sessions, all of which
  would have to be told if one of them ended, against one between two that have
  none. And one in a session where a role that neither waits for has been
  cancelled, so that every step looks who still hears.
  """
  @behaviour :maty_actor
  @rounds 50_000
  @others 1000

  @other "protocol Other(role Busy, role Idle) { go() from Idle to Busy; }"

  @protocol """
  protocol Third(role Client, role Server, role Third) {
    choice at Client { hello() from Client to Server; } or { never() from Client to Server; }
    rec Loop { choice at Client {
      request(integer) from Client to Server;
      answer(integer) from Server to Client;
      continue Loop;
    } or {
      bye() from Client to Server;
      bye() from Server to Third;
    } }
  }
  """

  def run do
    {:ok, ap} = :maty_access_point.start_link({:string, @protocol})
    {:ok, other} = :maty_access_point.start_link({:string, @other})
    kinds = [:alone, :busy, :left]

    times =
      Bench.on_one_scheduler(fn ->
        turns = for _ <- 1..21, kind <- kinds, do: {kind, trip(ap, other, kind)}
        Enum.group_by(turns, &elem(&1, 0), &elem(&1, 1))
      end)

    alone = {"one with nothing else", Bench.median(times.alone)}
    busy = Bench.median(times.busy)
    left = Bench.median(times.left)
    Bench.note("on one scheduler: where the VM puts processes is chance")
    Bench.ratio("a round trip of actors with 1000 other sessions", busy, "ns", alone, 1.03)
    Bench.ratio("a round trip with a role that has failed", left, "ns", alone, nil)
    for pid <- [ap, other], do: Process.unlink(pid)
    Bench.stop([ap, other])
  end

  defp trip(ap, other, kind) do
    me = self()
    start = fn argument -> elem(:maty_actor.start(__MODULE__, argument, []), 1) end
    idle = if kind == :busy, do: [start.({other, :Idle, 2 * @others, me})], else: []
    others = if kind == :busy, do: {other, @others}, else: nil
    [server, client] = for role <- [:Server, :Client], do: start.({ap, role, others, me})
    for _ <- idle, _ <- 1..(2 * @others), do: receive(do: (:joined -> :ok))
    third = start.({ap, :Third, nil, me})

    receive do
      :began -> :ok
    end

    if kind == :left do
      before = :maty.counters().cancelled
      Bench.stop([third])
      cancelled(before)
    end

    send(client, :go)

    time =
      receive do
        {:elapsed, time} -> time
      end

    Bench.stop([third, server, client | idle])
    Bench.settled()
    time / @rounds
  end

  defp cancelled(before) do
    unless :maty.counters().cancelled > before, do: cancelled(before)
  end

  def init_actor({other, :Idle, sessions, report}) do
    for _ <- 1..sessions, do: :maty.register(other, :Idle)
    {:ok, report}
  end

  def init_actor({ap, role, others, report}) do
    with {other, count} <- others, do: for(_ <- 1..count, do: :maty.register(other, :Busy))
    :maty.register(ap, role)
    {:ok, report}
  end

  # It sends in none of its sessions, since it does not come back from the first.
  def init_session(%{role: :Idle}, _report) do
    receive do
      :never -> :ok
    end
  end

  def init_session(%{role: :Busy}, report) do
    send(report, :joined)
    {:ok, fn {:go}, state -> {:done, :normal, state} end, nil, report}
  end

  def init_session(%{role: :Client}, report) do
    send(report, :began)

    receive do
      :go -> :ok
    end

    :maty.send(:Server, {:hello})
    :maty.send(:Server, {:request, 1})
    {:ok, &answer/2, {@rounds, Bench.now(), report}, report}
  end

  def init_session(%{role: :Server}, report), do: {:ok, &request/2, nil, report}

  def init_session(%{role: :Third}, report),
    do: {:ok, fn {:bye}, state -> {:done, :normal, state} end, nil, report}

  def answer({:answer, _}, {1, start, report} = state) do
    send(report, {:elapsed, Bench.now() - start})
    :maty.send(:Server, {:bye})
    {:done, :normal, state}
  end

  def answer({:answer, payload}, {left, start, report}) do
    :maty.send(:Server, {:request, payload})
    {:suspend, &answer/2, {left - 1, start, report}}
  end

  def request({:bye}, state) do
    :maty.send(:Third, {:bye})
    {:done, :normal, state}
  end

  def request({:hello}, state), do: {:suspend, &request/2, state}

  def request({:request, payload}, state) do
    :maty.send(:Client, {:answer, payload})
    {:suspend, &request/2, state}
  end
end

# ----- The engine restarts -----

defmodule Failures.Restart do
  @moduledoc """
  Actors that have one session after the other; the engine is killed, and the time
  counts to the first session that begins on the new one.
  """
  @behaviour :maty_actor
  @pairs 100

  @protocol "protocol Pair(role A, role B) { m() from A to B; }"

  def run do
    {:ok, ap} = :maty_access_point.start_link({:string, @protocol})
    :persistent_term.put(__MODULE__, :atomics.new(1, []))

    pids =
      for role <- [:A, :B], _ <- 1..@pairs do
        {:ok, pid} = :maty_actor.start(__MODULE__, {ap, role}, [])
        pid
      end

    times = for _ <- 1..5, do: restart()

    Bench.value(
      "engine killed under load: to the first new session",
      Bench.median(times) / 1.0e6,
      "ms",
      100
    )

    Bench.stop(pids)
    Bench.stop([ap |> tap(&Process.unlink/1)])
    Bench.settled()
  end

  defp restart do
    loaded()
    old = :maty_engine.pid()
    monitor = Process.monitor(old)
    start = Bench.now()
    Process.exit(old, :kill)

    receive do
      {:DOWN, ^monitor, _, _, _} -> :ok
    end

    first(old, start)
  end

  # It is under load when sessions have begun and ended on it.
  defp loaded do
    unless :maty.counters().sessions_closed > 1000 do
      Process.sleep(1)
      loaded()
    end
  end

  defp first(old, start) do
    new = :maty_engine.pid()

    opened =
      try do
        new != old and new != nil and :maty.counters().sessions_opened > 0
      catch
        _, _ -> false
      end

    if opened, do: Bench.now() - start, else: first(old, start)
  end

  def init_actor({ap, role} = actor) do
    :maty.register(ap, role)
    {:ok, actor}
  end

  def init_session(%{role: :A}, actor) do
    :maty.send(:B, {:m})
    {:done, :normal, actor}
  end

  def init_session(_session, actor),
    do: {:ok, fn {:m}, state -> {:done, :normal, state} end, nil, actor}

  def terminate_session(_ending, _session, _state, {ap, role} = actor) do
    :maty.register(ap, role)
    {:ok, actor}
  end
end

:logger.set_primary_config(:level, :none)
Bench.header("Failures and load")
Failures.Million.run()
Failures.Told.run()
Failures.Steady.run()
Failures.Restart.run()
