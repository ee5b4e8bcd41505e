defmodule Maty.Options do
  @moduledoc false
  # Checks of keyword options, so that a wrong one is named.

  # The options as a map. Raises an ArgumentError that says who was asked.
  @spec check!(term(), [atom()], String.t()) :: %{optional(atom()) => term()}
  def check!(options, known, who) do
    unless Keyword.keyword?(options) do
      raise ArgumentError, "#{who}: expected keyword options, got: #{inspect(options)}"
    end

    case Keyword.keys(options) -- known do
      [] ->
        Map.new(options)

      [key | _] ->
        problem = if key in known, do: "option given twice", else: "unknown option"
        raise ArgumentError, "#{who}: #{problem}: #{inspect(key)}; the options are #{list(known)}"
    end
  end

  # What an Erlang function that takes the options returned. Raises an
  # ArgumentError if it found one of them wrong.
  @spec accepted!(result, String.t()) :: result when result: term()
  def accepted!({:error, reason}, who)
      when elem(reason, 0) in [:missing_option, :unknown_option, :bad_option, :not_options] do
    raise ArgumentError, "#{who}: #{message(reason)}"
  end

  def accepted!({:error, {:bad_child, child, reason}}, who) do
    raise ArgumentError, "#{who}: #{inspect(child)} is no child: #{inspect(reason)}"
  end

  def accepted!(result, _who), do: result

  # The text of a reason of maty_options:format_error/1 or maty_handlers:format_error/1.
  @spec message(tuple()) :: String.t()
  def message({:missing_option, key}), do: "the option #{inspect(key)} is missing"

  def message({:unknown_option, key, known}) do
    "unknown option: #{inspect(key)}; the options are #{list(known)}"
  end

  def message({:bad_option, {:missing, key}}), do: message({:missing_option, key})

  def message({:bad_option, {:both, :roles}}) do
    "give either :roles, or :protocol and :role"
  end

  def message({:bad_option, {:unknown, key}}) do
    message({:unknown_option, key, [:protocol, :role, :roles, :check]})
  end

  def message({:bad_option, {:role, role}}) do
    "expected :role to be an atom, or a list of atoms, got: #{inspect(role)}"
  end

  def message({:bad_option, {:roles, roles}}) do
    "expected :roles to be a list of {protocol, role}, got: #{inspect(roles)}"
  end

  def message({:bad_option, {:check, level}}) do
    message({:bad_option, :check, level, ":strict, :error, :warn or :off"})
  end

  def message({:bad_option, key, value, expected}) do
    "expected #{inspect(key)} to be #{expected(key, expected)}, got: #{inspect(value)}"
  end

  def message({:not_options, term}), do: "expected options, got: #{inspect(term)}"

  # Erlang has quotes around atoms.
  defp expected(:name, _), do: "an atom, {:local, atom}, {:global, term} or {:via, module, term}"
  defp expected(_key, text), do: String.replace(to_string(text), ~r/'(\w+)'/, ":\\1")

  defp list(known), do: Enum.map_join(known, ", ", &inspect/1)
end
