"""The page of licences lists what is locked, and nothing there obliges us to more than a notice."""

import re

from tests.licences import PAGE, licence, locked


def test_the_page_lists_what_is_locked():
    listed = dict(
        re.findall(r"^\| ([\w.-]+) \| ([\w.+-]+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    )
    listed.pop("package", None)
    here = {name: version for name, version in locked().items() if licence(name)}
    assert listed == here, "run python -m tests.licences"


def test_every_licence_is_known():
    assert [name for name in locked() if licence(name) == "unknown"] == []
