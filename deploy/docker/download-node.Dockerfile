# A download node: leases found images from MongoDB, fetches them, examines them, stores them. No torch, no Ray.
#
#   docker build -f deploy/docker/download-node.Dockerfile -t winnow-download .
#   docker run --init --env-file node.env winnow-download
#
# It needs WINNOW_MONGODB_URI and WINNOW_CONTACT; api/settings.py lists the rest. SIGTERM lets it finish what it has in
# hand, so give it a minute (docker stop -t 60).

ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS packages
COPY deploy/docker/download-node.requirements.txt /tmp/requirements.txt
# --no-deps: the file names every package, and `pip check` fails the build if it does not.
RUN python -m venv /opt/winnow \
    && /opt/winnow/bin/pip install --no-cache-dir --no-deps --only-binary :all: -r /tmp/requirements.txt \
    && /opt/winnow/bin/pip check \
    && /opt/winnow/bin/pip uninstall --yes pip setuptools

FROM ${BASE}
RUN useradd --system --uid 10001 --no-create-home --home-dir /nonexistent winnow
COPY --from=packages /opt/winnow /opt/winnow
WORKDIR /opt/winnow/app
COPY active_learning active_learning
COPY api api
COPY deploy deploy
COPY labeling_ui labeling_ui
COPY scraper scraper
COPY workers workers
ENV PATH=/opt/winnow/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
USER 10001
STOPSIGNAL SIGTERM
# Whether the node's database can be reached from here. That the process lives is what the container engine sees itself.
HEALTHCHECK --interval=60s --timeout=15s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os; from deploy.mongodb import describe; describe(os.environ['WINNOW_MONGODB_URI'])"]
ENTRYPOINT ["python", "-m", "deploy.cli", "download", "--data", "/tmp/winnow"]
