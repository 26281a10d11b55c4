"""The addresses of the requesters' site."""

from workers.turk.site.requester import entrance, hits, money, people, qualifications

ROUTES = [*entrance.ROUTES, *hits.ROUTES, *money.ROUTES, *people.ROUTES, *qualifications.ROUTES]
