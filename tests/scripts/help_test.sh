#!/usr/bin/env bash
# Every script says what it is for: a comment at its head, and --help, which prints it and does nothing else. What a
# script does not know is exit code 2 with a hint. Uses no network and installs nothing.
#
#   tests/scripts/help_test.sh REPOSITORY
set -uo pipefail
cd "$1" || exit 1
failures=0
complain() {
  echo "$*" >&2
  failures=$((failures + 1))
}

scripts=0
while IFS= read -r script; do
  head -n 1 "$script" | grep -q '^#!' || continue # sourced or included, not run
  scripts=$((scripts + 1))
  [ -x "$script" ] || [[ "$script" == *.py ]] || complain "$script: not executable"
  sed -n 2p "$script" | grep -Eq '^(# |""").{20}' || complain "$script: no comment at its head"
  # A Python program may need packages that are not here, so its own --help is left alone.
  if [[ "$script" != *.py ]] && { [[ "$script" != scripts/libtorch/pin ]] || command -v python3 >/dev/null; }; then
    help=$("./$script" --help </dev/null 2>&1) || complain "$script --help: exit code $?"
    grep -q "$script" <<<"$help" || complain "$script --help does not show how to call it: $help"
  fi
done < <(find scripts -type f ! -name '*.txt' ! -name '*.cmake' ! -path '*/__pycache__/*')
[ $scripts -ge 6 ] || complain "only $scripts scripts found"

# expect_usage_error PART COMMAND...: exit code 2, with PART and a hint on standard error and nothing on standard
# output.
expect_usage_error() {
  local part=$1 output errors code
  shift
  errors=$(mktemp)
  output=$("$@" 2>"$errors" </dev/null)
  code=$?
  [ $code = 2 ] || complain "$*: exit code $code, not 2"
  [ -z "$output" ] || complain "$*: wrote to standard output: $output"
  grep -qF -- "$part" "$errors" || complain "$*: '$part' is not in: $(cat "$errors")"
  grep -q '^hint: ' "$errors" || complain "$*: no hint"
  rm "$errors"
}
expect_usage_error "unknown task 'trian-cpu'" scripts/run trian-cpu
expect_usage_error "no pinned LibTorch 0.1" scripts/install_libtorch 0.1
expect_usage_error "unknown argument '--fast'" scripts/run build --fast
expect_usage_error "unknown data set 'mnits'" scripts/fetch_data mnits
expect_usage_error "unexpected arguments: --dri x" scripts/fetch_data mnist --dri x
expect_usage_error "unknown argument '--fast'" scripts/lint --fast
expect_usage_error "there is no fuzz target 'pgn'" scripts/fuzz 5 pgn
expect_usage_error "--runs needs a number" scripts/fuzz --runs png
expect_usage_error "unknown argument '--fast'" scripts/imitate --fast
expect_usage_error "unknown thing to pack 'progam'" scripts/cluster/pack progam
expect_usage_error "unknown argument '--fast'" scripts/cluster/test_image --fast
expect_usage_error "--build needs a folder" scripts/cluster/pack program --build
expect_usage_error "unknown argument '--fast'" scripts/cluster/test_slurm --fast
expect_usage_error "unknown argument '--fast'" scripts/package --fast
expect_usage_error "unknown argument '--fast'" scripts/elsewhere/aarch64 --fast
expect_usage_error "unknown argument 'fast'" scripts/elsewhere/debian13 fast
expect_usage_error "there is no scripts/elsewhere/mars" scripts/elsewhere/all mars
expect_usage_error "is a job of Slurm" env -u SLURM_JOB_ID -u SLURM_SUBMIT_DIR scripts/cluster/slurm/cpu.sbatch

# Every pinned version has both files, with a hash for each of the two architectures.
for version in $(scripts/install_libtorch --list); do
  for pins in "scripts/libtorch/$version.txt" "scripts/libtorch/$version-cuda.txt"; do
    packages=$(grep -c '==' "$pins") || complain "$pins: names no package"
    hashes=$(grep -Ec -- '--hash=sha256:[0-9a-f]{64}( |$)' "$pins")
    [ "$hashes" = $((2 * packages)) ] || complain "$pins: $packages packages, $hashes hashes"
  done
  grep -q "^torch==$version " "scripts/libtorch/$version.txt" || complain "the pin of $version is of another version"
done

[ $failures = 0 ]
