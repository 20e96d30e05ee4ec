// SPDX-License-Identifier: GPL-3.0-or-later
import { ED25519_TORSION_SUBGROUP, ed25519 } from '@noble/curves/ed25519.js'
import { expect } from 'chai'
import { isUsableKey } from '../../../keepers/fhe/curve.ts'
import { sealTo } from '../../../keepers/fhe/envelope.ts'
import {
  type Engine,
  EVIDENCE_BYTES,
  type FheErrorCode,
  finishKeyGeneration,
  generateEncryptionKey,
  judgeComplaint,
  type KeyGenerationOutcomeRequest,
  openComplaint,
  openEngine,
  type Plan,
  Secret,
} from '../../../keepers/fhe/index.ts'
import { frameOf } from '../../../keepers/fhe/key-frame.ts'
import { sealedShareBinding } from '../../../keepers/fhe/key-messages.ts'
import { CRS, EPOCH, finishRequest, makeMembers, startAll, testPlan } from './ceremony.ts'
import { type Bend, bentDealing, bump } from './dealer.ts'
import { refuses } from './rejection.ts'
import { flipped } from './tampering.ts'

const DEALER = 3
const RECEIVER = 1

describe('fhe complaints about dealings', () => {
  let plan: Plan
  let engine: Engine
  let started: Awaited<ReturnType<typeof startAll>>
  before(async () => {
    plan = testPlan(4, 3, { scaleBits: 'widest', roundsPerKey: 2 })
    engine = await openEngine(plan)
    started = await startAll(engine)
  })
  after(() => engine.close())

  const ground = () => ({ context: EPOCH, members: started.members, crs: CRS })
  /** Everything as member `self` gets it, with a bent dealing of member 3. */
  function withBent(bend: Bend, self = RECEIVER) {
    const { dealing, sealedShares } = bentDealing(engine, ground(), DEALER, bend)
    const honest = finishRequest(started.parties, started.members, self)
    const swap = <T>(list: readonly T[], value: T) => list.map((said, i) => (i === DEALER ? value : said))
    const request: KeyGenerationOutcomeRequest = {
      ...honest,
      dealings: swap(honest.dealings, dealing),
      sealedShares: swap(honest.sealedShares, sealedShares[self]!),
    }
    const subject = { ...ground(), accused: DEALER, dealing, sealedShare: sealedShares[self]! }
    return { request, subject, sealedShares }
  }
  const evidenceOf = (subject: ReturnType<typeof withBent>['subject'], self = RECEIVER) =>
    openComplaint(engine, { ...subject, self, encryptionKey: started.parties[self]!.keys.secretKey })
  const NONE = new Uint8Array(0)

  const bad: readonly [string, Bend, FheErrorCode][] = [
    ['one coefficient off', { share: (j, share) => j === RECEIVER && bump(share, 8 * 5000) }, 'dealing-inconsistent'],
    [
      'one pad off',
      { share: (j, share) => j === RECEIVER && bump(share, plan.bytes.polynomial + 8 * 200) },
      'dealing-inconsistent',
    ],
    [
      'a coefficient of the second prime off',
      { share: (j, share) => j === RECEIVER && bump(share, 8 * 8192) },
      'dealing-inconsistent',
    ],
    [
      'a mask off',
      { share: (j, share) => j === RECEIVER && bump(share, plan.bytes.polynomial + 8 * 144 * 2) },
      'dealing-inconsistent',
    ],
    [
      'a residue that is its prime',
      {
        share: (j, share) => {
          const at = new DataView(share.buffer, share.byteOffset)
          if (j === RECEIVER) at.setBigUint64(0, plan.set.primes[0]!, true)
        },
      },
      'coefficient-out-of-range',
    ],
    [
      'a pad of 2^64 − 1',
      { share: (j, share) => j === RECEIVER && share.fill(0xff, share.length - 40, share.length - 32) },
      'coefficient-out-of-range',
    ],
    [
      'an envelope that does not open',
      { envelope: (j, sealed) => (j === RECEIVER ? flipped(sealed, -1) : sealed) },
      'sealed-share-unreadable',
    ],
  ]
  for (const [what, bend, code] of bad) {
    it(`${what} for one receiver: it alone sees it, and shows everyone`, async () => {
      const { request, subject } = withBent(bend)
      const error = await refuses(code, () => finishKeyGeneration(engine, request))
      expect([error.detail.sender, error.detail.complain]).to.deep.equal([DEALER, 'evidence'])
      expect(error.message.split(code).length, 'the code once').to.equal(2)
      const evidence = evidenceOf(subject)
      expect(evidence.length).to.equal(EVIDENCE_BYTES)
      expect(evidence.length).to.be.at.most(256)
      expect(judgeComplaint(engine, { ...subject, complainer: RECEIVER, evidence })).to.equal('dealer')
      expect(judgeComplaint(engine, { ...subject, complainer: RECEIVER, evidence: NONE })).to.equal('nobody')
      await finishKeyGeneration(engine, withBent(bend, 2).request)
    })
  }

  const forAll: readonly [string, Bend, first?: number][] = [
    ['points of a polynomial of higher degree', { threshold: 4 }, 2],
    ['a coefficient off for everyone', { share: (j, share) => (j < 3 ? bump(share, 8 * (j + 1)) : undefined) }],
    ['an h that differs from the dealing', { h: (h) => (h[0]![0] = (h[0]![0]! + 1n) % plan.set.primes[0]!) }],
    ['an h that is off in its last coefficient', { h: (h) => (h[2]![5] = (h[2]![5]! + 1n) % plan.set.primes[1]!) }, 1],
  ]
  for (const [what, bend, first = 0] of forAll) {
    it(`${what}: every member concerned sees it`, async () => {
      // Differences of order k count from point k on: C(1, 2) = C(2, 3) = 0.
      for (const self of [0, 1, 2].filter((j) => j >= first)) {
        const { request, subject } = withBent(bend, self)
        await refuses('dealing-inconsistent', () => finishKeyGeneration(engine, request))
        const evidence = evidenceOf(subject, self)
        expect(judgeComplaint(engine, { ...subject, complainer: self, evidence })).to.equal('dealer')
      }
    })
  }

  it('a publicly visible fault needs no evidence', async () => {
    const shown: readonly [string, Bend][] = [
      [
        'an ephemeral point of small order',
        { envelope: (_, sealed) => withPoint(sealed, ED25519_TORSION_SUBGROUP[3]!) },
      ],
      ['an ephemeral point that nobody signed with', { envelope: (_, sealed) => flipped(sealed, 40) }],
      ['bytes that do not encode a point', { envelope: (_, sealed) => withPoint(sealed, 'ff'.repeat(32)) }],
    ]
    for (const [what, bend] of shown) {
      const { request, subject } = withBent(bend)
      const error = await refuses('ephemeral-key-invalid', () => finishKeyGeneration(engine, request))
      expect([error.detail.sender, error.detail.complain], what).to.deep.equal([DEALER, 'public'])
      await refuses('ephemeral-key-invalid', () => evidenceOf(subject))
      expect(judgeComplaint(engine, { ...subject, complainer: RECEIVER, evidence: NONE }), what).to.equal('dealer')
    }
    const { subject, request } = withBent({})
    const malformed = { ...subject, complainer: RECEIVER, evidence: NONE, sealedShare: null }
    expect(judgeComplaint(engine, malformed)).to.equal('nobody')
    for (const at of [0, 60, 90, 130]) {
      expect(judgeComplaint(engine, { ...malformed, dealing: flipped(subject.dealing, at) })).to.equal('dealer')
    }
    const outOfRange = subject.dealing.slice().fill(0xff, -8)
    expect(judgeComplaint(engine, { ...malformed, dealing: outOfRange })).to.equal('dealer')
    const dealings = request.dealings.map((said, i) => (i === DEALER ? outOfRange : said))
    const error = await refuses('coefficient-out-of-range', () => finishKeyGeneration(engine, { ...request, dealings }))
    expect(error.detail.complain).to.equal('public')
  })

  function withPoint(sealed: Uint8Array, hex: string): Uint8Array {
    const copy = sealed.slice()
    copy.set(Buffer.from(hex, 'hex'))
    return copy
  }

  it('a member that accuses a dealer of a good share convicts itself, with good evidence and with bad', async () => {
    const { subject, request } = withBent({})
    await finishKeyGeneration(engine, request)
    const judged = (evidence: Uint8Array, complainer = RECEIVER) =>
      judgeComplaint(engine, { ...subject, complainer, evidence })
    const evidence = evidenceOf(subject)
    expect(judged(evidence)).to.equal('complainer')
    for (let at = 0; at < EVIDENCE_BYTES; at += 5) expect(judged(flipped(evidence, at))).to.equal('complainer')
    for (const wrong of [evidence.subarray(1), new Uint8Array(96), Buffer.concat([evidence, evidence])]) {
      expect(judged(wrong)).to.equal('complainer')
    }
    // A response that is not reduced would be a second encoding of the same proof.
    const unreduced = evidence.slice()
    const response = BigInt(`0x${Buffer.from(evidence.slice(64).reverse()).toString('hex')}`) + ed25519.Point.Fn.ORDER
    unreduced.set(Buffer.from(response.toString(16).padStart(64, '0'), 'hex').reverse(), 64)
    expect(judged(unreduced)).to.equal('complainer')
  })

  it('evidence for another share, dealer, receiver or epoch shows nothing', async () => {
    const { subject, sealedShares } = withBent({})
    const evidence = evidenceOf(subject)
    const bent = withBent({ share: (j, share) => j === RECEIVER && bump(share, 0) })
    const verdict = (changed: object) =>
      judgeComplaint(engine, { ...bent.subject, complainer: RECEIVER, evidence, ...changed })
    // It would be 'dealer' if it opened the share.
    expect(verdict({}), 'another share of the same pair').to.equal('complainer')
    expect(verdict({ evidence: evidenceOf(bent.subject) })).to.equal('dealer')
    const elsewhere = { ...subject, sealedShare: sealedShares[2]! }
    expect(judgeComplaint(engine, { ...elsewhere, complainer: 2, evidence })).to.equal('complainer')
    const honest = started.parties[0]!.messages
    const other = { ...ground(), accused: 0, dealing: honest.dealing, sealedShare: honest.sealedShares[RECEIVER]! }
    expect(judgeComplaint(engine, { ...other, complainer: RECEIVER, evidence })).to.equal('complainer')
    await refuses('sealed-share-mismatch', () => verdict({ sealedShare: subject.sealedShare }))
    await refuses('sealed-share-mismatch', () =>
      judgeComplaint(engine, { ...subject, complainer: 2, evidence, sealedShare: sealedShares[1]! }),
    )
    // All of the dealing is of the epoch that it names; in another it is its dealer's fault to have sent it.
    expect(verdict({ context: { ...EPOCH, epoch: 4 } })).to.equal('dealer')
  })

  it('refuses subjects that cannot be, and keys that are not the caller’s', async () => {
    const { subject } = withBent({})
    const { secretKey } = started.parties[RECEIVER]!.keys
    const open = (changed: object) => () =>
      openComplaint(engine, { ...subject, self: RECEIVER, encryptionKey: secretKey, ...changed })
    await refuses('invalid-argument', open({ self: 4 }))
    await refuses('invalid-argument', open({ accused: -1 }))
    await refuses('invalid-argument', open({ accused: RECEIVER }))
    await refuses('invalid-argument', open({ members: started.members.slice(1) }))
    await refuses('invalid-argument', open({ crs: new Uint8Array(3) }))
    await refuses('invalid-argument', open({ encryptionKey: generateEncryptionKey().secretKey }))
    await refuses('invalid-argument', open({ encryptionKey: Secret.random(31) }))
    await refuses('sealed-share-mismatch', open({ sealedShare: NONE }))
    await refuses('truncated', open({ dealing: NONE }))
  })

  it('a dealer cannot have a victim show its secret with a third member: the envelope needs the exponent', async () => {
    const victim = started.members[2]!.encryptionKey
    const frame = frameOf(engine, ground(), DEALER)
    const binding = sealedShareBinding(frame, DEALER, RECEIVER)
    const honest = sealTo(started.members[RECEIVER]!.encryptionKey, new Uint8Array(plan.bytes.dealt), binding)
    // The Edwards point of member 2's own public key, under any signature that the dealer can make.
    const u = ed25519.Point.Fp.fromBytes(victim)
    const { Fp } = ed25519.Point
    const y = Fp.toBytes(Fp.mul(Fp.sub(u, 1n), Fp.inv(Fp.add(u, 1n))))
    const { request } = withBent({ envelope: (_, sealed) => withPoint(sealed, Buffer.from(y).toString('hex')) })
    await refuses('ephemeral-key-invalid', () => finishKeyGeneration(engine, request))
    // Nor can it resend an honest dealer's sealed share: the signature names dealer and receiver.
    const theirs = started.parties[0]!.messages.sealedShares[RECEIVER]!.subarray(150)
    const again = withBent({ envelope: (j, sealed) => (j === RECEIVER ? theirs : sealed) })
    await refuses('ephemeral-key-invalid', () => finishKeyGeneration(engine, again.request))
    expect(theirs.length).to.equal(honest.length)
  })

  it('a member with a registered key that opens nothing convicts itself when it complains', async () => {
    const { members } = makeMembers(4)
    for (const key of [new Uint8Array(32), new Uint8Array(32).fill(255), twistKey()]) {
      expect(isUsableKey(key)).to.equal(false)
      const roster = members.map((member, j) => (j === RECEIVER ? { ...member, encryptionKey: key } : member))
      const { dealing, sealedShares } = bentDealing(engine, { ...ground(), members: roster }, DEALER)
      const subject = { ...ground(), members: roster, accused: DEALER, dealing, sealedShare: sealedShares[RECEIVER]! }
      const evidence = new Uint8Array(EVIDENCE_BYTES).fill(1)
      expect(judgeComplaint(engine, { ...subject, complainer: RECEIVER, evidence })).to.equal('complainer')
    }
  })

  /** The least u that is on the twist. */
  function twistKey(): Uint8Array {
    for (let u = 2; ; u++) {
      const key = new Uint8Array(32)
      key[0] = u
      if (!isUsableKey(key)) return key
    }
  }
})
