# Pre-training and transfer: Python, the package, torch; no network, compiler or secret needed to run.
#
# BASE_IMAGE may be any Debian-like image with Python 3.11 and venv. With wheels in .wheelhouse nothing of Python's
# is downloaded.
ARG BASE_IMAGE=python:3.11-slim-bookworm

FROM ${BASE_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
# pip works on the environment from outside, so the image that is shipped has none.
RUN python3 -m venv /pip && python3 -m venv --without-pip /opt/rlpretrain
COPY constraints.txt .wheelhous[e] ./wheels/
RUN if ls wheels/*.whl >/dev/null 2>&1; then \
      printf '[global]\nno-index = true\nfind-links = /build/wheels\n' >/etc/pip.conf; \
    fi
# First what rarely changes: an empty package brings all that the real one depends on.
COPY pyproject.toml ./
RUN set -eu; \
    mkdir rlpretrain; touch README.md rlpretrain/__init__.py; \
    /pip/bin/pip --python /opt/rlpretrain install -c wheels/constraints.txt .; \
    /pip/bin/pip --python /opt/rlpretrain uninstall --yes rlpretrain; \
    find /opt/rlpretrain -type d \( -name tests -o -name include \) -prune -exec rm -rf {} +
COPY README.md ./
COPY rlpretrain ./rlpretrain
RUN /pip/bin/pip --python /opt/rlpretrain install --no-deps --target /opt/package .

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
COPY --from=build /opt/package /opt/package
# The root file system is read-only when the container runs: every cache goes to /tmp.
ENV PATH=/opt/package/bin:/opt/rlpretrain/bin:$PATH \
    PYTHONPATH=/opt/package PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp MPLCONFIGDIR=/tmp/matplotlib NUMBA_CACHE_DIR=/tmp/numba
USER 10001:10001
VOLUME /artifacts
ENTRYPOINT ["tini", "-g", "--", "rlpretrain"]
CMD ["--help"]
