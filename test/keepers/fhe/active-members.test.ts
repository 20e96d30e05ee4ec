// SPDX-License-Identifier: GPL-3.0-or-later
// Members that send what no honest member would. In an earlier design the sender of a ciphertext chose c1, and the members
// multiplied it with the secret: (0, Δ) made them decrypt Δ·s. Here nobody chooses it, and this is what is left.
import { expect } from 'chai'
import { Core } from '../../../keepers/fhe/core.ts'
import { combine, partialDecrypt } from '../../../keepers/fhe/index.ts'
import { pack } from '../../../keepers/fhe/packing.ts'
import {
  add,
  coefficients,
  fromWords,
  garbage,
  ownSecret,
  polynomialOfCoefficients,
  product,
  subtract,
  valuesOf,
} from './arithmetic.ts'
import { ROUND } from './ceremony.ts'
import { refuses } from './rejection.ts'
import {
  forgedUpdate,
  narrowed,
  openRound,
  partOfMessage,
  polynomialOf,
  polynomialOfRound,
  type Round,
  shareRequest,
  sharesOf,
  sumOf,
  type Update,
  WIDER,
} from './round.ts'
import { flipped } from './tampering.ts'

/** Member 4 is the adversary; it is drafted, too. */
const ADVERSARY = 4
const HONEST = [0, 1, 2, 3]
const ACTIVE = [0, 2, 4]

describe('fhe against an active member', () => {
  let round: Round
  let core: Core
  before(async () => {
    round = await openRound({ vectorLength: 8191, ...WIDER })
    core = await Core.open(round.plan)
  })
  after(async () => {
    core[Symbol.dispose]()
    await round.engine.close()
  })

  /** Candidates for an adversary's one ciphertext, narrow. */
  function blobs(): Record<string, Uint8Array> {
    const { kernel, plan } = { kernel: round.engine.kernel, plan: round.plan }
    const zeros = new Array<bigint>(plan.set.degree).fill(0n)
    const constant = (value: bigint) => polynomialOfCoefficients(kernel, [value, ...zeros.slice(1)])
    const others = polynomialOf(round, round.updates[0]!.bytes)
    const polynomials = {
      zero: new Uint8Array(plan.bytes.polynomial),
      'a constant Δ': constant(1n << 100n),
      'a small Δ': constant(1n << 60n),
      'the largest residues': fromWords(
        plan.set.primes.slice(0, 2).flatMap((p) => new Array<bigint>(plan.set.degree).fill(p - 1n)),
      ),
      'another member’s update': others,
      'its negative': subtract(kernel, new Uint8Array(plan.bytes.polynomial), others),
      'the round’s own polynomial': polynomialOfRound(round),
      garbage: garbage(kernel),
    }
    return Object.fromEntries(Object.entries(polynomials).map(([what, of]) => [what, narrowed(round, of)]))
  }

  /** Everyone can compute this from the public messages of a round: c0 + Σ h_j. */
  function opened(sumBytes: Uint8Array, shares: readonly Uint8Array[]): Uint8Array {
    const m = polynomialOf(round, sumBytes)
    return shares.reduce((sum, share) => add(core.kernel, sum, polynomialOf(round, share)), m)
  }

  const withAdversary = (update: Update) => sumOf(round, [...round.updates.slice(0, ADVERSARY), update])

  it('its message changes no byte of the shares', async () => {
    const before = await sharesOf(round, ACTIVE)
    for (const [what, blob] of Object.entries(blobs())) {
      const sum = await withAdversary(forgedUpdate(round, ADVERSARY, [blob]))
      expect(sum.contributors, what).to.deep.equal(round.sum.contributors)
      expect(Buffer.compare(sum.hash, round.sum.hash), what).to.not.equal(0)
      const shares = await sharesOf(round, ACTIVE, { contributors: sum.contributors })
      for (const [i, share] of shares.entries()) expect(Buffer.compare(share, before[i]!), what).to.equal(0)
    }
  })

  it('the opened sum moves by exactly its input, whatever that is: choosing it reveals nothing', async () => {
    const { kernel } = core
    const shares = await sharesOf(round, ACTIVE)
    const honestly = opened(round.sum.bytes, shares)
    const own = polynomialOf(round, round.updates[ADVERSARY]!.bytes)
    for (const [what, blob] of Object.entries(blobs())) {
      const forged = forgedUpdate(round, ADVERSARY, [blob])
      const sum = await withAdversary(forged)
      const moved = subtract(kernel, opened(sum.bytes, shares), honestly)
      expect(Buffer.compare(moved, subtract(kernel, polynomialOf(round, forged.bytes), own)), what).to.equal(0)
    }
  })

  it('it can get only the sum of the honest updates, and not a member’s secret', async () => {
    const { kernel } = core
    // It knows its own secret, so it can take its own part out of whatever it sent: c0 + a·s = its "message".
    const s = polynomialOfCoefficients(kernel, ownSecret(kernel, round.keys.memberKeys.get(ADVERSARY)!))
    const a = polynomialOfRound(round)
    const secrets = round.vectors.map((_, member) => ownSecret(kernel, round.keys.memberKeys.get(member)!))
    for (const [what, blob] of Object.entries(blobs())) {
      const forged = forgedUpdate(round, ADVERSARY, [blob])
      const sum = await withAdversary(forged)
      const message = add(kernel, polynomialOf(round, forged.bytes), product(kernel, a, s, [1n, 1n]))
      const rest = subtract(kernel, opened(sum.bytes, await sharesOf(round, ACTIVE)), message)
      const packed = HONEST.map((member) => pack(round.plan, round.vectors[member]!, 1, 0))
      for (const [i, value] of valuesOf(kernel, round.plan, rest).entries()) {
        const wanted = packed.reduce((total, of) => total + of[i]!, 0)
        expect(Math.abs(value - wanted), what).to.be.below(round.plan.precision.sumError)
      }
      // The old attack read Σ s_i off the coefficients, at any scale Δ. Correlation with it is what chance gives.
      const total = secrets[0]!.map((_, k) => Number(secrets.reduce((sum_, secret) => sum_ + secret[k]!, 0n)))
      const found = coefficients(kernel, opened(sum.bytes, await sharesOf(round, ACTIVE))).map(Number)
      for (const target of [total, ...secrets.map((secret) => secret.map(Number))]) {
        expect(Math.abs(correlation(found, target)), what).to.be.below(6 / Math.sqrt(8192))
      }
    }
  })

  it('the old attack, on the arithmetic that it needs: the measure above detects it', () => {
    const { kernel } = core
    const secrets = round.vectors.map((_, member) => ownSecret(kernel, round.keys.memberKeys.get(member)!))
    const total = secrets[0]!.map((_, k) => secrets.reduce((sum, secret) => sum + secret[k]!, 0n))
    const delta = polynomialOfCoefficients(kernel, [1n << 110n, ...new Array<bigint>(8191).fill(0n)])
    const product_ = product(kernel, delta, polynomialOfCoefficients(kernel, total), [1n, 1n])
    const read = coefficients(kernel, product_).map((value) => Number(value >> 100n))
    expect(correlation(read, total.map(Number))).to.be.above(0.99)
  })

  it('blobs other than that member’s update are refused, and the sum goes on without them', async () => {
    const [victim] = round.updates
    const copied = { sender: ADVERSARY, bytes: victim!.bytes }
    expect((await refuses('wrong-sender', () => withAdversary(copied))).detail.sender).to.equal(ADVERSARY)
    const oversized = forgedUpdate(round, ADVERSARY, [blobs().garbage!, blobs().garbage!])
    await refuses('trailing-bytes', () => withAdversary(oversized))
    await refuses('truncated', () => withAdversary(forgedUpdate(round, ADVERSARY, [])))
    const large = forgedUpdate(round, ADVERSARY, [blobs().zero!.fill(0xff)])
    await refuses('coefficient-out-of-range', () => withAdversary(large))
    const elsewhere = forgedUpdate(round, ADVERSARY, [blobs().garbage!], { ...ROUND, round: 8 })
    await refuses('wrong-round', () => withAdversary(elsewhere))
    await refuses('wrong-key', () =>
      withAdversary({ sender: ADVERSARY, bytes: flipped(round.updates[ADVERSARY]!.bytes, 116) }),
    )
  })

  it('another member’s ciphertext under its own seat spoils the round, and opens nothing', async () => {
    const copied = forgedUpdate(round, ADVERSARY, [partOfMessage(round, round.updates[0]!.bytes)])
    const sum = await withAdversary(copied)
    const shares = await sharesOf(round, ACTIVE)
    await refuses('integrity-failed', () =>
      combine(round.engine, {
        context: ROUND,
        aggregate: sum,
        totalWeight: sum.contributors.length,
        activeSet: ACTIVE,
        shares,
      }),
    )
  })

  for (const what of ['zero', 'a constant Δ', 'the largest residues', 'its negative', 'garbage']) {
    it(`${what} in place of an update is noticed by everyone`, async () => {
      const sum = await withAdversary(forgedUpdate(round, ADVERSARY, [blobs()[what]!]))
      const shares = await sharesOf(round, ACTIVE)
      await refuses('integrity-failed', () =>
        combine(round.engine, {
          context: ROUND,
          aggregate: sum,
          totalWeight: sum.contributors.length,
          activeSet: ACTIVE,
          shares,
        }),
      )
    })
  }

  it('cannot have one member’s update decrypted alone, by any set that an honest member would serve', async () => {
    const alone = shareRequest(round, 0, ACTIVE, { contributors: [0] })
    await refuses('too-few-contributors', () => partialDecrypt(round.engine, alone))
    const withoutOurs = shareRequest(round, 0, ACTIVE, { contributors: [2, ADVERSARY] })
    await refuses('own-update-missing', () => partialDecrypt(round.engine, withoutOurs))
  })
})

function correlation(a: readonly number[], b: readonly number[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, x) => sum + x, 0) / values.length
  const [meanA, meanB] = [mean(a), mean(b)]
  let [ab, aa, bb] = [0, 0, 0]
  for (const [i, x] of a.entries()) {
    ab += (x - meanA) * (b[i]! - meanB)
    aa += (x - meanA) ** 2
    bb += (b[i]! - meanB) ** 2
  }
  return ab / Math.sqrt(aa * bb)
}
