"""How much memory this machine has, and what is free of it: of a container, what its limits leave."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUPS = Path("/proc/self/cgroup")
_MEMINFO = Path("/proc/meminfo")


def total() -> int:
    """Return the bytes of memory that this process may have at most, swap space not counted."""
    return min([_physical(), *(limit for limit, _ in _limits())])


def swap() -> int:
    """Return the bytes of swap space; where the system does not say (macOS makes it as it goes), as many as
    there are of memory."""
    found = _meminfo("SwapTotal")
    return _physical() if found is None else found


def free() -> int:
    """Return the bytes that are free now, what is kept of files among them; all, where the system does not
    say."""
    found = _meminfo("MemAvailable")
    return max(0, min([total(), *([] if found is None else [found]), *(left for _, left in _limits())]))


def _physical() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _meminfo(name: str) -> int | None:
    try:
        found = re.search(rf"^{name}:\s+(\d+) kB$", _MEMINFO.read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None


def _limits() -> Iterator[tuple[int, int]]:
    """Yield each limit that this process' groups have, and what is left of it."""
    for folder in _groups():
        for most, used, files in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            try:
                limit = int((folder / most).read_text())
                taken = int((folder / used).read_text())
                kept = re.search(rf"^{files} (\d+)$", (folder / "memory.stat").read_text(), re.MULTILINE)
            except (OSError, ValueError):  # not there, or "max"
                continue
            yield limit, limit - taken + (int(kept[1]) if kept else 0)


def _groups() -> Iterator[Path]:
    """Yield the folders of this process' control groups and those above, of both versions. In a container
    its own group may be mounted as the uppermost."""
    try:
        lines = _OWN_CGROUPS.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        mounts = _CGROUPS / "memory" if controllers else _CGROUPS
        own = mounts / path.lstrip("/")
        yield from (one for one in (own, *own.parents) if one.is_relative_to(mounts))
