"""What is known of one image, across collections: who was asked about it and what they said."""

from collections.abc import Mapping, Sequence

from pymongo import DESCENDING

from active_learning.domain.submission import Answer
from api.store.connection import Database, Document


class Stories:
    """Short indexed reads."""

    def __init__(self, database: Database) -> None:
        self._submissions = database["submissions"]
        self._verdicts = database["verdicts"]
        self._tasks = database["tasks"]
        self._labels = database["labels"]

    async def answers(self, category: str, image: str, limit: int) -> list[tuple[Document, Answer]]:
        """The newest answers to an image, the newest first: each with its submission, which has no other answers."""
        fields = {"task": 1, "annotator": 1, "submitted_at": 1, "answers": {"$elemMatch": {"image": image}}}
        found = self._submissions.find({"category": category, "answers.image": image}, fields, hint="answered")
        newest = await found.sort("submitted_at", DESCENDING).limit(limit).to_list()
        return [(document, Answer.model_validate(document.pop("answers")[0])) for document in newest]

    async def verdicts(self, submissions: Sequence[str]) -> dict[str, Document]:
        """What the gold check said of submissions, by id; one that is not judged yet is missing."""
        found = self._verdicts.find({"_id": {"$in": list(submissions)}}, {"pay": 1, "use": 1, "reason": 1})
        return {document["_id"]: document async for document in found}

    async def tasks(self, tasks: Sequence[str]) -> dict[str, Document]:
        """Name, round and state of tasks, by id."""
        found = self._tasks.find({"_id": {"$in": list(tasks)}}, {"name": 1, "round": 1, "wave": 1, "state": 1})
        return {document["_id"]: document async for document in found}

    async def before_recheck(self, category: str, rechecked: Mapping[str, int]) -> dict[str, bool]:
        """What images were labeled when their label went back to people (image -> its round), by image."""
        fields = {"image": 1, "value": 1}
        found = self._labels.find({"category": category, "image": {"$in": list(rechecked)}}, fields)
        values: dict[str, bool] = {}
        before: dict[str, bool] = {}
        async for label in found.sort([("image", 1), ("decided_at", 1), ("_id", 1)]):
            image = label["image"]
            if label["_id"] == f"{category}:{image}:recheck:{rechecked[image]}" and image in values:
                before[image] = values[image]
            elif label["value"] is not None:
                values[image] = label["value"]
        return before
