"""The two forms about halting: one is easy on purpose, the other is not."""

from typing import Any

from django import forms
from django.contrib.auth.models import AbstractBaseUser
from unfold.widgets import (
    UnfoldAdminPasswordWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

REASON_LENGTH_MAX = 200


class HaltForm(forms.Form):
    """Nothing in it is required: nobody has to type to stop trading."""

    reason = forms.CharField(
        required=False,
        max_length=500,
        strip=True,
        label="Reason (optional)",
        widget=UnfoldAdminTextInputWidget(
            attrs={"placeholder": "What did you see?", "autocomplete": "off"}
        ),
    )


class ResumeForm(forms.Form):
    """Why, what has changed, and with real money the password again."""

    reason = forms.CharField(
        max_length=REASON_LENGTH_MAX,
        label="Why may trading go on?",
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
    )
    changed = forms.CharField(
        max_length=REASON_LENGTH_MAX,
        label="What has changed since the halt?",
        help_text="The cause you found, and what was done about it. Goes into the audit.",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )
    password = forms.CharField(
        required=False,
        label="Your password",
        help_text="Asked again because real money is traded.",
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, *args: Any, user: AbstractBaseUser, live: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._user = user
        if not live:
            del self.fields["password"]

    def clean_password(self) -> str:
        """Refuse anything but the password of whoever asks."""
        password: str = self.cleaned_data["password"]
        if not self._user.check_password(password):
            raise forms.ValidationError("This is not your password.")
        return password

    def full_reason(self) -> str:
        """Return both answers as the one reason that is recorded."""
        return f"{self.cleaned_data['reason']} Changed: {self.cleaned_data['changed']}"
