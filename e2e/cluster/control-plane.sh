# etcd and Kubernetes' control plane, in the outermost of the cluster's namespaces.

# A bridge for the nodes; this end is their gateway.
make_bridge() {
  ip link add br0 type bridge
  ip address add "$control_plane_address/24" dev br0
  ip link set br0 up
  sysctl -q net.ipv4.ip_forward=1
}

start_api_server() {
  daemon etcd etcd --data-dir "$state/etcd" --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 --unsafe-no-fsync
  daemon kube-apiserver kube-apiserver --etcd-servers=http://127.0.0.1:2379 \
    --advertise-address="$control_plane_address" --secure-port=6443 --service-cluster-ip-range=10.96.0.0/16 \
    --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction --allow-privileged=true \
    --client-ca-file="$certificates/ca.crt" --tls-cert-file="$certificates/apiserver.crt" --tls-private-key-file="$certificates/apiserver.key" \
    --kubelet-certificate-authority="$certificates/ca.crt" --kubelet-preferred-address-types=InternalIP \
    --kubelet-client-certificate="$certificates/apiserver-to-kubelet.crt" --kubelet-client-key="$certificates/apiserver-to-kubelet.key" \
    --service-account-issuer=https://kubernetes.default.svc.cluster.local \
    --service-account-key-file="$certificates/service-accounts.pub" --service-account-signing-key-file="$certificates/service-accounts.key"
  wait_for "the API server" 60 kubectl get --raw=/readyz
}

start_controllers() {
  daemon kube-controller-manager kube-controller-manager --kubeconfig="$certificates/controller-manager.kubeconfig" --leader-elect=false \
    --bind-address=127.0.0.1 --use-service-account-credentials=true --service-account-private-key-file="$certificates/service-accounts.key" \
    --root-ca-file="$certificates/ca.crt" --cluster-signing-cert-file="$certificates/ca.crt" --cluster-signing-key-file="$certificates/ca.key" \
    --cluster-cidr=10.244.0.0/16 --allocate-node-cidrs=false
  daemon kube-scheduler kube-scheduler --kubeconfig="$certificates/scheduler.kubeconfig" --leader-elect=false --bind-address=127.0.0.1
}
