"""A day's totals from plain numbers: no database, no clock, no float."""
