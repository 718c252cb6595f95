"""Making a key and running the signer as a person does, and that the key is nowhere else."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from polyarb_site import children
from polyarb_site.children import Child, Program
from tests.helpers.commands import run_command
from tests.helpers.installation import ROOT, wait_for
from tests.signer.builders import order
from tests.signer.golden import ADDRESS, DEPOSIT_WALLET, DOMAIN, KEY_TEXT
from trading.signer.client import SignerClient
from trading.signer.environment import KEY_VARIABLE, take_key
from trading.signer.keystore import open_keystore, read_password
from trading.signer.terms import Code

SECRET = KEY_TEXT.removeprefix("0x")
EXAMPLE = (ROOT / "config" / "signer.example.yaml").read_text()


@pytest.fixture
def data_dir(short_dir, settings):
    """The settings of a signer whose files lie in a directory of this test."""
    settings.SIGNER_KEYSTORE = short_dir / "signer" / "keystore.json"
    settings.SIGNER_PASSWORD_FILE = short_dir / "signer" / "password"
    return short_dir


class TestCreateKeystore:
    @pytest.mark.slow
    def test_makes_a_key_and_shows_only_its_address(self, data_dir, settings):
        status, said, _ = run_command("create_keystore")

        password = read_password(settings.SIGNER_PASSWORD_FILE)
        key = open_keystore(settings.SIGNER_KEYSTORE, password)
        assert status == 0
        assert f"address    {key.address}" in said
        assert key.secret().hex() not in said
        assert password.decode() not in said

    @pytest.mark.slow
    def test_imports_a_key_that_is_typed_unseen(self, data_dir, settings, monkeypatch):
        monkeypatch.setattr("getpass.getpass", lambda _prompt: KEY_TEXT)

        status, said, _ = run_command("create_keystore", "--import-key")

        assert status == 0
        assert ADDRESS in said
        assert SECRET not in said

    def test_imports_no_file_that_others_can_read(self, data_dir):
        file = data_dir / "key"
        file.write_text(KEY_TEXT)
        file.chmod(0o644)

        status, said, complained = run_command("create_keystore", "--from-file", str(file))

        assert status == 1
        assert "chmod 600" in complained
        assert SECRET not in said + complained

    @pytest.mark.slow
    def test_imports_a_private_file_under_a_password_that_is_there(self, data_dir, settings):
        file = data_dir / "key"
        file.write_text(KEY_TEXT)
        file.chmod(0o600)
        settings.SIGNER_PASSWORD_FILE.parent.mkdir()
        settings.SIGNER_PASSWORD_FILE.write_text("correct horse battery\n")
        settings.SIGNER_PASSWORD_FILE.chmod(0o600)

        status, _, _ = run_command("create_keystore", "--from-file", str(file))

        assert status == 0
        opened = open_keystore(settings.SIGNER_KEYSTORE, b"correct horse battery")
        assert opened.address == ADDRESS

    @pytest.mark.parametrize("text", ["swordfish", "f" * 64])
    def test_takes_no_other_text_for_a_key(self, data_dir, settings, monkeypatch, text):
        monkeypatch.setattr("getpass.getpass", lambda _prompt: text)

        status, said, complained = run_command("create_keystore", "--import-key")

        assert status == 1
        assert text not in said + complained
        assert not settings.SIGNER_KEYSTORE.exists()

    def test_never_writes_over_a_key(self, data_dir, settings):
        settings.SIGNER_KEYSTORE.parent.mkdir()
        settings.SIGNER_KEYSTORE.write_text("precious")

        status, _, complained = run_command("create_keystore")

        assert status == 1
        assert "move it away first" in complained
        assert settings.SIGNER_KEYSTORE.read_text() == "precious"


class Runner:
    """`manage.py run_signer` on a data directory of its own."""

    def __init__(self, directory):
        self.directory = directory
        self.socket = directory / "run" / "signer" / "signer.sock"
        self.log = directory / "signer.log"
        self.process = None

    def policy(self, **changes):
        text = EXAMPLE.replace("0x0000000000000000000000000000000000000001", ADDRESS)
        text = text.replace("0x0000000000000000000000000000000000000002", DEPOSIT_WALLET)
        for name, value in ({"phase": "1"} | changes).items():
            before = next(line for line in text.splitlines() if line.startswith(f"{name}:"))
            text = text.replace(before, f"{name}: {value}")
        file = self.directory / "signer" / "policy.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        return self

    def start(self, **variables):
        plain = {k: v for k, v in os.environ.items() if not k.startswith("POLYARB_")}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), "run_signer"],
                cwd=self.directory,  # a person may start it from anywhere
                env=plain | {"POLYARB_DATA_DIR": str(self.directory)} | variables,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        return self

    def ready(self):
        wait_for(lambda: "signer of" in self.said() or self.process.poll(), 20, "the signer")
        return self

    def said(self):
        return self.log.read_text()


@pytest.fixture
def runner(short_dir):
    made = Runner(short_dir)
    yield made
    if made.process is not None:
        made.process.kill()
        made.process.wait(10)


class TestRunSigner:
    async def test_signs_with_the_key_of_its_variable_and_shows_it_to_nobody(self, runner):
        runner.policy().start(POLYARB_SIGNER_KEY=KEY_TEXT).ready()
        client = SignerClient(runner.socket)

        signed = await client.sign_orders(DOMAIN, [order()])
        refused = await client.sign_orders(DOMAIN, [order(maker_micro=6_000_001)])

        client.close()
        process = psutil.Process(runner.process.pid)
        assert len(signed) == 1
        assert refused.code is Code.BUY_TOO_LARGE
        assert f"signer of {ADDRESS} for {DEPOSIT_WALLET}, phase 1" in runner.said()
        assert SECRET not in runner.said()
        assert SECRET not in str(process.environ())
        assert SECRET not in str(process.cmdline())
        assert KEY_VARIABLE not in process.environ()
        files = [one for one in runner.directory.rglob("*") if one.is_file()]
        assert len(files) >= 3
        assert [one for one in files if SECRET in one.read_text(errors="replace")] == []

    def test_ends_cleanly_when_told(self, runner):
        runner.policy().start(POLYARB_SIGNER_KEY=KEY_TEXT).ready()

        runner.process.send_signal(signal.SIGTERM)

        assert runner.process.wait(10) == 0
        assert not runner.socket.exists()

    @pytest.mark.slow
    async def test_signs_with_the_key_of_its_keystore(self, runner, data_dir):
        assert run_command("create_keystore")[0] == 0
        address = open_keystore(
            data_dir / "signer" / "keystore.json", read_password(data_dir / "signer" / "password")
        ).address
        runner.policy(owner=f'"{address}"').start().ready()

        client = SignerClient(runner.socket)
        answer = await client.hello()

        client.close()
        assert answer.address == address

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("changes", "why"),
        [
            ({"owner": f'"{DEPOSIT_WALLET}"'}, "owner: the policy is for 0x1111"),
            ({"phase": "7"}, "policy.yaml: phase: there is none above 3"),
            ({"day_buy_max": "50"}, "day_buy_max: 50 is not a text in quotes"),
            ({"day_buy_max": "0.5"}, "amounts in quotes"),
        ],
    )
    def test_does_not_start_on_a_policy_that_is_wrong(self, runner, changes, why):
        runner.policy(**changes).start(POLYARB_SIGNER_KEY=KEY_TEXT)

        assert runner.process.wait(20) == 1
        assert why in runner.said()
        assert SECRET not in runner.said()

    @pytest.mark.slow
    def test_does_not_start_without_a_policy(self, runner):
        runner.start(POLYARB_SIGNER_KEY=KEY_TEXT)

        assert runner.process.wait(20) == 1
        assert "start from config/signer.example.yaml" in runner.said()

    @pytest.mark.slow
    def test_does_not_start_without_a_key(self, runner):
        runner.policy().start()

        assert runner.process.wait(20) == 1
        assert "password is missing" in runner.said()


class TestTheVariable:
    def test_is_gone_once_it_is_taken(self):
        variables = {KEY_VARIABLE: "secret", "PATH": "/bin"}

        assert take_key(variables) == "secret"
        assert variables == {"PATH": "/bin"}

    def test_is_empty_when_it_is_not_set(self):
        assert take_key({}) == ""

    def test_is_one_that_no_child_inherits_by_itself(self):
        assert KEY_VARIABLE in children.SECRET_VARIABLES


class TestAChild:
    def started(self, tmp_path, monkeypatch, **more):
        monkeypatch.setenv(KEY_VARIABLE, KEY_TEXT)
        program = Program(
            name="web",
            command=[sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"],
            variables={"Q_CLUSTER_NAME": "jobs"},
            grace_s=1,
            hurried_grace_s=1,
            **more,
        )
        child = Child(program, tmp_path, lambda *_: None)
        log = Path(tmp_path) / "web.log"
        wait_for(lambda: log.exists() and "up" in log.read_text(), 10, "the child")
        variables = psutil.Process(child.pid).environ()
        child.kill()
        child.close()
        return variables

    def test_does_not_hold_the_key(self, tmp_path, monkeypatch):
        variables = self.started(tmp_path, monkeypatch)

        assert KEY_VARIABLE not in variables
        assert variables["Q_CLUSTER_NAME"] == "jobs"

    def test_holds_it_only_when_its_program_says_so(self, tmp_path, monkeypatch):
        variables = self.started(tmp_path, monkeypatch, secrets=frozenset({KEY_VARIABLE}))

        assert variables[KEY_VARIABLE] == KEY_TEXT
