"""No private key lies where it could be read, copied, or sent along."""

from typing import Any

from django.conf import settings

from checks.catalogue.base import (
    Category,
    Check,
    Priority,
    Scene,
    Seen,
    everywhere,
    failed,
    passed,
    unknown,
)
from polyarb_site.secret_scan import Scan
from polyarb_site.yaml_files import ConfigError, read_yaml
from trading.services.own_keys import opens_own_wallet

TIME_MS = 6_500
LOOK_MS = 5_500  # the rest is for saying what was not looked at
# Of the data directory: the keystore and what it needs are where they belong, the others hold no
# text of ours.
DATA_LEFT_OUT = ("keys", "signer", "journal", "backups", "static", "run", "simulator")
INVENTED = ("tests/",)  # keys of tests are invented; one of ours would be found there too


def look(scene: Scene) -> Seen:
    """Scan the repository tree, the data directory with its logs, and the newest rows."""
    ends_ns = scene.clock.monotonic_ns() + LOOK_MS * 1_000_000
    opens = opens_own_wallet()
    scan = Scan(is_over=lambda: scene.clock.monotonic_ns() > ends_ns, opens=opens)
    for path in sorted(settings.CONFIG_DIR.rglob("*.yaml")):
        try:
            scan.values(read_yaml(path), path.name)
        except ConfigError:
            continue  # it is looked at as text below, and another check says that it is broken
    scan.tables()
    data = settings.DATA_DIR
    scan.folder(data, leave_out=[data / name for name in DATA_LEFT_OUT])
    scan.folder(settings.BASE_DIR, leave_out=[data], quiet=INVENTED)
    if not settings.CONFIG_DIR.is_relative_to(settings.BASE_DIR):
        scan.folder(settings.CONFIG_DIR)
    seen: dict[str, Any] = {
        "files": scan.files,
        "rows": scan.rows,
        "compared_with_our_wallet": opens is not None,
    }
    if scan.found:
        first = scan.found[0]
        return failed(f"{len(scan.found)} found, first {first}", places=scan.found, **seen)
    if scan.left_out:
        return unknown(
            f"nothing was found, but the time was over before {scan.left_out[0]} was looked at",
            left_out=scan.left_out[:20],
            **seen,
        )
    return passed(
        f"none in {scan.files:,} files and {scan.rows:,} newest rows of the database", **seen
    )


CHECKS: tuple[Check, ...] = (
    Check(
        id="security.no_private_key",
        category=Category.SECURITY,
        title="No private key lies in config, database, repository tree or logs",
        needed="no private key and no seed phrase outside the signer's keystore",
        remedy=(
            "Take the key out of what is named, move the wallet's money to a new key, and make a "
            "keystore of that: manage.py create_keystore."
        ),
        runbook="secrets",
        priorities=everywhere(Priority.P0),
        look=look,
        time_ms_max=TIME_MS,
    ),
)
