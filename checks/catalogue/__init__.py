"""The checks of the catalogue: one file per category, one function per check."""
