"""Turns our Solidity into bytecode with npm's compiler, once, and finds what npm brought.

`python -m trading.simulator.evm.compiling FOLDER` compiles into FOLDER, where node_modules already
is; `make evm` says it. What is compiled is kept under the hash of its sources, so that the chain
starts without Node. The bytecode of ConditionalTokens (LGPL) is read from its package at run time.
"""

import json
import platform
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

SOURCES = Path(__file__).parent / "contracts"
CONDITIONAL_TOKENS = (
    "node_modules/@gnosis.pm/conditional-tokens-contracts/build/contracts/ConditionalTokens.json"
)
OUTPUT = {"*": {"*": ["evm.bytecode.object"]}}
# Older than what the local chain runs, so that every opcode is known to it.
SETTINGS = {"optimizer": {"enabled": True}, "evmVersion": "cancun", "outputSelection": OUTPUT}
SCRIPT = """
const solc = require("solc");
const input = require("fs").readFileSync(0, "utf8");
process.stdout.write(solc.compile(input));
"""
COMPILE_S_MAX = 120
# How npm's packages call what Python calls otherwise.
MACHINES = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


class NotInstalledError(Exception):
    """The local chain lacks something of npm's; the message says what to do."""


def anvil_program(folder: Path) -> Path:
    """Return the chain's program; raises NotInstalledError when npm did not bring it."""
    machine = MACHINES.get(platform.machine(), platform.machine())
    package = f"anvil-{platform.system().lower()}-{machine}"
    program = folder / "node_modules" / "@foundry-rs" / package / "bin" / "anvil"
    if not program.is_file():
        raise NotInstalledError(f"{package} is not installed; with npm on the path: make evm")
    return program


def bytecodes(folder: Path) -> dict[str, str]:
    """Return the creation code of each contract as hex digits without 0x, by its name.

    Raises NotInstalledError when something was not installed or not compiled.
    """
    compiled = _compiled_file(folder, _sources())
    real = folder / CONDITIONAL_TOKENS
    if not compiled.is_file() or not real.is_file():
        raise NotInstalledError("the contracts are not compiled; with npm on the path: make evm")
    found: dict[str, str] = json.loads(compiled.read_text("utf-8"))
    creation: str = json.loads(real.read_text("utf-8"))["bytecode"]
    return found | {"ConditionalTokens": creation.removeprefix("0x")}


def compile_contracts(folder: Path) -> None:
    """Compile what is not compiled yet; raises NotInstalledError when Node or solc fails."""
    sources = _sources()
    target = _compiled_file(folder, sources)
    if target.is_file():
        return
    node = shutil.which("node")
    if node is None:
        raise NotInstalledError("node is not on the path; on Debian: apt-get install nodejs npm")
    asked = {
        "language": "Solidity",
        "sources": {name: {"content": text} for name, text in sources.items()},
        "settings": SETTINGS,
    }
    answer = subprocess.run(  # noqa: S603 - the script is ours
        [node, "-e", SCRIPT],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=COMPILE_S_MAX,
        check=False,
    )
    if answer.returncode != 0:
        raise NotInstalledError(f"the compiler did not run: {answer.stderr.strip()[-400:]}")
    # It is read again at each start: never leave half of it under its final name.
    part = target.with_suffix(".part")
    part.write_text(json.dumps(_codes(json.loads(answer.stdout))), "utf-8")
    part.replace(target)


def _codes(answer: dict[str, Any]) -> dict[str, str]:
    problems = [one["formattedMessage"] for one in answer.get("errors", ())]
    if problems:
        raise NotInstalledError("the contracts do not compile:\n" + "\n".join(problems))
    return {
        name: contract["evm"]["bytecode"]["object"]
        for contracts in answer["contracts"].values()
        for name, contract in contracts.items()
        if contract["evm"]["bytecode"]["object"]  # an interface has none
    }


def _sources() -> dict[str, str]:
    return {path.name: path.read_text("utf-8") for path in sorted(SOURCES.glob("*.sol"))}


def _compiled_file(folder: Path, sources: dict[str, str]) -> Path:
    said = json.dumps([sources, SETTINGS], sort_keys=True)
    return folder / f"contracts-{sha256(said.encode()).hexdigest()[:16]}.json"


def main(arguments: list[str]) -> int:
    """Compile into the folder that is named; return the exit status."""
    try:
        compile_contracts(Path(arguments[0]))
    except NotInstalledError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a program's own message
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
