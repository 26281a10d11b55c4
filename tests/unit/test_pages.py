"""Every page with full and with empty data, and templates that use only what their context has."""

import json
import math
import re
from html.parser import HTMLParser

import pytest
from jinja2 import UndefinedError, meta, nodes

from active_learning.domain.access import SCOPES, Actor, UserRole
from active_learning.domain.label import Source
from labeling_ui.charts import Standing, pool_chart
from labeling_ui.contexts import CategoryPage, ErrorPage, Example, ExpertPage, ImagesInPage, IndexPage, Page, TaskPage
from labeling_ui.render import ENVIRONMENT, STATIC, fields, render
from labeling_ui.wording import count, cut, dollars, percent, rate, size, span, when
from tests.ui import pages, story_pages

ALL = pages.FULL + pages.EMPTY
KINDS = tuple(dict.fromkeys(type(page) for page in ALL))
VOID = {"meta", "link", "img", "input", "br", "hr", "rect"}


class Checker(HTMLParser):
    """Complains of unbalanced tags, doubled ids, images without alt, and what a strict security policy refuses."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.complaints: list[str] = []
        self.feed(html)
        self.complaints += [f"<{tag}> is never closed" for tag in self.open]
        self.complaints += [f"#{name} twice" for name in {i for i in self.ids if self.ids.count(i) > 1}]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if values.get("id"):
            self.ids.append(values["id"] or "")
        if tag == "img" and "alt" not in values:
            self.complaints.append("an image without alt")
        if tag == "style" or "style" in values or any(name.startswith("on") for name in values):
            self.complaints.append(f"inline style or handler in <{tag}>")
        if tag == "script" and "src" not in values and values.get("type") != "application/json":
            self.complaints.append("inline script")
        for name in ("src", "href", "action"):
            if tag == "a" and "external" in (values.get("rel") or ""):
                continue  # it leads elsewhere, and nothing of it is loaded
            if (values.get(name) or "").startswith(("http:", "https:", "//")):
                self.complaints.append(f"<{tag}> needs another server: {values[name]}")

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.complaints.append(f"</{tag}> closes nothing")


def context_of(html: str) -> dict[str, object]:
    found = re.search(r'<script type="application/json" id="context">(.*?)</script>', html)
    assert found is not None
    context: dict[str, object] = json.loads(found[1])
    return context


@pytest.mark.parametrize("page", ALL, ids=lambda page: type(page).__name__)
def test_every_page_renders_sound_html(page: Page) -> None:
    assert Checker(render(page)).complaints == []


def test_the_checker_itself_complains() -> None:
    bad = '<p id="a" style="x"><b id="a"></p><img src="https://elsewhere.org/a.png"><script>1</script>'
    assert len(Checker(bad).complaints) >= 6


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_templates_use_only_fields_of_their_context(kind: type[Page]) -> None:
    pending, used, imported = [kind.template], set(), {"namespace", "static", "places", "me"}
    while pending:
        name = pending.pop()
        assert ENVIRONMENT.loader is not None
        tree = ENVIRONMENT.parse(ENVIRONMENT.loader.get_source(ENVIRONMENT, name)[0])
        used |= meta.find_undeclared_variables(tree)
        pending += [found for found in meta.find_referenced_templates(tree) if found]
        imported |= {name for node in tree.find_all(nodes.FromImport) for name in node.names if isinstance(name, str)}
        imported |= {node.target for node in tree.find_all(nodes.Import)}
    assert used <= fields(kind) | imported


def test_a_missing_name_is_an_error_not_an_empty_place() -> None:
    with pytest.raises(UndefinedError):
        ENVIRONMENT.from_string("{{ questoin }}").render(question="?")


@pytest.mark.parametrize("page", ALL, ids=lambda page: type(page).__name__)
def test_scripts_and_styles_exist(page: Page) -> None:
    for address in re.findall(r'(?:src|href)="/static/[0-9a-f]{12}/([^"]+)"', render(page)):
        assert (STATIC / address).is_file(), address


def test_scripts_find_their_elements() -> None:
    """Each id that a script asks for by ``element("...")`` is on the page that loads the script."""
    shared = "".join(
        (STATIC / "answering" / f"{name}.js").read_text() for name in ("sitting", "stage", "help", "trouble", "zoom")
    )
    for page, script in ((pages.task_page(pages.work()), "task.js"), (pages.expert_page(), "expert.js")):
        wanted = set(re.findall(r'element\("([a-z-]+)"\)', shared + (STATIC / script).read_text())) - {"skip"}
        assert len(wanted) > 12
        assert wanted <= set(Checker(render(page)).ids)


@pytest.mark.parametrize(("presumed", "roots"), [(None, ("task.js",)), (False, ("task.js", "answering/grid.js"))])
def test_the_task_page_asks_for_all_its_scripts_at_once(presumed: bool | None, roots: tuple[str, ...]) -> None:
    pending = [STATIC / root for root in roots]
    needed = set(pending[1:])
    while pending:
        script = pending.pop()
        for address in re.findall(r'(?:from|import) "(\.[^"]+)"', script.read_text()):
            found = (script.parent / address).resolve()
            if found not in needed:
                needed.add(found)
                pending.append(found)
    html = render(pages.task_page(pages.work(presumed=presumed)))
    listed = {
        STATIC / address for address in re.findall(r'rel="modulepreload" href="/static/[0-9a-f]{12}/([^"]+)"', html)
    }
    assert listed == needed


def test_scripts_import_files_that_exist() -> None:
    for script in STATIC.rglob("*.js"):
        for address in re.findall(r'(?:from|import) "(\.[^"]+)"', script.read_text()):
            assert address == "./vega.js" or (script.parent / address).is_file(), (script.name, address)


@pytest.mark.parametrize("page", ALL, ids=lambda page: type(page).__name__)
def test_text_is_text(page: Page) -> None:
    attack = '</script><script>alert("x")</script>'
    if "question" in type(page).model_fields:
        html = render(page.model_copy(update={"question": attack, "instructions": attack}))
    elif isinstance(page, CategoryPage):
        changed = page.summary.model_copy(update={"question": attack, "phase": attack, "instructions": attack})
        html = render(CategoryPage(summary=changed))
    else:
        html = render(page.model_copy(update={"message": attack} if "message" in type(page).model_fields else {}))
    assert "<script>alert" not in html


def test_a_token_cannot_break_out_of_the_context() -> None:
    html = render(pages.task_page(pages.work(token="</script><b>")))
    assert context_of(html)["token"] == "</script><b>"
    assert "<b>" not in html


def test_the_preview_has_no_work_in_it() -> None:
    html = render(pages.task_page(None))
    assert "preview" in html
    assert "task.js" not in html
    assert 'id="context"' not in html


def test_the_task_page_has_no_place_for_gold_or_image_ids() -> None:
    def names(schema: object) -> set[str]:
        if isinstance(schema, dict):
            return set(schema.get("properties", {})).union(*(names(value) for value in schema.values()))
        return set().union(*(names(value) for value in schema)) if isinstance(schema, list) else set()

    known = names(TaskPage.model_json_schema())
    assert {"token", "question", "reward_cents"} <= known
    assert not {name for name in known if "gold" in name or "sha" in name or name in {"image", "ids", "score", "label"}}


def test_empty_states_say_what_to_do() -> None:
    shown = {type(page): render(page) for page in pages.EMPTY}
    index, category, expert, images_in = (shown[kind] for kind in (IndexPage, CategoryPage, ExpertPage, ImagesInPage))
    assert "./winnow import" in index
    assert "./winnow import" in category
    assert "No gold yet" not in category, "there is no image to make gold of"
    imported = render(CategoryPage(summary=pages.empty_summary().model_copy(update={"total": 3})))
    assert "No gold yet" in imported
    assert "/categories/circle/expert" in imported
    assert "No round has ended yet" in category
    assert "Nothing to answer" in expert
    assert "Nobody has looked for images yet" in images_in
    assert "/categories/circle/images-in" in category


def test_guarantee_is_said_in_words() -> None:
    summary = pages.full_summary()
    held = render(CategoryPage(summary=summary))
    assert "With 90\u00a0% confidence, at least 91.2\u00a0% of the model's yes are right" in held
    broken = summary.promise.model_copy(update={"held": False, "recall_bound": None, "needed": 240})
    html = render(CategoryPage(summary=summary.model_copy(update={"promise": broken})))
    assert "Not held yet" in html
    assert "nothing of how many yes images are found" in html
    assert "About 240 more validation images" in html


def test_every_source_has_a_word() -> None:
    shown = tuple(Example(image=pages.sha(i), source=source) for i, source in enumerate(Source))
    examples = pages.full_summary().examples.model_copy(update={"yes": shown})
    html = render(CategoryPage(summary=pages.full_summary().model_copy(update={"examples": examples})))
    assert all(words in html for words in ("decided by people", "the model", "an expert", "an import"))


def test_chart_rows_add_up_to_the_pool() -> None:
    chart = pages.full_summary().chart
    columns: dict[str, int] = {}
    for row in chart["datasets"]["pool"]:
        columns[row["when"]] = columns.get(row["when"], 0) + row["images"]
    assert list(columns) == ["start", "1", "2", "3", "4", "now"]
    assert set(columns.values()) == {2_400}


def test_chart_leaves_out_now_while_nothing_has_changed() -> None:
    last = pages.round_row(4, 397, 1_300)
    summary = pages.full_summary().model_copy(update={"rounds": (last,)})
    assert {row["when"] for row in summary.chart["datasets"]["pool"]} == {"start", "4"}


def test_an_error_offers_the_list_to_researchers_and_shows_what_to_type() -> None:
    page = ErrorPage(status=404, message="No.", hint="`./winnow category list` shows <them>.")
    html = render(page)
    assert "<code>./winnow category list</code> shows &lt;them&gt;." in html
    assert "All categories" in html
    assert "All categories" not in render(page.model_copy(update={"home": False}))


def test_charts_of_a_model_show_every_image_and_its_cuts() -> None:
    scores = pages.full_summary().scores
    assert scores is not None
    charts = scores.charts()
    rows = charts["scores-chart"]["datasets"]["scores"]
    assert sum(row["images"] for row in rows) == sum(one.images for one in scores.bins)
    assert all(row["images"] for row in rows), "an empty bin is no row"
    answers = charts["answers-chart"]["datasets"]["answers"]
    assert sum(row["n"] for row in answers) == sum(one.yes + one.no for one in scores.bins)
    assert all((row["height"] > 0) == (row["answer"] == "yes") for row in answers)
    values = {param["name"]: param["value"] for param in charts["scores-chart"]["params"]}
    assert values == pytest.approx({"lower": math.log(0.081 / 0.919), "upper": math.log(0.934 / 0.066)})
    without = scores.model_copy(update={"lower": None, "upper": None}).charts()["answers-chart"]["params"]
    assert [abs(param["value"]) for param in without] == [99.0, 99.0]
    assert set(charts["reliability-chart"]["datasets"]) == {"groups"}, "the diagonal is no row of the page's"


def test_what_the_model_says_is_said_in_words() -> None:
    summary = pages.full_summary()

    def said(**changes: object) -> str:
        scores = story_pages.scores().model_copy(update=changes)
        html = render(CategoryPage(summary=summary.model_copy(update={"scores": scores})))
        return " ".join(html.split())

    assert "no below <b>0.081</b>, yes above <b>0.934</b>. These cuts are in force." in said()
    assert "A later round has replaced them" in said(round=2, in_force=4)
    assert "no more images than those of round 3" in said(adopted=False, in_force=3)
    assert "No cuts were looked for in round 4" in said(looked=False)
    assert "Neither side could hold its target" in said(lower=None, upper=None)


def test_a_story_names_workers_only_where_it_has_them() -> None:
    html = render(story_pages.story_page())
    assert 'href="/workers/A1B2C3"' in html
    assert 'href="/workers/A1B2C3/submissions/ASG1%3AA1B2C3"' in html
    assert "Worker 2 said" in " ".join(html.split())
    assert "A &lt;round&gt; table" in html
    assert "/takedown" not in html, "only an admin is offered it"
    admin = Actor(name="ann", role=UserRole.ADMIN, scopes=SCOPES[UserRole.ADMIN])
    assert f"/categories/circle/images/{story_pages.sha(7)}/takedown" in render(story_pages.story_page(), admin)


def test_chart_of_an_empty_pool_has_no_rows() -> None:
    assert pages.empty_summary().chart["datasets"]["pool"] == []
    assert [row["share"] for row in pool_chart([Standing("now", 0, 0, 0)])["datasets"]["pool"]] == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (dollars(1_234), "$12.34"),
        (dollars(123_456), "$1,235"),
        (count(1_234_567.4), "1,234,567"),
        (percent(0.9), "90\u00a0%"),
        (percent(0.912, 1), "91.2\u00a0%"),
        (percent(0.9999), "99.99\u00a0%"),
        (percent(1.0), "100\u00a0%"),
        (percent(0.0), "0\u00a0%"),
        (span(45), "45\u00a0s"),
        (span(59.9), "1\u00a0min"),
        (span(4_100), "1\u00a0h 8\u00a0min"),
        (span(3_599), "1\u00a0h 0\u00a0min"),
        (span(190_000), "2\u00a0d 5\u00a0h"),
        (cut(None), "\u2013"),
        (cut(0.0812), "0.081"),
        (rate(9.94), "9.9"),
        (rate(9.96), "10"),
        (rate(1_234.5), "1,234"),
        (size(0), "0\u00a0B"),
        (size(999), "999\u00a0B"),
        (size(999_600), "1.0\u00a0MB"),
        (size(31_400_000_000), "31\u00a0GB"),
        (size(9e18), "9,000,000\u00a0TB"),
        (when(pages.NOON), "1\u00a0Mar 2026, 12:00\u00a0UTC"),
    ],
)
def test_wording(said: str, expected: str) -> None:
    assert said == expected
