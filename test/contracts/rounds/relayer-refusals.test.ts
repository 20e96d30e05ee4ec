// SPDX-License-Identifier: GPL-3.0-or-later
// What a relayer refuses, and the reason that it gives.
import { expect } from 'chai'
import type { Wallet } from 'ethers'
import { signCall } from '../../../keepers/relay/signed-call.ts'
import { operatorWallet, type Player, type World } from './fixture.ts'
import { numbers, reachAggregate, training } from './play.ts'
import { CALLS } from './relay.ts'
import { ask, refusal, relayCalls } from './relay-calls.ts'
import { startRelayer } from './relayer.ts'

describe('a relayer says precisely why it refuses, before that costs it anything:', () => {
  let world: World
  beforeEach(async () => {
    world = await training()
  })

  const { commit, domain, signed, wire, keyCall } = relayCalls(() => world)

  const cases: [string, string, RegExp, (player: Player) => Promise<unknown>][] = [
    ['no request', 'BAD_REQUEST', /^chainId: /, async () => ({ service: 1 })],
    ['a field too many', 'BAD_REQUEST', /^request: .*extra/, async (p) => ({ ...(await wire(p)), extra: 1 })],
    ['another chain', 'WRONG_SERVICE', /on chain 31337/, async (p) => wire(p, { chainId: 1 })],
    [
      'another service',
      'WRONG_SERVICE',
      /this relayer is of/,
      async (p) => wire(p, { service: await world.registry.getAddress() }),
    ],
    [
      'what nobody relays',
      'BAD_REQUEST',
      /nobody relays 0x/,
      async (p) => wire(p, { call: world.service.interface.encodeFunctionData('leave', [0]) }),
    ],
    [
      'a call of the registry',
      'BAD_REQUEST',
      /nobody relays 0x/,
      async (p) => wire(p, { call: world.registry.interface.encodeFunctionData('withdraw', [p.operator.address]) }),
    ],
    [
      'a signature of nobody who has a seat',
      'NOT_MEMBER',
      /who has no seat/,
      async (p) => ({
        ...(await wire(p)),
        ...(await signCall(operatorWallet(90) as Wallet, await domain(), await commit(p), false)),
      }),
    ],
    ['no signature', 'NOT_MEMBER', /is of nobody/, async (p) => wire(p, { signature: `0x${'00'.repeat(64)}` })],
    [
      'a changed call',
      'NOT_MEMBER',
      /who has no seat/,
      async (p) => ({ ...(await wire(p)), call: await CALLS.commitUpdate(world, p, 0, 2) }),
    ],
    ['time that is over', 'TOO_LATE', /is over/, async (p) => wire(p, { until: 1_000 })],
    [
      'another round',
      'REFUSED',
      /commitUpdate: WrongRound\(/,
      async (p) => wire(p, { call: await CALLS.commitUpdate(world, p, 0, 7) }),
    ],
    [
      'another state',
      'REFUSED',
      /vote: UnexpectedState\(/,
      async (p) => wire(p, { call: await CALLS.vote(world, p, 0, 1) }),
    ],
    [
      'bytes behind the arguments, which the contract ignores and the relayer would pay',
      'BAD_REQUEST',
      /^call: it has more bytes/,
      async (p) => wire(p, { call: `${await commit(p)}${'ff'.repeat(20_000)}` }),
    ],
    [
      'a key of somebody else, whose contract may burn all gas over its signature',
      'REFUSED',
      /does not act for/,
      async (p) => wire(p, { call: await keyCall(world.players[1]!, 1n) }),
    ],
    [
      'a key without its signature',
      'REFUSED',
      /the signature in it is not of/,
      async (p) => wire(p, { call: await keyCall(p, 1n, `0x${'11'.repeat(65)}`) }),
    ],
    ['a dispute that is none', 'BAD_REQUEST', /^disputed: false for/, async (p) => wire(p, { disputed: true })],
  ]
  for (const [what, code, message, request] of cases) {
    it(`${what} is ${code}`, async () => {
      await using relayer = await startRelayer(world)
      const [found, reason] = await refusal(ask(relayer.url, await request(world.players[0]!)))
      expect(found, reason).to.equal(code)
      expect(reason).to.match(message)
      expect(relayer.events.map(({ kind }) => kind)).to.deep.equal(['refused'])
      expect(relayer.relayer.waiting).to.equal(0)
    })
  }

  it('an attestation for the other side of a dispute is REFUSED', async () => {
    await reachAggregate(world)
    await using relayer = await startRelayer(world)
    const [player] = world.players as [Player]
    const call = await CALLS.attest(world, player, 0, (await numbers(world)).round)
    const request = { ...(await wire(player, { call })), ...(await signed(player, call, true)) }
    expect((await refusal(ask(relayer.url, request)))[0]).to.equal('REFUSED')
  })

  it('a request without end is cut off', async () => {
    await using relayer = await startRelayer(world)
    const body = JSON.stringify({ ...(await wire(world.players[0]!)), call: `0x${'00'.repeat(200_000)}` })
    const answer = await fetch(`${relayer.url}/v1/calls`, { method: 'POST', body }).then(
      (response) => response.status,
      () => 'cut',
    )
    expect(answer).to.be.oneOf([400, 'cut'])
    const other = await fetch(`${relayer.url}/v1/anything`)
    expect(other.status).to.equal(404)
    const status = await fetch(`${relayer.url}/v1/status`)
    expect(await status.json()).to.deep.equal({ waiting: 0 })
  })
})
