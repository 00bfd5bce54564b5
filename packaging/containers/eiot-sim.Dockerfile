# eiot-sim, the simulator of the platform, alone in an image: 5 MB. `make images` builds it from the tree that `make dist` has made for musl.
#   docker run --rm -p 8080:8080 eiot-sim --unlimited
FROM scratch
ARG TREE
COPY ${TREE}/bin/eiot-sim ${TREE}/share/doc/eiot/LICENSE ${TREE}/share/doc/eiot/LICENSES-THIRD-PARTY /
USER 65534:65534
EXPOSE 8080
# As process 1 it would ignore SIGTERM, and it has nothing to save.
STOPSIGNAL SIGKILL
HEALTHCHECK --interval=5s --timeout=3s --start-period=1s CMD ["/eiot-sim", "--health-check", "--port", "8080"]
ENTRYPOINT ["/eiot-sim", "--bind", "0.0.0.0", "--port", "8080"]
