# Kubernetes, etcd, CoreDNS, Helm and kube-router, built from source: one Go module a family, as each wants versions of its own of what they share.

tool_families=(etcd kubernetes coredns helm kube-router)

# Where a family's programs are: another version is another folder.
tools_of() {
  local version
  version=$(cat e2e/tools/"$1"/go.* $(compgen -G "e2e/tools/$1/*.go") | sha256sum)
  echo "$cluster_cache/tools/$1-${version:0:12}"
}

# Puts the programs of all families on the PATH.
use_tools() {
  local family
  PATH="$PATH:/usr/sbin:/sbin"
  for family in "${tool_families[@]}"; do PATH="$(tools_of "$family"):$PATH"; done
  export PATH
}

wanted_go=1.26

has_go() {
  local have
  have=$(go env GOVERSION 2>/dev/null) && [ "$(printf '%s\n' "$wanted_go" "${have#go}" | sort -V | head -1)" = "$wanted_go" ]
}

# build_family NAME: builds what is missing, and shows how far it is.
build_family() {
  local family=$1 folder building
  folder=$(tools_of "$family")
  [ ! -d "$folder" ] || return 0
  has_go || fail "no Go $wanted_go or newer, which builds Kubernetes: install it from https://go.dev/dl"
  say "building $family (${2:-about a minute} on 2 cores, this first time)"
  mkdir -p "$folder.part" "$logs"
  build_tools_of "$family" "$folder.part" 2>"$logs/build-$family.log" &
  building=$!
  while kill -0 "$building" 2>/dev/null; do
    sleep 1
    [ $((++waited % 30)) != 0 ] || say "  $(wc -l <"$logs/build-$family.log") packages compiled"
  done
  wait "$building" || fail "$family could not be built: $logs/build-$family.log"
  mv "$folder.part" "$folder"
}
waited=0

# build_tools_of FAMILY FOLDER, in a module of its own.
build_tools_of() (
  cd "e2e/tools/$1"
  export CGO_ENABLED=0
  flags="-s -w"
  case $1 in
    etcd) go build -v -trimpath -ldflags "$flags" -o "$2/etcd" tool ;;
    coredns) go build -v -trimpath -ldflags "$flags" -o "$2/coredns" . ;;
    kubernetes) go build -v -trimpath -ldflags "$flags $(kubernetes_version_flags)" -o "$2/" tool ;;
    *) go build -v -trimpath -ldflags "$flags" -o "$2/" tool ;;
  esac
)

# A build outside of Kubernetes' own tree does not know its version.
kubernetes_version_flags() {
  local version minor
  version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
  minor=${version#v1.}
  printf -- '-X k8s.io/component-base/version.%s ' "gitVersion=$version" gitMajor=1 "gitMinor=${minor%%.*}" gitTreeState=clean
  printf -- '-X k8s.io/client-go/pkg/version.gitVersion=%s' "$version"
}

build_tools() {
  build_family etcd
  build_family kubernetes "about 8 minutes"
  build_family coredns
  build_family helm
  build_family kube-router "about 3 minutes"
}
