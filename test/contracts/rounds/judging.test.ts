// SPDX-License-Identifier: GPL-3.0-or-later
// Disputes about a key: complaints with evidence, judged by all who spoke.

import { expect } from 'chai'
import { AbiCoder, id, keccak256 } from 'ethers'
import {
  createPlayer,
  createWorld,
  expected,
  FRAUD_PENALTY,
  KEY_PENALTY,
  type Player,
  STAKE,
  seats,
  type World,
} from './fixture.ts'
import {
  commitKey,
  confirmKey,
  generateKey,
  joinAll,
  keyHash,
  numbers,
  passDeadline,
  revealKey,
  stateOf,
} from './play.ts'

const STATE = { KeyConfirm: 3, KeyJudge: 4 }
const EVIDENCE = '0xc0ffee'

async function reachConfirm(players = 7, parameters = {}): Promise<World> {
  const world = await createWorld({ players, parameters })
  await joinAll(world)
  for (const player of world.players) await commitKey(world, player)
  for (const player of world.players) await revealKey(world, player)
  return world
}

async function complain(world: World, player: Player, accused: number, evidence = EVIDENCE) {
  const { epoch } = await numbers(world)
  return await world.service.connect(player.operator).complain(epoch, accused, evidence)
}

async function judge(world: World, player: Player, convicted: bigint, excused = 0n) {
  const { epoch } = await numbers(world)
  return await world.service.connect(player.operator).judge(epoch, convicted, excused)
}

async function stakeOf(world: World, index: number): Promise<bigint> {
  return (await world.registry.keeperOf(world.players[index]!.owner)).stake
}

/** Player 1 complains about player 0, the others confirm. */
async function disputed(players = 7, parameters = {}): Promise<World> {
  const world = await reachConfirm(players, parameters)
  await complain(world, world.players[1]!, 0)
  for (const player of world.players.filter((_, index) => index !== 1)) await confirmKey(world, player)
  expect(await stateOf(world)).to.equal('KeyJudge')
  return world
}

describe('a dispute about a key', () => {
  it('convicts only a false dealer, who pays and goes', async () => {
    const world = await disputed()
    const { service, players } = world
    for (const player of players.slice(0, 6)) await judge(world, player, seats(0))
    const last = judge(world, players[6]!, seats(0))
    await expect(last).to.emit(service, 'Dropped').withArgs(1, 0, players[0]!.owner.address, true)
    expect(await stateOf(world)).to.equal('KeyCommit')
    expect((await service.epochInfo()).members).to.equal(seats(1, 2, 3, 4, 5, 6))
    expect(await stakeOf(world, 0)).to.equal(STAKE - FRAUD_PENALTY)
    for (const index of [1, 2, 3, 4, 5, 6]) expect(await stakeOf(world, index)).to.equal(STAKE)
    expect((await service.seats()).seated).to.equal(seats(1, 2, 3, 4, 5, 6))
    expect(await service.reservedSeats()).to.equal(0)
    await generateKey(world, players.slice(1))
    expect(await stateOf(world)).to.equal('Training')
  })

  it('convicts a false complainer, who loses the penalty and the seat', async () => {
    const world = await disputed()
    for (const player of world.players) await judge(world, player, seats(1))
    expect((await world.service.epochInfo()).members).to.equal(seats(0, 2, 3, 4, 5, 6))
    expect(await stakeOf(world, 1)).to.equal(STAKE - FRAUD_PENALTY)
    expect(await stakeOf(world, 0)).to.equal(STAKE)
  })

  it('has a reason and evidence on record for each penalty', async () => {
    const world = await disputed()
    const { registry, service } = world
    for (const player of world.players) await judge(world, player, seats(1))
    const [slashed] = await registry.queryFilter(registry.filters.Slashed())
    expect(Buffer.from(slashed!.args.reason.slice(2), 'hex').toString().replaceAll('\0', '')).to.equal(
      'CONVICTED_AT_KEY_GENERATION',
    )
    const { chainId } = await world.ethers.provider.getNetwork()
    const coded = AbiCoder.defaultAbiCoder().encode(
      ['uint256', 'address', 'uint24', 'uint32', 'uint8', 'bytes32'],
      [chainId, await service.getAddress(), 1, 0, 1, slashed!.args.reason],
    )
    expect(slashed!.args.evidence).to.equal(keccak256(coded))
  })

  it('excuses without a penalty, and keeps the seat for its keeper until registration closes', async () => {
    const world = await disputed(7, { maxKeepers: 7, registrationWindow: 1000 })
    const { service, players, networkHelpers } = world
    for (const player of players) await judge(world, player, 0n, seats(1))
    expect(await stakeOf(world, 1)).to.equal(STAKE)
    expect((await service.epochInfo()).members).to.equal(seats(0, 2, 3, 4, 5, 6))
    expect(await service.reservedSeats()).to.equal(seats(1))
    const other = await createPlayer(world, 50)
    await expect(service.connect(other.operator).join(other.owner))
      .to.be.revertedWithCustomError(service, 'ServiceFull')
      .withArgs(7, 7)
    const here = await networkHelpers.takeSnapshot()
    await joinAll(world, [players[1]!])
    expect(players[1]!.seat).to.equal(1)
    expect(await service.reservedSeats()).to.equal(0)
    await here.restore()
    // Not taken back until the next registration closes, it is free.
    for (let i = 0; i < 3; i++) {
      await passDeadline(world)
      await service.poke()
    }
    expect(await service.reservedSeats()).to.equal(0)
  })

  it('arises from two different hashes alone: a member that confirmed a random one pays', async () => {
    const world = await reachConfirm()
    const { service, players } = world
    await confirmKey(world, players[0]!, id('another'))
    for (const player of players.slice(1)) await confirmKey(world, player)
    expect(await stateOf(world)).to.equal('KeyJudge')
    expect((await service.epochInfo()).keyHash).to.equal(`0x${'00'.repeat(32)}`)
    for (const player of players) await judge(world, player, seats(0))
    expect((await service.epochInfo()).members).to.equal(seats(1, 2, 3, 4, 5, 6))
    expect(await stakeOf(world, 0)).to.equal(STAKE - FRAUD_PENALTY)
  })

  it('distinguishes hashes to the last bit', async () => {
    const world = await reachConfirm(4)
    const lie = keyHash(1).slice(0, -2) + (keyHash(1).endsWith('00') ? '01' : '00')
    for (const player of world.players.slice(0, 3)) await confirmKey(world, player)
    await confirmKey(world, world.players[3]!, lie)
    expect(await stateOf(world)).to.equal('KeyJudge')
  })

  it('needs a quorum of the members: a third cannot convict, and a missing verdict costs nobody anything', async () => {
    const world = await disputed(9)
    const { service, players } = world
    // quorum 7; the honest excuse the complainer, three liars want the dealer convicted
    for (const player of players.slice(0, 6)) await judge(world, player, 0n, seats(1))
    for (const player of players.slice(6)) await judge(world, player, seats(0))
    expect(await stateOf(world)).to.equal('Registration')
    expect(await service.seats()).to.deep.equal([seats(...Array(9).keys()), 0n])
    for (const index of players.keys()) expect(await stakeOf(world, index)).to.equal(STAKE)
  })

  it('carries out a quorum’s verdict, against a minority', async () => {
    const world = await disputed(9)
    const { players } = world
    for (const player of players.slice(0, 2)) await judge(world, player, seats(5), seats(6))
    for (const player of players.slice(2)) await judge(world, player, seats(0))
    expect((await world.service.epochInfo()).members).to.equal(seats(1, 2, 3, 4, 5, 6, 7, 8))
  })

  it('that convicts and excuses nobody goes back to registration', async () => {
    const world = await disputed()
    for (const player of world.players) await judge(world, player, 0n)
    expect(await stateOf(world)).to.equal('Registration')
    expect((await world.service.epochInfo()).epoch).to.equal(1)
  })

  it('gives everybody the whole window: a quorum does not make the slower ones silent', async () => {
    const world = await disputed()
    for (const player of world.players.slice(0, 5)) await judge(world, player, seats(0))
    expect(await stateOf(world)).to.equal('KeyJudge')
    await judge(world, world.players[5]!, seats(0))
    await judge(world, world.players[6]!, seats(0))
    expect(await stateOf(world)).to.equal('KeyCommit')
    expect(await stakeOf(world, 6)).to.equal(STAKE)
  })

  it('ends at its deadline; the silent, here and before, go and pay as for any silence', async () => {
    const world = await reachConfirm(9)
    const { service, players } = world
    await complain(world, players[1]!, 0)
    // 8 says nothing at all
    for (const player of [players[0]!, ...players.slice(2, 8)]) await confirmKey(world, player)
    await passDeadline(world)
    expect(await stateOf(world)).to.equal('KeyJudge')
    await service.poke()
    const nobody = service.connect(players[8]!.operator).judge(1, seats(0), 0)
    await expect(nobody)
      .to.be.revertedWithCustomError(service, 'NotSpoken')
      .withArgs(8, seats(0, 1, 2, 3, 4, 5, 6, 7))
    // 7 is silent now
    for (const player of players.slice(0, 7)) await judge(world, player, seats(0))
    expect(await stateOf(world)).to.equal('KeyJudge')
    await passDeadline(world)
    expect(await stateOf(world)).to.equal('KeyCommit')
    await service.poke()
    expect((await service.epochInfo()).members).to.equal(seats(1, 2, 3, 4, 5, 6))
    expect(await stakeOf(world, 0)).to.equal(STAKE - FRAUD_PENALTY)
    for (const index of [7, 8]) expect(await stakeOf(world, index)).to.equal(STAKE - KEY_PENALTY)
    for (const index of [1, 2, 3, 4, 5, 6]) expect(await stakeOf(world, index)).to.equal(STAKE)
  })

  it('with most of them silent leads back to registration, the silent gone', async () => {
    const world = await disputed(7)
    const { service, players } = world
    await judge(world, players[3]!, seats(0))
    await passDeadline(world)
    await service.poke()
    expect(await stateOf(world)).to.equal('Registration')
    expect((await service.seats()).seated).to.equal(seats(3))
    expect(await stakeOf(world, 0)).to.equal(STAKE - KEY_PENALTY)
  })

  it('refuses senseless ballots and complaints, which change nothing', async () => {
    const world = await reachConfirm()
    const { service, players, stranger } = world
    const [a, b] = players as [any, any]
    const by = service.connect(a.operator)
    await expect(by.judge(1, 0, 0))
      .to.be.revertedWithCustomError(service, 'UnexpectedState')
      .withArgs(STATE.KeyConfirm, expected('KeyJudge'))
    for (const accused of [0, 9]) {
      await expect(by.complain(1, accused, '0x'))
        .to.be.revertedWithCustomError(service, 'ComplaintInvalid')
        .withArgs(0, accused)
    }
    await expect(by.complain(1, 1, `0x${'01'.repeat(257)}`))
      .to.be.revertedWithCustomError(service, 'EvidenceLength')
      .withArgs(257, 256)
    await expect(by.complain(2, 1, '0x'))
      .to.be.revertedWithCustomError(service, 'WrongEpoch')
      .withArgs(2, 1)
    await expect(service.connect(stranger).complain(1, 1, '0x')).to.be.revertedWithCustomError(service, 'NotSeated')
    expect((await service.keyInfo()).spoken).to.equal(0)
    const longest = `0x${'01'.repeat(256)}`
    await expect(by.complain(1, 1, longest))
      .to.emit(service, 'KeyComplaint')
      .withArgs(1, 0, 1, longest)
    await expect(complain(world, b, 0, '0x'))
      .to.emit(service, 'KeyComplaint')
      .withArgs(1, 1, 0, '0x')
    expect((await service.keyInfo()).accused).to.equal(seats(0, 1))
    expect((await service.keyInfo()).complained).to.equal(seats(0, 1))
    await expect(by.complain(1, 2, '0x')).to.be.revertedWithCustomError(service, 'AlreadyDone')
    await expect(by.confirmKey(1, id('x'))).to.be.revertedWithCustomError(service, 'AlreadyDone')
    for (const player of players.slice(2)) await confirmKey(world, player)
    expect(await stateOf(world)).to.equal('KeyJudge')
    await expect(by.judge(2, 0, 0))
      .to.be.revertedWithCustomError(service, 'WrongEpoch')
      .withArgs(2, 1)
    const members = seats(0, 1, 2, 3, 4, 5, 6)
    for (const [convicted, excused] of [
      [seats(0), seats(0, 1)],
      [seats(7), 0n],
      [0n, 1n << 255n],
    ] as const) {
      await expect(by.judge(1, convicted, excused))
        .to.be.revertedWithCustomError(service, 'VerdictInvalid')
        .withArgs(convicted, excused, members)
    }
    expect((await service.keyInfo()).judged).to.equal(0)
    await expect(by.judge(1, seats(1), 0n))
      .to.emit(service, 'KeyJudged')
      .withArgs(1, 0, seats(1), 0)
    await expect(by.judge(1, seats(0), 0n)).to.be.revertedWithCustomError(service, 'AlreadyDone')
    const [ballot] = await service.keyCandidates()
    expect(ballot!.supporters).to.equal(seats(0))
  })

  it('of one generation leaves nothing for the next', async () => {
    const world = await disputed()
    const { service, players } = world
    for (const player of players) await judge(world, player, seats(0))
    expect(await numbers(world)).to.deep.equal({ epoch: 2, round: 0 })
    for (const player of players.slice(1)) await commitKey(world, player)
    for (const player of players.slice(1)) await revealKey(world, player)
    expect(await service.keyCandidates()).to.deep.equal([])
    for (const player of players.slice(1, 6)) await confirmKey(world, player)
    await complain(world, players[6]!, 1)
    expect(await stateOf(world)).to.equal('KeyJudge')
    // The same verdict as before, by its number a new one.
    for (const player of players.slice(1)) await judge(world, player, seats(6))
    expect((await service.epochInfo()).members).to.equal(seats(1, 2, 3, 4, 5))
  })
})
