#!/usr/bin/env bash
# The program that was built is hardened as cmake/hardening.cmake says: PIE, full RELRO, a stack that is not executable,
# guarded return addresses, checked functions of the C library. It loads no library from the working directory.
#
#   tests/scripts/hardening_test.sh PROGRAM
set -uo pipefail
program=$1
failures=0

# expect WHAT TEXT: the pattern is among the lines.
expect() {
  if ! grep -Eq -- "$2" <<<"$3"; then
    echo "$program: $1" >&2
    failures=$((failures + 1))
  fi
}

header=$(readelf --wide --file-header --program-headers "$program") || exit 1
dynamic=$(readelf --wide --dynamic "$program") || exit 1
symbols=$(readelf --wide --dyn-syms "$program") || exit 1
expect "is not PIE" 'Type: +DYN' "$header"
expect "is not PIE: a library" 'FLAGS_1.* PIE' "$dynamic"
expect "has no RELRO" 'GNU_RELRO' "$header"
expect "has no full RELRO: functions are looked up when first called" 'FLAGS.* (NOW|BIND_NOW)' "$dynamic"
expect "has an executable stack, or none is named" 'GNU_STACK.* RW +0x' "$header"
expect "has no guarded return addresses" '__stack_chk_fail' "$symbols"
expect "has no checked functions of the C library" '__[a-z]+_chk@' "$symbols"
if grep -q 'LOAD.* RWE ' <<<"$header"; then
  echo "$program: has memory that can be both written and executed" >&2
  failures=$((failures + 1))
fi
# An empty entry of the run path is the working directory.
if grep -E 'R(UN)?PATH.*(\[:|::|:\])' <<<"$dynamic" >&2; then
  echo "$program: loads libraries from the working directory" >&2
  failures=$((failures + 1))
fi
[ $failures = 0 ]
