// SPDX-License-Identifier: GPL-3.0-or-later
import { execFile } from 'node:child_process'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { loadConfig } from '../../keepers/agent/index.ts'
import { ROOT } from '../../scripts/bootstrap/paths.mjs'
import { Cluster, type Line } from '../../scripts/cluster.ts'
import { type KeeperNode, keeperEnvironment } from '../../scripts/demo/keeper-nodes.ts'
import { freePort } from '../../scripts/demo/ports.ts'
import { FlakyEndpoint } from '../keepers/chain/proxy.ts'
import { eavesdrop } from './eavesdropper.ts'
import { itRunsOutOfSpace } from './out-of-space.ts'
import { signedByNonce } from './signatures.ts'

describe('keepers as processes', function () {
  this.timeout(900_000)
  let cluster: Cluster
  const penalties = ['Penalised', 'Dropped', 'StruckOut']

  let endpoint: FlakyEndpoint

  before(async () => {
    cluster = await Cluster.create({
      keepers: 4,
      // They are started again in the eleventh round.
      pace: 'punctual',
      // All end early when all have acted. Long, so that a process that restarts on a busy machine still comes in time.
      windows: {
        keyWindow: 400,
        trainingWindow: 300,
        revealWindow: 200,
        aggregateWindow: 200,
        decryptWindow: 200,
        voteWindow: 200,
      },
      rpc: async (url) => {
        endpoint = await FlakyEndpoint.start(url)
        return [endpoint.url]
      },
    })
  })
  after(async () => {
    await cluster?.[Symbol.asyncDispose]()
    await endpoint?.stop()
  })

  const lastRound = (): number =>
    Math.max(...cluster.lines.filter((line) => line.event === 'state').map((line) => Number(line.round)))

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
    await Promise.all(cluster.nodes.map((node) => cluster.accepted(node, 2, 400_000)))

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
    // Without its blobs, which come and go while it works.
    await cp(a.folder, copy.folder, { recursive: true, filter: (path) => path !== join(a.folder, 'ipfs') })
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

  it('takes a keeper back that was away and has moved: its folder is elsewhere, its address another', async () => {
    const [, , c] = cluster.nodes as [KeeperNode, KeeperNode, KeeperNode]
    const moved = { ...c, folder: join(cluster.folder, 'elsewhere') }
    renameSync(c.folder, moved.folder)
    const config = join(moved.folder, 'keeper.yaml')
    const [listen] = loadConfig(moved.folder).network.listen as [string]
    writeFileSync(config, readFileSync(config, 'utf8').replace(listen, `/ip4/127.0.0.1/tcp/${await freePort()}`))
    cluster.nodes[2] = moved
    cluster.start(moved)
    const isTold = (line: Line): boolean => line.node === c.name && line.event === 'address changed'
    await cluster.line('new address', isTold)
    // The others find it there: without its update no training would end before its window does.
    await Promise.all(cluster.nodes.map((node) => cluster.accepted(node, lastRound() + 1, 400_000)))
  })

  it('sits out a minute in which no RPC endpoint answers, mute at first, then with errors', async () => {
    const processes = cluster.nodes.map((node) => cluster.pid(node))
    endpoint.mode = 'hang'
    await new Promise((done) => setTimeout(done, 30_000))
    endpoint.mode = 'html'
    await new Promise((done) => setTimeout(done, 30_000))
    endpoint.mode = 'ok'
    const round = lastRound()
    await Promise.all(cluster.nodes.map((node) => cluster.accepted(node, round + 1, 400_000)))
    expect(cluster.nodes.map((node) => cluster.pid(node))).to.deep.equal(processes)
    for (const pid of processes) expect(() => process.kill(pid, 0), `process ${pid}`).not.to.throw()
    const lost = new Set([...penalties, 'UpdateIncomplete'])
    expect((await cluster.events()).filter(({ name }) => lost.has(name))).to.deep.equal([])
  })

  itRunsOutOfSpace(
    () => cluster,
    ({ nodes }) => nodes[3]!,
  )

  it('sends again what a reorganisation took back, and completes the round', async function () {
    // The one client of these that takes no block back when told.
    if (process.env.COHORT_CHAIN_CLIENT === 'geth') this.skip()
    const committed = async (round: number): Promise<number> =>
      (await cluster.events()).filter(({ name, args }) => name === 'UpdateCommitted' && Number(args.round) === round)
        .length
    const round = lastRound() + 1
    await cluster.line(`training of round ${round}`, (line) => line.state === 'Training' && line.round === round)
    const snapshot = await cluster.provider.send('evm_snapshot', [])
    while ((await committed(round)) < 2) await new Promise((done) => setTimeout(done, 100))
    // Somebody has read that it did: blocks that nobody has read yet are not missed.
    await cluster.line(
      `a commitment of round ${round}`,
      (line) => line.event === 'acted' && line.method === 'commitUpdate' && line.round === round,
    )
    await cluster.provider.send('evm_revert', [snapshot])
    await Promise.all(cluster.nodes.map((node) => cluster.accepted(node, round, 400_000)))
    expect(cluster.lines.some((line) => line.event === 'reorganised')).to.equal(true)
    const all = await cluster.events()
    expect(all.some(({ name, args }) => name === 'UpdateCompleted' && Number(args.round) === round)).to.equal(true)
  })

  it('lets nobody lose stake in all this, and repeats nothing', async () => {
    const events = await cluster.events()
    expect(events.filter(({ name }) => name === 'Penalised')).to.deep.equal([])
    for (const node of cluster.nodes) {
      await cluster.stop(node)
      for (const [nonce, acts] of signedByNonce(node)) expect(acts.size, `${node.name} nonce ${nonce}`).to.equal(1)
    }
  })

  it('shows where a keeper stands, pays its rewards, exports its logs and lets it leave', async () => {
    const [a] = cluster.nodes as [KeeperNode]
    const cohort = async (...args: string[]): Promise<Record<string, any>> => {
      const command = [join(ROOT, 'keepers/cli/main.ts'), 'keeper', ...args, '--data', a.folder, '--json']
      const env = { ...process.env, ...keeperEnvironment() }
      return JSON.parse((await promisify(execFile)(process.execPath, command, { env })).stdout)
    }
    const before = await cohort('status')
    expect(before).to.include({ operator: a.operator, seat: a.seat, member: true, stake: '1000.0', process: null })
    expect(Number(before.earned)).to.be.greaterThan(0)
    expect(Number((await cohort('claim')).paid)).to.be.at.least(Number(before.earned))
    expect((await cohort('status')).earned).to.equal('0.0')
    const out = join(cluster.folder, 'exported.log')
    expect((await cohort('export-logs', '--out', out)).bytes).to.be.greaterThan(1000)
    const left = await cohort('unbond')
    expect(left).to.include({ left: true, unbonding: '900.0', withdrawn: '0.0' })
    expect((await cohort('status')).bonded).to.equal('100.0')
    const jail = await cohort('unjail').catch((error: { stderr: string }) => error.stderr)
    expect(jail).to.match(/unjail: NotJailed\(owner=0x/)
  })

  it('leaves an eavesdropper with chain, blobs and t − 1 folders no plaintext of the others', async () => {
    const [victim, ...others] = cluster.nodes as [KeeperNode, ...KeeperNode[]]
    const found = await eavesdrop(cluster, victim, others.slice(0, 2))
    expect(found.scannedBytes).to.be.greaterThan(1_000_000)
    // The control: what is meant to be public is found by the same search.
    expect(found.publicModel).to.equal(true)
    expect(found.leaks).to.deep.equal([])
  })
})
