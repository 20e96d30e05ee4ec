// SPDX-License-Identifier: GPL-3.0-or-later
// Two rounds as t − 1 colluders see them: all honest members contribute to the first, all but the victim to the second. The
// colluders abstain, and are drafted only where there are too few honest members.
import { randomBytes } from 'node:crypto'
import { Core } from '../../../../keepers/fhe/core.ts'
import { partialDecrypt, type RoundContext } from '../../../../keepers/fhe/index.ts'
import { dataPrimes } from '../../../../keepers/fhe/parameters.ts'
import { roundSeed } from '../../../../keepers/fhe/round-polynomial.ts'
import { lagrangeAtZero } from '../../../../keepers/fhe/shamir.ts'
import { add, dealtSum, ownSecret, polynomialOfCoefficients, product, subtract, valuesOf } from '../arithmetic.ts'
import { ROUND } from '../ceremony.ts'
import { encoded } from '../encoded.ts'
import { masksOf } from '../masks.ts'
import {
  encryptOf,
  openRound,
  partOfMessage,
  polynomialOf,
  polynomialOfRound,
  type Round,
  shareRequest,
  sumOf,
} from '../round.ts'
import type { Observed } from './attack.ts'
import type { Seating } from './seating.ts'
import { limitsOf } from './slack.ts'
import { opened } from './unknown.ts'

/** Ciphertexts attacked in each round: one for the secret, the others for the part that it leaves open. */
const CIPHERTEXTS = 3

export class Stage implements AsyncDisposable {
  readonly round: Round
  readonly core: Core
  readonly seats: Seating
  readonly honest: readonly number[]
  readonly victim: number

  private constructor(round: Round, core: Core, seats: Seating) {
    this.round = round
    this.core = core
    this.seats = seats
    this.honest = round.vectors.map((_, member) => member).filter((member) => !seats.colluders.includes(member))
    this.victim = this.honest.at(-1)!
  }

  static async open(seats: Seating, statisticalBits: number, vectorLength = 8191): Promise<Stage> {
    const options = { vectorLength, statisticalBits, wholeWire: true, ...limitsOf(vectorLength) }
    const round = await openRound(options, seats.members, seats.threshold)
    return new Stage(round, await Core.open(round.plan), seats)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.core[Symbol.dispose]()
    await this.round.engine.close()
  }

  /** h_j of each ciphertext without masks, as the library computed it before it had them. */
  async unmasked(
    member: number,
    contributors: readonly number[],
    context: RoundContext = ROUND,
  ): Promise<Uint8Array[]> {
    const { core, round, seats } = this
    const key = round.keys.memberKeys.get(member)!
    core.openProduct({
      secret: dealtSum(core.kernel, key, contributors),
      factors: this.#lambdas(member),
      noiseSeed: new Uint8Array(randomBytes(32)),
      roundSeed: roundSeed(round.plan.hash, key.keyHash, context),
    })
    const shares = Array.from({ length: round.plan.ciphertexts }, (_, index) => {
      const share = new Uint8Array(round.plan.bytes.decryptionShare)
      core.share(index, partOfMessage(round, share, index))
      const out = polynomialOf(round, share, index)
      return seats.activeSet.includes(member) ? out : out.fill(0)
    })
    core.closeProduct()
    return shares
  }

  /** h_j as the library gives it, less the masks that colluders in the active set know. */
  async masked(member: number, contributors: readonly number[], context: RoundContext = ROUND): Promise<Uint8Array[]> {
    const { core, round, seats } = this
    const policy = { ownUpdate: contributors.includes(member) ? ('included' as const) : ('abstained' as const) }
    const request = shareRequest(round, member, seats.activeSet, { contributors, context, policy })
    const bytes = await partialDecrypt(round.engine, request)
    const known = masksOf(
      core.kernel,
      request.memberKey,
      { plan: round.plan, context, keyHash: round.keys.keyHash, contributors, activeSet: seats.activeSet },
      seats.activeSet.filter((k) => seats.colluders.includes(k)),
    )
    return Array.from({ length: round.plan.ciphertexts }, (_, index) => {
      const a = polynomialOfRound(round, index, context)
      return subtract(core.kernel, polynomialOf(round, bytes, index), product(core.kernel, a, known, [1n, 1n]))
    })
  }

  /** All that the colluders have of one round, shares included: an entry a ciphertext. */
  async observe(
    how: 'masked' | 'unmasked',
    contributors: readonly number[] = this.honest,
    context: RoundContext = ROUND,
  ): Promise<Observed[]> {
    const { core, round, seats } = this
    const updates = []
    for (const sender of contributors) {
      updates.push({ sender, bytes: await encryptOf(round, sender, this.vectorIn(sender, context), context) })
    }
    const sum = await sumOf(round, updates, context)
    const shares: (readonly [number, Uint8Array[]])[] = []
    for (const member of seats.activeSet) {
      if (seats.colluders.includes(member)) continue
      shares.push([member, await this[how](member, contributors, context)])
    }
    const points = seats.colluders.map((c) => {
      return [c, dealtSum(core.kernel, round.keys.memberKeys.get(c)!, contributors)] as const
    })
    return Array.from({ length: round.plan.ciphertexts }, (_, index) => ({
      colluders: seats.colluders,
      activeSet: seats.activeSet,
      contributors: contributors.length,
      c0: polynomialOf(round, sum.bytes, index),
      a: polynomialOfRound(round, index, context),
      shares: new Map(shares.map(([member, of]) => [member, of[index]!])),
      points: new Map(points),
      lambdas: (member) => this.#lambdas(member),
      log2Sigma: round.plan.flooding.log2Sigma,
    }))
  }

  /** Σ of the contributors' encoded messages of ciphertext 0, coefficient by coefficient. */
  message(contributors: readonly number[], context: RoundContext = ROUND): bigint[] {
    return this.#encoded(contributors.map((member) => this.vectorIn(member, context)))
  }

  /** The same of vectors that the colluders make up, as large as updates may be: they know the plan. */
  madeUp(contributors: number): bigint[] {
    const { clipBound, vectorLength } = this.round.plan
    const vector = () => Float64Array.from({ length: vectorLength }, () => (2 * Math.random() - 1) * clipBound)
    return this.#encoded(Array.from({ length: contributors }, vector))
  }

  #encoded(vectors: readonly Float64Array[]): bigint[] {
    const { core } = this
    const messages = vectors.map((vector) => encoded(core, vector, 0))
    return messages[0]!.map((_, k) => messages.reduce((sum, message) => sum + message[k]!, 0n))
  }

  /** Every round has other values. */
  vectorIn(member: number, context: RoundContext): Float64Array {
    return this.round.vectors[member]!.map((value) => (context.round === ROUND.round ? value : -0.75 * value))
  }

  /** Σ of the members' own secrets, coefficient by coefficient. */
  secret(members: readonly number[]): bigint[] {
    const all = members.map((member) => ownSecret(this.core.kernel, this.round.keys.memberKeys.get(member)!))
    return all[0]!.map((_, k) => all.reduce((sum, secret) => sum + secret[k]!, 0n))
  }

  /** The victim's secret by the attack: Σ over all honest members less Σ over all but the victim. */
  async victimByAttack(how: 'masked' | 'unmasked'): Promise<bigint[]> {
    const { kernel } = this.core
    const next = { ...ROUND, round: ROUND.round + 1 }
    const others = this.honest.filter((member) => member !== this.victim)
    const first = (await this.observe(how)).slice(0, CIPHERTEXTS)
    const second = (await this.observe(how, others, next)).slice(0, CIPHERTEXTS)
    const all = opened(kernel, first, this.madeUp(this.honest.length))
    const rest = opened(kernel, second, this.madeUp(others.length))
    return all.map((value, k) => value - rest[k]!)
  }

  /** Largest difference between the victim's update in ROUND and its blob decoded under `secret`. */
  errorUnder(secret: readonly bigint[]): number {
    const { core, round, victim } = this
    const s = polynomialOfCoefficients(core.kernel, secret)
    const wanted = this.vectorIn(victim, ROUND)
    let worst = 0
    for (let index = 0; index < round.plan.ciphertexts; index++) {
      const c0 = polynomialOf(round, round.updates[victim]!.bytes, index)
      const m = add(core.kernel, c0, product(core.kernel, polynomialOfRound(round, index), s, [1n, 1n]))
      const found = valuesOf(core.kernel, round.plan, m)
      const from = index * round.plan.valuesPerCiphertext
      for (let i = 0; i < round.plan.valuesPerCiphertext && from + i < wanted.length; i++) {
        worst = Math.max(worst, Math.abs(found[1 + i]! - wanted[from + i]!))
      }
    }
    return worst
  }

  #lambdas(member: number): bigint[] {
    return dataPrimes(this.round.plan.set).map((p) => lagrangeAtZero(this.seats.activeSet, member, p))
  }
}
