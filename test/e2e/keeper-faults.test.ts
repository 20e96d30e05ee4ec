// SPDX-License-Identifier: GPL-3.0-or-later
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { hasSeat } from '../../keepers/agent/members.ts'
import { clients } from '../../keepers/chain/index.ts'
import { Cluster } from '../../scripts/demo/cluster.ts'
import { type KeeperNode, keeperEnvironment } from '../../scripts/demo/keeper-nodes.ts'
import type { Lie } from './liar.ts'

/** Lies by round. The first rounds' ends must not depend on the liar, so that their windows need not pass. */
const LIES: Readonly<Record<string, Lie>> = {
  1: 'garbage update',
  2: 'copied update',
  3: 'oversized update',
  4: 'truncated update',
  5: 'NaN update',
  6: 'wrong sum',
  7: 'wrong share',
  8: 'wrong share',
  9: 'silent at decrypt',
  10: 'silent at decrypt',
  11: 'silent at decrypt',
  12: 'blank update',
}

describe('four keepers and one that lies', function () {
  this.timeout(900_000)
  let cluster: Cluster
  let liar: KeeperNode
  let honest: KeeperNode[]

  before(async () => {
    cluster = await Cluster.create({
      keepers: 5,
      windows: { trainingWindow: 45, revealWindow: 20, aggregateWindow: 20, decryptWindow: 12, voteWindow: 12 },
    })
    honest = cluster.nodes.slice(0, 4)
    liar = cluster.nodes[4]!
    for (const node of honest) cluster.start(node)
    const script = fileURLToPath(new URL('./liar.ts', import.meta.url))
    const child = cluster.processes.start('liar', [script, liar.folder, JSON.stringify(LIES)], {
      env: keeperEnvironment(),
      onLine: (text) => cluster.hear(liar, JSON.parse(text)),
    })
    cluster.adopt(liar, child)
  })
  after(async () => {
    await cluster?.[Symbol.asyncDispose]()
  })

  const settled = async (round: number): Promise<void> => {
    const isLater = (line: { event?: string; state?: unknown; round?: unknown; node: string }): boolean =>
      line.node === honest[0]!.name && line.event === 'state' && line.state === 'Training' && Number(line.round) > round
    await cluster.line(`end of round ${round}`, isLater, 200_000)
    // Keepers see what the clock has decided before a transaction records it, and penalties are in the record.
    const service = clients.service(cluster.service, await cluster.provider.getSigner(0))
    // A poke that fails was too late: a keeper's transaction has recorded it meanwhile.
    while (await service.isDue()) {
      await service.poke().then(
        (sent) => sent.wait(),
        () => undefined,
      )
    }
  }
  const included = async (round: number): Promise<bigint | null> => {
    const drafted = (await cluster.events()).find(
      ({ name, args }) => name === 'MembersDrafted' && Number(args.round) === round,
    )
    return (drafted?.args.included as bigint | undefined) ?? null
  }

  it('leaves garbage, copied, oversized, truncated and NaN updates out of the sum, and loses no round to them', async () => {
    await settled(5)
    const events = await cluster.events()
    for (const round of [1, 2, 3, 4, 5]) {
      const sum = await included(round)
      expect(sum, `sum of round ${round}`).not.to.equal(null)
      expect(hasSeat(sum!, liar.seat), `the liar in round ${round}`).to.equal(false)
      for (const node of honest) expect(hasSeat(sum!, node.seat), `${node.name} in round ${round}`).to.equal(true)
      expect(events.some(({ name, args }) => name === 'UpdateCompleted' && Number(args.round) === round)).to.equal(true)
    }
  })

  it('outvotes a wrong sum', async () => {
    await settled(6)
    expect(await included(6)).not.to.equal(null)
    const events = await cluster.events()
    const lie = events.find(
      ({ name, args }) => name === 'AggregateAttested' && Number(args.round) === 6 && Number(args.seat) === liar.seat,
    )
    const draft = events.find(({ name, args }) => name === 'MembersDrafted' && Number(args.round) === 6)
    expect(draft!.args.aggregateHash).not.to.equal(lie?.args.aggregateHash)
    expect(hasSeat(draft!.args.drafted as bigint, liar.seat)).to.equal(false)
  })

  it('publishes nothing from a wrong share, and goes on', async () => {
    await settled(8)
    const events = await cluster.events()
    for (const round of [7, 8]) {
      const draft = events.find(({ name, args }) => name === 'MembersDrafted' && Number(args.round) === round)
      const completed = events.some(({ name, args }) => name === 'UpdateCompleted' && Number(args.round) === round)
      // When the liar was not among the first to attest, it had no share to falsify.
      expect(completed).to.equal(!hasSeat(draft!.args.drafted as bigint, liar.seat))
    }
  })

  it('penalises who is drafted and silent, nobody else, and completes rounds again', async () => {
    await settled(11)
    const events = await cluster.events()
    const silent = [9, 10, 11].filter((round) =>
      cluster.lines.some((line) => line.event === 'lied' && line.lie === 'silent at decrypt' && line.round === round),
    )
    const penalised = events.filter(({ name }) => name === 'Penalised')
    for (const { args } of penalised) expect(Number(args.seat)).to.equal(liar.seat)
    expect(penalised.length > 0).to.equal(silent.length > 0)
    // Never drafted again in the epoch.
    expect(silent.length).to.be.at.most(1)
    for (const node of honest) expect(await cluster.stakeOf(node)).to.equal(1000n * 10n ** 18n)
    const completed = events.filter(({ name }) => name === 'UpdateCompleted').map(({ args }) => Number(args.round))
    expect(Math.max(...completed)).to.be.at.least(10)
  })

  it('loses a round, and no stake, to a ciphertext that nobody can tell from others before it is decrypted', async () => {
    const penalties = async (): Promise<number> =>
      (await cluster.events()).filter(({ name }) => name === 'Penalised').length
    const before = await penalties()
    await settled(12)
    expect(hasSeat((await included(12))!, liar.seat)).to.equal(true)
    const events = await cluster.events()
    expect(events.some(({ name, args }) => name === 'UpdateCompleted' && Number(args.round) === 12)).to.equal(false)
    expect(events.some(({ name, args }) => name === 'UpdateIncomplete' && Number(args.round) === 12)).to.equal(true)
    expect(await penalties()).to.equal(before)
    for (const node of honest) expect(await cluster.stakeOf(node)).to.equal(1000n * 10n ** 18n)
  })

  it('goes on without a keeper that is gone for good', async () => {
    await cluster.kill(liar)
    const round = Math.max(...cluster.lines.filter((line) => line.event === 'state').map((line) => Number(line.round)))
    await Promise.all(honest.map((node) => cluster.accepted(node, round + 2, 300_000)))
    const events = await cluster.events()
    const last = events.filter(({ name }) => name === 'MembersDrafted').at(-1)
    expect(hasSeat(last!.args.included as bigint, liar.seat)).to.equal(false)
    for (const node of honest) expect(await cluster.stakeOf(node)).to.equal(1000n * 10n ** 18n)
  })
})
