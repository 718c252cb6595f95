"""What every REST door stands on: one error shape, strict input, keyset pages, tokens, limits."""
