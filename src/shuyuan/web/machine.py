"""What this machine has: disk, memory, cores, backups. Reads the system; removes only old backups of its own."""

import ipaddress
import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

_MEMINFO = Path("/proc/meminfo")
BACKUPS, FROM_THE_PAGE = "backups", "shuyuan-page-"  # folder in the home; how names of backups made there begin


@dataclass(frozen=True)
class Memory:
    """Bytes of main memory: all of it, and what programs may still take. 0: the system does not say."""

    total: int
    available: int


def memory() -> Memory:
    """Main memory now."""
    if _MEMINFO.exists():
        lines = (line.split() for line in _MEMINFO.read_text().splitlines())
        kilobytes = {words[0].rstrip(":"): int(words[1]) for words in lines if len(words) > 1}
        return Memory(1024 * kilobytes.get("MemTotal", 0), 1024 * kilobytes.get("MemAvailable", 0))
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Memory(total, total)


def disk_free(home: Path) -> int:
    """Bytes free where the home lies."""
    return shutil.disk_usage(home if home.exists() else home.parent).free


def cores() -> int:
    """Processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def last_backup(home: Path) -> datetime | None:
    """When the newest backup in the home's own folder was written."""
    times = [path.stat().st_mtime for path in (home / BACKUPS).glob("*.zip")]
    return datetime.fromtimestamp(max(times), UTC) if times else None


def forget_old_backups(home: Path, kept: int) -> None:
    """Remove all but the newest backups made from the page; others in the folder are not ours to remove."""
    for old in sorted((home / BACKUPS).glob(f"{FROM_THE_PAGE}*.zip"), reverse=True)[kept:]:
        old.unlink(missing_ok=True)


def size(count: float) -> str:
    """Bytes in words.

    >>> size(98_362_432), size(1_117_000_000), size(4_200), size(0)
    ('98 MB', '1.1 GB', '4 kB', '0 MB')
    """
    if 0 < count < 500_000:
        return f"{max(1, count / 1e3):.0f} kB"
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def only_here(host: str) -> bool:
    """Whether an address leads to this machine alone: pupils' devices cannot open it."""
    if host in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
