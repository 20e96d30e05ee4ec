// SPDX-License-Identifier: GPL-3.0-or-later
// 256 members, and the most that a hostile third of them can make one transaction cost. No transaction may have more than
// 2^24 gas (EIP-7825): what costs more could never be recorded, and the service would be stuck for good.

import { expect } from 'chai'
import type { ContractTransactionResponse } from 'ethers'
import { createCrowd, MEMBERS } from './crowd.ts'
import { type Player, seats, type World } from './fixture.ts'
import { draft, drafted, numbers, passDeadline, sealOf, stateOf } from './play.ts'
import { packed, relayAll, sign } from './relay.ts'

/** A round goes on without them. */
const HOSTILE = MEMBERS - (Math.floor((2 * MEMBERS) / 3) + 1)
const CAP = 2 ** 24
const AT_ONCE = 64
const gasOf = async (sent: Promise<ContractTransactionResponse>): Promise<number> =>
  Number((await (await sent).wait())!.gasUsed)

type Step = Parameters<typeof relayAll>[1]

/** Many members' steps, as many in a transaction as it holds. */
async function all(world: World, step: Step, players: readonly Player[] = world.players): Promise<void> {
  for (let from = 0; from < players.length; from += AT_ONCE)
    await relayAll(world, step, players.slice(from, from + AT_ONCE))
}

describe('a crowd of 256 members, a third of them hostile', function () {
  this.timeout(600_000)

  it('opens a draft that convicts all of the third, and records that all drafted were silent', async () => {
    const world = await createCrowd()
    const { service, stranger, players } = world
    for (const step of ['commitKey', 'revealKey', 'confirmKey'] as const) await all(world, step)
    expect(await stateOf(world)).to.equal('Training')
    for (const step of ['commitUpdate', 'revealUpdate'] as const) await all(world, step)
    const { round } = await numbers(world)
    const hostile = players.slice(0, HOSTILE)
    await service.connect(hostile[0]!.operator).dispute(round, 200)
    await passDeadline(world)
    await service.poke()
    expect(await stateOf(world)).to.equal('Aggregate')
    const convicted = seats(...hostile.map(({ seat }) => seat))
    for (let from = 0; from < MEMBERS; from += AT_ONCE) {
      const steps = await Promise.all(
        players.slice(from, from + AT_ONCE).map(async (player) => {
          const seal = await sealOf(world, player, { convicted })
          const call = service.interface.encodeFunctionData('attest', [round, seal])
          return await sign(world, player, call, { disputed: true })
        }),
      )
      await service.connect(stranger).relay(packed(steps))
    }
    const opening = await gasOf(draft(world, { convicted }))
    expect(opening, 'a draft with 85 convicted').to.be.lessThan(CAP)
    expect((await drafted(world)).length).to.equal(171)
    await passDeadline(world)
    const silence = await gasOf(service.poke())
    expect(silence, '171 silent at Decrypt').to.be.lessThan(CAP)
    // None of them is left to be drafted again: the epoch is over with the same transaction.
    expect(await stateOf(world)).to.equal('Registration')
    expect(await world.registry.slashCount()).to.equal(BigInt(HOSTILE + 171))
  })

  it('judges a key with 256 different verdicts, and drops the members that the quorum convicts', async () => {
    const world = await createCrowd()
    const { service, players } = world
    for (const step of ['commitKey', 'revealKey'] as const) await all(world, step)
    const { epoch } = await numbers(world)
    const hostile = players.slice(0, HOSTILE)
    for (const { operator } of hostile) await service.connect(operator).complain(epoch, 255, `0x${'cd'.repeat(256)}`)
    const rest = players.slice(HOSTILE)
    await all(world, 'confirmKey', rest)
    expect(await stateOf(world)).to.equal('KeyJudge')
    // Each hostile member opens a candidate of its own; then the quorum's verdict, found behind them all.
    let most = 0
    for (const [index, { operator }] of hostile.entries()) {
      most = Math.max(most, await gasOf(service.connect(operator).judge(epoch, 0, 1n << BigInt(index))))
    }
    const convicted = seats(...hostile.map(({ seat }) => seat))
    for (const { operator } of rest)
      most = Math.max(most, await gasOf(service.connect(operator).judge(epoch, convicted, 0)))
    let pokes = 0
    while (await service.isDue()) {
      most = Math.max(most, await gasOf(service.poke()))
      pokes++
    }
    expect(most, 'a verdict, or a poke after it').to.be.lessThan(CAP)
    expect(pokes).to.be.lessThanOrEqual(3)
    expect(await stateOf(world)).to.equal('KeyCommit')
    expect((await service.epochInfo()).memberCount).to.equal(MEMBERS - HOSTILE)
  })
})
