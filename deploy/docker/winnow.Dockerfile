# Everything but the download nodes: the pages, the marketplace, a worker, a Ray node. With the CPU build of torch.
#
#   docker build -f deploy/docker/winnow.Dockerfile -t winnow .
#   docker run winnow work            # any command of ./winnow
#
# For GPUs, build with --build-arg TORCH_INDEX= (PyPI's torch brings CUDA).

ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS packages
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
WORKDIR /tmp/winnow
COPY pyproject.toml constraints.txt ./
# The dependencies of pyproject.toml in the versions of constraints.txt. Without the bundled mongod: here it is a service.
RUN python -m venv /opt/winnow \
    && python -c "import tomllib; \
needed = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
needed = needed['dependencies'] + needed['optional-dependencies']['curl']; \
print(*(one for one in needed if not one.startswith('fiftyone-db')), sep='\n')" > requirements.txt \
    && /opt/winnow/bin/pip install --no-cache-dir ${TORCH_INDEX:+--extra-index-url ${TORCH_INDEX}} \
       -c constraints.txt -r requirements.txt \
    && /opt/winnow/bin/pip check

FROM ${BASE}
# procps: Ray and the health checks of deploy/ray/kuberay.yaml look for processes.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends procps \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --create-home winnow
COPY --from=packages /opt/winnow /opt/winnow
WORKDIR /opt/winnow/app
COPY active_learning active_learning
COPY api api
COPY deploy deploy
COPY labeling_ui labeling_ui
COPY scraper scraper
COPY workers workers
# Ray starts its own processes on other nodes, whose working directory is another: they find Winnow by PYTHONPATH.
ENV PATH=/opt/winnow/bin:$PATH \
    PYTHONPATH=/opt/winnow/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    RAY_USAGE_STATS_ENABLED=0 \
    RAY_DEDUP_LOGS=0
RUN install -d -o winnow /home/winnow/data
USER 10001
STOPSIGNAL SIGTERM
ENTRYPOINT ["python", "-m", "deploy.cli"]
CMD ["work", "--data", "/home/winnow/data"]
