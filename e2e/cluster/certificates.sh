# The cluster's certificates and kubeconfigs: one authority, new for each cluster.

certificates="$state/certificates"

# certificate NAME SUBJECT [SAN]
certificate() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -CA "$certificates/ca.crt" -CAkey "$certificates/ca.key" \
    -keyout "$certificates/$1.key" -out "$certificates/$1.crt" -subj "$2" \
    -addext basicConstraints=critical,CA:false -addext keyUsage=critical,digitalSignature -addext extendedKeyUsage=serverAuth,clientAuth \
    ${3:+-addext "subjectAltName=$3"} 2>/dev/null
}

# kubeconfig NAME: as whom the certificate of that name says.
kubeconfig() {
  fill kubeconfig FOLDER="$certificates" NAME="$1" SERVER="https://$control_plane_address:6443" >"$certificates/$1.kubeconfig"
}

make_certificates() {
  local node names=DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local
  mkdir -m 700 "$certificates"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -keyout "$certificates/ca.key" -out "$certificates/ca.crt" \
    -subj /CN=kubernetes -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
  openssl genrsa -out "$certificates/service-accounts.key" 2048 2>/dev/null
  openssl rsa -in "$certificates/service-accounts.key" -pubout -out "$certificates/service-accounts.pub" 2>/dev/null

  certificate apiserver /CN=kube-apiserver "$names,IP:10.96.0.1,IP:$control_plane_address,IP:127.0.0.1"
  certificate apiserver-to-kubelet /O=system:masters/CN=kube-apiserver
  certificate admin /O=system:masters/CN=admin
  certificate controller-manager /CN=system:kube-controller-manager
  certificate scheduler /CN=system:kube-scheduler
  certificate kube-proxy /CN=system:kube-proxy
  for node in admin controller-manager scheduler kube-proxy; do kubeconfig "$node"; done
  for node in "${nodes[@]}"; do
    certificate "$node" "/O=system:nodes/CN=system:node:$node" "DNS:$node,IP:$(node_address "$node")"
    kubeconfig "$node"
  done
}
