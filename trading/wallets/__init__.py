"""The wallet on the chain: what it holds and allows, and the transactions that it makes."""
