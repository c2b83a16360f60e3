"""Writes `docs/licences.md`: what cma-top stands on, by which licence. Run as `python -m tests.licences`."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "licences.md"


def locked():
    """What users install, by the lock: names and versions of all that we need, however far down."""
    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    packages = {each["name"]: each for each in lock["package"]}
    found, waiting = {}, ["cma-top"]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = packages[name].get("version", "")
            waiting += [each["name"] for each in packages[name].get("dependencies", [])]
    del found["cma-top"]
    return dict(sorted(found.items()))


def licence(name):
    try:
        told = metadata(name)
    except PackageNotFoundError:
        return None
    if expression := told.get("License-Expression"):
        return expression
    classes = [c.rpartition(" :: ")[2] for c in told.get_all("Classifier", []) if c.startswith("License ::")]
    return ", ".join(classes) or re.split(r"[\n(]", told.get("License") or "unknown")[0].strip()


def page():
    lines = [
        "# Licences",
        "",
        "What an installed cma-top stands on, by the lock file and by what each package says. Made by",
        "`python -m tests.licences`; packages that only other systems need are left out.",
        "",
        "| package | version | licence |",
        "|---|---|---|",
    ]
    lines += [
        f"| {name} | {version} | {said} |" for name, version in locked().items() if (said := licence(name))
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
