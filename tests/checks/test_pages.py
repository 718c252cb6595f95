"""Who sees the pages about gates, and that looking at them changes nothing."""

import re

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext

from checks.models import CheckRun, Promotion
from tests.checks.pages import CHECKS, PHASES, page_of, promotion, text, world
from tests.helpers.admin_pages import HOSTILE

__all__ = ["promotion", "world"]
pytestmark = pytest.mark.django_db

QUERIES_MAX = 60


class TestWhoSeesThem:
    @pytest.mark.parametrize("role", ["viewer", "operator", "approver", "admin_user"])
    def test_every_role_sees_every_page_with_rows_and_without(self, client, request, role, mandate):
        client.force_login(request.getfixturevalue(role))
        urls = [PHASES, f"{PHASES}live/", f"{PHASES}request/", CHECKS, f"{CHECKS}live/"]
        for url in urls:
            assert client.get(url).status_code == 200, url
        row = request.getfixturevalue("promotion")
        urls += [f"/admin/promotions/{row.pk}/", f"/admin/promotions/{row.pk}/live/"]
        urls += [f"{CHECKS}{row.check_run_id}/", f"{CHECKS}live/?run={row.check_run_id}"]
        urls += [f"{CHECKS}?phase={number}" for number in range(5)]
        for url in urls:
            assert client.get(url).status_code == 200, url

    def test_who_may_not_see_them_is_refused(self, client, django_user_model, promotion):
        user = django_user_model.objects.create(username="bea", password="!", is_staff=True)
        user.user_permissions.add(Permission.objects.get(codename="view_mandate"))
        client.force_login(user)

        for url in (PHASES, f"{PHASES}live/", f"{PHASES}request/", CHECKS, f"{CHECKS}live/",
                    f"/admin/promotions/{promotion.pk}/", f"{CHECKS}1/"):  # fmt: skip
            assert client.get(url).status_code == 403, url

    def test_without_an_account_there_is_a_login(self, client, db):
        assert client.get(PHASES).status_code == 302
        assert client.get(CHECKS).status_code == 302

    def test_before_there_is_an_account_the_pages_say_what_to_run(self, client, viewer):
        assert "run manage.py seed" in page_of(client, viewer, PHASES)
        assert "No check has run for phase 0 yet" in page_of(client, viewer, CHECKS)

    def test_what_does_not_exist_or_is_of_another_account_is_not_found(
        self, client, viewer, promotion
    ):
        client.force_login(viewer)
        Promotion.objects.update(account="other")
        CheckRun.objects.update(account="other")

        for url in (f"/admin/promotions/{promotion.pk}/", f"{CHECKS}{promotion.check_run_id}/",
                    f"{CHECKS}live/?run={promotion.check_run_id}"):  # fmt: skip
            assert client.get(url).status_code == 404, url

    def test_they_have_no_script_of_their_own_inside(self, client, admin_user, promotion):
        client.force_login(admin_user)
        for url in (PHASES, CHECKS, f"{PHASES}request/", f"/admin/promotions/{promotion.pk}/"):
            page = text(client.get(url))
            inline = re.findall(r"<script(?![^>]*\bsrc=)([^>]*)>", page)
            assert all('type="application/json"' in attributes for attributes in inline), url
            assert not re.search(r"\son(click|load|error|submit)=", page), url

    def test_hostile_texts_stay_texts(self, client, viewer, promotion):
        Promotion.objects.update(reason=HOSTILE)
        promotion.check_run.results.update(reason=HOSTILE, remedy=HOSTILE, title=HOSTILE)
        promotion.evaluation.verdicts.update(reason=HOSTILE, bound=HOSTILE[:80], value=HOSTILE[:60])
        urls = (PHASES, f"{CHECKS}{promotion.check_run_id}/", f"/admin/promotions/{promotion.pk}/")
        for url in urls:
            page = page_of(client, viewer, url)
            assert "<script>alert" not in page
            assert "<img src=x" not in page

    def test_they_cost_a_bounded_number_of_queries(self, client, viewer, promotion):
        client.force_login(viewer)
        for url in (PHASES, CHECKS, f"/admin/promotions/{promotion.pk}/"):
            client.get(url)
            with CaptureQueriesContext(
                connection,
            ) as caught:
                client.get(url)
            assert len(caught) <= QUERIES_MAX, (url, len(caught))


class TestNothingIsChangedByLooking:
    @pytest.mark.parametrize(
        "url",
        [f"{PHASES}evaluate/", f"{PHASES}roll-back/", f"{CHECKS}run/", f"{CHECKS}attest/",
         f"{CHECKS}attestations/1/revoke/", "/admin/promotions/1/approve/",
         "/admin/promotions/1/reject/", "/admin/promotions/1/withdraw/",
         "/admin/promotions/1/start/"],
    )  # fmt: skip
    def test_a_get_of_an_act_is_refused(self, client, admin_user, url):
        client.force_login(admin_user)

        assert client.get(url).status_code == 405

    def test_a_post_without_the_token_is_refused(self, admin_user, world):
        from django.test import Client

        strict = Client(enforce_csrf_checks=True)
        strict.force_login(admin_user)

        assert strict.post(f"{PHASES}evaluate/").status_code == 403
        assert strict.post(f"{CHECKS}run/", {"phase": "0"}).status_code == 403
