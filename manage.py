#!/usr/bin/env python3
"""The portal's command line: `python manage.py help` lists what it can do."""

import os
import sys

from polyarb_site.preflight import check_python


def main() -> None:
    """Run one command. Exits with a sentence when this Python cannot run any."""
    for problem in check_python():
        sys.exit(f"{problem.message}; {problem.remedy}")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "polyarb_site.settings")
    try:
        from django.core.management import execute_from_command_line  # noqa: PLC0415 - see below
    except ImportError as error:
        # The likeliest first mistake is to start with the system's Python.
        sys.exit(f"{error}; make install, then .venv/bin/python manage.py ...")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
