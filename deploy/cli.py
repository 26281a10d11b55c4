"""The command line: ``./winnow COMMAND``. It loads what the command needs; a known error is one clear line."""

import importlib
import sys

from pydantic import ValidationError

from active_learning.domain.errors import StateError, WinnowError
from api.store.connection import UNREACHABLE
from deploy.terminal import errors

LIGHT = {
    **dict.fromkeys(("scrape", "scrapes", "download", "takedown"), "deploy.scrape_commands"),
    **dict.fromkeys(("users", "audit-log"), "deploy.users_commands"),
    "requesters": "deploy.requester_commands",
}
"""Commands that start at once, and their modules: they never load what trains models, which takes seconds."""


def main() -> None:
    """Run the command line; a known error is one clear line and exit code 2."""
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    app = importlib.import_module(LIGHT.get(command, "deploy.commands")).app
    try:
        app(prog_name="./winnow")
    except WinnowError as error:
        errors.print(f"Error: {error}", markup=False, style="red")
        sys.exit(3 if isinstance(error, StateError) else 2)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        errors.print(f"Error: {where}: {first['msg']}.", markup=False, style="red")
        sys.exit(2)
    except UNREACHABLE as error:
        errors.print(f"Error: MongoDB does not answer ({error}). Start it and try again.", markup=False, style="red")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
