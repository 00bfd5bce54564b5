# The benchmark behind `make bench`; ROUNDS and CALLS may be given. Prints what docs/benchmarks.md quotes.
#
# Client and server are pinned: left to the scheduler, one client's server thread lands on the client's core and the
# other's does not, and that alone makes a factor of three.
set -eu

command -v curl-config >/dev/null || {
    echo "make bench needs libcurl's development files (on Debian: apt-get install libcurl4-openssl-dev)"
    exit 1
}
command -v taskset >/dev/null || { echo "make bench needs taskset (util-linux)"; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export EIOT_CA_FILE="$work/ca.pem" EIOT_APPKEY=demo-appkey EIOT_SECRET=demo-secret EIOT_RATE_LIMIT=off
export PKG_CONFIG_PATH="$EIOT_TEST_PREFIX/lib/pkgconfig" LD_LIBRARY_PATH="$EIOT_TEST_PREFIX/lib"
for program in compare batch; do
    $EIOT_TEST_CC -O2 -Wall -Wextra -Wno-unused-function -std=gnu99 -o "$work/$program" "$(dirname "$0")/$program.c" \
        $("$PKG_CONFIG" --cflags --libs eiot) $(curl-config --cflags --libs)
done

# on CORE PROGRAM ARGUMENT...: runs a comparison with the server on the given core and the client on the first.
on() {
    core=$1 program=$2
    shift 2
    rm -f "$work/stdin" "$work/url"
    mkfifo "$work/stdin"
    taskset -c "$core" "$EIOT_SIM" --tls --ca-out "$EIOT_CA_FILE" --unlimited --stop-with-stdin <"$work/stdin" >"$work/url" &
    exec 9>"$work/stdin"
    while [ ! -s "$work/url" ]; do kill -0 $! && sleep 0.05; done
    EIOT_BASE_URL="$(head -n 1 "$work/url")" taskset -c 0 "$work/$program" "$@"
    exec 9>&-
    wait $!
}

single() {
    echo "one call after the other, $2"
    on "$1" compare "${ROUNDS:-15}" "${CALLS:-3000}"
}
many() {
    echo "32 calls under way at once, $2"
    on "$1" batch "${ROUNDS:-15}" "${BATCH_CALLS:-6000}" 32
}

single 0 "client and server on one core"
many 0 "client and server on one core"
if [ "$(nproc)" -gt 1 ]; then
    single 1 "client and server on a core each"
    many 1 "client and server on a core each"
fi
