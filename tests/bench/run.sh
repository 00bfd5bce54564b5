# The benchmark behind `make bench`; ROUNDS and CALLS may be given. Prints what docs/benchmarks.md quotes.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
command -v curl-config >/dev/null || {
    echo "make bench needs libcurl's development files (on Debian: apt-get install libcurl4-openssl-dev)"
    exit 1
}

mkfifo "$work/stdin"
"$EIOT_SIM" --port 0 --tls --ca-out "$work/ca.pem" --unlimited --stop-with-stdin <"$work/stdin" >"$work/url" &
exec 9>"$work/stdin"
while [ ! -s "$work/url" ]; do kill -0 $! && sleep 0.05; done

export EIOT_BASE_URL="$(head -n 1 "$work/url")" EIOT_CA_FILE="$work/ca.pem"
export EIOT_APPKEY=demo-appkey EIOT_SECRET=demo-secret
export PKG_CONFIG_PATH="$EIOT_TEST_PREFIX/lib/pkgconfig" LD_LIBRARY_PATH="$EIOT_TEST_PREFIX/lib"
$EIOT_TEST_CC -O2 -Wall -Wextra -std=gnu99 -o "$work/compare" "$(dirname "$0")/compare.c" \
    $("$PKG_CONFIG" --cflags --libs eiot) $(curl-config --cflags --libs)
"$work/compare" "${ROUNDS:-21}" "${CALLS:-2000}"
