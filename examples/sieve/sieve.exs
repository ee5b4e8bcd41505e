# mix run examples/sieve/sieve.exs
#
# The actors make their network as they go: a filter that has numbers left opens an
# access point, and starts the next filter there. It takes part in two protocols, in
# one to get its numbers and in the other to hand them on.
defmodule SieveHead do
  use Maty.Protocol, file: "sieve.scr", protocol: :SieveHead
end

defmodule SieveNext do
  use Maty.Protocol, file: "sieve.scr", protocol: :SieveNext
end

defmodule Filter do
  use Maty.Actor,
    roles: [{SieveHead, :Filter}, {SieveNext, :Next}, {SieveNext, :Filter}]

  @impl true
  def init_actor({ap, role}) do
    Maty.register(ap, role)
    {:ok, nil}
  end

  @impl true
  def init_session(%{protocol: :SieveHead, role: :Filter}, actor) do
    {:ok, &prime/2, :Generator, actor}
  end

  def init_session(%{protocol: :SieveNext, role: :Next}, actor) do
    Maty.send(:Filter, {:Ready})
    {:ok, &prime/2, :Filter, actor}
  end

  def init_session(%{protocol: :SieveNext, role: :Filter}, numbers) do
    {:ok, &ready/2, numbers, nil}
  end

  # Gets its numbers, of which it keeps those that are no multiples of the first.
  def prime({:NewPrime, prime}, from) do
    IO.puts(prime)
    {:suspend, &number/2, {from, prime, []}}
  end

  def number({:LongBox, number}, {from, prime, numbers}) do
    if rem(number, prime) == 0,
      do: :noreply,
      else: {:suspend, &number/2, {from, prime, [number | numbers]}}
  end

  def number({:Exit}, {from, _prime, numbers}) do
    Maty.send(from, {:Ack})
    {:done, :normal, Enum.reverse(numbers)}
  end

  # Hands them on.
  def ready({:Ready}, [prime | numbers]) do
    Maty.send(:Next, {:NewPrime, prime})
    for number <- numbers, do: Maty.send(:Next, {:LongBox, number})
    Maty.send(:Next, {:Exit})
    {:suspend, &ack/2, nil}
  end

  def ack({:Ack}, state), do: {:done, :normal, state}

  @impl true
  def terminate_session({:done, :normal}, %{protocol: :SieveNext, role: :Filter}, _, actor),
    do: {:ok, actor}

  # The last one.
  def terminate_session({:done, :normal}, _session, [], actor), do: {:stop, :normal, actor}

  def terminate_session({:done, :normal}, _session, numbers, _actor) do
    {:ok, ap} = Maty.AccessPoint.start_link(protocol: SieveNext)
    Maty.register(ap, :Filter)
    {:ok, next} = start_link({ap, :Next})
    Process.monitor(next)
    {:ok, numbers}
  end

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
