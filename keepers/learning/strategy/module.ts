// SPDX-License-Identifier: GPL-3.0-or-later
// A strategy in a file: turns the decrypted mean into the next model. All members run it, so all must run the same file, which its
// hash ensures, and get the same bits, which the sandbox ensures.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { LearningError } from '../errors.ts'
import type { ParameterSpec } from '../types.ts'
import { type Argument, type Copied, callModule, type Reading, readVector } from './sandbox.ts'

export const MOST_STRATEGY_BYTES = 262_144
/** The contents of a model's blob besides the weights. */
export const MOST_VECTORS = 2

/**
 * Parts of the language that a realm cannot lack, but that a strategy must not use. Looked for in the whole text, comments and strings too:
 * where these end only a parser knows, and `import`, which a string with `//` in it would hide, is refused by an error of the keeper's own
 * realm, a way into it.
 */
const REFUSED_SYNTAX: readonly (readonly [RegExp, string])[] = [
  [/\*\*/, 'it uses **, whose last bit is not defined: multiply, or take Math.sqrt (in a comment: write it out)'],
  [
    /\b(async|await|import)\b/,
    'it says async, await or import, be it in a comment: a strategy is one file, and done when it returns',
  ],
]
/** The beginning of a comment; at that place it cannot be anything else. */
const DOC_COMMENT = /^[ \t]*\/\*\*/gm

/** The members' agreement: the module by its hash, and its settings. */
export const strategyTermsSchema = z.strictObject({
  /** SHA-256 of the module's file, hexadecimal. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/, 'takes 64 hex digits'),
  /** Handed to the module as they are. */
  settings: z.record(z.string(), z.json()),
})
export type StrategyTerms = z.infer<typeof strategyTermsSchema>

/** Public facts about the round of this mean. */
export type StrategyRound = {
  readonly round: number
  /** Members with updates in the mean, and members of the epoch. */
  readonly contributors: number
  readonly members: number
}

/** Weights, and the strategy's memory: as many vectors of the same length as it declares. */
export type StrategyState = { readonly weights: Float32Array; readonly vectors: readonly Float32Array[] }

/** SHA-256 of a module's file, as terms have it. */
export function strategyHash(source: Uint8Array): string {
  return createHash('sha256').update(source).digest('hex')
}

export class StrategyModule {
  readonly terms: StrategyTerms
  /** How many vectors it remembers. */
  readonly vectors: number
  /** Names of parameters that stay at each member's home. */
  readonly home: readonly string[]
  /** K·η of members who keep control variates and correct their gradients by vectors[0] and their own; null without. */
  readonly localRate: number | null
  /** Whether it weighs members by more than their samples. */
  readonly weighs: boolean
  readonly #source: string
  readonly #where: string
  readonly #parameters: readonly ParameterSpec[]
  readonly #length: number

  /**
   * @param where names the module in errors
   * @throws LearningError BAD_STRATEGY for another hash than the terms', a module that cannot be run, or settings that it refuses
   */
  constructor(source: Uint8Array, terms: StrategyTerms, parameters: readonly ParameterSpec[], where: string) {
    const bad = (why: string): never => {
      throw new LearningError('BAD_STRATEGY', `${where}: ${why}`)
    }
    const hash = strategyHash(source)
    if (hash !== terms.sha256) bad(`it hashes to ${hash}, members agreed on ${terms.sha256}: get that file`)
    if (source.length > MOST_STRATEGY_BYTES) bad(`${source.length} bytes, at most ${MOST_STRATEGY_BYTES} are allowed`)
    const text = new TextDecoder().decode(source)
    const code = text.replace(DOC_COMMENT, '/*')
    for (const [syntax, why] of REFUSED_SYNTAX) if (syntax.test(code)) bad(why)
    this.terms = terms
    this.#source = text
    this.#where = where
    this.#parameters = parameters
    this.#length = parameters.reduce((sum, { length }) => sum + length, 0)
    if (!this.#has('step')) bad('it exports no function step')
    this.#call('check', {}, 'plain')
    const vectors = this.#call('vectors', {}, 'plain') ?? 0
    if (typeof vectors !== 'number' || !(Number.isInteger(vectors) && vectors >= 0 && vectors <= MOST_VECTORS)) {
      bad(`vectors: 0 to ${MOST_VECTORS}, not ${String(vectors)}`)
    }
    this.vectors = Number(vectors)
    const names = this.#call('home', {}, 'names', parameters.length)
    this.home = names === null ? [] : this.#knownNames(names)
    this.weighs = this.#has('weight')
    const rate = this.#call('control', {}, 'plain')
    if (rate !== null && !(typeof rate === 'number' && rate > 0 && rate < Number.POSITIVE_INFINITY)) {
      bad(`control: local steps × local rate, above 0, not ${String(rate)}`)
    }
    this.localRate = rate === null ? null : Number(rate)
    if (this.localRate !== null && this.vectors === 0) bad('control: it remembers no vector to correct gradients by')
  }

  /** A service's initial state: zeros. */
  initial(): Float32Array[] {
    return Array.from({ length: this.vectors }, () => new Float32Array(this.#length))
  }

  /**
   * The state after a round, the same bits for every member. Vectors of another strategy are dropped, and start afresh.
   * @param mean of the members' updates (their weights minus the global ones)
   * @throws LearningError BAD_STRATEGY, BAD_VECTOR
   */
  step(before: StrategyState, mean: Float64Array, round: StrategyRound): StrategyState {
    const { weights } = before
    if (weights.length !== this.#length || mean.length !== this.#length) {
      throw new LearningError(
        'BAD_VECTOR',
        `strategy: ${weights.length} weights, a mean of ${mean.length}, a model of ${this.#length}`,
      )
    }
    const bad = mean.findIndex((value) => !Number.isFinite(value))
    if (bad >= 0) throw new LearningError('BAD_VECTOR', `strategy: value ${bad} of the mean is ${mean[bad]}`)
    const vectors = before.vectors.length === this.vectors ? before.vectors : this.initial()
    const args = {
      weights: { single: weights },
      mean: { double: mean },
      vectors: { singles: vectors },
      round: { json: round },
    }
    const given = this.#call('step', args, 'state', vectors.length)!
    const fail = (why: string) => this.#bad(`step: ${why}`)
    return {
      weights: readVector(given.weights, 'weights', this.#length, fail),
      vectors: vectors.map((_, i) => readVector(given[i], `vectors[${i}]`, this.#length, fail)),
    }
  }

  /**
   * A member's weight in the mean: its samples unless the module computes another. A whole number, at least 1.
   * @param maxSamples The largest weight of a member; when all weigh alike they all have this one, for the mean's precision.
   * @param loss of the global model on the member's own samples, before it trains
   */
  weight(samples: number, loss: number, maxSamples: number): number {
    const args = { samples: { json: samples }, loss: { json: loss }, maxSamples: { json: maxSamples } }
    const value = this.#call('weight', args, 'plain')
    if (value === null) return samples
    if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) {
      return this.#bad(`weight: ${String(value)} is not a weight`)
    }
    return Math.max(1, Math.min(maxSamples, Math.round(value)))
  }

  #call<R extends Reading>(
    name: string,
    args: Readonly<Record<string, Argument>>,
    reading: R,
    most = 0,
  ): Copied[R] | null {
    const agreed = { settings: { json: this.terms.settings }, parameters: { json: this.#parameters } }
    return callModule({
      ...{ source: this.#source, where: this.#where, name, reading, most },
      args: { ...agreed, ...args },
    })
  }

  #bad(why: string): never {
    throw new LearningError('BAD_STRATEGY', `${this.#where}: ${why}`)
  }

  #has(name: string): boolean {
    return this.#call(name, {}, 'known') ?? false
  }

  #knownNames(names: Copied['names']): string[] {
    if (names.length < 0) this.#bad(`home: takes a list of at most ${this.#parameters.length} names`)
    const known = new Set(this.#parameters.map(({ name }) => name))
    const list = Array.from({ length: names.length }, (_, i) => names[i]!)
    const stranger = list.find((name) => !known.has(name))
    return stranger === undefined ? list : this.#bad(`home: ${stranger} is not a parameter of the model`)
  }
}

/** Reads a module's file. @throws LearningError BAD_STRATEGY */
export function readStrategy(file: string): Uint8Array {
  try {
    return readFileSync(file)
  } catch (cause) {
    throw new LearningError('BAD_STRATEGY', `cannot read the strategy ${file}: ${(cause as Error).message}`, { cause })
  }
}
