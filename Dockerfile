# syntax=docker/dockerfile:1
FROM python:3.11.14-slim-bookworm AS build
WORKDIR /srv
RUN python -m venv /srv/venv
COPY requirements-serve.lock .
RUN /srv/venv/bin/python -m pip install --no-cache-dir --no-deps --require-hashes -r requirements-serve.lock

FROM python:3.11.14-slim-bookworm
RUN useradd --system --uid 10001 --no-create-home stayline
WORKDIR /srv
COPY --from=build /srv/venv /srv/venv
COPY pyproject.toml ./
COPY migrations ./migrations
COPY app ./app
RUN /srv/venv/bin/python -m compileall -q app
ENV PATH=/srv/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 STAYLINE_MODELS_DIR=/models
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/livez', timeout=2)"]
ENTRYPOINT ["python", "-m", "app"]
CMD ["serve", "--host", "0.0.0.0"]
