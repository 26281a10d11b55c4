"""What databases of before lack about money: rewards in the ledger, wages, spending by day. Safe to run twice."""

from api.store.connection import Database, Document
from api.store.payments import Act, kind
from api.store.wages import COUNTS, Wages, hourly


async def fill(database: Database) -> None:
    """Fill what is missing of every category that has no counters of wages yet."""
    await _rewards(database)
    async for document in database["categories"].find({"wages": {"$exists": False}}, {"_id": 1}):
        slug = document["_id"]
        await _spending(database, slug)
        await _wages(database, slug)


async def _rewards(database: Database) -> None:
    """An approval pays its task's reward: the ledger knew the cost with the market's fee only."""
    pipeline: list[Document] = [
        {"$match": {"act": "approve", "reward": {"$exists": False}}},
        {"$lookup": {"from": "tasks", "localField": "hit", "foreignField": "hit", "as": "task"}},
        {"$project": {"reward": {"$ifNull": [{"$first": "$task.reward_cents"}, 0]}}},
        {"$merge": {"into": "payments", "on": "_id", "whenMatched": "merge", "whenNotMatched": "discard"}},
    ]
    await (await database["payments"].aggregate(pipeline)).to_list()


async def _spending(database: Database, slug: str) -> None:
    days: dict[str, Document] = {}
    async for entry in database["payments"].find({"category": slug, "done_at": {"$ne": None}}):
        act: Act = entry["act"]
        day = entry["done_at"].date().isoformat()
        tally = days.setdefault(day, {}).setdefault(kind(entry["_id"], act), {"acts": 0, "cents": 0, "people_cents": 0})
        tally["acts"] += 1
        if act != "reject":
            tally["cents"] += entry["cents"]
            tally["people_cents"] += entry.get("bonus") or entry.get("reward") or 0
    for day, kinds in days.items():
        fields = {"category": slug, "day": day, **kinds}
        await database["spending"].replace_one({"_id": f"{slug}:{day}"}, fields, upsert=True)


async def _wages(database: Database, slug: str) -> None:
    wages = Wages(database)
    totals = dict.fromkeys(COUNTS, 0)
    for annotator, counts in (await wages.counted(slug)).items():
        fields = {"category": slug, "annotator": annotator, **counts, "hourly": hourly(counts)}
        await wages.collection.replace_one({"_id": f"{slug}:{annotator}"}, fields, upsert=True)
        for name, n in counts.items():
            totals[name] += n
    # Last: what says that the category is filled.
    await database["categories"].update_one({"_id": slug, "wages": {"$exists": False}}, {"$set": {"wages": totals}})
