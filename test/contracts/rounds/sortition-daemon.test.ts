// SPDX-License-Identifier: GPL-3.0-or-later
// The daemons' part in a draw, against the contracts: what keepers/agent/steps/sortition.ts and seat.ts read and send.
import { expect } from 'chai'
import type { Interface } from 'ethers'
import type { Step } from '../../../keepers/agent/context.ts'
import { ensureSeat } from '../../../keepers/agent/steps/seat.ts'
import { reportAbsent } from '../../../keepers/agent/steps/sortition.ts'
import { contractInterface, RevertError } from '../../../keepers/chain/index.ts'
import { type Player, STAKE } from './fixture.ts'
import { generateKey, numbers, passDeadline, stateOf } from './play.ts'
import { type Drawing, drawing, orderOf, SIZE, TERMS } from './sortition.ts'

const NO_FACTS = { all: () => [], last: () => null }

/** A daemon's step at this moment: the contracts are real, its transactions go out as its operator's. */
function daemonOf(world: Drawing, player: Player) {
  const { service, registry, networkHelpers } = world
  const sent: string[] = []
  const abis = [contractInterface('ISortitionAdmission'), contractInterface('ILearningService')]
  const nothing = () => undefined
  const context = {
    contracts: { service, registry },
    operator: player.operator.address,
    serviceAddress: '',
    remembered: {},
    store: { getRecord: () => null },
    facts: NO_FACTS,
    clock: { now: () => 0 },
    metrics: Object.fromEntries(
      ['errors', 'stepsDone', 'gas']
        .map((name) => [name, { inc: nothing }])
        .concat([['stepSeconds', { observe: nothing }] as never]),
    ),
    log: { debug: nothing, info: nothing, warn: nothing },
    config: { chain: { pollSeconds: 1 } },
    stopping: new AbortController().signal,
    queue: {
      send: async ({ key, to, data }: { key: string; to: string; data: string }) => {
        const call = abis.map((abi: Interface) => abi.parseTransaction({ data })).find((found) => found !== null)!
        try {
          const receipt = await (await player.operator.sendTransaction({ to, data })).wait()
          sent.push(call.name)
          return { ...receipt!, from: player.operator.address, gasUsed: receipt!.gasUsed }
        } catch (error) {
          const [, name] = /custom error '(\w+)/.exec((error as Error).message) ?? []
          if (name === undefined) throw error
          throw new RevertError(key, name, {}, '0x', null)
        }
      },
    },
  }
  const step = async (): Promise<Step & { readonly seat: number }> => {
    context.serviceAddress = await service.getAddress()
    const { epoch, round } = await numbers(world)
    const { end } = await service.clock()
    const block = await networkHelpers.time.latestBlock()
    const time = await networkHelpers.time.latest()
    const snapshot = { epoch, round, end: Number(end), time, block }
    return { context, snapshot, seat: null, signal: context.stopping } as never
  }
  return {
    player,
    sent,
    look: async () => await ensureSeat(await step()),
    report: async () => await reportAbsent(await step()),
  }
}

describe('the daemons of candidates', function () {
  this.timeout(60_000)

  it('enlist, open, settle and extend the draw, take the seats of the drawn, and report who did not come', async () => {
    const world = await drawing({ enlist: 0 })
    const { service, sortition, networkHelpers, players, registry } = world
    // Two have enlisted and are never seen again.
    const absent = players.slice(0, 2)
    for (const { operator, owner } of absent) await sortition.connect(operator).enlist(owner)
    const daemons = players.slice(2).map((player) => daemonOf(world, player))
    for (let turn = 0; turn < 400 && (await stateOf(world)) === 'Registration'; turn++) {
      for (const daemon of daemons) {
        if ((await stateOf(world)) === 'Registration' && !(await service.isSeated(daemon.player.owner)))
          await daemon.look()
      }
      await networkHelpers.time.increase(60)
    }
    expect(await stateOf(world)).to.equal('KeyCommit')
    const draw = await sortition.lastDraw()
    expect(draw.candidates).to.equal(BigInt(players.length))
    const order = await orderOf(world)
    const reached = order.slice(0, Number(draw.reach)).filter((player) => !absent.includes(player))
    const members: Player[] = []
    for (const player of players) if (await service.isSeated(player.owner)) members.push(player)
    expect(members.length).to.equal(SIZE)
    expect(reached).to.include.members(members)
    const drawn = order.slice(0, SIZE)
    expect(members).to.include.members(drawn.filter((player) => !absent.includes(player)))
    const all = daemons.flatMap(({ sent }) => sent)
    const times = (call: string): number => all.filter((name) => name === call).length
    expect([times('enlist'), times('openDraw'), times('settleDraw'), times('join')]).to.deep.equal([10, 1, 1, SIZE])
    expect(times('extendDraw') > 0).to.equal(drawn.some((player) => absent.includes(player)))

    for (const player of members) player.seat = Number(await service.seatOf(player.operator))
    await generateKey(world, members)
    for (const player of members) await daemons.find((daemon) => daemon.player === player)!.report()
    for (const player of absent) {
      const { stake } = await registry.keeperOf(player.owner)
      expect(stake).to.equal(drawn.includes(player) ? STAKE - TERMS.absencePenalty : STAKE)
    }
    await passDeadline(world)
    await service.poke()
    expect(await service.seats()).to.deep.equal([0n, 0n])
  })
})
