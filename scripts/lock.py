"""Renew requirements/{run,media,dev}.lock: pinned, hashed, naming no package index. Torch stands outside them."""

import subprocess
import sys

EXTRAS = {
    "run": ("build", "llm", "embed"),
    "media": ("build", "llm", "embed", "ocr", "speech"),
    "dev": ("build", "llm", "embed", "ocr", "speech", "voice", "postgres", "dev"),
}
PLAIN = ("--no-emit-index-url", "--no-emit-trusted-host", "--no-emit-find-links", "--no-header")


def main() -> None:
    """Compile each lock under the ones before it, so that all install the same versions."""
    done: list[str] = []
    for name, extras in EXTRAS.items():
        chosen = [word for extra in extras for word in ("--extra", extra)]
        constrained = [word for lock in done for word in ("--constraint", lock)]
        subprocess.run(
            [
                sys.executable,
                "-m",
                "piptools",
                "compile",
                "--quiet",
                "--generate-hashes",
                "--strip-extras",
                "--allow-unsafe",
                *PLAIN,
                *chosen,
                *constrained,
                "-o",
                f"requirements/{name}.lock",
                "pyproject.toml",
            ],
            check=True,
        )
        done.append(f"requirements/{name}.lock")


if __name__ == "__main__":
    main()
