defmodule Printer do
  # Prints what is said in the sessions, which it numbers as they come, and keeps
  # it.
  use GenServer
  use Maty.Helper

  def start_link, do: GenServer.start_link(__MODULE__, [], name: __MODULE__)

  # Prints a message and sends it, in a handler. It is printed first, and the
  # handler waits for that, so that the answer is always printed after it.
  def say(to, message) do
    %{id: id, role: role} = Maty.session()
    :ok = GenServer.call(__MODULE__, {:said, id, "#{role} -> #{to}", format(message)})
    Maty.send(to, message)
  end

  # Prints an error of the handler's session.
  def refused(what, error) do
    GenServer.call(__MODULE__, {:refused, Maty.session().id, what, Exception.message(error)})
  end

  # All that was said: of each session a list of lines; and all that was refused.
  def heard, do: GenServer.call(__MODULE__, :heard)

  defp format(message) do
    [label | payload] = Tuple.to_list(message)
    "#{label}(#{Enum.map_join(payload, ", ", &inspect/1)})"
  end

  @impl true
  def init([]), do: {:ok, %{sessions: [], said: %{}, refused: []}}

  @impl true
  def handle_call({:said, id, who, what}, _from, state) do
    {number, state} = number(id, state)
    print(number, [String.pad_trailing(who, 16), "  ", what])
    said = Map.update(state.said, number, ["#{who} #{what}"], &(&1 ++ ["#{who} #{what}"]))
    {:reply, :ok, %{state | said: said}}
  end

  def handle_call({:refused, id, what, error}, _from, state) do
    {number, state} = number(id, state)

    print(number, [:bright, what, :reset, " is refused:\n  ", String.replace(error, "\n", "\n  ")])

    {:reply, :ok, %{state | refused: state.refused ++ [what]}}
  end

  def handle_call(:heard, _from, state),
    do: {:reply, {Map.values(state.said), state.refused}, state}

  defp number(id, %{sessions: sessions} = state) do
    case Enum.find_index(sessions, &(&1 == id)) do
      nil -> {length(sessions) + 1, %{state | sessions: sessions ++ [id]}}
      index -> {index + 1, state}
    end
  end

  # Colours only where there is a terminal.
  defp print(number, line) do
    colour = Enum.at([:green, :cyan, :yellow], rem(number - 1, 3))
    IO.puts(IO.ANSI.format([colour, "session ##{number}", :reset, "  " | line]))
  end
end
