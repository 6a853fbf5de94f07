# Sourced by the other scripts, in the root of the repository: functions for errors and for installing Debian packages,
# and settings of ccache.
# shellcheck shell=bash

# Lets ccache, where it is used, take units that use the precompiled header, and those of another clone.
export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=true

# fail CODE MESSAGE [HINT]: the two lines that the program itself prints for an error, and its exit codes
# (2 usage, 3 data, 4 device; 1 for the rest).
fail() {
  echo "error: $2" >&2
  if [ $# -ge 3 ]; then
    echo "hint: $3" >&2
  fi
  exit "$1"
}

# Ends what a shell has in the background; for its EXIT trap.
end_jobs() {
  trap '' HUP INT TERM # a second signal, as of a caller who sends it to all, must not come between
  # Several words on purpose.
  # shellcheck disable=SC2046
  kill $(jobs -p) 2>/dev/null || true
  wait
}

# attached COMMAND...: runs it in a function in the background, so that a signal that ends that ends the command too,
# which would go on alone.
attached() {
  trap end_jobs EXIT
  "$@" &
  wait $!
}

# Prints the comment at the head of a script, which is its help text.
print_head_comment() {
  sed -n '2,${/^#/!q; /^# shellcheck/d; s/^# \{0,1\}//p}' "$1"
}

# has_setting FOLDER NAME VALUE: whether that build folder is configured with it.
has_setting() {
  [ "$(sed -n "s/^$2:[A-Z]*=//p" "$1/CMakeCache.txt" 2>/dev/null)" = "$3" ]
}

# Whether programs find the driver of an NVIDIA GPU.
has_nvidia_driver() {
  [ -e /proc/driver/nvidia/version ] || python3 -c 'import ctypes; ctypes.CDLL("libcuda.so.1")' 2>/dev/null ||
    /sbin/ldconfig -p 2>/dev/null | grep -q 'libcuda\.so\.1'
}

# Prints the command that installs Debian packages without asking; fails where this user may not or apt is not there.
apt_install_command() {
  command -v apt-get >/dev/null || return 1
  if [ "$(id -u)" = 0 ]; then
    echo "env DEBIAN_FRONTEND=noninteractive apt-get"
  elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    echo "sudo -n env DEBIAN_FRONTEND=noninteractive apt-get"
  else
    return 1
  fi
}

# apt_install PACKAGE...: installs them, one call at a time; fails without a word where apt_install_command does.
apt_install() {
  local apt lock=${XDG_CACHE_HOME:-$HOME/.cache}/mnist/apt.lock
  apt=$(apt_install_command) || return 1
  echo "installing $*" >&2
  mkdir -p "$(dirname "$lock")"
  # $apt is several words on purpose. A list of packages that has gone stale names files that mirrors no longer
  # have, so it is read again first; standard output stays free for results.
  # shellcheck disable=SC2086
  {
    flock --close "$lock" $apt update -qq
    flock --close "$lock" $apt install -y -qq -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 --no-install-recommends "$@"
  } >&2
}

# python_with REQUIREMENTS: prints a Python interpreter that has the packages of that file. They are installed once, into
# a virtual environment in ${XDG_CACHE_HOME:-~/.cache}/mnist; other pins, another folder: an environment is never changed
# once it is whole. Fails, after saying why, where that cannot be done.
python_with() {
  local key environment
  key=$(sha256sum <"$1" | cut -c 1-12)
  environment=${XDG_CACHE_HOME:-$HOME/.cache}/mnist/python-$key
  if [ ! -e "$environment/complete" ]; then
    rm -rf "$environment"
    python3 -c 'import ensurepip' 2>/dev/null || apt_install python3-venv ||
      fail 1 "python3 cannot make virtual environments" "run: sudo apt-get install python3-venv"
    python3 -m venv "$environment" &&
      "$environment/bin/python" -m pip install --quiet --no-cache-dir --disable-pip-version-check --requirement "$1" >&2 &&
      touch "$environment/complete" || return
  fi
  echo "$environment/bin/python"
}
