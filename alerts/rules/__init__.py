"""The rules: what is measured, when it is bad, and what follows. Pure; see evaluate.py."""
