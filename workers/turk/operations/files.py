"""Files that workers upload as answers. There are none here."""

from typing import Any

from workers.turk.errors import InvalidParameter
from workers.turk.operations.call import Call, wrong_hit_state
from workers.turk.states import HitStatus


async def get_file_upload_url(call: Call, parameters: dict[str, Any]) -> dict[str, Any]:
    """GetFileUploadURL: no question of a HIT can ask for a file, so there is never one to fetch.

    Amazon's model announces the end of FileUploadAnswer for December 2017. An answer of this marketplace is as the
    model has it for any other question: the identifier names none that has a file.
    """
    found = await call.submitted_assignment(parameters["AssignmentId"])
    if (await call.hit(found["hit"]))["disposed"]:
        raise wrong_hit_state(HitStatus.DISPOSED)
    raise InvalidParameter(
        f"QuestionIdentifier {parameters['QuestionIdentifier'][:64]!r} names no question with a FileUploadAnswer. "
        "Workers cannot upload files as answers here; let them upload to a place of your own, as Amazon advises."
    )
