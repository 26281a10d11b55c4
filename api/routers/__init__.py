"""Routers: parse, one operation, reply. The list says which there are; earlier ones match first."""

from api.routers import accounts, assignments, categories, scrapes
from api.routers.rest import scrapes as rest_scrapes

ROUTERS = (
    assignments.router,
    accounts.router,
    categories.router,
    scrapes.router,
    # the REST API
    rest_scrapes.router,
)
