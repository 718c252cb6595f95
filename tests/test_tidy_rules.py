"""The house rules are rules: each one refuses what it must and lets pass what it must."""

import pytest

from tests import test_tidy as tidy
from tests.helpers.layers import Layers
from tests.helpers.sources import Source, files

PATHS = frozenset(
    {
        "manage.py",
        "polyarb_site/settings.py",
        "polyarb_site/clock.py",
        "polyarb_site/yaml_files.py",
        "polyarb_site/urls.py",
        "polyarb_site/audit/models.py",
        "polyarb_site/audit/admin.py",
        "polyarb_site/dashboard/views.py",
        "trading/__init__.py",
        "trading/engine/__init__.py",
        "trading/engine/units.py",
        "trading/engine/book.py",
        "trading/engine/strategy/pair.py",
        "trading/config/schema.py",
        "trading/adapters/wire.py",
        "trading/simulator/exchange.py",
        "trading/simulator/server.py",
        "trading/models/__init__.py",
        "trading/models/orders.py",
        "trading/services.py",
        "trading/runtime.py",
        "trading/tasks.py",
        "trading/admin/__init__.py",
        "trading/admin/orders.py",
        "trading/admin/sets.py",
        "alerts/rules/rule.py",
        "polyarb_site/formats.py",
        "reports/render/words.py",
        "alerts/models.py",
        "alerts/services.py",
        "alerts/api.py",
        "reports/selectors/days.py",
        "checks/services.py",
        "tests/conftest.py",
    }
)
LAYERS = Layers(tidy.TAGS, PATHS)


@pytest.mark.parametrize(
    ("importer", "name"),
    [
        ("trading/engine/book.py", "dataclasses.dataclass"),
        ("trading/engine/book.py", "trading.engine.units.MICRO"),
        ("trading/engine/strategy/pair.py", "trading.engine.book.Book"),
        ("trading/config/schema.py", "trading.engine.units"),
        ("trading/config/schema.py", "trading.engine.book.Book"),
        ("trading/simulator/exchange.py", "random.Random"),
        ("alerts/rules/rule.py", "trading.engine.units.MICRO"),
        ("reports/render/words.py", "polyarb_site.formats.money"),
        ("trading/adapters/wire.py", "trading.engine.book.Book"),
        ("trading/adapters/wire.py", "msgspec"),
        ("trading/adapters/wire.py", "polyarb_site.clock.Clock"),
        ("trading/simulator/server.py", "trading.simulator.exchange"),
        ("trading/services.py", "trading.models.Order"),
        ("trading/services.py", "polyarb_site.audit.models.AuditEvent"),
        ("trading/runtime.py", "trading.adapters.wire"),
        ("trading/models/orders.py", "django.db.models"),
        ("alerts/services.py", "trading.services.halt"),
        ("checks/services.py", "reports.selectors.days.latest"),
        ("checks/services.py", "trading.selectors.not_written_yet"),
        ("trading/tasks.py", "trading.services.start"),
        ("trading/admin/__init__.py", "trading.admin.orders"),
        ("trading/admin/orders.py", "trading.admin.sets"),
        ("trading/admin/orders.py", "trading.models.Order"),
        ("polyarb_site/dashboard/views.py", "checks.services.latest"),
        ("polyarb_site/urls.py", "alerts.api"),
        ("polyarb_site/yaml_files.py", "yaml"),
        ("manage.py", "polyarb_site.preflight.check_python"),
    ],
)
def test_this_import_is_allowed(importer, name):
    assert LAYERS.problem(importer, name) is None


@pytest.mark.parametrize(
    ("importer", "name", "remedy"),
    [
        ("trading/engine/book.py", "django.db.models", "standard library only"),
        ("trading/engine/book.py", "msgspec", "standard library only"),
        ("trading/engine/book.py", "time", "does not look at the world"),
        ("trading/engine/book.py", "os.environ", "does not look at the world"),
        ("trading/engine/book.py", "logging", "does not look at the world"),
        ("trading/engine/book.py", "random", "does not look at the world"),
        ("trading/engine/book.py", "random.random", "does not look at the world"),
        ("trading/engine/book.py", "trading.config.schema", "its own package"),
        ("trading/engine/book.py", "trading.models.Order", "its own package"),
        ("trading/engine/book.py", "polyarb_site.clock", "its own package"),
        ("alerts/rules/rule.py", "trading.engine.book", "its own package"),
        ("reports/render/words.py", "polyarb_site.clock", "its own package"),
        ("trading/config/schema.py", "polyarb_site.yaml_files", "its own package"),
        ("trading/simulator/exchange.py", "trading.engine.book", "its own package"),
        ("trading/adapters/wire.py", "django.conf.settings", "knows no Django"),
        ("trading/adapters/wire.py", "trading.models.Order", "pure types"),
        ("trading/adapters/wire.py", "alerts.rules", "pure types"),
        ("trading/adapters/wire.py", "polyarb_site.settings", "pure types"),
        ("polyarb_site/yaml_files.py", "trading.services", "knows no app"),
        ("polyarb_site/audit/models.py", "alerts.models", "knows no app"),
        ("trading/services.py", "alerts.services.raise_alert", "lies below"),
        ("trading/runtime.py", "alerts.rules", "lies below"),
        ("alerts/services.py", "reports.selectors.days", "lies below"),
        ("trading/tasks.py", "checks.services", "lies below"),
        ("alerts/services.py", "trading.models.Order", "services and selectors"),
        ("alerts/services.py", "trading.engine.book", "services and selectors"),
        ("alerts/api.py", "trading.runtime", "services and selectors"),
        ("polyarb_site/dashboard/views.py", "alerts.models.Alert", "services and selectors"),
        ("trading/services.py", "trading.tasks.shift", "nothing imports a door"),
        ("trading/tasks.py", "trading.admin.orders", "nothing imports a door"),
        ("polyarb_site/yaml_files.py", "polyarb_site.urls", "nothing imports a door"),
        ("polyarb_site/yaml_files.py", "polyarb_site.audit.admin", "nothing imports a door"),
        ("polyarb_site/urls.py", "trading.models", "routing names doors only"),
        ("trading/services.py", "tests.conftest", "does not import its tests"),
    ],
)
def test_this_import_is_refused_with_its_remedy(importer, name, remedy):
    assert remedy in (LAYERS.problem(importer, name) or "nothing")


@pytest.mark.parametrize(
    ("path", "tag"),
    [
        ("trading/engine/strategy/pair.py", "pure"),
        ("trading/management/commands/replay.py", "door"),
        ("alerts/migrations/0001_initial.py", "app"),
        ("polyarb_site/audit/admin.py", "door"),
        ("polyarb_site/audit/models.py", "floor"),
        ("trading/simulator/settlement.py", "pure"),
        ("trading/simulator/chain.py", "edge"),
        ("trading/helpers.py", None),
    ],
)
def test_a_file_has_the_tag_of_the_first_pattern_that_fits(path, tag):
    assert LAYERS.tag(path) == tag


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("import a.b", ["a.b"]),
        ("import a.b as c", ["a.b"]),
        ("from a import b, c as d", ["a.b", "a.c"]),
        ("from . import x", ["trading.engine.x"]),
        ("from ..models import Order", ["trading.models.Order"]),
        ("def f():\n    import late", ["late"]),
        ("if TYPE_CHECKING:\n    from a import b", ["a.b"]),
    ],
)
def test_every_form_of_import_is_seen(code, names):
    assert [name for _, name in Source("trading/engine/book.py", code).imports()] == names


REFUSED = [
    (tidy.clock_rule, "trading/services.py", "import time\ntime.time_ns()"),
    (tidy.clock_rule, "trading/services.py", "from time import monotonic as m\nm()"),
    (tidy.clock_rule, "trading/services.py", "from datetime import datetime\ndatetime.now(tz)"),
    (tidy.clock_rule, "trading/services.py", "import datetime as dt\ndt.datetime.utcnow()"),
    (tidy.clock_rule, "trading/models.py", "from django.utils import timezone\nf(timezone.now)"),
    (tidy.clock_rule, "trading/models.py", "at = DateTimeField(auto_now_add=True)"),
    (tidy.environment_rule, "trading/services.py", "import os\nos.environ['A']"),
    (tidy.environment_rule, "trading/services.py", "from os import getenv\ngetenv('A')"),
    (tidy.environment_rule, "trading/services.py", "import os\nos.environ.setdefault('A', '')"),
    (tidy.environment_rule, "manage.py", "import os\nos.environ.get('A')"),
    (tidy.pure_rule, "trading/engine/book.py", "price = float(text)"),
    (tidy.pure_rule, "trading/engine/book.py", "def f(price: float) -> int: ..."),
    (tidy.pure_rule, "trading/engine/book.py", "isinstance(float(text), int)"),
    (tidy.pure_rule, "trading/engine/book.py", "half = 0.5"),
    (tidy.pure_rule, "trading/engine/book.py", "half = size / 2"),
    (tidy.pure_rule, "alerts/rules/rule.py", "print(1)"),
    (tidy.blind_rule, "trading/services.py", "try: f()\nexcept Exception: pass"),
    (tidy.blind_rule, "trading/services.py", "try: f()\nexcept: pass"),
    (tidy.blind_rule, "trading/services.py", "try: f()\nexcept (OSError, BaseException): pass"),
    (tidy.blind_rule, "trading/services.py", "with contextlib.suppress(Exception): f()"),
    (tidy.float_field_rule, "trading/models.py", "price = models.FloatField()"),
    (tidy.float_field_rule, "trading/migrations/0001_initial.py", "('p', models.FloatField())"),
    (tidy.length_rule, "tests/test_x.py", "def f():\n" + "    g()\n" * 70),
    (tidy.length_rule, "trading/services.py", "a = 1\n" * 401),
    (tidy.column_rule, "trading/services.py", "a = " + "1" * 97),
]
ALLOWED = [
    (tidy.clock_rule, "polyarb_site/clock.py", "import time\ntime.time_ns()"),
    (tidy.clock_rule, "trading/services.py", "import time\ntime.sleep(1)"),
    (tidy.clock_rule, "trading/services.py", "clock.now()"),
    (tidy.environment_rule, "polyarb_site/settings.py", "import os\nos.environ['A']"),
    (tidy.environment_rule, "manage.py", "import os\nos.environ.setdefault('A', '')"),
    (tidy.pure_rule, "trading/engine/book.py", "half = size // 2"),
    (tidy.pure_rule, "trading/engine/book.py", "if isinstance(value, int | float): refuse()"),
    (tidy.pure_rule, "trading/adapters/wire.py", "seconds = float(text) / 2.5"),
    (tidy.blind_rule, "trading/services.py", "try: f()\nexcept OSError: pass"),
    (tidy.blind_rule, "trading/services.py", "try: f()\nexcept BaseException:\n  g()\n  raise"),
    (tidy.blind_rule, "trading/tasks.py", "try: f()\nexcept Exception: report()"),
    (tidy.float_field_rule, "trading/models.py", "price_micro = models.BigIntegerField()"),
    (tidy.length_rule, "tests/test_x.py", "def f():\n" + "    g()\n" * 69),
    (tidy.length_rule, "trading/services.py", "a = 1\n" * 400),
    (tidy.length_rule, "trading/migrations/0001_initial.py", "a = 1\n" * 401),
    (tidy.column_rule, "trading/services.py", "a = " + "1" * 96),
]


@pytest.mark.parametrize(("rule", "path", "code"), REFUSED)
def test_the_rule_refuses_it_once_and_names_the_place(rule, path, code):
    (found,) = rule(Source(path, code))

    assert found.startswith(f"{path}:")
    assert ";" in found, "the message must hold a remedy"


@pytest.mark.parametrize(("rule", "path", "code"), ALLOWED)
def test_the_rule_lets_it_pass(rule, path, code):
    assert rule(Source(path, code)) == []


class TestTexts:
    @pytest.mark.parametrize("word", ["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"])
    def test_unfinished_marks_are_refused(self, word):
        assert len(tidy.text_rule("docs/a.md", f"fine\n# {word}: later")) == 1

    def test_words_that_only_look_like_marks_are_fine(self):
        assert tidy.text_rule("a.py", "TODOS = 1  # hacker, xxxx, FIXMEUP") == []

    @pytest.mark.parametrize("path", ["/ro" + "ot/x", "'/ho" + "me/me/x'", "(/Us" + "ers/me/x)"])
    def test_paths_of_one_machine_are_refused(self, path):
        assert len(tidy.text_rule("a.py", f"open({path})")) == 1

    def test_routes_and_addresses_are_fine(self):
        assert tidy.text_rule("a.py", "https://host/home/ data/home/x ./Users/x") == []


class TestClaims:
    SOURCES = {
        path: Source(path, code)
        for path, code in (
            (
                "tests/test_a.py",
                "def test_one(): ...\nclass TestB:\n    async def test_two(self): ...",
            ),
        )
    }

    @pytest.mark.parametrize(
        "claim",
        ["test_a.py", "test_a.py::test_one", "test_a.py::TestB", "test_a.py::TestB::test_two"],
    )
    def test_a_test_that_exists_may_be_named(self, claim):
        assert tidy.broken_claims(f"- It works (`tests/{claim}`).", self.SOURCES) == []

    @pytest.mark.parametrize(
        "claim", ["test_b.py", "test_a.py::test_two", "test_a.py::TestB::test_one", "sub/test_a.py"]
    )
    def test_a_test_that_nobody_wrote_may_not(self, claim):
        (found,) = tidy.broken_claims(f"- It works (`tests/{claim}`).", self.SOURCES)

        assert claim in found


def test_ignored_folders_and_links_are_not_read(tmp_path):
    (tmp_path / ".gitignore").write_text("/data/\n__pycache__/\n*.log\n")
    for name in ("data", "__pycache__", ".git", "trading"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.py").write_text("")
    (tmp_path / "trading" / "data").mkdir()
    (tmp_path / "trading" / "data" / "b.py").write_text("")
    (tmp_path / "link.py").symlink_to("trading/a.py")

    found = [path.relative_to(tmp_path).as_posix() for path in files(tmp_path)]

    assert found == [".gitignore", "trading/a.py", "trading/data/b.py"]
