"""While a saved log is read: keys first, the interpreter set for it and put back, and no work done twice."""

import gc
import sys

import pytest

from cma_tui.ui.bulk import Bulk


@pytest.fixture
def bulk():
    yield (made := Bulk())
    made.end()
    gc.unfreeze()


def test_the_interpreter_is_as_it_was_once_all_is_read(bulk):
    interval = sys.getswitchinterval()
    bulk.begin(alone=True)
    gc.enable()  # as the first frame does
    bulk.begin(alone=True)
    assert not gc.isenabled()
    assert sys.getswitchinterval() < interval
    frozen, kept = gc.get_freeze_count(), [[], []]
    bulk.framed()
    assert gc.get_freeze_count() == frozen, "keys have waited for the frame already"
    assert not bulk.holds(float("-inf"))
    assert gc.get_freeze_count() > frozen, "what is there is looked through no more"
    bulk.end()
    bulk.end()
    assert (gc.isenabled(), kept) == (True, [[], []])
    assert sys.getswitchinterval() == pytest.approx(interval)


def test_a_program_that_is_not_alone_is_left_as_it_is(bulk):
    interval, frozen = sys.getswitchinterval(), gc.get_freeze_count()
    bulk.begin(alone=False)
    bulk.framed()
    assert not bulk.holds(float("-inf"))
    bulk.end()
    assert gc.isenabled()
    assert (sys.getswitchinterval(), gc.get_freeze_count()) == (interval, frozen)


def test_a_key_goes_first_and_reading_goes_on_under_a_key_that_is_held():
    now = 100.0
    bulk = Bulk(lambda: now)
    assert not bulk.holds(float("-inf")), "nobody used a key"
    assert bulk.holds(now)
    stretches, began = 0, now
    while now < began + 3.0:  # a key every 30 ms, and a look every 3 ms
        now += 0.003
        stretches += not bulk.holds(now - now % 0.03)
    assert 10 <= stretches <= 30
    now += 1.0
    assert not bulk.holds(began)


def test_garbage_of_frames_does_not_pile_up(bulk):
    class Ring:
        pass

    bulk.begin(alone=True)
    for _ in range(100):
        one = Ring()
        one.itself = one
    del one
    bulk.framed()
    assert not bulk.holds(float("-inf"))
    assert not [thing for thing in gc.get_objects() if type(thing) is Ring]
    gc.unfreeze()
    assert not [thing for thing in gc.get_objects() if type(thing) is Ring]
