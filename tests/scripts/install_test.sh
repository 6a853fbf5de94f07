#!/usr/bin/env bash
# Installs the program into a temporary folder, and uses it as a user would: from another folder, in an empty
# environment. It trains, reads a picture, and its completions and its manual page are where the shells and man look.
#
#   tests/scripts/install_test.sh CMAKE BUILD FIXTURES
#
# CMAKE is the program cmake, BUILD a build folder with the program, FIXTURES the folder tests/fixtures. Exit code 1 if
# a check fails. What needs a missing tool (bash-completion, man, readelf) is skipped with a message.
set -uo pipefail
# shellcheck source=tests/scripts/tiny_mnist.sh
source "$(dirname "${BASH_SOURCE[0]}")/tiny_mnist.sh"
cmake=$1
build=$2
fixtures=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix
failures=0

complain() {
  echo "$*" >&2
  failures=$((failures + 1))
}

# expect WHAT PATTERN COMMAND...: the command succeeds, and prints a line that matches.
expect() {
  local what=$1 pattern=$2 output
  shift 2
  output=$("$@" 2>&1) || complain "$what: exit code $?: $output"
  grep -Eq -- "$pattern" <<<"$output" || complain "$what: no line matches '$pattern': $output"
}

mnist() {
  env -i "$prefix/bin/mnist" "$@"
}

"$cmake" --install "$build" --prefix "$prefix" >"$work/log" 2>&1 || {
  cat "$work/log" >&2
  exit 1
}
tiny_mnist "$work/elsewhere/data"
cd "$work/elsewhere" || exit 1

expect "--version" '^mnist [0-9.]+ \(' mnist --version
expect "train" '^Test set: ' mnist train --device cpu --epochs 1 --batch-size 10 --limit-batches 1
[ -s mnist_cnn.pt ] || complain "train wrote no mnist_cnn.pt"
expect "infer" '^Prediction: [0-9]' mnist infer --device cpu --image "$fixtures/images/grey_8.png"

# Hints name a script that is there.
hint=$(mnist train --dry-run --device cpu --data-dir nowhere 2>&1) && complain "train without data: exit code 0"
[[ "$hint" == *"download it with $prefix/share/mnist/fetch_data mnist,"* ]] || complain "the hint without data: $hint"
expect "fetch_data" 'fetch_data mnist' "$prefix/share/mnist/fetch_data" --help
text=$("$prefix/share/mnist/fetch_data" mnits 2>&1)
code=$?
if [ $code != 2 ] || [[ "$text" != *"unknown data set 'mnits'"* ]]; then
  complain "fetch_data mnits: exit code $code: $text"
fi

for file in bin/mnist share/man/man1/mnist.1 share/bash-completion/completions/mnist \
  share/zsh/site-functions/_mnist share/fish/vendor_completions.d/mnist.fish share/doc/mnist/LICENSE \
  share/doc/mnist/README.md share/doc/mnist/docs/runs.md; do
  [ -s "$prefix/$file" ] || complain "$file is missing"
done
if [ "$(uname -s)" = Linux ]; then
  for file in mnist-serve.logrotate mnist-serve.service; do
    [ -s "$prefix/share/doc/mnist/examples/$file" ] || complain "the example $file is missing"
  done
fi
if [ -e "$build/bin/libmnist_cuda.so" ]; then
  [ -s "$prefix/lib/mnist/libmnist_cuda.so" ] || complain "the CUDA plug-in is missing"
fi

# For the package's own folder, as DESTDIR selects it.
DESTDIR=$work/stage "$cmake" --install "$build" --prefix /usr >"$work/log" 2>&1 || complain "with DESTDIR: $(cat "$work/log")"
cmp -s "$work/stage/usr/share/man/man1/mnist.1" "$prefix/share/man/man1/mnist.1" ||
  complain "with DESTDIR, the manual page is missing or differs"

if command -v readelf >/dev/null; then
  # An empty entry would be the working directory.
  path=$(readelf --wide --dynamic "$prefix/bin/mnist" | sed -n 's/.*R.*PATH.*\[\(.*\)\]/\1/p')
  [[ :$path: == *::* ]] && complain "the run path has an empty entry: $path"
  # shellcheck disable=SC2016
  [[ :$path: == *':$ORIGIN/../lib:'* ]] || complain "the run path lacks \$ORIGIN/../lib: $path"
  # shellcheck disable=SC2016
  [[ $path != *'$ORIGIN/../../'* ]] || complain "the run path leads out of the prefix: $path"
else
  echo "skipped the run path: no readelf"
fi

# shellcheck disable=SC2016
load='source "$1/share/bash-completion/completions/mnist" && complete -p mnist'
expect "bash" '_mnist mnist$' env -i bash --norc -c "$load" bash "$prefix"
framework=/usr/share/bash-completion/bash_completion
if [ -r "$framework" ]; then
  # shellcheck disable=SC2016
  load='source "$1"; _completion_loader mnist; complete -p mnist'
  expect "bash-completion" '_mnist mnist$' env -i "PATH=$PATH" "HOME=$work" "XDG_DATA_DIRS=$prefix/share" \
    bash --norc -c "$load" bash "$framework"
else
  echo "skipped bash-completion: it is not installed"
fi
if command -v man >/dev/null; then
  expect "man" 'EXIT STATUS' env -i "PATH=$PATH" LC_ALL=C.UTF-8 MANPAGER=cat "MANPATH=$prefix/share/man" man mnist
else
  echo "skipped the manual page: no man"
fi

[ $failures = 0 ]
