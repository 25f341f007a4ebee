"""Child processes that cannot outlive us: the kernel ends them when their parent dies, even by `kill -9`."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG = 1  # prctl(2)

# Runs in a fresh interpreter between fork and exec, so that nothing but `exec` follows `fork` in our own process, which
# may have threads. The order matters: Linux forgets the death signal when a process changes its user (prctl(2),
# PR_SET_PDEATHSIG), and a parent that died before prctl() would never be noticed, hence the look at getppid() after it.
_LAUNCHER = """
import ctypes, os, sys
parent, signal_number, uid, gid = (int(word) for word in sys.argv[1:5])
if uid >= 0:
    os.setgroups([]); os.setgid(gid); os.setuid(uid)
if sys.platform == "linux" and ctypes.CDLL(None, use_errno=True).prctl(1, signal_number, 0, 0, 0) != 0:
    sys.exit("prctl(PR_SET_PDEATHSIG): " + os.strerror(ctypes.get_errno()))
if os.getppid() != parent:
    sys.exit("the parent is gone already")
os.execvpe(sys.argv[5], sys.argv[5:], os.environ)
"""


@dataclass(frozen=True, slots=True)
class Account:
    """A user of the operating system, by number."""

    uid: int
    gid: int
    name: str


def die_with_parent(death_signal: signal.Signals = signal.SIGKILL) -> None:
    """Have the kernel send us the signal when the thread that forked us ends. For processes that others fork."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
    parent = multiprocessing.parent_process()
    if parent is not None and parent.pid != os.getppid():
        os.kill(os.getpid(), death_signal)


def spawn(
    command: Sequence[str | Path],
    *,
    log: IO[bytes] | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    account: Account | None = None,
    death_signal: signal.Signals = signal.SIGKILL,
    stdout: int | IO[bytes] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a command in a process group of its own, with output to `log`.

    The kernel sends `death_signal` to it when the THREAD that called this ends: call it from one that lives as long as
    the child should. A group of its own keeps the terminal's Ctrl-C from it: we stop children in our own order.
    """
    words = [os.getpid(), int(death_signal), account.uid if account else -1, account.gid if account else -1, *command]
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _LAUNCHER, *(str(word) for word in words)],
        stdin=subprocess.DEVNULL,
        stdout=stdout if stdout is not None else log,
        stderr=log if log is not None else None,
        env=None if env is None else dict(env),
        cwd=cwd,
        process_group=0,
    )


def stop(process: subprocess.Popen[bytes], *signals: signal.Signals, patience_s: float = 10) -> int:
    """Send the signals one after another, each with its patience, then SIGKILL to the group. Returns the exit code.

    Without signals it only waits: for a process that has been asked already.
    """
    for number in signals or (None,):
        if number is not None and process.poll() is None:
            process.send_signal(number)
        try:
            return process.wait(patience_s)
        except subprocess.TimeoutExpired:
            continue
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    return process.wait()
