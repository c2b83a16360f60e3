"""The files of drafts: for their owner alone, one to a session, and nothing of another's."""

import os
import stat

import pytest

from cma_tui.source.drafts import Draft, Drafts, _file_name


def kept(folder, session, text="hello"):
    drafts = Drafts(folder, session)
    drafts.draft = Draft(text)
    drafts.save()
    drafts.close()
    return drafts._path


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_files_are_for_their_owner_alone(tmp_path, mask):
    before = os.umask(mask)
    try:
        path = kept(tmp_path / "a" / "b", "sesn_1")
    finally:
        os.umask(before)
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}
    for folder in (path.parent, tmp_path / "a" / "b", tmp_path / "a"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_names_are_safe_and_differ_even_where_capitals_do_not_count(tmp_path):
    sessions = [
        "a/b",
        "a_b",
        "A_b",
        "A_B",
        "../../x",
        "/etc/passwd",
        "a\0b",
        "x" * 300,
        "x" * 301,
        "\u202ea",
        "\ud800",
        "",
    ]
    paths = [kept(tmp_path, session) for session in sessions]
    assert {path.parent for path in paths} == {tmp_path / "drafts"}
    assert len({path.name.lower() for path in paths}) == len(sessions)
    assert len({_file_name(session).lower() for session in sessions}) == len(sessions), "a lock apart"
    assert max(len(path.name) for path in paths) < 200


@pytest.mark.parametrize("kind", ["link", "pipe", "second name"])
def test_what_is_no_file_of_ours_is_refused_and_left_as_it_is(tmp_path, kind):
    path = kept(tmp_path, "sesn_1")
    lock, other = path.with_suffix(".lock"), tmp_path / "other"
    other.write_text("theirs")
    lock.unlink()
    match kind:
        case "link":
            lock.symlink_to(other)
        case "pipe":
            os.mkfifo(lock)
        case _:
            os.link(other, lock)
    with pytest.raises(OSError, match=r"is a link|no plain file|another name"):
        Drafts(tmp_path, "sesn_1")
    assert other.read_text() == "theirs"


def test_a_folder_that_is_a_link_is_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "drafts").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="not a folder of ours"):
        Drafts(tmp_path, "sesn_1")


def test_half_a_character_loses_nothing_else(tmp_path):
    kept(tmp_path, "sesn_1", "before \ud800 after \u65e5")
    assert Drafts(tmp_path, "sesn_1").draft.text == "before ? after \u65e5"
