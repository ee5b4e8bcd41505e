defmodule Bench do
  # What the benchmarks share: taking turns, medians, and how a figure is shown.
  #
  # Each figure has two sides or more. The sides of a figure take turns, so that a
  # machine that drifts drifts for all of them, and medians are compared. Where two
  # processes run on is up to the VM, which is why there are many short turns and not
  # one long one.
  #
  # A line is printed for people; a row goes to _build/bench.tsv, whose head "make
  # bench" writes.

  @rounds 21

  # ----- Measuring -----

  @doc """
  The median of each side, in nanoseconds an operation, after a turn to warm up. A side
  is a function that takes a number of operations, does them in processes of its own, and
  returns nanoseconds.
  """
  def medians(sides, operations, rounds \\ @rounds) do
    for {_, run} <- sides, do: turn(run, max(div(operations, 10), 1))

    for(_ <- 1..rounds, do: for({name, run} <- sides, do: {name, turn(run, operations)}))
    |> List.flatten()
    |> Enum.group_by(&elem(&1, 0), &elem(&1, 1))
    |> Map.new(fn {name, values} -> {name, median(values)} end)
  end

  # What an earlier turn has left behind is not to be paid for by the next one.
  defp turn(run, operations) do
    :erlang.garbage_collect()
    run.(operations) / operations
  end

  def median(values), do: values |> Enum.sort() |> Enum.at(div(length(values), 2))

  def now, do: :erlang.monotonic_time(:nanosecond)

  @doc "Runs a function while the VM has one scheduler."
  def on_one_scheduler(function) do
    before = :erlang.system_flag(:schedulers_online, 1)
    result = function.()
    :erlang.system_flag(:schedulers_online, before)
    result
  end

  # ----- Processes -----

  @doc "Runs a function in a process of its own and returns what it reports."
  def in_process(function) do
    me = self()
    spawn(fn -> send(me, {:elapsed, function.()}) end)
    elapsed()
  end

  def elapsed do
    receive do
      {:elapsed, nanoseconds} -> nanoseconds
    end
  end

  @doc "Starts actors, waits for the result that one of them reports, and ends them."
  def with_actors(actors) do
    pids = start(actors)
    result = elapsed()
    stop(pids)
    result
  end

  def start(actors) do
    for {module, argument} <- actors do
      {:ok, pid} = :maty_actor.start(module, argument, [])
      pid
    end
  end

  def stop(pids) do
    monitors = for pid <- pids, do: Process.monitor(pid)
    for pid <- pids, do: Process.exit(pid, :kill)

    for monitor <- monitors do
      receive do
        {:DOWN, ^monitor, _, _, _} -> :ok
      end
    end
  end

  @doc "Waits until the engine has no endpoints, which it tells nobody of."
  def settled do
    unless :maty.counters().endpoints == 0 do
      Process.sleep(1)
      settled()
    end
  end

  # ----- Showing -----

  def header(title) do
    {:ok, info} = File.read("/proc/cpuinfo")
    [_, model] = Regex.run(~r/model name\s*: (.*)/, info) || [nil, "unknown processor"]
    schedulers = System.schedulers_online()
    emulator = :erlang.system_info(:version)

    IO.puts(
      "#{title}: #{model}, #{schedulers} schedulers, Erlang/OTP #{System.otp_release()} " <>
        "(erts #{emulator}, #{:erlang.system_info(:emu_flavor)}), Elixir #{System.version()}"
    )
  end

  @doc "A figure against a baseline: `aim` is the largest ratio that is good, or nil."
  def ratio(name, value, unit, {base_name, base}, aim) do
    ratio = value / base
    against = ["  ", fixed(ratio), " of ", base_name, " ", number(base)]
    line(name, [number(value), " ", unit, against], ratio, aim)
    row([name, fixed(value), unit, base_name, fixed(base), fixed(ratio)])
  end

  @doc "A figure of its own: `aim` is the largest value that is good, or nil."
  def value(name, value, unit, aim) do
    line(name, [number(value), " ", unit], value, aim)
    row([name, fixed(value), unit, "", "", ""])
  end

  def note(text), do: IO.puts("    #{text}")

  defp line(name, text, measured, aim) do
    verdict =
      cond do
        aim == nil -> ""
        measured > aim -> "  [aim #{aim}]  missed"
        true -> "  [aim #{aim}]"
      end

    IO.puts(["  ", String.pad_trailing(name, 52), " ", text, verdict])
  end

  defp row(fields),
    do: File.write!("_build/bench.tsv", [Enum.intersperse(fields, "\t"), "\n"], [:append])

  defp number(value) when value >= 100,
    do: value |> round() |> Integer.to_string() |> String.pad_leading(8)

  defp number(value), do: value |> fixed() |> String.pad_leading(8)

  defp fixed(value), do: :erlang.float_to_binary(value / 1, decimals: 3)
end
