"""The REST API, one file an area, below ``/api/v1``: typed in and out, the same operations as the pages."""

PREFIX = "/api/v1"
