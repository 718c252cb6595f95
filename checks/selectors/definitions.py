"""The phases as config/phases.yaml says them on this machine now."""

import hashlib
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from checks.criteria.definitions import PhaseDefinition
from checks.criteria.phases import load_phases
from polyarb_site.yaml_files import ConfigError
from trading.services import Invalid


def phases() -> tuple[PhaseDefinition, ...]:
    """Return the phases in their order. Raises Invalid, which names file and key."""
    path = settings.CONFIG_DIR / "phases.yaml"
    try:
        return _loaded(path, hashlib.sha256(path.read_bytes()).hexdigest())
    except OSError as error:
        raise Invalid(
            "PHASES_UNREADABLE", f"{path.name} cannot be read", "check its name and mode"
        ) from error
    except ConfigError as error:
        raise Invalid("PHASES_INVALID", str(error), "correct the file", (str(error),)) from error


@lru_cache(maxsize=4)
def _loaded(path: Path, _sha256: str) -> tuple[PhaseDefinition, ...]:
    """Return the phases of a file; read again when its content is another."""
    return load_phases(path)
