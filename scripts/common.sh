# shellcheck shell=bash
# What the scripts share; each sources this file first. It leaves the caller in the repository's folder.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
tools=$root/build-tools  # What npm installs for the scripts themselves.

# Two clones of the repository share what ccache holds, whatever their folders are called.
export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1

say() { printf '== %s\n' "$*"; }
die() {
  printf 'scripts: %s\n' "$1" >&2
  shift
  for line in "$@"; do printf '         %s\n' "$line" >&2; done
  exit 1
}

# Runs a command as root: by itself, or by sudo.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "this needs root, and there is no sudo: $*" "Run it as root, then start again."
  fi
}

# As many compilers at once as the processor has cores and the memory has room for.
jobs() {
  local cores memory_mib fitting
  cores=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
  memory_mib=$(awk '/^MemTotal/ {print int($2 / 1024)}' /proc/meminfo 2>/dev/null || echo 4096)
  fitting=$((memory_mib / 700))
  [ "$fitting" -ge 1 ] || fitting=1
  [ "$cores" -le "$fitting" ] && echo "$cores" || echo "$fitting"
}

# node_is_new_enough MAJOR MINOR
node_is_new_enough() {
  command -v node >/dev/null &&
    node -e "const [a, b] = process.versions.node.split('.').map(Number); process.exit(a > $1 || (a === $1 && b >= $2) ? 0 : 1)"
}

# A newer Node.js that scripts/setup put aside stands before the system's.
[ ! -x "$tools/node_modules/node/bin/node" ] || PATH=$tools/node_modules/node/bin:$PATH
