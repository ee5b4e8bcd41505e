# mix run examples/fib/fib.exs
#
# A tree of actors, with an access point for each family: a child that is asked for a
# number starts a family of its own, as one would call a function.
defmodule FibOne do
  use Maty.Protocol, file: "fib.scr", protocol: :FibOne
end

defmodule FibTwo do
  use Maty.Protocol, file: "fib.scr", protocol: :FibTwo
end

defmodule Child do
  use Maty.Actor, roles: [{FibOne, :Child}, {FibTwo, :Left}, {FibTwo, :Right}]

  @impl true
  def init_actor({ap, role}) do
    Maty.register(ap, role)
    {:ok, nil}
  end

  @impl true
  def init_session(_session, actor), do: {:ok, &request/2, nil, actor}

  def request({:Request, n}, state) do
    Maty.send(:Parent, {:Response, fib(n)})
    {:done, :normal, state}
  end

  @impl true
  def terminate_session({:done, :normal}, _session, _state, actor), do: {:stop, :normal, actor}

  defp fib(n) when n < 2, do: n

  defp fib(n) do
    {:ok, ap} = Maty.AccessPoint.start_link(protocol: FibTwo)
    {:ok, _left} = start_link({ap, :Left})
    {:ok, _right} = start_link({ap, :Right})
    {:ok, parent} = Parent.start_link(ap)
    sum = Maty.Actor.call(parent, {:fib, n})
    Maty.AccessPoint.stop(ap)
    sum
  end
end

defmodule Parent do
  # Called for a number, asks its children and answers the call.
  use Maty.Actor, roles: [{FibOne, :Parent}, {FibTwo, :Parent}]

  @impl true
  def init_actor(ap), do: {:ok, ap}

  @impl true
  def handle_call({:fib, n}, from, ap) do
    Maty.register(ap, :Parent)
    {:noreply, {n, from}}
  end

  @impl true
  def init_session(%{protocol: :FibOne}, {n, _from} = actor) do
    Maty.send(:Child, {:Request, n})
    {:ok, &last/2, 0, actor}
  end

  def init_session(%{protocol: :FibTwo}, {n, _from} = actor) do
    Maty.send(:Left, {:Request, n - 1})
    Maty.send(:Right, {:Request, n - 2})
    {:ok, &first/2, nil, actor}
  end

  def first({:Response, number}, _state), do: {:suspend, &last/2, number}
  def last({:Response, number}, sum), do: {:done, :normal, sum + number}

  @impl true
  def terminate_session({:done, :normal}, _session, sum, {_n, from} = actor) do
    Maty.Actor.reply(from, sum)
    {:stop, :normal, actor}
  end
end

{:ok, ap} = Maty.AccessPoint.start_link(protocol: FibOne)
{:ok, _child} = Child.start_link({ap, :Child})
{:ok, parent} = Parent.start_link(ap)
IO.puts("fib(10) is #{Maty.Actor.call(parent, {:fib, 10})}")
