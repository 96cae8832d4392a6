# Pre-training and transfer: Python, the package, torch; no network, compiler or secret needed to run.
#
# BASE_IMAGE may be any Debian-like image with Python 3.11 and venv. With wheels in .wheelhouse nothing of Python's
# is downloaded.
ARG BASE_IMAGE=python:3.11-slim-bookworm

FROM ${BASE_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
RUN python3 -m venv /opt/rlpretrain
COPY constraints.txt .wheelhous[e] ./wheels/
COPY pyproject.toml README.md ./
COPY rlpretrain ./rlpretrain
RUN set -eu; \
    if ls wheels/*.whl >/dev/null 2>&1; then export PIP_NO_INDEX=1 PIP_FIND_LINKS=/build/wheels; fi; \
    /opt/rlpretrain/bin/pip install --no-compile -c wheels/constraints.txt . ; \
    /opt/rlpretrain/bin/pip uninstall --yes setuptools pip; \
    find /opt/rlpretrain -type d \( -name tests -o -name include \) -prune -exec rm -rf {} +

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="rlpretrain-trainer" \
      org.opencontainers.image.description="Pre-training and transfer stages of rlpretrain" \
      org.opencontainers.image.licenses="MIT"
RUN set -eu; \
    if ! command -v tini >/dev/null; then \
      apt-get update; apt-get install --yes --no-install-recommends tini; rm -rf /var/lib/apt/lists/*; \
    fi; \
    groupadd --gid 10001 rlpretrain; \
    useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin rlpretrain; \
    install -d -o 10001 -g 10001 /artifacts
COPY --from=build /opt/rlpretrain /opt/rlpretrain
# The root file system is read-only when the container runs: every cache goes to /tmp.
ENV PATH=/opt/rlpretrain/bin:$PATH \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp MPLCONFIGDIR=/tmp/matplotlib NUMBA_CACHE_DIR=/tmp/numba
USER 10001:10001
VOLUME /artifacts
ENTRYPOINT ["tini", "-g", "--", "rlpretrain"]
CMD ["--help"]
