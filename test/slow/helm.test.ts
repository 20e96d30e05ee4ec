// SPDX-License-Identifier: GPL-3.0-or-later
// The Helm chart: what it makes with usual values, against Kubernetes' own schema, and what it refuses. Needs `helm` on the PATH or in
// COHORT_HELM; the schema is read from COHORT_KUBERNETES_OPENAPI, `api/openapi-spec/swagger.json` of the Go module k8s.io/kubernetes.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { expect } from 'chai'
import { parseAllDocuments } from 'yaml'
import { ROOT } from '../../scripts/bootstrap/paths.mjs'

const CHART = join(ROOT, 'deploy', 'kubernetes', 'cohort')
const helm = process.env.COHORT_HELM ?? 'helm'
const openapi = process.env.COHORT_KUBERNETES_OPENAPI

/** A helm that was built from its source alone takes the cluster for a very old one. */
const CLUSTER = ['--kube-version', '1.34.0']

const SETS = [
  ...['queue.url=rediss://cohort@queue.example.org:6379', 'queue.secretName=queue', 'queue.ca=true'],
  ...[
    'keeper.secretName=keeper',
    'provers.enabled=true',
    'provers.circuitsClaim=circuits',
    'provers.folders={mnist,a/b}',
  ],
]

type Meta = { readonly name: string; readonly labels?: Record<string, string> }
type Container = {
  readonly args: string[]
  readonly securityContext: Record<string, unknown>
  readonly resources: { readonly limits: Record<string, string>; readonly requests: Record<string, string> }
  readonly volumeMounts: { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[]
  readonly livenessProbe?: object
  readonly readinessProbe?: object
  readonly env?: unknown
}
type Pod = {
  readonly automountServiceAccountToken: boolean
  readonly securityContext: Record<string, unknown>
  readonly containers: Container[]
  readonly volumes: { readonly name: string; readonly secret?: { readonly defaultMode: number } }[]
}
type Document = {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: Meta
  readonly spec: {
    readonly replicas?: number
    readonly template?: { readonly spec: Pod }
    readonly [key: string]: unknown
  }
}

describe('the Helm chart', function () {
  this.timeout(120_000)
  let folder: string
  before(function () {
    if (spawnSync(helm, ['version']).status !== 0) {
      process.stderr.write('no helm: the chart is not tested (COHORT_HELM names one)\n')
      return this.skip()
    }
    folder = mkdtempSync(join(tmpdir(), 'cohort-helm-'))
    writeFileSync(join(folder, 'keeper.yaml'), readFileSync(join(ROOT, 'keepers/agent/keeper.example.yaml')))
    writeFileSync(join(folder, 'manifest.json'), '{}')
  })
  after(() => {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
  })

  const files = () => [
    ...['--set-file', `keeper.config=${join(folder, 'keeper.yaml')}`],
    ...['--set-file', `keeper.manifest=${join(folder, 'manifest.json')}`],
  ]
  const render = (sets: readonly string[] = SETS): Document[] => {
    const text = execFileSync(
      helm,
      ['template', 'mine', CHART, ...CLUSTER, ...files(), ...sets.flatMap((set) => ['--set', set])],
      {
        encoding: 'utf8',
      },
    )
    return parseAllDocuments(text)
      .map((document) => document.toJS() as Document | null)
      .filter((document) => document !== null)
  }
  const refused = (sets: readonly string[]): string => {
    const run = spawnSync(
      helm,
      ['template', 'mine', CHART, ...CLUSTER, ...files(), ...sets.flatMap((set) => ['--set', set])],
      {
        encoding: 'utf8',
      },
    )
    expect(run.status).to.not.equal(0)
    return run.stderr
  }

  it('passes helm`s own lint', () => {
    const run = spawnSync(helm, ['lint', '--strict', CHART, ...files(), ...SETS.flatMap((set) => ['--set', set])], {
      encoding: 'utf8',
    })
    expect(run.status, `${run.stdout}${run.stderr}`).to.equal(0)
  })

  it('makes one keeper, its workers, a farm with an autoscaler, and a policy for each', () => {
    expect(
      render()
        .map(({ kind, metadata }) => `${kind} ${metadata.name}`)
        .sort(),
    ).to.deep.equal([
      'ConfigMap mine-cohort-keeper',
      'Deployment mine-cohort-provers',
      'Deployment mine-cohort-workers',
      'HorizontalPodAutoscaler mine-cohort-provers',
      'NetworkPolicy mine-cohort-keeper',
      'NetworkPolicy mine-cohort-provers',
      'NetworkPolicy mine-cohort-workers',
      'Service mine-cohort-keeper',
      'StatefulSet mine-cohort-keeper',
    ])
    expect(render().find(({ kind }) => kind === 'StatefulSet')!.spec.replicas).to.equal(1)
  })

  it('gives containers no privileges, a read-only root, limits and probes, and secrets as files of their group', () => {
    const pods = render().flatMap(({ spec }) => spec?.template?.spec ?? [])
    expect(pods).to.have.length(3)
    for (const pod of pods) {
      expect(pod.automountServiceAccountToken).to.equal(false)
      expect(pod.securityContext).to.deep.include({ runAsNonRoot: true, runAsUser: 10_001, fsGroup: 10_001 })
      expect(pod.securityContext.seccompProfile).to.deep.equal({ type: 'RuntimeDefault' })
      for (const container of pod.containers) {
        expect(container.securityContext).to.deep.equal({
          ...{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, runAsNonRoot: true },
          capabilities: { drop: ['ALL'] },
        })
        expect(container.resources.limits.memory).to.be.a('string')
        expect(container.resources.requests.cpu).to.be.a('string')
        expect(container).to.include.keys('livenessProbe', 'readinessProbe', 'startupProbe')
        expect(container.env).to.equal(undefined)
        const writable = container.volumeMounts.filter(({ readOnly }) => readOnly !== true).map(({ name }) => name)
        expect(writable.filter((name) => !['data', 'tmp'].includes(name))).to.deep.equal([])
      }
      const secrets = pod.volumes.flatMap(({ secret }) => secret ?? [])
      expect(secrets.length).to.be.above(0)
      for (const { defaultMode } of secrets) expect(defaultMode).to.equal(0o440)
    }
  })

  it('gives commands the options that they have', async () => {
    const { cohortProgram } = await import('../../keepers/cli/program.ts')
    for (const { args } of render().flatMap(({ spec }) => spec?.template?.spec.containers ?? [])) {
      let command = cohortProgram()
      while (command.commands.some((sub) => sub.name() === args[0])) {
        const name = args.shift()
        command = command.commands.find((sub) => sub.name() === name)!
      }
      const known = command.options.map(({ long }) => long)
      const given = args.filter((argument) => argument.startsWith('--'))
      expect(
        given.filter((option) => !known.includes(option)),
        command.name(),
      ).to.deep.equal([])
      expect(given.length).to.be.above(1)
    }
  })

  it('lets workers reach the queue and DNS alone', () => {
    const policies = render().filter(
      ({ kind, metadata }) => kind === 'NetworkPolicy' && !metadata.name.endsWith('keeper'),
    )
    expect(policies).to.have.length(2)
    for (const { spec } of policies) {
      const egress = spec.egress as { readonly ports: { readonly port: number }[] }[]
      expect(spec.policyTypes).to.deep.equal(['Ingress', 'Egress'])
      expect(egress.flatMap(({ ports }) => ports.map(({ port }) => port)).sort()).to.deep.equal([53, 53, 6379])
    }
  })

  it('refuses a queue without TLS, a password in the URL, missing secrets, and values that it does not know', () => {
    const without = (name: string) => SETS.filter((set) => !set.startsWith(name))
    expect(refused([...without('queue.url'), 'queue.url=redis://queue.example.org'])).to.match(/queue.url/)
    expect(refused([...without('queue.url'), 'queue.url=rediss://u:p@queue.example.org'])).to.match(/queue.url/)
    expect(refused(without('queue.url'))).to.match(/queue.url: rediss:/)
    expect(refused(without('queue.secretName'))).to.match(/queue.secretName: a Secret with workers.key and password/)
    expect(refused(without('keeper.secretName'))).to.match(/keeper.secretName: a Secret with operator.json/)
    expect(refused(without('provers.circuitsClaim'))).to.match(/provers.circuitsClaim/)
    expect(refused([...SETS, 'keeper.replicas=2'])).to.match(/replicas/)
  })

  it('fits Kubernetes` own schema, which knows every field', function () {
    if (openapi === undefined || !existsSync(openapi)) {
      process.stderr.write('no COHORT_KUBERNETES_OPENAPI: the chart is not compared with the schema\n')
      return this.skip()
    }
    const { definitions } = JSON.parse(readFileSync(openapi, 'utf8')) as { definitions: Record<string, Schema> }
    for (const document of render()) {
      const [group, version] = document.apiVersion.includes('/')
        ? document.apiVersion.split('/')
        : ['', document.apiVersion]
      const found = Object.values(definitions).find((definition) =>
        definition['x-kubernetes-group-version-kind']?.some(
          (of) => of.group === group && of.version === version && of.kind === document.kind,
        ),
      )
      expect(found, `${document.apiVersion} ${document.kind}`).to.not.equal(undefined)
      expect(faults(definitions, found!, document, document.kind)).to.deep.equal([])
    }
    // The comparison can fail.
    const pod = definitions['io.k8s.api.core.v1.PodSpec']!
    expect(faults(definitions, pod, { containers: [{ nme: 'x' }] }, 'pod')).to.deep.equal([
      'pod.containers.0.name is missing',
      'pod.containers.0.nme is unknown',
    ])
  })
})

type Schema = {
  readonly $ref?: string
  readonly type?: string
  readonly format?: string
  readonly properties?: Record<string, Schema>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly additionalProperties?: Schema
  readonly 'x-kubernetes-group-version-kind'?: { group: string; version: string; kind: string }[]
}

/** What of a value does not fit: missing and unknown fields, and other types. Of the schema's language, what Kubernetes uses. */
function faults(all: Readonly<Record<string, Schema>>, schema: Schema, value: unknown, path: string): string[] {
  if (schema.$ref !== undefined) return faults(all, all[schema.$ref.replace('#/definitions/', '')]!, value, path)
  if (schema.format === 'int-or-string')
    return ['string', 'number'].includes(typeof value) ? [] : [`${path} is no name or number`]
  if (schema.type === 'array') {
    if (!Array.isArray(value)) return [`${path} is not a list`]
    return value.flatMap((item, i) => faults(all, schema.items!, item, `${path}.${i}`))
  }
  if (schema.properties !== undefined || schema.additionalProperties !== undefined) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${path} is not an object`]
    const missing = (schema.required ?? []).filter((key) => !(key in value)).map((key) => `${path}.${key} is missing`)
    const rest = Object.entries(value).flatMap(([key, inner]) => {
      const known = schema.properties?.[key] ?? schema.additionalProperties
      return known === undefined ? [`${path}.${key} is unknown`] : faults(all, known, inner, `${path}.${key}`)
    })
    return [...missing, ...rest]
  }
  const type = schema.type === 'integer' ? 'number' : schema.type
  // Quantities are strings in the schema, and numbers are taken.
  return type === undefined || type === 'object' || typeof value === type ? [] : [`${path} is not a ${type}`]
}
