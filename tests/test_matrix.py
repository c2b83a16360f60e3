"""The pages that say what is held, and by which test, name tests that there are."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("page", ["security.md", "reliability.md"])
def test_every_test_named_is_there(page):
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", (ROOT / "docs" / page).read_text(encoding="utf-8"))
    assert len(named) > 30
    sources = {file: (ROOT / "tests" / file) for file, _ in named}
    texts = {
        file: path.read_text(encoding="utf-8") if path.exists() else "" for file, path in sources.items()
    }
    assert [f"{file}::{test}" for file, test in named if f"def {test}(" not in texts[file]] == []
