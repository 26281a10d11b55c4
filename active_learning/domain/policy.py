"""A policy: the versioned numbers of a category."""

from math import ceil, floor
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from active_learning.domain.value import Value

Share = Annotated[float, Field(gt=0.0, lt=1.0)]

StrategyName = Literal[
    # chance
    "random",
    # uncertainty
    "margin",
    "least_confidence",
    "entropy",
    "committee",
    "variation_ratio",
    "bald",
    # diversity
    "k_center",
    "cluster_balanced",
    "typical",
    # both
    "margin_diverse",
    "badge",
    # images like those that the model gets wrong
    "fisher_sum",
    "fisher_product",
    # the bandwidth study's samplers of the distribution of confidence ("random" is its true-random)
    "stratified_random",
    "above_median",
    "below_median",
    "above_half",
    "below_half",
    "interquartile",
    "normal",
    "mid_normal",
    "bin_quintile",
    "bin_normal",
    # several in turn
    "mixed",
    "scheduled",
]
"""How a round chooses images: see ``active_learning.selection``."""

ConsensusName = Literal["auto", "majority", "one_coin", "dawid_skene", "glad", "mace"]
"""How answers become labels: see ``active_learning.consensus``."""

DesignName = Literal["uniform", "stratified"]
"""How validation images are drawn from the whole pool: see ``active_learning.validation``."""


RefusalsName = Literal["automatic", "by_hand"]
"""Who refuses pay where the gold check finds strong evidence that nobody tried."""


LARGE_TASK = 10
"""A marketplace of the MTurk kind takes more from tasks that so many people and more are asked to do."""

MANY, LARGE = 1_000_000, 2_000_000_000
"""Bounds of numbers that would be typing mistakes beyond."""


class Policy(Value):
    """What a category promises and what it may spend. Money is in US cents.

    The promise: with probability ``confidence`` (over the draw of the validation images), at least ``precision`` of
    the model's yes labels are yes, and at least ``recall`` of all the pool's yes images are labeled yes.
    """

    version: int = Field(default=1, ge=1, le=LARGE)

    # The promise
    precision: Share = 0.90
    recall: Share = 0.90
    confidence: Share = 0.90
    validation: int = Field(
        default=600, ge=0, le=MANY, description="images drawn from the whole pool that only calibrate"
    )
    validation_design: DesignName = Field(
        default="uniform", description="stratified: more of them where a first model expects yes; for rare classes"
    )
    audit: int = Field(
        default=0, ge=0, le=MANY, description="images labeled by the model that people check in each round"
    )
    first_look: int = Field(
        default=1, ge=1, le=MANY, description="round of the first calibration: each look costs certainty"
    )

    # A round
    strategy: StrategyName = "margin"
    batch: int = Field(default=100, ge=1, le=MANY, description="images chosen by the strategy in one round")
    max_rounds: int = Field(default=10, ge=1, le=MANY)
    finish_unknown: int = Field(
        default=150, ge=0, le=LARGE, description="so few unknown images are simply given to people"
    )

    # A task
    slots: int = Field(default=150, ge=2, le=2_000, description="images in one task, gold among them")
    hidden_gold: int = Field(default=40, ge=1, le=2_000, description="slots of a full task whose answer is known")

    lessons: int = Field(
        default=6, ge=0, le=100, description="visible gold at the start of an annotator's first assignment"
    )
    grid_above: Share | None = Field(default=None, description="model score from which a grid of yes asks images")
    grid_below: Share | None = Field(default=None, description="model score up to which a grid of no asks images")

    # Consensus
    consensus: ConsensusName = Field(default="dawid_skene", description="the model of people's errors")
    model_votes: bool = Field(default=False, description="the model's calibrated score speaks as one more voter")
    error_cents: float | None = Field(
        default=None,
        gt=0.0,
        le=LARGE,
        description="what a wrong label costs: no answer is asked that costs more than it saves",
    )
    redundancy: int = Field(default=2, ge=1, le=99, description="answers asked of different people before deciding")
    max_votes: int = Field(
        default=5, ge=1, le=99, description="answers after which a contested image is given up as disputed"
    )
    posterior: Share = Field(default=0.97, description="certainty at which people's answers become a label")
    validation_posterior: Share = Field(default=0.998, description="the same for validation images")
    validation_max_votes: int = Field(default=9, ge=1, le=99, description="the same limit for validation images")
    gold_posterior: Share = Field(default=0.999, description="certainty at which a human label may serve as gold")

    recheck: int = Field(
        default=5, ge=0, le=MANY, description="labels of people, likely wrong, that go back in each round"
    )

    # Money
    reward_cents: int = Field(default=60, ge=1, le=MANY, description="paid for one assignment of a full task")
    fee: float = Field(default=0.20, ge=0.0, le=1.0, description="the market's fee as a share of the reward")
    fee_many: float = Field(
        default=0.20, ge=0.0, le=1.0, description="its further fee for tasks that ask ten people or more"
    )
    budget_cents: int = Field(default=10_000, ge=0, le=10**12)
    pay_unfinished: bool = Field(default=False, description="pay in proportion for work that the time limit ended")
    wage_floor_cents: int = Field(
        default=0,
        ge=0,
        le=MANY,
        description="lowest pay an hour of measured work: a bonus makes up the rest; 0: no floor",
    )

    # Quality of one submission. Paying and using are two decisions.
    use_accuracy: Share = Field(default=0.75, description="balanced accuracy on hidden gold needed for use")
    honest_accuracy: Share = Field(default=0.75, description="the lowest accuracy of a person who tries")
    false_refusal: Share = Field(default=0.005, description="largest risk of refusing pay to a person who tries")
    refusals: RefusalsName = Field(
        default="automatic", description="by_hand: a person decides before pay is refused; after two days it is paid"
    )
    minutes: int = Field(default=30, ge=1, le=43_200, description="time limit of one assignment")

    # The model
    backbone: str = "patches"
    head: str = "kernel"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.hidden_gold >= self.slots:
            raise ValueError(f"hidden_gold ({self.hidden_gold}) must be below slots ({self.slots})")
        if self.max_votes < self.redundancy:
            raise ValueError(f"max_votes ({self.max_votes}) must be at least redundancy ({self.redundancy})")
        if self.grid_above is not None and self.grid_below is not None and self.grid_below >= self.grid_above:
            raise ValueError(f"grid_below ({self.grid_below}) must be below grid_above ({self.grid_above})")
        return self

    def reward_for(self, slots: int) -> int:
        """What an annotator gets for a task of ``slots`` images, in proportion, rounded up to a cent."""
        return max(1, ceil(self.reward_cents * slots / self.slots - 1e-9))

    def cost_for(self, reward_cents: int, people: int = 1) -> int:
        """What one approved assignment of a task for so many ``people`` costs, or a bonus, the market's fee included.

        The fee is to the nearest cent, at least one.
        """
        share = self.fee + (self.fee_many if people >= LARGE_TASK else 0.0)
        fee = max(1, floor(reward_cents * share + 0.5 + 1e-9)) if share else 0
        return reward_cents + fee

    @property
    def cost_cents(self) -> int:
        """What one approved assignment of a full task costs."""
        return self.cost_for(self.reward_cents, self.redundancy)
