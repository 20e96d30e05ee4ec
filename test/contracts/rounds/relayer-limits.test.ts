// SPDX-License-Identifier: GPL-3.0-or-later
// How much of a relayer's time and coins one member, or a stranger, can take.
import { expect } from 'chai'
import { toBeHex, type Wallet } from 'ethers'
import type { ServiceContracts } from '../../../keepers/chain/index.ts'
import type { RelayRequest } from '../../../keepers/relay/protocol.ts'
import { signCall } from '../../../keepers/relay/signed-call.ts'
import { operatorWallet, type Player, salt, type World } from './fixture.ts'
import { numbers, training } from './play.ts'
import { CALLS } from './relay.ts'
import { ask, refusal, relayCalls } from './relay-calls.ts'
import { startRelayer } from './relayer.ts'

/** The service's clock in another round. */
const LATER = { currentRound: 99n, currentEpoch: 9n }

describe('relayers', () => {
  let world: World
  beforeEach(async () => {
    world = await training()
  })

  const { commit, domain, wire, keyCall } = relayCalls(() => world)

  it('pay for so many keys of one keeper in an hour, and no more', async () => {
    await using relayer = await startRelayer(world)
    const [player] = world.players as [Player]
    const sent = async (key: bigint) => ask(relayer.url, await wire(player, { call: await keyCall(player, key) }))
    for (let key = 1n; key <= 8n; key++) await sent(key)
    expect((await refusal(sent(9n)))[0]).to.equal('CROWDED')
    expect((await world.registry.keeperOf(player.owner)).encryptionKey).to.equal(toBeHex(8n, 32))
  })

  it('bound the calls that they hold, for each keeper and in all', async () => {
    await using relayer = await startRelayer(world, { running: false, limits: { most: 3, mostOfOne: 2 } })
    const [a, b, c] = world.players as [Player, Player, Player]
    const round = (await numbers(world)).round
    const other = (label: string) => world.service.interface.encodeFunctionData('commitUpdate', [round, salt(label)])
    const waits = async (request: RelayRequest): Promise<void> => {
      const before = relayer.relayer.waiting
      void ask(relayer.url, request).catch(() => undefined)
      while (relayer.relayer.waiting === before) await new Promise((done) => setTimeout(done, 5))
    }
    await waits(await wire(a))
    // The same again waits with it; another of its kind does not.
    void ask(relayer.url, await wire(a)).catch(() => undefined)
    expect((await refusal(ask(relayer.url, await wire(a, { call: other('x') }))))[0]).to.equal('CROWDED')
    expect(relayer.relayer.waiting).to.equal(1)
    await waits(await wire(b))
    await waits(await wire(c))
    expect((await refusal(ask(relayer.url, await wire(world.players[3]!))))[0]).to.equal('BUSY')
    expect(relayer.relayer.waiting).to.equal(3)
  })

  describe('check for each member by itself', () => {
    /** The world's service, which counts what it is asked and answers late. */
    const slow = (milliseconds: number) => {
      const asked: Record<string, number> = {}
      const service = new Proxy(world.service, {
        get(target, name: string) {
          const method = (target as unknown as Record<string, (...values: unknown[]) => Promise<unknown>>)[name]!
          if (!['seats', 'seatInfo', 'seatOf', 'clock'].includes(name)) return method
          return async (...values: unknown[]) => {
            asked[name] = (asked[name] ?? 0) + 1
            await new Promise((done) => setTimeout(done, milliseconds))
            return method.call(target, ...values)
          }
        },
      })
      return { asked, service: service as unknown as ServiceContracts['service'] }
    }

    it('strangers, however many ask at once, take no slot and cost one reading of the seats', async () => {
      const { asked, service } = slow(50)
      await using relayer = await startRelayer(world, { service })
      const call = await commit(world.players[0]!)
      const request = await wire(world.players[0]!)
      const own = await domain()
      const signed = await Promise.all(
        Array.from({ length: 50 }, (_, i) => signCall(operatorWallet(100 + i) as Wallet, own, call, false)),
      )
      const strangers = signed.map((by) => refusal(ask(relayer.url, { ...request, ...by })))
      // One pool of slots would be full now.
      await new Promise((done) => setTimeout(done, 60))
      expect(await ask(relayer.url, request)).to.match(/^0x/)
      for (const [code] of await Promise.all(strangers)) expect(code).to.equal('NOT_MEMBER')
      expect([asked.seats, asked.seatInfo, asked.seatOf]).to.deep.equal([1, world.players.length, 1])
    })

    it('a member`s old steps, sent again by anybody, do not take the slots of its next one', async () => {
      const { asked, service } = slow(50)
      await using relayer = await startRelayer(world, { service, limits: { mostOfOne: 2 } })
      const [player] = world.players as [Player]
      const call = await CALLS.vote(world, player, 0, (await numbers(world)).round)
      const old = await wire(player, { call })
      expect((await refusal(ask(relayer.url, old)))[0]).to.equal('REFUSED')
      const again = Array.from({ length: 20 }, () => refusal(ask(relayer.url, old)))
      expect(await ask(relayer.url, await wire(player))).to.match(/^0x/)
      for (const [code] of await Promise.all(again)) expect(code).to.equal('REFUSED')
      expect(asked.seatOf).to.equal(2)
    })

    it('steps of rounds long over cost no question but the one of the block', async () => {
      const { asked, service } = slow(0)
      const clock = async () => {
        asked.clock = (asked.clock ?? 0) + 1
        return LATER
      }
      const late = { ...service, clock }
      await using relayer = await startRelayer(world, { service: late as unknown as ServiceContracts['service'] })
      const request = await wire(world.players[0]!)
      for (let i = 0; i < 3; i++) {
        const [code, reason] = await refusal(ask(relayer.url, request))
        expect(code).to.equal('REFUSED')
        expect(reason).to.match(/^call: it is of round \d+, the service is in 99$/)
      }
      expect(asked).to.deep.equal({ clock: 1 })
    })

    it('a member with too many at once is told so, and takes no other`s', async () => {
      const { service } = slow(100)
      await using relayer = await startRelayer(world, { service, limits: { mostOfOne: 2 } })
      const [a, b] = world.players as [Player, Player]
      const { round } = await numbers(world)
      const some = Array.from({ length: 6 }, async (_, i) =>
        wire(a, { call: world.service.interface.encodeFunctionData('commitUpdate', [round, salt(`${i}`)]) }),
      )
      const requests = await Promise.all(some)
      const codes = requests.map((request) =>
        ask(relayer.url, request).then(
          () => 'sent',
          ({ code }) => String(code),
        ),
      )
      expect(await ask(relayer.url, await wire(b))).to.match(/^0x/)
      expect((await Promise.all(codes)).filter((code) => code === 'CROWDED').length).to.be.at.least(3)
    })
  })
})
