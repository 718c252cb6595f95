"""What the runbook and the documents name before it is there. Empty when everything is."""

# Commands of manage.py by name, addresses below /api/ by their beginning, and modules.
NOT_YET: tuple[str, ...] = ()
NOT_YET_ADDRESSES = tuple(name for name in NOT_YET if name.startswith("/"))
NOT_YET_MODULES = tuple(name for name in NOT_YET if "." in name)
NOT_YET_COMMANDS = tuple(name for name in NOT_YET if "/" not in name and "." not in name)
