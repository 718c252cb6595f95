"""The engine of alert_stop.py, in a process of its own with a signer: the task that a cluster runs.

Everything is the product's, alert rules included. The clock is read at two doors: when the rules
have judged the figures of a second, and when the first byte of a batch leaves. Each is a line of
JSON with the monotonic time of the machine. Ends on SIGTERM.
"""

import json
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path


def tell(what, **more):
    """Write one line."""
    sys.stdout.write(json.dumps({"what": what, **more}) + "\n")
    sys.stdout.flush()


def attach():
    """Read the clock at the doors from now on."""
    from alerts.observer import EngineRules
    from trading.runtime.live import LiveSide

    on_figures, leaves = EngineRules.on_figures, LiveSide._leaves

    def judged(rules, figures, now_ns):
        began_ns = time.monotonic_ns()
        halts = list(on_figures(rules, figures, now_ns))
        tell(
            "figures",
            ns=time.monotonic_ns(),
            began_ns=began_ns,
            now_ns=now_ns,
            halts=[one.code for one in halts],
            halted=figures.get("halt_code", ""),
            session=figures.get("session"),
            connected=figures.get("feed_connected"),
            books_fresh=figures.get("books_fresh"),
            access=figures.get("access_problem"),
            gaps=figures.get("gaps_confirmed"),
        )
        return halts

    def left(side, batch, began_ns):
        leaves(side, batch, began_ns)
        tell("left", ns=time.monotonic_ns(), entry=batch.entry)

    EngineRules.on_figures = judged  # type: ignore[method-assign]
    LiveSide._leaves = left  # type: ignore[method-assign]


def main():
    """Start a signer and run shifts until told to end."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "polyarb_site.settings")
    import django

    django.setup()
    from django.conf import settings

    from tests.live.rig import KEY, address_of, rules
    from tests.signer.running import Signer
    from trading.services import ensure_mandate, start_simulated
    from trading.simulator.signatures import deposit_wallet
    from trading.tasks import engine_shift

    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append("told to end"))
    ensure_mandate(settings.ACCOUNT)
    start_simulated(settings.ACCOUNT, by=None, by_name="bench")
    folder = Path(tempfile.mkdtemp(prefix="pab-"))  # short: a socket lies in it
    owner = address_of(KEY)
    signer = Signer(folder, rules(deposit_wallet(owner), owner), KEY.removeprefix("0x")).start()
    settings.SIGNER_PLAY_SOCKET = signer.socket
    attach()
    try:
        while not ended:
            result = engine_shift(settings.ACCOUNT)
            tell("shift", result=result)
            if result.startswith("PROCESS_STOPPED"):
                break
    finally:
        signer.stop()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
