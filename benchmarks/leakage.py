"""How long does it take to find near duplicates, and to trace whole pairs?

    python benchmarks/leakage.py

The texts are random: 6 to 18 words drawn by Zipf's law, from 20,000 words (free prose) and from
1,000 (templates, where even the rarest word of a text is common: the hard case). One probe in five
is a source with one word replaced. 'ratio' is the time of the same join without the prefix filter,
which compares everything that shares a word, over the time with it; it is left out where it would
take minutes.
"""

import resource
import time
from collections.abc import Callable

import numpy as np
from scipy.sparse import csr_array

from tuneproof.audit.leakage import closest_sets, trace_leakage
from tuneproof.pairs import DatingPair

SIMILARITY = 0.8
SIZES = ((200, 1_000), (2_000, 10_000), (20_000, 100_000))
LARGEST_REFERENCE = 10_000


def random_texts(count: int, vocabulary: int, generator: np.random.Generator) -> list[list[str]]:
    """Draw texts as lists of words."""
    shares = 1 / np.arange(1, vocabulary + 1)
    lengths = generator.integers(6, 19, size=count)
    drawn = generator.choice(vocabulary, size=lengths.sum(), p=shares / shares.sum())
    return [[f"w{word}" for word in text] for text in np.split(drawn, np.cumsum(lengths)[:-1])]


def plant_copies(
    texts: list[list[str]], sources: list[list[str]], generator: np.random.Generator
) -> list[list[str]]:
    """Replace every fifth text by a source with one word replaced."""
    copies = [list(sources[i]) for i in generator.integers(len(sources), size=len(texts))]
    return [
        [*copy[1:], text[0]] if row % 5 == 0 else text
        for row, (text, copy) in enumerate(zip(texts, copies, strict=True))
    ]


def compare_everything(probes: list[frozenset[str]], sources: list[frozenset[str]]) -> int:
    """Count the probes with a near duplicate from the overlaps of all pairs, a block at a time."""
    names = {token: i for i, token in enumerate(sorted(set().union(*probes, *sources)))}

    def membership(sets: list[frozenset[str]]) -> csr_array:
        rows = np.repeat(np.arange(len(sets)), [len(tokens) for tokens in sets])
        columns = [names[token] for tokens in sets for token in tokens]
        return csr_array((np.ones(len(rows)), (rows, columns)), shape=(len(sets), len(names)))

    left, right = membership(probes), membership(sources).T.tocsr()
    sizes = np.array([len(tokens) for tokens in sources])
    found = 0
    for start in range(0, len(probes), 100):
        shared = (left[start : start + 100] @ right).toarray()
        own = np.array([len(tokens) for tokens in probes[start : start + 100]])
        found += int((shared / (own[:, None] + sizes - shared) >= SIMILARITY).any(axis=1).sum())
    return found


def seconds(task: Callable[[], object]) -> float:
    """Time one call."""
    start = time.perf_counter()
    task()
    return time.perf_counter() - start


def as_pairs(texts: list[list[str]]) -> list[DatingPair]:
    """Join neighbouring texts to pairs."""
    said = [" ".join(text) for text in texts]
    common = {"category": "c", "subcategory": "s", "pair_type": "p"}
    return [
        DatingPair(text_1=f"boy: {first}", text_2=f"girl: {second}", label=0, **common)
        for first, second in zip(said[::2], said[1::2], strict=True)
    ]


def main() -> None:
    """Print one line for each size of each vocabulary, and the largest once more as pairs."""
    print(f"{'words':>7}{'probes':>9}{'sources':>9}{'found':>8}{'s':>9}{'ratio':>8}{'pairs s':>9}")
    for vocabulary in (20_000, 1_000):
        for n_probes, n_sources in SIZES:
            generator = np.random.default_rng(42)
            sources = random_texts(n_sources, vocabulary, generator)
            fresh = random_texts(n_probes, vocabulary, generator)
            probes = plant_copies(fresh, sources, generator)
            left, right = [[frozenset(text) for text in texts] for texts in (probes, sources)]
            found = int((closest_sets(left, right, SIMILARITY)[0] >= 0).sum())
            taken = seconds(lambda a=left, b=right: closest_sets(a, b, SIMILARITY))
            ratio = "-"
            if n_sources <= LARGEST_REFERENCE:
                assert compare_everything(left, right) == found
                ratio = f"{seconds(lambda a=left, b=right: compare_everything(a, b)) / taken:.1f}"
            train, evaluation = as_pairs(sources), as_pairs(probes)
            whole = seconds(lambda t=train, e=evaluation: trace_leakage(t, [], e, SIMILARITY))
            print(
                f"{vocabulary:>7}{n_probes:>9}{n_sources:>9}{found:>8}{taken:>9.2f}{ratio:>8}"
                f"{whole:>9.2f}"
            )
    print(f"peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
