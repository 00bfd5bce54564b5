# The demo behind `make demo`: the same card story from C, C++, Python and the shell, against the simulator.
# Takes BUILD (a directory to work in, with a virtual environment that has eiot) and PKG_CONFIG from its caller.
set -eu

examples=$(dirname "$0")
say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

# The simulator stops when its standard input closes: however this script ends, nothing is left behind.
fifo=$BUILD/simulator.stdin
log=$BUILD/simulator.log
mkfifo "$fifo"
"$EIOT_SIM" --port 0 --tls --ca-out "$BUILD/ca.pem" --stop-with-stdin <"$fifo" >"$log" &
simulator=$!
exec 9>"$fifo"
for _ in $(seq 100); do
    url=$(head -n 1 "$log")
    [ -z "$url" ] || break
    kill -0 "$simulator" || { echo "eiot-sim did not start"; exit 1; }
    sleep 0.05
done
[ -n "$url" ] || { echo "eiot-sim did not say where it listens"; exit 1; }

export EIOT_BASE_URL="$url" EIOT_CA_FILE="$BUILD/ca.pem" EIOT_APPKEY=demo-appkey EIOT_SECRET=demo-secret
export PKG_CONFIG_PATH="$EIOT_TEST_PREFIX/lib/pkgconfig" LD_LIBRARY_PATH="$EIOT_TEST_PREFIX/lib"
flags=$("$PKG_CONFIG" --cflags --libs eiot)

say "The simulator listens on $url"

say "C, linked with the installed library through pkg-config"
$EIOT_TEST_CC -Wall -Wextra -Werror -o "$BUILD/refresh-c" "$examples/c/refresh.c" $flags
"$BUILD/refresh-c" 11111111111111111111111111

say "C, eight threads on one client"
$EIOT_TEST_CC -Wall -Wextra -Werror -o "$BUILD/threads-c" "$examples/c/threads.c" $flags -lpthread
"$BUILD/threads-c" 89034011560010000000000000000222 89034011560010000000000000000323 89034011560010000000000000000424

say "C, a batch from standard input"
$EIOT_TEST_CC -Wall -Wextra -Werror -o "$BUILD/batch-c" "$examples/c/batch.c" $flags
printf '%s\n' 89034011560010000000000000000525 89034011560010000000000000000626 | "$BUILD/batch-c"

say "C++"
"$EIOT_TEST_CXX" -std=c++11 -Wall -Wextra -Werror -o "$BUILD/refresh-cpp" "$examples/cpp/refresh.cpp" $flags
"$BUILD/refresh-cpp" 89001012012341234012345678901224

say "Python, from the wheel"
"$BUILD/bin/python" "$examples/python/refresh.py" 89044011112233441122334411223321

say "The command"
"$EIOT_TEST_PREFIX/bin/eiot" refresh 89034011560010000000000000000121

say "The same card again: the platform refuses, and the error says why"
status=0
"$EIOT_TEST_PREFIX/bin/eiot" refresh 89034011560010000000000000000121 2>"$BUILD/refusal" || status=$?
cat "$BUILD/refusal"
[ "$status" != 0 ] || { echo "the platform should have refused"; exit 1; }
grep -q 'sim\.cooldown' "$BUILD/refusal" || { echo "the platform refused for another reason than the card's cooldown"; exit 1; }
echo "(exit code $status)"

exec 9>&-
wait "$simulator"
say "Done: nine cards refreshed, one refusal understood, and the simulator has stopped."
