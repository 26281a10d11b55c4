"""The plan as a value: one snapshot, one action. No database, no clock."""

from typing import Any

import pytest

from active_learning import rounds
from active_learning.domain.policy import Policy
from active_learning.domain.round import CategoryState, Phase, RoundView

POLICY = Policy(batch=100, validation=500, first_look=2, finish_unknown=150, max_rounds=5, slots=150, hidden_gold=40)


def snapshot(**changes: Any) -> rounds.Snapshot:
    """A healthy category before its first round."""
    fields: dict[str, Any] = {
        "state": CategoryState.OPEN,
        "unknown": 2_000,
        "auto_labeled": 0,
        "disputed": 0,
        "wants_votes": 0,
        "wants_votes_train": 0,
        "total": 2_600,
        "stalled": 0,
        "validation_drawn": True,
        "validation_open": 500,
        "gold_yes": 30,
        "gold_no": 30,
        "embedded": True,
        "open_tasks": 0,
        "affordable_tasks": 100,
        "has_model": False,
        "round": None,
    }
    return rounds.Snapshot(**(fields | changes))


def view(phase: Phase, number: int = 1, wave: int = 1, sweep: bool = False) -> RoundView:
    return RoundView(number=number, phase=phase, wave=wave, sweep=sweep)


@pytest.mark.parametrize("state", [CategoryState.PAUSED, CategoryState.FINISHED, CategoryState.ARCHIVED])
def test_nothing_happens_to_a_category_that_is_not_open(state: CategoryState) -> None:
    assert isinstance(rounds.plan(snapshot(state=state), POLICY), rounds.Wait)


def test_without_gold_of_both_sides_the_loop_waits_for_the_researcher() -> None:
    action = rounds.plan(snapshot(gold_yes=4), POLICY)
    assert isinstance(action, rounds.Wait) and "gold" in action.why


def test_validation_is_drawn_before_anything_is_selected() -> None:
    assert rounds.plan(snapshot(validation_drawn=False, embedded=False), POLICY) == rounds.DrawValidation()


def test_features_come_before_the_first_round() -> None:
    assert rounds.plan(snapshot(embedded=False), POLICY) == rounds.Embed()


def test_the_first_round_asks_all_validation_and_a_random_batch() -> None:
    action = rounds.plan(snapshot(), POLICY)
    assert action == rounds.StartRound(number=1, strategy="random", take=100, validation=500)


def test_later_rounds_use_the_policys_strategy() -> None:
    done = snapshot(has_model=True, validation_open=0, unknown=900, round=view(Phase.DONE))
    assert rounds.plan(done, POLICY) == rounds.StartRound(number=2, strategy="margin", take=100, validation=0)


def test_the_budget_limits_a_round_and_validation_comes_first() -> None:
    action = rounds.plan(snapshot(affordable_tasks=5), POLICY)
    assert action == rounds.StartRound(number=1, strategy="random", take=50, validation=500)


def test_a_small_rest_is_swept_by_people() -> None:
    rest = snapshot(has_model=True, validation_open=0, unknown=120, disputed=20, round=view(Phase.DONE, 3))
    assert rounds.plan(rest, POLICY) == rounds.StartRound(number=4, strategy="sweep", take=100, validation=0)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"unknown": 0}, "every image is decided"),
        ({"unknown": 7, "disputed": 7}, "only disputed"),
        ({"affordable_tasks": 0}, "budget"),
        ({"unknown": 900, "round": view(Phase.DONE, 5)}, "5 rounds"),
        ({"unknown": 9, "round": view(Phase.DONE, 3, sweep=True)}, "people have seen"),
    ],
)
def test_the_campaign_ends_with_its_reason(changes: dict[str, Any], reason: str) -> None:
    base = {"has_model": True, "validation_open": 0, "round": view(Phase.DONE, 2)}
    action = rounds.plan(snapshot(**(base | changes)), POLICY)
    assert isinstance(action, rounds.Finish) and reason in action.reason


def test_a_wave_waits_for_its_tasks_then_decides() -> None:
    collecting = {"round": view(Phase.COLLECTING, 1, 2)}
    assert isinstance(rounds.plan(snapshot(open_tasks=3, **collecting), POLICY), rounds.Wait)
    assert rounds.plan(snapshot(**collecting), POLICY) == rounds.Decide(round=1, wave=2)


def test_another_opinion_comes_before_training_while_votes_and_money_last() -> None:
    decided = {"wants_votes": 40, "round": view(Phase.DECIDED, 1, 1)}
    assert rounds.plan(snapshot(**decided), POLICY) == rounds.AddWave(round=1, wave=2, take=40)
    assert rounds.plan(snapshot(affordable_tasks=0, **decided), POLICY) == rounds.Train(round=1)
    last = {"wants_votes": 40, "round": view(Phase.DECIDED, 1, 2 * POLICY.validation_max_votes)}
    assert rounds.plan(snapshot(**last), POLICY) == rounds.Train(round=1)


def test_a_round_trains_then_cuts_and_a_sweep_only_closes() -> None:
    assert rounds.plan(snapshot(round=view(Phase.DECIDED)), POLICY) == rounds.Train(round=1)
    assert rounds.plan(snapshot(round=view(Phase.CUTTING)), POLICY) == rounds.Cut(round=1)
    assert rounds.plan(snapshot(round=view(Phase.DECIDED, sweep=True)), POLICY) == rounds.CloseRound(round=1)


def test_a_handful_of_open_opinions_waits_for_the_next_round_unless_a_calibration_needs_them() -> None:
    few = {"wants_votes": 3, "wants_votes_train": 1}
    assert rounds.plan(snapshot(round=view(Phase.DECIDED, 1), **few), POLICY) == rounds.Train(round=1)
    due = snapshot(round=view(Phase.DECIDED, 2), **few)
    assert rounds.plan(due, POLICY) == rounds.AddWave(round=2, wave=2, take=3)
    sweep = snapshot(round=view(Phase.DECIDED, 2, sweep=True), validation_open=0, **few)
    assert rounds.plan(sweep, POLICY) == rounds.AddWave(round=2, wave=2, take=3)
    later = snapshot(round=view(Phase.DONE, 1), has_model=True, validation_open=2, unknown=900, **few)
    assert rounds.plan(later, POLICY) == rounds.StartRound(number=2, strategy="margin", take=100, validation=2, again=1)


def test_looks_in_vain_end_in_a_sweep_when_the_rest_is_small_enough() -> None:
    stuck = {"has_model": True, "validation_open": 0, "round": view(Phase.DONE, 4), "stalled": 2}
    assert rounds.plan(snapshot(unknown=600, **stuck), POLICY) == rounds.StartRound(
        number=5, strategy="sweep", take=600
    )
    assert isinstance(rounds.plan(snapshot(unknown=1_500, **stuck), POLICY), rounds.StartRound)
    assert rounds.plan(snapshot(unknown=1_500, **stuck), POLICY).strategy == "margin"  # type: ignore[union-attr]


def test_strata_wait_for_the_scores_of_a_first_model_that_learned_from_chance_alone() -> None:
    rare = POLICY.model_copy(update={"validation_design": "stratified"})
    fresh = snapshot(validation_drawn=False, validation_open=0)
    assert rounds.plan(fresh, rare) == rounds.StartRound(number=1, strategy="random", take=100)
    scored = snapshot(validation_drawn=False, validation_open=0, has_model=True, round=view(Phase.DONE, 1))
    assert rounds.plan(scored, rare) == rounds.DrawValidation()
    assert rounds.plan(scored.model_copy(update={"embedded": False}), rare) == rounds.Embed()


def test_how_much_a_round_selects_does_not_depend_on_what_the_cuts_decided() -> None:
    done = {"has_model": True, "validation_open": 0, "round": view(Phase.DONE, 2)}
    undecided = rounds.plan(snapshot(unknown=1_000, auto_labeled=0, **done), POLICY)
    decided = rounds.plan(snapshot(unknown=400, auto_labeled=600, **done), POLICY)
    assert undecided == decided == rounds.StartRound(number=3, strategy="margin", take=100)


def test_a_batch_that_would_reach_beyond_the_unknown_is_a_sweep() -> None:
    large = POLICY.model_copy(update={"batch": 500})
    done = {"has_model": True, "validation_open": 0, "round": view(Phase.DONE, 2)}
    assert rounds.plan(snapshot(unknown=400, auto_labeled=900, **done), large) == rounds.StartRound(
        number=3, strategy="sweep", take=400
    )


def test_answers_to_task_sets_are_decided_between_rounds_and_after_the_end() -> None:
    between = {"posted": 9, "task_sets": 4, "has_model": True, "validation_open": 0}
    for state, current in (
        (CategoryState.OPEN, None),
        (CategoryState.OPEN, view(Phase.DONE, 2)),
        (CategoryState.FINISHED, view(Phase.DONE, 2)),
    ):
        over = snapshot(state=state, round=current, **between)
        assert rounds.plan(over, POLICY) == rounds.Decide(round=0, wave=4)
        asked = over.model_copy(update={"open_tasks": 1})
        assert not isinstance(rounds.plan(asked, POLICY), rounds.Decide), "people are still at it"
    for state in (CategoryState.PAUSED, CategoryState.ARCHIVED):
        assert isinstance(rounds.plan(snapshot(state=state, **between), POLICY), rounds.Wait)


def test_a_round_decides_task_sets_with_its_own_answers() -> None:
    collecting = snapshot(round=view(Phase.COLLECTING, 3, 2), posted=50, task_sets=1)
    assert rounds.plan(collecting, POLICY) == rounds.Decide(round=3, wave=2)
    for phase, action in ((Phase.DECIDED, rounds.Train), (Phase.CUTTING, rounds.Cut)):
        assert isinstance(rounds.plan(snapshot(round=view(phase, 3), posted=5), POLICY), action)


def test_nobody_is_asked_about_what_is_excluded_and_the_end_waits_for_task_sets() -> None:
    done = {"has_model": True, "validation_open": 0, "round": view(Phase.DONE, 2)}
    rest = rounds.plan(snapshot(unknown=120, excluded=30, **done), POLICY)
    assert rest == rounds.StartRound(number=3, strategy="sweep", take=90)
    over = rounds.plan(snapshot(unknown=30, excluded=30, **done), POLICY)
    assert isinstance(over, rounds.Finish)
    waiting = rounds.plan(snapshot(unknown=0, posted=8, open_tasks=1, **done), POLICY)
    assert isinstance(waiting, rounds.Wait)
