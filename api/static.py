"""Scripts and styles, under an address that changes with them: a browser that has them need not ask again."""

from pathlib import PurePosixPath

from fastapi.staticfiles import StaticFiles
from starlette.responses import Response
from starlette.types import Scope

from labeling_ui.render import STATIC, version

FOR_EVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"


class Versioned(StaticFiles):
    """Serves ``<version>/<path>``. A page of an older version still finds its scripts, but must not keep them."""

    def __init__(self) -> None:
        super().__init__(directory=STATIC)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file behind the version; without a version, the file itself."""
        first, *rest = PurePosixPath(path).parts or ("",)
        response = await super().get_response("/".join(rest) if rest else first, scope)
        if response.status_code >= 400 and rest:
            response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = FOR_EVER if first == version() else ASK_AGAIN
        return response
