"""The only home of MongoDB's driver. One file a collection, queries named by intent."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from api.store.annotators import Annotators
from api.store.appeals import Appeals
from api.store.assignments import Assignments
from api.store.audit_log import AuditLog
from api.store.browsing import Browsing
from api.store.bytes import StoredBytes
from api.store.candidates import Candidates
from api.store.categories import Categories
from api.store.connection import Connection, Session
from api.store.datasets import Datasets
from api.store.features import Features
from api.store.finds import Finds
from api.store.hashes import Hashes
from api.store.hosts import Hosts
from api.store.images import Images
from api.store.jobs import Jobs
from api.store.label_files import LabelFiles
from api.store.likenesses import Likenesses
from api.store.mistakes import Mistakes
from api.store.model_reports import ModelReports
from api.store.payments import Payments
from api.store.policies import Policies
from api.store.processes import Happenings, Markets, Processes
from api.store.reconciliations import Reconciliations
from api.store.rounds import Models, Rounds
from api.store.scores import Scores
from api.store.scrapes import Scrapes
from api.store.spending import Spending
from api.store.stories import Stories
from api.store.submissions import Labels, Submissions, Verdicts
from api.store.takedowns import Takedowns
from api.store.task_sets import HandActs, TaskSets
from api.store.tasks import Tasks
from api.store.users import Keys, Tries, Users
from api.store.wages import Wages
from api.store.workers import Flags, MarketActs, Workers

T = TypeVar("T")


class Store:
    """Every collection of one database, behind one connection."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        database = connection.database
        self.categories = Categories(database)
        self.policies = Policies(database)
        self.images = Images(database)
        self.blobs = StoredBytes(database, "blobs")
        self.checkpoints = StoredBytes(database, "checkpoints")
        self.renditions = StoredBytes(database, "renditions")
        self.candidates = Candidates(database)
        self.browsing = Browsing(database)
        self.hashes = Hashes(database)
        self.features = Features(database)
        self.scores = Scores(database)
        self.tasks = Tasks(database)
        self.task_sets = TaskSets(database)
        self.hand_acts = HandActs(database)
        self.likenesses = Likenesses(database)
        self.assignments = Assignments(database)
        self.submissions = Submissions(database)
        self.verdicts = Verdicts(database)
        self.labels = Labels(database)
        self.payments = Payments(database)
        self.spending = Spending(database)
        self.wages = Wages(database)
        self.rounds = Rounds(database)
        self.models = Models(database)
        self.model_reports = ModelReports(database)
        self.mistakes = Mistakes(database)
        self.stories = Stories(database)
        self.takedowns = Takedowns(database)
        self.jobs = Jobs(database)
        self.processes = Processes(database)
        self.markets = Markets(database)
        self.happenings = Happenings(database)
        self.reconciliations = Reconciliations(database)
        self.annotators = Annotators(database)
        self.workers = Workers(database)
        self.flags = Flags(database)
        self.market_acts = MarketActs(database)
        self.appeals = Appeals(database)
        self.scrapes = Scrapes(database)
        self.finds = Finds(database)
        self.hosts = Hosts(database)
        self.users = Users(database)
        self.sign_ins, self.tokens = Keys(database, "sign_ins"), Keys(database, "tokens")
        self.tries = Tries(database)
        self.audit_log = AuditLog(database)
        self.datasets = Datasets(database)
        self.dataset_files = StoredBytes(database, "dataset_files")
        self.label_files = LabelFiles(database)

    async def transact(self, work: Callable[[Session], Awaitable[T]]) -> T:
        """See :meth:`Connection.transact`."""
        return await self.connection.transact(work)


__all__ = ["Connection", "Session", "Store"]
