"""Files and folders for their owner alone: how they are made, what is mended, what is refused."""

import os
import stat

import pytest

from cma_tui.private import PrivateError, open_private, private_folder

NEW = os.O_RDWR | os.O_CREAT


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def any_umask(request):
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.usefixtures("any_umask")
def test_all_that_is_made_is_for_its_owner_alone(tmp_path):
    folder = tmp_path / "one" / "two" / "three"
    private_folder(folder)
    os.close(open_private(folder / "file", NEW))
    assert [mode(path) for path in (tmp_path / "one", folder.parent, folder)] == [0o700] * 3
    assert mode(folder / "file") == 0o600


def test_what_is_open_to_others_is_closed_to_them(tmp_path):
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o755)
    (folder / "file").touch()
    (folder / "file").chmod(0o644)
    private_folder(folder)
    os.close(open_private(folder / "file", os.O_RDWR))
    assert (mode(folder), mode(folder / "file")) == (0o700, 0o600)


def make(kind, path, other):
    if kind == "is a link":
        path.symlink_to(other)
    elif kind == "is no plain file":
        os.mkfifo(path)
    elif kind == "has another name as well":
        os.link(other, path)


@pytest.mark.parametrize(
    "flags", [NEW, os.O_RDONLY, os.O_WRONLY | os.O_APPEND], ids=["new", "read", "append"]
)
@pytest.mark.parametrize("kind", ["is a link", "is no plain file", "has another name as well"])
def test_what_is_no_file_of_ours_is_refused_and_left_as_it_is(kind, flags, tmp_path):
    path, other = tmp_path / "file", tmp_path / "other"
    other.write_text("theirs")
    other.chmod(0o644)
    make(kind, path, other)
    with pytest.raises((PrivateError, OSError)) as refusal:
        open_private(path, flags)
    if isinstance(refusal.value, PrivateError):
        assert str(refusal.value) == kind
    assert (other.read_text(), mode(other)) == ("theirs", 0o644)


def test_a_link_to_nothing_makes_nothing(tmp_path):
    (tmp_path / "file").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PrivateError, match="is a link"):
        open_private(tmp_path / "file", NEW)
    assert not (tmp_path / "elsewhere").exists()


def test_what_belongs_to_another_is_refused(tmp_path, monkeypatch):
    (tmp_path / "folder").mkdir(mode=0o755)
    (tmp_path / "file").touch(mode=0o644)
    before = mode(tmp_path / "folder"), mode(tmp_path / "file")
    stranger = os.getuid() + 1
    monkeypatch.setattr(os, "getuid", lambda: stranger)
    with pytest.raises(PrivateError, match="not a folder of ours"):
        private_folder(tmp_path / "folder")
    with pytest.raises(PrivateError, match="belongs to another user"):
        open_private(tmp_path / "file", os.O_RDWR)
    assert (mode(tmp_path / "folder"), mode(tmp_path / "file")) == before


def test_a_folder_that_is_a_link_or_a_file_is_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "file").touch()
    for name in ("link", "file"):
        with pytest.raises(PrivateError):
            private_folder(tmp_path / name)
