defmodule Seller do
  use Maty.Actor, protocol: TwoBuyer, role: :Seller

  import Printer, only: [say: 2]

  @prices %{"Types and Programming Languages" => 154, "The Art of Computer Programming" => 398}

  @impl true
  def init_actor(ap) do
    Maty.register(ap, :Seller)
    {:ok, %{ap: ap}}
  end

  @impl true
  def init_session(_session, actor) do
    # Stays open for the next buyers.
    Maty.register(actor.ap, :Seller)
    {:ok, &title_handler/2, %{}, actor}
  end

  def title_handler({:title, title}, state) do
    say(:Buyer1, {:quote, Map.fetch!(@prices, title)})
    {:suspend, &decision_handler/2, state}
  end

  def decision_handler({:address, _address}, state) do
    say(:Buyer2, {:date, ~D[2026-12-01]})
    {:done, :normal, state}
  end

  def decision_handler({:quit}, state), do: {:done, :normal, state}
end
