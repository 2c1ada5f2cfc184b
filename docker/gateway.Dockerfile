# syntax=docker/dockerfile:1
# The gateway: HTTP, the queue and storage, without PyTorch. Pin the base by digest:
#   docker build -f docker/gateway.Dockerfile --build-arg PYTHON_IMAGE=python@sha256:… -t easel-gateway .
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
WORKDIR /src
RUN python -m venv /opt/easel
COPY LICENSE README.md pyproject.toml requirements.lock ./
COPY app app
COPY models models
RUN --mount=type=cache,target=/root/.cache/pip \
    /opt/easel/bin/pip install --disable-pip-version-check --constraint requirements.lock .
RUN /opt/easel/bin/python -c "import importlib.util as u, app.main; assert not u.find_spec('torch')"

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="Easel gateway" \
      org.opencontainers.image.description="Text-to-image inference: the HTTP side" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin easel
COPY --from=build /opt/easel /opt/easel
ENV PATH=/opt/easel/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    EASEL_HOST=0.0.0.0 \
    EASEL_PORT=8000 \
    EASEL_DATA_DIR=/tmp/easel
WORKDIR /tmp
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
CMD ["easel", "gateway"]
