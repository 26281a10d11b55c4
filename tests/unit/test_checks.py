"""What `./winnow test` makes of its arguments and of pytest's report."""

from deploy.checks import Counts, read_counts, split_arguments


def test_options_go_to_every_group() -> None:
    assert split_arguments(["-x", "-k", "api"]) == (["-x", "-k", "api"], [])


def test_paths_choose_the_tests_and_keep_to_their_groups() -> None:
    options, groups = split_arguments(
        ["tests/store", "-x", "./tests/unit/test_checks.py::test_options_go", "tests/bench"]
    )
    assert options == ["-x"]
    assert groups == [("tests/unit/test_checks.py::test_options_go",), ("tests/store",), ("tests/bench",)]


def test_counts_of_a_report() -> None:
    report = '<testsuites><testsuite tests="9" failures="1" errors="2" skipped="3" time="1.0"/></testsuites>'
    assert read_counts(report) + Counts(passed=1) == Counts(passed=4, failed=3, skipped=3)
    assert str(read_counts(report)) == "3 passed, 3 failed, 3 skipped"
