"""Plain PyMongo that stores pictures: ``python -m tests.bench.raw_insert URI FOLDER FIRST LAST``.

The limit of the store for the bytes alone: each picture is one document of its sha256 and its bytes, and nothing else
is read or written. Winnow writes four documents more for each, decodes it, and asks what is there.
"""

import hashlib
import sys
from pathlib import Path

from pymongo import MongoClient, WriteConcern

BATCH = 64


def main(uri: str, folder: Path, first: int, last: int) -> None:
    """Insert the pictures with these numbers, 64 at a time, acknowledged by a majority as ours are."""
    with MongoClient[dict[str, object]](uri) as client:
        blobs = client.get_database("bench_raw", write_concern=WriteConcern("majority"))["blobs"]
        for start in range(first, last, BATCH):
            some = [(folder / f"{number}.jpg").read_bytes() for number in range(start, min(last, start + BATCH))]
            blobs.insert_many([{"_id": hashlib.sha256(data).hexdigest(), "data": data} for data in some], ordered=False)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
