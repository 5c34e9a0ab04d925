"""What the kernel says of a process and its children: CPU time and memory.

It must not know what the processes are.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path


def family(pid: int) -> list[int]:
    """The process and all its descendants."""
    pids = [pid]
    for each in pids:
        for children in Path(f"/proc/{each}/task").glob("*/children"):
            # A thread may end meanwhile.
            with suppress(OSError):
                pids += map(int, children.read_text().split())
    return pids


def cpu_seconds(pids: list[int]) -> float:
    """User and system time of all threads, those included that have ended, by the scheduler's nanoseconds.

    It is the sum that ``/proc/PID/task/*/schedstat`` shows of the threads that live.
    """
    return sum(time.clock_gettime(_cpu_clock(pid)) for pid in pids)


def _cpu_clock(pid: int) -> int:
    """The clock that ``clock_getcpuclockid`` of the C library answers with."""
    return (~pid << 3) | 2


def resident(pids: list[int]) -> int:
    """Bytes of memory now."""
    return sum(_status(pid, "VmRSS") for pid in pids)


def peak(pids: list[int]) -> int:
    """The most bytes of memory since ``reset_peak``; of several processes, the sum of theirs."""
    return sum(_status(pid, "VmHWM") for pid in pids)


def reset_peak(pids: list[int]) -> None:
    for pid in pids:
        Path(f"/proc/{pid}/clear_refs").write_text("5")


def _status(pid: int, field: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0]) * 1024
    raise ValueError(f"{field} is not in /proc/{pid}/status")


def cores() -> int:
    return len(os.sched_getaffinity(0))
