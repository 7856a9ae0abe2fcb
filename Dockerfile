# One static binary and nothing else; runs as an unprivileged user.
#
#   docker build -t roost --build-arg VERSION=v1.2.3 --build-arg COMMIT=$(git rev-parse HEAD) .
#   docker run --rm -p 8080:8080 roost        embedded stores and demo data

ARG GO_VERSION=1.26
FROM golang:${GO_VERSION} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# The history does not come along, so whoever builds says what it is.
ARG VERSION=
ARG COMMIT=
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -o /rootfs/roost \
      -ldflags="-s -w -X roost/internal/buildinfo.version=${VERSION} -X roost/internal/buildinfo.commit=${COMMIT}" ./cmd/roost \
 && mkdir -p /rootfs/etc/ssl/certs /rootfs/data /rootfs/tmp \
 && cp /etc/ssl/certs/ca-certificates.crt /rootfs/etc/ssl/certs/ \
 && chown 65532:65532 /rootfs/data \
 && chmod 1777 /rootfs/tmp

FROM scratch
ARG VERSION=
ARG COMMIT=
LABEL org.opencontainers.image.title=roost \
      org.opencontainers.image.version=${VERSION} \
      org.opencontainers.image.revision=${COMMIT}
COPY --from=build /rootfs /
USER 65532:65532
ENV ROOST_ADDR=0.0.0.0:8080 \
    ROOST_DATA_DIR=/data
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
# Whether the process lives, not whether its stores do: a restart would not bring those back.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 CMD ["/roost", "healthcheck"]
ENTRYPOINT ["/roost"]
CMD ["serve"]
