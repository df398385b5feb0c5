# The worker's image: training, building, evaluating and scoring, as queued jobs or by hand; and the MLflow server.
#
#   make images
#   docker run --rm tritext-worker train --help       any command of `tritext`; without one, `tritext worker`
#   docker run --rm --entrypoint mlflow tritext-worker server …
#
# How it is run: docs/deploy.md. No secret is needed to build it, and none is in it.

# Any image with Python 3.10 to 3.12 (its shared library too, as Debian's and python.org's have it), pip and glibc 2.35 or newer.
ARG PYTHON_IMAGE=docker.io/library/python:3.11-slim-bookworm
FROM ${PYTHON_IMAGE}

USER root
# As `make setup PIP_ARGS=…`: an index of CPU builds of torch makes the image a fifth as large.
ARG PIP_ARGS=""
WORKDIR /opt/tritext
# What changes seldom comes first: the libraries stay in a layer of their own while the code changes.
COPY pyproject.toml requirements.lock README.md LICENSE ./
RUN mkdir -p client/tritext training/tritext_training training/tritext_jobs build/tritext_build serving/tritext_serving perf/tritext_perf \
    && PIP_BREAK_SYSTEM_PACKAGES=1 python3 -m pip install --no-cache-dir --disable-pip-version-check ${PIP_ARGS} \
       --constraint requirements.lock '.[worker,openvino]' \
    && PIP_BREAK_SYSTEM_PACKAGES=1 python3 -m pip uninstall --quiet --yes tritext
COPY client client
COPY training training
COPY build build
COPY serving serving
COPY perf perf
RUN PIP_BREAK_SYSTEM_PACKAGES=1 python3 -m pip install --no-cache-dir --disable-pip-version-check --no-deps \
       --constraint requirements.lock . \
    && rm -rf /opt/tritext \
    && install -d -o 1000 -g 1000 /work /artifacts

LABEL org.opencontainers.image.title="tritext-worker" \
      org.opencontainers.image.description="Trains, builds, evaluates and scores with Tritext; serves MLflow" \
      org.opencontainers.image.licenses="Apache-2.0"

# Jobs, checkpoints and the repository it builds into: a volume.
WORKDIR /work
USER 1000:1000
# HOME, for the libraries that want one, is in memory: the root is read-only where it runs.
ENV HOME=/tmp HF_HOME=/work/.cache/huggingface MPLCONFIGDIR=/tmp/matplotlib \
    ORT_DISABLE_TELEMETRY=1 MLFLOW_DISABLE_TELEMETRY=true PYTHONDONTWRITEBYTECODE=1
# It has no port. Is the first process the one that was asked for, and not about to end? The queue knows the rest: a worker
# that gives no sign of life loses its job to another.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python3", "-c", "import sys; sys.exit(open('/proc/1/stat').read().rpartition(')')[2].split()[0] in 'ZXT')"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["tritext"]
CMD ["worker"]
