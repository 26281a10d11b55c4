"""The fields of a policy in plain words: in which section each stands, what it is called, what it does."""

from typing import Literal, NamedTuple

from active_learning.domain.policy import ConsensusName, DesignName, Policy, RefusalsName, StrategyName

Unit = Literal["", "%", "$", "minutes", "seconds", "images", "answers", "rounds"]
Kind = Literal["text", "number", "switch", "choice"]


class Field(NamedTuple):
    """How a field is shown. In "%" a share is typed times 100, in "$" cents are typed as dollars."""

    label: str
    help: str
    unit: Unit = ""
    kind: Kind = "number"
    choices: tuple[tuple[str, str], ...] = ()


class Part(NamedTuple):
    """A section of the form: the fields that most people look at, and the rest."""

    name: str
    title: str
    intro: str
    fields: tuple[str, ...]
    more: tuple[str, ...] = ()


PARTS = (
    Part(
        "promise",
        "The promise",
        "What the dataset is sure of in the end. Winnow checks it on images drawn from the whole pool before anything "
        "is selected; a side that cannot hold its promise labels nothing.",
        ("precision", "recall", "confidence", "validation"),
        ("validation_design", "first_look", "audit"),
    ),
    Part(
        "money",
        "Money",
        "Nothing is spent beyond the budget, the market's fee included.",
        ("budget_cents", "reward_cents", "fee", "wage_floor_cents"),
        ("pay_unfinished", "fee_many"),
    ),
    Part(
        "task",
        "A task",
        "What one person gets at once: images to answer, with known ones hidden among them that check the work.",
        ("slots", "hidden_gold", "minutes", "lessons"),
        ("grid_above", "grid_below"),
    ),
    Part(
        "round",
        "A round",
        "Select, ask people, train, label: one turn of the loop.",
        ("batch", "max_rounds", "strategy"),
        ("finish_unknown", "recheck"),
    ),
    Part(
        "people",
        "When people agree",
        "How many answers an image gets, and how sure they must be together.",
        ("redundancy", "max_votes", "posterior"),
        (
            *("validation_max_votes", "validation_posterior", "gold_posterior"),
            *("consensus", "model_votes", "error_cents"),
        ),
    ),
    Part(
        "fairness",
        "Who is paid, whose answers are used",
        "Two decisions, each by an exact test on the hidden gold. A table says what the numbers mean for people.",
        ("false_refusal", "honest_accuracy", "use_accuracy", "refusals"),
    ),
    Part("model", "The model", "What learns from people's answers.", ("backbone", "head")),
)
"""In the order of the page. A field that stands in none of them comes in a section of its own at the end."""

OTHERS = Part("others", "More", "", ())


STRATEGIES: dict[StrategyName, str] = {
    "margin": "most uncertain",
    "margin_diverse": "uncertain, and unlike each other",
    "badge": "uncertain and unlike each other (BADGE)",
    "random": "by chance",
    "typical": "typical of the pool",
    "scheduled": "typical first, uncertain later",
    "mixed": "several in turn",
    "k_center": "far from what is known (k-center)",
    "cluster_balanced": "evenly over clusters",
    "committee": "a committee disagrees: entropy of its votes",
    "variation_ratio": "a committee disagrees: share against",
    "bald": "a committee disagrees: mutual information (BALD)",
    "entropy": "most uncertain: entropy",
    "least_confidence": "most uncertain: least confidence",
    "fisher_sum": "like images that the model gets wrong: sum",
    "fisher_product": "like images that the model gets wrong: product",
    "stratified_random": "evenly over confidence, by chance",
    "above_median": "confidence above the median",
    "below_median": "confidence below the median",
    "above_half": "confidence above one half",
    "below_half": "confidence below one half",
    "interquartile": "confidence between the quartiles",
    "normal": "confidence around the mean",
    "mid_normal": "confidence around the middle",
    "bin_quintile": "bins of confidence: quintiles",
    "bin_normal": "bins of confidence: normal",
}
CONSENSUS: dict[ConsensusName, str] = {
    "dawid_skene": "each person's own rates of error (Dawid-Skene)",
    "one_coin": "each person's own accuracy",
    "majority": "everybody counts the same",
    "glad": "accuracy of people, hardness of images (GLAD)",
    "mace": "who is guessing (MACE)",
    "auto": "what predicts unseen answers best",
}
DESIGNS: dict[DesignName, str] = {
    "uniform": "evenly from the whole pool",
    "stratified": "more where yes is likely: for rare things",
}
REFUSALS: dict[RefusalsName, str] = {
    "automatic": "by the test alone",
    "by_hand": "only after a person has looked",
}
BACKBONES = {
    "patches": "learned from the pool itself: patches",
    "patches_rotation": "patches, and turned images: a little better, slower",
    "rotation": "turned images alone",
    "hog": "edges (HOG): fast, needs no learning",
}
HEADS = {"kernel": "kernel logistic regression", "linear": "logistic regression", "network": "small network"}

FIELDS: dict[str, Field] = {
    "precision": Field("Precision", "At least this share of the model's yes labels is right.", "%"),
    "recall": Field("Recall", "At least this share of all yes images is not lost: the model says no to fewer.", "%"),
    "confidence": Field("Confidence", "How sure both promises are, over the draw of the validation images.", "%"),
    "validation": Field(
        "Validation images",
        "People answer them only to test the model. More of them cost more and let it label more.",
        "images",
    ),
    "validation_design": Field("Drawn", "How the validation images are drawn.", "", "choice", tuple(DESIGNS.items())),
    "first_look": Field(
        "First look in round", "The promise is first tested then; each look makes the later ones stricter.", ""
    ),
    "audit": Field(
        "Checked each round", "Images labeled by the model that people check; a broken promise is noticed.", "images"
    ),
    "budget_cents": Field("Budget", "The most that this category may cost in all.", "$"),
    "reward_cents": Field("Reward", "For one full task; smaller tasks in proportion.", "$"),
    "fee": Field("Market's fee", "What the marketplace takes on top of the reward.", "%"),
    "fee_many": Field("Fee from ten people on", "What it takes further where a task asks ten people or more.", "%"),
    "wage_floor_cents": Field(
        "Lowest pay an hour", "A bonus tops up who earned less in the time that was measured; 0: no floor.", "$"
    ),
    "pay_unfinished": Field(
        "Pay unfinished work", "In proportion, where the time limit ended it before all was answered.", "", "switch"
    ),
    "slots": Field("Images in a task", "Gold among them. 150 take about four minutes.", "images"),
    "hidden_gold": Field("Known ones among them", "Half of them yes. Fewer cost less, and prove less.", "images"),
    "minutes": Field("Time limit", "Somebody who has accepted a task has so long.", "minutes"),
    "lessons": Field("Lessons", "The first images of somebody's first task, that say what is right.", "images"),
    "grid_above": Field(
        "Grid of yes from", "From this score on images are asked in a grid: mark what is not a yes. Empty: never.", "%"
    ),
    "grid_below": Field("Grid of no up to", "The same for no, up to this score. Empty: never.", "%"),
    "batch": Field("Images a round", "What the strategy chooses for people each round.", "images"),
    "max_rounds": Field("Rounds", "At most so many; it ends before if every image is decided.", "rounds"),
    "strategy": Field("Chosen", "Which images people are asked about.", "", "choice", tuple(STRATEGIES.items())),
    "finish_unknown": Field("Rest for people", "When so few are unknown, people answer them all.", "images"),
    "recheck": Field(
        "Asked again each round", "Labels of people that a model strongly doubts go back to other people.", "images"
    ),
    "redundancy": Field("Answers at first", "Of different people, before anything is decided.", "answers"),
    "max_votes": Field("Answers at most", "After that a contested image is set aside as disputed.", "answers"),
    "posterior": Field("Sure enough", "How sure the answers must be together to become a label.", "%"),
    "validation_max_votes": Field("At most, validation", "The same for validation images.", "answers"),
    "validation_posterior": Field("Sure enough, validation", "Their errors would spoil the promise.", "%"),
    "gold_posterior": Field("Sure enough for gold", "From here on a label of people checks other people.", "%"),
    "consensus": Field("Errors of people", "How answers are weighed.", "", "choice", tuple(CONSENSUS.items())),
    "model_votes": Field("The model votes", "Its score counts as one more answer.", "", "switch"),
    "error_cents": Field(
        "A wrong label costs", "No answer is asked that costs more than it saves. Empty: ask until sure.", "$"
    ),
    "false_refusal": Field("Largest risk of a false refusal", "For a person who tries, in one task.", "%"),
    "honest_accuracy": Field("Somebody who tries", "Is right at least so often on the gold.", "%"),
    "use_accuracy": Field("Needed for use", "Below this the answers are paid and not used.", "%"),
    "refusals": Field("Refusing pay", "Who decides in the end.", "", "choice", tuple(REFUSALS.items())),
    "backbone": Field("Features", "What turns an image into numbers.", "", "choice", tuple(BACKBONES.items())),
    "head": Field("Classifier", "What learns yes and no from them.", "", "choice", tuple(HEADS.items())),
}

BELIEFS: dict[str, Field] = {
    "images": Field("Images", "In the pool.", "images"),
    "share_yes": Field("Share of yes", "Of the pool, as you guess it.", "%"),
    "difficulty": Field(
        "For a model it is",
        "Easy: one thing fills the picture. Hard: small, partly hidden, or a fine difference.",
        "",
        "choice",
        (("easy", "easy"), ("middling", "middling"), ("hard", "hard")),
    ),
    "accuracy": Field("People are right", "On the average image.", "%"),
    "seconds": Field("An answer takes", "Of one person.", "seconds"),
    "people": Field("People at work", "At the same time, on average.", ""),
}


def parts() -> tuple[Part, ...]:
    """All sections: every field of a policy stands in exactly one."""
    placed = {name for part in PARTS for name in (*part.fields, *part.more)}
    rest = tuple(name for name in Policy.model_fields if name not in placed and name != "version")
    return (*PARTS, OTHERS._replace(fields=rest)) if rest else PARTS


def field(name: str) -> Field:
    """How a field of a policy is shown; a new one by its own description."""
    if name in FIELDS:
        return FIELDS[name]
    info = Policy.model_fields[name]
    kind: Kind = "switch" if info.annotation is bool else "number" if info.annotation in (int, float) else "text"
    return Field(name.replace("_", " ").capitalize(), (info.description or "").capitalize(), "", kind)
