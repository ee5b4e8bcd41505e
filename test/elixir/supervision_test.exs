defmodule Maty.SupervisionTest do
  # The Elixir face of backoff, breaker, escalation and mailbox; what they do is tested
  # in test/maty_*_tests.erl.
  use ExUnit.Case, async: true

  @moduletag :capture_log

  doctest Maty.Backoff
  doctest Maty.Breaker
  doctest Maty.Escalation
  doctest Maty.Mailbox

  defmodule Child do
    use GenServer

    def start_link({test, name}), do: GenServer.start_link(__MODULE__, {test, name})

    def child_spec({_, name} = argument) do
      %{id: name, start: {__MODULE__, :start_link, [argument]}}
    end

    @impl true
    def init({test, name}) do
      send(test, {:started, name, self()})
      {:ok, name}
    end

    @impl true
    def handle_cast({:raise, exception}, _name), do: raise(exception)
    def handle_cast({:exit, reason}, _name), do: exit(reason)
  end

  test "backoff is a child like any other" do
    options = [min: 1, max: 1, reset: 60_000, name: :maty_b]
    start_supervised!({Maty.Backoff, [child: {Child, {self(), :a}}] ++ options})
    assert_receive {:started, :a, first}
    GenServer.cast(first, {:exit, :no})
    assert_receive {:started, :a, second}
    assert [{:a, ^second, :worker, [Child]}] = Supervisor.which_children(:maty_b)
    assert %{state: :running, child: ^second, failures: 1} = Maty.Backoff.info(:maty_b)
  end

  test "breaker is a child like any other" do
    start_supervised!({Maty.Breaker, name: :maty_breaker, failures: 1})
    :ok = :maty_event.subscribe(:breaker)

    assert_raise RuntimeError, "no", fn ->
      Maty.Breaker.run(:maty_breaker, fn -> raise "no" end)
    end

    assert_receive {:maty_event, :breaker, %{name: :maty_breaker, from: :closed, to: :open}}
    assert Maty.Breaker.run(:maty_breaker, fn -> 1 end) == {:error, :open}
    assert Maty.Breaker.reset(:maty_breaker) == :ok
    assert Maty.Breaker.run(:maty_breaker, fn -> 1 end) == {:ok, 1}
  end

  test "escalation knows exceptions by a function" do
    kind = fn
      {%File.Error{}, _stacktrace} -> :temporary
      reason -> Maty.Escalation.kind(reason)
    end

    children = [{Child, {self(), :a}}, {Child, {self(), :b}}]
    start_supervised!({Maty.Escalation, children: children, kind: kind, name: :maty_e})
    assert_receive {:started, :a, a}
    assert_receive {:started, :b, b}
    assert Maty.Escalation.children(:maty_e) == [a: a, b: b]

    monitor = Process.monitor(a)
    GenServer.cast(a, {:raise, %File.Error{reason: :enospc, action: "write", path: "a"}})
    assert_receive {:DOWN, ^monitor, :process, ^a, _}
    assert waiting() == [a: :undefined, b: b]
    assert {:ok, a} = Maty.Escalation.resume(:maty_e, :a)
    assert Maty.Escalation.children(:maty_e) == [a: a, b: b]
  end

  test "mailbox is a child like any other" do
    start_supervised!({Maty.Mailbox, name: :maty_m, capacity: 1, policy: :drop_newest})
    mailbox = Process.whereis(:maty_m)
    assert Maty.Mailbox.next(:maty_m) == :ok
    # Until somebody takes it, a message is in the mailbox.
    assert for(n <- 1..3, do: Maty.Mailbox.put(:maty_m, n)) == [:ok, :ok, :ok]
    assert_receive {:maty_mailbox, ^mailbox, 1}, 30_000
    assert Maty.Mailbox.take(:maty_m) == {:ok, 2}
    assert Maty.Mailbox.take(:maty_m, 0) == {:error, :empty}
    assert %{put: 3, taken: 2, dropped: 1, length: 0} = Maty.Mailbox.info(:maty_m)
    assert Maty.Mailbox.stop(:maty_m) == :ok

    {:ok, mailbox} = Maty.Mailbox.start_link(name: {:global, :maty_m}, policy: :block)
    assert :global.whereis_name(:maty_m) == mailbox
  end

  # The supervisor sees the end by a signal of its own.
  defp waiting do
    case Maty.Escalation.children(:maty_e) do
      [{:a, pid}, _] when is_pid(pid) -> waiting()
      children -> children
    end
  end

  test "a wrong option is named" do
    for {fun, text} <- [
          {fn -> Maty.Backoff.start_link(child: Agent, mni: 1) end,
           "Maty.Backoff.start_link/1: unknown option: :mni; the options are :child, :min, :max, " <>
             ":factor, :jitter, :seed, :reset, :attempts, :name"},
          {fn -> Maty.Backoff.start_link(min: 1) end,
           "Maty.Backoff.start_link/1: the option :child is missing"},
          {fn -> Maty.Backoff.start_link(child: {Agent, fn -> 1 end}, jitter: 1) end,
           "Maty.Backoff.start_link/1: expected :jitter to be :none, :equal, :full or " <>
             ":decorrelated, got: 1"},
          {fn -> Maty.Breaker.start_link(name: :a, failures: 0) end,
           "Maty.Breaker.start_link/1: expected :failures to be an integer from 1, got: 0"},
          {fn -> Maty.Breaker.start_link(failures: 1) end,
           "Maty.Breaker.start_link/1: the option :name is missing"},
          {fn -> Maty.Breaker.start_link(name: "a") end,
           "Maty.Breaker.start_link/1: expected :name to be an atom, got: \"a\""},
          {fn -> Maty.Mailbox.start_link(size: 1) end,
           "Maty.Mailbox.start_link/1: unknown option: :size; the options are :capacity, :policy, " <>
             ":name"},
          {fn -> Maty.Mailbox.start_link(capacity: 0) end,
           "Maty.Mailbox.start_link/1: expected :capacity to be a number from 1 on, got: 0"},
          {fn -> Maty.Mailbox.start_link(name: "a") end,
           "Maty.Mailbox.start_link/1: expected :name to be an atom, {:local, atom}, {:global, term} " <>
             "or {:via, module, term}, got: \"a\""},
          {fn -> Maty.Escalation.start_link(strategy: :one_for_one) end,
           "Maty.Escalation.start_link/1: the option :children is missing"},
          {fn -> Maty.Escalation.start_link(children: [%{id: :a}]) end,
           "Maty.Escalation.start_link/1: %{id: :a} is no child: :missing_start"}
        ] do
      assert assert_raise(ArgumentError, fun).message == text
    end
  end
end
