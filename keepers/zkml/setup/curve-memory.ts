// SPDX-License-Identifier: GPL-3.0-or-later
// BN254 arithmetic on buffers: ffjavascript's WebAssembly curve, called without its task queue. One instance serves one
// thread. Field elements are 32 bytes, little endian; "Montgomery" means multiplied by 2^256.
import { FIELD_BYTES } from '../bn254.ts'

/** A worker builds its own copy of the curve from this: a compiled module and the addresses of its constants. */
export type CurveImage = {
  readonly module: WebAssembly.Module
  readonly generator: { readonly g1: number; readonly g2: number }
}

/** Bytes of a point in affine and in Jacobian form. */
export const POINT_BYTES = { g1: { affine: 64, jacobian: 96 }, g2: { affine: 128, jacobian: 192 } } as const

export type GroupName = 'g1' | 'g2'

type Kernel = (...pointers: number[]) => number

/** Kernel functions that need scratch space take it from the free pointer without growing the memory. */
const HEADROOM = 1 << 20
const PAGE = 1 << 16

export class CurveMemory {
  readonly image: CurveImage
  readonly #memory: WebAssembly.Memory
  readonly #exports: Record<string, Kernel>
  bytes: Uint8Array
  words: Uint32Array

  private constructor(image: CurveImage, memory: WebAssembly.Memory, instance: WebAssembly.Instance) {
    this.image = image
    this.#memory = memory
    this.#exports = instance.exports as Record<string, Kernel>
    this.bytes = new Uint8Array(memory.buffer)
    this.words = new Uint32Array(memory.buffer)
  }

  static async create(image: CurveImage): Promise<CurveMemory> {
    const memory = new WebAssembly.Memory({ initial: 64 })
    const instance = await WebAssembly.instantiate(image.module, { env: { memory } })
    return new CurveMemory(image, memory, instance)
  }

  /** A kernel function by its name in wasmcurves, such as `frm_mul`. */
  kernel(name: string): Kernel {
    const found = this.#exports[name]
    if (found === undefined) throw new TypeError(`the curve's WebAssembly has no function ${name}`)
    return found
  }

  /** Reserves `length` bytes, 8-aligned, and returns their address; valid until `release` of an earlier mark. */
  alloc(length: number): number {
    const address = (this.words[0]! + 7) & ~7
    const end = address + length
    if (end + HEADROOM > this.bytes.byteLength) {
      this.#memory.grow(Math.ceil((end + HEADROOM - this.bytes.byteLength) / PAGE))
      this.bytes = new Uint8Array(this.#memory.buffer)
      this.words = new Uint32Array(this.#memory.buffer)
    }
    this.words[0] = end
    return address
  }

  /** Makes sure that a kernel can take `length` bytes by itself from the free pointer. */
  reserve(length: number): void {
    const mark = this.mark()
    this.alloc(length)
    this.words[0] = mark
  }

  mark(): number {
    return this.words[0]!
  }

  /** Frees everything allocated since the mark, and overwrites it with zeros: it may have been secret. */
  release(mark: number): void {
    this.bytes.fill(0, mark, Math.min(this.words[0]! + HEADROOM, this.bytes.byteLength))
    this.words[0] = mark
  }

  allocBytes(content: Uint8Array): number {
    const address = this.alloc(content.byteLength)
    this.bytes.set(content, address)
    return address
  }

  read(address: number, length: number): Uint8Array<ArrayBuffer> {
    return this.bytes.slice(address, address + length)
  }
}

type Curve = Awaited<ReturnType<typeof import('ffjavascript')['buildBn128']>>

let shared: Promise<Curve> | undefined

/** The curve on one thread. It keeps no worker alive, and each build costs 20 MB: one lasts for the life of the process. */
export function loadCurve(): Promise<Curve> {
  shared ??= import('ffjavascript').then(({ buildBn128 }) => buildBn128(true))
  return shared
}

/** Compiles the curve once; the image can be posted to workers. */
export async function loadCurveImage(): Promise<CurveImage> {
  const { tm } = await loadCurve()
  const module = await WebAssembly.compile(tm.code.slice())
  return { module, generator: { g1: tm.pG1gen, g2: tm.pG2gen } }
}

/** Little-endian bytes of a non-negative integer below 2^256. */
export function fieldToBytes(value: bigint): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(FIELD_BYTES)
  for (let i = 0, rest = value; i < FIELD_BYTES; i++, rest >>= 8n) bytes[i] = Number(rest & 0xffn)
  return bytes
}

export function bytesToField(bytes: Uint8Array, offset = 0): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, FIELD_BYTES)
  const [low, high] = [0, 16].map((at) => (view.getBigUint64(at + 8, true) << 64n) | view.getBigUint64(at, true))
  return (high! << 128n) | low!
}

/** Field elements or points, one list behind the other. */
export function concatenate(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.byteLength
  }
  return whole
}
