#!/usr/bin/env bash
# What cpack packs is complete and in order: the program runs with the libraries beside it, which look nowhere else, no
# folder of the build is named, the plug-in is left out, and licences, changelogs and modes are as Debian wants them.
# The packages themselves, and a .deb in a fresh Debian: scripts/package --try.
#
#   tests/scripts/package_test.sh CMAKE BUILD LICENSES
#
# 77, skipped, where the folder LICENSES (of LibTorch) or readelf is missing.
set -uo pipefail
cmake=$1
build=$2
if [ ! -d "$3" ] || ! command -v readelf >/dev/null; then
  echo "skipped: there are no licences in $3 (scripts/install_libtorch --licenses), or no readelf"
  exit 77
fi
work=$(cd "$(mktemp -d)" && pwd -P)
trap 'rm -rf "$work"' EXIT
usr=$work/usr
failures=0
complain() {
  echo "$*" >&2
  failures=$((failures + 1))
}

umask 077 # must not show in the package
for component in Unspecified package; do
  # As cpack calls it.
  DESTDIR=$work "$cmake" -D CMAKE_INSTALL_COMPONENT=$component -D CMAKE_INSTALL_PREFIX=/usr \
    -D CMAKE_INSTALL_DO_STRIP=1 -P "$build/cmake_install.cmake" >"$work/log" 2>&1 || complain "component $component: $(cat "$work/log")"
done

[[ "$(env -i "$usr/bin/mnist" --version 2>&1)" == "mnist "* ]] || complain "the program does not start"
loaded=$(ldd "$usr/bin/mnist" | awk '/=>/ { print $3 }' | xargs realpath)
for name in libtorch_cpu.so libc10.so; do
  grep -qF "$usr/lib/mnist/libtorch/$name" <<<"$loaded" || complain "it does not load its own $name: $loaded"
done
elsewhere=$(grep -v -e "^$usr/lib/mnist/libtorch/" -e '^/lib/' -e '^/usr/lib/' -e '^/lib64/' <<<"$loaded")
[ -z "$elsewhere" ] || complain "it loads from elsewhere: $elsewhere"
# shellcheck disable=SC2016
for file in "$usr/bin/mnist" "$usr"/lib/mnist/libtorch/*; do
  path=$(readelf --wide --dynamic "$file" | sed -n 's/.*R.*PATH.*\[\(.*\)\]/\1/p')
  case "$path" in
    '' | '$ORIGIN' | '$ORIGIN/../lib/mnist/libtorch') ;;
    *) complain "$file looks for libraries in $path" ;;
  esac
done
[ ! -e "$usr/lib/mnist/libmnist_cuda.so" ] || complain "the plug-in is in the package"

docs=$usr/share/doc/mnist
for file in "$docs/copyright" "$docs/licenses/torch/LICENSE" "$docs/README.md" "$usr/share/mnist/fetch_data"; do
  [ -s "$file" ] || complain "$file is missing"
done
gzip -dc "$docs/changelog.Debian.gz" | grep -q '^mnist (.*) ' || complain "changelog.Debian.gz is not in order"
gzip -dc "$docs/changelog.gz" | cmp -s - "$(dirname "${BASH_SOURCE[0]}")/../../CHANGELOG.md" ||
  complain "changelog.gz differs"
gzip -dc "$usr/share/man/man1/mnist.1.gz" | grep -q '^\.TH' || complain "the manual page is not in order"
modes=$(find "$usr" -type f ! -perm 644 ! -path "$usr/bin/mnist" ! -path "$usr/share/mnist/fetch_data" \
  -o -type d ! -perm 755 -path "$usr/*")
[ -z "$modes" ] || complain "not with mode 644, or 755 for folders: $modes"
[ "$(stat --format=%a "$usr/bin/mnist" "$usr/share/mnist/fetch_data" | uniq)" = 755 ] ||
  complain "programs without mode 755"
[ $failures = 0 ]
