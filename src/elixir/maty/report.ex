defmodule Maty.Report do
  @moduledoc false
  # What an actor's log entries look like, in the terms of Elixir. Erlang's are
  # written by maty_report:text/2.

  @spec format(:logger.report(), map()) :: String.t()
  def format(%{event: event} = report, _config), do: text(event, report)

  defp text(:violation, %{actor: actor, violation: violation}) do
    error = Maty.ProtocolError.exception(violation)
    "#{inspect(actor)} refused a message: #{Exception.message(error)}"
  end

  defp text(:no_handle_info, %{name: name, module: module, message: message}) do
    "#{inspect(name)} (#{inspect(module)}) got a message and has no handle_info/2: " <>
      inspect(message)
  end

  defp text(:access_point_down, %{name: name, module: module} = report) do
    %{access_point: access_point, roles: roles} = report

    "#{inspect(name)} (#{inspect(module)}) had registered as #{Enum.join(roles, ", ")} at " <>
      "#{inspect(access_point)}, which has ended"
  end

  defp text(:registration_expired, %{name: name, module: module} = report) do
    "#{inspect(name)} (#{inspect(module)}) had registered as #{report.roles} at " <>
      "#{inspect(report.access_point)}, and nobody came in time"
  end

  defp text(:turned_away, %{name: name, module: module} = report) do
    "#{inspect(name)} (#{inspect(module)}) was turned away as #{report.roles} by " <>
      "#{inspect(report.access_point)}, where too many wait"
  end

  defp text(:raised, %{name: name, module: module, state: state} = report) do
    "#{inspect(name)} (#{inspect(module)}) left its role#{where(report)}\n" <>
      "#{reason(report)}\nState of the session: #{inspect(state)}"
  end

  defp text(:terminate, %{name: name, module: module, state: state} = report) do
    "#{inspect(name)} (#{inspect(module)}) ended#{where(report)}\n" <>
      "#{reason(report)}\nState: #{inspect(state)}"
  end

  defp where(%{session: %{id: id, protocol: protocol, role: role}}) do
    " in session #{Maty.format_session(id)} of #{protocol} as #{role}"
  end

  defp where(_report), do: ""

  defp reason(%{callback: callback, reason: {:bad_return_value, value}}) do
    "** (exit) #{returned(callback, value)}"
  end

  defp reason(%{reason: reason}), do: ending(reason)

  # Why an actor ended.
  @spec ending(term()) :: String.t()
  def ending({{:protocol_violation, violation}, stacktrace}) do
    Exception.format(:error, Maty.ProtocolError.exception(violation), not_own(stacktrace))
  end

  def ending({reason, [{:maty_actor, :returned, _, [error_info: %{cause: callback}]}]}) do
    "** (exit) #{wrong(reason, callback)}"
  end

  def ending({{:nocatch, value}, [frame | _] = stacktrace}) when tuple_size(frame) in [3, 4] do
    Exception.format(:throw, value, not_own(stacktrace))
  end

  def ending({reason, [frame | _] = stacktrace}) when tuple_size(frame) in [3, 4] do
    Exception.format(:error, reason, not_own(stacktrace))
  end

  def ending(reason), do: Exception.format(:exit, reason)

  # Without the calls that are the same for every actor.
  @spec not_own(Exception.stacktrace()) :: Exception.stacktrace()
  def not_own(stacktrace) do
    Enum.reject(stacktrace, &(elem(&1, 0) in [Maty, :maty_actor, :maty_session, :proc_lib]))
  end

  # As maty_error:format_error/2, in the terms of Elixir.
  defp wrong({:bad_handler_return, handler, value}, _) do
    "#{inspect(handler)} returned #{inspect(value, limit: 20)}#{returns(:handler)}"
  end

  defp wrong({:bad_return_value, value}, callback), do: returned(callback, value)

  defp wrong({:name_held, name}, _) do
    "another session of the actor is held as #{inspect(name)}"
  end

  defp wrong(reason, _), do: "a suspension: #{Maty.Options.message(reason)}"

  defp returned(callback, value) do
    "#{callback} returned #{inspect(value, limit: 20)}#{returns(callback)}"
  end

  defp returns(:handler) do
    "; a handler returns {:suspend, handler, state}, {:suspend, handler, state, options}, " <>
      "{:hold, name, handler, state}, {:done, reason, state}, {:leave, reason, state} " <>
      "or :noreply, where handler is a function of two arguments"
  end

  defp returns(:init_session) do
    "; it returns {:ok, handler, session_state, state}, " <>
      "{:ok, handler, session_state, state, options}, " <>
      "{:hold, name, handler, session_state, state}, {:done, reason, state} " <>
      "or {:leave, reason, state}, where handler is a function of two arguments"
  end

  defp returns(:setup_actor), do: "; it returns {:ok, state}"

  defp returns(callback)
       when callback in [:on_failure, :handle_failure, :terminate_session] or
              callback in [:access_point_down, :registration_expired, :turned_away] do
    "; it returns {:ok, state} or {:stop, reason, state}"
  end

  # Those of GenServer are known well enough.
  defp returns(_callback), do: ""
end
