# The client's image: the `tritext` command and the Python client, without torch and without vocabularies.
#
#   make images
#   docker run --rm -e TRITEXT_URL=triton:8001 tritext-client predict tickets "where is my parcel??"

ARG PYTHON_IMAGE=docker.io/library/python:3.11-slim-bookworm
FROM ${PYTHON_IMAGE}

USER root
WORKDIR /opt/tritext
COPY pyproject.toml requirements.lock README.md LICENSE ./
COPY client client
RUN mkdir -p training/tritext_training training/tritext_jobs build/tritext_build serving/tritext_serving perf/tritext_perf \
    && PIP_BREAK_SYSTEM_PACKAGES=1 python3 -m pip install --no-cache-dir --disable-pip-version-check \
       --constraint requirements.lock . \
    && rm -rf /opt/tritext

LABEL org.opencontainers.image.title="tritext-client" \
      org.opencontainers.image.description="Asks models that Tritext serves" \
      org.opencontainers.image.licenses="Apache-2.0"

WORKDIR /tmp
USER 1000:1000
ENV HOME=/tmp PYTHONDONTWRITEBYTECODE=1
# A command, not a service: nothing to look after.
HEALTHCHECK NONE
ENTRYPOINT ["tritext"]
CMD ["--help"]
