#!/usr/bin/env bash
# Make a Debian 12 root file system with Python 3.11, to build the image from where no image registry can be reached.
#
#   rootfs.sh FOLDER      makes FOLDER (kept if it is there) and prints the options of `make container` that use it
#
# Needs root and Debian's package debootstrap. What pip needs of the host to reach its index (certificates, settings,
# folders of wheels) is mounted during the build and is no part of the image.
set -euo pipefail
folder=${1:?usage: rootfs.sh FOLDER}

mounts=(/etc/ssl/certs/ca-certificates.crt)
[ -f /etc/pip.conf ] && mounts+=(/etc/pip.conf)
links=()
for place in ${PIP_FIND_LINKS:-$(python3 -m pip config get global.find-links 2>/dev/null || true)}; do
    if [ -d "$place" ]; then
        mounts+=("$place")
        links+=(--find-links "$place")
    fi
done

if [ ! -e "$folder/usr/bin/python3.11" ]; then
    command -v debootstrap >/dev/null || { echo "error: debootstrap is missing: apt-get install debootstrap" >&2; exit 1; }
    mirror=$(sed -n 's/^URIs: *//p' /etc/apt/sources.list.d/debian.sources 2>/dev/null | head -n 1)
    mkdir -p "$(dirname "$folder")"
    rm -rf "$folder.new" # what an interrupted run has left
    debootstrap --variant=minbase --include=python3.11,python3.11-venv,python3-distutils,ca-certificates \
        bookworm "$folder.new" ${mirror:+"$mirror"} >&2
    rm -rf "$folder.new"/dev/* "$folder.new"/var/cache/apt/archives/*.deb # device files cannot be copied without root
    mv "$folder.new" "$folder"
fi
binds=()
for place in "${mounts[@]}"; do # a place to mount on
    if [ -d "$place" ]; then mkdir -p "$folder$place"; else mkdir -p "$(dirname "$folder$place")" && touch "$folder$place"; fi
    binds+=(--bind "$place")
done
printf 'BOOTSTRAP=localimage BASE=%s BUILD="--fakeroot %s" TORCH_FROM="%s"\n' "$folder" "${binds[*]}" "${links[*]:-}"
