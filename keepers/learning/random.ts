// SPDX-License-Identifier: GPL-3.0-or-later
// Seeded randomness: shuffles, initial weights, partitions, synthetic digits. Never for secrets.

/** xoshiro128** (Blackman & Vigna 2018), seeded through splitmix32. Same seed, same sequence, on every machine. */
export class SeededRandom {
  readonly #state = new Uint32Array(4)
  #spare: number | null = null

  constructor(seed: number) {
    let x = seed >>> 0
    for (let i = 0; i < 4; i++) {
      x = (x + 0x9e3779b9) >>> 0
      this.#state[i] = mix(x)
    }
  }

  /** 32 random bits. */
  bits(): number {
    const s = this.#state
    const s1 = s[1]!
    const product = Math.imul(s1, 5)
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0
    const t = s1 << 9
    s[2]! ^= s[0]!
    s[3]! ^= s1
    s[1]! ^= s[2]!
    s[0]! ^= s[3]!
    s[2]! ^= t
    const s3 = s[3]!
    s[3] = (s3 << 11) | (s3 >>> 21)
    return result
  }

  /** Uniform in [0, 1), 32 bits of resolution. */
  uniform(): number {
    return this.bits() / 0x1_0000_0000
  }

  /** Uniform integer in [0, bound), bound ≤ 2^32; unbiased by rejection. */
  below(bound: number): number {
    const limit = 0x1_0000_0000 - (0x1_0000_0000 % bound)
    for (;;) {
      const x = this.bits()
      if (x < limit) return x % bound
    }
  }

  /** Standard normal (Box–Muller). */
  normal(): number {
    if (this.#spare !== null) {
      const spare = this.#spare
      this.#spare = null
      return spare
    }
    const radius = Math.sqrt(-2 * Math.log((this.bits() + 1) / 0x1_0000_0000))
    const angle = 2 * Math.PI * this.uniform()
    this.#spare = radius * Math.sin(angle)
    return radius * Math.cos(angle)
  }

  /** Gamma(shape, 1) by Marsaglia & Tsang (2000); for shape < 1 through Gamma(shape + 1)·U^(1/shape). */
  gamma(shape: number): number {
    if (shape < 1) return this.gamma(shape + 1) * (1 - this.uniform()) ** (1 / shape)
    const d = shape - 1 / 3
    const c = 1 / Math.sqrt(9 * d)
    for (;;) {
      const x = this.normal()
      const v = (1 + c * x) ** 3
      if (v > 0 && Math.log(1 - this.uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v
    }
  }

  /** Point of the simplex from a symmetric Dirichlet(alpha). */
  dirichlet(alpha: number, size: number): number[] {
    const draws = Array.from({ length: size }, () => this.gamma(alpha))
    const sum = draws.reduce((a, b) => a + b, 0)
    // With a tiny alpha every draw can underflow; then one category takes all.
    if (!(sum > 0)) {
      const winner = this.below(size)
      return draws.map((_, i) => (i === winner ? 1 : 0))
    }
    return draws.map((draw) => draw / sum)
  }

  /** Fisher–Yates, in place. */
  shuffle<T extends Uint32Array | unknown[]>(list: T): T {
    for (let i = list.length - 1; i > 0; i--) {
      const j = this.below(i + 1)
      const held = list[i]!
      list[i] = list[j]!
      list[j] = held
    }
    return list
  }

  /** The integers [0, size) in random order. */
  permutation(size: number): Uint32Array {
    return this.shuffle(Uint32Array.from({ length: size }, (_, i) => i))
  }
}

/** A seed for a sub-task: depends on every one of `path`, and differs between neighbours. */
export function deriveSeed(seed: number, ...path: readonly number[]): number {
  let x = mix((seed >>> 0) ^ 0x85ebca6b)
  for (const part of path) x = mix((Math.imul(x, 31) + (part >>> 0) + 0x9e3779b9) >>> 0)
  return x
}

/** The 32-bit finaliser of MurmurHash3. */
function mix(x: number): number {
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
  return (x ^ (x >>> 16)) >>> 0
}
