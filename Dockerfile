# Two stages: the first builds an environment, the second holds it and nothing to build with.
# The same `escrow` command runs here as anywhere:
#   docker run tuition-escrow escrow demo
#   docker run -e ESCROW_DATABASE_URL=… -p 8000:8000 tuition-escrow
FROM python:3.13-slim AS build
RUN pip install --no-cache-dir uv
WORKDIR /src
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PROJECT_ENVIRONMENT=/app
COPY pyproject.toml README.md LICENSE ./
# Dependencies first: they change less often than the code.
RUN uv sync --no-install-project --no-default-groups --extra embedded
COPY ledger ledger
COPY service service
COPY migrations migrations
COPY seeds seeds
RUN uv sync --no-editable --no-default-groups --extra embedded

FROM python:3.13-slim
RUN useradd --system --create-home --home-dir /data --shell /usr/sbin/nologin escrow
COPY --from=build /app /app
ENV PATH=/app/bin:$PATH PYTHONUNBUFFERED=1 ESCROW_DATA=/data/pg
USER escrow
WORKDIR /data
VOLUME /data
EXPOSE 8000
CMD ["escrow", "serve", "--host", "0.0.0.0"]
