"""The REST door of trading: each view fetches, calls a service or selector, and answers."""
