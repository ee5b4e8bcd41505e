# What checking the handlers of a module adds to compiling it.
#
# The examples are compiled with the check and with "check: :off", by turns, and so is a
# module of 1,000 lines that is made up: a role that answers a hundred questions, each in
# a clause that branches and calls functions of its own.

Code.require_file("support/bench.ex", __DIR__)

defmodule HandlersBench do
  @rounds 15

  # The medians of some functions in milliseconds, which take turns.
  def medians(functions) do
    for _ <- 0..@rounds do
      for fun <- functions do
        :erlang.garbage_collect()
        {time, _} = :timer.tc(fun)
        time / 1000
      end
    end
    |> tl()
    |> Enum.zip_with(&Bench.median/1)
  end

  # Some texts with the files they are of, checked and not.
  def compile(texts, check?) do
    texts =
      for {text, file} <- texts do
        {if(check?,
           do: text,
           else: String.replace(text, "use Maty.Actor,", "use Maty.Actor, check: :off,")
         ), file}
      end

    fn -> for {text, file} <- texts, do: Code.compile_string(text, file) end
  end

  def examples do
    two_buyer =
      for name <- ~w(two_buyer printer seller buyers) do
        file = "examples/two_buyer/#{name}.ex"
        {File.read!(file), file}
      end

    scripts =
      for name <- ~w(hello stash_queue shop lockable_id_server dining sieve fib chat) do
        file = "examples/#{name}/#{name}.exs"
        # Without what it does when it is run.
        [modules | _] = file |> File.read!() |> String.split("\n{:ok, ")
        {name, [{modules, file}]}
      end

    scripts ++
      [
        {"two_buyer", two_buyer},
        {"all of them", two_buyer ++ Enum.flat_map(scripts, &elem(&1, 1))}
      ]
  end

  def protocol(questions) do
    branches =
      for i <- 1..questions do
        "question#{i}(integer) from Asker to Teller; answer#{i}(integer) from Teller to Asker; continue L;"
      end

    """
    defmodule HandlersBench.Large do
      use Maty.Protocol, string: \"\"\"
      protocol Large(role Asker, role Teller) {
        rec L { choice at Asker { #{Enum.join(branches, " } or { ")} } or { stop() from Asker to Teller; } }
      }
      \"\"\"
    end
    """
  end

  # Ten lines for each question.
  def teller(questions) do
    clauses =
      for i <- 1..questions do
        """
          def ask({:question#{i}, n}, state) when n > 0 do
            next =
              case Map.get(state, :last) do
                nil -> double#{i}(n)
                last -> double#{i}(last)
              end
            Maty.send(:Asker, {:answer#{i}, next})
            {:suspend, &ask/2, Map.put(state, :last, next)}
          end

          def ask({:question#{i}, n}, state) do
            Maty.send(:Asker, {:answer#{i}, n})
            {:suspend, &ask/2, state}
          end

        """
      end

    helpers =
      for i <- 1..questions,
          do: "  defp double#{i}(n), do: if(rem(n, 2) == 0, do: n, else: 2 * n)\n"

    """
    defmodule HandlersBench.Teller do
      use Maty.Actor, protocol: HandlersBench.Large, role: :Teller
      def init_actor(ap), do: {:ok, ap}
      def init_session(_session, ap), do: {:ok, &ask/2, %{}, ap}
      def ask({:stop}, state), do: {:done, :normal, state}
    #{clauses}
    #{helpers}
    end
    """
  end
end

alias HandlersBench, as: B
Code.put_compiler_option(:ignore_module_conflict, true)
Code.put_compiler_option(:debug_info, true)
Bench.header("Handlers, checked when they are compiled")

for {name, texts} <- B.examples() do
  [on, off] = B.medians([B.compile(texts, true), B.compile(texts, false)])
  Bench.ratio("compiling #{name} with the check", on, "ms", {"without", off}, 1.2)
end

questions = 65
Code.compile_string(B.protocol(questions))
text = B.teller(questions)
large = [{text, "bench.ex"}]
[on, off] = B.medians([B.compile(large, true), B.compile(large, false)])
lines = length(String.split(text, "\n"))
Bench.ratio("compiling a module of #{lines} lines with it", on, "ms", {"without", off}, 1.2)
[{_, beam}] = Code.compile_string(text)
{:ok, code} = :maty_code.from_beam(beam)
options = %{roles: [{HandlersBench.Large, :Teller}], check: :error}

[whole, reading] =
  B.medians([fn -> :maty_handlers.check(code, options) end, fn -> :maty_code.from_beam(beam) end])

Bench.value("  the check by itself", whole, "ms", 50)
Bench.ratio("  reading its code", reading, "ms", {"the check", whole}, nil)
