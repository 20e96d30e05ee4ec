// SPDX-License-Identifier: GPL-3.0-or-later
// Two key generations of one epoch, as after a reorganisation or on a chain that a lying endpoint makes up: same members, same
// number, another reference string. Evidence that a member shows in one must open nothing that was sealed in the other.
import { createHash } from 'node:crypto'
import { expect } from 'chai'
import { openSharedSecret } from '../../../keepers/fhe/curve.ts'
import { hash } from '../../../keepers/fhe/encoding.ts'
import { openWith, readEnvelope } from '../../../keepers/fhe/envelope.ts'
import { type Engine, FheError, finishKeyGeneration, openComplaint, openEngine } from '../../../keepers/fhe/index.ts'
import { frameOf } from '../../../keepers/fhe/key-frame.ts'
import {
  decodeDealing,
  decodeSealedShare,
  encodeDealing,
  sealedShareBinding,
  sealedShareDigest,
} from '../../../keepers/fhe/key-messages.ts'
import { withDealt, withOwnSecret } from '../../../keepers/fhe/member-key.ts'
import { lagrangeAtZero } from '../../../keepers/fhe/shamir.ts'
import { CRS, EPOCH, finishRequest, startAll, testPlan } from './ceremony.ts'
import { bentDealing } from './dealer.ts'
import { refuses } from './rejection.ts'

/** (4, 3): members 2 and 3 collude with whoever shows member 1 a chain; member 0 has dealt honestly. */
const VICTIM = 0
const RECEIVER = 1
const COLLUDERS = [2, 3]

describe('fhe shares of another key generation of the same epoch', () => {
  let engine: Engine
  let started: Awaited<ReturnType<typeof startAll>>
  before(async () => {
    engine = await openEngine(testPlan(4, 3, { scaleBits: 'widest', roundsPerKey: 2 }))
    started = await startAll(engine)
  })
  after(() => engine.close())

  /** The victim's dealing as an attacker forges it for `crs`: it names what the victim has sealed, and a check that nothing fits. */
  function forged(crs: Uint8Array) {
    const ground = { context: EPOCH, members: started.members, crs }
    const real = started.parties[VICTIM]!.messages
    const { h } = decodeDealing(frameOf(engine, ground, VICTIM), VICTIM, bentDealing(engine, ground, VICTIM).dealing)
    const digests = real.sealedShares.map(sealedShareDigest)
    const dealing = encodeDealing(frameOf(engine, ground, VICTIM), VICTIM, { digests, h })
    return { ...ground, accused: VICTIM, dealing, sealedShare: real.sealedShares[RECEIVER]! }
  }

  const evidenceFor = (subject: ReturnType<typeof forged>) =>
    openComplaint(engine, {
      ...subject,
      self: RECEIVER,
      encryptionKey: started.parties[RECEIVER]!.keys.secretKey,
    })

  /** Anyone with evidence reads the share inside, by the binding of `crs`. */
  function opened(crs: Uint8Array, evidence: Uint8Array): Uint8Array {
    const { sealedShare, ...ground } = forged(crs)
    const frame = frameOf(engine, ground, VICTIM)
    const binding = sealedShareBinding(frame, VICTIM, RECEIVER)
    const envelope = readEnvelope(decodeSealedShare(frame, VICTIM, RECEIVER, sealedShare), binding)
    const about = hash('complaint', binding, hash('disputed share', sealedShare))
    const { encryptionKey } = started.members[RECEIVER]!
    const shared = openSharedSecret(encryptionKey, envelope.point, evidence, about)!
    return openWith(shared, encryptionKey, envelope, binding, (share) => share.slice())
  }

  /** f(0) of the victim from three points, modulo the first data prime. */
  function interpolated(points: ReadonlyMap<number, Uint8Array>): bigint[] {
    const p = engine.plan.set.primes[0]!
    const set = [...points.keys()]
    const terms = [...points].map(([j, share]) => ({
      factor: lagrangeAtZero(set, j, p),
      view: new DataView(share.buffer, share.byteOffset),
    }))
    return Array.from({ length: engine.plan.set.degree }, (_, k) =>
      terms.reduce((sum, { factor, view }) => (sum + factor * view.getBigUint64(8 * k, true)) % p, 0n),
    )
  }

  async function colludersPoints(): Promise<Map<number, Uint8Array>> {
    const points = new Map<number, Uint8Array>()
    for (const self of COLLUDERS) {
      const key = await finishKeyGeneration(engine, finishRequest(started.parties, started.members, self))
      points.set(
        self,
        withDealt(engine.plan, key, VICTIM, (dealt) => dealt.slice()),
      )
    }
    return points
  }

  it('the attack: evidence about a real share under a forged check gives t − 1 colluders the secret of its dealer', async () => {
    // Under the same reference string the forgery is indistinguishable. The receiver has then not confirmed that key, and will not.
    const points = await colludersPoints()
    points.set(RECEIVER, opened(CRS, evidenceFor(forged(CRS))))
    const found = interpolated(points)
    const own = await finishKeyGeneration(engine, finishRequest(started.parties, started.members, VICTIM))
    await withOwnSecret(engine.kernel, own, new Uint8Array(32), async (s) => {
      const view = new DataView(s.buffer, s.byteOffset)
      expect(found).to.deep.equal(found.map((_, k) => view.getBigUint64(8 * k, true)))
    })
  })

  it('under another reference string the share is refused for all to see, and no evidence is made of it', async () => {
    const crs = new Uint8Array(createHash('sha256').update('a block of another branch').digest())
    const subject = forged(crs)
    const ground = { context: EPOCH, members: started.members, crs }
    // The receiver's own dealing of that branch, and others that do not matter: the victim's comes first.
    const mine = bentDealing(engine, ground, RECEIVER)
    const request = {
      ...finishRequest(started.parties, started.members, RECEIVER),
      crs,
      dealings: started.parties.map((_, i) => (i === VICTIM ? subject.dealing : mine.dealing)),
      sealedShares: started.parties.map((_, i) => (i === VICTIM ? subject.sealedShare : mine.sealedShares[RECEIVER]!)),
    }
    const error = await refuses('malformed-message', () => finishKeyGeneration(engine, request))
    expect([error.detail.sender, error.detail.complain]).to.deep.equal([VICTIM, 'public'])
    expect(() => evidenceFor(subject)).to.throw(FheError, 'reference string')
    // Nor by changing the bytes that name it: its maker has signed for one.
    const moved = subject.sealedShare.slice()
    moved.set(crs, 116)
    const digests = started.parties.map((_, j) => sealedShareDigest(j === RECEIVER ? moved : subject.sealedShare))
    const { h } = decodeDealing(frameOf(engine, ground, VICTIM), VICTIM, subject.dealing)
    const dealing = encodeDealing(frameOf(engine, ground, VICTIM), VICTIM, { digests, h })
    expect(() => evidenceFor({ ...subject, dealing, sealedShare: moved })).to.throw(FheError, 'exponent')
  })
})
