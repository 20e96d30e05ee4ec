{{- /* SPDX-License-Identifier: GPL-3.0-or-later */ -}}

{{- define "cohort.name" -}}
{{ printf "%s-%s" .Release.Name "cohort" | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- define "cohort.labels" -}}
app.kubernetes.io/name: cohort
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "cohort.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end }}

{{- /* Of a pod: no account of the cluster, no privileges, its own user. */ -}}
{{- define "cohort.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "cohort.container" -}}
image: {{ include "cohort.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  runAsNonRoot: true
  capabilities: { drop: [ALL] }
{{- end }}

{{- define "cohort.queueArgs" -}}
{{- with .Values.queue }}
- --queue
- {{ required "queue.url: rediss://… of the operator's queue" .url | quote }}
- --queue-name
- {{ .name | quote }}
- --queue-key
- /run/secrets/queue/workers.key
- --queue-password
- /run/secrets/queue/password
{{- if .ca }}
- --queue-ca
- /run/secrets/queue/ca.crt
{{- end }}
- --silent-seconds
- {{ .silentSeconds | quote }}
{{- end }}
{{- end }}

{{- /* Only the group of the pod may read it: the command refuses a key that every user can read. */ -}}
{{- define "cohort.queueVolume" -}}
- name: queue
  secret:
    secretName: {{ required "queue.secretName: a Secret with workers.key and password" .Values.queue.secretName | quote }}
    defaultMode: 288 # 0440: read by the owner and the group of the pod
{{- end }}

{{- /* A worker: reached by probes and monitoring alone. */ -}}
{{- define "cohort.workerProbes" -}}
ports:
  - { name: health, containerPort: 9465 }
startupProbe:
  tcpSocket: { port: health }
  periodSeconds: 2
  failureThreshold: 60
livenessProbe:
  tcpSocket: { port: health }
  periodSeconds: 20
  failureThreshold: 3
readinessProbe:
  httpGet: { path: /healthz, port: health }
  periodSeconds: 10
{{- end }}

{{- define "cohort.dns" -}}
- to:
    - namespaceSelector: {}
      podSelector: { matchLabels: { k8s-app: kube-dns } }
  ports:
    - { protocol: UDP, port: 53 }
    - { protocol: TCP, port: 53 }
{{- end }}

{{- define "cohort.queueEgress" -}}
- ports:
    - { protocol: TCP, port: {{ .Values.queue.port }} }
{{- with .Values.queue.cidrs }}
  to:
{{- range . }}
    - ipBlock: { cidr: {{ . | quote }} }
{{- end }}
{{- end }}
{{- end }}
