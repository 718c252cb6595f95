"""Collects what criteria are judged from, with the rows that it was read from."""
