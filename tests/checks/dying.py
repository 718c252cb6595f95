"""Runs a command of the portal and kills itself, with no chance to tidy up, at a named point.

python -m tests.checks.dying MODULE:FUNCTION before|after NUMBER COMMAND ...
"""

import os
import sys


def main(words):
    """Arm the point, also where a table holds the function, and run the command."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "polyarb_site.settings")
    import django
    from django.core.management import execute_from_command_line

    django.setup()
    from checks.services import rollback_steps
    from checks.services.rollback_steps import Look
    from tests.reports.dying import arm

    point, when, number = words[:3]
    before = getattr(rollback_steps, point.partition(":")[2], None)
    arm(point, when, int(number))
    looks = dict(rollback_steps.LOOKS)
    for name, look in looks.items():
        if look.do is before:
            armed = getattr(rollback_steps, point.partition(":")[2])
            looks[name] = Look(do=armed, bound=look.bound)
    rollback_steps.LOOKS = looks
    from checks.services import carrying

    carrying.LOOKS = looks
    execute_from_command_line(["manage.py", *words[3:]])


if __name__ == "__main__":
    main(sys.argv[1:])
