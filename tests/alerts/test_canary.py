"""A secret of a channel is planted, used in every way, and looked for everywhere."""

import json
import logging

import pytest
from django.apps import apps
from django.db import connection
from django.test import RequestFactory

from alerts.models import Channel, Delivery
from alerts.pump import send_due
from alerts.services import channels
from alerts.services.addresses import box
from alerts.services.telling import tell_round
from polyarb_site.rest.errors import exception_handler
from tests.alerts.telling import alert, at
from tests.conftest import NOON
from tests.helpers.receivers import HttpReceiver, MailReceiver
from trading.services import ServiceRefused

pytestmark = pytest.mark.django_db(transaction=True)
CANARY = "canary0f1e2d3c4b5a"


def addresses(http, mail):
    host = f"127.0.0.1:{http.port}"
    return {
        "WEBHOOK": {"url": f"http://u:{CANARY}@{host}/{CANARY}?x={CANARY}", "key": CANARY * 2},
        "ALERTMANAGER": {"url": f"http://{host}/{CANARY}", "key": CANARY * 2},
        "APPRISE": {"url": f"json://user:{CANARY}@{host}/{CANARY}/?+X={CANARY}"},
        "EMAIL": {
            "host": "127.0.0.1",
            "port": mail.port,
            "security": "NONE",
            "user": CANARY,
            "password": CANARY,
            "from": f"{CANARY}@example.org",
            "to": [f"{CANARY}@example.org"],
        },
    }


def everything_stored():
    """Return all rows of all tables as one text, also of those that have no model."""
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        rows = []
        for table in tables:
            cursor.execute(f'SELECT * FROM "{table}"')
            rows += [repr(row) for row in cursor.fetchall()]
    assert {model._meta.db_table for model in apps.get_models()} <= set(tables)
    return "\n".join(rows)


@pytest.fixture
def receivers():
    http, mail = HttpReceiver(), MailReceiver()
    yield http, mail
    http.close()
    mail.close()


def refusals(admin_user):
    """Return what is answered to bad addresses, by the service and by the REST door."""
    for kind, address in (
        ("WEBHOOK", CANARY),
        ("WEBHOOK", {"url": f"http://[{CANARY}", "key": CANARY}),
        ("APPRISE", f"nothing://{CANARY}"),
        ("EMAIL", {"to": CANARY, "from": CANARY, "host": "", "password": CANARY, "port": CANARY}),
        ("EMAIL", {CANARY: CANARY}),
    ):
        with pytest.raises(ServiceRefused) as caught:
            channels.save_channel("bad", by=admin_user, kind=kind, address=address)
        yield f"{caught.value!r} {caught.value}"
        answer = exception_handler(caught.value, {"request": RequestFactory().post("/api/alerts")})
        yield json.dumps(answer.data)


def use_it_in_every_way(admin_user, http, mail, clock):
    for kind, address in addresses(http, mail).items():
        row = channels.save_channel(kind.lower(), by=admin_user, kind=kind, address=address)
        channels.test_channel(row, by=admin_user, at=NOON)
        yield row.shown
        yield repr(row) + str(row)
    alert()
    tell_round(at(0))
    http.answer = CANARY.encode()  # whoever answers may repeat what it was given
    for status, words in ((500, "450"), (403, "550"), (200, "")):
        http.status = status
        mail.refuse = {"RCPT": f"{words} {CANARY}"} if words else {}
        send_due(clock, timeout_s=1.0)
        Delivery.objects.exclude(state="SENT").update(next_try_at=NOON, state="WAITING")
    http.hold.clear()
    mail.refuse = {"AUTH": f"535 {CANARY}"}
    for row in Channel.objects.all():
        channels.test_channel(row, by=admin_user, at=NOON)
    send_due(clock, timeout_s=0.2)
    http.hold.set()
    Channel.objects.filter(kind="EMAIL").update(secret="of another key")
    send_due(clock, timeout_s=1.0)
    channels.remove_channel(Channel.objects.all()[0], by=admin_user, reason="done", at=NOON)


def test_it_is_found_nowhere(admin_user, receivers, clock, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    http, mail = receivers
    said = list(refusals(admin_user))
    said += list(use_it_in_every_way(admin_user, http, mail, clock))

    assert CANARY in repr(http.requests)  # it was used
    assert len(mail.logins) > 0
    assert Delivery.objects.filter(state="SENT").exists()
    assert Delivery.objects.exclude(outcome="").count() >= 4
    assert CANARY not in "\n".join(said)
    assert CANARY not in everything_stored()
    assert CANARY not in caplog.text
    assert CANARY not in "".join(capfd.readouterr())


def test_the_search_would_find_it(admin_user):
    row = channels.save_channel(
        "ops", by=admin_user, kind="APPRISE", address=f"json://127.0.0.1/{CANARY}"
    )
    assert CANARY in repr(box().open(row.secret))
    Channel.objects.update(problem=CANARY)
    assert CANARY in everything_stored()
