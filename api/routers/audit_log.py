"""The page Audit log: who did what when."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response, StreamingResponse

from active_learning.domain.errors import InputError
from api import replies
from api.access import Admin
from api.deps import Opened
from api.operations import audit_log, viewing_accounts
from api.operations.audit_log import Wanted
from labeling_ui.contexts.accounts import AuditFilter

router = APIRouter(prefix="/audit-log", include_in_schema=False)

Typed = Annotated[str, Query(max_length=200)]
Number = Annotated[int, Query(ge=0, le=2**53)]


@router.get("")
async def read(
    w: Opened,
    me: Admin,
    by: Typed = "",
    category: Typed = "",
    act: Typed = "",
    until: Typed = "",
    before: Number | None = None,
    check: Number | None = None,
) -> Response:
    """Entries that match, the newest first; with ``check`` those behind this number are checked."""
    typed = AuditFilter(by=by, category=category, act=act, until=until)
    try:
        wanted = Wanted(by=by.strip().lower(), category=category.strip(), act=act, until=viewing_accounts.day(until))
    except InputError as error:
        shown = await viewing_accounts.audit_page(
            w, Wanted(), typed.model_copy(update={"error": str(error)}), before, check
        )
        return replies.page(shown, me, 422)
    return replies.page(await viewing_accounts.audit_page(w, wanted, typed, before, check), me)


@router.get("/entries.csv")
async def export(
    w: Opened, me: Admin, by: Typed = "", category: Typed = "", act: Typed = "", until: Typed = ""
) -> StreamingResponse:
    """Entries that match, the oldest first, as a table; the hashes are in it."""
    wanted = Wanted(by=by.strip().lower(), category=category.strip(), act=act, until=viewing_accounts.day(until))
    return replies.table(audit_log.rows(w, wanted), audit_log.COLUMNS, "audit-log.csv")
