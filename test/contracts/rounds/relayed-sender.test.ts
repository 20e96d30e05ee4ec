// SPDX-License-Identifier: GPL-3.0-or-later
// A keeper's side: hostile, slow and absent relayers, and its own transaction in the end.
import { expect } from 'chai'
import { toBeHex } from 'ethers'
import { ChainError, RevertError } from '../../../keepers/chain/index.ts'
import { encodeRelay, type SignedCall } from '../../../keepers/relay/signed-call.ts'
import { type Player, salt, type World } from './fixture.ts'
import { numbers, reachReveal, training } from './play.ts'
import { CALLS } from './relay.ts'
import { ask, relayCalls } from './relay-calls.ts'
import { json, requestOf, ruin, senderOf, startLiar, startRelayer } from './relayer.ts'

describe('relayers seen from a keeper', () => {
  let world: World
  beforeEach(async () => {
    world = await training()
  })

  const { commit, committed } = relayCalls(() => world)

  describe('that are hostile can only delay:', () => {
    /** A keeper with one hostile relayer before an honest one, and no coins: its step arrives all the same. */
    const arrivesAfter = async (
      answer: Parameters<typeof startLiar>[0],
      patience = 300,
    ): Promise<{ requests: unknown[]; kinds: string[] }> => {
      await using liar = await startLiar(answer)
      await using honest = await startRelayer(world)
      const [player] = world.players as [Player]
      await ruin(world, player)
      const { sender, events, own } = await senderOf(world, player, [liar.url, honest.url], { patience })
      const receipt = await sender.send(await requestOf(world, await commit(player)))
      expect(receipt.status).to.equal(1)
      expect(own).to.deep.equal([])
      expect(await committed()).to.equal(1n)
      return { requests: liar.requests, kinds: events.map(({ kind }) => kind) }
    }

    it('says that it sent, and did not', async () => {
      const { kinds } = await arrivesAfter((_, response) => json(response, { transaction: toBeHex(1n, 32) }))
      expect(kinds[0]).to.equal('handed over')
    })

    it('names a transaction that is somebody else’s', async () => {
      const other = await world.stranger.sendTransaction({ to: world.stranger.address })
      await arrivesAfter((_, response) => json(response, { transaction: other.hash }))
    })

    it('says nothing at all', async () => {
      await arrivesAfter(() => undefined)
    })

    it('refuses valid calls', async () => {
      const { kinds } = await arrivesAfter((_, response) => json(response, { code: 'REFUSED', message: 'no' }))
      expect(kinds).to.deep.equal(['not relayed', 'handed over'])
    })

    for (const [what, body] of [
      ['no JSON', '<html>'],
      ['words of its own', '{"transaction": 7}'],
      ['more than anybody needs', `"${'x'.repeat(100_000)}"`],
    ] as const) {
      it(`answers with ${what}`, async () => {
        await arrivesAfter((_, response) => void response.end(body))
      })
    }

    it('answers without end', async () => {
      await arrivesAfter((_, response) => {
        const timer = setInterval(() => response.write('x'.repeat(2_000)), 5)
        response.on('close', () => clearInterval(timer))
      })
    })

    it('sends the keeper elsewhere', async () => {
      await arrivesAfter((_, response) => void response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end())
    })

    it('changes the call: the contract refuses the signature', async () => {
      await arrivesAfter(async (request, response) => {
        const { signature } = request as SignedCall
        const call = world.service.interface.encodeFunctionData('commitUpdate', [
          (await numbers(world)).round,
          salt('of the relayer'),
        ])
        const data = encodeRelay([{ call, signature, disputed: false }])
        const { hash } = await world.stranger.sendTransaction({ to: world.service, data })
        json(response, { transaction: hash })
      })
    })

    it('sends it twice, and in the next round again: it counts once', async () => {
      const { requests } = await arrivesAfter(async (request, response) => {
        const data = encodeRelay([request as SignedCall, request as SignedCall])
        await world.stranger.sendTransaction({ to: world.service, data })
        json(response, { transaction: toBeHex(1n, 32) })
      })
      const again = encodeRelay([requests[0] as SignedCall])
      const refused = world.service.connect(world.stranger).relay.staticCall
      expect(await refused(world.service.interface.decodeFunctionData('relay', again)[0])).to.equal(0n)
    })

    it('sends it, and names another transaction: the keeper finds the right one', async () => {
      await using liar = await startLiar(async (request, response) => {
        await world.stranger.sendTransaction({ to: world.service, data: encodeRelay([request as SignedCall]) })
        json(response, { transaction: toBeHex(1n, 32) })
      })
      const [player] = world.players as [Player]
      const { sender, own } = await senderOf(world, player, [liar.url])
      const receipt = await sender.send(await requestOf(world, await commit(player)))
      expect(receipt.from).to.equal(world.stranger.address)
      expect(own).to.deep.equal([])
    })
  })

  it('that stall cost a keeper with coins half of its window: then it sends by itself', async () => {
    await using liar = await startLiar(() => undefined)
    const [player] = world.players as [Player]
    const { sender, own, events } = await senderOf(world, player, [liar.url])
    const started = Date.now()
    const receipt = await sender.send(await requestOf(world, await commit(player), 2))
    expect(Date.now() - started).to.be.within(900, 1_900)
    expect(own).to.have.length(1)
    expect(receipt.from).to.equal(player.operator.address)
    expect(events.map(({ kind }) => kind)).to.deep.equal(['not relayed', 'own transaction'])
  })

  it('that are all gone cost a keeper with coins no time; a keeper without coins gets an error when it gives up', async () => {
    const gone = ['http://127.0.0.1:1', 'http://127.0.0.1:1/relay/']
    const [rich, poor] = world.players as [Player, Player]
    const { sender, own } = await senderOf(world, rich, gone)
    await sender.send(await requestOf(world, await commit(rich), 60))
    expect(own).to.have.length(1)
    await ruin(world, poor)
    const waiting = await senderOf(world, poor, gone)
    const ending = AbortSignal.timeout(1_500)
    const failed = await waiting.sender
      .send(await requestOf(world, await commit(poor), 60), ending)
      .catch((error: Error) => error)
    expect(failed).to.equal(ending.reason)
    expect(waiting.own).to.deep.equal([])
    expect(waiting.events.length).to.be.within(4, 20)
  })

  it('are asked again by a keeper with too few coins for the step', async () => {
    await using honest = await startRelayer(world)
    let asked = 0
    await using hesitant = await startLiar(async (request, response) => {
      asked += 1
      if (asked === 1) json(response, { code: 'BUSY', message: 'later' })
      else json(response, { transaction: await ask(honest.url, request) })
    })
    const [player] = world.players as [Player]
    const ownFails = new ChainError('UNFUNDED', 'too few')
    const { sender, own } = await senderOf(world, player, [hesitant.url], { ownFails })
    const receipt = await sender.send(await requestOf(world, await commit(player)))
    expect([receipt.from, own.length, asked]).to.deep.equal([world.stranger.address, 1, 2])
  })

  it('are spared calls that the contract refuses: the keeper hears the reason at once', async () => {
    await using liar = await startLiar(() => undefined)
    const [player] = world.players as [Player]
    const { sender, own } = await senderOf(world, player, [liar.url])
    const failed = await sender
      .send(await requestOf(world, await CALLS.commitUpdate(world, player, 0, 9)))
      .catch((error: Error) => error)
    expect(failed).to.be.instanceOf(RevertError)
    expect((failed as RevertError).error).to.equal('WrongRound')
    expect([liar.requests, own]).to.deep.equal([[], []])
  })

  it('are asked only for steps that they relay, and only with a window', async () => {
    await reachReveal(world)
    await using liar = await startLiar(() => undefined)
    const [player] = world.players as [Player]
    const { sender, own } = await senderOf(world, player, [liar.url])
    const request = await requestOf(world, await CALLS.revealUpdate(world, player, 0, (await numbers(world)).round))
    await sender.send({ key: request.key, to: request.to, data: request.data })
    const registry = await world.registry.getAddress()
    const data = world.registry.interface.encodeFunctionData('setMultiaddr', [
      await player.owner.getAddress(),
      '0x0102',
    ])
    await sender.send({ ...request, key: 'address', to: registry, data })
    expect([own.length, liar.requests]).to.deep.equal([2, []])
  })
})
