#!/bin/sh
# Builds the container images eiot and eiot-sim from the trees of `make dist` in DIRECTORY, with what builds images here.
# Usage: images.sh DIRECTORY
set -eu

tree=eiot-$VERSION-linux-$(uname -m)-musl
if [ ! -d "$1/$tree" ]; then
    echo "images: there is no $tree; make dist PLATFORMS=linux-$(uname -m)-musl makes it" >&2
    exit 1
fi
for builder in buildah podman docker none; do
    # A docker command without its daemon builds nothing.
    if "$builder" info >/dev/null 2>&1; then break; fi
done
if [ "$builder" = none ]; then
    echo "images: none of buildah, podman and docker works here (apt-get install buildah)" >&2
    exit 1
fi
# The other format of images has no health checks; docker knows no other.
case $builder in
    docker) format= ;;
    *) format="--format docker" ;;
esac
for image in eiot eiot-sim; do
    # shellcheck disable=SC2086
    "$builder" build --quiet $format --build-arg "TREE=$tree" --tag "$image:$VERSION" --tag "$image" \
        --file "$(dirname "$0")/containers/$image.Dockerfile" "$1"
done
