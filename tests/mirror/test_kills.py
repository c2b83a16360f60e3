"""Killed at any moment, answers lost, another mirror beside it: each row is there once, and complete."""

import os
import random

import pytest

from tests.mirror.child import Nursery, story
from tests.mirror.fake import Fake
from tests.mirror.help import counted, mirror_log, target
from tests.mirror.test_mirror import stored
from tests.session.look import fold

TURNS = 10
KILLS = int(os.environ.get("CMA_TOP_KILLS", "8"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What the store holds after a run that nothing happened to."""
    with Fake() as quiet:
        mirror_log(told := fold(story(TURNS)), counted(told), target(quiet), tmp_path_factory.mktemp("quiet"))
        return stored(quiet)


@pytest.fixture
def nursery(fake, tmp_path):
    made = Nursery(tmp_path, fake.url)
    yield made
    made.close()


def end_at(fake, run, chance):
    """Let it run to a moment: an insert that is about to be stored, any request, or a turn folded."""
    moment, left = chance.choice(["insert", "request", "turn"]), [chance.randrange(1, 5)]
    if moment == "turn":
        for _ in range(chance.randrange(TURNS + 3)):
            run.step()
        return

    def count(*_):
        left[0] -= 1
        if left[0] == 0:
            run.kill()

    if moment == "insert":
        fake.on_insert = count
    else:
        fake.on_request = count
    run.wait()
    fake.on_insert = fake.on_request = lambda *_: None


@pytest.mark.parametrize(("seed", "mode"), [(1, "batch"), (2, "batch"), (3, "realtime"), (4, "realtime")])
def test_killed_at_random_moments_each_row_is_there_once(fake, tmp_path, nursery, whole, seed, mode):
    chance = random.Random(seed)
    folder = tmp_path / "shared"
    beside = nursery.start(folder, turns=TURNS, mode=mode)
    reviewed = None
    for _ in range(KILLS):
        beside.step()
        run = nursery.start(folder, turns=TURNS, mode=mode)
        if chance.random() < 0.5:
            fake.fault("/insert", chance.choice(["lose", "drop", "status"]))
        end_at(fake, run, chance)
        run.kill()
        run.wait()
        if reviewed is None and (done := [row for row in fake.spans if row.get("output")]):
            reviewed = done[0]
            fake.review(reviewed)
    beside.wait()
    fake.mend()
    last = nursery.start(folder, turns=TURNS, mode=mode)
    last.wait()
    fake.check_trees()
    if reviewed is None:
        fake.review(reviewed := fake.row("anthropic.beta.sessions.session"))
    mirror_log(told := fold(story(TURNS)), counted(told), target(fake), tmp_path / "another machine")
    assert reviewed["scores"].pop("helpful") == 0.75
    assert reviewed["metadata"].pop("~__bt_review_lists") == {"mine": {"status": "done"}}
    found = stored(fake)
    for row in found.values():
        if not row.get("scores"):
            row.pop("scores", None)
    assert found == whole
    assert fake.cost() == pytest.approx(0.03 * TURNS)


def test_a_replay_elsewhere_changes_nothing(fake, tmp_path, whole):
    session = fold(story(TURNS))
    for place in ("one", "two"):
        mirror_log(session, counted(session), target(fake), tmp_path / place)
    assert stored(fake) == whole
    assert set(fake.writes.values()) == {2}
