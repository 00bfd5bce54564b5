#!/bin/sh
# Runs `make demo` and `make test` of the last commit in a minimal Debian: a root file system made by debootstrap that has
# only what the README names. Called by `make test-fresh`. Needs root. Takes from the environment:
#   RELEASE    Debian's name for it: trixie, bookworm
#   COMMANDS   the make targets to run (default "demo test")
#   LIMIT      seconds for everything; a command that is not finished then has not failed (default: no limit)
#   MIRROR     Debian's mirror (default: debootstrap's)
#   BUILD      the directory to work in; $BUILD/fresh/$RELEASE is kept for the next run
set -eu

say() { printf 'fresh %s: %s\n' "$RELEASE" "$*"; }
fail() { say "$*" >&2; exit 1; }

# Variables of the machine's registry configuration: certificates, proxies, pip, cargo, npm.
VARIABLES='SSL_CERT_FILE|SSL_CERT_DIR|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|GIT_SSL_CAINFO|NODE_EXTRA_CA_CERTS'
VARIABLES="$VARIABLES|(https?|all|no)_proxy|(HTTPS?|ALL|NO)_PROXY"
VARIABLES="$VARIABLES|PIP_[A-Z_]+|CARGO_(HTTP|NET|SOURCE)_[A-Z_]+|(npm_config|NPM_CONFIG)_[A-Za-z_]+"

# The second half: inside a mount and process namespace of its own. Its mounts and processes end with it.
inside() {
    run=$1
    trap 'exit 130' INT
    trap 'exit 143' TERM
    # A mount point, so that the tests can make mount namespaces of their own inside.
    mount --bind "$run" "$run"
    mount -t proc proc "$run/proc"
    mount --rbind /dev "$run/dev"
    mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$run/dev/pts"
    mount -t tmpfs tmpfs "$run/dev/shm"

    path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    if [ -n "$TOOLCHAIN" ]; then
        mkdir -p "$run/opt/rust"
        mount --bind "$TOOLCHAIN" "$run/opt/rust"
        mount -o remount,bind,ro "$run/opt/rust"
        path=/opt/rust/bin:$path
    fi

    show() {
        # $1 of the machine is seen at $2 of the root, read-only.
        if [ -d "$1" ]; then mkdir -p "$run$2"; else mkdir -p "$run${2%/*}" && touch "$run$2"; fi
        mount --bind "$(readlink -f "$1")" "$run$2"
        mount -o remount,bind,ro "$run$2"
    }
    # The machine may trust authorities of its own, and its registries be behind one of them.
    bundle=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}
    if [ -f "$bundle" ]; then show "$bundle" /etc/ssl/certs/ca-certificates.crt; fi
    for file in /etc/resolv.conf /etc/hosts /etc/pip.conf; do
        if [ -f "$file" ]; then show "$file" "$file"; fi
    done
    cargo_home=${CARGO_HOME:-$HOME/.cargo}
    if [ -f "$cargo_home/config.toml" ]; then show "$cargo_home/config.toml" /root/.cargo/config.toml; fi
    for file in .config/pip/pip.conf .pip/pip.conf .npmrc; do
        if [ -f "$HOME/$file" ]; then show "$HOME/$file" "/root/$file"; fi
    done

    # The words of `env`: each variable, and what it names is seen at the same place.
    set --
    for name in $(env | sed -n -E "s/^($VARIABLES)=.*/\1/p"); do
        value=$(printenv "$name")
        case $value in
            /dev/*|/proc/*) ;;
            /*) if [ -e "$value" ] && [ ! -e "$run$value" ]; then show "$value" "$value"; fi ;;
        esac
        set -- "$@" "$name=$value"
    done

    failed=0
    summary=
    for command in $COMMANDS; do
        log=$BUILD/fresh/$RELEASE-$command.log
        start=$(date +%s)
        limited=
        if [ -n "${LIMIT:-}" ]; then
            left=$((LIMIT - (start - BEGAN)))
            if [ "$left" -le 0 ]; then
                summary="$summary
make $command: not begun, the limit of $LIMIT s is over"
                continue
            fi
            limited="timeout --foreground --kill-after=60 $left"
        fi
        say "make $command"
        # The status goes through a file, since a pipe has only that of `tee`.
        { status=0
          $limited chroot "$run" env -i "PATH=$path" HOME=/root "$@" sh -c "cd /root/eiot && exec make $command" || status=$?
          echo "$status" >"$log.status"; } 2>&1 </dev/null | tee "$log"
        status=$(cat "$log.status")
        rm -f "$log.status"
        took=$(($(date +%s) - start))
        if [ "$status" = 0 ]; then
            told="passed in $took s"
        elif [ -n "$limited" ] && [ "$status" = 124 ] && ! grep -Eqx '[0-9]+ passed, [1-9][0-9]* failed, [0-9]+ skipped' "$log"; then
            told="not finished within $took s"
        else
            told="FAILED (exit code $status) after $took s"
            failed=1
        fi
        summary="$summary
make $command: $told
$(sed -n '/^== summary$/,$p' "$log" | sed 's/^/    /')"
    done
    printf '%s\n' "$summary" | sed -n "/./s/^/fresh $RELEASE: /p"
    exit "$failed"
}

if [ "${1:-}" = inside ]; then
    inside "$2"
fi

cd "$(dirname "$0")/.."
[ -n "${RELEASE:-}" ] || { RELEASE='?'; fail 'say which Debian: make test-fresh RELEASE=trixie'; }
[ "$(id -u)" = 0 ] || fail 'needs root, for debootstrap, mount and chroot'
BUILD=${BUILD:-$PWD/build}
BEGAN=$(date +%s)
export RELEASE BUILD BEGAN COMMANDS="${COMMANDS:-demo test}" TOOLCHAIN=

# What the README names. Rust comes from Debian where that is new enough, otherwise from this machine.
packages=gcc,libc6-dev,make,python3,python3-venv,git,ca-certificates
case $RELEASE in
    buster|bullseye|bookworm)
        TOOLCHAIN=$(rustc --print sysroot) || fail "Debian's own Rust is too old, and this machine has none"
        [ "$TOOLCHAIN" != /usr ] || fail "Debian's own Rust is too old, and this machine has none from rustup" ;;
    *)
        packages=$packages,cargo,rustc ;;
esac

if ! command -v debootstrap >/dev/null; then
    { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y debootstrap; } >/dev/null ||
        fail 'there is no debootstrap, and apt-get could not install it'
fi

root=$BUILD/fresh/$RELEASE
if [ "$(cat "$root.packages" 2>/dev/null)" != "$packages" ]; then
    say "making a root with $packages (about three minutes)…"
    rm -rf "$root" "$root.packages"
    mkdir -p "$root"
    unshare --mount --pid --fork --kill-child --mount-proc \
        debootstrap --variant=minbase --include="$packages" "$RELEASE" "$root" ${MIRROR:+"$MIRROR"} >"$root.log" 2>&1 ||
        { tail -n 20 "$root.log" >&2; fail "debootstrap failed; $root.log says more"; }
    rm -rf "$root"/var/cache/apt/archives/*.deb
    echo "$packages" >"$root.packages"
fi

# Each run has a copy of its own, in which nothing is left of an earlier one.
rm -rf "$root.run"
cp -a --reflink=auto "$root" "$root.run"
git -c safe.directory='*' clone -q --no-hardlinks . "$root.run/root/eiot"
say "commit $(git -c safe.directory='*' -C "$root.run/root/eiot" log -1 --format='%h, %s')"

status=0
unshare --mount --pid --fork --kill-child sh "$0" inside "$root.run" || status=$?
if [ "$status" = 0 ]; then rm -rf "$root.run"; else say "what is left of the run is in $root.run"; fi
exit "$status"
