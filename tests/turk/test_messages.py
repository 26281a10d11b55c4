"""Threads of messages between a worker and a requester."""

from datetime import timedelta

import pytest

from tests.turk.served import post_hit
from workers.turk import threads
from workers.turk.database import Database
from workers.turk.errors import FormRefused, NotThere
from workers.turk.threads import Side


@pytest.fixture
async def database(site):
    opened = Database(site.settings.mongodb_uri, site.settings.database)
    yield opened
    await opened.close()


def start(database, worker, now, text="Is a toy car a car?"):
    return threads.start(
        database,
        requester="LAB",
        worker=worker,
        sender=Side.WORKER,
        subject="Cars",
        text=text,
        now=now,
        hit="HIT1",
    )


async def test_there_and_back(site, database):
    now = site.clock()
    thread = await start(database, "ATHERE", now)
    assert await threads.unread(database, Side.REQUESTER, "LAB") == 1
    assert await threads.unread(database, Side.WORKER, "ATHERE") == 0
    (listed,) = await threads.threads(database, Side.REQUESTER, "LAB")
    assert (listed["_id"], listed["subject"], listed["unread"], listed["hit"]) == (thread, "Cars", 1, "HIT1")
    await threads.thread(database, Side.REQUESTER, "LAB", thread)
    assert await threads.unread(database, Side.REQUESTER, "LAB") == 0
    await threads.reply(database, Side.REQUESTER, "LAB", thread, "It is.", now + timedelta(seconds=1))
    assert await threads.unread(database, Side.WORKER, "ATHERE") == 1
    told = await threads.thread(database, Side.WORKER, "ATHERE", thread)
    assert [(m["sender"], m["text"]) for m in told] == [("worker", "Is a toy car a car?"), ("requester", "It is.")]
    assert await threads.unread(database, Side.WORKER, "ATHERE") == 0


async def test_a_thread_is_between_two(site, database):
    now = site.clock()
    thread = await start(database, "AOWNER", now)
    for side, stranger in ((Side.WORKER, "ASTRANGER"), (Side.REQUESTER, "OTHERLAB"), (Side.REQUESTER, "AOWNER")):
        with pytest.raises(NotThere):
            await threads.thread(database, side, stranger, thread)
        with pytest.raises(NotThere):
            await threads.reply(database, side, stranger, thread, "Hello", now)


async def test_limits(site, database):
    now = site.clock()
    for text in (" ", "x" * 4_097):
        with pytest.raises(FormRefused):
            await start(database, "ATALKS", now, text)
    for _ in range(threads.OF_WORKER):
        await start(database, "ATALKS", now)
    with pytest.raises(FormRefused) as refusal:
        await start(database, "ATALKS", now)
    assert refusal.value.status == 429


async def test_what_notify_workers_sends_begins_a_thread(site, requester, database):
    worker = site.worker()
    done = worker.accept(post_hit(requester))
    worker.submit(done)
    requester.approve_assignment(AssignmentId=done)
    requester.notify_workers(Subject="Thanks", MessageText="See https://example.org/.", WorkerIds=[worker.id])
    (listed,) = await threads.threads(database, Side.WORKER, worker.id)
    assert (listed["subject"], listed["sender"], listed["unread"]) == ("Thanks", "requester", 1)


async def test_messages_from_before_there_were_threads(site, database):
    old = {"_id": "OLD", "order": "0", "requester": "LAB", "worker": "AOLD", "subject": "s", "text": "t", "read": False}
    await database.messages.insert_one({**old, "at": site.clock()})
    await database.prepare()
    (told,) = await threads.thread(database, Side.WORKER, "AOLD", "OLD")
    assert told["sender"] == "requester"
