// SPDX-License-Identifier: GPL-3.0-or-later
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { expect } from 'chai'
import { DataPlane, type DhtOptions } from '../../keepers/network/index.ts'
import { Cluster } from '../../scripts/cluster.ts'
import type { KeeperNode } from '../../scripts/demo/keeper-nodes.ts'

const prefix = '/cohort-e2e'
const DEAD = '/ip4/127.0.0.1/tcp/9/p2p/12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp'

describe('keepers in a DHT', function () {
  this.timeout(900_000)
  const folder = mkdtempSync(join(tmpdir(), 'cohort-dht-'))
  const planes: DataPlane[] = []
  let bootstrap: string[]
  let cluster: Cluster

  const start = async (name: string, dht: DhtOptions): Promise<DataPlane> => {
    const plane = await DataPlane.start({
      folder: join(folder, name),
      identitySeed: new Uint8Array(randomBytes(32)),
      dht,
    })
    planes.push(plane)
    return plane
  }

  before(async () => {
    bootstrap = (await start('bootstrap', { mode: 'server', bootstrap: [], prefix })).addresses
    cluster = await Cluster.create({
      keepers: 4,
      windows: { keyWindow: 400, trainingWindow: 300, revealWindow: 200, voteWindow: 200 },
      // The last one joins nothing: the address that it was given is dead.
      values: (index) => ({ 'network.dht': { bootstrap: index === 3 ? [DEAD] : bootstrap, prefix } }),
    })
  })
  after(async () => {
    await cluster?.[Symbol.asyncDispose]()
    await Promise.all(planes.map((plane) => plane.stop()))
    rmSync(folder, { recursive: true, force: true })
  })

  const announced = async (node: KeeperNode, outcome: string): Promise<number> => {
    const text = await (await fetch(`${node.monitoring}/metrics`)).text()
    return Number(
      new RegExp(`^cohort_dht_announcements_total\\{outcome="${outcome}"\\} (\\d+)`, 'm').exec(text)?.[1] ?? 0,
    )
  }

  it('lead a stranger to the model of a round, and the one whose DHT is dead does its rounds all the same', async () => {
    for (const node of cluster.nodes) cluster.start(node)
    await Promise.all(cluster.nodes.map((node) => cluster.accepted(node, 2, 600_000)))
    const accepted = cluster.lines.find((line) => line.event === 'model accepted' && line.round === 1)
    const cid = String(accepted?.cid)
    const [first, , , last] = cluster.nodes as [KeeperNode, KeeperNode, KeeperNode, KeeperNode]
    const end = performance.now() + 60_000
    while ((await announced(first, 'announced')) === 0 && performance.now() < end) await wait(500)

    const stranger = await start('stranger', { mode: 'client', bootstrap, prefix })
    const bytes = await stranger.fetch(cid, { maxBytes: 8 << 20, timeout: 60_000, providers: [], discover: true })
    expect(Buffer.from(bytes.subarray(0, 4)).toString()).to.equal('CMDL')

    expect(await announced(last, 'announced')).to.equal(0)
    expect(await announced(last, 'failed')).to.be.at.least(1)
    const warnings = cluster.lines.filter((line) => line.event === 'not announced')
    expect(warnings.map((line) => line.node)).to.deep.equal([last.name])
    const events = await cluster.events()
    expect(events.filter(({ name }) => ['Penalised', 'Dropped', 'StruckOut'].includes(name))).to.deep.equal([])
  })
})
