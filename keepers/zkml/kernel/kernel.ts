// SPDX-License-Identifier: GPL-3.0-or-later
// One instance of the compiled kernel and its memory. Runs in Node and in browsers; an instance serves one thread.
import { BASE_FIELD, SCALAR_FIELD } from '../bn254.ts'

/** Bytes of an element, of a pair of them, and of a field's record; see assembly/field.ts. */
export const ELEMENT_BYTES = 40
export const PAIR_BYTES = 80
const RECORD_BYTES = 320
const LIMB_BITS = 51
const LIMBS = 5
/** log2 of the Montgomery factor of the kernel, and of the one that files use. */
const RADIX_BITS = 255n
const FILE_RADIX_BITS = 256n
const PAGE = 65536

/** See assembly/ for what each does; every argument is an address, a count, or a flag. */
type KernelCalls = Readonly<Record<KernelFunction, (...args: number[]) => number>>

type KernelFunction =
  | 'arenaStart'
  | 'evaluate'
  | 'everySecond'
  | 'exportElements'
  | 'exportPairs'
  | 'fillPowers'
  | 'flush'
  | 'foldHalves'
  | 'importElements'
  | 'importPairs'
  | 'importPlain'
  | 'interpolate'
  | 'invertComplex'
  | 'invertPair'
  | 'joinHalves'
  | 'keepSums'
  | 'multiply'
  | 'multiplyComplex'
  | 'multiplyElements'
  | 'offsetScalars'
  | 'queueSum'
  | 'reducePair'
  | 'signScalars'
  | 'sortDigits'
  | 'splitHalves'
  | 'square'
  | 'subtractProducts'
  | 'sumChains'
  | 'sumRows'
  | 'sumRuns'
  | 'useGroup'
  | 'zeroLanes'

/** A prime field as the kernel knows it. */
export type FieldRecord = {
  readonly at: number
  readonly modulus: bigint
  /** Pairs by which a product turns a file's Montgomery form into the kernel's, that into a file's, and into plain values. */
  readonly fromFile: number
  readonly toFile: number
  readonly toPlain: number
  /** For a file's values times the square of its factor, as the coefficients of a zkey are. */
  readonly fromFileSquared: number
}

/**
 * Compiles the kernel; the module can be posted to workers. Throws WebAssembly.CompileError where the engine lacks relaxed SIMD,
 * and what reading or fetching throws where the kernel was not built.
 */
export async function compileKernel(): Promise<WebAssembly.Module> {
  const url = new URL('./generated/kernel.wasm', import.meta.url)
  if (url.protocol === 'file:') {
    const { readFile } = await import('node:fs/promises')
    return WebAssembly.compile(await readFile(url))
  }
  const response = await fetch(url)
  if (!response.ok) throw new Error(`${url.pathname}: ${response.status} ${response.statusText}`)
  return WebAssembly.compile(await response.arrayBuffer())
}

/** Whether multiply-add rounds once here: where it rounds twice, the lower half of a product is lost. */
export async function kernelWorks(module: WebAssembly.Module): Promise<boolean> {
  const kernel = await Kernel.create(module)
  const { at, modulus, toPlain } = kernel.scalar
  const x = modulus - 3n ** 150n
  const product = kernel.element(kernel.scalar, [x, 1n])
  kernel.calls.multiply(product, product, product, at)
  const bytes = kernel.allocate(64)
  kernel.calls.exportPairs(bytes, product, 1, toPlain, at)
  const words = new BigUint64Array(kernel.read(bytes, 32).buffer)
  return words.reduceRight((value, word) => (value << 64n) | word, 0n) === (x * x) % modulus
}

/** An instance for this thread; null where the engine or the processor lacks what the kernel needs, or it was not built. */
export async function workingKernel(): Promise<Kernel | null> {
  const module = await compileKernel().catch(() => null)
  return module !== null && (await kernelWorks(module)) ? await Kernel.create(module) : null
}

export class Kernel {
  readonly calls: KernelCalls
  readonly base: FieldRecord
  readonly scalar: FieldRecord
  readonly #memory: WebAssembly.Memory
  #next: number
  #highest = 0

  private constructor({ exports }: WebAssembly.Instance) {
    this.calls = exports as unknown as KernelCalls
    this.#memory = exports.memory as WebAssembly.Memory
    this.#next = this.calls.arenaStart()
    this.base = this.#record(BASE_FIELD)
    this.scalar = this.#record(SCALAR_FIELD)
  }

  static async create(module: WebAssembly.Module): Promise<Kernel> {
    return new Kernel(await WebAssembly.instantiate(module, {}))
  }

  /** Takes memory, 64-aligned; valid until `release` of an earlier mark. Contents are undefined. */
  allocate(length: number): number {
    const at = this.#next
    this.#next = (at + length + 63) & ~63
    const missing = this.#next - this.#memory.buffer.byteLength
    if (missing > 0) this.#memory.grow(Math.ceil(missing / PAGE))
    this.#highest = Math.max(this.#highest, this.#next)
    return at
  }

  mark(): number {
    return this.#next
  }

  /** Frees everything taken since the mark, and overwrites it with zeros: it may have been secret. */
  release(mark: number): void {
    this.view(mark, this.#highest - mark).fill(0)
    this.#next = mark
    this.#highest = mark
  }

  write(bytes: Uint8Array): number {
    const at = this.allocate(bytes.byteLength)
    this.view(at, bytes.byteLength).set(bytes)
    return at
  }

  read(at: number, length: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#memory.buffer as ArrayBuffer, at, length).slice()
  }

  /** Views die when memory grows: take them anew for each use. */
  view(at: number, length: number): Uint8Array {
    return new Uint8Array(this.#memory.buffer, at, length)
  }

  words(at: number, count: number): Uint32Array {
    return new Uint32Array(this.#memory.buffer, at, count)
  }

  /** A pair of integers as they are, each within ±2^255. */
  constant(lanes: readonly [bigint, bigint]): number {
    const at = this.allocate(PAIR_BYTES)
    this.#writePair(at, lanes)
    return at
  }

  /** A pair of field elements in the kernel's Montgomery form. */
  element(field: FieldRecord, lanes: readonly [bigint, bigint]): number {
    const form = (value: bigint) => balanced((value << RADIX_BITS) % field.modulus, field.modulus)
    return this.constant([form(lanes[0]), form(lanes[1])])
  }

  #record(modulus: bigint): FieldRecord {
    const at = this.allocate(RECORD_BYTES)
    const doubles = new Float64Array(this.#memory.buffer, at, RECORD_BYTES / 8)
    const both = (index: number, value: number) => doubles.fill(value, index, index + 2)
    this.#writePair(at, [modulus, modulus])
    both(10, Number(BigInt.asIntN(LIMB_BITS, -inverse(modulus, 1n << BigInt(LIMB_BITS)))))
    both(12, 2 ** (LIMB_BITS * (LIMBS - 1)) / Number(modulus))
    const one = balanced((1n << RADIX_BITS) % modulus, modulus)
    this.#writePair(at + 112, [one, one])
    const words = new BigUint64Array(this.#memory.buffer, at + 192, 12)
    for (const [i, value] of [modulus, (modulus - 1n) / 2n, modulus - 2n].entries()) {
      for (let k = 0; k < 4; k++) words[4 * i + k] = BigInt.asUintN(64, value >> BigInt(64 * k))
    }
    const twice = (value: bigint) => {
      const factor = balanced(value % modulus, modulus)
      return this.constant([factor, factor])
    }
    return {
      at,
      modulus,
      fromFile: twice(1n << (2n * RADIX_BITS - FILE_RADIX_BITS)),
      toFile: twice(1n << FILE_RADIX_BITS),
      toPlain: this.constant([1n, 1n]),
      fromFileSquared: twice(1n << (3n * RADIX_BITS - 2n * FILE_RADIX_BITS)),
    }
  }

  #writePair(at: number, lanes: readonly [bigint, bigint]): void {
    const doubles = new Float64Array(this.#memory.buffer, at, 2 * LIMBS)
    for (const [lane, value] of lanes.entries()) {
      let rest = value
      for (let k = 0; k < LIMBS; k++) {
        const limb = k === LIMBS - 1 ? rest : BigInt.asIntN(LIMB_BITS, rest)
        doubles[2 * k + lane] = Number(limb)
        rest = (rest - limb) >> BigInt(LIMB_BITS)
      }
    }
  }
}

/** The representative nearest to zero. */
function balanced(value: bigint, modulus: bigint): bigint {
  return 2n * value > modulus ? value - modulus : value
}

/** a⁻¹ modulo m, coprime: Euclid's algorithm. */
export function inverse(a: bigint, m: bigint): bigint {
  let [x, y, u, v] = [m, a % m, 0n, 1n]
  while (y !== 0n) {
    const quotient = x / y
    ;[x, y, u, v] = [y, x - quotient * y, v, u - quotient * v]
  }
  return ((u % m) + m) % m
}
