"""Running management commands in this process."""

from io import StringIO

from django.core.management import CommandError, call_command


def run_command(name, *arguments):
    """Run a command in this process. Return its status, what it printed, and what it complained."""
    out, err = StringIO(), StringIO()
    try:
        call_command(name, *arguments, stdout=out, stderr=err)
    except CommandError as error:
        return error.returncode, out.getvalue(), err.getvalue() + str(error)
    return 0, out.getvalue(), err.getvalue()
