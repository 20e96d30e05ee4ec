// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import {
  type Aggregate,
  aggregate,
  checkDecryptionShare,
  checkUpdate,
  combine,
  decodeAggregate,
  encryptUpdate,
  KEY_TEST_ROUND,
  MemoryShareGuard,
  openEngine,
  partialDecrypt,
} from '../../../keepers/fhe/index.ts'
import { garbage } from './arithmetic.ts'
import { ceremony, EPOCH, ROUND, testPlan, vectorOf } from './ceremony.ts'
import { refuses } from './rejection.ts'
import { encryptOf, openRound, polynomialOf, type Round, shareRequest, sharesOf, sumOf } from './round.ts'

const ACTIVE = [0, 2, 4]
/** Where the fields of a header begin. */
const AT = {
  magic: 0,
  version: 4,
  type: 5,
  sender: 6,
  chain: 8,
  service: 16,
  epoch: 36,
  round: 44,
  plan: 52,
  parms: 84,
  key: 116,
}

let round: Round
before(async () => {
  round = await openRound()
})
after(() => round.engine.close())

const expected = (sender = 0) => ({ context: ROUND, sender, collectiveKeyHash: round.keys.collectiveKey.hash })

function flipped(bytes: Uint8Array, at: number, mask = 1): Uint8Array {
  const copy = bytes.slice()
  copy[at < 0 ? copy.length + at : at]! ^= mask
  return copy
}

const HEADER_REFUSALS = [
  [AT.magic, 'bad-magic'],
  [AT.version, 'unsupported-version'],
  [AT.type, 'wrong-message-type'],
  [AT.chain, 'wrong-chain'],
  [AT.service, 'wrong-service'],
  [AT.epoch, 'wrong-epoch'],
  [AT.round, 'wrong-round'],
  [AT.plan, 'wrong-plan'],
  [AT.sender, 'wrong-sender'],
] as const

describe('fhe updates', () => {
  const check = (bytes: Uint8Array, sender = 0) => checkUpdate(round.engine, bytes, expected(sender))

  it('has the length that the plan states and passes its own check', () => {
    expect(round.updates[0]!.bytes.length).to.equal(round.plan.bytes.update)
    check(round.updates[0]!.bytes)
  })

  for (const [at, code] of HEADER_REFUSALS) {
    it(`refuses one with another field at ${at}: ${code}`, () =>
      refuses(code, () => check(flipped(round.updates[0]!.bytes, at))))
  }

  it('refuses another member’s, other parameters, another key, another length', async () => {
    const { bytes } = round.updates[0]!
    await refuses('wrong-sender', () => check(bytes, 1))
    await refuses('wrong-parms-id', () => check(flipped(bytes, AT.parms)))
    await refuses('wrong-key', () => check(flipped(bytes, AT.key)))
    for (const length of [0, 1, 83, 84, 150, bytes.length - 8, bytes.length - 1]) {
      await refuses('truncated', () => check(bytes.subarray(0, length)))
    }
    await refuses('trailing-bytes', () => check(Buffer.concat([bytes, Buffer.alloc(8)])))
    await refuses('invalid-argument', () => check('not bytes' as unknown as Uint8Array))
  })

  it('refuses a coefficient that is q or more, in c0 and in c1, and a zero c1', async () => {
    const { polynomial } = round.plan.bytes
    for (const back of [2 * polynomial, polynomial, 8]) {
      const bad = round.updates[0]!.bytes.slice()
      const q = round.plan.set.primes[back === 8 ? 1 : 0]!
      new DataView(bad.buffer).setBigUint64(bad.length - back, q, true)
      await refuses('coefficient-out-of-range', () => check(bad))
      new DataView(bad.buffer).setBigUint64(bad.length - back, q - 1n, true)
      check(bad)
    }
    const transparent = round.updates[0]!.bytes.slice()
    transparent.fill(0, transparent.length - polynomial)
    await refuses('transparent-ciphertext', () => check(transparent))
  })

  it('refuses vectors that are too long, unclipped or not finite, and weights out of range, without naming a value', async () => {
    const { engine, keys } = round
    const request = { context: ROUND, sender: 0, collectiveKey: keys.collectiveKey, vector: vectorOf(50, 1), weight: 1 }
    await refuses('invalid-argument', () => encryptUpdate(engine, { ...request, vector: vectorOf(51, 1) }))
    await refuses('invalid-argument', () => encryptUpdate(engine, { ...request, sender: 5 }))
    for (const weight of [0, -1, 1.01, Number.NaN]) {
      await refuses('invalid-argument', () => encryptUpdate(engine, { ...request, weight }))
    }
    for (const value of [8.25, Number.NaN, Number.NEGATIVE_INFINITY]) {
      const vector = vectorOf(50, 1)
      vector[17] = value
      const error = await refuses('invalid-argument', () => encryptUpdate(engine, { ...request, vector }))
      expect(error.detail.index).to.equal(17)
      expect(error.message).to.not.include('8.25')
    }
  })

  it('takes float32 vectors clipped to the bound', async () => {
    const { engine, keys } = round
    const vector = new Float32Array(50).fill(8)
    await encryptUpdate(engine, { context: ROUND, sender: 0, collectiveKey: keys.collectiveKey, vector, weight: 1 })
  })
})

describe('fhe aggregation', () => {
  it('gives equal bytes and hash whatever the order, and the same from bytes', async () => {
    const again = await sumOf(round, [...round.updates].reverse())
    expect(Buffer.compare(again.bytes, round.sum.bytes)).to.equal(0)
    expect(Buffer.compare(again.hash, round.sum.hash)).to.equal(0)
    const decoded = decodeAggregate(round.engine, round.sum.bytes, expected())
    expect(Buffer.compare(decoded.hash, round.sum.hash)).to.equal(0)
    expect(decoded.contributors).to.deep.equal([0, 1, 2, 3, 4])
    expect(decoded.c1Hashes).to.deep.equal(round.sum.c1Hashes)
  })

  it('hashes differ with any update left out and any bit of the bytes', async () => {
    const fewer = await sumOf(round, round.updates.slice(1))
    expect(Buffer.compare(fewer.hash, round.sum.hash)).to.not.equal(0)
    const bit = decodeAggregate(round.engine, flipped(round.sum.bytes, -8), expected())
    expect(Buffer.compare(bit.hash, round.sum.hash)).to.not.equal(0)
  })

  it('refuses the same sender twice, strangers, nothing at all, and one bad update among good ones', async () => {
    await refuses('duplicate-sender', () => sumOf(round, [round.updates[0]!, round.updates[0]!]))
    await refuses('invalid-argument', () => sumOf(round, [{ sender: 5, bytes: round.updates[0]!.bytes }]))
    await refuses('no-updates', () => sumOf(round, []))
    const bad = { sender: 1, bytes: flipped(round.updates[1]!.bytes, -1, 0xff) }
    await refuses('coefficient-out-of-range', () => sumOf(round, [round.updates[0]!, bad]))
  })

  it('refuses a sum that somebody’s negative made transparent', async () => {
    const { bytes } = round.updates[0]!
    const { polynomial } = round.plan.bytes
    const negative = bytes.slice()
    const words = new BigUint64Array(negative.buffer.slice(negative.length - polynomial))
    const { primes, degree } = round.plan.set
    const negated = words.map((value, i) => (value === 0n ? 0n : primes[Math.floor(i / degree)]! - value))
    negative.set(new Uint8Array(negated.buffer), negative.length - polynomial)
    new DataView(negative.buffer).setUint16(AT.sender, 1, true)
    await refuses('transparent-ciphertext', () => sumOf(round, [round.updates[0]!, { sender: 1, bytes: negative }]))
  })

  it('refuses aggregates with other headers, no or impossible contributors, and two equal ciphertexts', async () => {
    const decode = (bytes: Uint8Array) => decodeAggregate(round.engine, bytes, expected())
    for (const [at, code] of HEADER_REFUSALS) await refuses(code, () => decode(flipped(round.sum.bytes, at)))
    const nobody = round.sum.bytes.slice()
    nobody.fill(0, 148, 180)
    await refuses('no-updates', () => decode(nobody))
    await refuses('malformed-message', () => decode(flipped(round.sum.bytes, 148, 32)))
    await refuses('truncated', () => decode(round.sum.bytes.subarray(0, -1)))

    const two = await openRound({ vectorLength: 5000 }, 1, 1)
    const size = 2 * two.plan.bytes.polynomial
    const twin = two.sum.bytes.slice()
    twin.copyWithin(twin.length - size, twin.length - 2 * size, twin.length - size)
    const from = { context: ROUND, collectiveKeyHash: two.keys.collectiveKey.hash }
    await refuses('duplicate-ciphertext', () => decodeAggregate(two.engine, twin, from))
    await two.engine.close()
  })
})

describe('fhe partial decryption', () => {
  it('refuses what is not the attested sum of enough updates with our own among them', async () => {
    const ask =
      (options: Parameters<typeof shareRequest>[3], self = 0, active = ACTIVE) =>
      () =>
        partialDecrypt(round.engine, shareRequest(round, self, active, options))
    await refuses('not-attested', ask({ policy: { attestedHash: new Uint8Array(32) } }))
    await refuses('too-few-contributors', ask({ policy: { minContributors: 6 } }))
    await refuses('too-few-contributors', ask({ policy: { minContributors: Number.NaN } }))
    const without = await sumOf(round, round.updates.slice(1))
    await refuses('own-update-missing', ask({ aggregate: without }))
    await ask({ aggregate: without, policy: { ownUpdate: 'abstained' } })()
    await refuses('not-in-active-set', ask({}, 1))
    await refuses('too-few-shares', ask({}, 0, [0, 2]))
    await refuses('wrong-active-set', ask({}, 0, [0, 2, 2]))
    await refuses('wrong-active-set', ask({}, 0, [0, 2, 5]))
    await refuses('wrong-round', ask({ context: { ...ROUND, round: 8 } }))
    await refuses('wrong-epoch', ask({ context: { ...ROUND, epoch: 4 } }))
    const forged: Aggregate = { ...round.sum }
    await refuses('invalid-argument', ask({ aggregate: forged }))
  })

  it('refuses with the key share of another epoch', async () => {
    const other = await ceremony(round.engine, [0])
    const request = { ...shareRequest(round, 0, ACTIVE), secretShare: other.shares.get(0)! }
    await refuses('wrong-key', () => partialDecrypt(round.engine, request))
  })

  it('gives identical bytes for the same request, and refuses another active set or another sum of the same c1', async () => {
    const guard = new MemoryShareGuard()
    const first = await partialDecrypt(round.engine, shareRequest(round, 2, ACTIVE, { guard }))
    const second = await partialDecrypt(round.engine, shareRequest(round, 2, [4, 0, 2], { guard }))
    expect(Buffer.compare(first, second)).to.equal(0)
    await refuses('share-already-given', () =>
      partialDecrypt(round.engine, shareRequest(round, 2, [0, 1, 2], { guard })),
    )
    // The same c1 under another c0 is another aggregate.
    const { polynomial } = round.plan.bytes
    const altered = decodeAggregate(round.engine, flipped(round.sum.bytes, -polynomial - 8), expected())
    expect(altered.c1Hashes).to.deep.equal(round.sum.c1Hashes)
    await refuses('share-already-given', () =>
      partialDecrypt(round.engine, shareRequest(round, 2, ACTIVE, { guard, aggregate: altered })),
    )
    // Another member’s guard knows nothing of it, and its share is its own.
    const other = await partialDecrypt(round.engine, shareRequest(round, 0, ACTIVE))
    expect(Buffer.compare(polynomialOf(round, other), polynomialOf(round, first))).to.not.equal(0)
  })

  it('records nothing when any ciphertext is refused, and claims before it computes', async () => {
    const guard = new MemoryShareGuard()
    const [a, b, c] = [1, 2, 3].map((byte) => new Uint8Array(32).fill(byte))
    guard.claim({ c1Hashes: [b!], requestHash: a! })
    await refuses('share-already-given', () => guard.claim({ c1Hashes: [a!, b!], requestHash: b! }))
    guard.claim({ c1Hashes: [a!], requestHash: c! })
    let claims = 0
    const stubborn = {
      claim() {
        claims++
        throw new Error('the disk is full')
      },
    }
    const request = { ...shareRequest(round, 0, ACTIVE), guard: stubborn }
    let message = ''
    await partialDecrypt(round.engine, request).catch((error: Error) => {
      message = error.message
    })
    expect([claims, message]).to.deep.equal([1, 'the disk is full'])
  })
})

describe('fhe combination', () => {
  let shares: Uint8Array[]
  before(async () => {
    shares = await sharesOf(round, ACTIVE)
  })
  const combineWith = (list: readonly Uint8Array[], activeSet = ACTIVE, sum = round.sum, context = ROUND) =>
    combine(round.engine, { context, aggregate: sum, activeSet, shares: list })
  const replaced = (share: Uint8Array) => [share, shares[1]!, shares[2]!]

  it('takes shares in any order, from an async source', async () => {
    const source = async function* () {
      for (const share of [shares[2]!, shares[0]!, shares[1]!]) yield share
    }
    const request = { context: ROUND, aggregate: round.sum, activeSet: ACTIVE }
    const { mean } = await combine(round.engine, { ...request, shares: source() })
    const wanted = round.vectors.reduce((sum, vector) => sum + vector[3]!, 0) / round.vectors.length
    expect(mean[3]).to.be.closeTo(wanted, round.plan.precision.meanError)
  })

  for (const [at, code] of HEADER_REFUSALS) {
    const wanted = code === 'wrong-sender' ? 'not-in-active-set' : code
    it(`refuses a share with another field at ${at}: ${wanted}`, () =>
      refuses(wanted, () => combineWith(replaced(flipped(shares[0]!, at)))))
  }

  it('refuses a share for another ciphertext, and a replayed one of another round', async () => {
    const others = await sumOf(round, round.updates.slice(0, 4))
    const foreign = await partialDecrypt(round.engine, shareRequest(round, 0, ACTIVE, { aggregate: others }))
    await refuses('wrong-aggregate', () => combineWith(replaced(foreign)))

    const later = { ...ROUND, round: 8 }
    const bytes = await encryptOf(round, 0, round.vectors[0]!, later)
    const sum = await sumOf(round, [{ sender: 0, bytes }], later)
    await refuses('wrong-round', () => combineWith(shares, ACTIVE, sum, later))
    await refuses('wrong-round', () => combineWith(shares, ACTIVE, sum))
  })

  it('refuses a share for another active set, another epoch, another key', async () => {
    const other = await partialDecrypt(round.engine, shareRequest(round, 0, [0, 1, 2]))
    await refuses('wrong-active-set', () => combineWith(replaced(other)))
    await refuses('wrong-epoch', () => combineWith(replaced(flipped(shares[0]!, AT.epoch))))
    await refuses('wrong-key', () => combineWith(replaced(flipped(shares[0]!, 84))))
  })

  it('refuses a missing, repeated, uninvited, truncated or overlong share', async () => {
    await refuses('too-few-shares', () => combineWith(shares.slice(0, 2)))
    await refuses('too-few-shares', () => combineWith(shares, [0, 2]))
    await refuses('duplicate-sender', () => combineWith([shares[0]!, shares[0]!, shares[2]!]))
    const uninvited = await partialDecrypt(round.engine, shareRequest(round, 1, [0, 1, 2]))
    await refuses('not-in-active-set', () => combineWith(replaced(uninvited)))
    await refuses('truncated', () => combineWith(replaced(shares[0]!.subarray(0, -1))))
    await refuses('truncated', () => combineWith(replaced(new Uint8Array(3))))
    await refuses('trailing-bytes', () => combineWith(replaced(Buffer.concat([shares[0]!, Buffer.alloc(1)]))))
  })

  it('refuses a coefficient of q or more, and names the sender', async () => {
    const bad = shares[0]!.slice()
    new DataView(bad.buffer).setBigUint64(bad.length - 8, round.plan.set.primes[1]!, true)
    const error = await refuses('coefficient-out-of-range', () => combineWith(replaced(bad)))
    expect(error.detail.sender).to.equal(0)
    const check = (bytes: Uint8Array) =>
      checkDecryptionShare(round.engine, bytes, { context: ROUND, aggregate: round.sum, activeSet: ACTIVE, sender: 0 })
    check(shares[0]!)
    await refuses('coefficient-out-of-range', () => check(bad))
  })

  it('refuses a garbage share, by what the slots look like', async () => {
    const bad = shares[0]!.slice()
    polynomialOf(round, bad).set(garbage(round.engine.kernel))
    const error = await refuses('integrity-failed', () => combineWith(replaced(bad)))
    expect(error.detail.check).to.equal('imaginary parts')
    polynomialOf(round, bad).fill(0)
    await refuses('integrity-failed', () => combineWith(replaced(bad)))
  })

  it('notices one wrong coefficient of noise size times a thousand', async () => {
    const { kernel } = round.engine
    const { polynomial } = round.plan.bytes
    const block = kernel.allocate(polynomial)
    const bad = shares[0]!.slice()
    kernel.write(block, polynomialOf(round, bad))
    const shift = 1n << BigInt(round.plan.scaleBits - 4)
    for (let l = 0; l < kernel.dataPrimeCount; l++) {
      const at = kernel.residues(block, l)
      kernel.calls.inverse(kernel.records[l]!, at, kernel.logDegree)
      const words = new BigUint64Array(kernel.calls.memory.buffer, at, 1)
      // Of X^(N/2): purely imaginary in every slot.
      const middle = new BigUint64Array(kernel.calls.memory.buffer, at + 4 * round.plan.set.degree, 1)
      middle[0] = (middle[0]! + shift) % kernel.primes[l]!
      expect(words.length).to.equal(1)
      kernel.calls.forward(kernel.records[l]!, at, kernel.logDegree)
    }
    polynomialOf(round, bad).set(kernel.read(block))
    const error = await refuses('integrity-failed', () => combineWith(replaced(bad)))
    expect(error.detail.check).to.equal('imaginary parts')
    expect(error.detail.maxImaginary).to.be.closeTo(1 / 16, 1e-3)
  })

  it('refuses means beyond the clip bound and filled padding, which only a forged update brings', async () => {
    // A plan of the same shape but a wider clip bound makes what a cheat would send.
    const { seal } = await forgeries()
    await refuses('integrity-failed', () => seal.outOfBounds())
    await refuses('integrity-failed', () => seal.padded())
  })

  async function forgeries() {
    const { openSeal } = await import('./seal-objects.ts')
    const { updateFromSeal } = await import('../../../keepers/fhe/index.ts')
    const own = await openSeal(round.plan.set)
    const encryptor = new own.seal.Encryptor(own.context, own.publicKey(round.keys.collectiveKey.bytes))
    const forge = async (slots: Float64Array, check: string) => {
      const [plaintext, ciphertext] = [own.plaintext(), own.ciphertext()]
      own.encoder.encode(slots, 2 ** round.plan.scaleBits, plaintext)
      encryptor.encrypt(plaintext, ciphertext)
      const bytes = updateFromSeal(round.engine, { ...expected(), ciphertexts: [own.save(ciphertext)] })
      const sum = await sumOf(round, [{ sender: 0, bytes }])
      const forgedShares: Uint8Array[] = []
      for (const self of ACTIVE) {
        const policy = { minContributors: 1, ownUpdate: 'abstained' as const }
        forgedShares.push(
          await partialDecrypt(round.engine, shareRequest(round, self, ACTIVE, { aggregate: sum, policy })),
        )
      }
      await combineWith(forgedShares, ACTIVE, sum).catch((error) => {
        expect(error.detail.check).to.equal(check)
        throw error
      })
    }
    const honest = () => {
      const slots = new Float64Array(4096)
      slots[0] = 8
      return slots
    }
    return {
      seal: {
        outOfBounds: () => {
          const slots = honest()
          slots[5] = 9
          return forge(slots, 'means within the clip bound')
        },
        padded: () => {
          const slots = honest()
          slots[4000] = 1
          return forge(slots, 'unused slots')
        },
      },
    }
  }
})

describe('fhe between epochs', () => {
  it('nothing of one key fits another, even in the same place', async () => {
    const again = await openRound()
    const context = { context: ROUND, collectiveKeyHash: again.keys.collectiveKey.hash }
    await refuses('wrong-key', () => aggregate(again.engine, { ...context, updates: round.updates }))
    await refuses('wrong-key', () => decodeAggregate(again.engine, round.sum.bytes, context))
    await again.engine.close()
  })

  it('an aggregate of one plan is refused by an engine of another', async () => {
    const other = await openEngine(testPlan(5, 4, { scaleBits: 'widest' }))
    const request = shareRequest(round, 0, [0, 1, 2, 4])
    await refuses('wrong-plan', () => partialDecrypt(other, request))
    await other.close()
    expect(KEY_TEST_ROUND).to.equal(Number.MAX_SAFE_INTEGER)
    expect(EPOCH.epoch).to.equal(ROUND.epoch)
  })
})
