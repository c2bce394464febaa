#!/usr/bin/env bash
# Install Apptainer on Debian 12, which has no package of it. Needs root; does nothing where it is there already.
#
# The package of Debian unstable is unpacked together with the C library that it was built with, which goes to a folder
# of its own: its two programs find it there, everything else keeps the system's.
set -euo pipefail
if command -v apptainer >/dev/null && apptainer --version; then exit 0; fi

own=/opt/apptainer-libraries
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends \
    debootstrap fakeroot fuse-overlayfs patchelf squashfs-tools squashfuse uidmap >/dev/null

# The unstable suite is read from lists of its own, so that no later apt-get of this machine sees it.
mirror=$(sed -n 's/^URIs: *//p' /etc/apt/sources.list.d/debian.sources 2>/dev/null | head -n 1)
keys=/usr/share/keyrings/debian-archive-keyring.gpg
mkdir -p "$work"/{lists/partial,cache/archives/partial,packages} "$own"
echo "deb [signed-by=$keys] ${mirror:-$(sed -n 's/^deb \([^ ]*\) .*/\1/p' /etc/apt/sources.list | head -n 1)} sid main" \
    >"$work/sid.list"
sid=(-o Dir::Etc::SourceList="$work/sid.list" -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$work/lists"
    -o Dir::Cache="$work/cache" -o APT::Sandbox::User=root)
apt-get "${sid[@]}" update -qq
(cd "$work/packages" && apt-get "${sid[@]}" download -qq apptainer libc6 libseccomp2 libsqlite3-0 libsubid5 2>/dev/null ||
    apt-get "${sid[@]}" download -qq apptainer libc6 libseccomp2 libsqlite3-0 libsubid6)

for package in "$work"/packages/*.deb; do
    case $(basename "$package") in
        apptainer_*) dpkg-deb -x "$package" "$work/program" ;;
        *) dpkg-deb -x "$package" "$work/libraries" ;;
    esac
done
find "$work/libraries" -path '*linux-gnu*' -name '*.so*' -exec cp -a -t "$own" {} +
find "$own" -type f \( -name 'libs[equ]*.so.*' \) -exec patchelf --set-rpath "$own" {} \;
for program in bin/apptainer lib/x86_64-linux-gnu/apptainer/bin/starter; do
    patchelf --set-interpreter "$own/ld-linux-x86-64.so.2" --set-rpath "$own" "$work/program/usr/$program"
done
cp -a "$work/program/." /
ln -sf apptainer /usr/bin/singularity

# Root of a sandbox may lack some of the capabilities that Apptainer would ask for; building as root takes a range of ids.
sed -i 's/^root default capabilities = .*/root default capabilities = no/' /etc/apptainer/apptainer.conf
for ids in /etc/subuid /etc/subgid; do
    grep -qs "^$(id -un):" "$ids" || echo "$(id -un):200000:65536" >>"$ids"
done
apptainer --version
