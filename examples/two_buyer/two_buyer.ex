defmodule TwoBuyer do
  use Maty.Protocol, file: "two_buyer.scr"
end
