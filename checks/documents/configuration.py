"""docs/CONFIGURATION.md: every key of a profile, from the schema that reads them."""

from collections.abc import Iterable

from checks.documents.markdown import code, joined, table
from trading.selectors.configuration import KeyFacts

INTRODUCTION = (
    "# Configuration reference",
    "",
    "Every key that `config/config.yaml` and the profiles in `config/profiles/` may hold. The base",
    "names all of them; a profile overrides what is its own. A file is imported as a revision and",
    "not read again while the engine runs; revisions are made, compared, applied and rolled back",
    "on the page *Profiles*, or through `/api/profiles`.",
)
WRITING = (
    "## How values are written",
    "",
    'Amounts, ratios, factors and seconds are decimal text in quotes, such as `"0.015"`; whole',
    "numbers, milliseconds, `true` and `false` stand bare. Nothing is rounded: a value with more",
    "decimals than its unit has is refused. An unknown key, a value out of its range and one that",
    "is no number are refused by name, all of them at once, and nothing is stored.",
    "",
    "A ceiling is the most that a key may be in a phase that trades with real money. It binds",
    "whatever a profile says: a revision above it cannot be applied in that phase, and the engine",
    "holds the ceiling of TRADE_SIZE by itself. Phase 0 is paper and has none; play money is bound",
    "as phase 3 is.",
)
END = (
    "This text is made from the schema itself by `manage.py write_documents`. Change",
    "`trading/config/keys.py`, not this file.",
)
LIVE_PHASES = (1, 2, 3)


def render_configuration(keys: Iterable[KeyFacts]) -> str:
    """Return the document."""
    known = list(keys)
    bound = [key for key in known if key.ceilings]
    return joined(
        INTRODUCTION,
        WRITING,
        (f"## The {len(known)} keys",),
        table(
            ("key", "what it is for", "type", "unit", "range", "default"),
            (
                (
                    code(key.name),
                    key.help,
                    key.type,
                    key.unit,
                    _range(key),
                    code(key.default),
                )
                for key in known
            ),
        ),
        ("## Ceilings by phase",),
        table(
            ("key", "unit", *(f"phase {phase}" for phase in LIVE_PHASES)),
            (
                (
                    code(key.name),
                    key.unit,
                    *(code(key.ceilings.get(phase, "")) for phase in LIVE_PHASES),
                )
                for key in bound
            ),
        ),
        END,
    )


def _range(key: KeyFacts) -> str:
    if key.words:
        return " or ".join(code(word) for word in key.words)
    return f"{code(key.lowest)} to {code(key.highest)}"
