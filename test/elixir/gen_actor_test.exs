defmodule Mix.Tasks.Maty.Gen.ActorTest do
  # What mix maty.gen.actor writes compiles, is right to the checker, and passes the test
  # that is written with it.
  use ExUnit.Case, async: true

  @moduletag :tmp_dir

  # What the task prints.
  defp generate(arguments) do
    ExUnit.CaptureIO.capture_io(fn -> Mix.Tasks.Maty.Gen.Actor.run(arguments) end)
  end

  defp refused(arguments) do
    assert_raise(Mix.Error, fn -> Mix.Tasks.Maty.Gen.Actor.run(arguments) end).message
  end

  test "an actor and its test", %{tmp_dir: dir} do
    path = Path.join(dir, "shop/buyer.ex")
    scr = "examples/two_buyer/two_buyer.scr"
    options = ["--module", "Shop.Buyer", "--path", path]

    assert generate([scr, "TwoBuyer", "Buyer2", "--test" | options]) =~ "creating"

    depth = dir |> Path.relative_to_cwd() |> Path.split() |> length()
    beside = String.duplicate("../", depth + 1) <> scr

    assert File.read!(path) =~ """
           defmodule Shop.Buyer do
             # Plays Buyer2 in the protocol TwoBuyer of #{scr}.
             use Maty.Actor,
               protocol: {:file, "#{beside}", :TwoBuyer},
               role: :Buyer2
           """

    assert File.read!(Path.join(dir, "shop/buyer_test.exs")) == """
           defmodule Shop.BuyerTest do
             use ExUnit.Case, async: true
             import Maty.Test

             test "plays Buyer2 of TwoBuyer" do
               assert_plays(Shop.Buyer,
                 protocol: {:file, "examples/two_buyer/two_buyer.scr", :TwoBuyer},
                 role: :Buyer2
               )
             end
           end
           """
  end

  test "an actor that is changed is checked", %{tmp_dir: dir} do
    path = Path.join(dir, "changed_buyer.ex")
    scr = "examples/two_buyer/two_buyer.scr"
    generate([scr, "TwoBuyer", "Buyer1", "--module", "ChangedBuyer", "--path", path])

    changed =
      path
      |> File.read!()
      |> String.replace("{:share, 0}", "{:share, nil}")
      |> String.replace("  # For one session", "  @compile :debug_info\n  # For one session")

    assert_raise CompileError, ~r/\[bad-payload\] Buyer1 sends share/, fn ->
      Code.compile_string(changed, path)
    end
  end

  test "what is wrong is named" do
    scr = "examples/two_buyer/two_buyer.scr"
    assert refused([]) =~ "expected a file, a protocol and a role\nmix maty.gen.actor FILE"

    assert refused([scr, "TwoBuyer", "Buyer3"]) ==
             "TwoBuyer has no role Buyer3; it has Buyer1, Buyer2, Seller"

    assert refused([scr, "Three", "Buyer1"]) =~ "has no protocol Three; it has TwoBuyer"
    assert refused(["none.scr", "TwoBuyer", "Buyer1"]) =~ "none.scr"

    assert refused([scr, "TwoBuyer", "Buyer1", "--module", "shop"]) ==
             "shop is no name of a module"

    assert refused([scr, "TwoBuyer", "Buyer1", "--modul", "Shop"]) =~ "--modul : Unknown option"
  end

  # A role that only sends, for ever, would do so.
  defp waits_or_ends?(protocol, role) do
    Enum.any?(
      :maty_protocol.machine(Maty.Protocol.plain(protocol), role),
      fn {phase, _} -> phase != :send end
    )
  end

  # In a VM of their own, as ExUnit has begun here.
  test "every role of every protocol", %{tmp_dir: dir} do
    for path <- Path.wildcard("test/protocols/*.scr"),
        {:ok, %{protocols: protocols}} = Maty.Protocol.check_file(path),
        protocol <- protocols,
        role <- Maty.Protocol.roles(protocol),
        waits_or_ends?(protocol, role) do
      name = Maty.Protocol.name(protocol)
      module = "Maty.Generated.#{name}.#{Macro.camelize("#{role}")}"
      file = Path.join(dir, Macro.underscore(module) <> ".ex")
      generate([path, "#{name}", "#{role}", "--module", module, "--path", file, "--test"])
    end

    script = """
    ExUnit.start(colors: [enabled: false])
    files = Path.wildcard("#{dir}/**/*.ex")
    {:ok, _, []} = Kernel.ParallelCompiler.compile(files)
    for file <- Path.wildcard("#{dir}/**/*_test.exs"), do: Code.require_file(file)
    """

    {output, status} =
      System.cmd("mix", ["run", "--no-compile", "--no-deps-check", "-e", script],
        stderr_to_stdout: true,
        env: [{"MIX_ENV", "test"}]
      )

    assert {status, output} == {0, output}
    assert output =~ ~r/^\d+ tests, 0 failures$/m
  end
end
