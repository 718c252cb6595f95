"""The house rules that a machine can check. Each failure says what to do instead.

A new file needs a tag. Add one line to TAGS: the first pattern that fits wins, `*` also crosses
slashes. What a tag may import is said in tests/helpers/layers.py; the exceptions to the other rules
are the tables below, each with its reason.
"""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.layers import PACKAGES, Layers
from tests.helpers.sources import Source, files, ignored_names, python_sources

ROOT = Path(__file__).resolve().parents[1]
SOURCES = python_sources(ROOT)
PRODUCT = {path: source for path, source in SOURCES.items() if not path.startswith("tests/")}

TAGS = (
    ("manage.py", "routing"),
    ("polyarb_site/urls.py", "routing"),
    ("polyarb_site/asgi.py", "routing"),
    ("*/migrations/*", "app"),
    ("*/management/*", "door"),
    ("*/tasks.py", "door"),
    ("*/admin.py", "door"),
    ("*/admin/*", "door"),
    ("*/api.py", "door"),
    ("*/api/*", "door"),
    ("*/consumers.py", "door"),
    ("polyarb_site/dashboard/*", "door"),
    ("polyarb_site/metrics.py", "door"),
    ("polyarb_site/live/routing.py", "routing"),
    ("polyarb_site/*", "floor"),
    ("trading/__init__.py", "pure"),
    ("trading/engine/*", "pure"),
    ("trading/config/*", "pure"),
    ("trading/adapters/*", "edge"),
    ("trading/journal/*", "edge"),
    ("trading/ledger/*", "app"),
    ("trading/runtime/*", "app"),
    ("trading/feeds.py", "app"),
    ("trading/live_ports.py", "app"),
    ("trading/recording_feeds.py", "app"),
    ("trading/replaying/*", "app"),
    ("trading/schedules.py", "app"),
    ("trading/shifts.py", "app"),
    ("trading/wording.py", "app"),
    ("trading/halt_words.py", "app"),
    ("trading/refusal_words.py", "app"),
    ("trading/words.py", "app"),
    ("trading/kill_file.py", "edge"),
    ("trading/execution/*", "pure"),
    ("trading/signing/calls.py", "pure"),
    ("trading/signing/orders.py", "pure"),
    ("trading/signing/*", "edge"),
    ("trading/signer/call_rules.py", "pure"),
    ("trading/signer/policy.py", "pure"),
    ("trading/signer/terms.py", "pure"),
    ("trading/signer/*", "edge"),
    ("trading/wallets/approvals.py", "pure"),
    ("trading/wallets/check.py", "pure"),
    ("trading/wallets/check_line.py", "pure"),
    ("trading/wallets/facts.py", "pure"),
    ("trading/wallets/gas.py", "pure"),
    ("trading/wallets/messages.py", "pure"),
    ("trading/wallets/*", "edge"),
    ("trading/reconciling/compare.py", "pure"),
    ("trading/reconciling/explaining.py", "pure"),
    ("trading/reconciling/orders.py", "pure"),
    ("trading/reconciling/trades.py", "pure"),
    ("trading/reconciling/verdicts.py", "pure"),
    ("trading/reconciling/views.py", "pure"),
    ("trading/reconciling/*", "app"),
    ("trading/simulation/*", "edge"),
    ("trading/simulator/evm/*", "edge"),
    ("trading/simulator/chain.py", "edge"),
    ("trading/simulator/server.py", "edge"),
    ("trading/simulator/keeper.py", "edge"),
    ("trading/simulator/recorded_frames.py", "edge"),
    ("trading/simulator/doors.py", "edge"),
    ("trading/simulator/public_reads.py", "edge"),
    ("trading/simulator/drills.py", "edge"),
    ("trading/simulator/order_door.py", "edge"),
    ("trading/simulator/payloads.py", "edge"),
    ("trading/simulator/relayer.py", "edge"),
    ("trading/simulator/book_calls.py", "edge"),
    ("trading/simulator/signatures.py", "edge"),
    ("trading/simulator/*", "pure"),
    ("trading/ledger.py", "app"),
    ("trading/lease.py", "app"),
    ("trading/runtime.py", "app"),
    ("alerts/rules/*", "pure"),
    ("alerts/senders/*", "edge"),
    ("alerts/observer.py", "app"),
    ("alerts/loops.py", "app"),
    ("alerts/pump.py", "app"),
    ("alerts/watching.py", "app"),
    ("reports/figures/*", "pure"),
    ("reports/render/*", "pure"),
    ("reports/files.py", "edge"),
    ("reports/pdf.py", "edge"),
    ("reports/backups/plan.py", "pure"),
    ("reports/backups/__init__.py", "pure"),
    ("reports/backups/*", "edge"),
    ("checks/criteria/phases.py", "app"),  # reads the file into what the others judge by
    ("checks/criteria/*", "pure"),
    ("checks/evidence/*", "app"),
    ("checks/catalogue/*", "app"),
    ("checks/documents/*", "app"),
    ("checks/loops.py", "app"),
    ("*/models.py", "app"),
    ("*/models/*", "app"),
    ("*/services.py", "app"),
    ("*/services/*", "app"),
    ("*/selectors.py", "app"),
    ("*/selectors/*", "app"),
    ("*/apps.py", "app"),
    ("*/__init__.py", "app"),
)
LAYERS = Layers(TAGS, frozenset(SOURCES))

CLOCK_NAMES = {
    *("time.time", "time.time_ns", "time.monotonic", "time.monotonic_ns"),
    *("time.perf_counter", "time.perf_counter_ns", "time.process_time", "time.process_time_ns"),
    *("time.clock_gettime", "time.clock_gettime_ns", "time.localtime", "time.gmtime"),
    *("datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today"),
    *("datetime.date.today", "django.utils.timezone.now", "django.utils.timezone.localdate"),
    *("django.utils.timezone.localtime",),
}
CLOCK_READERS = {
    "polyarb_site/clock.py": "it is the clock",
}
ENVIRONMENT_NAMES = {"os.environ", "os.environb", "os.getenv", "os.putenv"}
ENVIRONMENT_READERS = {
    "polyarb_site/settings.py": "the one reader of the environment",
    "trading/signer/environment.py": "the settings, which every process loads, must hold no key",
}
BLIND_HANDLERS = {
    "trading/runtime.py": "the loop that must halt in order whatever happened inside it",
    "trading/replaying/session.py": "what the engine crashed on then has to crash it again",
    "checks/services/looking.py": "a check that fails, however, is an answer; the run goes on",
    "trading/simulation/run.py": "whatever our own code raises is what it looks for",
}

LENGTH_MAX = 400
FUNCTION_LENGTH_MAX = 70
COLUMNS_MAX = 100
TOP_LEVEL = {
    *("manage.py", *PACKAGES, "config", "tests", "docs", ".ci", "README.md"),
    *("pyproject.toml", "requirements.lock", "requirements-dev.lock", "Makefile"),
    *("LICENSE", "CHANGELOG.md", ".gitignore", ".gitattributes", ".editorconfig"),
}


def findings(rule, sources=None) -> list[str]:
    """Return what a rule finds in all given files, one line each."""
    return [line for source in (sources or PRODUCT).values() for line in rule(source)]


def imports_rule(source: Source) -> list[str]:
    return [
        f"{source.at(node)}: imports {name}: {problem}"
        for node, name in source.imports()
        if (problem := LAYERS.problem(source.path, name))
    ]


def clock_rule(source: Source) -> list[str]:
    if source.path in CLOCK_READERS:
        return []
    found = [
        f"{source.at(node)}: {name} reads the machine's clock; take a Clock or `now` as an argument"
        for node, name in source.names()
        if name in CLOCK_NAMES
    ]
    hidden = (node for node in source.nodes if isinstance(node, ast.keyword))
    return found + [
        f"{source.at(node)}: {node.arg} reads the machine's clock in secret; store the time given"
        for node in hidden
        if node.arg in ("auto_now", "auto_now_add")
    ]


def environment_rule(source: Source) -> list[str]:
    if source.path in ENVIRONMENT_READERS:
        return []
    # Django's entry points must name the settings before they can be loaded.
    starts = LAYERS.tag(source.path) == "routing"
    names = list(source.names())
    exempt = {
        node.value
        for node, name in names
        if starts and name == "os.environ.setdefault" and isinstance(node, ast.Attribute)
    }
    return [
        f"{source.at(node)}: {name} reads the environment; make it a setting"
        for node, name in names
        if name in ENVIRONMENT_NAMES and node not in exempt
    ]


def pure_rule(source: Source) -> list[str]:
    if LAYERS.tag(source.path) != "pure":
        return []
    asked = {  # `isinstance(value, float)` is how a float is refused
        inner
        for node in source.nodes
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "isinstance"
        for inner in ast.walk(node.args[-1])
    }
    found = [
        f"{source.at(node)}: {name} has no place in pure code; {remedy}"
        for node, name in source.names()
        for names, remedy in (
            (("float", "complex"), "use integers of millionths"),
            (("print", "input", "open"), "return the value"),
        )
        if name in names and node not in asked
    ]
    for node in source.nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            found.append(f"{source.at(node)}: {node.value} is a float; use integers of millionths")
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            found.append(f"{source.at(node)}: / makes a float; use // and name its rounding")
    return found


def blind_rule(source: Source) -> list[str]:
    if source.path in BLIND_HANDLERS or LAYERS.tag(source.path) in ("door", "routing"):
        return []
    return [
        f"{source.at(node)}: catches everything; catch what can happen outside, a bug must crash"
        for node in source.blind_handlers()
    ]


def float_field_rule(source: Source) -> list[str]:
    if LAYERS.tag(source.path) not in ("app", "floor"):
        return []
    return [
        f"{source.at(node)}: {name} stores a float; use BigIntegerField of millionths"
        for node, name in source.names()
        if name.split(".")[-1] == "FloatField"
    ]


def length_rule(source: Source) -> list[str]:
    if "/migrations/" in source.path:
        return []
    lines = len(source.text.splitlines())
    found = [
        f"{source.at(node)}: {name} has {length} lines; keep its branches, move its leaves out"
        for node, name, length in source.functions()
        if length > FUNCTION_LENGTH_MAX
    ]
    if lines > LENGTH_MAX:
        found.append(
            f"{source.path}: {lines} lines; split it by subject, {LENGTH_MAX} is the limit"
        )
    return found


def column_rule(source: Source) -> list[str]:
    if "/migrations/" in source.path:
        return []
    return [
        f"{source.path}:{number}: {len(line)} columns; break the line, {COLUMNS_MAX} is the limit"
        for number, line in enumerate(source.text.splitlines(), 1)
        if len(line) > COLUMNS_MAX
    ]


RULES = (imports_rule, clock_rule, environment_rule, pure_rule, blind_rule, float_field_rule)
UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
MACHINE_PATH = re.compile(r"(?<![\w./:-])/(root|work|home|Users)/")
CLAIM = re.compile(r"(tests/[\w/.-]+\.py)((?:::\w+)*)")


def text_rule(path: str, text: str) -> list[str]:
    """Return what no text file may hold, whatever language it is in."""
    return [
        f"{path}:{number}: {what}"
        for number, line in enumerate(text.splitlines(), 1)
        for pattern, what in (
            (UNFINISHED, "an unfinished mark; do it now, or file an issue and remove the mark"),
            (MACHINE_PATH, "a path of one machine; make it relative, or a setting"),
        )
        if pattern.search(line)
    ]


def broken_claims(text: str, sources: dict[str, Source]) -> list[str]:
    """Return each test that a document names and nobody wrote."""
    return [
        f"{path}{test}: no such test; write it, or claim less"
        for path, test in CLAIM.findall(text)
        if path not in sources or (test and test[2:] not in sources[path].defined())
    ]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_product_keeps_the_rule(rule):
    assert findings(rule) == []


@pytest.mark.parametrize("rule", [length_rule, column_rule], ids=lambda rule: rule.__name__)
def test_product_and_tests_stay_short(rule):
    assert findings(rule, SOURCES) == []


def test_every_product_file_has_a_tag():
    untagged = [path for path in PRODUCT if LAYERS.tag(path) is None]

    assert untagged == [], "add a line for each to TAGS at the top of tests/test_tidy.py"


def test_the_trading_package_is_empty_for_ever():
    text = SOURCES["trading/__init__.py"].text if "trading/__init__.py" in SOURCES else ""

    assert text == "", "empty trading/__init__.py: importing the engine must load nothing else"


def load(modules: list[str], *options: str, then: str = "") -> str:
    """Return what Python complains about when it loads our modules in a fresh process."""
    lines = ["import sys", f"sys.path.insert(0, {str(ROOT)!r})", *(f"import {m}" for m in modules)]
    command = [sys.executable, "-I", *options, "-c", "\n".join([*lines, then])]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr


def modules_of(*paths: str, tag: str = "") -> list[str]:
    """Return the dotted names of the files that exist, by path or by tag."""
    found = [path for path in PRODUCT if path in paths or (tag and LAYERS.tag(path) == tag)]
    return [p.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for p in found]


def test_pure_code_loads_where_nothing_is_installed():
    errors = load(modules_of(tag="pure"), "-S")  # -S: no installed package can be imported

    assert errors == "", "pure code must load with the standard library alone"


def test_the_engine_and_the_signer_do_not_load_django():
    engine = [name for name in modules_of(tag="pure") if name.startswith("trading.engine")]
    check = "sys.exit('django' in sys.modules and 'Django was loaded')"
    signing = [name for name in modules_of(tag="edge") if name.startswith("trading.sign")]

    assert load(engine + signing, then=check) == ""


def test_no_text_file_holds_what_none_may_hold():
    texts = [path for path in files(ROOT) if path.suffix not in (".gz", ".zst", ".png", ".woff2")]
    found = [
        line
        for path in texts
        for line in text_rule(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
    ]

    assert found == []


def test_the_top_level_holds_only_what_belongs_there():
    found = {path.name for path in ROOT.iterdir()} - ignored_names(ROOT)

    assert found <= TOP_LEVEL, f"move {sorted(found - TOP_LEVEL)} into a package, docs/ or config/"


def test_the_documents_name_only_tests_that_exist():
    documents = [
        path for path in (ROOT / "README.md", *ROOT.glob("docs/**/*.md")) if path.is_file()
    ]
    found = [line for path in documents for line in broken_claims(path.read_text(), SOURCES)]

    assert found == []
