"""`python -m shuyuan`: the same command line as `shuyuan`."""

from shuyuan.entrypoints.cli import main

if __name__ == "__main__":
    main()
