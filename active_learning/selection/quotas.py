"""How many to take of each group: the small groups are exhausted first, and what they leave goes to the bigger ones."""

from collections.abc import Sequence


def by_size(sizes: Sequence[int], total: int) -> list[int]:
    """Return how many of each group to take so that ``total`` are taken as evenly as their sizes allow.

    The rule of the bandwidth study: the groups come from the smallest to the largest (equal ones in their order), and
    the i-th of n gives at most ``round((total - taken) / (n - i))`` (half to even). Sizes 5, 50, 50 and a total of 60
    give 5, 28, 27.
    """
    quotas = [0] * len(sizes)
    taken = 0
    for turn, group in enumerate(sorted(range(len(sizes)), key=lambda group: sizes[group])):
        quotas[group] = min(sizes[group], round((total - taken) / (len(sizes) - turn)))
        taken += quotas[group]
    return quotas


def by_share(shares: Sequence[float], total: int) -> list[int]:
    """Return how many of ``total`` each share gets: rounded down, the rest to the largest remainders, the first first.

    Shares are relative: 1, 1, 2 are a quarter, a quarter and a half.
    """
    exact = [share / sum(shares) * total for share in shares]
    quotas = [int(number + 1e-9) for number in exact]
    remainders = sorted(range(len(shares)), key=lambda part: (quotas[part] - exact[part], part))
    for part in remainders[: total - sum(quotas)]:
        quotas[part] += 1
    return quotas
