# mix run examples/dining/dining.exs
#
# Five philosophers, each in a session of its own, share five forks: one arbiter
# takes part in all sessions and gives a philosopher both forks or none, so nobody
# waits for somebody who waits.
defmodule Dining do
  use Maty.Protocol, file: "dining.scr"
end

defmodule Main do
  # Gives each philosopher who comes the next seat.
  use Maty.Actor, protocol: Dining, role: :Main

  @impl true
  def init_actor({ap, seats}) do
    for _seat <- seats, do: Maty.register(ap, :Main)
    {:ok, seats}
  end

  @impl true
  def init_session(_session, [seat | seats]) do
    Maty.send(:Philosopher, {:Start, seat})
    {:done, :normal, seats}
  end
end

defmodule Arbiter do
  use Maty.Actor, protocol: Dining, role: :Arbiter

  @impl true
  def init_actor({ap, seats}) do
    for _seat <- seats, do: Maty.register(ap, :Arbiter)
    {:ok, :ets.new(:forks, [])}
  end

  @impl true
  def init_session(_session, taken), do: {:ok, &hungry/2, taken, taken}

  def hungry({:Exit}, taken), do: {:done, :normal, taken}

  def hungry({_hungry, seat}, taken) do
    # All of them, or none if one is taken.
    if :ets.insert_new(taken, forks(seat)) do
      Maty.send(:Philosopher, {:Eat})
      {:suspend, &done/2, taken}
    else
      Maty.send(:Philosopher, {:Denied})
      :noreply
    end
  end

  def done({:Done, seat}, taken) do
    for {fork} <- forks(seat), do: :ets.delete(taken, fork)
    {:suspend, &hungry/2, taken}
  end

  defp forks(seat), do: [{seat}, {rem(seat, 5) + 1}]
end

defmodule Philosopher do
  use Maty.Actor, protocol: Dining, role: :Philosopher

  @impl true
  def init_actor({ap, meals}) do
    Maty.register(ap, :Philosopher)
    {:ok, meals}
  end

  @impl true
  def init_session(_session, meals), do: {:ok, &start/2, meals, meals}

  def start({:Start, seat}, meals) do
    Maty.send(:Arbiter, {:Hungry0, seat})
    {:suspend, &answer/2, {seat, meals}}
  end

  def answer({:Denied}, {seat, _meals}) do
    # Thinks.
    Process.sleep(1)
    Maty.send(:Arbiter, {:HungryD, seat})
    :noreply
  end

  def answer({:Eat}, {seat, meals}) do
    IO.puts("Philosopher #{seat} eats; #{meals - 1} to go")
    Process.sleep(1)
    Maty.send(:Arbiter, {:Done, seat})

    if meals > 1 do
      Maty.send(:Arbiter, {:HungryE, seat})
      {:suspend, &answer/2, {seat, meals - 1}}
    else
      Maty.send(:Arbiter, {:Exit})
      {:done, :normal, seat}
    end
  end

  @impl true
  def terminate_session({:done, :normal}, _session, _seat, meals), do: {:stop, :normal, meals}
end

{:ok, ap} = Maty.AccessPoint.start_link(protocol: Dining)
{:ok, _arbiter} = Arbiter.start_link({ap, 1..5})

philosophers =
  for _ <- 1..5 do
    {:ok, philosopher} = Philosopher.start_link({ap, 3})
    Process.monitor(philosopher)
  end

{:ok, _main} = Main.start_link({ap, Enum.to_list(1..5)})

for monitor <- philosophers do
  receive do
    {:DOWN, ^monitor, :process, _pid, :normal} -> :ok
  end
end
