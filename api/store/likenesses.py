"""What a search by example has found, for as long as somebody pages through it."""

from collections.abc import Sequence
from datetime import datetime

from api.store.connection import Collection, Database, Document


class Likenesses:
    """One document a category and example; MongoDB removes it after an hour, so that new images are found, too."""

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database["likenesses"]

    async def put(
        self, category: str, image: str, images: Sequence[str], cosines: Sequence[float], looked: int, now: datetime
    ) -> None:
        """Store the ``images`` most like ``image``, the likest first, with their cosines; ``looked`` were compared."""
        fields = {
            "category": category,
            "images": list(images),
            "cosines": list(cosines),
            "looked": looked,
            "made_at": now,
        }
        await self.collection.replace_one({"_id": f"{category}:{image}"}, fields, upsert=True)

    async def get(self, category: str, image: str) -> Document | None:
        """What was found, if somebody has searched within the hour."""
        return await self.collection.find_one({"_id": f"{category}:{image}"})
