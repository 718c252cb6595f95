"""Who may import whom, by tag. The tags of the files come from the table in tests/test_tidy.py.

[pure] the standard library without the world; [floor] no app; [edge] pure types and a client
library; [app] its own package, the floor, services and selectors of lower apps; [door] the same;
[routing] doors. Nothing else imports a door.
"""

import sys
from dataclasses import dataclass
from fnmatch import fnmatchcase

APPS = ("trading", "alerts", "reports", "checks")  # lowest first
PACKAGES = ("polyarb_site", *APPS)
UNITS = "trading/engine/units.py"  # the one pure file that every package may use
PURE_BELOW = {  # what a pure package may also use: settings are read into the engine's own types
    "trading/config": ("trading/engine",),
    "trading/execution": ("trading/engine",),
    "trading/signing": ("trading/engine",),  # amounts are computed in one place
    "trading/signer": ("trading/signing",),
    "trading/reconciling": ("trading/engine", "trading/execution"),
    # One definition of words, amounts and fees; nothing else of the engine.
    "trading/simulator": tuple(
        f"trading/engine/{name}.py" for name in ("amounts", "codes", "fees", "market")
    ),
}
# The floor that is pure by its own: how numbers are written is said in one place.
PURE_FLOOR = {"reports": ("polyarb_site/formats.py",)}
EDGE_FLOOR = ("polyarb_site/clock.py",)  # the floor that stands without Django
DOOR_FOLDERS = ("admin", "api", "management", "dashboard")

# What the standard library offers for looking at the world.
WORLD = {
    *("asyncio", "ctypes", "ftplib", "glob", "http", "logging", "multiprocessing", "os"),
    *("pathlib", "secrets", "select", "selectors", "shutil", "signal", "smtplib", "socket"),
    *("sqlite3", "ssl", "subprocess", "sys", "tempfile", "threading", "time", "uuid", "warnings"),
}
DJANGO = {"channels", "django", "django_filters", "django_q", "drf_spectacular", "rest_framework"}


@dataclass(frozen=True)
class Layers:
    """The tag of every file, and what follows from it."""

    tags: tuple[tuple[str, str], ...]  # (pattern, tag), the first that fits wins
    paths: frozenset[str]

    def tag(self, path: str) -> str | None:
        """Return the tag of a product file, or None when no pattern names it."""
        return next((tag for pattern, tag in self.tags if fnmatchcase(path, pattern)), None)

    def problem(self, importer: str, name: str) -> str | None:
        """Return why `importer` may not import the dotted name, or None when it may."""
        tag, target = self.tag(importer), self.file(name)
        if tag is None:
            return None  # a test of its own reports it
        if target is None:
            return outside_problem(tag, name)
        if target.startswith("tests/"):
            return "the product does not import its tests; move what both need into the product"
        own_package = target.endswith("/__init__.py") and importer.startswith(target[:-11])
        if target == UNITS or own_package:
            return None
        other = self.tag(target)
        if other in ("door", "routing") and tag != "routing":
            if tag == "door" and door(importer) == door(target):
                return None
            return "nothing imports a door but routing; move the rule into a service"
        return _RULES[tag](importer, target, other)

    def file(self, name: str) -> str | None:
        """Return the file of ours that a dotted name loads, or None when the name is not ours."""
        parts = name.split(".")
        if parts[0] not in (*PACKAGES, "tests"):
            return None
        # A top-level package is empty: what is imported from it is a module, written or not yet.
        for length in range(len(parts), min(len(parts), 2) - 1, -1):
            base = "/".join(parts[:length])
            for candidate in (f"{base}.py", f"{base}/__init__.py"):
                if candidate in self.paths:
                    return candidate
        return "/".join([*parts, "__init__"][:2]) + ".py"  # judged by its name


def app(path: str) -> str:
    """Return the top-level package of a file."""
    return path.split("/", maxsplit=1)[0]


def home(path: str) -> str:
    """Return the package that a pure file belongs to: trading/engine, alerts."""
    parts = path.split("/")
    return "/".join(parts[:2]) if parts[0] == "trading" and len(parts) > 2 else parts[0]


def door(path: str) -> str:
    """Return the door that a file is part of: trading/admin for trading/admin/orders.py."""
    parts = path.removesuffix(".py").split("/")
    length = next((i + 1 for i, part in enumerate(parts) if part in DOOR_FOLDERS), len(parts))
    return "/".join(parts[:length])


def outside_problem(tag: str, name: str) -> str | None:
    """Return why a file with this tag may not import something that is not ours."""
    root = name.split(".", maxsplit=1)[0]
    if tag == "pure":
        if root not in sys.stdlib_module_names:
            return "pure code uses the standard library only; move this to an [edge] file"
        if root in WORLD or (root == "random" and name != "random.Random"):
            return "pure code does not look at the world; take the value as an argument"
    if tag == "edge" and root in DJANGO:
        return "an edge knows no Django; let a service pass in what it needs"
    return None


def _routing(_importer: str, _target: str, other: str | None) -> str | None:
    return None if other in ("routing", "door", "floor") else "routing names doors only"


def _pure(importer: str, target: str, other: str | None) -> str | None:
    here, there = home(importer), home(target)
    if target in PURE_FLOOR.get(here, ()):
        return None
    if other == "pure" and (there == here or {there, target} & set(PURE_BELOW.get(here, ()))):
        return None
    return "pure code imports its own package and trading.engine.units only"


def _edge(importer: str, target: str, other: str | None) -> str | None:
    if target in EDGE_FLOOR or (app(importer) == app(target) and other in ("pure", "edge")):
        return None
    return "an edge imports pure types and edges of its own app, and the clock"


def _floor(_importer: str, _target: str, other: str | None) -> str | None:
    return None if other == "floor" else "the floor knows no app; move this up, or take the value"


def _app(importer: str, target: str, other: str | None) -> str | None:
    above, below = app(importer), app(target)
    if other == "floor" or above == below:
        return None
    if above in APPS and APPS.index(below) > APPS.index(above):
        order = " < ".join(APPS)
        return f"{above} lies below {below} ({order}); turn the call round, or take a function"
    if target.split("/")[1].removesuffix(".py") not in ("services", "selectors"):
        return f"of another app only services and selectors are imported; offer it in {below}"
    return None


_RULES = {
    "routing": _routing,
    "pure": _pure,
    "edge": _edge,
    "floor": _floor,
    "app": _app,
    "door": _app,
}
