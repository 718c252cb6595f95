"""Sends what waits: every channel in the order of its rows, and no channel waits for another.

Theory of operation. A message is a row before it is a network call. Only the oldest unfinished row
of a channel is ever tried: WAITING becomes SENDING by compare-and-set, with the time in
`started_at`, and the commit of that comes before the call. So of two processes one sends; and a
process that dies in the middle leaves a row in SENDING, which is taken over when its claim has run
out, and sent again. Then nobody knows whether it had arrived, and the row says so: `repeated`. The
same holds when the outcome could not be written, and after a time-out that came after all was
handed over. Nothing is lost, some messages arrive twice, and those that may have are marked.

Each channel has a thread while it has something to do, so one that hangs holds up nobody else. The
thread ends at the first message that has to wait: what comes later waits behind it.
"""

import logging
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random, SystemRandom
from typing import Any, Protocol

from django.db import DatabaseError, InterfaceError, close_old_connections, connection, transaction
from django.db.models import Q

from alerts.models import Alert, Channel, Delivery
from alerts.senders import SENDERS, Message, SendFailed, Sending
from alerts.senders.messages import TIMEOUT_S
from alerts.senders.secrets import KeyProblem
from alerts.services import watches
from alerts.services.addresses import box
from alerts.services.messages import late_text
from polyarb_site.clock import Clock
from polyarb_site.live.send import publish
from polyarb_site.portal_address import portal_url
from trading.services.observing import this_process

logger = logging.getLogger(__name__)

State = Delivery.State
POLL_S = 0.5
LEASE = "SEND"
LEASE_TTL = timedelta(seconds=15)
RENEW_AFTER = timedelta(seconds=5)
BEAT_AFTER = timedelta(seconds=2)
CLAIM_TTL = timedelta(seconds=60)  # a try takes 10 to 20 s, whoever is silent for longer is dead
BACKOFF_FIRST_S = 10
BACKOFF_MAX_S = 300
JITTER_PERCENT = 20
CHANNELS_MAX = 200
CLOSING_S = 12.0


class Stop(Protocol):
    """Asked whether this process shall end."""

    def is_set(self) -> bool:
        """Return whether it shall."""
        ...


@dataclass(slots=True)
class Sent:
    """What a pass did, by the state that rows came to; `failed` are tries that are repeated."""

    states: dict[str, int] = field(default_factory=dict)
    failed: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, state: str) -> None:
        """Count one row, or with WAITING one try that failed."""
        with self._lock:
            if state == State.WAITING:
                self.failed += 1
            else:
                self.states[state] = self.states.get(state, 0) + 1


def run(clock: Clock, stop: Stop, seconds: float, *, owner: str = "") -> str:
    """Send for as long as told, or until `stop`; return how it ended. One process at a time.

    Who does not get the lease waits for it: when the owner dies, it goes on here.
    """
    owner = owner or this_process().text
    pump = Pump(clock)
    ends_ns = clock.monotonic_ns() + int(seconds * 1_000_000_000)
    renewed: datetime | None = None
    beaten: datetime | None = None
    while not stop.is_set() and clock.monotonic_ns() < ends_ns:
        try:
            now = clock.now()
            if renewed is None or now - renewed >= RENEW_AFTER or now < renewed:
                renewed = now if watches.take(LEASE, owner, now, LEASE_TTL) else None
            if renewed is not None:
                pump.poll()
                if beaten is None or now - beaten >= BEAT_AFTER or now < beaten:
                    watches.beat(LEASE, owner, now)
                    beaten = now
        except (DatabaseError, InterfaceError):
            logger.exception("deliveries: the database does not answer")
            close_old_connections()
        pump.wait(POLL_S)
    finished = pump.close()
    try:
        watches.release(LEASE, owner)
    except (DatabaseError, InterfaceError):
        logger.exception("deliveries: the lease could not be given back and will run out")
    return f"{sum(pump.sent.states.values())} ended, {pump.sent.failed} tries failed" + (
        "" if finished else "; some are still being sent"
    )


def send_due(clock: Clock, *, timeout_s: float = TIMEOUT_S, random: Random | None = None) -> Sent:
    """Try everything that is due, once, and return when all channels are done with it."""
    pump = Pump(clock, timeout_s=timeout_s, random=random)
    pump.poll()
    pump.close(wait_s=None)
    return pump.sent


class Pump:
    """The threads of one process, one for each channel that has something to do."""

    def __init__(
        self, clock: Clock, *, timeout_s: float = TIMEOUT_S, random: Random | None = None
    ) -> None:
        self.sent = Sent()
        self._clock = clock
        self._timeout_s = timeout_s
        self._random = random or SystemRandom()
        self._threads: dict[int, threading.Thread] = {}
        self._woken = threading.Event()
        self._closing = threading.Event()

    def poll(self) -> int:
        """Start a thread for each channel with something due; return how many were started."""
        now = self._clock.now()
        self._threads = {key: one for key, one in self._threads.items() if one.is_alive()}
        _withdraw_orphans(now)
        started = 0
        for channel in due_channels(now):
            if channel not in self._threads:
                thread = threading.Thread(
                    target=self._drain, args=(channel,), name=f"send-{channel}", daemon=True
                )
                self._threads[channel] = thread
                thread.start()
                started += 1
        return started

    def wait(self, seconds: float) -> None:
        """Wait until a channel is done, or that long."""
        if self._woken.wait(seconds):
            self._woken.clear()

    def close(self, wait_s: float | None = CLOSING_S) -> bool:
        """Let each thread end after the message that it sends; return whether all did.

        Who does not end in time is left: its row is taken over when its claim has run out.
        """
        if wait_s is not None:
            self._closing.set()
        ends_ns = self._clock.monotonic_ns() + int((wait_s or 0) * 1_000_000_000)
        for thread in list(self._threads.values()):
            left_s = max(0.0, (ends_ns - self._clock.monotonic_ns()) / 1_000_000_000)
            thread.join(None if wait_s is None else left_s)
        return not any(thread.is_alive() for thread in self._threads.values())

    def _drain(self, channel: int) -> None:
        try:
            while not self._closing.is_set() and self._step(channel):
                pass
            self._woken.set()
        except (DatabaseError, InterfaceError):
            # What was claimed stays SENDING and is sent again, marked, when its claim has run out.
            # Nobody is woken: without a database there is nothing to do but to wait.
            logger.exception("deliveries: the database could not be written")
        finally:
            connection.close()

    def _step(self, number: int) -> bool:
        """Deal with the oldest unfinished row of a channel; return whether to go on."""
        now = self._clock.now()
        channel = Channel.objects.filter(pk=number).first()
        row = head(number)
        if channel is None or row is None or not _is_due(row, now):
            return False
        if not channel.enabled:
            return self._end(row, channel, State.WITHDRAWN, "the channel was switched off")
        if row.expires_at <= now:
            return self._end(row, channel, State.EXPIRED, _expired_text(row))
        if row.kind == Delivery.Kind.ESCALATED and not _still_fires(row):
            return self._end(row, channel, State.WITHDRAWN, "somebody has it, or it has ended")
        claimed = claim(row, now)
        if claimed is None:
            return False  # another process was faster
        try:
            self._send(claimed, channel)
        except SendFailed as failure:
            return self._failed(claimed, channel, failure)
        return self._arrived(claimed, channel)

    def _send(self, row: Delivery, channel: Channel) -> None:
        try:
            address = box().open(channel.secret)
        except KeyProblem as problem:
            raise SendFailed(str(problem)) from None
        now = self._clock.now()
        early = late_text(row.created_at, now, repeated=row.repeated)
        message = Message(
            number=row.pk,
            key=row.key,
            kind=row.kind,
            level=row.level,
            title=row.title,
            body="\n\n".join(filter(None, (early, row.payload["text"]))),
            payload={name: row.payload[name] for name in ("account", "label", "alerts")},
            created_at=row.created_at,
            repeated=row.repeated,
        )
        sending = Sending(
            now=now,
            receiver=channel.name,
            portal_url=portal_url(),
            timeout_s=self._timeout_s,
        )
        SENDERS[channel.kind](address, message, sending)

    def _arrived(self, row: Delivery, channel: Channel) -> bool:
        now = self._clock.now()
        latency_ms = max(0, (now - row.created_at) // timedelta(milliseconds=1))
        fresh: dict[str, Any] = {
            "delivered_at": now,
            "latency_ms": latency_ms,
            "failing_since": None,
            "problem": "",
        }
        if row.kind == Delivery.Kind.TEST:
            fresh["tested_at"] = now
        values = {
            "state": State.SENT,
            "sent_at": now,
            "latency_ms": latency_ms,
            "outcome": f"taken at try {row.tries}",
        }
        return self._record(row, channel, values, fresh)

    def _failed(self, row: Delivery, channel: Channel, failure: SendFailed) -> bool:
        now = self._clock.now()
        text = failure.text[:300]
        values: dict[str, Any] = {"outcome": text}
        if failure.may_have_arrived:
            values["repeated"] = True
        if failure.permanent:
            values["state"] = State.REFUSED
        else:
            wait = backoff(row.tries, self._random)
            wait = max(wait, timedelta(seconds=min(failure.after_s, BACKOFF_MAX_S)))
            values |= {"state": State.WAITING, "next_try_at": now + wait}
        fresh = {"failing_since": channel.failing_since or now, "problem": text}
        return self._record(row, channel, values, fresh)

    def _end(self, row: Delivery, channel: Channel, state: str, text: str) -> bool:
        return self._record(row, channel, {"state": state, "outcome": text}, {})

    def _record(
        self, row: Delivery, channel: Channel, values: dict[str, Any], fresh: dict[str, Any]
    ) -> bool:
        """Write what became of a row, unless another has it meanwhile; return whether to go on."""
        with transaction.atomic():
            on = Channel.objects.filter(pk=channel.pk, enabled=True).exists()
            if values["state"] == State.WAITING and not on:
                why = f"{values['outcome']}; then the channel was switched off or removed"
                values |= {"state": State.WITHDRAWN, "outcome": why[:300]}
            ours = Delivery.objects.filter(
                pk=row.pk, state=row.state, started_at=row.started_at, tries=row.tries
            )
            if ours.update(**values) != 1:
                return False
            if fresh:
                Channel.objects.filter(pk=channel.pk).update(**fresh)
            _publish(row, channel, values["state"], values["outcome"], self._clock.now())
        state = values["state"]
        self.sent.add(state)
        return bool(state != State.WAITING)


def head(channel: int) -> Delivery | None:
    """Return the oldest row of a channel that has not ended."""
    rows = Delivery.objects.filter(channel=channel, state__in=(State.WAITING, State.SENDING))
    return rows.order_by("id").first()


def due_channels(now: datetime) -> list[int]:
    """Return the channels that may have something to send: the head of each decides."""
    numbers = (
        Delivery.objects.filter(state__in=(State.WAITING, State.SENDING), channel__isnull=False)
        .order_by()
        .values_list("channel", flat=True)
        .distinct()[:CHANNELS_MAX]
    )
    heads = [(number, head(number)) for number in numbers]
    return [number for number, row in heads if row is not None and _is_due(row, now)]


def claim(row: Delivery, now: datetime) -> Delivery | None:
    """Take a row for sending, by compare-and-set; None when somebody was faster."""
    again = row.state == State.SENDING  # its process died, or its outcome could not be written
    updated = Delivery.objects.filter(
        pk=row.pk, state=row.state, started_at=row.started_at, tries=row.tries
    ).update(
        state=State.SENDING,
        started_at=now,
        tries=row.tries + 1,
        repeated=row.repeated or again,
    )
    return Delivery.objects.get(pk=row.pk) if updated == 1 else None


def backoff(tries: int, random: Random) -> timedelta:
    """Return how long to wait after the given number of tries: doubled, capped, and not exact."""
    seconds = min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2 ** min(tries - 1, 10))
    spread = seconds * 1_000 * JITTER_PERCENT // 100
    return timedelta(milliseconds=seconds * 1_000 + random.randint(-spread, spread))


def _is_due(row: Delivery, now: datetime) -> bool:
    if row.state == State.SENDING:
        return row.started_at is None or now - row.started_at >= CLAIM_TTL
    return row.next_try_at <= now or row.expires_at <= now


def _still_fires(row: Delivery) -> bool:
    return Alert.objects.filter(pk__in=row.alert_ids, state=Alert.State.FIRING).exists()


def _expired_text(row: Delivery) -> str:
    tried = f"; the last of {row.tries} tries: {row.outcome}" if row.tries else ""
    return f"too old to wake anyone{tried}"[:300]


def _withdraw_orphans(now: datetime) -> None:
    """End the rows whose channel was removed while they were being sent."""
    silent = Q(started_at=None) | Q(started_at__lte=now - CLAIM_TTL)
    unfinished = Q(state=State.WAITING) | Q(silent, state=State.SENDING)
    rows = Delivery.objects.filter(unfinished, channel=None)
    if rows.exists():
        rows.update(state=State.WITHDRAWN, outcome="the channel was removed")


def _publish(row: Delivery, channel: Channel, state: str, text: str, now: datetime) -> None:
    payload = {
        "account": row.payload.get("account", ""),
        "what": f"delivery.{state.lower()}",
        "delivery": row.pk,
        "channel": channel.pk,
        "name": channel.name,
        "state": state,
        "text": text,
    }
    publish("alerts", payload, at=now)
