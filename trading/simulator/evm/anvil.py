"""The local chain's process: started on this machine only, saved while it runs, never orphaned.

What a kill -9 may take away is what happened since the last save, a fraction of a second ago, like
the last blocks of a chain that is reorganised; the venue's own part of that is sent again. The
saves are ours: anvil writes its own file in place, and a kill in the middle would leave half of it.
When our process dies, however it dies, the kernel sends anvil SIGTERM, and it saves what it has.
"""

import ctypes
import gzip
import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trading.simulator.evm.rpc import ChainError, Rpc

LOOPBACK = "127.0.0.1"
CHAIN_ID = 137  # the venue's: signatures must hold here too
SAVED, LAST_WORD = "state.json", "exit.json"
PR_SET_PDEATHSIG = 1
STEP_S = 0.02  # between two looks while it starts
STEPS_MAX = 500
PORTS_TRIED_MAX = 5
STOP_S_MAX = 10
DEATH_S_MAX = 1
# Saves follow each other so slowly that they cost a small share of one core, however large they
# become: a large state is dumped at about 15 MB of its compressed form in a second.
SAVE_PAUSE_S = 0.2
SAVE_BYTES_PER_PAUSE_S = 3_000_000
STATES_KEPT = 512  # blocks at which a balance can still be read
BLOCKS_KEPT = 512  # blocks that a saved state brings back; the accounts are always whole

_libc = ctypes.CDLL(None, use_errno=True)


class Anvil:
    """One chain. Its folder holds `state.json` (ours) and `exit.json` (anvil's own last words).

    Start it from a thread that lives as long as it shall live: the kernel ends it with its thread.
    """

    def __init__(self, program: Path, folder: Path, *, block_time_s: int = 0) -> None:
        """With a block time there is a block every so often also without a transaction."""
        self._command = [str(program), "--host", LOOPBACK, "--chain-id", str(CHAIN_ID)]
        self._command += ["--accounts", "0"]  # nobody's money lies around here
        self._command += ["--prune-history", str(STATES_KEPT), "--quiet"]
        self._command += ["--transaction-block-keeper", str(BLOCKS_KEPT)]
        if block_time_s:
            self._command += ["--mixed-mining", "--block-time", str(block_time_s)]
        self.folder = folder
        self._saved, self._exit = folder / SAVED, folder / LAST_WORD
        self._process: subprocess.Popen[bytes] | None = None
        self.lock = threading.RLock()
        self._stopping = threading.Event()
        self._keeper: threading.Thread | None = None
        self._after_revival: Callable[[], None] = lambda: None
        self.rpc = Rpc(LOOPBACK, 0)
        self.saved_block = -1

    @property
    def pid(self) -> int:
        """The process id of the chain, 0 before it was started."""
        return self._process.pid if self._process is not None else 0

    def start(self) -> None:
        """Start from what was saved last; raises ChainError when it does not come up."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        for _ in range(PORTS_TRIED_MAX):
            self.rpc = Rpc(LOOPBACK, _free_port())
            if self._run():
                return
        raise ChainError("anvil does not start", permanent=True)

    def keep(self, after_revival: Callable[[], None]) -> None:
        """Save now and from now on, and start it again whenever it died.

        Then `after_revival` is called, in the thread that noticed it first.
        """
        self.save()
        self._after_revival = after_revival
        self._keeper = threading.Thread(target=self._keep, name="anvil-keeper", daemon=True)
        self._keeper.start()

    def revive(self) -> None:
        """Start it again at the same address if it died; raises ChainError when that fails."""
        with self.lock:
            if self._stopping.is_set() or self._is_alive():
                return
            if not self._run():
                raise ChainError("anvil died and does not start again", permanent=True)
            self._after_revival()
            self.save()

    def _is_alive(self) -> bool:
        """Say whether it runs; one that was killed just now takes a moment to be gone."""
        try:
            self.rpc.ask("eth_chainId")
        except ChainError:
            pass
        else:
            return True
        if self._process is None:
            return False
        try:
            self._process.wait(DEATH_S_MAX)
        except subprocess.TimeoutExpired:
            return True
        return False

    def save(self) -> int:
        """Write the whole chain to its file, all or nothing; return its compressed size in bytes.

        Raises ChainError when the chain does not answer.
        """
        process = self._process
        block = int(self.rpc.ask("eth_blockNumber"), 16)
        packed = bytes.fromhex(self.rpc.ask("anvil_dumpState").removeprefix("0x"))
        whole = gzip.decompress(packed)
        with self.lock:  # transactions wait for the disk only, not for the dump
            if process is self._process:  # else it has died since and began again from its file
                write_whole(self._saved, whole)
                self.saved_block = block
        return len(packed)

    def stop(self) -> None:
        """Save, end the process and wait for it."""
        self._stopping.set()
        if self._keeper is not None:
            self._keeper.join()
            self._keeper = None
        with self.lock:
            if self._process is not None:
                self._process.terminate()
                try:
                    self._process.wait(STOP_S_MAX)
                except subprocess.TimeoutExpired:
                    self._process.kill()
                    self._process.wait()
            self.rpc.close()

    def _run(self) -> bool:
        """Start the process and wait until it answers; False when it ended instead."""
        self._gather()
        command = [*self._command, "--port", str(self.rpc.port)]
        command += ["--dump-state", str(self._exit)]
        if self._saved.is_file():
            command += ["--load-state", str(self._saved)]
        parent = os.getpid()

        def tie_to_parent() -> None:
            # An orphan would go on under an address that nobody knows.
            if hasattr(_libc, "prctl"):
                _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != parent:
                os._exit(1)

        self._process = subprocess.Popen(  # noqa: S603 - the command is ours
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
            start_new_session=True,  # Ctrl-C is for us: we end it when we are done
            preexec_fn=tie_to_parent,  # noqa: PLW1509 - calls one C function
        )
        for _ in range(STEPS_MAX):
            if self._process.poll() is not None:
                return False
            try:
                self.rpc.ask("eth_chainId")
            except ChainError:
                time.sleep(STEP_S)
            else:
                return True
        self._process.kill()
        self._process.wait()
        return False

    def _gather(self) -> None:
        """Keep the newer of the two states, without its oldest blocks.

        Anvil's own may be torn by a kill, ours never is.
        """
        found = [state for path in (self._saved, self._exit) if (state := _read(path))]
        if found:
            newest = max(found, key=lambda state: int(state["best_block_number"]))
            self.saved_block = int(newest["best_block_number"])
            oldest = self.saved_block - BLOCKS_KEPT
            newest["blocks"] = [
                one for one in newest["blocks"] if int(one["header"]["number"], 16) > oldest
            ]
            newest["transactions"] = [
                one for one in newest["transactions"] if one["block_number"] > oldest
            ]
            write_whole(self._saved, json.dumps(newest).encode())
        self._exit.unlink(missing_ok=True)

    def _keep(self) -> None:
        pause_s, looked_at = SAVE_PAUSE_S, self.saved_block
        while not self._stopping.wait(pause_s):
            try:
                self.revive()
                block = int(self.rpc.ask("eth_blockNumber"), 16)
                if self._is_busy(looked_at, block):
                    pause_s = SAVE_PAUSE_S + self.save() / SAVE_BYTES_PER_PAUSE_S
                looked_at = block
            except ChainError:
                pause_s = SAVE_PAUSE_S  # it died just now, the next round starts it again
        self.rpc.close()

    def _is_busy(self, looked_at: int, block: int) -> bool:
        """Say whether something happened in the blocks after one: empty ones come by the clock."""
        return any(
            int(self.rpc.ask("eth_getBlockTransactionCountByNumber", hex(number)) or "0x0", 16)
            for number in range(max(looked_at + 1, block - BLOCKS_KEPT), block + 1)
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that it has the old or the new content whatever happens."""
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _read(path: Path) -> dict[str, Any] | None:
    """Return a saved state, None when there is none or it is torn."""
    try:
        state: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return state if {"best_block_number", "blocks", "transactions"} <= state.keys() else None
