"""Ledger == venue == chain, at start and every minute; else trading halts."""
