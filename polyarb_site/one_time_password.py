"""A password that is good for one thing: choosing another one.

The mark is in the salt of the stored hash. So there is no flag to forget: a new password brings a
new salt, and the mark is gone in the same write.
"""

import secrets
import string

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User

_MARK = "onetime"
_LETTERS = string.ascii_letters + string.digits


def give(user: User) -> str:
    """Set a random one-time password on the user, without saving, and return it in clear."""
    password = "-".join("".join(secrets.choice(_LETTERS) for _ in range(6)) for _ in range(4))
    # Django's own salts have 22 characters; a shorter one would be replaced at the first login.
    salt = _MARK + "".join(secrets.choice(_LETTERS) for _ in range(22))
    user.password = make_password(password, salt=salt)
    return password


def is_in_use(user: User) -> bool:
    """Return whether the user still has the password that the portal made up."""
    parts = user.password.split("$")
    return len(parts) == 4 and parts[2].startswith(_MARK)
