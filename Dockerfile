# The server and its workers in one image: `docker build -t tebdil .`. Needs BuildKit, which Docker has by default.

FROM node:22-bookworm-slim AS web
WORKDIR /web
COPY web/package.json web/package-lock.json ./
RUN npm ci
COPY web .
RUN npm run build

FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY . .
COPY --from=web /web/dist web/dist
# The caches make the next build short; they are no part of the image.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked -p tebdil --bin tebdil \
    && install -D target/release/tebdil /image/usr/local/bin/tebdil \
    && install -d -m 700 /empty

FROM debian:12-slim
# What rediss:// and TLS to PostgreSQL trust.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /image/ /
# A new volume takes owner and mode from here.
COPY --from=build --chown=10001:10001 /empty /data
USER 10001:10001
# All addresses of the container. Nothing is published by that. The numbers (metrics.listen) stay on its loopback.
ENV TEBDIL_DATA_DIR=/data TEBDIL_HTTP__LISTEN=0.0.0.0:8080
EXPOSE 8080
VOLUME /data
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s --retries=3 CMD ["tebdil", "healthcheck"]
ENTRYPOINT ["tebdil"]
CMD ["serve"]
