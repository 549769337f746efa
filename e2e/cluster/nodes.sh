# Nodes, seen from the control plane: a network namespace on the bridge, and the process that lives in it.

# One host of the bridge, with routes to the Pods of the others.
make_node_network() {
  local node=$1 other
  ip netns add "$node"
  ip link add "$node" type veth peer name eth0 netns "$node"
  ip link set "$node" master br0 up
  ip route add "$(pod_range "$node")" via "$(node_address "$node")"
  ip -n "$node" address add "$(node_address "$node")/24" dev eth0
  ip -n "$node" link set lo up
  ip -n "$node" link set eth0 up
  # Without it no route leads to a Service's address, and what never leaves is never translated.
  ip -n "$node" route add default via "$control_plane_address"
  ip netns exec "$node" sysctl -q net.ipv4.ip_forward=1
  for other in "${nodes[@]}"; do
    [ "$other" = "$node" ] || ip -n "$node" route add "$(pod_range "$other")" via "$(node_address "$other")"
  done
}

# Starts all that a node runs; it ends with the node's first process.
start_node() {
  mkdir -p "$state/nodes/$1" "$logs/$1"
  daemon "$1" nsenter --net="/run/netns/$1" unshare --mount --uts --pid --fork --kill-child=SIGKILL --mount-proc --propagation private e2e/cluster/node "$1"
  echo "${daemons[$1]}" >"$state/nodes/$1/keeper"
}

# The controllers would give out ranges in the order of registration, and the nodes' routes stand already.
give_pod_range() {
  kubectl patch node "$1" --patch "{\"spec\": {\"podCIDR\": \"$(pod_range "$1")\", \"podCIDRs\": [\"$(pod_range "$1")\"]}}" >/dev/null
}

start_nodes() {
  local node
  for node in "${nodes[@]}"; do make_node_network "$node"; done
  for node in "${nodes[@]}"; do start_node "$node"; done
  for node in "${nodes[@]}"; do
    wait_for "node $node to register" 60 kubectl get node "$node"
    give_pod_range "$node"
  done
  wait_for "the nodes to be ready" 60 kubectl wait --for=condition=Ready node --all --timeout=1s
}
