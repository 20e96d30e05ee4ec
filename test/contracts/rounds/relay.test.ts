// SPDX-License-Identifier: GPL-3.0-or-later
// Steps that operators sign and anyone sends. The relayer is hostile throughout: it replays, reorders, starves, and adds
// what nobody signed.

import { expect } from 'chai'
import { concat, dataLength, dataSlice, Signature, toBeHex, ZeroAddress, ZeroHash } from 'ethers'
import { createWorld, operatorWallet } from './fixture.ts'
import {
  commitUpdate,
  draft,
  drafted,
  equalRewards,
  joinAll,
  numbers,
  passDeadline,
  reachAggregate,
  reachReveal,
  stateOf,
  training,
} from './play.ts'
import { CALLS, domainOf, packed, refusedIn, relayAll, sign, signAll } from './relay.ts'

/** Order of secp256k1. */
const CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n

describe('relayed steps', () => {
  it('take a service from its registration through a whole round, one transaction a step, and are paid for alike', async () => {
    const world = await createWorld()
    const { service } = world
    await joinAll(world)
    if ((await stateOf(world)) === 'Registration') {
      await passDeadline(world)
      await service.poke()
    }
    for (const step of ['commitKey', 'revealKey', 'confirmKey'] as const) await relayAll(world, step)
    expect(await stateOf(world)).to.equal('Training')
    const { round } = await numbers(world)
    for (const step of ['commitUpdate', 'revealUpdate', 'attest'] as const) await relayAll(world, step)
    await draft(world)
    await relayAll(world, 'submitShare', await drafted(world))
    const votes = await relayAll(world, 'vote')
    expect(await refusedIn(world, votes)).to.deep.equal([])
    expect(await stateOf(world)).to.equal('Training')
    expect(await service.versionCount()).to.equal(1n)
    await passDeadline(world)
    await service.poke()
    const seats = world.players.map(({ seat }) => seat)
    const reward = await equalRewards(world, round, seats)
    for (const seat of seats) expect(await service.earned(seat), `seat ${seat}`).to.equal(reward(seat))
  })

  it('credit the reward of the round before the last to the signer, not to the relayer', async () => {
    const world = await training()
    const { service, stranger } = world
    for (let i = 0; i < 2; i++) {
      for (const step of ['commitUpdate', 'revealUpdate', 'attest'] as const) await relayAll(world, step)
      await draft(world)
      await relayAll(world, 'submitShare', await drafted(world))
      await relayAll(world, 'vote')
    }
    const before = await Promise.all(world.players.map(({ seat }) => service.earned(seat)))
    // Overwrites the records of the first round.
    await relayAll(world, 'commitUpdate')
    const after = await Promise.all(world.players.map(({ seat }) => service.earned(seat)))
    expect(before[0]! > 0n).to.equal(true)
    for (const [index, found] of after.entries()) expect(found, `seat ${index}`).to.be.greaterThanOrEqual(before[index])
    await expect(service.seatOf(stranger)).to.be.revertedWithCustomError(service, 'NotSeated')
  })

  it('survive the refusal of any other step of the transaction', async () => {
    const world = await training()
    const { service, stranger, players } = world
    await commitUpdate(world, players[1]!)
    const steps = await signAll(world, 'commitUpdate')
    const { round } = await numbers(world)
    const late = await sign(world, players[2]!, await CALLS.commitUpdate(world, players[2]!, 0, round + 1))
    const forged = { ...steps[3]!, r: toBeHex(1n, 32) }
    const zero = { ...steps[3]!, r: ZeroHash, vs: ZeroHash }
    const cut = { ...(await sign(world, players[3]!, '0x12')) }
    const sent = await service
      .connect(stranger)
      .relay(packed([late, steps[0]!, forged, steps[1]!, zero, steps[2]!, cut, steps[3]!]))
    const refused = await refusedIn(world, sent)
    expect(refused.map(({ index, error }) => [index, error])).to.deep.equal([
      [0, 'WrongRound'],
      [2, 'NotSeated'],
      [3, 'AlreadyDone'],
      [4, 'NotSeated'],
      [6, 'NotAStep'],
    ])
    expect(refused[2]!.operator).to.equal(await players[1]!.operator.getAddress())
    expect(refused[3]!.operator).to.equal(ZeroAddress)
    expect((await service.roundInfo()).committed).to.equal(0b1111n)
    expect(await service.connect(stranger).relay.staticCall(packed([steps[0]!, steps[1]!]))).to.equal(0n)
  })

  it('cannot be replayed in their round, in the next, in another service or on another chain', async () => {
    const world = await training()
    const { ethers, service, factory, admin, parameters, players, stranger } = world
    const steps = await signAll(world, 'commitUpdate')
    await service.connect(stranger).relay(packed(steps))
    expect(await stateOf(world)).to.equal('Reveal')
    const errors = async (list: typeof steps): Promise<string[]> =>
      (await refusedIn(world, await service.connect(stranger).relay(packed(list)))).map(({ error }) => error)
    expect(await errors(steps)).to.deep.equal(players.map(() => 'UnexpectedState'))
    for (const step of ['revealUpdate', 'attest'] as const) await relayAll(world, step)
    await draft(world)
    await relayAll(world, 'submitShare', await drafted(world))
    const votes = await signAll(world, 'vote')
    await service.connect(stranger).relay(packed(votes))
    expect(await stateOf(world)).to.equal('Training')
    expect(await errors(votes)).to.deep.equal(players.map(() => 'AlreadyDone'))
    expect(await errors(steps)).to.deep.equal(players.map(() => 'WrongRound'))

    await factory.createService('other', admin, parameters)
    const other = await ethers.getContractAt('ILearningService', await factory.serviceAt(1))
    const { round } = await numbers(world)
    const [player] = players
    const call = await CALLS.commitUpdate(world, player!, 0, round)
    const elsewhere = { ...(await domainOf(world)), chainId: 1n }
    for (const domain of [await domainOf(world, other), elsewhere]) {
      expect(await errors([await sign(world, player!, call, { domain })])).to.deep.equal(['NotSeated'])
    }
    expect(await service.stepDigest(call, false)).not.to.equal(await other.stepDigest(call, false))
    expect(await errors([await sign(world, player!, call)])).to.deep.equal([])
  })

  it('keep an attestation that a dispute has made void from being sent again in the same round', async () => {
    const world = await training()
    const { service, stranger, players } = world
    await reachAggregate(world)
    const { round } = await numbers(world)
    const stale = await signAll(world, 'attest')
    await service.connect(stranger).relay(packed(stale))
    await service.connect(players[0]!.operator).dispute(round, 1)
    const scalars = `0x${'11'.repeat(16 * players.length)}`
    const checks = await Promise.all(
      players.map(async (player) => {
        const call = service.interface.encodeFunctionData('submitCheck', [round, scalars])
        return await sign(world, player, call)
      }),
    )
    await service.connect(stranger).relay(packed(checks))
    expect(await stateOf(world)).to.equal('Aggregate')
    // Taken, it would use up the one attestation that the member has left.
    const replayed = await refusedIn(world, await service.connect(stranger).relay(packed(stale)))
    expect(replayed.map(({ error }) => error)).to.deep.equal(players.map(() => 'NotSeated'))
    expect((await service.roundInfo()).attesters).to.equal(0n)
    const anew = await Promise.all(
      players.map(async (player) =>
        sign(world, player, await CALLS.attest(world, player, 0, round), { disputed: true }),
      ),
    )
    expect(await refusedIn(world, await service.connect(stranger).relay(packed(anew)))).to.deep.equal([])
    await draft(world)
    expect(await stateOf(world)).to.equal('Decrypt')
  })

  it('carry a dispute and a complaint, too, in one transaction with what comes before', async () => {
    const world = await training()
    const { service, stranger, players } = world
    await reachAggregate(world)
    const { round } = await numbers(world)
    const [early, ...rest] = await signAll(world, 'attest')
    const dispute = await sign(world, players[0]!, service.interface.encodeFunctionData('dispute', [round, 1]))
    const refused = await refusedIn(world, await service.connect(stranger).relay(packed([early!, dispute, ...rest])))
    // A signature from before the dispute is useless after it, even in the same transaction.
    expect(refused.map(({ error }) => error)).to.deep.equal(rest.map(() => 'UnexpectedState'))
    expect(await stateOf(world)).to.equal('Check')
  })

  it('are trusted from the service alone: an address behind anybody else’s call counts for nothing', async () => {
    const world = await training()
    const { service, stranger, players } = world
    const { round } = await numbers(world)
    const call = await CALLS.commitUpdate(world, players[0]!, 0, round)
    const data = concat([call, await players[0]!.operator.getAddress()])
    await expect(stranger.sendTransaction({ to: service, data }))
      .to.be.revertedWithCustomError(service, 'NotSeated')
      .withArgs(stranger.address)
  })

  it('are a member’s steps and no other calls in the service’s own name', async () => {
    const world = await training()
    const { service, stranger, players, parameters } = world
    const abi = service.interface
    const owner = await players[0]!.owner.getAddress()
    const calls = [
      abi.encodeFunctionData('join', [owner]),
      abi.encodeFunctionData('leave', [0]),
      abi.encodeFunctionData('topUp', [0]),
      abi.encodeFunctionData('collect', [0]),
      abi.encodeFunctionData('ban', [owner]),
      abi.encodeFunctionData('setParameters', [parameters]),
      abi.encodeFunctionData('poke'),
      abi.encodeFunctionData('relay', ['0x']),
      (await world.ethers.getContractFactory('LearningService')).interface.encodeFunctionData('renounceRole', [
        ZeroHash,
        await service.getAddress(),
      ]),
    ]
    const steps = await Promise.all(calls.map((call) => sign(world, players[0]!, call)))
    const refused = await refusedIn(world, await service.connect(stranger).relay(packed(steps)))
    expect(refused.map(({ error }) => error)).to.deep.equal(calls.map(() => 'NotAStep'))
    expect(await service.isBanned(owner)).to.equal(false)
  })

  it('are refused as a whole when the last is cut short', async () => {
    const world = await training()
    const { service, stranger } = world
    const whole = packed(await signAll(world, 'commitUpdate'))
    const [size, first] = [dataLength(whole), dataLength(whole) / world.players.length]
    for (const length of [size - 1, first + 1, first + 65, first + 66, 1]) {
      const cut = dataSlice(whole, 0, length)
      await expect(service.connect(stranger).relay(cut), `${length}`).to.be.revertedWithCustomError(
        service,
        'RelayCutShort',
      )
    }
    expect((await service.roundInfo()).committed).to.equal(0n)
    expect(await service.relay.staticCall('0x')).to.equal(0n)
  })

  it('have one signature: its mirror image is invalid', async () => {
    const world = await training()
    const { service, stranger, players } = world
    const { round } = await numbers(world)
    const call = await CALLS.commitUpdate(world, players[0]!, 0, round)
    const { r, vs } = await sign(world, players[0]!, call)
    const { s, yParity } = Signature.from({ r, yParityAndS: vs })
    const mirrored = CURVE_ORDER - BigInt(s)
    // Beyond 255 bits the parity has no room: the test can try only mirror images that fit.
    const other = toBeHex((mirrored & (2n ** 255n - 1n)) | (BigInt(1 - yParity) << 255n), 32)
    const refused = await refusedIn(world, await service.connect(stranger).relay(packed([{ call, r, vs: other }])))
    expect(refused.map(({ error }) => error)).to.deep.equal(['NotSeated'])
    expect(refused[0]!.operator).not.to.equal(await players[0]!.operator.getAddress())
  })

  it('are all undone when the gas runs out in one of them, so that a gas estimate covers all of them', async () => {
    const world = await training()
    const { service, stranger } = world
    await reachReveal(world)
    const steps = await signAll(world, 'revealUpdate')
    const relayer = service.connect(stranger)
    const enough = await relayer.relay.estimateGas(packed(steps))
    // In the last step's reward strategy, in the middle of a step, and before any.
    for (const gasLimit of [enough - 45_000n, (enough * 2n) / 3n, 90_000n]) {
      await expect(relayer.relay(packed(steps), { gasLimit }), `${gasLimit}`).to.be.revertedWithCustomError(
        service,
        'RelayStarved',
      )
    }
    expect((await service.roundInfo()).revealed).to.equal(0n)
    expect(await refusedIn(world, await relayer.relay(packed(steps), { gasLimit: enough }))).to.deep.equal([])
    expect(await stateOf(world)).to.equal('Aggregate')
  })

  it('are accepted from the seat’s present operator, and no longer from its former one', async () => {
    const world = await training()
    const { service, registry, stranger, players } = world
    const [player] = players
    const next = operatorWallet(90)
    const digest = await registry.consentDigest(await player!.owner.getAddress(), next.address)
    await registry.connect(player!.owner).setOperator(next.address, next.signingKey.sign(digest).serialized)
    await service.syncOperator(0)
    const { round } = await numbers(world)
    const call = await CALLS.commitUpdate(world, player!, 0, round)
    const old = await sign(world, player!, call)
    const signature = next.signingKey.sign(await service.stepDigest(call, false))
    const current = { call, r: signature.r, vs: signature.yParityAndS }
    const refused = await refusedIn(world, await service.connect(stranger).relay(packed([old, current])))
    expect(refused.map(({ index, error }) => [index, error])).to.deep.equal([[0, 'NotSeated']])
    expect((await service.roundInfo()).committed).to.equal(1n)
  })
})
