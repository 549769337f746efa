# Sourced by all of the cluster's scripts: where things are, how the namespaces are entered, how a program is started and waited for.

nodes=(n1 n2)
cluster_cache="${XDG_CACHE_HOME:-$HOME/.cache}/karez/kubernetes"
# All that the cluster keeps on disk, and all that it logs.
state="$cluster_cache/cluster"
logs="$state/log"
admin="$state/certificates/admin.kubeconfig"

control_plane_address=172.30.0.1
node_address() { echo "172.30.0.1${1#n}"; }
pod_range() { echo "10.244.${1#n}.0/24"; }

# The first process inside of an `unshare --fork` that is given by its pid.
first_process_of() { local first; first=$(<"/proc/$1/task/$1/children") && [ -n "$first" ] && echo "${first%% *}"; }

# Becomes the given command in the namespaces of the control plane.
inside() {
  local first
  first=$(first_process_of "$(<"$state/keeper")" 2>/dev/null) || fail "the cluster is not up: e2e/kube up"
  nsenter --target "$first" --net --mount --pid --wdns="$PWD" "$@"
}

declare -A daemons

# Starts a program that outlives this script: daemon NAME COMMAND...
daemon() {
  setsid "${@:2}" </dev/null >>"$logs/$1.log" 2>&1 &
  daemons[$1]=$!
}

# Waits for a command to succeed, while every daemon of this script lives: wait_for WHAT SECONDS COMMAND...
wait_for() {
  local what=$1 end=$((SECONDS + $2)) name
  until "${@:3}" >/dev/null 2>&1; do
    for name in "${!daemons[@]}"; do
      kill -0 "${daemons[$name]}" 2>/dev/null || fail "$name has ended: $(tail -n 1 "$logs/$name.log")"
    done
    [ $SECONDS -lt $end ] || fail "waited $2 s for $what: $("${@:3}" 2>&1 | tail -n 1)"
    sleep 0.1
  done
}

# One step of a start. What fails in it is told by `tell_failed_step`, as a trap of EXIT.
step() {
  current_step=$1
  say "$1"
  "${@:2}"
}
tell_failed_step() {
  local status=$?
  [ $status = 0 ] || printf 'error: failed at: %s; the logs are in %s\n' "${current_step-the beginning}" "$logs" >&2
}

# Copies a file of e2e/cluster/config with its @NAME@ filled in: fill FILE NAME=VALUE...
fill() {
  local text pair
  text=$(<"e2e/cluster/config/$1")
  for pair in "${@:2}"; do text=${text//"@${pair%%=*}@"/${pair#*=}}; done
  printf '%s\n' "$text"
}
