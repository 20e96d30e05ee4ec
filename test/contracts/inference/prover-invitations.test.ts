// SPDX-License-Identifier: GPL-3.0-or-later
// Jobs for provers that the poster chose: who may claim, and what is kept of the witnesses.
import { expect } from 'chai'
import { keccak256 } from 'ethers'
import { createMarket, JOB, START_PRICE } from './prover-market.ts'

const LONGEST = 16_384
const sealed = (prover: { address: string }, witness = '0xc0de') => ({ prover: prover.address, witness })

async function createPrivate() {
  const world = await createMarket()
  const { market, poster, terms, escrowOf, segments } = world
  const postPrivately = async (invitations: object[], changes: Parameters<typeof terms>[0] = {}) => {
    const given = await terms(changes)
    return market.connect(poster).postPrivately(given, segments, invitations as never[], { value: escrowOf(given) })
  }
  return { ...world, postPrivately }
}

describe('ProverMarket jobs for chosen provers', () => {
  it('give each its own witness, and are claimed, proven and paid as any other', async () => {
    const { market, alice, bob, carol, stranger, poster, postPrivately, serve, answer, submit } = await createPrivate()
    const sent = await postPrivately([sealed(alice, '0xa11ce0'), sealed(bob, '0xb0b0')])
    const jobId = await market.jobCount()
    await expect(sent)
      .to.emit(market, 'ProverInvited')
      .withArgs(jobId, alice.address, keccak256('0xa11ce0'), '0xa11ce0')
    await expect(sent).to.emit(market, 'ProverInvited').withArgs(jobId, bob.address, keccak256('0xb0b0'), '0xb0b0')
    expect((await market.getJob(jobId)).invited).to.equal(true)
    expect(await market.witnessHashOf(jobId, bob)).to.equal(keccak256('0xb0b0'))
    for (const other of [carol, poster, stranger]) {
      expect(BigInt(await market.witnessHashOf(jobId, other))).to.equal(0n)
      await expect(market.connect(other).claim(jobId, 0, 0))
        .to.be.revertedWithCustomError(market, 'NotInvited')
        .withArgs(jobId, other.address)
    }
    const given = []
    for (const segment of [0, 1]) given.push(await serve(jobId, alice, segment))
    await market.connect(bob).claim(jobId, 2, 0)
    const last = await answer(jobId, bob, 2)
    await submit(jobId, bob, last)
    await market.connect(stranger).settle(jobId, [...given, last])
    expect(await market.statusOf(jobId)).to.equal(JOB.completed)
    expect((await market.balanceOf(bob)) >= START_PRICE).to.equal(true)
  })

  it('keep others out of slots that a chosen prover let pass, too', async () => {
    const { market, alice, bob, carol, postPrivately, networkHelpers } = await createPrivate()
    await postPrivately([sealed(alice), sealed(bob)])
    const jobId = await market.jobCount()
    await market.connect(alice).claim(jobId, 0, 0)
    await networkHelpers.time.increase(301)
    await expect(market.connect(carol).claim(jobId, 0, 0)).to.be.revertedWithCustomError(market, 'NotInvited')
    await market.connect(bob).claim(jobId, 0, 0)
    expect((await market.getSlots(jobId))[0]!.prover).to.equal(bob.address)
  })

  it('are refused with too few provers, too many, one twice, nobody, no witness, or too much of it', async () => {
    const { market, alice, bob, ethers, postPrivately } = await createPrivate()
    const counts: [object[], object, number, number][] = [
      [[], {}, 0, 1],
      [[sealed(alice)], { copies: 2 }, 1, 2],
      [Array.from({ length: 17 }, () => sealed(ethers.Wallet.createRandom())), {}, 17, 1],
    ]
    for (const [invitations, changes, count, least] of counts) {
      await expect(postPrivately(invitations, changes))
        .to.be.revertedWithCustomError(market, 'InvitationCountInvalid')
        .withArgs(count, least, 16)
    }
    for (const second of [sealed(alice), sealed(bob, '0x'), { prover: ethers.ZeroAddress, witness: '0x01' }]) {
      await expect(postPrivately([sealed(alice), second]))
        .to.be.revertedWithCustomError(market, 'InvitationInvalid')
        .withArgs(1, second.prover)
    }
    const half = `0x${'11'.repeat(LONGEST / 2)}`
    await expect(postPrivately([sealed(alice, half), sealed(bob, `${half}11`)]))
      .to.be.revertedWithCustomError(market, 'WitnessTooLong')
      .withArgs(LONGEST + 1, LONGEST)
    await postPrivately([sealed(alice, half), sealed(bob, half)])
  })

  it('are no one else’s affair: an open job is claimed by anybody, as before', async () => {
    const { market, carol, post } = await createPrivate()
    const jobId = await post()
    expect((await market.getJob(jobId)).invited).to.equal(false)
    await market.connect(carol).claim(jobId, 0, 0)
  })
})
