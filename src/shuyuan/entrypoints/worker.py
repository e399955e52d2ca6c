"""The worker process: `python -m shuyuan.entrypoints.worker --fd N`, started and ended by serving alone."""

import argparse

from shuyuan.maas.serving import host


def main() -> None:
    """Serve models over the inherited socket until it closes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fd", type=int, required=True, help="descriptor of the inherited socket")
    host.serve(parser.parse_args().fd)


if __name__ == "__main__":
    main()
