"""The process that holds the key: what it signs, for whom, and how much of it."""
