# syntax=docker/dockerfile:1
# A worker with the bundled models. PyTorch comes from pip's own index: on Linux, the build for NVIDIA GPUs, which
# runs on CPU too. For a much smaller image without CUDA, name PyTorch's index of CPU builds:
#   docker build -f docker/worker.Dockerfile --build-arg TORCH_INDEX_URL=… -t easel-worker .
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ARG TORCH_INDEX_URL=
WORKDIR /src
RUN python -m venv /opt/easel
COPY requirements.lock ./
# PyTorch alone, first: by far the largest layer, and it changes least.
RUN --mount=type=cache,target=/root/.cache/pip \
    grep '^torch==' requirements.lock > torch.txt && \
    /opt/easel/bin/pip install --disable-pip-version-check \
        ${TORCH_INDEX_URL:+--index-url "${TORCH_INDEX_URL}"} --requirement torch.txt
COPY LICENSE README.md pyproject.toml ./
COPY app app
COPY models models
COPY workers workers
RUN --mount=type=cache,target=/root/.cache/pip \
    /opt/easel/bin/pip install --disable-pip-version-check --constraint requirements.lock '.[worker]'

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="Easel worker" \
      org.opencontainers.image.description="Text-to-image inference: the drawing side" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin easel && \
    install --directory --owner=10001 --group=10001 /spool
COPY --from=build /opt/easel /opt/easel
# Models of the Hugging Face hub are mounted at /models; a worker downloads nothing by itself.
ENV PATH=/opt/easel/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HF_HOME=/models \
    HF_HUB_OFFLINE=1 \
    EASEL_DATA_DIR=/tmp/easel \
    EASEL_SPOOL_DIR=/spool \
    EASEL_HOST=0.0.0.0 \
    EASEL_WORKER_METRICS_PORT=9000
WORKDIR /tmp
USER 10001:10001
VOLUME /models /spool
EXPOSE 9000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=300s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:9000/metrics', timeout=4)"]
CMD ["python", "-m", "workers"]
