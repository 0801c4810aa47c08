# One image for every process; the Procfile says what each runs, docker-compose.yml puts them together.
FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN useradd --create-home --uid 10001 carillon && install -d -o carillon /app /data
WORKDIR /app

COPY requirements.lock .
RUN pip install --require-hashes --requirement requirements.lock

COPY --chown=carillon . .
USER carillon
ENV CARILLON_ENV=production CARILLON_VAR=/data STATIC_ROOT=/app/static HOST=0.0.0.0 PORT=8000

# Static files under hashed names, compressed. The values are there to be read and guard nothing.
RUN SECRET_KEY=build DATABASE_URL=postgresql://build REDIS_URL=redis://build PUBLIC_URL=https://build.example.com \
    python manage.py collectstatic --noinput --verbosity 0

VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/healthz')"]
CMD ["honcho", "start", "web"]
