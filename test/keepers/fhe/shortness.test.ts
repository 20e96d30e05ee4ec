// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import {
  checkUpdate,
  checkUpdatePoint,
  claimedScalar,
  type Engine,
  encryptUpdate,
  type FheErrorCode,
  KEY_TEST_ROUND,
  keyTestVector,
  MemoryOnceGuard,
  openEngine,
  type Plan,
  type RoundContext,
  readClaim,
  Secret,
  updateClaim,
} from '../../../keepers/fhe/index.ts'
import { decodeProof, encodeProof, type ShortnessProof } from '../../../keepers/fhe/shortness-format.ts'
import { garbage, inverseMod } from './arithmetic.ts'
import { type Ceremony, ceremony, ROUND, testPlan, vectorOf } from './ceremony.ts'
import { refuses } from './rejection.ts'
import { forgedUpdate, narrowed, type Round } from './round.ts'
import { flipped } from './tampering.ts'

const SENDER = 0
const MEMBERS = 5

describe('fhe short updates', () => {
  let plan: Plan
  let engine: Engine
  let keys: Ceremony
  let bytes: Uint8Array
  before(async () => {
    plan = testPlan(MEMBERS, 3, { scaleBits: 'widest', vectorLength: 9000, clipNorm: 20 })
    engine = await openEngine(plan)
    keys = await ceremony(engine)
    bytes = await encrypt(atTheBound(1))
  })
  after(() => engine.close())

  /** A vector of exactly the clip norm. */
  function atTheBound(seed: number): Float64Array {
    const vector = vectorOf(plan.vectorLength, seed, 1)
    const norm = Math.hypot(...vector)
    return vector.map((value) => (value * plan.clipNorm) / norm)
  }
  const encrypt = (vector: Float64Array, context: RoundContext = ROUND, memberKey = keys.memberKeys.get(SENDER)!) =>
    encryptUpdate(engine, { context, memberKey, vector, weight: 1, guard: new MemoryOnceGuard() })
  const point = (self: number, update: Uint8Array, context: RoundContext = ROUND, sender = SENDER) =>
    checkUpdatePoint(engine, { context, memberKey: keys.memberKeys.get(self)!, sender, bytes: update })
  const publicly = (update: Uint8Array, context: RoundContext = ROUND, sender = SENDER) =>
    checkUpdate(engine, update, { context, sender, keyHash: keys.keyHash })
  /** The members that find the update's claim consistent with their dealt values. */
  async function agreeing(update: Uint8Array, context: RoundContext = ROUND, sender = SENDER): Promise<number[]> {
    publicly(update, context, sender)
    const found: number[] = []
    for (let self = 0; self < MEMBERS; self++) {
      if ((await point(self, update, context, sender)).agrees) found.push(self)
    }
    return found
  }
  const proofOf = (update: Uint8Array) =>
    decodeProof(plan, SENDER, update.subarray(update.length - plan.bytes.shortnessProof))
  function withProof(update: Uint8Array, change: Partial<ShortnessProof>): Uint8Array {
    const copy = update.slice()
    const proof = encodeProof(plan, { ...proofOf(update), ...change })
    copy.set(proof, copy.length - proof.length)
    return copy
  }
  const EVERYONE = [0, 1, 2, 3, 4]

  it('honest updates at the clip norm pass, whatever they look like, at the first or second drawing of masks', async () => {
    const one = new Float64Array(plan.vectorLength)
    one[17] = plan.clipBound
    const alternating = Float64Array.from({ length: plan.vectorLength }, (_, i) => (i % 2 ? 1 : -1) * 0.21)
    const vectors = [atTheBound(2), one, alternating, new Float64Array(plan.vectorLength), atTheBound(3)]
    for (const [i, vector] of vectors.entries()) {
      const context = { ...ROUND, round: 20 + i }
      const update = await encrypt(vector, context)
      expect(update.length).to.equal(plan.bytes.update)
      expect(await agreeing(update, context)).to.deep.equal(EVERYONE)
    }
  })

  it('the same request has the same proof, and a claim survives being stored', async () => {
    expect(Buffer.compare(await encrypt(atTheBound(1)), bytes)).to.equal(0)
    const claim = updateClaim(engine, { context: ROUND, keyHash: keys.keyHash, sender: SENDER, bytes })
    const again = readClaim(plan, claim.bytes)
    expect(again).to.deep.equal(claim)
    const { scalar } = await point(3, bytes)
    expect(scalar.length).to.equal(32)
    expect(plan.bytes.checkScalar).to.equal(32)
    expect(claimedScalar(plan, again, 3)).to.deep.equal(scalar)
    await refuses('truncated', () => readClaim(plan, claim.bytes.subarray(0, -1)))
    await refuses('invalid-argument', () => readClaim(plan, flipped(claim.bytes, 1)))
  })

  it('every member rejects garbage in place of ciphertexts, and a proof of zeros', async () => {
    const { kernel } = engine
    const round = { plan, engine, keys } as unknown as Round
    const junk = forgedUpdate(
      round,
      SENDER,
      [0, 1].map((index) => narrowed(round, garbage(kernel), index)),
    )
    expect(await agreeing(junk.bytes)).to.deep.equal([])
    const copy = bytes.slice()
    copy.set(narrowed(round, garbage(kernel)), 148)
    expect(await agreeing(copy)).to.deep.equal([])
    const zeros = bytes.slice().fill(0, bytes.length - plan.bytes.shortnessProof)
    expect(await agreeing(zeros)).to.deep.equal([])
  })

  it('one coefficient of one ciphertext altered, even by one: nobody agrees', async () => {
    for (const at of [148, 148 + plan.wire.width * 9001]) {
      expect(await agreeing(flipped(bytes, at))).to.deep.equal([])
    }
  })

  it('every member rejects an update under a secret other than the dealt one', async () => {
    const key = keys.memberKeys.get(SENDER)!
    const { degree } = plan.set
    const material = Secret.take(
      key.material.reveal((own) => {
        const copy = own.slice()
        copy.set(keys.memberKeys.get(1)!.material.reveal((other) => other.slice(0, degree)))
        return copy
      }),
    )
    const update = await encrypt(atTheBound(1), ROUND, { ...key, material })
    expect(await agreeing(update)).to.deep.equal([])
  })

  it('every member rejects a proof replayed from another round, sender or update', async () => {
    const later = { ...ROUND, round: 8 }
    const next = await encrypt(atTheBound(1), later)
    const others = await encrypt(atTheBound(1), ROUND, keys.memberKeys.get(1)!)
    await refuses('wrong-round', () => publicly(bytes, later))
    await refuses('wrong-sender', () => publicly(others))
    await refuses('wrong-epoch', () => publicly(bytes, { ...ROUND, epoch: 4 }))
    const graft = (onto: Uint8Array, from: Uint8Array) => {
      const copy = onto.slice()
      copy.set(from.subarray(from.length - plan.bytes.shortnessProof), from.length - plan.bytes.shortnessProof)
      return copy
    }
    expect(await agreeing(graft(next, bytes), later)).to.deep.equal([])
    expect(await agreeing(graft(others, bytes), ROUND, 1)).to.deep.equal([])
    const another = await encrypt(atTheBound(4))
    expect(await agreeing(graft(another, bytes))).to.deep.equal([])
  })

  it('nothing of a proof can be altered', async () => {
    const proof = proofOf(bytes)
    const bump = (view: Uint8Array) => {
      const copy = view.slice()
      copy[0]! ^= 1
      return copy
    }
    const raise = (of: readonly (readonly bigint[])[], k: number) =>
      of.map((row, at) => (at === k ? row.map((value, column) => (column === 1 ? value ^ 1n : value)) : row))
    const changes: [string, Partial<ShortnessProof>, number[]][] = [
      ['the candidate', { candidate: proof.candidate ^ 1 }, []],
      ['a correction', { corrections: bump(proof.corrections) }, []],
      ['the path', { path: bump(proof.path) }, []],
      [
        'z, by one',
        { z: proof.z.map((value, row) => (row === 140 ? (value > 0n ? value - 1n : value + 1n) : value)) },
        [],
      ],
      ['z, to its negative', { z: proof.z.map((value) => -value) }, []],
      ['H, in its first coefficient', { differences: raise(proof.differences, 0) }, []],
      // C(1, 2) = 0: member 0 does not see it.
      ['H, in its last coefficient', { differences: raise(proof.differences, 1) }, [0]],
    ]
    for (const [what, change, agree] of changes) {
      expect(await agreeing(withProof(bytes, change)), what).to.deep.equal(agree)
    }
  })

  it('colluders who make H agree with t − 1 members of their choice are seen by all the others', async () => {
    const primes = plan.set.primes.slice(0, 2)
    // A false z that is short; ρ follows from it, and with it what each member will find.
    const z = proofOf(bytes).z.map((value) => value / 2n)
    const lie = withProof(bytes, { z })
    const zero = updateClaim(engine, { context: ROUND, keyHash: keys.keyHash, sender: SENDER, bytes: lie })
    for (const [a, b] of [
      [1, 3],
      [0, 4],
    ] as const) {
      const truth = [await point(a, lie), await point(b, lie)].map(({ scalar }) => new DataView(scalar.buffer))
      const columns = [0, 1, 2, 3].map((column) => {
        const p = primes[column % 2]!
        const [x, y] = [BigInt(a + 1), BigInt(b + 1)]
        const h0 = zero.differences[0]![column]!
        const [u, v] = truth.map((scalar) => scalar.getBigUint64(8 * column, true) - h0) as [bigint, bigint]
        // u = x·d1 + C(x, 2)·d2 and v = y·d1 + C(y, 2)·d2.
        const [cx, cy] = [(x * (x - 1n)) / 2n, (y * (y - 1n)) / 2n]
        const mod = (value: bigint) => ((value % p) + p) % p
        const inverse = inverseMod(mod(x * cy - y * cx), p)
        return [mod((u * cy - v * cx) * inverse), mod((x * v - y * u) * inverse)]
      })
      const differences = [0, 1].map((k) => columns.map((column) => column[k]!))
      expect(await agreeing(withProof(lie, { differences }))).to.deep.equal([a, b])
    }
  })

  it('refuses malformed proofs, each by its name', async () => {
    const proof = proofOf(bytes)
    const tooLong = proof.z.map((value, row) => (row === 7 ? plan.proof.limit + 1n : value))
    const tooNegative = proof.z.map((value, row) => (row === 143 ? -plan.proof.limit - 1n : value))
    const atLimit = proof.z.map((value, row) => (row === 7 ? -plan.proof.limit : value))
    publicly(withProof(bytes, { z: atLimit }))
    const primeAt = (at: number, l: number) => {
      const copy = bytes.slice()
      new DataView(copy.buffer).setBigUint64(at, plan.set.primes[l]!, true)
      return copy
    }
    const start = bytes.length - plan.bytes.shortnessProof
    const refused: [string, Uint8Array, FheErrorCode][] = [
      ['a candidate that is not there', withProof(bytes, { candidate: 1024 }), 'proof-malformed'],
      ['a correction that is its prime', primeAt(start + 2, 0), 'coefficient-out-of-range'],
      ['a correction of the second prime', primeAt(start + 2 + 8 * 287, 1), 'coefficient-out-of-range'],
      ['H with a coefficient that is its prime', primeAt(bytes.length - 8, 1), 'coefficient-out-of-range'],
      ['z above its bound', withProof(bytes, { z: tooLong }), 'update-too-long'],
      ['z below its bound', withProof(bytes, { z: tooNegative }), 'update-too-long'],
      ['no proof', bytes.subarray(0, start), 'truncated'],
      ['half a proof', bytes.subarray(0, bytes.length - 1), 'truncated'],
      ['more than a proof', new Uint8Array(Buffer.concat([bytes, Buffer.alloc(8)])), 'trailing-bytes'],
    ]
    for (const [what, update, code] of refused) {
      const error = await refuses(code, () => publicly(update))
      await refuses(code, () => point(2, update))
      expect(error.message, what).to.match(/^[a-z-]+: /)
    }
  })

  it('refuses a vector above the clip norm, and takes the weight into account', async () => {
    const guard = new MemoryOnceGuard()
    const vector = atTheBound(1).map((value) => 1.001 * value)
    const memberKey = keys.memberKeys.get(SENDER)!
    const request = { context: ROUND, memberKey, vector, guard }
    const error = await refuses('invalid-argument', () => encryptUpdate(engine, { ...request, weight: 1 }))
    expect(error.message).to.match(/clip norm 20/)
    await encryptUpdate(engine, { ...request, weight: 0.99 })
  })

  it('uses the pads of a round once: the same round again is the same update, another round on them is refused', async () => {
    const guard = new MemoryOnceGuard()
    const memberKey = keys.memberKeys.get(SENDER)!
    const request = { memberKey, vector: atTheBound(1), weight: 1, guard }
    await encryptUpdate(engine, { ...request, context: ROUND })
    expect(Buffer.compare(await encryptUpdate(engine, { ...request, context: ROUND }), bytes)).to.equal(0)
    for (let round = ROUND.round + 1; round < ROUND.round + 3; round++) {
      await encryptUpdate(engine, { ...request, context: { ...ROUND, round } })
    }
    const again = { ...ROUND, round: ROUND.round + plan.roundsPerKey }
    const error = await refuses('pads-used-up', () => encryptUpdate(engine, { ...request, context: again }))
    expect(error.detail.pad).to.equal(ROUND.round % plan.roundsPerKey)
  })

  it('has no proof in the trial decryption, since everyone knows the outcome', async () => {
    const context = { ...ROUND, round: KEY_TEST_ROUND }
    const memberKey = keys.memberKeys.get(SENDER)!
    const vector = keyTestVector(plan, keys.keyHash)
    const update = await encryptUpdate(engine, { context, memberKey, vector, weight: 1, guard: new MemoryOnceGuard() })
    expect(update.length).to.equal(148 + plan.wire.width * plan.set.degree)
    publicly(update, context)
    await refuses('invalid-argument', () => point(1, update, context))
  })

  it('z and the mask that was taken say nothing about the update: one distribution for two very different ones', async () => {
    const one = new Float64Array(plan.vectorLength)
    one[17] = plan.clipBound
    const runs = 24
    const seen: number[][] = []
    const masks: number[] = []
    for (const vector of [atTheBound(1), one]) {
      const values: number[] = []
      let taken = 0
      for (let run = 0; run < runs; run++) {
        const { z, candidate } = proofOf(await encrypt(vector, { ...ROUND, round: 100 + run }))
        for (const value of z) values.push(Number(value) / Number(plan.proof.limit))
        taken += candidate / runs
      }
      seen.push(values.sort((a, b) => a - b))
      masks.push(taken)
    }
    const n = seen[0]!.length
    expect(n).to.equal(runs * 144)
    // Kolmogorov and Smirnov against the uniform distribution on ±1, and of the two samples: 2.6/√n three times in a million.
    const distance = (values: readonly number[]) =>
      Math.max(...values.map((value, i) => Math.abs((value + 1) / 2 - (i + 0.5) / n)))
    for (const values of seen) expect(distance(values)).to.be.below(2.6 / Math.sqrt(n))
    let [i, j, apart] = [0, 0, 0]
    while (i < n && j < n) {
      if (seen[0]![i]! < seen[1]![j]!) i++
      else j++
      apart = Math.max(apart, Math.abs(i - j) / n)
    }
    expect(apart).to.be.below(2.6 * Math.sqrt(2 / n))
    // Geometric with 3/1024, cut at 1,024: about 290 on average, ± 50 for 24 of them.
    for (const taken of masks) expect(taken).to.be.within(40, 560)
  }).timeout(180_000)

  it('gives the same proof and the same scalars on a pool of workers', async () => {
    const pooled = await openEngine(plan, { workers: 2 })
    const memberKey = keys.memberKeys.get(SENDER)!
    const guard = new MemoryOnceGuard()
    const update = await encryptUpdate(pooled, { context: ROUND, memberKey, vector: atTheBound(1), weight: 1, guard })
    expect(Buffer.compare(update, bytes)).to.equal(0)
    const request = { context: ROUND, memberKey: keys.memberKeys.get(2)!, sender: SENDER, bytes }
    const [ours, theirs] = [await checkUpdatePoint(engine, request), await checkUpdatePoint(pooled, request)]
    expect(theirs.scalar).to.deep.equal(ours.scalar)
    const controller = new AbortController()
    controller.abort(new Error('enough'))
    const stopped = checkUpdatePoint(pooled, { ...request, signal: controller.signal })
    expect(await stopped.catch((error) => error.message)).to.equal('enough')
    expect((await checkUpdatePoint(pooled, request)).agrees).to.equal(true)
    await pooled.close()
  })
})
