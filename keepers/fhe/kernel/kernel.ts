// SPDX-License-Identifier: GPL-3.0-or-later
// One instance of the compiled kernel with its memory laid out for one ring. Not shared between threads.
import { readFile } from 'node:fs/promises'
import { FheError } from '../errors.ts'
import type { Plan } from '../plan.ts'
import { invert, minimalRoot, primeRecord, RECORD_BYTES } from './layout.ts'

/** The exports of assembly/index.ts. Addresses and counts are u32, residues are BigInt u64. */
type Exports = {
  readonly memory: WebAssembly.Memory
  arenaStart(): number
  fillTwiddles(record: number, table: number, root: bigint, logDegree: number): void
  forward(record: number, values: number, logDegree: number): void
  forwardLazy(record: number, values: number, logDegree: number): void
  inverse(record: number, values: number, logDegree: number): void
  allBelow(record: number, values: number, degree: number): number
  addInto(record: number, sum: number, values: number, degree: number): void
  addChecked(record: number, sum: number, values: number, degree: number): number
  scale(record: number, values: number, factor: bigint, degree: number): void
  scaleAdd(record: number, sum: number, values: number, factor: bigint, degree: number): void
  preparePairs(record: number, pairs: number, secret: number, lambda: bigint, degree: number): void
  maskedProduct(record: number, out: number, a: number, pairs: number, noise: number, degree: number): void
  floodingSums(out: number, random: number, uniformBits: number, degree: number): void
  floodingResidues(record: number, out: number, sums: number, degree: number): void
  uniformResidues(record: number, out: number, words: number, count: number, degree: number): number
  addUniform(record: number, sum: number, words: number, count: number, negative: number, degree: number): number
  ternary(out: number, random: number, count: number, degree: number): number
  ternaryResidues(record: number, out: number, digits: number, degree: number): void
  binomialResidues(record: number, out: number, random: number, degree: number): void
  innerProduct(record: number, a: number, b: number, count: number): bigint
  subtractFrom(record: number, values: number, other: number, count: number): void
  multiplyAdd(record: number, sum: number, a: number, b: number, count: number): void
  project(record: number, sums: number, bits: number, w: number, table: number, columns: number, rows: number): void
  subsetSums(record: number, tables: number, weights: number, rows: number): void
  weigh(record: number, out: number, bits: number, tables: number, degree: number, columns: number, rows: number): void
  boxValues(
    out: number,
    words: number,
    count: number,
    needed: number,
    span: number,
    spanBits: number,
    limbs: number,
  ): number
  boxResidues(record: number, out: number, values: number, limbs: number, offset: bigint, count: number): void
  compose(
    records: number,
    primes: number,
    values: number,
    stride: number,
    out: number,
    inverseScale: number,
    count: number,
  ): void
  narrow(
    records: number,
    primes: number,
    values: number,
    stride: number,
    out: number,
    count: number,
    dropped: number,
    width: number,
  ): void
  allAtMost(values: number, count: number, width: number, max: number): number
  addNarrow(sums: number, sumLimbs: number, values: number, count: number, width: number): void
  widen(record: number, out: number, values: number, count: number, width: number, factor: bigint, offset: bigint): void
  encodeReals(
    record: number,
    out: number,
    values: number,
    count: number,
    top: number,
    rest: number,
    topFactor: bigint,
    restFactor: bigint,
  ): void
}

const WASM = new URL('./generated/kernel.wasm', import.meta.url)
const PAGE = 65536

/** A stretch of kernel memory. */
export type Block = { readonly at: number; readonly length: number }

/** The parts of a plan that the kernel depends on. */
type KernelPlan = Pick<Plan, 'set'> & { readonly flooding: Pick<Plan['flooding'], 'uniformBits'> }

let compiled: Promise<WebAssembly.Module> | undefined

/** Compiles the kernel once a process. @throws FheError not-built. */
async function kernelModule(): Promise<WebAssembly.Module> {
  compiled ??= (async () => {
    const bytes = await readFile(WASM).catch((cause: unknown) => {
      compiled = undefined
      throw new FheError('not-built', 'the CKKS kernel is not built: run `npm run build`', {}, { cause })
    })
    return WebAssembly.compile(bytes)
  })()
  return compiled
}

/** The kernel with tables for every prime of a set. Polynomials are N u64 residues per prime, prime-major. */
export class Kernel {
  readonly calls: Exports
  readonly degree: number
  readonly logDegree: number
  readonly primes: readonly bigint[]
  /** All primes; the data primes come first. */
  readonly records: readonly number[]
  readonly dataPrimeCount: number
  readonly uniformBits: number
  #next: number
  #free = new Map<number, Block[]>()

  private constructor(calls: Exports, plan: KernelPlan) {
    const { degree, primes } = plan.set
    this.calls = calls
    this.degree = degree
    this.logDegree = Math.log2(degree)
    this.primes = primes
    this.dataPrimeCount = primes.length - 1
    this.uniformBits = plan.flooding.uniformBits
    this.#next = calls.arenaStart()

    const records = this.allocate(RECORD_BYTES * primes.length)
    this.records = primes.map((_, index) => records.at + RECORD_BYTES * index)
    for (const [index, prime] of primes.entries()) {
      const forward = this.allocate(16 * degree)
      const inverse = this.allocate(16 * degree)
      this.write(
        { at: this.records[index]!, length: RECORD_BYTES },
        primeRecord(primes, index, degree, this.uniformBits, { forward: forward.at, inverse: inverse.at }),
      )
      const root = minimalRoot(prime, degree)
      calls.fillTwiddles(this.records[index]!, forward.at, root, this.logDegree)
      calls.fillTwiddles(this.records[index]!, inverse.at, invert(root, prime), this.logDegree)
    }
  }

  static async open(plan: KernelPlan): Promise<Kernel> {
    const instance = await WebAssembly.instantiate(await kernelModule(), {
      env: {
        abort: () => {
          throw new Error('the CKKS kernel aborted')
        },
      },
    })
    return new Kernel(instance.exports as unknown as Exports, plan)
  }

  /** Bytes of a polynomial over the data primes. */
  get polynomialBytes(): number {
    return 8 * this.degree * this.dataPrimeCount
  }

  /** Allocates memory, from released blocks if one has that length. Contents are undefined. */
  allocate(length: number): Block {
    const recycled = this.#free.get(length)?.pop()
    if (recycled !== undefined) return recycled
    const at = this.#next
    this.#next = (at + length + 63) & ~63
    const missing = this.#next - this.calls.memory.buffer.byteLength
    if (missing > 0) this.calls.memory.grow(Math.ceil(missing / PAGE))
    return { at, length }
  }

  /** Wipes a block and gives it back. */
  release(block: Block): void {
    this.view(block).fill(0)
    const list = this.#free.get(block.length)
    if (list === undefined) this.#free.set(block.length, [block])
    else list.push(block)
  }

  /** Lends blocks of these lengths to `use`; they are wiped and given back whatever happens. */
  borrow<T>(lengths: readonly number[], use: (...blocks: Block[]) => T): T {
    const blocks = lengths.map((length) => this.allocate(length))
    try {
      return use(...blocks)
    } finally {
      for (const block of blocks) this.release(block)
    }
  }

  /** A view of a block, valid until memory grows: take it, use it, drop it. */
  view(block: Block): Uint8Array {
    return new Uint8Array(this.calls.memory.buffer, block.at, block.length)
  }

  write(block: Block, bytes: Uint8Array): void {
    this.view(block).set(bytes)
  }

  /** A copy of a block, or of its first `length` bytes. */
  read(block: Block, length = block.length): Uint8Array {
    return new Uint8Array(this.calls.memory.buffer, block.at, length).slice()
  }

  /** Address of the residues modulo prime `index` within a polynomial. */
  residues(block: Block, index: number): number {
    return block.at + 8 * this.degree * index
  }
}
