"""Benchmarks: every figure as a ratio to a limit that was measured in the same run.

Run `python -m benchmarks --help` from the top of the repository. `docs/performance.md` says what is measured.
"""
