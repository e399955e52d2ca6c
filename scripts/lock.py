"""Renew requirements/run.lock and requirements/dev.lock: pinned, hashed, naming no package index."""

import subprocess
import sys

EXTRAS = {"run": ("build", "llm", "embed"), "dev": ("build", "llm", "embed", "postgres", "dev")}
PLAIN = ("--no-emit-index-url", "--no-emit-trusted-host", "--no-emit-find-links", "--no-header")


def main() -> None:
    """Compile both locks; dev is constrained by run, so both install the same versions."""
    for name, extras in EXTRAS.items():
        chosen = [word for extra in extras for word in ("--extra", extra)]
        constrained = ["--constraint", "requirements/run.lock"] if name == "dev" else []
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


if __name__ == "__main__":
    main()
