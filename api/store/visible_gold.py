"""The third migration, in steps: what databases from before visible gold lack. Each step may run again."""

import contextlib
from collections import defaultdict

from pymongo import ASCENDING, UpdateOne
from pymongo.errors import OperationFailure

from api.store.candidates import key
from api.store.connection import Database, Document, chunks

OLD_INDEX = "category_1_gold_1_gold_uses_1"


async def examples(database: Database) -> None:
    """Examples become a list of images with their answers, and bonuses are counted."""
    old = database["categories"].find({"category.examples_yes": {"$exists": True}})
    async for document in old:
        category = document["category"]
        shown = [
            {"image": image, "answer": answer, "why": ""}
            for answer, word in ((True, "yes"), (False, "no"))
            for image in category[f"examples_{word}"]
        ]
        await database["categories"].update_one(
            {"_id": document["_id"]},
            {
                "$set": {"category.examples": shown, "named": [], "bonuses": {"paid": 0, "refused": 0}},
                "$unset": {"category.examples_yes": "", "category.examples_no": ""},
            },
        )


async def answers(database: Database) -> None:
    """Every assignment and submission says itself which of its images were gold."""
    async for task in database["tasks"].find({}, {"slots": 1}):
        gold = {slot["image"]: slot["gold"] for slot in task["slots"]}
        async for document in database["assignments"].find({"task": task["_id"], "gold": {"$exists": False}}):
            known = [gold.get(image) for image in document["images"]]
            await database["assignments"].update_one({"_id": document["_id"]}, {"$set": {"gold": known, "lessons": 0}})
        async for document in database["submissions"].find({"task": task["_id"], "lessons": {"$exists": False}}):
            given = [{**answer, "gold": gold.get(answer["image"])} for answer in document["answers"]]
            await database["submissions"].update_one(
                {"_id": document["_id"]}, {"$set": {"answers": given, "lessons": []}}
            )


async def numbers(database: Database) -> None:
    """Number every annotator's assignments of a category in the order in which they were opened."""
    order = [(name, ASCENDING) for name in ("category", "annotator", "opened_at", "_id")]
    fields = {"category": 1, "annotator": 1}
    last: tuple[str, str] | None = None
    number = 0
    updates: list[UpdateOne] = []
    async for document in database["assignments"].find({}, fields, allow_disk_use=True).sort(order):
        who = (document["category"], document["annotator"])
        number = number + 1 if who == last else 0
        last = who
        updates.append(UpdateOne({"_id": document["_id"]}, {"$set": {"number": number}}))
    for chunk in chunks(updates):
        await database["assignments"].bulk_write(list(chunk), ordered=False)


async def showings(database: Database) -> None:
    """Count for every image how many assignments it was put into; it was kept for gold alone, task by task."""
    shown: dict[str, int] = defaultdict(int)
    async for task in database["tasks"].find({}, {"category": 1, "slots": 1, "assignments": 1}):
        for slot in task["slots"]:
            shown[key(task["category"], slot["image"])] += task["assignments"]
    old: Document = {"shown": {"$exists": False}}
    updates = [UpdateOne({"_id": name, **old}, {"$set": {"shown": n}}) for name, n in shown.items()]
    for chunk in chunks(updates):
        await database["candidates"].bulk_write(list(chunk), ordered=False)
    await database["candidates"].update_many(old, {"$set": {"shown": 0}})
    await database["candidates"].update_many({"gold_uses": {"$exists": True}}, {"$unset": {"gold_uses": ""}})
    with contextlib.suppress(OperationFailure):  # gone already
        await database["candidates"].drop_index(OLD_INDEX)
