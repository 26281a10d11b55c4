"""Run by ``dedup`` with a Python that has faiss: joins hashes with its exact indexes, one thread, and prints JSON.

Arguments: the file of the hashes, the radius, how many hashes are asked for (the scan: a tenth of them). Times are
scaled to all hashes.
"""

import json
import sys
import time

import faiss
import numpy as np


def main() -> None:
    """Measure the two indexes on the same hashes."""
    path, radius, asked = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    codes = np.load(path).view(np.uint8).reshape(-1, 8)
    faiss.omp_set_num_threads(1)
    multi_hash = faiss.IndexBinaryMultiHash(64, 4, 16)
    # Two hashes within the radius differ by at most a quarter of it in one of the four parts.
    multi_hash.nflip = radius // 4
    flat = faiss.IndexBinaryFlat(64)
    said: dict[str, float] = {}
    for name, index, some in (("multi_hash", multi_hash, asked), ("flat", flat, asked // 10)):
        start = time.process_time()
        index.add(codes)
        added = time.process_time()
        limits, _, _ = index.range_search(codes[:some], radius + 1)
        said[name] = added - start + (time.process_time() - added) * len(codes) / some
        if some == asked:
            said["matches"] = int(limits[-1]) - some  # every hash finds itself
    print(json.dumps(said))


main()
