"""Renew requirements/{run,media,train,dev}.lock: pinned, hashed, naming no package index. Torch stands outside them."""

import subprocess
import sys

EXTRAS = {
    "run": ("build", "llm", "embed", "data"),
    "media": ("build", "llm", "embed", "data", "ocr", "speech"),
    "train": ("build", "llm", "embed", "data", "train"),
    "dev": ("build", "llm", "embed", "data", "ocr", "speech", "voice", "train", "postgres", "dev"),
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
                "--unsafe-package",
                "torch",
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
