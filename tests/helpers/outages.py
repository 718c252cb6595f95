"""Channels of every kind with their receivers, which can be taken down, and what came of it."""

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from email import message_from_string
from email.policy import default

from alerts.models import Delivery
from alerts.pump import send_due
from tests.alerts.telling import KEY, channel, delivery
from tests.helpers.receivers import HttpReceiver, MailReceiver

KINDS = ("WEBHOOK", "ALERTMANAGER", "EMAIL", "APPRISE")
FAILURES = ("nobody listens", "answers 503", "takes it and breaks off")
STEP = timedelta(seconds=60)
EVERY = timedelta(minutes=3)  # a message to each channel
TIMEOUT_S = 10.0


@dataclass
class Figures:
    """What became of the messages of one channel."""

    channel: str
    failure: str
    queued: int = 0
    lost: int = 0
    arrived_twice: int = 0  # copies beyond the first
    twice_marked: int = 0  # of these, the copies that say that they may be known
    out_of_order: int = 0
    caught_up_s: int = 0  # from the end of the outage until nothing waited
    others_worst_s: int = 0  # how late the worst message of all other channels was

    def row(self):
        return asdict(self)


class Receiving:
    """One channel and its receiver."""

    def __init__(self, kind, name=""):
        self.kind = kind
        self.server = MailReceiver() if kind == "EMAIL" else HttpReceiver()
        self.old = []  # what came in before the receiver went away
        self.row = channel(name or kind.lower(), kind=kind, address=self._address())

    def _address(self):
        port = self.server.port
        return {
            "WEBHOOK": {"url": f"http://127.0.0.1:{port}/hook", "key": KEY},
            "ALERTMANAGER": {"url": f"http://127.0.0.1:{port}/hook", "key": KEY},
            "APPRISE": {"url": f"json://127.0.0.1:{port}/hook"},
            "EMAIL": {
                "host": "127.0.0.1",
                "port": port,
                "security": "NONE",
                "user": "",
                "password": "",
                "from": "portal@example.org",
                "to": ["ops@example.org"],
            },
        }[self.kind]

    def down(self, failure):
        if failure == "nobody listens":
            self.old += self._raw()
            self.server.close()
        elif failure == "answers 503":
            self.server.status = 503
            self.server.refuse = {"EHLO": "421 busy", "HELO": "421 busy"}
        else:
            self.server.breaks_off = True

    def up(self, failure):
        if failure == "nobody listens":
            self.server = type(self.server)(self.server.port)
        self.server.status, self.server.refuse = 200, {}
        self.server.breaks_off = False

    def _raw(self):
        return list(self.server.mails if self.kind == "EMAIL" else self.server.requests)

    def arrived(self):
        """Return (number of the message, whether it says that it may be known), as they came."""
        return [self._read(one) for one in self.old + self._raw()]

    def _read(self, one):
        if self.kind == "EMAIL":
            mail = message_from_string(one.data, policy=default)
            return _number(mail["Subject"]), mail["X-PolyArb-Repeated"] == "true"
        body = json.loads(one.body)
        if self.kind == "APPRISE":
            return _number(body["title"]), "You may have this already" in body["message"]
        repeated = one.headers["X-PolyArb-Repeated"] == "true"
        if self.kind == "WEBHOOK":
            assert body["repeated"] is repeated
            return _number(body["title"]), repeated
        return _number(body["alerts"][0]["annotations"]["summary"]), repeated

    def close(self):
        self.server.close()


def _number(title):
    return int(title.rsplit(" ", 1)[1])


@dataclass
class Outage:
    """An hour in which one of four channels is down, with a message to each of them every 3 min."""

    clock: object
    failure: str
    kind: str
    receiving: list = field(default_factory=list)

    def run(self):
        self.receiving = [Receiving(kind) for kind in KINDS]
        try:
            return self._run()
        finally:
            for one in self.receiving:
                one.close()

    def _run(self):
        down = next(one for one in self.receiving if one.kind == self.kind)
        figures = Figures(channel=self.kind, failure=self.failure)
        number = 0
        # What a refused sender counts is not what arrived: 503 answers are requests too.
        self._messages(number)
        send_due(self.clock, timeout_s=TIMEOUT_S)
        down.down(self.failure)
        refused_from = len(down.arrived()) if self.failure == "answers 503" else None
        for _ in range(timedelta(hours=1) // EVERY):
            number += 1
            self._messages(number)
            for _ in range(EVERY // STEP):
                send_due(self.clock, timeout_s=TIMEOUT_S)
                self.clock.advance(STEP)
        refused_to = len(down.arrived())
        down.up(self.failure)
        began = self.clock.now()
        for _ in range(100):
            send_due(self.clock, timeout_s=TIMEOUT_S)
            if not Delivery.objects.exclude(state="SENT").exists():
                break
            self.clock.advance(STEP)
        figures.caught_up_s = (self.clock.now() - began) // timedelta(seconds=1)
        arrived = down.arrived()
        if refused_from is not None:
            arrived = arrived[:refused_from] + arrived[refused_to:]
        self._judge(figures, arrived, number + 1)
        return figures

    def _messages(self, number):
        now = self.clock.now()
        for one in self.receiving:
            delivery(
                one.row,
                number,
                created_at=now,
                next_try_at=now,
                expires_at=now + timedelta(hours=24),
            )

    def _judge(self, figures, arrived, queued):
        figures.queued = queued
        judge(figures, arrived, range(queued))
        others = Delivery.objects.exclude(channel__kind=self.kind)
        assert not others.exclude(state="SENT", repeated=False).exists()
        figures.others_worst_s = max(row.latency_ms for row in others) // 1_000
        for one in self.receiving:
            if one.kind != self.kind:
                assert [number for number, _ in one.arrived()] == list(range(queued))


def judge(figures, arrived, expected):
    """Fill in what was lost, doubled and out of order among what arrived."""
    numbers = [number for number, _ in arrived]
    figures.lost += len(set(expected) - set(numbers))
    seen = Counter()
    newest = -1
    for number, marked in arrived:
        if seen[number]:
            figures.arrived_twice += 1
            figures.twice_marked += marked
        elif number < newest:
            figures.out_of_order += 1
        seen[number] += 1
        newest = max(newest, number)
