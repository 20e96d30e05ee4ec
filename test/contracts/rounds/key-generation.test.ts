// SPDX-License-Identifier: GPL-3.0-or-later

import { expect } from 'chai'
import { AbiCoder, encodeBytes32String, id, keccak256, ZeroHash } from 'ethers'
import { cid, createWorld, expected, KEY_PENALTY, STAKE, salt, seats, type World } from './fixture.ts'
import {
  commitKey,
  confirmKey,
  generateKey,
  joinAll,
  keyCid,
  keyHash,
  numbers,
  passDeadline,
  revealKey,
  stateOf,
} from './play.ts'
import { packed, refusedIn, signAll } from './relay.ts'

const STATE = { Registration: 0, KeyCommit: 1, KeyReveal: 2, KeyConfirm: 3 }

async function openKey(players = 7): Promise<World> {
  const world = await createWorld({ players })
  await joinAll(world)
  return world
}

async function stakeOf(world: World, index: number): Promise<bigint> {
  return (await world.registry.keeperOf(world.players[index]!.owner)).stake
}

describe('registration closes', () => {
  it('early when the last seat is taken, with a seed from the block before', async () => {
    const world = await createWorld({ players: 3 })
    const { service, ethers, players } = world
    await joinAll(world, players.slice(0, 2))
    const last = players[2]!
    const tx = await service.connect(last.operator).join(last.owner)
    const receipt = await tx.wait()
    const parent = await ethers.provider.getBlock(receipt!.blockNumber - 1)
    const { chainId } = await ethers.provider.getNetwork()
    const seed = keccak256(
      AbiCoder.defaultAbiCoder().encode(
        ['uint256', 'address', 'uint32', 'bytes32'],
        [chainId, await service.getAddress(), 1, parent!.hash],
      ),
    )
    await expect(tx)
      .to.emit(service, 'EpochOpened')
      .withArgs(1, seed, seats(0, 1, 2), 3, 2)
    const info = await service.epochInfo()
    expect([info.epoch, info.crsSeed, info.memberCount, info.quorum, info.updateQuorum]).to.deep.equal([
      1n,
      seed,
      3n,
      3n,
      3n,
    ])
  })

  it('at its deadline when enough have joined, else it opens again', async () => {
    const world = await createWorld()
    const { service, players, networkHelpers } = world
    await joinAll(world, players.slice(0, 2))
    await expect(service.poke()).to.be.revertedWithCustomError(service, 'NothingDue')
    await passDeadline(world)
    expect(await service.isDue()).to.equal(true)
    expect(await stateOf(world)).to.equal('Registration')
    await expect(service.poke()).to.emit(service, 'RegistrationReopened')
    await joinAll(world, [players[2]!])
    const { end } = await service.clock()
    await networkHelpers.time.increaseTo(end + 5000n)
    expect(await stateOf(world)).to.equal('KeyCommit')
    const before = await service.clock()
    await service.poke()
    const { current, currentEpoch, end: keyEnd } = await service.clock()
    expect([current, currentEpoch]).to.deep.equal([BigInt(STATE.KeyCommit), 1n])
    expect(before.currentEpoch).to.equal(1n)
    // The window opens with the record, however late that is: before, nobody knows the seed.
    expect(keyEnd).to.be.greaterThan(end + 5000n)
  })

  it('does nothing for outsiders', async () => {
    const world = await createWorld()
    const { service, stranger } = world
    await expect(service.connect(stranger).commitKey(1, ZeroHash, id('x')))
      .to.be.revertedWithCustomError(service, 'UnexpectedState')
      .withArgs(STATE.Registration, expected('KeyCommit'))
    await joinAll(world)
    await expect(service.connect(stranger).commitKey(1, ZeroHash, id('x')))
      .to.be.revertedWithCustomError(service, 'NotSeated')
      .withArgs(stranger.address)
  })
})

describe('key generation', () => {
  it('commits, reveals, confirms, and starts the training', async () => {
    const world = await openKey(4)
    const { service, players } = world
    for (const player of players) await commitKey(world, player)
    expect(await stateOf(world)).to.equal('KeyReveal')
    for (const player of players) await revealKey(world, player)
    expect(await stateOf(world)).to.equal('KeyConfirm')
    for (const player of players.slice(1)) await confirmKey(world, player)
    expect((await service.keyInfo()).spoken).to.equal(seats(1, 2, 3))
    const [candidate] = await service.keyCandidates()
    expect(candidate!.supporters).to.equal(seats(1, 2, 3))
    const tx = service.connect(players[0]!.operator).confirmKey(1, keyHash(1))
    await expect(tx).to.emit(service, 'Transitioned')
    expect(await stateOf(world)).to.equal('Training')
    expect((await service.epochInfo()).keyHash).to.equal(keyHash(1))
    expect((await service.keyInfo()).spoken).to.equal(0)
  })

  it('refuses wrong epochs, states, empty hashes and repetition', async () => {
    const world = await openKey(3)
    const { service, players } = world
    const [a, b, c] = players as [any, any, any]
    const by = service.connect(a.operator)
    const { crsSeed } = await service.epochInfo()
    await expect(by.commitKey(2, crsSeed, id('x')))
      .to.be.revertedWithCustomError(service, 'WrongEpoch')
      .withArgs(2, 1)
    await expect(by.commitKey(1, id('another'), id('x')))
      .to.be.revertedWithCustomError(service, 'WrongSeed')
      .withArgs(id('another'), crsSeed)
    await expect(by.commitKey(1, crsSeed, ZeroHash))
      .to.be.revertedWithCustomError(service, 'ZeroHash')
      .withArgs(encodeBytes32String('commitment'))
    await expect(by.revealKey(1, cid('x'), ZeroHash))
      .to.be.revertedWithCustomError(service, 'UnexpectedState')
      .withArgs(STATE.KeyCommit, expected('KeyReveal'))
    await expect(by.confirmKey(1, id('x')))
      .to.be.revertedWithCustomError(service, 'UnexpectedState')
      .withArgs(STATE.KeyCommit, expected('KeyConfirm'))
    await expect(by.complain(1, 1, '0x')).to.be.revertedWithCustomError(service, 'UnexpectedState')
    await commitKey(world, a)
    await expect(commitKey(world, a)).to.be.revertedWithCustomError(service, 'AlreadyDone').withArgs(STATE.KeyCommit, 0)
    expect((await service.keyInfo()).committed).to.equal(seats(0))
    await commitKey(world, b)
    await commitKey(world, c)
    expect((await service.keyInfo()).revealed).to.equal(0)
    await revealKey(world, a)
    await expect(revealKey(world, a)).to.be.revertedWithCustomError(service, 'AlreadyDone').withArgs(STATE.KeyReveal, 0)
    await revealKey(world, b)
    await revealKey(world, c)
    await expect(by.confirmKey(1, ZeroHash))
      .to.be.revertedWithCustomError(service, 'ZeroHash')
      .withArgs(encodeBytes32String('keyHash'))
    await confirmKey(world, a)
    await expect(confirmKey(world, a)).to.be.revertedWithCustomError(service, 'AlreadyDone')
    await expect(by.complain(1, 1, '0x')).to.be.revertedWithCustomError(service, 'AlreadyDone')
    for (const accused of [1, 9]) {
      await expect(service.connect(b.operator).complain(1, accused, '0x'))
        .to.be.revertedWithCustomError(service, 'ComplaintInvalid')
        .withArgs(1, accused)
    }
  })

  it('counts no commitment that was made for another reference string, on a branch that came to nothing', async () => {
    const world = await createWorld({ players: 3 })
    const { service, players, networkHelpers, stranger } = world
    await joinAll(world, players.slice(0, 2))
    const last = players[2]!
    const fork = await networkHelpers.takeSnapshot()
    await service.connect(last.operator).join(last.owner)
    last.seat = 2
    const orphaned = (await service.epochInfo()).crsSeed
    const steps = await signAll(world, 'commitKey')
    await fork.restore()
    await networkHelpers.mine(1)
    await service.connect(last.operator).join(last.owner)
    expect((await service.epochInfo()).crsSeed).not.to.equal(orphaned)
    // Anyone sends them again. Their members could neither open these nor commit to others.
    const sent = await service.connect(stranger).relay(packed(steps))
    expect(await refusedIn(world, sent)).to.have.length(3)
    expect((await service.keyInfo()).committed).to.equal(0n)
  })

  it('opens a commitment only with the value that its own seat committed', async () => {
    const world = await openKey(3)
    const { service, players } = world
    const [a, b, c] = players as [any, any, any]
    await commitKey(world, a)
    // b copies what a committed to
    const copied = await service.keyCommitment(1, a.seat, keyCid(1, a.seat), salt('key'))
    await service.connect(b.operator).commitKey(1, (await service.epochInfo()).crsSeed, copied)
    await commitKey(world, c)
    await revealKey(world, a)
    const found = await service.keyCommitment(1, b.seat, keyCid(1, a.seat), salt('key'))
    await expect(service.connect(b.operator).revealKey(1, keyCid(1, a.seat), salt('key')))
      .to.be.revertedWithCustomError(service, 'CommitmentMismatch')
      .withArgs(found, copied)
    for (const length of [0, 65]) {
      await expect(service.connect(c.operator).revealKey(1, `0x${'01'.repeat(length)}`, salt('key')))
        .to.be.revertedWithCustomError(service, 'CidLength')
        .withArgs(length, 64)
    }
  })

  for (const step of ['KeyCommit', 'KeyReveal', 'KeyConfirm'] as const) {
    it(`drops and penalises members that are silent at ${step}, and goes on with a new epoch`, async () => {
      const world = await openKey(5)
      const { service, players } = world
      const speaking = players.slice(0, 4)
      const silent = players[4]!
      const steps = { KeyCommit: commitKey, KeyReveal: revealKey, KeyConfirm: confirmKey }
      for (const name of ['KeyCommit', 'KeyReveal', 'KeyConfirm'] as const) {
        for (const player of name === step ? speaking : players) await steps[name](world, player)
        if (name === step) break
      }
      expect(await stateOf(world)).to.equal(step)
      await passDeadline(world)
      expect(await stateOf(world)).to.equal('KeyCommit')
      expect((await numbers(world)).epoch).to.equal(2)
      await expect(service.poke()).to.emit(service, 'Dropped').withArgs(1, 4, silent.owner.address, true)
      expect(await stakeOf(world, 4)).to.equal(STAKE - KEY_PENALTY)
      expect(await stakeOf(world, 0)).to.equal(STAKE)
      expect((await service.epochInfo()).members).to.equal(seats(0, 1, 2, 3))
      await generateKey(world, speaking)
      expect(await stateOf(world)).to.equal('Training')
    })
  }

  it('refuses a commitment in the transaction that opens its epoch: nobody can know the reference string before', async () => {
    const world = await openKey(5)
    const { service, players } = world
    for (const player of players.slice(0, 4)) await commitKey(world, player)
    await passDeadline(world)
    await expect(commitKey(world, players[0]!)).to.be.revertedWithCustomError(service, 'WrongSeed')
    await service.poke()
    await commitKey(world, players[0]!)
    expect((await service.keyInfo()).committed).to.equal(seats(0))
    expect((await service.epochInfo()).epoch).to.equal(2)
  })

  it('goes back to registration when too few speak, and penalises nobody who did', async () => {
    const world = await openKey(3)
    await commitKey(world, world.players[0]!)
    await passDeadline(world)
    await world.service.poke()
    expect(await stateOf(world)).to.equal('Registration')
    expect(await stakeOf(world, 0)).to.equal(STAKE)
    expect(await stakeOf(world, 1)).to.equal(STAKE - KEY_PENALTY)
    expect(await world.service.seats()).to.deep.equal([seats(0), 0n])
    expect((await world.service.epochInfo()).members).to.equal(0)
  })

  it('takes no stake when the penalty is zero', async () => {
    const world = await createWorld({ players: 4, parameters: { keyPenalty: 0n } })
    await joinAll(world)
    for (const player of world.players.slice(0, 3)) await commitKey(world, player)
    await passDeadline(world)
    await expect(world.service.poke()).not.to.emit(world.service, 'Penalised')
    expect(await world.registry.slashCount()).to.equal(0)
  })

  it('goes on with exactly two thirds of the registered members', async () => {
    const world = await openKey(6)
    for (const player of world.players.slice(0, 4)) await commitKey(world, player)
    await passDeadline(world)
    expect(await stateOf(world)).to.equal('KeyCommit')
    await world.service.poke()
    for (const player of world.players.slice(0, 3)) await commitKey(world, player)
    await passDeadline(world)
    expect(await stateOf(world)).to.equal('Registration')
    await world.service.poke()
    expect(await stateOf(world)).to.equal('Registration')
    expect((await world.service.seats()).seated).to.equal(seats(0, 1, 2))
  })
})
