// SPDX-License-Identifier: GPL-3.0-or-later
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect } from 'chai'
import { Transaction } from 'ethers'
import type { KeeperNode } from '../../scripts/demo/keeper-nodes.ts'
import { Cluster } from './cluster.ts'

/** Every signed form of every transaction in a keeper's folder, by nonce. */
function signedByNonce(node: KeeperNode): Map<number, Set<string>> {
  const database = new DatabaseSync(join(node.folder, 'journal.sqlite'), { readOnly: true })
  const byNonce = new Map<number, Set<string>>()
  for (const row of database.prepare('SELECT attempts FROM transactions').all() as { attempts: string }[]) {
    for (const { raw } of JSON.parse(row.attempts) as { raw: string }[]) {
      const { nonce, data, to } = Transaction.from(raw)
      const acts = byNonce.get(nonce) ?? new Set()
      byNonce.set(nonce, acts.add(`${to} ${data}`))
    }
  }
  database.close()
  return byNonce
}

describe('keepers as processes', function () {
  this.timeout(400_000)
  let cluster: Cluster
  const penalties = ['Penalised', 'Dropped', 'StruckOut']

  before(async () => {
    cluster = await Cluster.create({ keepers: 4 })
  })
  after(async () => {
    await cluster?.[Symbol.asyncDispose]()
  })

  const restartAt = async (node: KeeperNode, state: string, round: number): Promise<void> => {
    const isThere = (line: { event?: string; state?: unknown; round?: unknown; node: string }): boolean =>
      line.node === node.name && line.event === 'state' && line.state === state && Number(line.round) === round
    await cluster.line(`${state} at ${node.name}`, isThere)
    await cluster.kill(node)
    cluster.start(node)
  }

  it('survives kill -9 of a keeper in every state: the rounds complete, nothing is signed twice', async () => {
    const [a, b, c, d] = cluster.nodes as [KeeperNode, KeeperNode, KeeperNode, KeeperNode]
    for (const node of cluster.nodes) cluster.start(node)
    await Promise.all([
      restartAt(a, 'KeyCommit', 0),
      restartAt(b, 'KeyReveal', 0),
      restartAt(c, 'KeyConfirm', 0),
      restartAt(d, 'Training', 1).then(() => restartAt(d, 'Vote', 1)),
      restartAt(a, 'Reveal', 1),
      restartAt(b, 'Aggregate', 1),
      restartAt(c, 'Decrypt', 1),
    ])
    await Promise.all(cluster.nodes.map((node) => cluster.accepted(node, 2, 240_000)))

    const events = await cluster.events()
    expect(events.filter(({ name }) => penalties.includes(name))).to.deep.equal([])
    const completed = events.filter(({ name }) => name === 'UpdateCompleted')
    expect(completed.length).to.be.at.least(2)
    for (const node of cluster.nodes) {
      for (const [nonce, acts] of signedByNonce(node)) expect(acts.size, `${node.name} nonce ${nonce}`).to.equal(1)
      expect(await cluster.stakeOf(node)).to.equal(1000n * 10n ** 18n)
    }
    const shares = events
      .filter(({ name }) => name === 'ShareSubmitted')
      .map(({ args }) => `${args.round} ${args.seat}`)
    expect(new Set(shares).size).to.equal(shares.length)
  })

  it('holds bit-identical weights on every keeper', async () => {
    const candidates = cluster.lines.filter((line) => line.event === 'candidate')
    const byRound = new Map<number, Set<string>>()
    for (const line of candidates) {
      const round = Number(line.round)
      byRound.set(round, (byRound.get(round) ?? new Set()).add(`${line.cid} ${line.commitment}`))
    }
    expect(byRound.size).to.be.at.least(2)
    for (const [round, models] of byRound) expect(models.size, `round ${round}`).to.equal(1)
  })

  it('refuses a second process with the same keys, in the same folder and in a copy', async () => {
    const [a] = cluster.nodes as [KeeperNode]
    const { cp } = await import('node:fs/promises')
    const copy: KeeperNode = { ...a, name: 'copy', folder: join(cluster.folder, 'copy') }
    await cp(a.folder, copy.folder, { recursive: true })
    for (const node of [{ ...a, name: 'twin' }, copy]) {
      const { startKeeper } = await import('../../scripts/demo/keeper-nodes.ts')
      const child = startKeeper(cluster.processes, node)
      const code = await new Promise<number | null>((done) => child.once('exit', done))
      expect(code, node.name).to.equal(77)
    }
  })

  it('answers /healthz and /metrics, stops when asked with exit code 0', async () => {
    const [, , c] = cluster.nodes as [KeeperNode, KeeperNode, KeeperNode]
    const health = await (await fetch(`${c.monitoring}/healthz`)).json()
    expect(health).to.include({ healthy: true, operator: c.operator, seat: c.seat })
    const metrics = await (await fetch(`${c.monitoring}/metrics`)).text()
    expect(metrics).to.match(/cohort_rounds_completed_total [1-9]/)
    expect((await fetch(`${c.monitoring}/journal.sqlite`)).status).to.equal(404)
    expect(await cluster.stop(c)).to.equal(0)
  })

  it('goes on without a keeper that is gone, and takes it back when it returns', async () => {
    const [a, , c] = cluster.nodes as [KeeperNode, KeeperNode, KeeperNode]
    const now = Math.max(...cluster.lines.filter((line) => line.event === 'state').map((line) => Number(line.round)))
    await cluster.accepted(a, now + 1, 240_000)
    cluster.start(c)
    await cluster.accepted(c, now + 2, 240_000)
  })
})
