"""Routers: parse, one operation, reply. The list says which there are; earlier ones match first."""

from api.routers import (
    accounts,
    appeals,
    assignments,
    audit_log,
    categories,
    category_settings,
    datasets,
    hearing,
    money,
    monitor,
    pool,
    scrapes,
    stories,
    task_sets,
    users,
    workers,
)
from api.routers.rest import accounts as rest_accounts
from api.routers.rest import categories as rest_categories
from api.routers.rest import datasets as rest_datasets
from api.routers.rest import money as rest_money
from api.routers.rest import monitor as rest_monitor
from api.routers.rest import overview as rest_overview
from api.routers.rest import pool as rest_pool
from api.routers.rest import scrapes as rest_scrapes
from api.routers.rest import task_sets as rest_task_sets
from api.routers.rest import workers as rest_workers

ROUTERS = (
    assignments.router,
    appeals.router,
    hearing.router,
    accounts.router,
    users.router,
    audit_log.router,
    category_settings.router,  # before the pages of a category: "new" is none
    categories.router,
    stories.router,
    scrapes.router,
    datasets.router,
    pool.router,
    task_sets.router,
    monitor.router,
    money.router,
    workers.router,
    # the REST API
    rest_workers.router,
    rest_accounts.router,
    rest_categories.router,
    rest_scrapes.router,
    rest_datasets.router,
    rest_pool.router,
    rest_task_sets.router,
    rest_overview.router,
    rest_monitor.router,
    rest_money.router,
)
