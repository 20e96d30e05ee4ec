// SPDX-License-Identifier: GPL-3.0-or-later
// An upgrade as operators do it: every keeper is stopped and started again, one after the other, while the service goes on.
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { encodeManifest } from '../../keepers/versions/index.ts'
import { ROOT } from '../../scripts/bootstrap/paths.mjs'
import { Cluster, clusterManifest } from '../../scripts/cluster.ts'
import { keeperEnvironment } from '../../scripts/demo/keeper-nodes.ts'

const STAKE = 1000n * 10n ** 18n
/** What a keeper that goes and comes back must not bring about. */
const LOSSES = new Set(['Penalised', 'Dropped', 'StruckOut', 'UpdateIncomplete', 'MembersLeftOut'])

describe('a rolling restart', function () {
  this.timeout(1_500_000)
  let cluster: Cluster
  const manifest = clusterManifest('logistic')

  before(async () => {
    cluster = await Cluster.create({
      keepers: 7,
      pace: 'punctual',
      // Long enough for a process to start on a busy machine; every state ends early when all have acted.
      windows: {
        registrationWindow: 60,
        keyWindow: 600,
        trainingWindow: 300,
        revealWindow: 300,
        aggregateWindow: 300,
        decryptWindow: 300,
        voteWindow: 300,
      },
      // An epoch ends amid the restarts: key generation is part of what must not be lost.
      service: { decryptionsPerEpoch: 4 },
      manifest,
      values: () => ({ 'data.limit': 60, 'network.fetchSeconds': 30 }),
    })
  })
  after(async () => {
    await cluster?.[Symbol.asyncDispose]()
  })

  it('of seven keepers loses no round, no seat and no stake', async () => {
    for (const node of cluster.nodes) cluster.start(node)
    await Promise.all(cluster.nodes.map((node) => cluster.accepted(node, 1, 900_000)))
    for (const node of cluster.nodes) {
      const from = cluster.lines.length
      expect(await cluster.stop(node), node.name).to.equal(0)
      cluster.start(node)
      await cluster.line(
        `${node.name} again`,
        (line) => line.node === node.name && line.event === 'started',
        300_000,
        from,
      )
    }
    const reached = Math.max(...cluster.lines.map((line) => (line.event === 'model accepted' ? Number(line.round) : 0)))
    await Promise.all(cluster.nodes.map((node) => cluster.accepted(node, Math.max(5, reached + 2), 900_000)))
    const events = await cluster.events()
    expect(events.filter(({ name }) => LOSSES.has(name)).map(({ name, args }) => `${name} ${args}`)).to.deep.equal([])
    const completed = events.filter(({ name }) => name === 'UpdateCompleted').map(({ args }) => Number(args.round))
    // Whatever was begun was completed; the last round number of an epoch is one that nobody begins, since its key is used up.
    const last = Math.max(...completed)
    const begun = events.filter(({ name }) => name === 'UpdateCommitted').map(({ args }) => Number(args.round))
    expect(completed).to.deep.equal([...new Set(begun)].filter((round) => round <= last))
    expect(events.filter(({ name }) => name === 'EpochOpened')).to.have.length.at.least(2)
    for (const node of cluster.nodes) expect(await cluster.stakeOf(node), node.name).to.equal(STAKE)
  })

  it('of a keeper that cannot serve with the others ends before it says anything to them, and says why', async () => {
    const node = cluster.nodes[0]!
    expect(await cluster.stop(node)).to.equal(0)
    // What a release finds when the members have gone on to a protocol that it does not know.
    const json = JSON.parse(new TextDecoder().decode(encodeManifest(manifest)))
    writeFileSync(join(node.folder, 'manifest.json'), JSON.stringify({ ...json, protocol: 2 }))
    const sent = await cluster.provider.getTransactionCount(node.operator)
    const { code, error } = await run(node.folder)
    expect([code, error.split('\n').length]).to.deep.equal([78, 2])
    expect(error).to.match(
      /manifest\.json: protocol: the service's members speak 2, this release speaks 1: install a newer/,
    )
    expect(await cluster.provider.getTransactionCount(node.operator)).to.equal(sent)
  })

  function run(folder: string): Promise<{ code: number; error: string }> {
    const command = [join(ROOT, 'keepers/cli/main.ts'), 'keeper', 'run', '--data', folder]
    const env = { ...process.env, ...keeperEnvironment(), NODE_NO_WARNINGS: '1' }
    return new Promise((done) => {
      const child = execFile(process.execPath, command, { env }, (_, __, error) =>
        done({ code: child.exitCode!, error }),
      )
    })
  }
})
