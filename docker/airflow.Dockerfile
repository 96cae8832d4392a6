# Airflow with the package: scheduler, DAG processor, api-server and triggerer of docker-compose.yaml.
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
    /opt/rlpretrain/bin/pip install --no-compile -c wheels/constraints.txt '.[airflow]'; \
    /opt/rlpretrain/bin/pip uninstall --yes setuptools pip; \
    find /opt/rlpretrain -type d \( -name tests -o -name include \) -prune -exec rm -rf {} +

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="rlpretrain-airflow" \
      org.opencontainers.image.description="Airflow with the nightly DAG of rlpretrain" \
      org.opencontainers.image.licenses="MIT"
RUN set -eu; \
    if ! command -v tini >/dev/null; then \
      apt-get update; apt-get install --yes --no-install-recommends tini; rm -rf /var/lib/apt/lists/*; \
    fi; \
    groupadd --gid 10001 rlpretrain; \
    useradd --uid 10001 --gid 10001 --no-create-home --home-dir /opt/airflow --shell /usr/sbin/nologin rlpretrain; \
    install -d -o 10001 -g 10001 /opt/airflow /opt/airflow/logs /opt/airflow/artifacts /opt/airflow/login
COPY --from=build /opt/rlpretrain /opt/rlpretrain
COPY dags /opt/airflow/dags
COPY plugins /opt/airflow/plugins
ENV PATH=/opt/rlpretrain/bin:$PATH \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    AIRFLOW_HOME=/opt/airflow NUMBA_CACHE_DIR=/tmp/numba MPLCONFIGDIR=/tmp/matplotlib
USER 10001:10001
WORKDIR /opt/airflow
ENTRYPOINT ["tini", "-g", "--", "airflow"]
CMD ["version"]
