"""Backups: when one is due, and how one is taken, checked and put back. No Django in here."""
