# The command eiot, alone in an image. `make images` builds it from the tree that `make dist` has made for musl.
#   docker run --rm -e EIOT_APPKEY -e EIOT_SECRET eiot refresh 89044011112233441122334411223321
# There are no certificates of the system in it: it trusts Mozilla's, which are in the command, or those of EIOT_CA_FILE.
# Containers do not share the account's rate by themselves: mount one directory into all of them as /rate, or set EIOT_RATE_SCOPE to a Redis.
FROM scratch
ARG TREE
COPY ${TREE}/bin/eiot ${TREE}/share/doc/eiot/LICENSE ${TREE}/share/doc/eiot/LICENSES-THIRD-PARTY /
USER 65534:65534
ENV EIOT_RATE_DIR=/rate
ENTRYPOINT ["/eiot"]
