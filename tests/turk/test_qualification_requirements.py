"""Who may find, preview and accept a HIT: requirements through boto3, the list, and the pages."""

from datetime import timedelta

import pytest

from tests.turk.served import hit, hit_type_values, post_hit, refused
from tests.turk.test_qualifications import INVALID, make
from workers.turk import qualifying
from workers.turk.identifiers import digest_id
from workers.turk.qualifying import ADULT, APPROVED_COUNT, LOCALE, MASTERS, PERCENT_APPROVED, satisfied


def need(kind, comparator="Exists", *numbers, **more):
    values = {"IntegerValues": list(numbers)} if numbers else {}
    return {"QualificationTypeId": kind, "Comparator": comparator, **values, **more}


def places(*names):
    parts = [name.partition("-") for name in names]
    return [{"Country": c, **({"Subdivision": s} if s else {})} for c, _, s in parts]


@pytest.mark.parametrize(
    ("comparator", "numbers", "those_who_may"),
    [
        ("LessThan", [5], {4}),
        ("LessThanOrEqualTo", [5], {4, 5}),
        ("GreaterThan", [5], {6}),
        ("GreaterThanOrEqualTo", [5], {5, 6}),
        ("EqualTo", [5], {5}),
        ("NotEqualTo", [5], {4, 6}),
        ("In", [4, 6], {4, 6}),
        ("NotIn", [4, 6], {5}),
        ("Exists", [], {4, 5, 6}),
        ("DoesNotExist", [], {None}),
    ],
)
def test_comparators(comparator, numbers, those_who_may):
    asked = qualifying.read_requirement(need("ANY", comparator, *numbers))
    assert {value for value in (None, 4, 5, 6) if satisfied(asked, value)} == those_who_may


@pytest.mark.parametrize(
    ("comparator", "named", "those_who_may"),
    [
        ("EqualTo", ["US"], {"US", "US-CA"}),
        ("EqualTo", ["US-CA"], {"US-CA"}),
        ("NotEqualTo", ["US"], {"DE"}),
        ("In", ["US-NY", "DE"], {"DE"}),
        ("NotIn", ["US-CA", "DE"], {"US"}),
        ("DoesNotExist", [], {None}),
    ],
)
def test_places(comparator, named, those_who_may):
    more = {"LocaleValues": places(*named)} if named else {}
    asked = qualifying.read_requirement(need(LOCALE, comparator, **more))
    homes = {None: None} | {name: places(name)[0] for name in ("US", "US-CA", "DE")}
    assert {name for name, home in homes.items() if satisfied(asked, home)} == those_who_may


@pytest.mark.parametrize(
    "asked",
    [
        need(APPROVED_COUNT, "GreaterThan"),
        need(APPROVED_COUNT, "GreaterThan", 1, 2),
        need(APPROVED_COUNT, "Exists", 1),
        need(APPROVED_COUNT, "In", *range(16)),
        need(APPROVED_COUNT, "EqualTo", LocaleValues=places("US")),
        need(LOCALE, "EqualTo", 1),
        need(LOCALE, "GreaterThan", LocaleValues=places("US")),
        need(LOCALE, "In", LocaleValues=places(*["US"] * 31)),
        need(ADULT, "Exists", RequiredToPreview=True, ActionsGuarded="Accept"),
    ],
)
def test_requirements_that_are_refused(requester, asked):
    with refused(requester, INVALID):
        post_hit(requester, QualificationRequirements=[asked])


def test_at_most_ten_and_of_types_that_can_be_used(requester):
    with refused(requester, INVALID):
        post_hit(requester, QualificationRequirements=[need(ADULT)] * 11)
    with refused(requester, "QualificationTypeDoesNotExist"):
        post_hit(requester, QualificationRequirements=[need("NOSUCHTYPE")])
    kind = make(requester, QualificationTypeStatus="Inactive")
    with refused(requester, "InvalidQualificationTypeState"):
        post_hit(requester, QualificationRequirements=[need(kind)])
    requester.update_qualification_type(QualificationTypeId=kind, QualificationTypeStatus="Active")
    values = hit_type_values(QualificationRequirements=[need(kind)])
    hit_type = requester.create_hit_type(**values)["HITTypeId"]
    requester.delete_qualification_type(QualificationTypeId=kind)
    with refused(requester, "QualificationTypeDoesNotExist"):
        requester.create_hit_with_hit_type(HITTypeId=hit_type, LifetimeInSeconds=60, Question="<x/>")


def test_the_ids_of_types_without_requirements_are_what_they_were(site, requester):
    plain = requester.create_hit_type(**hit_type_values())["HITTypeId"]
    stored = site.database.hit_types.find_one({"_id": plain})
    values = {name: value for name, value in stored.items() if name not in {"_id", "created_at"}}
    assert "requirements" not in values and digest_id(values) == plain
    guarded = hit_type_values(QualificationRequirements=[need(ADULT)])
    assert len({requester.create_hit_type(**guarded)["HITTypeId"] for _ in range(2)} | {plain}) == 2


def test_hits_tell_their_requirements_and_are_listed_by_type(site, requester):
    kind = make(requester)
    plain, asking = post_hit(requester), post_hit(requester, QualificationRequirements=[need(kind, "EqualTo", 3)])
    (told,) = hit(requester, asking)["QualificationRequirements"]
    assert told == {
        **need(kind, "EqualTo", 3),
        "RequiredToPreview": False,
        "ActionsGuarded": "Accept",
    }
    listed = requester.list_hits_for_qualification_type
    assert [found["HITId"] for found in listed(QualificationTypeId=kind)["HITs"]] == [asking]
    assert site.requester().list_hits_for_qualification_type(QualificationTypeId=kind)["NumResults"] == 0
    requester.update_hit_type_of_hit(HITId=asking, HITTypeId=hit(requester, plain)["HITTypeId"])
    assert hit(requester, asking)["QualificationRequirements"] == []
    assert listed(QualificationTypeId=kind)["NumResults"] == 0


@pytest.mark.parametrize(
    ("guarded", "found", "previewed"),
    [
        ("Accept", True, True),
        ("PreviewAndAccept", True, False),
        ("DiscoverPreviewAndAccept", False, False),
    ],
)
def test_what_is_guarded(site, requester, guarded, found, previewed):
    kind, worker = make(requester, Name="Knows birds"), site.worker()
    title = f"Guarded {guarded} {kind}"
    hit_id = post_hit(requester, Title=title, QualificationRequirements=[need(kind, ActionsGuarded=guarded)])

    def sees():
        front, preview = worker.http.get("/").text, worker.http.get(f"/hits/{hit_id}").status_code
        return title in front, preview == 200, hit_id in {one["hit_id"] for one in worker.http.get("/hits.json").json()}

    assert sees() == (found, previewed, False)
    reply = worker.try_accept(hit_id)
    assert reply.status_code == 409
    assert f'href="/qualifications/{kind}"' in reply.text and "Knows birds" in reply.text
    requester.associate_qualification_with_worker(QualificationTypeId=kind, WorkerId=worker.id)
    assert sees() == (True, True, True)
    assignment = worker.accept(hit_id)
    requester.disassociate_qualification_from_worker(QualificationTypeId=kind, WorkerId=worker.id)
    assert worker.http.get(f"/hits/{hit_id}").status_code == 200, "what was begun can be finished"
    assert worker.submit(assignment).status_code == 200


def test_an_exclusion_list(site, requester):
    kind, done, fresh = make(requester), site.worker(), site.worker()
    requester.associate_qualification_with_worker(QualificationTypeId=kind, WorkerId=done.id, SendNotification=False)
    hit_id = post_hit(requester, QualificationRequirements=[need(kind, "DoesNotExist")])
    assert done.try_accept(hit_id).status_code == 409
    fresh.accept(hit_id)


def test_the_next_hit_is_one_that_the_worker_may_accept(site, requester):
    kind, worker = make(requester), site.worker()
    asked = [need(kind)]
    first, _ = (post_hit(requester, QualificationRequirements=asked) for _ in range(2))
    requester.associate_qualification_with_worker(QualificationTypeId=kind, WorkerId=worker.id)
    assignment = worker.accept(first)
    worker.submit(assignment)
    assert "Accept the next one" in worker.http.get(f"/assignments/{assignment}").text
    requester.disassociate_qualification_from_worker(QualificationTypeId=kind, WorkerId=worker.id)
    assert "Accept the next one" not in worker.http.get(f"/assignments/{assignment}").text


def test_a_home_is_said_once_and_adult_content_agreed_to(site, requester):
    worker = site.worker()
    american = post_hit(requester, QualificationRequirements=[need(LOCALE, "In", LocaleValues=places("US", "CA"))])
    adult = post_hit(requester, QualificationRequirements=[need(ADULT, "EqualTo", 1)])
    assert [worker.try_accept(one).status_code for one in (american, adult)] == [409, 409]
    for bad in ({"country": "1A"}, {"country": "DE", "subdivision": "BY"}):
        assert worker.http.post("/qualifications/about", data={"csrf": worker.csrf, **bad}).status_code == 400
    for country in ("us", "DE"):
        said = {"csrf": worker.csrf, "country": country, "adult": "yes"}
        assert worker.http.post("/qualifications/about", data=said).status_code == 303
    assert '<td class="nowrap">US</td>' in worker.http.get("/qualifications").text
    worker.accept(american)
    worker.accept(adult)


def history(site, worker, approved, rejected):
    now = site.clock() - timedelta(days=50)
    site.database.assignments.insert_many(
        {"_id": f"{worker.id}{number}", "worker": worker.id, "state": state, "hit": f"GONE{number}", "due_at": None}
        | {"title": "", "reward": 1, "accepted_at": now, "submitted_at": now}
        for number, state in enumerate(["Approved"] * approved + ["Rejected"] * rejected)
    )


def test_the_marketplaces_own_qualifications(site, requester):
    fresh, weak, master = site.worker(), site.worker(), site.worker()
    history(site, weak, 60, 41)
    history(site, master, 1_000, 10)
    often = post_hit(requester, 3, QualificationRequirements=[need(PERCENT_APPROVED, "GreaterThanOrEqualTo", 60)])
    much = post_hit(requester, 3, QualificationRequirements=[need(APPROVED_COUNT, "GreaterThan", 59)])
    best = post_hit(requester, 3, QualificationRequirements=[need(MASTERS[0]), need(MASTERS[1])])
    may = [[person.try_accept(one).status_code for one in (often, much, best)] for person in (fresh, weak, master)]
    assert may == [[303, 409, 409], [409, 303, 409], [303, 303, 303]]
