// SPDX-License-Identifier: GPL-3.0-or-later
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { aggregate } from '../../../keepers/agent/behaviours/aggregate.ts'
import { check } from '../../../keepers/agent/behaviours/check.ts'
import { lastAttested } from '../../../keepers/agent/steps/attestation.ts'
import { hasSeat } from '../../../keepers/chain/seats.ts'
import { absentScalar, checkUpdatePoint } from '../../../keepers/fhe/index.ts'
import { shapeOf } from '../../../keepers/fhe/packing.ts'
import { updatePrefix } from '../../../keepers/fhe/vector-messages.ts'
import { forge } from '../../../scripts/demo/tamper.ts'
import { ROUND } from '../fhe/ceremony.ts'
import { ALL, aggregateStage, callsOf, revealAll, round, seats } from './aggregate-stage.ts'
import { type RoundStage, seatOfIndex } from './round-stage.ts'

describe('a disputed sum', function () {
  this.timeout(120_000)
  let stage: RoundStage
  beforeEach(async () => {
    stage = await aggregateStage()
  })
  afterEach(() => stage.close())

  const calls = (method: string) => callsOf(stage, method)

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
  const dispute = async (accuser: number, accused: number, changed: Parameters<typeof revealAll>[1] = {}) => {
    cids = await revealAll(stage, changed)
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
    expect(posted.length).to.equal(ALL.length * size)
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
      bytes.set(
        updatePrefix({ plan, context, keyHash: stage.keys.keyHash, shape: shapeOf(plan, context.round) }, member),
      )
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
    await revealAll(stage)
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
