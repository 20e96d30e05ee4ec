// SPDX-License-Identifier: GPL-3.0-or-later
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { aggregate } from '../../../keepers/agent/behaviours/aggregate.ts'
import { check } from '../../../keepers/agent/behaviours/check.ts'
import { attestationSeal, lastAttested } from '../../../keepers/agent/steps/attestation.ts'
import { drawnFrom, drawSeed } from '../../../keepers/agent/steps/open-draft.ts'
import { RevertError } from '../../../keepers/chain/index.ts'
import { bitmapOf, hasSeat, seatsOf } from '../../../keepers/chain/seats.ts'
import { absentScalar, checkUpdatePoint } from '../../../keepers/fhe/index.ts'
import { updatePrefix } from '../../../keepers/fhe/vector-messages.ts'
import { forge } from '../../../scripts/demo/tamper.ts'
import { ROUND } from '../fhe/ceremony.ts'
import { type RoundStage, roundStage, seatOfIndex } from './round-stage.ts'

const MEMBERS = 5
const ALL = [0, 1, 2, 3, 4]
const seats = (...members: number[]): bigint => bitmapOf(members.map(seatOfIndex))

describe('the sum that a keeper stands for', function () {
  this.timeout(120_000)
  let stage: RoundStage
  const round = ROUND.round
  beforeEach(async () => {
    stage = await roundStage({ members: MEMBERS, threshold: 3, self: 1 })
    const roundInfo = { ...stage.snapshot.roundInfo, committed: seats(...ALL), revealed: seats(...ALL) }
    stage.snapshot = { ...stage.snapshot, state: 'Aggregate', roundInfo }
  })
  afterEach(() => stage.close())

  const revealAll = async (changed: Record<number, (update: Uint8Array) => Uint8Array> = {}) => {
    for (const member of ALL) {
      const update = await stage.updateOf(member)
      stage.reveal(member, changed[member]?.(update) ?? update)
    }
  }
  const calls = (method: string) => stage.sent.filter((sent) => sent.method === method).map(({ args }) => args)
  const attesting = (...members: number[]) => {
    stage.snapshot = { ...stage.snapshot, roundInfo: { ...stage.snapshot.roundInfo, attesters: seats(...members) } }
  }

  it('is sealed for its seat, on record before it is sent, and the same after a crash', async () => {
    await revealAll()
    const before = stage.context.queue.send
    Object.assign(stage.context.queue, {
      send: async () => {
        throw new Error('killed')
      },
    })
    expect(await aggregate(stage.step()).catch(String)).to.equal('Error: killed')
    const noted = lastAttested(stage.step())!
    expect(noted.included).to.equal(seats(...ALL))
    Object.assign(stage.context.queue, { send: before })
    await aggregate(stage.step())
    expect(calls('attest')).to.deep.equal([
      [BigInt(round), attestationSeal(stage.context, round, seatOfIndex(1), noted)],
    ])
    const other = attestationSeal(stage.context, round, seatOfIndex(2), noted)
    expect(other).to.not.equal(calls('attest')[0]![1])
  })

  it('leaves out what everybody can see to be false, and attests without a dispute', async () => {
    await revealAll({
      0: (update) => randomBytes(update.length),
      // Beyond every modulus.
      3: (update) => new Uint8Array(update.length).fill(0xff),
    })
    await aggregate(stage.step())
    // Three of five are fewer than a quorum: such a sum would open too much of each.
    expect(stage.sent).to.deep.equal([])
    stage.reveal(0, await stage.updateOf(0))
    const facts = stage.facts.filter(({ args }) => args.seat === seatOfIndex(0))
    stage.facts.splice(stage.facts.indexOf(facts[0]!), 1)
    await aggregate(stage.step())
    expect(calls('dispute')).to.deep.equal([])
    expect(calls('attest')).to.have.length(1)
    expect(lastAttested(stage.step())!.included).to.equal(seats(0, 1, 2, 4))
  })

  it('is not attested in the second half of the window', async () => {
    await revealAll()
    expect(await aggregate(stage.step({ time: stage.snapshot.end - 50 }))).to.equal('done')
    expect(stage.sent).to.deep.equal([])
  })

  it('is disputed when an update is not under the secret that its sender dealt, though its proof looks right', async () => {
    await revealAll({ 3: forge })
    expect(await aggregate(stage.step())).to.equal('again')
    expect(calls('attest')).to.deep.equal([])
    expect(calls('dispute')).to.deep.equal([[BigInt(round), BigInt(seatOfIndex(3))]])
  })

  describe('after a dispute', () => {
    /** What each member posts of all updates, in the order of seats; `change` bends it. */
    const post = async (member: number, change: (scalars: Uint8Array[]) => void = () => undefined) => {
      const scalars: Uint8Array[] = []
      for (const sender of ALL) {
        const bytes = stage.blobs.get(cids[sender]!)
        if (bytes === undefined) {
          scalars.push(absentScalar(stage.frame.plan))
          continue
        }
        const memberKey = stage.keys.memberKeys.get(member)!
        const point = await checkUpdatePoint(stage.frame.engine, { context: ROUND, memberKey, sender, bytes })
        scalars.push(point.scalar)
      }
      change(scalars)
      const hex = `0x${Buffer.concat(scalars).toString('hex')}`
      stage.tell('CheckSubmitted', { round, seat: seatOfIndex(member), scalars: hex })
      return hex
    }
    let cids: string[] = []
    const dispute = async (accuser: number, accused: number, changed: Parameters<typeof revealAll>[0] = {}) => {
      cids = []
      for (const member of ALL) {
        const update = await stage.updateOf(member)
        cids.push(stage.reveal(member, changed[member]?.(update) ?? update))
      }
      stage.tell('UpdateDisputed', { round, seat: seatOfIndex(accuser), accused: seatOfIndex(accused) })
    }
    const attested = async () => {
      await aggregate(stage.step())
      return lastAttested(stage.step())
    }

    it('every member posts what its share makes of each update, once, also after a crash', async () => {
      await dispute(0, 3, { 3: forge })
      const expected = await post(1)
      stage.snapshot = { ...stage.snapshot, state: 'Check' }
      expect(await check(stage.step())).to.equal('done')
      expect(calls('submitCheck')).to.deep.equal([[BigInt(round), expected]])
      stage.blobs.clear()
      expect(await check(stage.step())).to.equal('done')
      expect(calls('submitCheck')[1]).to.deep.equal([BigInt(round), expected])
      const checked = { ...stage.snapshot.roundInfo, checked: seats(1) }
      expect(await check(stage.step({ roundInfo: checked }))).to.equal('done')
      expect(calls('submitCheck')).to.have.length(2)
    })

    it('what a share makes of updates is on disk sealed, until it is posted', async () => {
      await dispute(0, 3, { 3: forge })
      const posted = String(await post(1)).slice(2)
      stage.facts.pop()
      await attested()
      const size = 2 * stage.frame.plan.bytes.checkScalar
      const disk = readdirSync(stage.folder)
        .map((name) => readFileSync(join(stage.folder, name)).toString('latin1'))
        .join()
      for (const member of ALL) expect(disk).to.not.include(posted.slice(size * member, size * (member + 1)))
      expect(stage.store.getSecret(`epoch/${ROUND.epoch}/5e5e5e5e5e5e5e5e/points/${round}`)).to.not.equal(null)
    })

    it('a member without an update waits for it, and says at last that it has none', async () => {
      await dispute(0, 3)
      stage.blobs.delete(cids[2]!)
      stage.snapshot = { ...stage.snapshot, state: 'Check' }
      expect(await check(stage.step())).to.equal('again')
      expect(await check(stage.step({ time: stage.snapshot.end - 40 }))).to.equal('done')
      const size = stage.frame.plan.bytes.checkScalar
      const posted = Buffer.from(String(calls('submitCheck')[0]![1]).slice(2), 'hex')
      expect(posted.length).to.equal(MEMBERS * size)
      expect(posted.subarray(2 * size, 3 * size).every((byte) => byte === 0xff)).to.equal(true)
      expect(posted.subarray(3 * size, 4 * size).every((byte) => byte === 0xff)).to.equal(false)
    })

    const isAbsent = (posted: Uint8Array, place: number): boolean => {
      const size = stage.frame.plan.bytes.checkScalar
      return posted.subarray(place * size, (place + 1) * size).every((byte) => byte === 0xff)
    }
    const lastPosted = () => Buffer.from(String(calls('submitCheck').at(-1)![1]).slice(2), 'hex')

    it('a round that an endpoint makes up gets no scalar under pads that one was posted under', async () => {
      await dispute(0, 3)
      stage.snapshot = { ...stage.snapshot, state: 'Check' }
      expect(await check(stage.step())).to.equal('done')
      expect(ALL.filter((member) => isAbsent(lastPosted(), member))).to.deep.equal([])
      // The same pads, one turn of them later; whoever makes the updates up needs no secret of those whom it names.
      const { plan } = stage.frame
      const context = { ...ROUND, round: round + plan.roundsPerKey }
      for (const member of ALL) {
        const bytes = new Uint8Array(plan.bytes.update)
        bytes.set(updatePrefix({ plan, context, keyHash: stage.keys.keyHash, ciphertexts: 1 }, member))
        stage.reveal(member, bytes)
        Object.assign(stage.facts.at(-1)!.args, { round: context.round })
      }
      expect(await check(stage.step({ round: context.round }))).to.equal('done')
      expect(calls('submitCheck').at(-1)![0]).to.equal(BigInt(context.round))
      expect(ALL.filter((member) => !isAbsent(lastPosted(), member))).to.deep.equal([])
    })

    it('after a reorganisation a member posts of the updates that are there now, and only what it may', async () => {
      await dispute(0, 3)
      stage.snapshot = { ...stage.snapshot, state: 'Check' }
      expect(await check(stage.step())).to.equal('done')
      const before = lastPosted()
      // Member 4 has not revealed on this branch, and member 2 another update.
      stage.facts.splice(0)
      const size = stage.frame.plan.bytes.checkScalar
      for (const member of [0, 1, 3]) stage.reveal(member, stage.blobs.get(cids[member]!)!)
      stage.reveal(2, await stage.updateOf(2, 50))
      stage.tell('UpdateDisputed', { round, seat: seatOfIndex(0), accused: seatOfIndex(3) })
      expect(await check(stage.step())).to.equal('done')
      const after = lastPosted()
      expect(after.length).to.equal(4 * size)
      for (const place of [0, 1, 3]) {
        const [from, to] = [place * size, (place + 1) * size]
        expect(after.subarray(from, to)).to.deep.equal(before.subarray(from, to))
      }
      expect(isAbsent(after, 2)).to.equal(true)
    })

    it('leaves the false update out, and convicts its sender, whatever that one posts', async () => {
      await dispute(0, 3, { 3: forge })
      for (const member of [0, 1, 2, 4]) await post(member)
      await post(3, (scalars) => {
        for (const scalar of scalars) scalar.fill(1)
      })
      const what = (await attested())!
      expect(what.included).to.equal(seats(0, 1, 2, 4))
      expect(hasSeat(what.convicted, seatOfIndex(3))).to.equal(true)
      for (const member of [0, 1, 2, 4]) expect(hasSeat(what.convicted, seatOfIndex(member))).to.equal(false)
    })

    it('keeps a true update in, and convicts who accused it, whose own goes with it', async () => {
      await dispute(4, 2)
      for (const member of ALL) await post(member)
      const what = (await attested())!
      expect([what.included, what.convicted]).to.deep.equal([seats(0, 1, 2, 3), seats(4)])
    })

    it('convicts who contradicts a true update, and nobody for what it does not have', async () => {
      await dispute(4, 2)
      for (const member of [0, 1, 2]) await post(member)
      await post(3, (scalars) => {
        scalars[0] = absentScalar(stage.frame.plan)
      })
      await post(4, (scalars) => {
        scalars[1] = new Uint8Array(scalars[1]!.length)
      })
      const what = (await attested())!
      expect([what.included, what.convicted]).to.deep.equal([seats(0, 1, 2, 3), seats(4)])
    })

    it('leaves out a false update that its sender serves only once all have posted', async () => {
      await dispute(4, 3, { 3: forge })
      const withheld = stage.blobs.get(cids[3]!)!
      stage.blobs.delete(cids[3]!)
      for (const member of ALL) await post(member)
      stage.blobs.set(cids[3]!, withheld)
      const what = (await attested())!
      expect([what.included, what.convicted]).to.deep.equal([seats(0, 1, 2, 4), 0n])
    })

    it('attests again what it attested before, since the dispute has made that void', async () => {
      await revealAll()
      await aggregate(stage.step())
      stage.tell('UpdateDisputed', { round, seat: seatOfIndex(4), accused: seatOfIndex(2) })
      await aggregate(stage.step())
      const [before, after] = calls('attest')
      expect(after).to.deep.equal(before)
      expect(new Set(stage.keysSent).size).to.equal(stage.keysSent.length)
    })

    it('leaves nobody out, and convicts nobody, on the word of too few', async () => {
      await dispute(4, 2)
      await post(4, (scalars) => {
        scalars[2] = new Uint8Array(scalars[2]!.length)
      })
      await post(0)
      const what = (await attested())!
      expect([what.included, what.convicted]).to.deep.equal([seats(...ALL), 0n])
    })
  })

  describe('has its draft opened', () => {
    /** This keeper and others have attested the same. */
    const attestedBy = async (...members: number[]) => {
      await revealAll()
      await aggregate(stage.step())
      stage.sent.splice(0)
      const what = lastAttested(stage.step())!
      for (const member of members) {
        const seal = attestationSeal(stage.context, round, seatOfIndex(member), what)
        stage.tell('AggregateAttested', { round, seat: seatOfIndex(member), seal })
      }
      attesting(...members)
      return what
    }
    /** Chain times at which a keeper would have opened it, from the moment at which it could. */
    const opensAt = async () => {
      const from = stage.snapshot.time
      for (let time = from; time < from + 40; time++) {
        await aggregate(stage.step({ time }))
        if (calls('draft').length > 0) return time - from
      }
      return null
    }

    it('once all have attested, by one after the other, within seconds of each other', async () => {
      const what = await attestedBy(...ALL)
      const after = (await opensAt())!
      expect(after % 3).to.equal(0)
      expect(after).to.be.below(3 * MEMBERS)
      expect(calls('draft')[0]).to.deep.equal([BigInt(round), what.hash, what.included, 0n])
    })

    it('by those first that it does not draft', async () => {
      await attestedBy(...ALL)
      const { epochInfo, roundInfo } = stage.snapshot
      const { blockHash } = stage.facts.findLast(({ name }) => name === 'AggregateAttested')!
      const seed = drawSeed(stage.context.serviceAddress, round, blockHash)
      const drafted = drawnFrom(roundInfo.revealed, epochInfo.threshold, seed)
      expect(seatsOf(drafted)).to.have.length(3)
      const after = (await opensAt())!
      if (hasSeat(drafted, seatOfIndex(1))) expect(after).to.be.at.least(6)
      else expect(after).to.be.at.most(3)
    })

    it('without those that have not attested, once half of the window has passed', async () => {
      await attestedBy(0, 1, 2, 4)
      expect(await opensAt()).to.equal(null)
      stage.snapshot = { ...stage.snapshot, time: stage.snapshot.end - 45 }
      expect(await opensAt()).to.not.equal(null)
    })

    it('not by fewer than a quorum that say the same, and a copied seal says nothing', async () => {
      const what = await attestedBy(0, 1, 2)
      const copied = attestationSeal(stage.context, round, seatOfIndex(0), what)
      for (const member of [3, 4]) {
        stage.tell('AggregateAttested', { round, seat: seatOfIndex(member), seal: copied })
      }
      attesting(...ALL)
      expect(await opensAt()).to.equal(null)
    })

    it('again when the chain says that it is too early, or that somebody was faster', async () => {
      await attestedBy(...ALL)
      const refusals = ['DraftInSameBlock', 'DraftTooEarly', 'UnexpectedState']
      stage.refuse = ({ method }) =>
        method === 'draft' && refusals.length > 0 ? new RevertError('draft', refusals.pop()!, {}, '0x', null) : null
      expect(await opensAt()).to.not.equal(null)
      expect(refusals).to.deep.equal([])
    })
  })
})
