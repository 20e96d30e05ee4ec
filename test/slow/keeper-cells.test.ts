// SPDX-License-Identifier: GPL-3.0-or-later
// A service of somebody's table, with keepers as processes: a manifest made from a sample, rounds, and a proof by the weights that
// the keepers serve. Nothing here knows a model by name.
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { KEEPER_EXIT, loadConfig } from '../../keepers/agent/index.ts'
import { clients } from '../../keepers/chain/index.ts'
import { DataPlane } from '../../keepers/network/index.ts'
import { serviceCircuit } from '../../keepers/services/index.ts'
import {
  agreedDigests,
  encodeManifest,
  fetchManifest,
  fetchVersion,
  manifestDigest,
  openManifest,
  provableModel,
} from '../../keepers/versions/index.ts'
import {
  argMax,
  folderPaths,
  InferenceProver,
  parseVerificationKey,
  programScores,
  setupFolder,
  verifyProof,
  withWeights,
} from '../../keepers/zkml/index.ts'
import { ROOT } from '../../scripts/bootstrap/paths.mjs'
import { Cluster } from '../../scripts/cluster.ts'
import { keeperEnvironment } from '../../scripts/demo/keeper-nodes.ts'
import { parseOptions } from '../../scripts/demo/options.ts'
import type { Subject } from '../../scripts/demo/rows.ts'
import { subjectOf } from '../../scripts/demo/subject.ts'

const ROUNDS = 3
const EMPTY = 4

describe('a service of cells, run by keepers', function () {
  this.timeout(900_000)
  let folder: string
  let subject: Subject
  let cluster: Cluster

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-cells-'))
    subject = await subjectOf(parseOptions(['--example', 'cancer'])!, folder, () => undefined)
    cluster = await Cluster.create({
      // The last one has no samples.
      keepers: 5,
      later: 1,
      manifest: subject.manifest,
      windows: { registrationWindow: 30, trainingWindow: 90, aggregateWindow: 90, decryptWindow: 90, voteWindow: 60 },
      values: (index) =>
        index === EMPTY
          ? { 'data.source': 'none' }
          : { 'data.shard': { kind: 'all' }, ...subject.values(index % 4, 4) },
    })
    for (const node of cluster.nodes) cluster.start(node)
  })
  after(async () => {
    await cluster?.[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })

  it('learns over rounds, every keeper the same weights, none of them clipped by the plan', async () => {
    await Promise.all(cluster.nodes.map((node) => cluster.accepted(node, ROUNDS, 600_000)))
    const candidates = cluster.lines.filter(({ event, round }) => event === 'candidate' && round === ROUNDS)
    expect(new Set(candidates.map(({ commitment }) => commitment)).size).to.equal(1)
    // Each has a dozen samples to judge on, and the last one none.
    const judged = candidates.filter(({ accuracy }) => accuracy !== undefined)
    expect([candidates.length, judged.length]).to.deep.equal([5, 4])
    const mean = judged.reduce((sum, { accuracy }) => sum + Number(accuracy), 0) / judged.length
    expect(mean).to.be.at.least(0.8)
    expect(cluster.lines.filter(({ event }) => event === 'weights clipped')).to.deep.equal([])
  })

  it('has a member without samples in every sum, which weighs nothing, votes late, and says all that', async () => {
    const node = cluster.nodes[EMPTY]!
    const events = await cluster.events()
    const of = (name: string) => events.filter((event) => event.name === name && Number(event.args.round) === 1)
    const revealed = of('UpdateRevealed').map(({ args }) => [Number(args.seat), Number(args.samples)])
    expect(revealed.filter(([, samples]) => samples === 0)).to.deep.equal([[node.seat, 0]])
    expect(Number(BigInt(of('MembersDrafted')[0]!.args.included as bigint) >> BigInt(node.seat)) & 1).to.equal(1)
    const total = revealed.reduce((sum, [, samples]) => sum + samples!, 0)
    const first = cluster.lines.find(({ event, round }) => event === 'candidate' && round === 1)!
    expect(first).to.include({ samples: total, contributors: 4, empty: 1 })
    expect(cluster.lines.find(({ node: who, event }) => who === node.name && event === 'no samples')).to.include({
      declared: 0,
    })
    const health = await (await fetch(`${node.monitoring}/healthz`)).json()
    expect(health).to.include({ samples: 0, heldOut: 0, member: true })
    expect(await (await fetch(`${node.monitoring}/metrics`)).text()).to.contain('cohort_samples{part="training"} 0')
    expect(events.filter(({ name }) => ['Penalised', 'StruckOut', 'Dropped'].includes(name))).to.deep.equal([])
  })

  it('lets somebody join who has its address and an endpoint', async () => {
    const target = join(folder, 'newcomer')
    const outcome = await keeper(
      'init',
      '--data',
      target,
      '--service',
      cluster.service,
      '--rpc',
      cluster.url,
      '--set',
      ...['data.source=csv', `data.path=${join(folder, 'data', '0.csv')}`],
    )
    expect(outcome.code, outcome.error).to.equal(0)
    expect(loadConfig(target).service.manifest).to.deep.equal(subject.manifest)
  })

  it('is not joined by a keeper with another manifest, which says so, and the others go on', async () => {
    const node = await cluster.join()
    const other = { ...subject.manifest, rounds: { ...subject.manifest.rounds, clipNorm: 1 } }
    writeFileSync(join(node.folder, 'manifest.json'), encodeManifest(other))
    const run = await keeper('run', '--data', node.folder)
    expect(run.code).to.equal(KEEPER_EXIT.config)
    expect(run.error)
      .to.contain(manifestDigest(other))
      .and.to.match(/run `cohort keeper manifest`/)
    const status = await keeper('status', '--data', node.folder, '--json')
    expect(JSON.parse(status.output).manifest).to.deep.equal({
      own: manifestDigest(other),
      service: manifestDigest(subject.manifest),
    })
    expect(cluster.lines.filter(({ event }) => event === 'convicted')).to.deep.equal([])
  })

  it('proves a diagnosis by the weights of a version, which whoever proves has from the chain and the keepers', async () => {
    const { provider, service } = cluster
    const plane = await DataPlane.start({
      folder: join(folder, 'prover'),
      identitySeed: crypto.getRandomValues(new Uint8Array(32)),
    })
    try {
      const { current } = await agreedDigests(clients.service(service, provider))
      const manifest = await fetchManifest({ provider, service, plane }, current!)
      const model = await openManifest(manifest)
      const completed = (await cluster.events()).find(({ name }) => name === 'UpdateCompleted')!
      const version = BigInt(completed.args.versionId)
      const held = await fetchVersion({ provider, service, model, plane, fromBlock: 0 }, version)
      const circuit = join(folder, 'circuit')
      const made = await serviceCircuit(manifest, circuit)
      await setupFolder(circuit)
      const { program } = provableModel(model, held.weights)
      const prover = await InferenceProver.open(await withWeights(made, program, held.salt))
      try {
        const key = parseVerificationKey(JSON.parse(readFileSync(folderPaths(circuit).verificationKey, 'utf8')))
        const { input } = await subject.asked()
        const { proof, publicSignals } = await prover.prove({ input, context: 1n })
        expect(await verifyProof(key, proof, publicSignals)).to.equal(true)
        expect(publicSignals[0]).to.equal(BigInt(completed.args.modelCommitment))
        expect(Number(publicSignals[2])).to.equal(argMax(programScores(program, [input])[0]!))
      } finally {
        await prover.close()
      }
    } finally {
      await plane.stop()
    }
  })
})

function keeper(...args: readonly string[]): Promise<{ code: number; output: string; error: string }> {
  return new Promise((resolve) => {
    const env = { ...process.env, ...keeperEnvironment() }
    const command = [join(ROOT, 'keepers/cli/main.ts'), 'keeper', ...args]
    const child = execFile(process.execPath, command, { env, timeout: 90_000 }, (_, output, error) =>
      resolve({ code: child.exitCode ?? -1, output, error }),
    )
  })
}
