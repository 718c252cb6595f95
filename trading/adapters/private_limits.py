"""How often we may ask for what: every kind of private call has a limit of its own.

The venue's limits: polymarket.md section 10.
"""

from dataclasses import dataclass, field

from trading.adapters.http_reads import Endpoint, HttpSettings, RateLimiter

MIB = 1_048_576


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateSettings:
    """Limits are requests in a window of `window_ms`; the defaults are half of the venue's."""

    http: HttpSettings = field(default_factory=lambda: HttpSettings(keepalive_ms=30_000))
    window_ms: int = 10_000
    orders_per_window: int = 2_500
    batches_per_window: int = 1_000
    cancels_per_window: int = 1_000
    cancel_all_per_window: int = 125
    ledger_reads_per_window: int = 250  # orders and trades, each
    balances_per_window: int = 100
    balance_updates_per_window: int = 25
    logins_per_window: int = 50
    reads_per_window: int = 1_000  # heartbeats and the clock too
    wait_ms_max: int = 2_000  # for a place within these limits
    answer_bytes_max: int = 4 * MIB


def endpoints(settings: PrivateSettings) -> dict[str, Endpoint]:
    """Return each kind of call with its own limiter."""

    def end(name: str, requests: int) -> Endpoint:
        return Endpoint(
            name=name,
            method=name.partition(" ")[0],
            limiter=RateLimiter(requests=requests, window_ms=settings.window_ms),
            body_bytes_max=settings.answer_bytes_max,
        )

    return {
        "create": end("POST /auth/api-key", settings.logins_per_window),
        "derive": end("GET /auth/derive-api-key", settings.logins_per_window),
        "order": end("POST /order", settings.orders_per_window),
        "batch": end("POST /orders", settings.batches_per_window),
        "cancel": end("DELETE /orders", settings.cancels_per_window),
        "cancel_all": end("DELETE /cancel-all", settings.cancel_all_per_window),
        "one_order": end("GET /data/order", settings.ledger_reads_per_window),
        "open_orders": end("GET /data/orders", settings.ledger_reads_per_window),
        "trades": end("GET /data/trades", settings.ledger_reads_per_window),
        "balance": end("GET /balance-allowance", settings.balances_per_window),
        "update": end("GET /balance-allowance/update", settings.balance_updates_per_window),
        "heartbeat": end("POST /v1/heartbeats", settings.reads_per_window),
        "closed_only": end("GET /auth/ban-status/closed-only", settings.logins_per_window),
        "time": end("GET /time", settings.reads_per_window),
    }
