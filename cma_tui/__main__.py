"""The entry point of `cma-top` and of `python -m cma_tui`.

Owns the way in and out of the process. Invariants: asking for the version imports nothing but the
version; Ctrl-C at any moment ends with 130 and without a traceback.
"""

import gc
import sys


def main() -> None:
    """Run the command line, and leave with its exit code."""
    try:
        if sys.argv[1:] == ["--version"] and sys.stdout is not None:
            code = _version()
        else:
            from cma_tui.cli import main as run

            code = run(sys.argv[1:])
    except KeyboardInterrupt:
        code = 130
    gc.freeze()  # the memory goes back with the process: the last collection need not look at all of it
    sys.exit(code)


def _version() -> int:
    """Print it without the command line, whose import takes five times as long as Python's own start."""
    from cma_tui import __version__

    try:
        sys.stdout.write(f"cma-top {__version__}\n")
        sys.stdout.flush()
    except OSError:
        from cma_tui.cli import main as run

        return run(["--version"])  # which knows what to say
    return 0


if __name__ == "__main__":
    main()
