"""IJB-C's protocol with NumPy and scikit-learn, with the same steps as the public script: `numpy_ijbc.py FOLDER`.

It pools templates one by one, scores pairs in blocks of 100,000 in float64, and reads TAR from roc_curve at the nearest
FAR. Prints a JSON object.
"""
import json
import resource
import sys
import time
from os.path import join

import numpy as np
from sklearn.metrics import auc, roc_curve
from sklearn.preprocessing import normalize

FARS = ["1e-6", "1e-5", "1e-4", "1e-3", "1e-2", "1e-1"]


def pool(features, templates, medias):
    unique = np.unique(templates)
    pooled = np.zeros((len(unique), features.shape[1]))
    for row, template in enumerate(unique):
        (images,) = np.where(templates == template)
        for media in np.unique(medias[images]):
            pooled[row] += features[images[medias[images] == media]].mean(axis=0)
    return normalize(pooled), unique


def score(pooled, unique, first, second):
    row = np.zeros(unique.max() + 1, dtype=np.int64)
    row[unique] = np.arange(len(unique))
    scores = np.zeros(len(first))
    for start in range(0, len(first), 100_000):
        part = slice(start, start + 100_000)
        scores[part] = np.sum(pooled[row[first[part]]] * pooled[row[second[part]]], axis=1)
    return scores


def rates(same, scores):
    far, tar, _ = roc_curve(same, scores)
    reverse_far, reverse_tar = far[::-1], tar[::-1]
    return {text: float(reverse_tar[np.argmin(np.abs(reverse_far - float(text)))]) for text in FARS}, float(auc(far, tar))


def main(folder):
    seconds = {}

    def timed(name, work):
        wall, cpu = time.perf_counter(), time.process_time()
        result = work()
        seconds[name] = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        return result

    dimension = json.load(open(join(folder, "info.json")))["dim"]
    read = lambda file, kind: np.fromfile(join(folder, file), kind)
    templates, medias = read("templates.i32", "<i4"), read("medias.i32", "<i4")
    first, second, same = read("p1.i32", "<i4"), read("p2.i32", "<i4"), read("label.u8", "u1")
    embeddings = timed("reading", lambda: read("embeddings.f32", "<f4").reshape(-1, dimension))
    features = timed("preparing", lambda: embeddings * read("det.f32", "<f4")[:, None])
    pooled, unique = timed("pooling", lambda: pool(features, templates, medias))
    scores = timed("scores", lambda: score(pooled, unique, first, second))
    table, area = timed("curve", lambda: rates(same, scores))
    seconds["total"] = {kind: sum(part[kind] for part in seconds.values()) for kind in ("wall", "cpu")}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(json.dumps({"seconds": seconds, "peakMegabytes": peak, "tarAtFar": table, "auc": area}))


main(sys.argv[1])
