"""How fast a school opens, what it costs idle, and what its pages weigh.

`make bench NAME=startup` starts the demo school twice in a fresh home (no language model), signs in as each role,
and fetches every page with what it links to, as a browser would, compressed.
"""

import re
import tempfile
import time
from pathlib import Path
from statistics import median
from urllib.parse import urljoin

import httpx

from bench import harness
from shuyuan.entrypoints import process

WARM_LIMIT_S, PAGE_LIMIT_KB, IDLE_S = 5.0, 150.0, 3.0
PAGES = {
    "student": ["/learn/today", "/learn/course", "/learn/map", "/learn/mistakes", "/learn/me"],
    "teacher": ["/teach/today", "/teach/class", "/teach/assign", "/teach/papers", "/teach/questions"],
}
_LINKED = re.compile(r"""(?:href|src)="(/static/[^"]+)\"""")


def main() -> None:
    """Measure and report."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        with process.server(home, "--starter", "none") as first:
            cold_s = first.ready_after_s
        warm_s = []
        for _ in range(3):
            with process.server(home, "--starter", "none") as again:
                warm_s.append(again.ready_after_s)
                time.sleep(IDLE_S)
                idle_mb = harness.resident_mb(again.child.pid)
                pages = _weigh(again)
    heaviest = max(pages.values())
    harness.report(
        "startup",
        figures={
            "cold_s": round(cold_s, 2),
            "warm_s": round(median(warm_s), 2),
            "idle_mb": round(idle_mb, 1),
            "heaviest_page_kb": heaviest,
            **{f"page {path} kB": weight for path, weight in pages.items()},
        },
        protocol="one machine; cold: empty home, schema, demo school with three weeks of history; warm: median of 3; "
        "idle: resident memory of server and children 3 s after ready; page: HTML and every linked file, gzip, kB",
        goals={"warm_s": ("<=", WARM_LIMIT_S), "heaviest_page_kb": ("<=", PAGE_LIMIT_KB)},
        packages=("fastapi", "starlette", "uvicorn", "sqlalchemy", "jinja2"),
    )


def _weigh(running: process.Running) -> dict[str, float]:
    weights = {}
    for account in running.demo()["accounts"]:
        if account["role"] in PAGES:
            with process.sign_in(running.base_url, account) as client:
                for path in PAGES[account["role"]]:
                    weights[path] = round(_weight_bytes(client, path) / 1000, 1)
    return weights


def _weight_bytes(client: httpx.Client, path: str) -> int:
    total, waiting, seen = 0, [path], set()
    while waiting:
        url = waiting.pop()
        if url in seen:
            continue
        seen.add(url)
        with client.stream("GET", url, headers={"accept-encoding": "gzip"}) as response:
            response.raise_for_status()
            raw = b"".join(response.iter_raw())
            total += len(raw)
        if url == path:
            html = client.get(url).text
            waiting += [urljoin(url, found) for found in _LINKED.findall(html)]
    return total


if __name__ == "__main__":
    main()
