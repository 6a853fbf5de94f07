#!/usr/bin/env bash
# Checks the unit of systemd for `mnist serve`: the program understands the options that it is started with, and
# systemd-analyze, where it is installed, finds nothing. Does not start the unit.
#
#   tests/scripts/unit_test.sh MNIST UNIT
set -uo pipefail
mnist=$1
unit=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0
complain() {
  echo "$*" >&2
  failures=$((failures + 1))
}

# The line with its continuations, as one.
command=$(sed -n '/^ExecStart=/,/[^\\]$/p' "$unit" | sed 's/^ExecStart=//; s/\\$//' | tr -d '\n')
[[ "$command" == "/usr/local/bin/mnist serve --"* ]] || complain "the unit starts something else: $command"

# The line is one for bash, too. There is no such model, and nothing else is wrong.
echo secret >"$work/api-key"
said=$(cd "$work" && env SERVE_MODEL=none.pt SERVE_HOST=127.0.0.1 SERVE_PORT=0 SERVE_OPTIONS="--threads 1" \
  CREDENTIALS_DIRECTORY="$work" bash -c "${command/#"/usr/local/bin/mnist"/"'$mnist'"}" 2>&1)
code=$?
if [ $code != 3 ] || [[ "$said" != *none.pt* ]]; then
  complain "with the unit's options: exit code $code, not 3: $said"
fi

if command -v systemd-analyze >/dev/null; then
  # The program is not installed where the unit expects it.
  sed 's|^\(Exec[A-Za-z]*=\)/usr/local/bin/mnist|\1/bin/true|' "$unit" >"$work/$(basename "$unit")"
  said=$(systemd-analyze verify --man=no "$work/$(basename "$unit")" 2>&1) || complain "systemd-analyze verify fails"
  [ -z "$said" ] || complain "systemd-analyze verify: $said"
else
  echo "skipped systemd-analyze: it is not installed"
fi

[ $failures = 0 ]
