# mix run examples/stash_queue/stash_queue.exs
#
# A message whose sender is not the one expected now waits, whatever the order in
# the mailbox. Q gets 5 (from R), 10 and 20 (from P), 15 (from R), and handles them
# in the order of the protocol.
defmodule StashQueue do
  use Maty.Protocol,
    string: """
    global protocol StashQueue(role P, role R, role Q) {
      a(integer) from P to Q;
      b(integer) from R to Q;
      b(integer) from R to Q;
      a(integer) from P to Q;
    }
    """
end

defmodule Turns do
  # Lets those who wait for a turn go on in the order of the turns.
  use GenServer

  def wait_for(turns, turn), do: GenServer.call(turns, {:wait_for, turn})
  def pass(turns), do: GenServer.cast(turns, :pass)

  @impl true
  def init(turn), do: {:ok, {turn, %{}}}

  @impl true
  def handle_call({:wait_for, turn}, _from, {turn, _} = state), do: {:reply, :ok, state}

  def handle_call({:wait_for, turn}, from, {now, all}),
    do: {:noreply, {now, Map.put(all, turn, from)}}

  @impl true
  def handle_cast(:pass, {turn, waiting}) do
    {next, waiting} = Map.pop(waiting, turn + 1)
    if next, do: GenServer.reply(next, :ok)
    {:noreply, {turn + 1, waiting}}
  end
end

defmodule Sender do
  # P or R: sends its numbers, each in its turn.
  use Maty.Actor, protocol: StashQueue, role: [:P, :R]

  @impl true
  def init_actor({ap, role, label, numbers, turns}) do
    Maty.register(ap, role)
    {:ok, {label, numbers, turns}}
  end

  @impl true
  def init_session(session, {label, numbers, turns} = actor) do
    for {turn, number} <- numbers do
      Turns.wait_for(turns, turn)
      IO.puts("#{session.role} sends #{number}")
      Maty.send(:Q, {label, number})
      Turns.pass(turns)
    end

    {:done, :normal, actor}
  end
end

defmodule Q do
  use Maty.Actor, protocol: StashQueue, role: :Q

  @impl true
  def init_actor({ap, turns}) do
    Maty.register(ap, :Q)
    {:ok, turns}
  end

  # Begins when all messages have come, so that they are printed first.
  @impl true
  def init_session(_session, turns) do
    Turns.wait_for(turns, 5)
    {:ok, &handler/2, 1, turns}
  end

  def handler({_label, number}, count) do
    IO.puts("Q handles #{number}")
    if count < 4, do: {:suspend, &handler/2, count + 1}, else: {:done, :normal, count}
  end

  @impl true
  def terminate_session(_ending, _session, _count, actor), do: {:stop, :normal, actor}
end

{:ok, turns} = GenServer.start_link(Turns, 1)
{:ok, ap} = Maty.AccessPoint.start_link(protocol: StashQueue)
{:ok, q} = Q.start_link({ap, turns})
Process.monitor(q)
{:ok, _r} = Sender.start_link({ap, :R, :b, [{1, 5}, {4, 15}], turns})
{:ok, _p} = Sender.start_link({ap, :P, :a, [{2, 10}, {3, 20}], turns})

receive do
  {:DOWN, _monitor, :process, ^q, :normal} -> :ok
end
