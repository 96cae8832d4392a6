# Airflow with the package: scheduler, DAG processor, api-server and triggerer of docker-compose.yaml.
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
    /pip/bin/pip --python /opt/rlpretrain install -c wheels/constraints.txt '.[airflow]'; \
    /pip/bin/pip --python /opt/rlpretrain uninstall --yes rlpretrain; \
    find /opt/rlpretrain -type d \( -name tests -o -name include \) -prune -exec rm -rf {} +
COPY README.md ./
COPY rlpretrain ./rlpretrain
RUN /pip/bin/pip --python /opt/rlpretrain install --no-deps --target /opt/package .

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
COPY --from=build /opt/package /opt/package
COPY dags /opt/airflow/dags
COPY plugins /opt/airflow/plugins
ENV PATH=/opt/package/bin:/opt/rlpretrain/bin:$PATH \
    PYTHONPATH=/opt/package PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    AIRFLOW_HOME=/opt/airflow NUMBA_CACHE_DIR=/tmp/numba MPLCONFIGDIR=/tmp/matplotlib
USER 10001:10001
WORKDIR /opt/airflow
ENTRYPOINT ["tini", "-g", "--", "airflow"]
CMD ["version"]
