"""`python -m trading.signer DESCRIPTOR`: what `manage.py run_signer` becomes. Loads no Django."""

import sys

from polyarb_site.clock import SystemClock
from trading.signer.launch import run

if __name__ == "__main__":
    sys.exit(run(int(sys.argv[1]), SystemClock()))
