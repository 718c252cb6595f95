"""Runs a command of the portal and kills itself, with no chance to tidy up, at a named point.

    python -m tests.reports.dying MODULE:FUNCTION before|after NUMBER COMMAND ...

NUMBER says at which call of that function.
"""

import importlib
import os
import signal
import sys
from typing import Any


def arm(point: str, when: str, number: int) -> None:
    """Exchange the function for one that kills this process."""
    module_name, _, name = point.partition(":")
    module: Any = importlib.import_module(module_name)
    plain = getattr(module, name)
    calls = [0]

    def armed(*args: Any, **options: Any) -> Any:
        calls[0] += 1
        if calls[0] == number and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = plain(*args, **options)
        if calls[0] == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(module, name, armed)


def main(words: list[str]) -> None:
    """Arm it, run the command."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "polyarb_site.settings")
    import django
    from django.core.management import execute_from_command_line

    django.setup()
    arm(words[0], words[1], int(words[2]))
    execute_from_command_line(["manage.py", *words[3:]])


if __name__ == "__main__":
    main(sys.argv[1:])
