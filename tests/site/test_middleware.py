"""Who is asking: an id for each request, and nobody without an account."""

import asyncio
import re
from typing import Any

import pytest
from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpResponse, StreamingHttpResponse
from django.test import AsyncClient, RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver

from polyarb_site import one_time_password, request_ids
from polyarb_site.middleware import (
    LoginEverywhereMiddleware,
    RequestIdMiddleware,
    is_public,
)

GOOD_ID = "0123456789abcdef"


def every_address(resolver=None, prefix="/"):
    """Return one address for each route that there is, with something in place of arguments."""
    resolver = resolver or get_resolver()
    for entry in resolver.url_patterns:
        text = prefix + str(entry.pattern).lstrip("^").rstrip("$").replace("\\Z", "")
        if isinstance(entry, URLResolver):
            yield from every_address(entry, text)
        elif isinstance(entry, URLPattern):
            yield filled(text)


def filled(text):
    """Fill arguments in: a 1 fits every converter of ours, and a choice has a first word."""
    text = re.sub(r"\(\?P<\w+>([a-z_]+)\|[^)]*\)", r"\1", text)
    text = re.sub(r"\(\?P<\w+>[^)]*\)", "1", text)
    return re.sub(r"<[^>]+>", "1", text)


ADDRESSES = sorted(set(every_address()))
MAY_ANSWER = {settings.LOGIN_URL, "/healthz"}


class TestNobodyWithoutAnAccount:
    def test_the_addresses_are_found(self):
        assert len(ADDRESSES) > 40
        assert {"/", "/healthz", "/metrics", "/api/emergency_stop", "/admin/"} <= set(ADDRESSES)
        assert not any(character in text for text in ADDRESSES for character in "<>()^$\\")

    @pytest.mark.django_db
    @pytest.mark.parametrize("method", ["get", "head", "options", "post", "put", "patch", "delete"])
    def test_no_address_answers_anonymously(self, client, method):
        """Each route that there is or will be is asked; a new one needs no new test."""
        answered = {
            address: (answer.status_code, answer.headers.get("Location"))
            for address in ADDRESSES
            if address not in MAY_ANSWER
            and not self.is_turned_away(address, answer := getattr(client, method)(address))
        }
        assert answered == {}

    def is_turned_away(self, address, answer):
        if address == "/admin/logout/":
            return answer.headers["Location"] == "/admin/"  # nobody was logged in
        if answer.status_code == 302:
            return answer.headers["Location"].startswith(settings.LOGIN_URL)
        return answer.status_code in (401, 403, 405)

    @pytest.mark.django_db
    @pytest.mark.parametrize("address", sorted(MAY_ANSWER))
    def test_login_and_health_do(self, client, address):
        assert client.get(address).status_code == 200

    @pytest.mark.django_db
    def test_static_files_do(self, client):
        answer = client.get("/static/admin/css/base.css")

        assert answer.status_code == 200
        assert b"".join(answer.streaming_content)

    @pytest.mark.django_db
    @pytest.mark.parametrize(
        "address",
        [
            *("/healthz/../admin/", "/healthz?x=/static/", "/healthzz", "//healthz", "/HEALTHZ"),
            *("/staticx", "/admin/login", "/admin/login/x", "/metricsx", "/apix", "/x/static/"),
            *("/admin/login/../", "/%2e%2e/static/", "/unknown", "/favicon.ico", "/ws/live/"),
        ],
    )
    def test_nothing_that_looks_like_an_open_address_is_one(self, client, address):
        answer = client.get(address)

        # The health check is allowed to ignore a query.
        if address.startswith("/healthz?"):
            assert answer.status_code == 200
            return
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith(settings.LOGIN_URL)

    @pytest.mark.django_db
    def test_a_page_comes_back_after_the_login(self, client):
        answer = client.get("/admin/audit/auditevent/?q=x&o=1")

        assert answer.headers["Location"] == (
            "/admin/login/?next=%2Fadmin%2Faudit%2Fauditevent%2F%3Fq%3Dx%26o%3D1"
        )

    @pytest.mark.django_db
    def test_a_form_that_was_lost_leads_to_the_start_page(self, client):
        answer = client.post("/admin/trading/mandate/1/halt/")

        assert answer.headers["Location"] == "/admin/login/?next=%2Fadmin%2F"

    @pytest.mark.django_db
    def test_a_person_with_an_account_gets_in(self, client, viewer):
        client.force_login(viewer)

        assert client.get("/admin/audit/auditevent/").status_code == 200

    @pytest.mark.django_db
    def test_an_account_that_is_switched_off_does_not(self, client, viewer):
        client.force_login(viewer)
        User.objects.update(is_active=False)

        assert client.get("/admin/audit/auditevent/").status_code == 302

    def test_programs_are_asked_by_their_own_door(self):
        assert is_public("/api/status")
        assert is_public("/metrics")
        assert not is_public("/api")
        assert not is_public("/metrics/x")
        assert not is_public("/admin/")


class TestOneTimePassword:
    @pytest.fixture
    def first(self, db):
        user = User(username="first", is_staff=True, is_superuser=True)
        self.password = one_time_password.give(user)
        user.save()
        return user

    def test_lets_in_but_only_to_choose_another(self, client, first):
        assert client.login(username="first", password=self.password)
        answer = client.get("/admin/audit/auditevent/")

        assert answer.status_code == 302
        assert answer.headers["Location"] == "/admin/password_change/"
        assert client.get("/admin/password_change/").status_code == 200

    def test_is_over_once_another_was_chosen(self, client, first):
        client.login(username="first", password=self.password)
        chosen = "quite another 12"
        client.post(
            "/admin/password_change/",
            {
                "old_password": self.password,
                "new_password1": chosen,
                "new_password2": chosen,
            },
        )
        first.refresh_from_db()

        assert first.check_password(chosen)
        assert not one_time_password.is_in_use(first)
        assert client.get("/admin/audit/auditevent/").status_code == 200

    def test_survives_the_login_itself(self, client, first):
        """Django hashes anew at a login when it finds a salt too short."""
        client.login(username="first", password=self.password)
        first.refresh_from_db()

        assert one_time_password.is_in_use(first)

    def test_does_not_keep_from_acting(self, client, first):
        """Halting must work at once, whatever the password."""
        client.login(username="first", password=self.password)
        answer = client.post("/admin/audit/auditevent/", {"action": "x"})

        assert answer.headers.get("Location") != "/admin/password_change/"

    def test_no_two_are_alike_and_an_ordinary_one_is_none(self, first, viewer):
        assert one_time_password.give(User()) != one_time_password.give(User())
        assert not one_time_password.is_in_use(viewer)
        assert not one_time_password.is_in_use(User(password=""))


class TestRequestId:
    def answer(self, get_response=None, **headers):
        request = RequestFactory().get("/", headers=headers)
        return RequestIdMiddleware(get_response or (lambda _request: HttpResponse()))(request)

    def test_takes_a_good_one_and_repeats_it(self):
        answer = self.answer(**{"X-Request-ID": GOOD_ID})

        assert answer.headers["X-Request-ID"] == GOOD_ID

    @pytest.mark.parametrize(
        "text",
        ["", "short", "a b c d e f g h", "x" * 65, "é" * 12, "-starts-wrong", "a<script>bcdef"],
    )
    def test_makes_one_in_place_of_a_bad_one(self, text):
        made = self.answer(**{"X-Request-ID": text}).headers["X-Request-ID"]

        assert made != text
        assert request_ids.accept_or_make(made) == made

    def test_two_requests_have_two(self):
        assert self.answer().headers["X-Request-ID"] != self.answer().headers["X-Request-ID"]

    def test_is_there_for_the_audit_and_for_the_view_and_gone_afterwards(self):
        seen = []

        def view(request):
            seen.append((request_ids.current.get(), request.request_id))
            return HttpResponse()

        self.answer(view, **{"X-Request-ID": GOOD_ID})

        assert seen == [(GOOD_ID, GOOD_ID)]
        assert request_ids.current.get() == ""

    def test_is_gone_after_an_error_too(self):
        def view(_request):
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            self.answer(view)
        assert request_ids.current.get() == ""


async def awaited(middleware: Any, request: Any) -> Any:
    """Call as an async stack does."""
    return await middleware(request)


class TestUnderAsgi:
    def test_both_are_awaited_by_an_async_stack_and_called_by_a_sync_one(self):
        async def later(_request):
            return HttpResponse()

        for middleware in (RequestIdMiddleware, LoginEverywhereMiddleware):
            assert iscoroutinefunction(middleware(later))
            assert not iscoroutinefunction(middleware(lambda _request: HttpResponse()))

    async def test_requests_at_the_same_time_keep_their_own_ids(self):
        seen = {}

        async def view(request):
            await asyncio.sleep(0.01)
            seen[request.path] = request_ids.current.get()
            return HttpResponse()

        middleware = RequestIdMiddleware(view)
        requests = [
            RequestFactory().get(f"/{number}", headers={"X-Request-ID": f"request-{number:04d}"})
            for number in range(20)
        ]
        await asyncio.gather(*(awaited(middleware, request) for request in requests))

        assert seen == {f"/{number}": f"request-{number:04d}" for number in range(20)}

    async def test_a_stream_stays_a_stream(self):
        made = []

        async def parts():
            for number in range(3):
                made.append(number)
                yield str(number)

        async def view(_request):
            return StreamingHttpResponse(parts())

        request: Any = RequestFactory().get("/healthz")
        request.auser = None  # nobody asks on a public address
        answer = await awaited(RequestIdMiddleware(LoginEverywhereMiddleware(view)), request)

        assert made == []  # nothing was read ahead
        assert [part async for part in answer] == [b"0", b"1", b"2"]

    async def test_an_anonymous_async_request_is_sent_to_the_login(self):
        async def view(_request):
            raise AssertionError("the view was reached")

        async def nobody():
            return AnonymousUser()

        request = RequestFactory().get("/admin/")
        request.auser = nobody
        answer = await awaited(LoginEverywhereMiddleware(view), request)

        assert answer.headers["Location"].startswith(settings.LOGIN_URL)

    @pytest.mark.django_db(transaction=True)
    async def test_through_the_whole_stack(self):
        answer = await AsyncClient().get("/admin/", headers={"X-Request-ID": GOOD_ID})

        assert answer.status_code == 302
        assert answer.headers["X-Request-ID"] == GOOD_ID
