# mix run examples/sieve/sieve.exs
#
# The actors make their network as they go: a filter that gets the first number it has to
# hand on opens an access point and starts the next filter there. It takes part in two
# protocols, in one to get its numbers and in the other to hand them on, one by one: it
# holds its side of the second, and goes on with it for each number.
defmodule SieveHead do
  use Maty.Protocol, file: "sieve.scr", protocol: :SieveHead
end

defmodule SieveNext do
  use Maty.Protocol, file: "sieve.scr", protocol: :SieveNext
end

defmodule Filter do
  # Its state is what is to be handed on once the next filter is ready.
  use Maty.Actor,
    roles: [{SieveHead, :Filter}, {SieveNext, :Next}, {SieveNext, :Filter}]

  @impl true
  def init_actor({ap, role}) do
    Maty.register(ap, role)
    {:ok, :last}
  end

  @impl true
  def init_session(%{protocol: :SieveHead, role: :Filter}, actor) do
    {:ok, &prime/2, :Generator, actor}
  end

  def init_session(%{protocol: :SieveNext, role: :Next}, actor) do
    Maty.send(:Filter, {:Ready})
    {:ok, &prime/2, :Filter, actor}
  end

  def init_session(%{protocol: :SieveNext, role: :Filter}, actor) do
    {:ok, &ready/2, nil, actor}
  end

  # Gets its numbers, and hands on those that are no multiples of the first.
  def prime({:NewPrime, prime}, from) do
    IO.puts(prime)
    {:suspend, &number/2, {from, prime}}
  end

  def number({:LongBox, number}, {_from, prime}) do
    if rem(number, prime) != 0, do: hand_on(number)
    :noreply
  end

  def number({:Exit}, {from, _prime}) do
    hand_on(:exit)
    Maty.send(from, {:Ack})
    {:done, :normal, nil}
  end

  # The actor's own state is not for handlers, so it tells itself.
  defp hand_on(what), do: Maty.Actor.cast(self(), {:hand_on, what})

  @impl true
  def handle_cast({:hand_on, :exit}, :last), do: {:stop, :normal, :last}

  def handle_cast({:hand_on, number}, :last) do
    {:ok, ap} = Maty.AccessPoint.start_link(protocol: SieveNext)
    Maty.register(ap, :Filter)
    {:ok, next} = start_link({ap, :Next})
    Process.monitor(next)
    {:noreply, [number]}
  end

  def handle_cast({:hand_on, what}, waiting) when is_list(waiting) do
    {:noreply, [what | waiting]}
  end

  def handle_cast({:hand_on, what}, :ready) do
    Maty.become(:next, what)
    {:noreply, :ready}
  end

  def handle_cast(:ready, waiting) do
    for what <- Enum.reverse(waiting), do: Maty.become(:next, what)
    {:noreply, :ready}
  end

  # The next filter is there.
  def ready({:Ready}, nil) do
    Maty.Actor.cast(self(), :ready)
    {:hold, :next, &new_prime/2, nil}
  end

  def new_prime(prime, nil) do
    Maty.send(:Next, {:NewPrime, prime})
    {:hold, :next, &long_box/2, nil}
  end

  def long_box(:exit, nil) do
    Maty.send(:Next, {:Exit})
    {:suspend, &ack/2, nil}
  end

  def long_box(number, nil) do
    Maty.send(:Next, {:LongBox, number})
    {:hold, :next, &long_box/2, nil}
  end

  def ack({:Ack}, nil), do: {:done, :normal, nil}

  # Ends when the rest of the chain has.
  @impl true
  def handle_info({:DOWN, _monitor, :process, _next, :normal}, actor), do: {:stop, :normal, actor}
end

defmodule Generator do
  use Maty.Actor, protocol: SieveHead, role: :Generator

  @impl true
  def init_actor({ap, numbers}) do
    Maty.register(ap, :Generator)
    {:ok, numbers}
  end

  @impl true
  def init_session(_session, numbers), do: {:ok, &start/2, numbers, numbers}

  def start({:Start}, [prime | numbers]) do
    Maty.send(:Filter, {:NewPrime, prime})
    for number <- numbers, do: Maty.send(:Filter, {:LongBox, number})
    Maty.send(:Filter, {:Exit})
    {:suspend, &ack/2, nil}
  end

  def ack({:Ack}, state) do
    Maty.send(:Main, {:Exit})
    {:done, :normal, state}
  end
end

defmodule Main do
  use Maty.Actor, protocol: SieveHead, role: :Main

  @impl true
  def init_actor(ap) do
    Maty.register(ap, :Main)
    {:ok, nil}
  end

  @impl true
  def init_session(_session, actor) do
    Maty.send(:Generator, {:Start})
    {:ok, &sent/2, nil, actor}
  end

  def sent({:Exit}, state), do: {:done, :normal, state}
end

{:ok, ap} = Maty.AccessPoint.start_link(protocol: SieveHead)
{:ok, filter} = Filter.start_link({ap, :Filter})
Process.monitor(filter)
{:ok, _generator} = Generator.start_link({ap, Enum.to_list(2..100)})
{:ok, _main} = Main.start_link(ap)

receive do
  {:DOWN, _monitor, :process, ^filter, :normal} -> :ok
end
