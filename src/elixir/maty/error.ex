defmodule Maty.Error do
  @moduledoc """
  Anything that went wrong with Maty and is not a message against the protocol.

  `:reason` is what the Erlang function returned: a protocol that is not
  accepted, a file that is not there, an unknown role. `Exception.message/1` is
  its text; for a protocol it is all that the checker found, each with its place.

      iex> {:error, error} = Maty.Protocol.from_file("nowhere.scr")
      iex> Exception.message(error)
      "nowhere.scr: no such file or directory"
  """

  @type t :: %__MODULE__{reason: term()}

  defexception [:reason]

  @impl true
  def exception(reason), do: %__MODULE__{reason: reason}

  @impl true
  def message(%__MODULE__{reason: reason}), do: text(reason)

  defp text({:unknown_role, role, roles}) do
    "there is no role #{inspect(role)} at this access point; " <>
      "its protocol has #{Enum.map_join(roles, ", ", &inspect/1)}"
  end

  defp text({:no_access_point, name}) do
    "there is no access point #{inspect(name)}; it is started before the actors that register there"
  end

  defp text({:image_not_loaded, name}) do
    "the protocol of the access point #{inspect(name)} of another node cannot be used on this one"
  end

  defp text(:not_an_actor), do: "only an actor can register: a process of Maty.Actor"

  defp text({:not_held, name, []}) do
    "no session is held by the name #{inspect(name)}, nor by any other"
  end

  defp text({:not_held, name, held}) do
    "no session is held by the name #{inspect(name)}; held are #{inspect(held)}"
  end

  defp text({:not_a_session, term}) do
    "#{inspect(term)} is not a session, as init_session/2 is given one"
  end

  defp text({:not_received, message}) do
    "#{inspect(message)} is not the message that the handler was called with"
  end

  defp text({:already_started, pid}) do
    "the name is taken by #{inspect(pid)}"
  end

  defp text({:not_a_protocol, term}) do
    "#{inspect(term)} is no protocol; expected {:file, path}, {:file, path, name}, " <>
      "{:string, text}, {:string, text, name}, a module with \"use Maty.Protocol\", " <>
      "or a Maty.Protocol"
  end

  defp text({:bad_option, _} = reason), do: Maty.Options.message(reason)

  defp text({:no_beam, "FOR1" <> _}), do: "these bytes are no compiled module"
  defp text({:no_beam, path}), do: "#{path}: no compiled module"

  defp text({:no_debug_info, _} = reason) do
    reason |> :maty_check.format_error() |> IO.chardata_to_string()
  end

  defp text({:no_actor, name}), do: "#{inspect(name)} is not an actor"

  defp text(reason), do: reason |> :maty_protocol.format_error() |> IO.chardata_to_string()

  defimpl Inspect do
    def inspect(error, _options) do
      [line | _] = error |> Exception.message() |> String.split("\n", parts: 2)
      "#Maty.Error<#{line}>"
    end
  end
end
