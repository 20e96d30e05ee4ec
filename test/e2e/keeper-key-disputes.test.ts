// SPDX-License-Identifier: GPL-3.0-or-later
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { hasSeat, seatsOf } from '../../keepers/chain/seats.ts'
import { ROOT } from '../../scripts/bootstrap/paths.mjs'
import { Cluster, type ServiceEvent } from '../../scripts/cluster.ts'
import { type KeeperNode, keeperEnvironment } from '../../scripts/demo/keeper-nodes.ts'
import { penaltiesFor, STAKE, startLiar } from './liars.ts'

describe('three keepers, a false dealer and a false accuser', function () {
  this.timeout(1_200_000)
  let cluster: Cluster
  let dealer: KeeperNode
  let accuser: KeeperNode
  let honest: KeeperNode[]

  before(async () => {
    cluster = await Cluster.create({
      keepers: 5,
      windows: {
        // All end early when all have acted. Long, for a busy machine.
        registrationWindow: 60,
        keyWindow: 600,
        trainingWindow: 300,
        revealWindow: 150,
        aggregateWindow: 150,
        decryptWindow: 60,
        voteWindow: 60,
      },
    })
    honest = cluster.nodes.slice(0, 3)
    ;[dealer, accuser] = cluster.nodes.slice(3) as [KeeperNode, KeeperNode]
    for (const node of honest) cluster.start(node)
    startLiar(cluster, dealer, { 'epoch 1': 'false dealing', 1: 'false dispute', 2: 'false dispute' })
    startLiar(cluster, accuser, { 'epoch 2': 'false accusation' })
  })
  after(async () => {
    await cluster?.[Symbol.asyncDispose]()
  })

  const opened = (epoch: number): Promise<ServiceEvent> =>
    cluster.event(`epoch ${epoch}`, ({ name, args }) => name === 'EpochOpened' && Number(args.epoch) === epoch, 600_000)
  const fullStakes = async (): Promise<void> => {
    for (const node of honest) expect(await cluster.stakeOf(node), node.name).to.equal(STAKE)
  }

  it('convicts the dealer by what it dealt to one of them, and opens the next epoch without it', async () => {
    const next = await opened(2)
    expect(seatsOf(next.args.members as bigint)).to.deep.equal(
      [...honest, accuser].map(({ seat }) => seat).sort((a, b) => a - b),
    )
    const convicted = penaltiesFor(await cluster.events(), 'CONVICTED_AT_KEY_GENERATION')
    expect(convicted.map(({ args }) => args.keeper)).to.deep.equal([dealer.owner])
    await fullStakes()
    expect(await cluster.stakeOf(accuser)).to.equal(STAKE)
  })

  it('convicts who accuses a dealer that has dealt rightly', async () => {
    const isIt = (event: ServiceEvent): boolean =>
      penaltiesFor([event], 'CONVICTED_AT_KEY_GENERATION').length > 0 && event.args.keeper === accuser.owner
    await cluster.event('conviction of the accuser', isIt, 600_000)
    expect(penaltiesFor(await cluster.events(), 'CONVICTED_AT_KEY_GENERATION')).to.have.length(2)
    await fullStakes()
  })

  it('trains with all of them once they behave, and convicts one that disputes a good update', async () => {
    const convicted = await cluster.event(
      'conviction of a false dispute',
      (event) => penaltiesFor([event], 'CONVICTED_AT_CHECK').length > 0,
      900_000,
    )
    expect(convicted.args.keeper).to.equal(dealer.owner)
    const events = await cluster.events()
    const draft = events.find(({ name, args }) => name === 'MembersDrafted' && (args.convicted as bigint) !== 0n)!
    const round = Number(draft.args.round)
    for (const node of [...honest, accuser]) {
      expect(hasSeat(draft.args.included as bigint, node.seat), node.name).to.equal(true)
    }
    await Promise.all(honest.map((node) => cluster.accepted(node, round, 600_000)))
    await fullStakes()
  })

  it('shows in a keeper`s status whom the members have convicted', async () => {
    const [node] = honest as [KeeperNode]
    const command = [join(ROOT, 'keepers/cli/main.ts'), 'keeper', 'status', '--data', node.folder, '--json']
    const env = { ...process.env, ...keeperEnvironment() }
    const status = JSON.parse((await promisify(execFile)(process.execPath, command, { env })).stdout)
    expect(status).to.include({ suspicion: 0, leftOut: false })
    expect(
      status.convictions.map(({ keeper, reason, taken }: Record<string, string>) => [keeper, reason, taken]),
    ).to.deep.equal([
      [dealer.owner, 'CONVICTED_AT_KEY_GENERATION', '20.0'],
      [accuser.owner, 'CONVICTED_AT_KEY_GENERATION', '20.0'],
      [dealer.owner, 'CONVICTED_AT_CHECK', '20.0'],
    ])
  })
})
