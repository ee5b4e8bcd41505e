defmodule Mix.Tasks.Compile.MatyC do
  @moduledoc false
  # Runs make in c_src, and puts maty.appup where it belongs, as rebar3 does by itself.
  # It stands here, and not among the sources, because mix knows the tasks of a
  # dependency's mix.exs before it compiles anything.
  use Mix.Task.Compiler

  @impl true
  def run(_args) do
    ebin = Mix.Project.compile_path()
    File.mkdir_p!(ebin)
    File.cp!("ebin/maty.appup", Path.join(ebin, "maty.appup"))

    case make([]) do
      0 -> {:ok, []}
      _ -> {:error, []}
    end
  end

  @impl true
  def clean do
    make(["clean"])
    :ok
  end

  defp make(targets) do
    erlang = [
      {"ERLANG_ROOT_DIR", "#{:code.root_dir()}"},
      {"ERLANG_ERTS_VER", "#{:erlang.system_info(:version)}"}
    ]

    args = ["--no-print-directory", "-C", "c_src" | targets]
    {_, status} = System.cmd("make", args, env: erlang, into: IO.stream(), stderr_to_stdout: true)
    status
  end
end

defmodule Maty.MixProject do
  use Mix.Project

  # The one place for what Erlang's and Elixir's tools both need to know.
  {:ok, [{:application, :maty, app}]} = :file.consult(Path.join(__DIR__, "src/maty.app.src"))
  @app app

  def project do
    [
      app: :maty,
      version: "#{@app[:vsn]}",
      description: "#{@app[:description]}",
      elixir: "~> 1.14",
      compilers: [:maty_c | Mix.compilers()],
      erlc_paths: ["src"],
      erlc_options: [:debug_info],
      elixirc_paths: ["src/elixir"],
      elixirc_options: [warnings_as_errors: System.get_env("WERROR") == "1"],
      test_paths: ["test/elixir"],
      deps: [],
      package: [
        licenses: Enum.map(@app[:licenses], &to_string/1),
        links: %{},
        files:
          ~w(c_src ebin/maty.appup src priv/.gitkeep rebar.config mix.exs .formatter.exs README.md LICENSE)
      ],
      docs: [main: "readme", extras: ["README.md"]]
    ]
  end

  def application do
    Keyword.take(@app, [:mod, :registered, :env])
  end
end
