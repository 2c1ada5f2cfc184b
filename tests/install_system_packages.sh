#!/bin/sh
# Installs what some tests need beside Python packages: a real S3 server (Ceph's radosgw), promtool, and the
# OpenGL libraries that skia-python links to; faketime turns a process's clock. Without root or apt it says so; those tests then say what they skip.
set -eu
set -- ceph-mon ceph-osd ceph-common radosgw prometheus libgl1 libegl1 faketime openssl
missing=""
for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $package"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "Not installed (needs root and apt-get):$missing; the tests that need them will be skipped."
    exit 0
fi
apt-get update -qq
# --no-install-recommends and no service start: the tests start their own servers. What is there already stays.
DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends --no-upgrade "$@" >/dev/null
