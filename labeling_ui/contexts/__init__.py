"""What each page shows, one frozen type a page.

A template may use only the fields of its page (a test compares them), and the JSON that a page's scripts read is made
from the same fields. The task page has no field that could tell gold from unknown: it knows positions, not images.
Money is in US cents, times in seconds unless a name says otherwise.
"""

from labeling_ui.contexts.answering import Endpoints, ExpertPage, Keys, Lesson, Sample, TaskPage, Work
from labeling_ui.contexts.base import ErrorPage, Page, Shown
from labeling_ui.contexts.category import (
    Audit,
    CategoryCard,
    CategoryPage,
    CategoryState,
    CategorySummary,
    Cost,
    Counts,
    Decided,
    Estimate,
    Example,
    Examples,
    Gold,
    IndexPage,
    Links,
    Progress,
    Promise,
    RoundRow,
    Submissions,
    Validation,
)
from labeling_ui.contexts.images_in import (
    FindExample,
    FormField,
    ImagesInPage,
    IntakeForm,
    LicenceGroup,
    OutcomeGroup,
    Reason,
    Search,
    SourceChoice,
    StartForm,
)

__all__ = [
    "Audit",
    "CategoryCard",
    "CategoryPage",
    "CategoryState",
    "CategorySummary",
    "Cost",
    "Counts",
    "Decided",
    "Endpoints",
    "ErrorPage",
    "Estimate",
    "Example",
    "Examples",
    "ExpertPage",
    "FindExample",
    "FormField",
    "Gold",
    "ImagesInPage",
    "IndexPage",
    "IntakeForm",
    "Keys",
    "Lesson",
    "LicenceGroup",
    "Links",
    "OutcomeGroup",
    "Page",
    "Progress",
    "Promise",
    "Reason",
    "RoundRow",
    "Sample",
    "Search",
    "Shown",
    "SourceChoice",
    "StartForm",
    "Submissions",
    "TaskPage",
    "Validation",
    "Work",
]
