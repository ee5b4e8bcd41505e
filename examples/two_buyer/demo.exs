# mix run examples/two_buyer/demo.exs
#
# One seller serves two pairs of buyers at the same time; a third pair shows what
# is refused. Ends with exit status 1 if anything is not as it should be.
for file <- ~w(two_buyer printer seller buyers), do: Code.require_file("#{file}.ex", __DIR__)

# Buyers end with their conversation.
Process.flag(:trap_exit, true)

await = fn {:ok, pid} ->
  receive do
    {:EXIT, ^pid, :normal} -> :ok
    {:EXIT, ^pid, reason} -> raise "a buyer ended: " <> Exception.format_exit(reason)
  after
    30_000 -> raise "a conversation does not come to its end: #{inspect(Maty.sessions())}"
  end
end

{:ok, _} = Printer.start_link()
{:ok, ap} = Maty.AccessPoint.start_link(protocol: TwoBuyer)

IO.puts("Two conversations:\n")

# Nothing begins before there is a seller.
buyers = [
  Buyer1.start_link({ap, "Types and Programming Languages"}),
  Buyer2.start_link({ap, 100}),
  Buyer1.start_link({ap, "The Art of Computer Programming"}),
  Buyer2.start_link({ap, 150})
]

{:ok, seller} = Seller.start_link(ap)
Enum.each(buyers, await)

IO.puts("\nOne more, with refusals:\n")

more = [
  CarelessBuyer1.start_link({ap, "Types and Programming Languages"}),
  Buyer2.start_link({ap, 20})
]

Enum.each(more, await)

# The seller hears last.
[] = Maty.sessions(seller)
counters = Maty.counters()
IO.puts("\n#{counters}")

bought = [
  ~S|Buyer1 -> Seller title("Types and Programming Languages")|,
  "Seller -> Buyer1 quote(154)",
  "Buyer1 -> Buyer2 share(77)",
  ~S|Buyer2 -> Seller address("12 Grimmauld Place")|,
  "Seller -> Buyer2 date(~D[2026-12-01])"
]

not_bought = [
  ~S|Buyer1 -> Seller title("The Art of Computer Programming")|,
  "Seller -> Buyer1 quote(398)",
  "Buyer1 -> Buyer2 share(199)",
  "Buyer2 -> Seller quit()"
]

third = Enum.take(bought, 3) ++ ["Buyer2 -> Seller quit()"]

# Which of the first two sessions is the first to speak is not said.
{said, refused} = Printer.heard()
true = Enum.sort(said) == Enum.sort([bought, not_bought, third])
["a wrong label", "a wrong payload", "a wrong moment"] = refused
%{sessions_opened: 3, sessions_closed: 3, sent: 13, received: 13, refused: 3} = counters
