"""The REST door of promotions and of starting live. A password goes in, and never comes out."""

import pytest
from django.core.cache import cache

from checks.models import Approval, Promotion
from polyarb_site.audit.models import AuditEvent
from polyarb_site.live.models import OutboxMessage
from polyarb_site.rest.views import ApiView
from tests.api.building import Caller, error_of
from tests.api.openapi import undescribed
from tests.checks.promotion_world import MINUTE, PASSWORD, World, make_person, stand_in
from tests.conftest import NOON
from tests.helpers.clocks import FixedClock
from trading.models import Mandate

pytestmark = pytest.mark.django_db
LIST = "/api/promotions"
CANARY = "canary-in-the-password-field"


@pytest.fixture(autouse=True)
def standing(monkeypatch):
    clock = FixedClock(NOON)
    monkeypatch.setattr(ApiView, "clock", clock)
    cache.clear()
    return clock


@pytest.fixture
def world(db, monkeypatch):
    stand_in(monkeypatch)
    return World()


@pytest.fixture
def asker(world):
    return Caller(world.asker)


def ask(caller, **changes):
    return caller.post(LIST, {"phase": 1, "reason": "seven quiet days", **changes})


def approval(promotion, **changes):
    answer = {"comment": "read it", "password": PASSWORD}
    return {**answer, "binding_sha256": promotion["binding_sha256"], **changes}


class TestAskingAndAnswering:
    def test_from_the_request_to_the_start(self, world, asker):
        asked = ask(asker)
        promotion = asked.json()
        address = f"{LIST}/{promotion['id']}"
        first = Caller(world.first).post(f"{address}/approve", approval(promotion))
        second = Caller(world.second).post(f"{address}/approve", approval(promotion))
        started = asker.post("/api/start_live", {"phase": 1, "reason": "the day has come"})

        assert (asked.status_code, promotion["state"]) == (200, "REQUESTED")
        assert (first.json()["approvals_missing"], first.json()["state"]) == (1, "REQUESTED")
        assert second.json()["state"] == "APPROVED"
        assert (started.status_code, started.json()["approvers"]) == (200, ["anna", "bert"])
        assert Mandate.objects.get().phase == 1
        assert asker.get(address).json()["in_force"] is True
        for path, method, answer in (
            (LIST, "POST", asked),
            (f"{LIST}/{{number}}/approve", "POST", second),
            ("/api/start_live", "POST", started),
            (f"{LIST}/{{number}}", "GET", asker.get(address)),
            (LIST, "GET", asker.get(LIST)),
        ):
            assert undescribed(path, method, answer) == []
        said = AuditEvent.objects.get(action="gates.start_live")
        assert (said.actor, said.after["countdown_skipped"]) == (world.asker, True)

    def test_a_refusal_says_what_is_missing_and_what_to_do(self, world, asker):
        world.run.delete()
        error = error_of(ask(asker))

        assert error["code"] == "NO_CHECK_RUN"
        assert "go_no_go" in error["remedy"]

    @pytest.mark.parametrize(
        "changes",
        [{"phase": 4}, {"phase": "1"}, {"phase": True}, {"venue": "recorded"}, {"account": "x"}],
    )
    def test_what_makes_no_sense_is_refused_by_name(self, world, asker, changes):
        response = ask(asker, **changes)

        assert response.status_code == 400
        assert error_of(response)["field"] in changes
        assert not Promotion.objects.exists()

    def test_a_token_alone_approves_nothing(self, world, asker):
        promotion = ask(asker).json()
        address = f"{LIST}/{promotion['id']}/approve"
        caller = Caller(world.first)
        body = approval(promotion)
        del body["password"]

        assert caller.post(address, body).status_code == 400
        assert error_of(caller.post(address, approval(promotion, password="x")))["code"] == (
            "PASSWORD_WRONG"
        )
        assert not Approval.objects.exists()

    def test_nobody_approves_what_they_did_not_see(self, world, asker):
        promotion = ask(asker).json()
        answer = Caller(world.first).post(
            f"{LIST}/{promotion['id']}/approve", approval(promotion, binding_sha256="0" * 64)
        )

        assert error_of(answer)["code"] == "SEEN_SOMETHING_ELSE"

    def test_one_is_rejected_another_withdrawn(self, world, asker):
        number = ask(asker).json()["id"]
        rejected = Caller(world.first).post(f"{LIST}/{number}/reject", {"comment": "too quiet"})
        number = ask(asker).json()["id"]
        withdrawn = asker.post(f"{LIST}/{number}/withdraw", {"reason": "not yet"})

        assert (rejected.json()["state"], withdrawn.json()["state"]) == ("REJECTED", "WITHDRAWN")
        assert [one["state"] for one in asker.get(LIST).json()["items"]] == [
            "WITHDRAWN",
            "REJECTED",
        ]

    def test_an_expired_one_is_never_shown_as_approved(self, world, asker, standing):
        promotion = world.approved()
        standing.set_wall(NOON.replace(day=3))

        assert Promotion.objects.get().state == "APPROVED"  # no sweep has come by yet
        assert asker.get(f"{LIST}/{promotion.pk}").json()["state"] == "EXPIRED"
        assert asker.get(LIST).json()["items"][0]["state"] == "EXPIRED"
        assert error_of(asker.post("/api/start_live", {}))["code"] == "NO_PROMOTION"

    def test_no_password_leaves_a_trace(self, world, asker, caplog):
        promotion = ask(asker).json()
        caller = Caller(world.first)
        bodies = (
            approval(promotion, password=CANARY),
            approval(promotion, password=[CANARY]),
            approval(promotion, password={"x": CANARY}),
            approval(promotion, password=CANARY * 200),
            approval(promotion, password=CANARY, more=1),
            approval(promotion, password=CANARY, binding_sha256="?"),
        )
        answers = [caller.post(f"{LIST}/{promotion['id']}/approve", body) for body in bodies]
        right = caller.post(f"{LIST}/{promotion['id']}/approve", approval(promotion))

        assert right.status_code == 200
        assert {answer.status_code for answer in answers} == {400, 403}
        kept = [AuditEvent, OutboxMessage, Approval, Promotion]
        texts = [caplog.text, *(str(list(model.objects.values())) for model in kept)]
        texts += [answer.content.decode() for answer in (*answers, right)]
        assert not any(CANARY in text or PASSWORD in text for text in texts)


class TestApprovers:
    def test_their_number_is_shown_and_set_loudly(self, world, asker):
        boss = Caller(make_person("adam", "admin"))
        before = asker.get("/api/approvers")
        after = boss.post("/api/approvers", {"approvers": 1, "reason": "we are two"})

        assert (before.json()["needed"], before.json()["lowered"]) == (2, False)
        assert (after.json()["needed"], after.json()["lowered"]) == (1, True)
        assert after.json()["sentence"] == "1 approver is enough here"
        assert undescribed("/api/approvers", "POST", after) == []
        assert boss.post("/api/approvers", {"approvers": 0, "reason": "x"}).status_code == 400
        assert asker.post("/api/approvers", {"approvers": 1, "reason": "x"}).status_code == 403


def test_c4_nothing_starts_live_by_one_post(world, asker):
    """One POST to an address turned PolyArb-X live (A1), and a missing check was skipped (C4)."""
    world.ask(at=NOON - MINUTE)

    assert error_of(asker.post("/api/start_live", {"phase": 1}))["code"] == "NOT_APPROVED"
    assert Mandate.objects.get().desired == "STOP"
