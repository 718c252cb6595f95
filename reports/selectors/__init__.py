"""Reads of reports that more than one door shows."""
