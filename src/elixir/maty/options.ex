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

        raise ArgumentError,
              "#{who}: #{problem}: #{inspect(key)}; the options are " <>
                Enum.map_join(known, ", ", &inspect/1)
    end
  end

  # What an Erlang function that takes the options returned. Raises an
  # ArgumentError if it found one of them wrong.
  @spec accepted!(result, String.t()) :: result when result: term()
  def accepted!({:error, {:missing_option, key}}, who) do
    raise ArgumentError, "#{who}: the option #{inspect(key)} is missing"
  end

  def accepted!({:error, {:bad_option, key, value, expected}}, who) do
    raise ArgumentError,
          "#{who}: expected #{inspect(key)} to be #{expected}, got: #{inspect(value)}"
  end

  def accepted!({:error, {:bad_child, child, reason}}, who) do
    raise ArgumentError, "#{who}: #{inspect(child)} is no child: #{inspect(reason)}"
  end

  def accepted!(result, _who), do: result
end
