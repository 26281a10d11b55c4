"""The peer of the task page: a plain page that fetches each image when it is needed, served by the same server program.

It is what a first version looks like, without its faults: one image element a picture, decoded before it is shown,
one request a picture over kept connections, nothing else on the page.
"""

import os
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

FOLDER = "WINNOW_BENCH_PICTURES"
"""The variable that names the folder of pictures: 0, 1, 2, ... in the order of the task page."""

PAGE = """<!doctype html>
<meta charset="utf-8"><title>peer</title>
<style>#stage { height: 80vh } #stage img { max-width: 100%; max-height: 100% }</style>
<main id="stage"></main>
<script>
  const stage = document.getElementById("stage");
  let position = 0;
  let ready = false;

  async function show() {
    ready = false;
    const image = new Image();
    image.src = `/images/${position}`;
    await image.decode();
    stage.replaceChildren(image);
    ready = true;
  }

  document.addEventListener("keydown", ({ key }) => {
    if (!ready || !"jf".includes(key)) return;
    position += 1;
    show();
  });
  show();
</script>
"""


def factory() -> Starlette:
    """The application; its pictures are in memory."""
    folder = Path(os.environ[FOLDER])
    pictures = [path.read_bytes() for path in sorted(folder.iterdir(), key=lambda path: int(path.name))]

    async def page(request: Request) -> Response:
        return HTMLResponse(PAGE)

    async def image(request: Request) -> Response:
        return Response(pictures[request.path_params["position"]], media_type="image/webp")

    return Starlette(routes=[Route("/", page), Route("/images/{position:int}", image)])
