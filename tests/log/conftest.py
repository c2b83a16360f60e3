"""What the tests of saved logs share."""

from collections.abc import Callable
from pathlib import Path

import pytest

Save = Callable[[bytes], Path]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def write(content: bytes) -> Path:
        path = tmp_path / "saved"
        path.write_bytes(content)
        return path

    return write
