"""Forms of silences and channels. They judge nothing: the services say what is wrong, by field."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms

from alerts.models import Channel, Silence
from alerts.rules.rule import LEVELS

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
HOURS_MAX = 24 * 366
_LEVELS = [(level.value, level.value) for level in LEVELS]


def _line(label: str, help_text: str = "", **attributes: Any) -> forms.CharField:
    widget = forms.TextInput(attrs={"autocomplete": "off", **attributes})
    return forms.CharField(
        required=False, label=label, help_text=help_text, widget=widget, max_length=2_100
    )


def _secret(label: str, help_text: str = "") -> forms.CharField:
    # Never rendered with a value: what was typed is gone with the answer.
    widget = forms.PasswordInput(attrs={"autocomplete": "new-password"}, render_value=False)
    return forms.CharField(
        required=False, label=label, help_text=help_text, widget=widget, max_length=2_100
    )


def _boxes(label: str, choices: Iterable[tuple[str, str]], help_text: str = "") -> Any:
    return forms.MultipleChoiceField(
        required=False, label=label, choices=list(choices), help_text=help_text,
        widget=forms.CheckboxSelectMultiple,
    )  # fmt: skip


class ServiceForm(forms.Form):
    """A form whose errors are those of a service: a problem begins with the name of its field.

    With scripts only the fields of the chosen kind are shown; `only` names those of some kinds.
    """

    places: Mapping[str, str] = {}  # fields of the service that have another name here
    only: Mapping[str, str] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, kinds in self.only.items():
            if name in self.fields:
                self.fields[name].kinds = kinds  # type: ignore[attr-defined] # for the template

    def tell(self, problems: Iterable[str]) -> None:
        """Put each problem beside its field."""
        self.is_valid()  # only makes the place for errors
        for problem in problems:
            name, _, said = problem.partition(" ")
            field = self.places.get(name, name)
            self.add_error(field if field in self.fields else None, said or problem)


class SilenceForm(ServiceForm):
    """A silence, or a window that comes back each week."""

    places = {"ends_at": "hours", "from_minute": "from_time", "starts_at": "hours"}
    only = dict.fromkeys(("weekdays", "from_time", "minutes"), "MAINTENANCE")

    kind = forms.ChoiceField(required=False, label="Kind", choices=Silence.Kind.choices)
    rule_ids = _line("Rules", "Ids with commas; empty: every rule")
    levels = _boxes("Levels", _LEVELS, "None chosen: every level")
    hours = _line(
        "For how many hours", "A window comes back each week for that long", inputmode="decimal"
    )
    weekdays = _boxes("On", ((str(number), day) for number, day in enumerate(DAYS)), "Days of UTC")
    from_time = _line("From", "UTC, as 03:30", placeholder="03:30")
    minutes = _line("Lasts, minutes", "It may pass midnight", inputmode="numeric")
    reason = forms.CharField(
        required=False, label="Reason", max_length=1_000, widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Why nobody is to be told; shown beside each alert that it mutes",
    )  # fmt: skip

    def values(self, account: str, now: datetime) -> dict[str, Any]:
        """Return what the service takes. What is no number goes through as it is: it says so."""
        given = self.data
        kind = str(given.get("kind", ""))
        made: dict[str, Any] = {
            "kind": kind,
            "account": account,
            "rule_ids": [one.strip() for one in str(given.get("rule_ids", "")).split(",")
                         if one.strip()],
            "levels": _several(given, "levels"),
            "reason": str(given.get("reason", "")),
            "ends_at": _end(str(given.get("hours", "")), now),
        }  # fmt: skip
        if kind == Silence.Kind.MAINTENANCE:
            made |= {
                "weekdays": [int(one) for one in _several(given, "weekdays") if one.isdecimal()],
                "from_minute": _minute(str(given.get("from_time", ""))),
                "minutes": _whole(str(given.get("minutes", ""))),
            }
        return made


class ChannelForm(ServiceForm):
    """A channel. Its address and keys are typed and never shown again; empty keeps the old ones."""

    places = {
        f"address.{name}": name
        for name in ("url", "key", "host", "port", "security", "user", "password", "from", "to")
    } | {"address": "url"}
    only = {
        "url": "WEBHOOK ALERTMANAGER APPRISE",
        "key": "WEBHOOK ALERTMANAGER",
        **dict.fromkeys(("host", "port", "security", "user", "password", "to", "from"), "EMAIL"),
    }

    field_order = (
        *("name", "kind", "url", "key", "host", "port", "security", "user", "password", "from"),
        *("to", "level_min", "tier", "enabled", "tell_resolved"),
    )

    name = _line("Name")
    kind = forms.ChoiceField(required=False, label="Kind", choices=Channel.Kind.choices)
    enabled = forms.BooleanField(required=False, label="It is on")
    level_min = forms.ChoiceField(
        required=False, label="Hears of", choices=[(one, f"{one} and graver") for one, _ in _LEVELS]
    )
    tier = _line("Tier", "1 hears at once, the next ones only of what nobody acknowledges")
    tell_resolved = forms.BooleanField(required=False, label="Tell when it has ended, too")
    url = _secret("Address", "Webhook: https://...; Apprise: such as tgram://TOKEN/CHAT")
    key = _secret("Key", "Webhook: the receiver checks the signature with it")
    host = _line("Mail server")
    port = _line("Port", "usually 587", inputmode="numeric")
    security = forms.ChoiceField(
        required=False, label="Security",
        choices=[("STARTTLS", "STARTTLS"), ("TLS", "TLS"), ("NONE", "none")],
    )  # fmt: skip
    user = _line("Mail user")
    password = _secret("Mail password")
    to = _line("To", "E-mail addresses, with commas")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["from"] = _line("From")  # a word of Python, so no attribute
        self.fields["from"].kinds = "EMAIL"  # type: ignore[attr-defined]
        self.order_fields(self.field_order)

    def values(self) -> dict[str, Any]:
        """Return what the service takes. An address of which nothing was typed is empty."""
        given = self.data
        kind = str(given.get("kind", ""))
        mail = ("host", "port", "user", "password", "from", "to")
        names = {
            Channel.Kind.EMAIL.value: mail,
            Channel.Kind.APPRISE.value: ("url",),
        }.get(kind, ("url", "key"))
        typed = {name: str(given.get(name, "")).strip() for name in names}
        address = {name: text for name, text in typed.items() if text}
        if address and kind == Channel.Kind.EMAIL:
            address["security"] = str(given.get("security", ""))
        return {
            "kind": kind,
            "enabled": bool(given.get("enabled")),
            "level_min": str(given.get("level_min", "")),
            "tier": _whole(str(given.get("tier", ""))),
            "tell_resolved": bool(given.get("tell_resolved")),
            "address": address or "",
        }


NEW_CHANNEL = {
    "kind": Channel.Kind.WEBHOOK.value,
    "enabled": True,
    "level_min": "WARNING",
    "tier": 1,
    "tell_resolved": True,
    "port": 587,
}
NEW_SILENCE = {"kind": Silence.Kind.SILENCE.value, "hours": "4"}


def _several(given: Any, name: str) -> list[str]:
    found = given.getlist(name) if hasattr(given, "getlist") else given.get(name, [])
    return [str(one) for one in found]


def _whole(text: str) -> int | str:
    plain = text.strip()
    return int(plain) if plain.isascii() and plain.isdigit() and len(plain) < 9 else plain


def _minute(text: str) -> int | str:
    hours, _, minutes = text.strip().partition(":")
    hour, minute = _whole(hours), _whole(minutes or "0")
    if isinstance(hour, int) and isinstance(minute, int) and minute < 60:
        return hour * 60 + minute
    return text.strip() or 0


def _end(text: str, now: datetime) -> datetime | str:
    """Return when so many hours from now are over; text that is no number as it is."""
    hours = _whole(text)
    if isinstance(hours, int) and 0 < hours <= HOURS_MAX:
        return now.astimezone(UTC) + timedelta(hours=hours)
    return text.strip()
