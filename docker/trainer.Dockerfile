# The learning stages (pre-training, transfer, validation) with torch; they need no network, compiler or secret to run.
#
# BASE_IMAGE may be any Debian-like image with Python 3.11 and venv. With wheels in .wheelhouse no Python
# package is downloaded. The part above "What differs" is the same in both Dockerfiles, so both images share its layers.
ARG BASE_IMAGE=python:3.11-slim-bookworm

FROM ${BASE_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
# pip works on the environment from outside, so the shipped image does not contain it.
RUN python3 -m venv /pip
COPY constraints.txt .wheelhous[e] ./wheels/
RUN if ls wheels/*.whl >/dev/null 2>&1; then \
      printf '[global]\nno-index = true\nfind-links = /build/wheels\n' >/etc/pip.conf; \
    fi; \
    /pip/bin/pip install --quiet --upgrade -c wheels/constraints.txt pip
FROM ${BASE_IMAGE} AS core
RUN set -eu; \
    if ! command -v tini >/dev/null; then \
      apt-get update; apt-get install --yes --no-install-recommends tini; rm -rf /var/lib/apt/lists/*; \
    fi; \
    groupadd --gid 10001 rlpretrain; \
    useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin rlpretrain
# If the root file system is read-only, every cache goes to /tmp.
ENV PYTHONPATH=/opt/package PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp MPLCONFIGDIR=/tmp/matplotlib NUMBA_CACHE_DIR=/tmp/numba

# What differs between the two starts here, with what rarely changes: an empty package installs all dependencies.
FROM build AS trainer-build
COPY pyproject.toml ./
RUN set -eu; \
    python3 -m venv --without-pip /opt/trainer; \
    mkdir rlpretrain; touch README.md rlpretrain/__init__.py; \
    /pip/bin/pip --python /opt/trainer install -c wheels/constraints.txt ".[train]"; \
    /pip/bin/pip --python /opt/trainer uninstall --yes rlpretrain; \
    find /opt/trainer -type d \( -name tests -o -name include \) -prune -exec rm -rf {} +
COPY README.md ./
COPY rlpretrain ./rlpretrain
# The bill of materials lists every distribution in the image with its version and metadata.
RUN /pip/bin/pip --python /opt/trainer install --no-deps --target /opt/package . \
    && PYTHONPATH=/opt/package /pip/bin/pip --python /opt/trainer inspect >/opt/package/sbom.json

FROM core
COPY --from=trainer-build /opt/trainer /opt/trainer
COPY --from=trainer-build /opt/package /opt/package
RUN install -d -o 10001 -g 10001 /artifacts
ENV PATH=/opt/package/bin:/opt/trainer/bin:$PATH
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG SOURCE=
LABEL org.opencontainers.image.title="rlpretrain-trainer" \
      org.opencontainers.image.description="The learning stages of rlpretrain" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.licenses="MIT"
USER 10001:10001
VOLUME /artifacts
ENTRYPOINT ["tini", "-g", "--", "rlpretrain"]
CMD ["--help"]
