"""Winnow's own marketplace: an ASGI app that speaks the MTurk Requester API and has a site for workers.

Rooms, lower ones import nothing of the higher ones:

    app                        composition: settings + clock -> Starlette app, the sweep in the background
    requester_api | site       HTTP: POST / for requesters (JSON 1.1) | pages for workers
    marketplace                what every request handler is given
    operations                 one file a family of API operations, one literal registry
    lifecycle                  the moves of HITs and assignments, each one transaction
    ledger                     money: holds, payments, fees; insert-only
    database                   the only home of pymongo here
    model, questions, states, money, identifiers, settings, clock, errors

It stands alone: it imports nothing else of Winnow and keeps its own database.
"""
