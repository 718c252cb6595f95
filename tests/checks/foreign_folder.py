"""A folder of PolyArb-X, made up for tests, with secrets planted in every file of it."""

import json

from tests.conftest import NOON

# Invented. Each stands in another file, or another place of one.
CANARIES = [f"0x{number:x}{'c4a9' * 15}{number:03x}" for number in range(1, 10)]
WORDS = "CanaryWebhook9f31"
PHRASE = (
    "legal winner thank year wave sausage worth useful legal winner thank yellow"  # BIP-39's own
)
PROFILES = {
    "aggressive": {"TRADE_SIZE": '"20"', "MAX_POSITION_SIZE": '"2000"', "MAX_RETRIES": "5"},
    "balanced": {"TRADE_SIZE": '"10"', "MAX_POSITION_SIZE": '"1000"'},
    "conservative": {"TRADE_SIZE": '"5"', "MIN_PROFIT_THRESHOLD": '"0.02"'},
    "live_constrained_atomic_v1": {"DRY_RUN": "false", "TRADE_SIZE": '"5"', "RETRY_DELAY": "1.0"},
    "live_safe": {"DRY_RUN": "false", "TRADE_SIZE": "2"},
    "live_safe_atomic_v1": {"DRY_RUN": "false", "TRADE_SIZE": '"2"', "RETRY_DELAY": "1.0"},
    "live_scaled_atomic_v1": {"DRY_RUN": "false", "TRADE_SIZE": '"10"'},
    "live_shadow_atomic_v1": {"DRY_RUN": "true", "MAX_GAS_PRICE": "500000000000"},
    "maker": {"MAX_POSITION_SIZE": '"800"', "MARKET_MAKING_ENABLED": "true"},
    "sandbox": {"TRADE_SIZE": '"1"', "MAX_GAS_COST": '"0.2"'},
    "taker": {"TRADE_SIZE": '"8"', "MAX_SLIPPAGE": "0.02"},
}
BASE = f"""
DRY_RUN: false
PROFILE_NAME: "live_safe_atomic_v1"
TRADE_SIZE: "1"
MAX_SLIPPAGE: "0.01"
LOG_FILE: "data/polyarb-x.log"
# {CANARIES[0]}
"""
RULES = f"""
evaluation_interval_seconds: 3
notification_channels:
  webhook:
    url: "https://hooks.example/services/{WORDS}"
    secret: "{WORDS}"
rules:
  - id: "WS_DISCONNECTED"
    name: "Feed gone"
    enabled: true
    severity: "CRITICAL"
    query: {{metric: "ws_connected", operator: "==", value: false, window_seconds: 10}}
    cooldown_seconds: 60
    actions:
      - type: stop_trading
      - type: webhook
        url: "https://hooks.example/services/{WORDS}"
        token: "{CANARIES[1]}"
  - id: "HIGH_REJECT_RATE"
    name: "Many refusals"
    enabled: true
    severity: "WARNING"
    query: {{metric: "reject_rate", operator: ">", value: 0.05, window_seconds: 300}}
    cooldown_seconds: 300
    notify_channels: ["ui", "webhook"]
# {CANARIES[2]}
"""


def profile(name, values, canary):
    lines = [f'name: "{name}"', 'description: "made up"', 'tags: ["a", "b"]', f"# {canary}"]
    lines += [f"{key}: {value}" for key, value in values.items()]
    return "\n".join([*lines, f'POLYGON_RPC_URL: "https://rpc.example/{WORDS}"', ""])


def change(number, **values):
    """Return a line of the log of changes, with the wallet's key in it as that log has it."""
    return {
        "timestamp": f"2026-02-01T10:00:0{number}.000001",
        "applied_by": "user",
        "profile_name": "live_safe_atomic_v1",
        "diff": {
            "TRADE_SIZE": {"old": "10", "new": "2"},
            "DRY_RUN": {"old": True, "new": False},
            "MAX_SLIPPAGE": {"old": 0.02, "new": 0.025},
            "PRIVATE_KEY": {"old": CANARIES[3], "new": CANARIES[4]},
            "NOTE": {"old": PHRASE, "new": ""},
        },
        "previous_config": {"PRIVATE_KEY": CANARIES[5], "TRADE_SIZE": "10"},
        "risk_warnings": ["SWITCH_TO_LIVE"],
        **values,
    }


def market(number, **values):
    return {
        "market_id": str(number),
        "question": f"Will number {number} be drawn?",
        "description": f"made up {CANARIES[6]}",
        "slug": f"number-{number}",
        "token_id_yes": str(10**70 + 2 * number),
        "token_id_no": str(10**70 + 2 * number + 1),
        "condition_id": f"0x{number:064x}",
        "end_date": "2026-12-31T12:00:00Z",
        "volume_24h": 5110.365651,
        "yes_price": 0.0205,
        "active": True,
        "closed": False,
        **values,
    }


def build(folder):
    """Write the whole folder."""
    write(folder, "config/config.yaml", BASE)
    for name, values in PROFILES.items():
        write(folder, f"config/profiles/{name}.yaml", profile(name, values, CANARIES[7]))
    write(folder, "config/alerts.production.yaml", RULES)
    write(folder, "config/alerts.yaml", RULES.replace("Feed gone", "Feed lost"))
    log = [json.dumps(change(number)) for number in range(3)]
    write(folder, "data/audit/config_changes.jsonl", "\n".join([*log, ""]))
    markets = [market(1), market(2, end_date="2025-12-31T12:00:00Z"), market(3, closed=True)]
    write(folder, "data/active_markets.json", json.dumps(markets))
    write(folder, ".env", f"PRIVATE_KEY={CANARIES[8]}\n")
    write(folder, "data/alerts/alerts_state.json", '{"active_alerts": []}')
    write(folder, "README.md", f"# A bot\n{CANARIES[8]}\n")
    assert NOON.year == 2026
    return folder


def write(folder, path, content):
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        file.write_text(content, encoding="utf-8")
    return file
