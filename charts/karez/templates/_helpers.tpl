{{/* Labels of every object. Takes the component's name, such as karez-agent, as `name` and the root as `root`. */}}
{{- define "karez.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{ include "karez.selector" . }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: karez
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- end }}

{{/* The labels by which a component's Pods are known. They can never change: selectors are immutable. */}}
{{- define "karez.selector" -}}
app.kubernetes.io/name: {{ .name }}
{{- end }}

{{/* Labels of a component's Pods. Takes `name`, `root` and the component's `values`. */}}
{{- define "karez.podLabels" -}}
{{ include "karez.selector" . }}
app.kubernetes.io/part-of: karez
# The mesh's own programs are never in the mesh, whatever the namespace's label says.
karez.dev/mesh: disabled
{{- with .values.podLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Annotations of a component's Pods. Takes `root`, the component's `values` and its `metricsPort`. */}}
{{- define "karez.podAnnotations" -}}
{{- $annotations := dict }}
{{- if .root.Values.metrics.annotations }}
{{- $annotations = dict "prometheus.io/scrape" "true" "prometheus.io/port" (int .metricsPort | toString) "prometheus.io/path" "/metrics" }}
{{- end }}
{{- with mergeOverwrite $annotations .values.podAnnotations }}
{{- toYaml . }}
{{- end }}
{{- end }}

{{/* A component's image. Takes `name` and `root`. */}}
{{- define "karez.image" -}}
{{ .root.Values.image.registry | trimSuffix "/" }}/{{ .name }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- end }}

{{- define "karez.pullSecrets" -}}
{{- with .Values.image.pullSecrets -}}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- end }}

{{/* Where agent and node proxy run: on every node of Linux that has kubelets of its own, however it is tainted. */}}
{{- define "karez.onEveryNode" -}}
nodeSelector:
  kubernetes.io/os: linux
  {{- with .Values.nodes.selector }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
affinity:
  nodeAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      nodeSelectorTerms:
        - matchExpressions:
            # Virtual nodes have no network namespaces to enter.
            - {key: type, operator: NotIn, values: [virtual-kubelet]}
            - {key: eks.amazonaws.com/compute-type, operator: NotIn, values: [fargate]}
# A node whose CNI is broken is tainted, and heals only with these on it.
tolerations:
  - operator: Exists
{{- end }}

{{/* By what agent and node proxy find and know the controller, and it them. */}}
{{- define "karez.controllerArgs" -}}
- --controller=https://karez-controller.{{ .Release.Namespace }}.svc:15012
- --controller-ca=/run/karez-roots/root.pem
- --token-file=/run/karez-token/token
{{- end }}

{{- define "karez.controllerMounts" -}}
- {name: roots, mountPath: /run/karez-roots, readOnly: true}
- {name: token, mountPath: /run/karez-token, readOnly: true}
{{- end }}

{{- define "karez.controllerVolumes" -}}
- name: roots
  configMap:
    # The controller makes it. Until then the Pod waits.
    name: karez-roots
- name: token
  projected:
    sources:
      - serviceAccountToken: {path: token, audience: karez, expirationSeconds: 3600}
{{- end }}

{{- define "karez.logArgs" -}}
- {{ printf "--log-level=%s" .Values.log.level | quote }}
- --log-format={{ .Values.log.format }}
{{- end }}

{{/* Annotations of what there is only while Karez is being uninstalled. Takes the weight, by which they are made in order. */}}
{{- define "karez.uninstallHook" -}}
helm.sh/hook: pre-delete
helm.sh/hook-weight: {{ . | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end }}
