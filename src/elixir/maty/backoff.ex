defmodule Maty.Backoff do
  @moduledoc """
  Restarts a child after a delay that grows with every failure.

  A supervisor restarts at once, and gives up after a few times: right for what
  goes wrong inside, wrong for a child that needs something that is not there for
  a while. This process stands between the two. To its supervisor it is a
  supervisor of one child, which does not fail; to the child it is its supervisor.

      children = [
        {Maty.Backoff, child: {Connection, "db.example"}, min: 100, max: 30_000},
        Worker
      ]

  The child's `:restart` says when it is restarted, as in OTP. Where it is not,
  this process ends with the child and with its reason. A child that could not be
  started has failed like one that has ended, at the first start too: whoever is
  started after it cannot count on it being there.

  Options, times in milliseconds:

    * `:child` (required) - a child specification, a module, or `{module, argument}`
    * `:min` (100), `:max` (30000), `:factor` (2) - the first delay, the longest,
      and by what it grows
    * `:jitter` (`:equal`) - how delays differ between those who wait: `:none`;
      `:equal`, from half of the delay on; `:full`, from nothing on;
      `:decorrelated`, from `:min` to three times the delay before
    * `:seed` - an integer that makes the delays the same each time
    * `:reset` (the same as `:max`) - after so long without a failure the delay is
      the first one again
    * `:attempts` (`:infinity`) - after so many failures in a row this process ends
      with the child's reason, for its own supervisor to decide
    * `:name` - as for `GenServer.start_link/3`

  The functions of `Supervisor` work on it: `which_children/1`, `count_children/1`,
  `terminate_child/2`, and `restart_child/2`, which also ends a wait.
  """

  @options [:child, :min, :max, :factor, :jitter, :seed, :reset, :attempts, :name]

  @typedoc "See the module's documentation."
  @type option :: {atom(), term()}

  @typedoc """
  The state of the child; how many failures there were in a row; and while it
  waits, the delay and the reason of the last failure.
  """
  @type info :: %{
          required(:state) => :running | :waiting | :stopped,
          required(:child) => pid() | :undefined,
          required(:failures) => non_neg_integer(),
          optional(:delay) => non_neg_integer(),
          optional(:reason) => term()
        }

  @doc """
  Starts the process, linked to the caller, and the child. Raises `ArgumentError`
  for a wrong option.

      iex> {:ok, pid} = Maty.Backoff.start_link(child: {Agent, fn -> 1 end}, min: 10)
      iex> Maty.Backoff.info(pid).state
      :running
  """
  @spec start_link([option()]) :: {:ok, pid()} | {:error, term()}
  def start_link(options) do
    who = "Maty.Backoff.start_link/1"
    {child, rest} = split!(options, who)

    child
    |> :maty_backoff.start_link(Map.reject(rest, &(&1 == {:name, nil})))
    |> Maty.Options.accepted!(who)
  end

  @doc """
  A child specification, with the child's id and `:restart`.

      iex> Maty.Backoff.child_spec(child: {Agent, fn -> 1 end}).id
      Agent
  """
  @spec child_spec([option()]) :: Supervisor.child_spec()
  def child_spec(options) do
    {child, _rest} = split!(options, "Maty.Backoff.child_spec/1")
    spec = :maty_backoff.child_spec(child, %{})
    %{spec | start: {__MODULE__, :start_link, [options]}}
  end

  defp split!(options, who) do
    case options |> Maty.Options.check!(@options, who) |> Map.pop(:child) do
      {nil, _} -> raise ArgumentError, "#{who}: the option :child is missing"
      {child, rest} -> {Supervisor.child_spec(child, []), rest}
    end
  end

  @doc """
  How the child is.

      Maty.Backoff.info(pid)
      #=> %{state: :waiting, child: :undefined, failures: 3, delay: 312, reason: :econnrefused}
  """
  @spec info(GenServer.server()) :: info()
  defdelegate info(server), to: :maty_backoff
end
