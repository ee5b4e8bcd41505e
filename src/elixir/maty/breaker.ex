defmodule Maty.Breaker do
  @moduledoc """
  A circuit breaker: stops asking for a while what fails again and again.

      children = [{Maty.Breaker, name: :payments, failures: 5, window: 10_000}]

      case Maty.Breaker.run(:payments, fn -> Payment.ask(order) end) do
        {:ok, receipt} -> receipt
        {:error, {:failed, value}} -> value
        {:error, :open} -> :later
      end

    * closed - functions run; after so many failures in so much time it opens
    * open - no function runs; after the cooldown it is half-open
    * half-open - one function runs, the first that comes, and everybody else is
      refused; if it succeeds the breaker closes, if it fails or takes too long,
      the breaker opens again

  The function runs in the calling process. While the breaker is closed, a
  function that does not fail costs one look into an ETS table and no message.

  Options, times in milliseconds:

    * `:name` (required) - an atom
    * `:failures` (5) - how many open it
    * `:window` (10000) - within what time
    * `:cooldown` (5000) - how long it is open
    * `:probe` (30000) - how long the one function may take while it is half-open
    * `:is_failure` - a function that says of a value whether it is a failure;
      `:error` and tuples that begin with it are, unless given. What is raised,
      thrown or exited with always is.

  Each change is an event `:breaker` of `:maty_event`:

      :maty_event.subscribe(:breaker)
      #=> {:maty_event, :breaker, %{name: :payments, from: :closed, to: :open}}
  """

  @options [:name, :failures, :window, :cooldown, :probe, :is_failure]

  @type option :: {atom(), term()}
  @type state :: :closed | :open | :half_open

  @doc """
  Starts a breaker, linked to the caller. Raises `ArgumentError` for a wrong option.

      iex> {:ok, _} = Maty.Breaker.start_link(name: :payments)
      iex> Maty.Breaker.state(:payments)
      :closed
  """
  @spec start_link([option()]) :: {:ok, pid()} | {:error, term()}
  def start_link(options) do
    who = "Maty.Breaker.start_link/1"
    {name, rest} = split!(options, who)
    name |> :maty_breaker.start_link(rest) |> Maty.Options.accepted!(who)
  end

  @doc """
  A child specification, with the name as id.

      iex> Maty.Breaker.child_spec(name: :payments).id
      :payments
  """
  @spec child_spec([option()]) :: Supervisor.child_spec()
  def child_spec(options) do
    {name, _rest} = split!(options, "Maty.Breaker.child_spec/1")
    %{id: name, start: {__MODULE__, :start_link, [options]}}
  end

  defp split!(options, who) do
    case options |> Maty.Options.check!(@options, who) |> Map.pop(:name) do
      {nil, _} ->
        raise ArgumentError, "#{who}: the option :name is missing"

      {name, rest} when is_atom(name) ->
        {name, rest}

      {name, _} ->
        raise ArgumentError, "#{who}: expected :name to be an atom, got: #{inspect(name)}"
    end
  end

  @doc """
  Runs the function, if the breaker lets it.

    * `{:ok, value}` - what the function returned
    * `{:error, {:failed, value}}` - what the function returned, which is a failure
    * `{:error, :open}` - it did not run
    * `{:error, :no_breaker}` - it did not run: there is no breaker of that name, or
      it is being restarted

  What the function raises is counted, and raised.

      iex> {:ok, _} = Maty.Breaker.start_link(name: :prices)
      iex> Maty.Breaker.run(:prices, fn -> 155 end)
      {:ok, 155}
      iex> Maty.Breaker.run(:prices, fn -> {:error, :timeout} end)
      {:error, {:failed, {:error, :timeout}}}
  """
  @spec run(atom(), (() -> value)) ::
          {:ok, value} | {:error, {:failed, value} | :open | :no_breaker}
        when value: term()
  defdelegate run(name, fun), to: :maty_breaker

  @doc """
  The state of a breaker.

      iex> Maty.Breaker.state(:nobody)
      {:error, :no_breaker}
  """
  @spec state(atom()) :: state() | {:error, :no_breaker}
  defdelegate state(name), to: :maty_breaker

  @doc """
  Opens the breaker by hand, for a cooldown.

      iex> {:ok, _} = Maty.Breaker.start_link(name: :mail)
      iex> Maty.Breaker.trip(:mail)
      iex> Maty.Breaker.run(:mail, fn -> :sent end)
      {:error, :open}
  """
  @spec trip(atom()) :: :ok
  defdelegate trip(name), to: :maty_breaker

  @doc """
  Closes the breaker by hand, and forgets the failures.

      Maty.Breaker.reset(:mail)
      #=> :ok
  """
  @spec reset(atom()) :: :ok
  defdelegate reset(name), to: :maty_breaker
end
