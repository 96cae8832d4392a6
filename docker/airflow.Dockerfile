# Airflow with the package but without torch, for all of Airflow's services in docker-compose.yaml.
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
FROM build AS airflow-build
ARG EXTRAS=airflow,fab,celery,kubernetes,openlineage
COPY pyproject.toml ./
RUN set -eu; \
    python3 -m venv --without-pip /opt/airflow-env; \
    mkdir rlpretrain; touch README.md rlpretrain/__init__.py; \
    /pip/bin/pip --python /opt/airflow-env install -c wheels/constraints.txt ".[${EXTRAS}]"; \
    /pip/bin/pip --python /opt/airflow-env uninstall --yes rlpretrain; \
    find /opt/airflow-env -type d \( -name tests -o -name include \) -prune -exec rm -rf {} +
COPY README.md ./
COPY rlpretrain ./rlpretrain
# The bill of materials lists every distribution in the image with its version and metadata.
RUN /pip/bin/pip --python /opt/airflow-env install --no-deps --target /opt/package . \
    && PYTHONPATH=/opt/package /pip/bin/pip --python /opt/airflow-env inspect >/opt/package/sbom.json

FROM core
COPY --from=airflow-build /opt/airflow-env /opt/airflow-env
COPY --from=airflow-build /opt/package /opt/package
COPY docker/webserver_config.py docker/healthy.py docker/users.py /opt/airflow/
COPY docker/entrypoint /entrypoint
COPY dags /opt/airflow/dags
COPY plugins /opt/airflow/plugins
# The configuration file is empty: all settings come from the environment, and none is written at the first start.
RUN touch /opt/airflow/airflow.cfg \
    && install -d -o 10001 -g 10001 /opt/airflow/logs /opt/airflow/artifacts
ENV PATH=/opt/package/bin:/opt/airflow-env/bin:$PATH \
    AIRFLOW_HOME=/opt/airflow AIRFLOW__FAB__CONFIG_FILE=/opt/airflow/webserver_config.py
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG SOURCE=
LABEL org.opencontainers.image.title="rlpretrain-airflow" \
      org.opencontainers.image.description="Airflow with the DAGs of rlpretrain" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.licenses="MIT"
USER 10001:10001
WORKDIR /opt/airflow
ENTRYPOINT ["tini", "-g", "--", "/entrypoint"]
CMD ["version"]
