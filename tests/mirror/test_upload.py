"""Whatever the server does: nothing is lost, nothing is twice, nobody waits, and the reason is told."""

import threading
from queue import Queue
from time import monotonic

import pytest

from cma_tui.mirror.outbox import Outbox, OutboxError
from cma_tui.mirror.row import Packed
from cma_tui.mirror.service import _TIMEOUT
from cma_tui.mirror.target import Place
from cma_tui.mirror.upload import ATTEMPTS, Uploader
from cma_tui.session.model import Change
from cma_tui.settings import Secret
from tests.mirror.fake import Fake
from tests.mirror.help import Door, Time, counted, mirror, target, told
from tests.mirror.test_mirror import many_turns
from tests.mirror.test_outbox import row
from tests.session.look import fold
from tests.stories import orders

INSERT = "/insert"


def sent(watcher, session):
    """Hand the session over, all of it."""
    while watcher.update(session, counted(session), Change()):
        pass


def three_turns():
    return fold(told(many_turns(3).events))


def check_whole(fake):
    assert len(fake.rows) == 1 + 3 * 4
    fake.check_trees()


@pytest.mark.parametrize("path", ["/api/apikey/login", "/v1/project", INSERT])
@pytest.mark.parametrize(
    ("deed", "more"),
    [("status", {"status": 500}), ("status", {"status": 429}), ("drop", {}), ("lose", {}), ("garbage", {})],
)
def test_what_passes_by_itself_is_tried_again_three_times(fake, tmp_path, path, deed, more):
    if path != INSERT and deed == "garbage":
        more = {"times": 1}
    fault = fake.fault(path, deed, **({"times": ATTEMPTS - 1} | more))
    time = Time()
    watcher = mirror(fake, tmp_path, time=time)
    sent(watcher, three_turns())
    fake.until(lambda: watcher.status.sent == 3)
    status = watcher.close(10)
    assert (status.sent, status.problem) == (3, "")
    assert fault.times == 0
    check_whole(fake)


def test_the_fourth_attempt_is_the_last_until_the_breaker_closes(fake, tmp_path):
    fake.fault(INSERT, "status", times=-1, status=503)
    time = Time(limit=3)
    watcher = mirror(fake, tmp_path, time=time)
    sent(watcher, three_turns())
    fake.until(lambda: watcher.status.problem == "Braintrust answers 503")
    status = watcher.close(5)
    tries = [path for path in fake.paths() if path.endswith(INSERT)]
    assert len(tries) <= ATTEMPTS + 1, "one more at the end, when nothing is waited for"
    assert status.waiting == 3
    assert status.problem == "Braintrust answers 503"
    assert status.farewell == (
        "3 turns wait for Braintrust: cma-top trace sends what waits, as does the next traced session;"
        " Braintrust answers 503"
    )
    pauses = time.asked[:3]
    assert all(0.25 * 2**n <= pause <= 0.5 * 2**n for n, pause in enumerate(pauses))
    fake.mend()
    later = mirror(fake, tmp_path)
    later.update(fold(told(orders.simple()[:2])), counted(fold(told(orders.simple()[:2]))), Change())
    fake.until(lambda: len(fake.rows) >= 13)
    assert later.close(10).waiting == 0


def test_a_retry_after_is_kept_to_and_has_a_limit(fake, tmp_path):
    fake.fault(INSERT, "status", status=429, headers={"Retry-After": "7"})
    fake.fault(INSERT, "status", status=429, headers={"Retry-After": "86400"})
    time = Time()
    watcher = mirror(fake, tmp_path, time=time)
    sent(watcher, three_turns())
    fake.until(lambda: watcher.status.sent == 3)
    assert watcher.close(10).sent == 3
    assert 7.0 in time.asked
    assert max(time.asked) == 60.0


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "Braintrust refuses the key (401)"),
        (403, "the key may not write to this project (403)"),
        (404, "Braintrust does not know this project (404)"),
    ],
)
def test_a_refused_key_stops_sending_and_loses_nothing(fake, tmp_path, status, words):
    fake.fault(INSERT, "status", times=-1, status=status)
    watcher = mirror(fake, tmp_path, time=Time(limit=0))
    sent(watcher, three_turns())
    fake.until(lambda: any(path.endswith(INSERT) for path in fake.paths()))
    result = watcher.close(10)
    assert (result.waiting, result.problem) == (3, words)
    assert len([path for path in fake.paths() if path.endswith(INSERT)]) <= 2
    fake.mend()
    again = mirror(fake, tmp_path)
    sent(again, three_turns())
    assert again.close(10).sent == 3
    check_whole(fake)


def test_a_wrong_key_is_told_and_nothing_else_is_asked(fake, tmp_path):
    watcher = mirror(fake, tmp_path, target=target(fake, api_key=Secret("wrong-key-0123456789")))
    sent(watcher, three_turns())
    result = watcher.close(10)
    assert (result.waiting, result.problem) == (3, "Braintrust refuses the key (401)")
    assert set(fake.paths()) == {"/api/apikey/login"}


def test_a_row_the_server_refuses_holds_up_no_other(fake, tmp_path):
    def holds(body):
        return any(row.get("input") == {"command": "echo 1"} for row in body["events"])

    fake.fault(INSERT, "status", times=-1, status=400, only=holds)
    watcher = mirror(fake, tmp_path)
    session = three_turns()
    sent(watcher, session)
    status = watcher.close(10)
    assert (status.sent, status.waiting, status.failed) == (2, 0, 1)
    assert status.words == "braintrust 2 sent, 1 failed"
    assert "refused rows of 1 turn" in status.farewell
    assert len(fake.rows) == 12
    before = len(fake.requests)
    again = mirror(fake, tmp_path)
    sent(again, session)
    again.close(10)
    assert len(fake.requests) == before, "it is not tried again as long as it is the same"


def test_when_every_row_is_refused_it_is_not_the_rows(fake, tmp_path):
    fake.fault(INSERT, "status", times=-1, status=400)
    watcher = mirror(fake, tmp_path, time=Time(limit=0))
    sent(watcher, three_turns())
    status = watcher.close(10)
    assert (status.waiting, status.failed) == (3, 0)
    assert status.problem == "Braintrust refuses every row (400)"
    fake.mend()
    again = mirror(fake, tmp_path)
    sent(again, three_turns())
    assert again.close(10).sent == 3
    check_whole(fake)


@pytest.mark.parametrize("path", ["/api/apikey/login", "/v1/project", INSERT])
def test_a_server_that_hangs_holds_up_nobody(fake, tmp_path, path):
    fake.fault(path, "hang", times=-1)
    watcher = mirror(fake, tmp_path)
    sent(watcher, three_turns())
    fake.until(lambda: any(path in seen for seen in fake.paths()))
    begun = monotonic()
    status = watcher.close(1.0)
    assert monotonic() - begun < _TIMEOUT / 2, "no request was waited for to its own end"
    assert status.waiting == 3
    fake.mend()
    again = mirror(fake, tmp_path)
    sent(again, three_turns())
    fake.until(lambda: again.status.sent == 3)
    again.close(10)
    check_whole(fake)


def test_what_another_process_sends_before_the_first_look_waits_no_longer(fake, tmp_path):
    def opened():
        outbox = Outbox(tmp_path, "dest")
        outbox.sent(outbox.batch(10, 10**6))  # by somebody else, while the thread begins
        return outbox

    ours = Outbox(tmp_path, "dest")
    ours.put("session", [("turn", [row("row")])])
    assert ours.counts("session").all_waiting == 1
    heard = Queue()
    uploader = Uploader(
        opened, target(fake), changed=lambda outbox: heard.put(outbox.counts("session")), moved=lambda: None
    )
    uploader.start()
    try:
        assert heard.get(timeout=20).all_waiting == 0
    finally:
        assert uploader.finish(10)
        ours.close()


def test_what_is_put_right_before_the_end_is_sent_in_a_last_round(fake, tmp_path):
    ours = Outbox(tmp_path, "dest")
    finishers = []

    def changed(outbox):
        if finishers:
            return
        outbox.put("session", [("turn", [Packed("row", b'{"id": "row"}', b"row", 1, False)])])
        finishers.append(threading.Thread(target=uploader.finish, args=(20,)))
        finishers[0].start()
        uploader._finishing.wait(20)  # the round that has just found nothing is not the last

    uploader = Uploader(lambda: Outbox(tmp_path, "dest"), target(fake), changed=changed, moved=lambda: None)
    uploader.start()
    fake.until(lambda: finishers)
    finishers[0].join(20)
    assert ours.empty()
    ours.close()


def test_a_server_that_is_not_there(tmp_path):
    with Fake() as gone:
        nowhere = target(gone)
    watcher = mirror(gone, tmp_path, target=nowhere, time=Time(limit=3))
    sent(watcher, three_turns())
    status = watcher.close(5)
    assert (status.waiting, status.problem) == (3, "Braintrust cannot be reached")


def test_refused_connections_hold_up_nobody_and_all_is_sent_once_there_is_an_answer(fake, tmp_path):
    door = Door(fake.url)
    try:
        there = target(fake, app_url=door.url)
        watcher = mirror(fake, tmp_path, target=there, time=Time(limit=3))
        sent(watcher, three_turns())
        begun = monotonic()
        status = watcher.close(1.0)
        assert monotonic() - begun < _TIMEOUT / 2
        assert (status.waiting, status.problem) == (3, "Braintrust cannot be reached")
        assert not fake.requests
        door.open()
        again = mirror(fake, tmp_path, target=there)
        sent(again, three_turns())
        fake.until(lambda: again.status.sent == 3)
        assert again.close(10).waiting == 0
        check_whole(fake)
        assert set(fake.writes.values()) == {1}
    finally:
        door.close()


def test_a_redirect_is_not_followed(fake, tmp_path):
    fake.fault(INSERT, "status", times=-1, status=307, headers={"Location": fake.url + "/elsewhere"})
    watcher = mirror(fake, tmp_path, time=Time(limit=0))
    sent(watcher, three_turns())
    status = watcher.close(10)
    assert status.waiting == 3
    assert "redirects" in status.problem
    assert "/elsewhere" not in fake.paths()


def test_an_address_that_is_not_safe_gets_no_key(fake, tmp_path):
    real = fake.url
    fake.url = "http://example.invalid"
    watcher = mirror(fake, tmp_path, target=target(fake, app_url=real), time=Time(limit=0))
    sent(watcher, three_turns())
    status = watcher.close(10)
    assert "must be an https URL" in status.problem
    assert fake.paths() == ["/api/apikey/login"] * len(fake.paths())


def test_the_organisation_that_is_named_is_the_one(fake, tmp_path):
    fake.orgs = ["acme", "other"]
    watcher = mirror(fake, tmp_path, target=target(fake, org="other"))
    session = three_turns()
    sent(watcher, session)
    watcher.close(10)
    assert "/app/other/" in watcher.link(session)
    lost = mirror(fake, tmp_path, target=target(fake, org="none such"), time=Time(limit=0))
    sent(lost, session)
    status = lost.close(10)
    assert status.problem.startswith("Organization none such not found")


def test_a_key_of_another_organisation_sends_everything_there(fake, tmp_path):
    session = three_turns()
    first = mirror(fake, tmp_path)
    sent(first, session)
    first.close(10)
    with Fake(orgs=["second"]) as other:
        elsewhere = Outbox(tmp_path, target(fake).name)
        assert not elsewhere.bind(Place("before", "org-before", "project_logs", "p", fake.url))
        elsewhere.close()
        again = mirror(other, tmp_path, target=target(fake, app_url=fake.url))
        sent(again, session)
        assert again.close(10).sent == 3


def test_rows_hang_below_a_span_of_another_program(fake, tmp_path):
    from braintrust.span_identifier_v3 import SpanObjectTypeV3
    from braintrust.span_identifier_v4 import SpanComponentsV4

    exported = SpanComponentsV4(
        SpanObjectTypeV3.PROJECT_LOGS,
        object_id="11111111-2222-3333-4444-555555555555",
        row_id="row",
        span_id="a1" * 8,
        root_span_id="b2" * 16,
    ).to_str()
    watcher = mirror(fake, tmp_path, target=target(fake, parent=exported))
    sent(watcher, three_turns())
    assert watcher.close(10).sent == 3
    assert {place for place, _ in fake.rows} == {"11111111-2222-3333-4444-555555555555"}
    assert {row["root_span_id"] for row in fake.spans} == {"b2" * 16}
    assert fake.row("anthropic.beta.sessions.session")["span_parents"] == ["a1" * 8]
    by_name = mirror(
        fake,
        tmp_path,
        target=target(
            fake,
            project=None,
            parent=SpanComponentsV4(
                SpanObjectTypeV3.PROJECT_LOGS, compute_object_metadata_args={"project_name": "theirs"}
            ).to_str(),
        ),
    )
    sent(by_name, three_turns())
    assert by_name.close(10).sent == 3
    assert fake.projects["theirs"] in {place for place, _ in fake.rows}
    wrong = mirror(fake, tmp_path, target=target(fake, parent="bm9uc2Vuc2U="), time=Time(limit=0))
    sent(wrong, three_turns())
    assert "no exported span" in wrong.close(10).problem


def test_rows_can_go_to_an_experiment(fake, tmp_path):
    watcher = mirror(fake, tmp_path, target=target(fake, project=None, experiment_id="exp-1"))
    session = three_turns()
    sent(watcher, session)
    assert watcher.close(10).sent == 3
    assert "/v1/experiment/exp-1/insert" in fake.paths()
    assert "object_type=experiment&object_id=exp-1" in watcher.link(session)


def test_only_one_of_two_mirrors_sends_and_both_end_content(fake, tmp_path):
    """Both hand over the same turns at the same time: each row is written once."""
    session = fold(told(many_turns(30).events))
    watchers = [mirror(fake, tmp_path) for _ in range(2)]
    ready = threading.Barrier(2)

    def run(watcher):
        ready.wait()
        sent(watcher, session)

    threads = [threading.Thread(target=run, args=(watcher,)) for watcher in watchers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for watcher in watchers:
        watcher.close(15)
    assert len(fake.rows) == 1 + 30 * 4
    turns = [row["id"] for row in fake.spans if row["span_attributes"]["type"] != "task"]
    assert {fake.writes[place] for place in fake.rows if place[1] in turns} == {1}
    fake.check_trees()


def test_a_disk_that_is_full_is_told_and_tried_again(fake, tmp_path, monkeypatch):
    full = threading.Event()
    full.set()
    real = Outbox.put

    def put(self, *args, **more):
        if full.is_set():
            self._db.execute("PRAGMA max_page_count = 1")
        else:
            self._db.execute("PRAGMA max_page_count = 1000000")
        return real(self, *args, **more)

    monkeypatch.setattr(Outbox, "put", put)
    tried = threading.Event()

    def wait(event, seconds=None):
        if seconds is not None:
            tried.set()
            return event.wait(0)
        return event.wait(seconds)

    watcher = mirror(fake, tmp_path, wait=wait)
    session = fold(told(many_turns(40).events))
    watcher.update(session, counted(session), Change())
    assert tried.wait(20)
    assert "full" in watcher.status.problem
    assert watcher.status.waiting == 40
    full.clear()
    sent(watcher, session)
    fake.until(lambda: watcher.status.sent == 40)
    assert watcher.close(15).problem == ""


def test_what_was_sent_and_could_not_be_noted_is_sent_again_into_itself(fake, tmp_path, monkeypatch):
    real, left = Outbox.sent, [2]

    def noted(self, batch):
        left[0] -= 1
        if left[0] >= 0:
            raise OutboxError("the outbox cannot be written: database is locked")
        real(self, batch)

    monkeypatch.setattr(Outbox, "sent", noted)
    watcher = mirror(fake, tmp_path, time=Time())
    sent(watcher, three_turns())
    fake.until(lambda: watcher.status.sent == 3)
    assert watcher.close(10).problem == ""
    check_whole(fake)


def test_an_outbox_that_breaks_under_way_is_begun_anew(fake, tmp_path):
    session = three_turns()
    first = mirror(fake, tmp_path)
    sent(first, session)
    first.close(10)
    path = tmp_path / "outbox.sqlite3"
    path.write_bytes(b"\xa5" * path.stat().st_size)
    again = mirror(fake, tmp_path)
    sent(again, session)
    assert again.close(10).sent == 3
    assert (tmp_path / "outbox.sqlite3.damaged-1").exists()
    assert f"what waited is in {tmp_path / 'outbox.sqlite3.damaged-1'}" in again.farewell
    assert "damaged" not in first.farewell
    check_whole(fake)
