# mix run examples/shop/shop.exs
#
# A shop has two customers, one after the other, and one bank. Whoever receives a
# message that is one of several has a clause for each; whoever decides just sends.
# The shop's sessions have states of their own, so what they share, its stock, is
# somewhere else.
defmodule Shop.Protocol do
  use Maty.Protocol, file: "shop.scr"
end

defmodule Stock do
  # What the shop has: of each item a price and how many.
  use Agent

  def start_link(items), do: Agent.start_link(fn -> items end, name: __MODULE__)

  def items, do: Agent.get(__MODULE__, &Map.keys/1)
  def price(item), do: Agent.get(__MODULE__, &elem(&1[item], 0))

  # Takes one of each item, or nothing.
  def take(basket) do
    Agent.get_and_update(__MODULE__, fn items ->
      if Enum.all?(basket, &match?(%{^&1 => {_, left}} when left > 0, items)),
        do: {:ok, add(items, basket, -1)},
        else: {:out_of_stock, items}
    end)
  end

  def put_back(basket), do: Agent.update(__MODULE__, &add(&1, basket, 1))

  defp add(items, basket, count) do
    Enum.reduce(basket, items, fn item, items ->
      Map.update!(items, item, fn {price, left} -> {price, left + count} end)
    end)
  end
end

defmodule Shop do
  use Maty.Actor, protocol: Shop.Protocol, role: :Shop

  @impl true
  def init_actor(ap) do
    Maty.register(ap, :Shop)
    {:ok, ap}
  end

  @impl true
  def init_session(_session, ap) do
    # Open for the next customer.
    Maty.register(ap, :Shop)
    {:ok, &welcome/2, [], ap}
  end

  def welcome({:ReqItems}, basket) do
    Maty.send(:Customer, {:Items, Stock.items()})
    {:suspend, &serve/2, basket}
  end

  def serve({:GetItemInfo, item}, _basket) do
    Maty.send(:Customer, {:ItemInfo, item, Stock.price(item)})
    :noreply
  end

  def serve({:Checkout, basket}, _empty) do
    case Stock.take(basket) do
      :ok ->
        Maty.send(:Customer, {:Processing})
        Maty.send(:Payment, {:Buy, basket |> Enum.map(&Stock.price/1) |> Enum.sum()})
        {:suspend, &pay/2, basket}

      :out_of_stock ->
        Maty.send(:Customer, {:OutOfStock})
        :noreply
    end
  end

  def pay({:OK}, _basket) do
    Maty.send(:Customer, {:OK})
    {:suspend, &serve/2, []}
  end

  def pay({:Declined}, basket) do
    Stock.put_back(basket)
    Maty.send(:Customer, {:Declined})
    {:suspend, &serve/2, []}
  end

  # Somebody has gone; what was not paid for is there again.
  @impl true
  def terminate_session(_ending, _session, basket, ap) do
    Stock.put_back(basket)
    {:ok, ap}
  end
end

defmodule Payment do
  # A bank, where each customer has the same to spend.
  use Maty.Actor, protocol: Shop.Protocol, role: :Payment

  @impl true
  def init_actor({ap, balance}) do
    Maty.register(ap, :Payment)
    {:ok, {ap, balance}}
  end

  @impl true
  def init_session(_session, {ap, balance} = actor) do
    Maty.register(ap, :Payment)
    {:ok, &buy/2, balance, actor}
  end

  def buy({:Buy, amount}, balance) when amount <= balance do
    Maty.send(:Shop, {:OK})
    {:suspend, &buy/2, balance - amount}
  end

  def buy({:Buy, _amount}, _balance) do
    Maty.send(:Shop, {:Declined})
    :noreply
  end
end

defmodule Customer do
  # Asks for the price of everything, tries to buy some baskets, and goes.
  use Maty.Actor, protocol: Shop.Protocol, role: :Customer

  @impl true
  def init_actor({ap, baskets}) do
    Maty.register(ap, :Customer)
    {:ok, baskets}
  end

  @impl true
  def init_session(_session, baskets) do
    Maty.send(:Shop, {:ReqItems})
    {:ok, &look/2, baskets, baskets}
  end

  def look({:Items, items}, baskets), do: ask(items, baskets)

  def price({:ItemInfo, item, price}, {items, baskets}) do
    IO.puts("#{item} costs #{price}")
    ask(items, baskets)
  end

  def checkout({:Processing}, baskets), do: {:suspend, &paid/2, baskets}
  def checkout({:OutOfStock}, baskets), do: tell("not there", baskets)

  def paid({:OK}, baskets), do: tell("bought", baskets)
  def paid({:Declined}, baskets), do: tell("too much", baskets)

  defp ask([item | items], baskets) do
    Maty.send(:Shop, {:GetItemInfo, item})
    {:suspend, &price/2, {items, baskets}}
  end

  defp ask([], baskets), do: buy(baskets)

  defp buy([basket | _] = baskets) do
    Maty.send(:Shop, {:Checkout, basket})
    {:suspend, &checkout/2, baskets}
  end

  defp buy([]), do: exit(:normal)

  defp tell(what, [basket | baskets]) do
    IO.puts("#{Enum.join(basket, " and ")}: #{what}")
    buy(baskets)
  end
end

{:ok, _stock} = Stock.start_link(%{"bread" => {3, 2}, "cheese" => {12, 2}, "wine" => {15, 1}})
{:ok, ap} = Maty.AccessPoint.start_link(protocol: Shop.Protocol)
{:ok, _shop} = Shop.start_link(ap)
{:ok, _bank} = Payment.start_link({ap, 20})

for baskets <- [[["bread"], ["cheese", "wine"], ["wine"]], [["wine"], ["cheese"], ["bread"]]] do
  IO.puts("A customer comes.")
  {:ok, customer} = Customer.start_link({ap, baskets})
  monitor = Process.monitor(customer)

  receive do
    {:DOWN, ^monitor, :process, _pid, :normal} -> :ok
  end
end
