defmodule Buyer1 do
  # Asks for the price of a book, and offers to pay half of it.
  use Maty.Actor, protocol: TwoBuyer, role: :Buyer1

  import Printer, only: [say: 2]

  @impl true
  def init_actor({ap, title}) do
    Maty.register(ap, :Buyer1)
    {:ok, title}
  end

  @impl true
  def init_session(_session, title) do
    say(:Seller, {:title, title})
    {:ok, &quote_handler/2, %{}, title}
  end

  def quote_handler({:quote, price}, state) do
    say(:Buyer2, {:share, div(price, 2)})
    {:done, :normal, state}
  end

  # This buyer wants one book and no other.
  @impl true
  def terminate_session({:done, reason}, _session, _state, title), do: {:stop, reason, title}
  def terminate_session({:failed, cause}, _session, _state, title), do: {:stop, cause, title}
end

defmodule Buyer2 do
  # Buys if its half is within its budget.
  use Maty.Actor, protocol: TwoBuyer, role: :Buyer2

  import Printer, only: [say: 2]

  @impl true
  def init_actor({ap, budget}) do
    Maty.register(ap, :Buyer2)
    {:ok, budget}
  end

  @impl true
  def init_session(_session, budget), do: {:ok, &share_handler/2, budget, budget}

  def share_handler({:share, amount}, budget) when amount <= budget do
    say(:Seller, {:address, "12 Grimmauld Place"})
    {:suspend, &date_handler/2, budget}
  end

  def share_handler({:share, _amount}, budget) do
    say(:Seller, {:quit})
    {:done, :normal, budget}
  end

  def date_handler({:date, _date}, budget), do: {:done, :normal, budget}

  @impl true
  defdelegate terminate_session(ending, session, state, budget), to: Buyer1
end

defmodule CarelessBuyer1 do
  # Tries what the protocol does not allow, then goes on as Buyer1 does.
  use Maty.Actor, protocol: TwoBuyer, role: :Buyer1

  @impl true
  def init_actor({ap, title}) do
    Maty.register(ap, :Buyer1)
    {:ok, title}
  end

  @impl true
  def init_session(session, title) do
    try_to("a wrong label", fn -> Maty.send(:Seller, {:tilte, title}) end)
    try_to("a wrong payload", fn -> Maty.send(:Seller, {:title, 42}) end)
    try_to("a wrong moment", fn -> Maty.send(:Buyer2, {:share, 77}) end)
    Buyer1.init_session(session, title)
  end

  @impl true
  defdelegate terminate_session(ending, session, state, title), to: Buyer1

  defp try_to(what, fun) do
    fun.()
    raise "#{what} is not refused"
  rescue
    error in Maty.ProtocolError -> Printer.refused(what, error)
  end
end
