"""Reads about checks, criteria, promotions and rollbacks that have two callers."""
