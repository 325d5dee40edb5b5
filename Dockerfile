# One image for every process of ours: API, workers, migrations. PostgreSQL and Temporal are images of their own.
FROM python:3.11-slim AS build
WORKDIR /heliograph
RUN python -m venv /opt/heliograph
COPY requirements.lock ./
RUN --mount=type=cache,target=/root/.cache/pip \
    /opt/heliograph/bin/pip install --require-hashes --no-deps -r requirements.lock
COPY . .
RUN /opt/heliograph/bin/pip install --no-deps --no-build-isolation .

FROM python:3.11-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/heliograph --create-home heliograph
COPY --from=build /opt/heliograph /opt/heliograph
COPY worker.py /opt/heliograph/worker.py
ENV PATH=/opt/heliograph/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HELIOGRAPH_DATA_DIR=/var/lib/heliograph
USER heliograph
WORKDIR /var/lib/heliograph
VOLUME /var/lib/heliograph
EXPOSE 8080
CMD ["python", "-P", "-m", "api"]
