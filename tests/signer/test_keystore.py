"""The key at rest and in memory: who may read it, what opens it, and that it never shows."""

import copy
import json
import pickle
import sys

import pytest

from tests.signer.golden import ADDRESS, KEY_TEXT, key
from trading.signer.faults import StartRefusedError
from trading.signer.key import KeyRefusedError, SigningKey
from trading.signer.keystore import (
    create_keystore,
    create_password,
    open_keystore,
    read_password,
)
from trading.signer.launch import Launch

PASSWORD = b"correct horse battery"
CHEAP = 2**10  # a test guesses no passwords
SECRET = KEY_TEXT.removeprefix("0x")


@pytest.fixture
def stored(tmp_path):
    path = tmp_path / "signer" / "keystore.json"
    create_keystore(path, key(), PASSWORD, scrypt_cost=CHEAP)
    return path


class TestAKeystore:
    def test_gives_the_key_back(self, stored):
        assert open_keystore(stored, PASSWORD).address == ADDRESS

    def test_is_for_its_owner_only_and_does_not_hold_the_key_in_clear(self, stored):
        assert stored.stat().st_mode & 0o777 == 0o600
        assert stored.parent.stat().st_mode & 0o777 == 0o700
        assert SECRET not in stored.read_text()

    def test_is_of_the_common_format(self, stored):
        content = json.loads(stored.read_text())

        assert (content["version"], content["crypto"]["kdf"]) == (3, "scrypt")
        assert content["crypto"]["kdfparams"]["n"] == CHEAP

    def test_is_never_written_over(self, stored):
        with pytest.raises(FileExistsError):
            create_keystore(stored, key(), PASSWORD, scrypt_cost=CHEAP)

        assert open_keystore(stored, PASSWORD).address == ADDRESS

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
    def test_open_to_others_is_refused(self, stored, mode):
        stored.chmod(mode)

        with pytest.raises(StartRefusedError, match="chmod 600"):
            open_keystore(stored, PASSWORD)

    def test_does_not_open_with_another_password(self, stored):
        with pytest.raises(StartRefusedError, match="does not open with this password"):
            open_keystore(stored, b"incorrect horse battery")

    @pytest.mark.parametrize("content", ["", "[]", "{}", '{"version": 4}', "[" * 5_000])
    def test_that_is_none_is_refused(self, stored, content):
        stored.write_text(content)

        with pytest.raises(StartRefusedError, match="no keystore of version 3"):
            open_keystore(stored, PASSWORD)

    def test_that_lost_a_part_is_refused(self, stored):
        content = json.loads(stored.read_text())
        del content["crypto"]["kdfparams"]
        stored.write_text(json.dumps(content))

        with pytest.raises(StartRefusedError, match="is damaged"):
            open_keystore(stored, PASSWORD)

    def test_that_names_another_address_is_refused(self, stored):
        content = json.loads(stored.read_text())
        stored.write_text(json.dumps(content | {"address": "11" * 20}))

        with pytest.raises(StartRefusedError, match="names another address"):
            open_keystore(stored, PASSWORD)

    def test_that_is_missing_says_how_to_make_one(self, tmp_path):
        with pytest.raises(StartRefusedError, match=r"manage\.py create_keystore"):
            open_keystore(tmp_path / "none.json", PASSWORD)

    def test_leaves_the_recursion_limit_as_it_is(self, stored):
        open_keystore(stored, PASSWORD)

        assert sys.getrecursionlimit() < 10_000


class TestAPasswordFile:
    def test_is_made_long_and_private(self, tmp_path):
        path = tmp_path / "password"
        password = create_password(path)

        assert read_password(path) == password
        assert len(password) > 40
        assert path.stat().st_mode & 0o777 == 0o600

    @pytest.mark.parametrize(
        ("content", "mode", "why"),
        [
            (b"short\n", 0o600, "less than 12"),
            (b"\n", 0o600, "less than 12"),
            (PASSWORD, 0o640, "chmod 600"),
            (b"x" * 70_000, 0o600, "larger than"),
        ],
    )
    def test_is_refused(self, tmp_path, content, mode, why):
        path = tmp_path / "password"
        path.write_bytes(content)
        path.chmod(mode)

        with pytest.raises(StartRefusedError, match=why):
            read_password(path)

    def test_that_is_missing_is_refused(self, tmp_path):
        with pytest.raises(StartRefusedError, match="put the keystore's password there"):
            read_password(tmp_path / "none")

    def test_that_is_a_directory_is_refused(self, tmp_path):
        with pytest.raises(StartRefusedError, match="no plain file"):
            read_password(tmp_path)


class TestAKey:
    @pytest.mark.parametrize("text", [KEY_TEXT, SECRET, f" {SECRET.upper()}\n"])
    def test_is_read_from_hex(self, text):
        assert SigningKey.from_text(text).address == ADDRESS

    @pytest.mark.parametrize("text", ["", "0x12", SECRET[:-1], SECRET + "0", "g" * 64, "f" * 64])
    def test_is_refused_without_being_repeated(self, text):
        with pytest.raises(KeyRefusedError) as refused:
            SigningKey.from_text(text)

        assert not text or text not in str(refused.value)

    def test_shows_only_its_address(self, stored):
        assert f"{key()!r} {key()}" == f"SigningKey({ADDRESS}) SigningKey({ADDRESS})"

    @pytest.mark.parametrize("leave", [pickle.dumps, copy.copy, copy.deepcopy])
    def test_does_not_leave_its_process(self, leave):
        with pytest.raises(TypeError, match="stays in the process"):
            leave(key())

    def test_is_not_in_what_a_launch_shows_of_itself(self):
        from tests.signer.builders import policy

        launch = Launch(
            policy=policy(), socket="s", spend_file="f", keystore="k", password_file="p", key=SECRET
        )

        assert SECRET not in repr(launch)
