"""What is recorded is what replay reproduces, whatever was delivered and however it was interrupted."""

import json
import os
from unittest.mock import patch

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cma_tui.event import local
from cma_tui.feed import fold_all, fold_batch
from cma_tui.log.formats import open_log
from cma_tui.log.recording import RecordingFile
from cma_tui.recorder import Recorder
from cma_tui.session.model import Change, Session
from cma_tui.source import Batch
from tests.session.look import view
from tests.session.test_fold_properties import OPS, Client
from tests.stories.server import stories
from tests.stories.write import Log

NAME = "sesn_1"
EXAMPLES = int(os.environ.get("CMA_TOP_SEEDS", "40"))


def resource(number=1):
    at = 1_790_000_000.25
    return local("local.session", {"session": {"id": NAME}}, received_at=at, key=f"session:{NAME}:{number}")


def recorded(folder, batches, **options):
    """Record batches in one sitting; how it ended."""
    recorder = Recorder(folder, **options)
    for batch in batches:
        recorder.put(batch)
    return recorder.close()


def live(batches):
    session = Session()
    for batch in batches:
        session = fold_batch(session, batch, Change())
    return session


def replayed(path):
    with open_log(path) as log:
        events = list(log.events())
        assert log.shape == "recording"
        assert log.notes == []
    return fold_all(events)


def lines(path):
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def told(session):
    """What the server told, in order."""
    return [event.raw for event in session.events if not event.type.startswith("local.")]


def texts(path):
    """The texts of the events in it, in order."""
    return [line["raw"] for line in lines(path) if "raw" in line]


def story():
    log = Log()
    for number in range(3):
        log.begin(f"question {number}")
        log.answer()
        log.rest()
    return log.events


# -- the same session ----------------------------------------------------------------------------------


class Tap(Client):
    """Keeps the deliveries that it folds."""

    def __init__(self, story):
        super().__init__(story)
        self.batches = []

    def apply(self, event):
        self.batches.append(Batch([event]))
        super().apply(event)

    def merge(self, page, after):
        self.batches.append(Batch(page, listed=True, after=after, origin="list"))
        super().merge(page, after)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    stories(),
    OPS,
    st.sampled_from([0, 1, 3, 10, 1000]),
    st.lists(st.tuples(st.sampled_from(["streamed", "listed", "both"]), st.integers(0, 60)), max_size=3),
    st.integers(0, 100),
)
def test_a_recording_replayed_is_the_live_session(tmp_path_factory, story, ops, size, children, cut):
    folder = tmp_path_factory.mktemp("r", numbered=True)
    client = Tap(story)
    client.apply(resource())
    for what, number in ops:
        client.do(what, number)
    if size:
        client.finish(size)
    for (how, place), (thread, events) in zip(children, story.children.items(), strict=False):
        batches = [Batch(events)] if how != "listed" else []
        if how != "streamed":
            batches.append(Batch(events, listed=True, origin="list"))
        created = [
            number
            for number, batch in enumerate(client.batches)
            if any(e.type == "session.thread_created" and e.session_thread_id == thread for e in batch.events)
        ]
        if not created:
            continue  # its stream is only attached to when the session's tells of it
        at = min(1 + created[0] + place, len(client.batches))
        client.batches[at:at] = batches
    batches = client.batches
    session = live(batches)
    # In two sittings: the second finds the file.
    cut %= len(batches)
    head = [resource()] if cut else []
    with patch.object(RecordingFile, "sync"):  # no power cut is part of this
        recorded(folder, batches[:cut])
        status = recorded(folder, [Batch(head), *batches[cut:]] if head else batches)
    path = status.path
    again = replayed(path)
    assert told(again) == told(session)
    if view(fold_all([*session.events, *session.queued.values()])) == view(session):
        assert view(again) == view(session)  # else its figures hang on the way it came about
    written = [
        (line["raw"], line.get("thread"))
        for line in lines(path)
        if line.get("src") != "local" and "raw" in line
    ]
    assert sum(text.count("processed_at") for text, _ in written) <= 3 * len(session.events) + len(batches)
