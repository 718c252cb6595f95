"""Passwords in tests: hashed as in the product, in no time."""

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class QuickHasher(PBKDF2PasswordHasher):
    """Django's own, with so few rounds that nobody waits. Known by the same name."""

    iterations = 10
