#!/bin/sh
# usage: deps.sh PACKAGE...
#
# Installs those of the Debian packages that are missing, as root or by sudo.
# Says nothing and takes no time when there are none.
set -eu

if ! command -v apt-get >/dev/null; then
  echo "deps: no apt-get here; what Debian calls the packages that are needed: $*" >&2
  exit 0
fi

installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null || true)
missing=
for package; do
  printf '%s\n' "$installed" | grep -qxF "$package installed" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

root="env DEBIAN_FRONTEND=noninteractive"
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "deps: not root and no sudo; please install:$missing" >&2
    exit 1
  fi
  root="sudo $root"
fi

echo "deps: installing$missing"
# The words of $root and $missing are meant to be split.
# shellcheck disable=SC2086
{
  $root apt-get update -qq
  $root apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 $missing >/dev/null
}
