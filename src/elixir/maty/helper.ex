defmodule Maty.Helper do
  @moduledoc """
  Marks a module whose functions send in the session of the handler that calls them.

      defmodule Answers do
        use Maty.Helper

        def refuse(to, reason), do: Maty.send(to, {:refused, reason})
      end

  It changes nothing of the module. A handler that is checked when it is compiled (see
  `Maty.Handlers`) needs the code of what it calls, and the compiler keeps none while it
  runs: the mark keeps it.
  """

  @doc false
  defmacro __using__([]) do
    quote do
      Module.register_attribute(__MODULE__, :maty_session, persist: true)
      @maty_session true
      @after_compile Maty.Helper
    end
  end

  @doc false
  def __after_compile__(env, bytecode), do: :maty_code.keep(env.module, bytecode)
end
