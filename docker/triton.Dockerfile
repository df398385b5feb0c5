# The server's image: NVIDIA's Triton with its native backends, plus what the tokenizer step needs.
#
#   make image                            a repository is mounted at /models
#   make image NAME=tickets VERSION=7     the registered version models:/tickets/7 is built and baked in: tritext:tickets-7
#
# How to run it: docs/image.md.
# Nothing is fetched or sent when it runs, and no secret is needed to build it.

# Any image with `tritonserver` on PATH and Python 3.10 to 3.13 will do.
ARG TRITON_IMAGE=nvcr.io/nvidia/tritonserver:26.10-py3
FROM ${TRITON_IMAGE}

# Into the image's own Python, not an environment of ours: that is the one in which Triton's Python backend runs.
USER root
WORKDIR /opt/tritext
COPY pyproject.toml requirements.lock README.md LICENSE ./
COPY client client
COPY serving serving
# The wheel lists every part; the server needs the code of these two only.
RUN mkdir -p training/tritext_training training/tritext_jobs build/tritext_build perf/tritext_perf \
    && PIP_BREAK_SYSTEM_PACKAGES=1 python3 -m pip install --no-cache-dir --disable-pip-version-check \
       --constraint requirements.lock . psutil tokenizers \
    && rm -rf /opt/tritext \
    && install -d -o 1000 -g 1000 /state

# Given but empty, it must not mean the whole project.
ARG REPOSITORY=docker/models
COPY --chown=1000:1000 ${REPOSITORY:-docker/models} /models

ARG MODEL_NAME=""
ARG MODEL_VERSION=""
LABEL org.opencontainers.image.title="tritext" \
      org.opencontainers.image.description="BERT-family models on NVIDIA Triton for clients that send raw text" \
      org.opencontainers.image.licenses="Apache-2.0" \
      tritext.model.name="${MODEL_NAME}" \
      tritext.model.version="${MODEL_VERSION}"

WORKDIR /models
USER 1000:1000
# ONNX Runtime since 1.29 reports to Microsoft unless it is told not to.
ENV HF_HUB_OFFLINE=1 ORT_DISABLE_TELEMETRY=1 PYTHONDONTWRITEBYTECODE=1
EXPOSE 8000 8001 8002
# Not urllib: that would ask the proxy which docker may hand to its containers.
HEALTHCHECK --interval=10s --timeout=3s --start-period=120s --retries=3 \
    CMD ["python3", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8000, timeout=2); c.request('GET', '/v2/health/ready'); exit(c.getresponse().status != 200)"]
# Triton needs SIGTERM to answer what is in flight; `tritext serve` passes it on.
STOPSIGNAL SIGTERM
ENTRYPOINT ["tritext", "serve", "--repository", "/models", "--host", "0.0.0.0"]
