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
end
