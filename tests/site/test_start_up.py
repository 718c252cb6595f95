"""What a process loads when it starts: what it needs, and no page when it shows none."""

import subprocess
import sys

import pytest
from django.core.management import get_commands
from django.utils.module_loading import import_string

from polyarb_site import measured
from polyarb_site.live import parts

LOADED = """
import sys
{start}
found = sorted(name for name in sys.modules if name.endswith(".admin") or ".admin." in name)
print(*[name for name in found if name.split(".")[0] in {ours}])
print(*[name for name in ("eth_abi", "fpdf", "drf_spectacular.plumbing") if name in sys.modules])
"""
OURS = ("trading", "alerts", "reports", "checks")
SET_UP = "import os, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'polyarb_site.settings'; "


def loaded(start):
    program = LOADED.format(start=start, ours=OURS)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout


@pytest.mark.slow
class TestLoading:
    def test_django_starts_without_pages_chain_and_documents(self):
        assert loaded(SET_UP + "django.setup()").split() == []

    def test_the_engine_is_loaded_without_pages(self):
        start = SET_UP + "django.setup(); import trading.tasks"

        assert loaded(start).splitlines()[0] == ""

    @pytest.mark.parametrize("app", OURS)
    def test_the_pages_of_an_app_may_be_loaded_before_all_others(self, app):
        loaded(SET_UP + f"django.setup(); import {app}.admin, polyarb_site.urls")

    def test_the_web_has_every_page_before_the_first_request(self):
        pages = loaded("import polyarb_site.asgi").splitlines()[0].split()

        assert {"trading.admin", "reports.admin", "checks.admin"} <= set(pages)


@pytest.mark.parametrize("path", [*parts._READERS.values(), *measured._MEASURES.values()])
def test_what_is_registered_by_its_path_is_there(path):
    assert callable(import_string(path))


FIRST = """
import importlib, os, pathlib, sys, traceback
{set_up}django.setup()
for name in sys.argv[1:]:
    if (child := os.fork()) == 0:
        try:
            importlib.import_module(name)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        print(name)
"""


@pytest.mark.slow
def test_each_program_can_be_the_first_that_is_loaded():
    """No circle of imports hides behind what another module happened to load before."""
    programs = [
        *(f"{app}.tasks" for app in OURS),
        *(
            f"{app}.management.commands.{name}"
            for name, app in get_commands().items()
            if app in (*OURS, "polyarb_site")
        ),
    ]
    done = subprocess.run(
        [sys.executable, "-c", FIRST.format(set_up=SET_UP), *programs],
        capture_output=True,
        text=True,
        check=True,
        timeout=200,
    )
    assert len(programs) > 40
    assert done.stdout == "", done.stderr
