"""Saving a revision of a profile: a form that is made from the one schema, key by key."""

from typing import Any

from django import forms
from django.utils.functional import cached_property
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from trading.admin.acting import Act, ReasonForm, Scene
from trading.admin.cells import record_url
from trading.models import Profile
from trading.selectors.configuration import KeyFacts, key_facts
from trading.services import save_profile
from trading.services.revisions import newest

SAVE = "trading.save_profile"
VALUE_LENGTH_MAX = 100


class SaveForm(ReasonForm):
    """The name, every key, and why. What a value may be is asked of the service alone."""

    name = forms.CharField(
        label="Profile",
        help_text="Another name makes a profile of its own: a-z, 0-9 and _.",
        widget=UnfoldAdminTextInputWidget,
    )
    seen = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for key in key_facts():
            self.fields[key.name] = _field(key)
        self.order_fields(["name", *(key.name for key in key_facts()), "reason"])


class Saving:
    """One page that saves, and where it leads when it has."""

    def __init__(self, row: Profile) -> None:
        self._row = row
        self._saved: Profile | None = None

    @cached_property
    def act(self) -> Act:
        """Return what can be done."""
        return Act(
            name="save",
            title=f"New revision from {self._row}",
            button="Save",
            what=(
                "The values become the next revision of the profile.",
                "Saving applies nothing: what is in force stays in force.",
            ),
            permission=SAVE,
            form=SaveForm,
            call=self._call,
        )

    @cached_property
    def scene(self) -> Scene:
        """Return what stands beside the form."""
        last = newest(self._row.name)
        return Scene(
            back_url=record_url(Profile, self._row.pk),
            next_url=lambda: record_url(Profile, (self._saved or self._row).pk),
            initial={
                **self._row.values,
                "name": self._row.name,
                "seen": last.revision if last else 0,
            },
        )

    def _call(self, user: Any, data: dict[str, Any]) -> str:
        name = data["name"]
        self._saved = save_profile(
            name,
            {key.name: data[key.name] for key in key_facts()},
            by=user,
            reason=data["reason"],
            # Under another name it is the first: one that is there is never written over.
            after_revision=data["seen"] if name == self._row.name else 0,
        )
        return f"{self._saved} is saved. It is not in force: apply it when you want that."


def _field(key: KeyFacts) -> forms.Field:
    unit = f" {key.unit}" if key.unit else ""
    if key.words:
        return forms.ChoiceField(
            label=key.name,
            help_text=key.help,
            choices=[(word, word) for word in key.words],
            widget=UnfoldAdminSelectWidget,
        )
    return forms.CharField(
        label=key.name,
        help_text=f"{key.help} {key.lowest} to {key.highest}{unit}; by default {key.default}.",
        max_length=VALUE_LENGTH_MAX,
        required=False,  # an empty value is named by the service, with what to write instead
        widget=UnfoldAdminTextInputWidget,
    )
