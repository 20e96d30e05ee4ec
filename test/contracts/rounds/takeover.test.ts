// SPDX-License-Identifier: GPL-3.0-or-later
// Ways in which a minority got nearer to the decryption threshold, each of them closed.

import { expect } from 'chai'
import { createPlayer, createWorld, FRAUD_PENALTY, type Player, STAKE, seats, type World } from './fixture.ts'
import { commitKey, confirmKey, joinAll, numbers, passDeadline, revealKey, stateOf } from './play.ts'

/** A generation up to a verdict by all the others: `complainers` say that `dealer` cheated them. */
async function generation(
  world: World,
  members: readonly Player[],
  verdict: { dealer: number; complainers: readonly Player[]; convicted?: bigint; excused?: bigint },
): Promise<void> {
  const { service } = world
  for (const player of members) await commitKey(world, player)
  for (const player of members) await revealKey(world, player)
  const { epoch } = await numbers(world)
  for (const player of verdict.complainers) {
    await service.connect(player.operator).complain(epoch, verdict.dealer, '0x01')
  }
  for (const player of members.filter((one) => !verdict.complainers.includes(one))) await confirmKey(world, player)
  for (const { operator } of members) {
    await service.connect(operator).judge(epoch, verdict.convicted ?? 0n, verdict.excused ?? 0n)
  }
}

describe('a takeover', () => {
  it('by one dealer and four spares, of a full service of nine: the dealer goes, its victims’ seats stay theirs', async () => {
    const world = await createWorld({ players: 9 })
    const { service, players, registry } = world
    const spares: Player[] = []
    for (let i = 0; i < 4; i++) spares.push(await createPlayer(world, 60 + i))
    await joinAll(world)
    // Seat 8 deals falsely to 0 … 3. Spares never get the victims' places, whether a verdict excuses the victims or not.
    await generation(world, players, {
      dealer: 8,
      complainers: players.slice(0, 3),
      convicted: seats(8),
      excused: seats(0, 1, 2),
    })
    expect((await registry.keeperOf(players[8]!.owner)).stake).to.equal(STAKE - FRAUD_PENALTY)
    expect((await service.epochInfo()).members).to.equal(0)
    expect(await stateOf(world)).to.equal('Registration')
    expect(await service.reservedSeats()).to.equal(seats(0, 1, 2))
    await joinAll(world, [spares[0]!])
    expect(spares[0]!.seat).to.equal(8)
    for (const spare of spares.slice(1)) {
      await expect(service.connect(spare.operator).join(spare.owner))
        .to.be.revertedWithCustomError(service, 'ServiceFull')
        .withArgs(9, 9)
    }
    await joinAll(world, players.slice(0, 3))
    expect(players.slice(0, 3).map(({ seat }) => seat)).to.deep.equal([0, 1, 2])
    const { memberCount, decryptionThreshold } = await service.epochInfo()
    expect([memberCount, decryptionThreshold]).to.deep.equal([9n, 5n])
  })

  it('by shrinking the epoch: t counts from the registered members, 9 of 16 at 5000 bps, however many are dropped', async () => {
    const world = await createWorld({ players: 16 })
    const { service, players } = world
    await joinAll(world)
    expect((await service.epochInfo()).decryptionThreshold).to.equal(9)
    await generation(world, players, { dealer: 15, complainers: players.slice(0, 2), excused: seats(0, 1) })
    let info = await service.epochInfo()
    expect([info.memberCount, info.registered, info.decryptionThreshold]).to.deep.equal([14n, 16n, 9n])
    await generation(world, players.slice(2), { dealer: 15, complainers: players.slice(2, 5), excused: seats(2, 3, 4) })
    info = await service.epochInfo()
    // Six colluders of eleven would have been a threshold of 11.
    expect([info.memberCount, info.registered, info.decryptionThreshold]).to.deep.equal([11n, 16n, 9n])
    // One fewer would be less than two thirds of those who registered.
    await generation(world, players.slice(5), { dealer: 15, complainers: [players[5]!], excused: seats(5) })
    expect(await stateOf(world)).to.equal('Registration')
  })

  it('by seats that are taken and given up in the last second of registration, which opens it again and again', async () => {
    const world = await createWorld({ players: 4, parameters: { minKeepers: 3, maxKeepers: 4 } })
    const { service, players, networkHelpers } = world
    await joinAll(world, players.slice(0, 3))
    const { end } = await service.clock()
    const until = end - BigInt(world.parameters.registrationWindow / 2)
    await networkHelpers.time.increaseTo(until - 200n)
    await service.connect(players[2]!.operator).leave(2)
    await joinAll(world, [players[2]!])
    await networkHelpers.time.increaseTo(until)
    for (const key of [players[2]!.operator, players[2]!.owner]) {
      await expect(service.connect(key).leave(2))
        .to.be.revertedWithCustomError(service, 'LeaveTooLate')
        .withArgs(2, until)
    }
    await passDeadline(world)
    expect(await stateOf(world)).to.equal('KeyCommit')
  })

  it('by reserving seats for ever: a seat is kept until registration’s next deadline, and no longer', async () => {
    const world = await createWorld({ players: 9, parameters: { minKeepers: 9 } })
    const { service, players } = world
    await joinAll(world)
    await generation(world, players, { dealer: 8, complainers: players.slice(0, 2), excused: seats(0, 1) })
    expect(await stateOf(world)).to.equal('Registration')
    expect(await service.reservedSeats()).to.equal(seats(0, 1))
    // Nobody else may come in while they are kept; the registration that they do not come back to opens again without.
    const other = await createPlayer(world, 70)
    await expect(service.connect(other.operator).join(other.owner)).to.be.revertedWithCustomError(
      service,
      'ServiceFull',
    )
    await passDeadline(world)
    await expect(service.poke()).to.emit(service, 'RegistrationReopened')
    expect(await service.reservedSeats()).to.equal(0)
    await joinAll(world, [other])
    expect(other.seat).to.equal(0)
    // A keeper that comes back later takes a free seat.
    await joinAll(world, [players[0]!])
    expect(players[0]!.seat).to.equal(1)
  })

  it('by an excuse for a member that was leaving anyway: its seat is not kept', async () => {
    const world = await createWorld({ players: 7 })
    const { service, players } = world
    await joinAll(world)
    await service.connect(players[1]!.operator).leave(1)
    await service.ban(players[2]!.owner)
    await generation(world, players, { dealer: 0, complainers: [players[1]!], excused: seats(1, 2) })
    expect(await service.reservedSeats()).to.equal(0)
    expect((await service.seats()).seated).to.equal(seats(0, 3, 4, 5, 6))
  })
})
