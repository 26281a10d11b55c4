"""One model on the category page: its scores over the pool, its cuts, its reliability."""

from typing import Any

from labeling_ui.charts_model import Bin, Cuts, Judged, answers_chart, odds, reliability_chart, scores_chart
from labeling_ui.contexts.base import Shown


class ScoreBin(Shown):
    """Images whose score lies from ``left`` to ``right`` (log-odds), and the validation images there, yes and no.

    Validation images count for the images of the pool that they stand for; the counts add up to their number.
    """

    left: float
    right: float
    images: int
    yes: float
    no: float


class ScoreGroup(Shown):
    """``n`` validation images of similar score: their mean score, and the share that is yes with its interval."""

    n: int
    score: float
    share: float
    low: float
    high: float


class Scores(Shown):
    """The model of one round.

    ``looked`` says that validation was complete and cuts were looked for; ``lower`` and ``upper`` are what was found
    (``None``: that side could not hold its target). ``adopted``: they were put in force; the rule ``in_force`` now is
    of that round. ``error`` is the expected calibration error, ``brier`` the Brier score. ``rounds`` have a model.
    """

    round: int
    rounds: tuple[int, ...]
    looked: bool = False
    adopted: bool = False
    in_force: int | None = None
    lower: float | None = None
    upper: float | None = None
    bins: tuple[ScoreBin, ...] = ()
    groups: tuple[ScoreGroup, ...] = ()
    error: float | None = None
    brier: float | None = None

    @property
    def cuts(self) -> Cuts:
        """The cuts in log-odds."""
        return Cuts(*(None if cut is None else odds(cut) for cut in (self.lower, self.upper)))

    def charts(self) -> dict[str, dict[str, Any]]:
        """The charts by the id of their place."""
        bins = [Bin(one.left, one.right, one.images, one.yes, one.no) for one in self.bins]
        groups = [Judged(one.n, one.score, one.share, one.low, one.high) for one in self.groups]
        return {
            "scores-chart": scores_chart(bins, self.cuts),
            "answers-chart": answers_chart(bins, self.cuts),
            "reliability-chart": reliability_chart(groups),
        }

    def movable(self) -> dict[str, Any]:
        """What the script needs that shows what other cuts would do."""
        columns = {name: [getattr(one, name) for one in self.bins] for name in ("left", "right", "images", "yes", "no")}
        return {"lower": self.cuts.lower, "upper": self.cuts.upper, **columns}
