# Streamgauge: the wheel and what uv.lock names, hashes checked, run by a user without rights.
FROM python:3.12-slim AS build
WORKDIR /src
RUN pip install --no-cache-dir --disable-pip-version-check "uv>=0.9,<1"
COPY pyproject.toml uv.lock README.md LICENSE ./
RUN uv export -q --frozen --no-emit-project --extra postgres --output-file /requirements.txt \
 && uv venv -q --python "$(command -v python3)" /opt/streamgauge \
 && uv pip install -q --python /opt/streamgauge --no-cache --require-hashes -r /requirements.txt
COPY . .
RUN uv build -q --wheel --out-dir /dist \
 && uv pip install -q --python /opt/streamgauge --no-cache --no-deps /dist/*.whl

FROM python:3.12-slim
ENV PATH=/opt/streamgauge/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DATA_DIR=/data
RUN useradd --system --uid 10001 --no-create-home streamgauge && install -d -o streamgauge -g streamgauge -m 700 /data
COPY --from=build /opt/streamgauge /opt/streamgauge
WORKDIR /data
USER 10001
VOLUME /data
EXPOSE 8000
# The probe names a host that is allowed: the first of ALLOWED_HOSTS.
HEALTHCHECK --interval=15s --timeout=3s --start-period=20s --retries=3 CMD ["python", "-c", "\
import os, urllib.request as web; \
host = os.environ.get('ALLOWED_HOSTS', '').split(',')[0].strip().strip('.*') or 'localhost'; \
address = 'http://127.0.0.1:' + os.environ.get('PORT', '8000') + '/healthz'; \
web.urlopen(web.Request(address, headers={'Host': host}), timeout=2)"]
STOPSIGNAL SIGTERM
CMD ["streamgauge", "serve", "--host", "0.0.0.0"]
