// SPDX-License-Identifier: GPL-3.0-or-later
// Calls that keepers without coins hand to honest and hostile relayers, and their fate.
import { expect } from 'chai'
import { toBeHex, type Wallet } from 'ethers'
import { ChainError, contractInterface, RevertError, type ServiceContracts } from '../../../keepers/chain/index.ts'
import { handOver } from '../../../keepers/relay/client.ts'
import type { RelayError } from '../../../keepers/relay/errors.ts'
import type { RelayRequest } from '../../../keepers/relay/protocol.ts'
import { encodeRelay, placesOf, type SignedCall, signCall, signerOf } from '../../../keepers/relay/signed-call.ts'
import { operatorWallet, type Player, salt, type World } from './fixture.ts'
import { numbers, reachAggregate, reachReveal, training } from './play.ts'
import { CALLS } from './relay.ts'
import { json, requestOf, ruin, senderOf, startLiar, startRelayer } from './relayer.ts'

/** The service's clock in another round. */
const LATER = { currentRound: 99n, currentEpoch: 9n }

describe('relayers and the keepers that use them', () => {
  let world: World
  beforeEach(async () => {
    world = await training()
  })

  const commit = async (player: Player): Promise<string> =>
    CALLS.commitUpdate(world, player, 0, (await numbers(world)).round)

  const committed = async (): Promise<bigint> => (await world.service.roundInfo()).committed

  const domain = async () => ({ chainId: 31337n, service: await world.service.getAddress() })

  const signed = async (player: Player, call: string, disputed = false): Promise<SignedCall> =>
    signCall(operatorWallet(world.players.indexOf(player)), await domain(), call, disputed)

  const wire = async (player: Player, changes: Partial<RelayRequest> = {}): Promise<RelayRequest> => {
    const call = changes.call ?? (await commit(player))
    const { chainId, service } = await domain()
    const { timestamp } = (await world.ethers.provider.getBlock('latest'))!
    return { ...(await signed(player, call)), chainId: Number(chainId), service, until: timestamp + 600, ...changes }
  }

  const keyCall = async (player: Player, key: bigint, given?: string): Promise<string> => {
    const [owner, next] = [await player.owner.getAddress(), toBeHex(key, 32)]
    const digest = await world.registry.encryptionKeyDigest(owner, next)
    const signature = given ?? operatorWallet(world.players.indexOf(player)).signingKey.sign(digest).serialized
    return contractInterface('KeeperRegistry').encodeFunctionData('setEncryptionKeyFor', [owner, next, signature])
  }

  const refusal = async (sent: Promise<unknown>): Promise<[string, string]> => {
    try {
      await sent
    } catch (error) {
      return [(error as RelayError).code, (error as RelayError).message]
    }
    throw new Error('expected a RelayError')
  }

  const ask = (url: string, request: unknown) => handOver(url, request as RelayRequest, AbortSignal.timeout(5_000))

  it('bring the steps of keepers without coins in one transaction', async () => {
    await using relayer = await startRelayer(world, { wait: 100 })
    const receipts = await Promise.all(
      world.players.map(async (player) => {
        await ruin(world, player)
        const { sender, own } = await senderOf(world, player, [relayer.url])
        const receipt = await sender.send(await requestOf(world, await commit(player)))
        expect(own).to.deep.equal([])
        return receipt
      }),
    )
    expect(new Set(receipts.map(({ hash }) => hash)).size).to.equal(1)
    expect(receipts[0]!.from).to.equal(world.stranger.address)
    expect(await committed()).to.equal(2n ** BigInt(world.players.length) - 1n)
    const confirmed = relayer.events.find(({ kind }) => kind === 'confirmed')
    expect(confirmed).to.deep.include({ calls: world.players.length, hash: receipts[0]!.hash })
  })

  it('send calls open to anyone, and a new encryption key, once each, no matter who asks', async () => {
    await using relayer = await startRelayer(world, { wait: 20 })
    const [player, other] = world.players as [Player, Player]
    await ruin(world, player)
    const owner = await player.owner.getAddress()
    const { sender } = await senderOf(world, player, [relayer.url])
    const key = toBeHex(77n, 32)
    const abi = contractInterface('KeeperRegistry')
    const request = {
      ...(await requestOf(world, abi.encodeFunctionData('setEncryptionKey', [owner, key]))),
      to: await world.registry.getAddress(),
    }
    const { hash } = await sender.send(request)
    expect((await world.registry.keeperOf(owner)).encryptionKey).to.equal(key)
    const { data } = (await world.ethers.provider.getTransaction(hash))!
    expect(data.startsWith(abi.getFunction('setEncryptionKeyFor')!.selector)).to.equal(true)
    // Sent again by anyone, after another key, it has no effect.
    await world.registry.connect(player.owner).setEncryptionKey(owner, toBeHex(78n, 32))
    await expect(world.stranger.sendTransaction({ to: world.registry, data })).to.be.revertedWithCustomError(
      world.registry,
      'ConsentInvalid',
    )
    // Nor is it of another key, or by another operator.
    const digest = await world.registry.encryptionKeyDigest(owner, key)
    for (const signature of [
      operatorWallet(world.players.indexOf(other)).signingKey.sign(digest).serialized,
      operatorWallet(0).signingKey.sign(await world.registry.encryptionKeyDigest(owner, toBeHex(79n, 32))).serialized,
    ]) {
      await expect(
        world.registry.connect(world.stranger).setEncryptionKeyFor(owner, key, signature),
      ).to.be.revertedWithCustomError(world.registry, 'ConsentInvalid')
    }
    await expect(
      world.registry.setEncryptionKeyFor(
        owner,
        toBeHex(0n, 32),
        operatorWallet(0).signingKey.sign(await world.registry.encryptionKeyDigest(owner, toBeHex(0n, 32))).serialized,
      ),
    ).to.be.revertedWithCustomError(world.registry, 'ZeroEncryptionKey')
    await world.networkHelpers.time.increase(world.parameters.trainingWindow + 1)
    const poke = world.service.interface.encodeFunctionData('poke')
    const sent = await Promise.all(
      [player, other].map(async (who) => ask(relayer.url, await wire(who, { call: poke }))),
    )
    expect(sent[0]).to.equal(sent[1])
  })

  it('pay for so many keys of one keeper in an hour, and no more', async () => {
    await using relayer = await startRelayer(world)
    const [player] = world.players as [Player]
    const sent = async (key: bigint) => ask(relayer.url, await wire(player, { call: await keyCall(player, key) }))
    for (let key = 1n; key <= 8n; key++) await sent(key)
    expect((await refusal(sent(9n)))[0]).to.equal('CROWDED')
    expect((await world.registry.keeperOf(player.owner)).encryptionKey).to.equal(toBeHex(8n, 32))
  })

  describe('say precisely why not, before it costs them anything:', () => {
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
          ...signCall(operatorWallet(90) as Wallet, await domain(), await commit(p), false),
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
      const strangers = Array.from({ length: 50 }, (_, i) =>
        refusal(ask(relayer.url, { ...request, ...signCall(operatorWallet(100 + i) as Wallet, own, call, false) })),
      )
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

  it('drop steps that somebody else has done meanwhile, and say so', async () => {
    await using relayer = await startRelayer(world, { wait: 300 })
    const [a, b] = world.players as [Player, Player]
    const sent = Promise.all([refusal(ask(relayer.url, await wire(a))), ask(relayer.url, await wire(b))])
    await new Promise((done) => setTimeout(done, 100))
    await a.operator.sendTransaction({ to: world.service, data: await commit(a) })
    const [[code, reason], hash] = await sent
    expect([code, reason]).to.deep.include('REFUSED')
    expect(reason).to.match(/AlreadyDone/)
    const { data } = (await world.ethers.provider.getTransaction(hash))!
    expect(placesOf(data, await signed(b, await commit(b)))).to.deep.equal([0])
    expect(placesOf(data, await signed(a, await commit(a)))).to.deep.equal([])
  })

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

  it('read a signature as the contract does', async () => {
    const [player] = world.players as [Player]
    const call = await commit(player)
    const step = await signed(player, call)
    expect(signerOf(await domain(), step)).to.equal(player.operator.address)
    expect(await world.service.stepDigest(call, false)).to.match(/^0x/)
    expect(signerOf({ ...(await domain()), chainId: 5n }, step)).to.not.equal(player.operator.address)
    expect(placesOf(encodeRelay([step, step]), step)).to.deep.equal([0, 1])
    expect(placesOf(`${encodeRelay([step]).slice(0, 10)}00`.replace(/00$/, ''), step)).to.deep.equal([])
  })
})
