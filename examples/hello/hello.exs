# mix run examples/hello/hello.exs
defmodule Hello do
  use Maty.Protocol,
    string: """
    global protocol Hello(role Guest, role Host) {
      hello(string) from Guest to Host;
      welcome(string) from Host to Guest;
    }
    """
end

defmodule Host do
  use Maty.Actor, protocol: Hello, role: :Host

  def init_actor(ap) do
    Maty.register(ap, :Host)
    {:ok, nil}
  end

  def init_session(_session, actor), do: {:ok, &hello/2, nil, actor}

  def hello({:hello, name}, state) do
    Maty.send(:Guest, {:welcome, "Welcome, #{name}!"})
    {:done, :normal, state}
  end
end

defmodule Guest do
  use Maty.Actor, protocol: Hello, role: :Guest

  def init_actor({ap, name}) do
    Maty.register(ap, :Guest)
    {:ok, name}
  end

  def init_session(_session, name) do
    Maty.send(:Host, {:hello, name})
    {:ok, &welcome/2, nil, name}
  end

  def welcome({:welcome, text}, state) do
    IO.puts(text)
    {:done, :normal, state}
  end

  # Nothing else to do.
  def terminate_session(_ending, _session, _state, name), do: {:stop, :normal, name}
end

{:ok, ap} = Maty.AccessPoint.start_link(protocol: Hello)
{:ok, guest} = Guest.start_link({ap, "Joe"})
Process.monitor(guest)
{:ok, _host} = Host.start_link(ap)

receive do
  {:DOWN, _monitor, :process, ^guest, :normal} -> :ok
end
