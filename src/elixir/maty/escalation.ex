defmodule Maty.Escalation do
  @moduledoc """
  A supervisor that decides by the kind of error what becomes of a child.

      children = [
        {Maty.Escalation,
         children: [Chain, {Network, port: 4000}],
         policy: %{network: :restart, configuration: :stop}}
      ]

  The decisions are

    * `:restart` - the supervisor restarts the child by its strategy, and counts it
    * `:stop` - the child stays ended, the others go on
    * `:resume` - the child goes on as it was: it is started by what its
      specification has under `:resume`, `{module, function, arguments}`, which
      finds what the child has kept; the others are left alone, and nothing is
      counted. A child that has no such key is left ended until `resume/2`
    * `:escalate` - the supervisor stops all its children and ends, and its own
      supervisor decides

  A child that ends with `:normal`, `:shutdown` or `{:shutdown, _}` has not failed:
  what happens then its `:restart` says. A `:temporary` child is never started again.

  Options:

    * `:children` (required) - as for `Supervisor.start_link/2`; a map may have
      `:resume`, too
    * `:policy` - a map from kinds to decisions, to which

          %{network: :restart, configuration: :stop, temporary: :resume, other: :escalate}

      adds what it does not say; or a function of the child's id and the exit
      reason, which decides
    * `:kind` - a function that tells the kind of an exit reason; `kind/1` unless
      given
    * `:strategy` (`:one_for_one`), `:intensity` (1), `:period` (5, seconds) - as
      `:strategy`, `:max_restarts` and `:max_seconds` of `Supervisor`
    * `:name` - as for `Supervisor.start_link/2`

  An exception is part of the exit reason, so a function for `:kind` matches it:

      kind: fn
        {%Storage.Full{}, _stacktrace} -> :temporary
        reason -> Maty.Escalation.kind(reason)
      end
  """

  @options [:children, :policy, :kind, :strategy, :intensity, :period, :name]

  @type option :: {atom(), term()}
  @type decision :: :restart | :stop | :resume | :escalate

  @doc """
  Starts the supervisor, linked to the caller, and its children. Raises
  `ArgumentError` for a wrong option.

      iex> {:ok, supervisor} = Maty.Escalation.start_link(children: [{Agent, fn -> 1 end}])
      iex> [{Agent, agent}] = Maty.Escalation.children(supervisor)
      iex> Agent.get(agent, & &1)
      1
  """
  @spec start_link([option()]) :: Supervisor.on_start()
  def start_link(options) do
    who = "Maty.Escalation.start_link/1"

    options
    |> Maty.Options.check!(@options, who)
    |> Map.reject(&(&1 == {:name, nil}))
    |> specified()
    |> :maty_escalation.start_link()
    |> Maty.Options.accepted!(who)
  end

  defp specified(%{children: children} = options) when is_list(children) do
    %{options | children: Enum.map(children, &Supervisor.child_spec(&1, []))}
  end

  defp specified(options), do: options

  @doc """
  A child specification. The id is the name, if there is one.

      iex> Maty.Escalation.child_spec(children: [], name: :node).id
      :node
  """
  @spec child_spec([option()]) :: Supervisor.child_spec()
  def child_spec(options) do
    name = Maty.Options.check!(options, @options, "Maty.Escalation.child_spec/1")[:name]

    %{
      id: name || __MODULE__,
      start: {__MODULE__, :start_link, [options]},
      type: :supervisor
    }
  end

  @doc """
  The children, in their order, each with its process, or `:undefined` for one that
  was stopped or waits for `resume/2`.

      Maty.Escalation.children(:node)
      #=> [{Chain, #PID<0.171.0>}, {Network, :undefined}]
  """
  @spec children(Supervisor.supervisor()) :: [{term(), pid() | :undefined}]
  defdelegate children(supervisor), to: :maty_escalation

  @doc """
  Starts a child again that has ended and was left so.

      Maty.Escalation.resume(:node, Network)
      #=> {:ok, #PID<0.180.0>}
  """
  @spec resume(Supervisor.supervisor(), term()) :: {:ok, pid() | :undefined} | {:error, term()}
  defdelegate resume(supervisor, id), to: :maty_escalation

  @doc """
  The kind of an exit reason: what it says itself as `{kind, _}`, what is known
  (`:econnrefused`, `:timeout`, a missing option, ...), or `:other`.

      iex> Maty.Escalation.kind({:badmatch, {:error, :econnrefused}})
      :network
      iex> Maty.Escalation.kind({:configuration, :no_port})
      :configuration
      iex> Maty.Escalation.kind(:badarith)
      :other
  """
  @spec kind(term()) :: :network | :configuration | :temporary | :other
  defdelegate kind(reason), to: :maty_escalation
end
