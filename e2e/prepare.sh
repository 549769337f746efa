# Sourced by `e2e/test`, `e2e/demo` and `e2e/bench`: what the machine lacks is listed, then installed; builds go to a folder outside
# the tree; `enter_private` makes the namespaces that all else happens in.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/karez/target}"
started=$SECONDS

say() { printf '[%3d s] %s\n' "$((SECONDS - started))" "$*" >&2; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

# Program to look for : Debian package that has it.
build_programs="cc:gcc make:make"
needed_programs="$build_programs nft:nftables ip:iproute2 nsenter:util-linux setpriv:util-linux curl:curl"
demo_programs="nginx:nginx-light redis-server:redis-server redis-cli:redis-tools tcpdump:tcpdump python3:python3"
test_programs="$demo_programs iperf3:iperf3 haproxy:haproxy dig:bind9-dnsutils dnsmasq:dnsmasq-base"

missing_packages() {
  local pair
  for pair in $1; do
    PATH="$PATH:/usr/sbin:/sbin" command -v "${pair%%:*}" >/dev/null || printf '%s\n' "${pair#*:}"
  done
  case $1 in *iperf3*) compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || echo postgresql ;; esac
}

# Installs Debian packages without starting the services that they bring; one such install at a time.
install_packages() {
  [ "$(id -u)" = 0 ] || fail "missing packages: $*. Install them as root: apt-get install --no-install-recommends $*"
  say "installing Debian packages: $*"
  (flock 8 && without_services apt_get "$@") 8>/run/lock/karez-e2e-packages >/dev/null || fail "apt-get could not install: $*"
}

apt_get() { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$@"; }

# Runs a command, in a shell of its own, while this machine's packages start no service.
without_services() (
  policy=/usr/sbin/policy-rc.d marker='karez e2e: no service starts while packages are installed'
  # One of ours that is there already was left by a run that was killed.
  if [ ! -e $policy ] || grep -qsF "$marker" $policy; then
    # Whatever happens: with that file no package of this machine could ever start a service again.
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\n# %s\nexit 101\n' "$marker" >$policy && chmod 755 $policy || exit
  fi
  "$@"
)

wanted_rust=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)

# Whether there is a cargo, and of a toolchain that is new enough.
has_toolchain() {
  local have
  have=$(cargo --version 2>/dev/null | cut -d' ' -f2) || return
  [ "$(printf '%s\n' "$wanted_rust" "$have" | sort -V | head -1)" = "$wanted_rust" ]
}

install_toolchain() {
  command -v rustup >/dev/null || install_packages rustup
  say "installing Rust stable with rustup"
  rustup toolchain install stable --profile minimal -c clippy -c rustfmt && has_toolchain || fail "no Rust $wanted_rust: install it with rustup"
}

# Lists all that is missing, then installs it.
require() {
  local packages
  packages=$(missing_packages "$*" | sort -u | tr '\n' ' ')
  [ -z "$packages" ] || say "missing packages: $packages"
  has_toolchain || say "missing toolchain: Rust $wanted_rust or newer"
  # shellcheck disable=SC2086 # one word a package
  [ -z "$packages" ] || install_packages $packages
  has_toolchain || install_toolchain
}

# Runs a command in network, mount and PID namespaces of its own, which die with it: SIGKILL of any of the processes included.
# Without root: in a user namespace with this one uid, where the kernel allows it.
enter_private() {
  local user=()
  if [ "$(id -u)" != 0 ]; then
    unshare --user --map-root-user true 2>/dev/null ||
      fail "not root, and the kernel allows no user namespace: run as root, or set kernel.unprivileged_userns_clone=1"
    say "not root: in a user namespace with one uid; what takes users of its own is left out"
    user=(--user --map-root-user)
  fi
  # shellcheck disable=SC2016 # expanded by the inner shell
  PATH="$PATH:/usr/sbin:/sbin" LAB_PRIVATE=1 exec setpriv --pdeathsig KILL unshare "${user[@]}" --net --mount --pid --fork --kill-child=SIGKILL --mount-proc \
    --propagation private bash -c '
      set -e
      mount -t tmpfs -o mode=755 tmpfs /run
      ip link set lo up
      ulimit -n "$(ulimit -H -n)"
      # Not exec: the first process of a PID namespace is deaf to signals that it does not catch, Ctrl-C included.
      "$@"
      exit $?' private "$@"
}
