# One static binary and nothing else; runs as an unprivileged user.
#
#   docker build -t roost .
#   docker run --rm -p 8080:8080 roost        embedded stores and demo data

ARG GO_VERSION=1.26
FROM golang:${GO_VERSION} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags="-s -w" -o /rootfs/roost ./cmd/roost \
 && mkdir -p /rootfs/etc/ssl/certs /rootfs/data /rootfs/tmp \
 && cp /etc/ssl/certs/ca-certificates.crt /rootfs/etc/ssl/certs/ \
 && chown 65532:65532 /rootfs/data \
 && chmod 1777 /rootfs/tmp

FROM scratch
COPY --from=build /rootfs /
USER 65532:65532
ENV ROOST_ADDR=0.0.0.0:8080 \
    ROOST_DATA_DIR=/data
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 CMD ["/roost", "healthcheck"]
ENTRYPOINT ["/roost"]
CMD ["serve"]
