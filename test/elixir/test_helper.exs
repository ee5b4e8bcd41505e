# Mix stops it, since Maty itself does without.
{:ok, _} = Application.ensure_all_started(:logger)
Logger.configure_backend(:console, format: "$message\n", colors: [enabled: false])

defmodule Maty.Scripted do
  # An actor that does what a test tells it to: it is started with an access
  # point, a role, and a function that is its init_session/1.
  use Maty.Actor

  @impl true
  def init_actor({ap, role, begin}) do
    Maty.register(ap, role)
    {:ok, begin}
  end

  @impl true
  def init_session(session, begin) do
    case begin.(session) do
      {:suspend, handler, state} -> {:ok, handler, state, begin}
      {:done, reason} -> {:done, reason, begin}
    end
  end
end

Code.require_file("support/handler_case.exs", __DIR__)

# How long a message that has to come may take; none is waited for that should not.
ExUnit.start(assert_receive_timeout: 30_000, timeout: 300_000)
