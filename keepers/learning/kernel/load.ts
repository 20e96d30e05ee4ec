// SPDX-License-Identifier: GPL-3.0-or-later
// One instance of the compiled kernel and the memory it works on.
import { LearningError } from '../errors.ts'

/** Address of a buffer in the kernel's memory, in bytes. */
export type Pointer = number

/** See assembly/ for what each does; every argument is an address, a count, or a float. */
export type KernelFunctions = {
  readonly memory: WebAssembly.Memory
  arenaStart(): Pointer
  shiftedProduct(...args: number[]): void
  shiftedDots(...args: number[]): void
  convForward(conv: Pointer, input: Pointer, output: Pointer, count: number): void
  convBackward(conv: Pointer, input: Pointer, outputGradient: Pointer, inputGradient: Pointer, count: number): void
  depthwiseFilterGradient(...args: number[]): void
  depthwiseInputGradient(...args: number[]): void
  maxPoolGradient(...args: number[]): void
  denseForward(...args: number[]): void
  denseBackward(...args: number[]): void
  averagePoolForward(...args: number[]): void
  averagePoolBackward(...args: number[]): void
  maxPoolForward(...args: number[]): void
  maxPoolBackward(...args: number[]): void
  interleave(input: Pointer, output: Pointer, count: number, channels: number, size: number, back: number): void
  activate(values: Pointer, length: number, kind: number): void
  activateBackward(outputs: Pointer, gradient: Pointer, length: number, kind: number): void
  multiply(values: Pointer, mask: Pointer, length: number): void
  softmax(logits: Pointer, count: number, classes: number): void
  crossEntropy(
    logits: Pointer,
    labels: Pointer,
    gradient: Pointer,
    correct: Pointer,
    count: number,
    classes: number,
  ): number
  squaredNorm(values: Pointer, length: number): number
  scale(values: Pointer, length: number, factor: number): void
  addPull(gradient: Pointer, weights: Pointer, anchor: Pointer, length: number, factor: number): void
  stepSgd(...args: number[]): void
  stepAdam(...args: number[]): void
}

const PAGE = 65536
const ALIGNMENT = 64
const LARGEST = 2 ** 31
let compiled: Promise<WebAssembly.Module> | null = null

/** The compiled kernel; compiled once per thread. Throws NO_BACKEND when it has not been built. */
export async function loadKernel(): Promise<WebAssembly.Module> {
  compiled ??= readKernel().then(
    (bytes) => WebAssembly.compile(bytes),
    (cause: unknown) => {
      compiled = null
      throw new LearningError('NO_BACKEND', 'the learning kernel is not built; run `npm run build`', { cause })
    },
  )
  return compiled
}

/** From the disk, or in a page from where its files are. */
async function readKernel(): Promise<Uint8Array<ArrayBuffer>> {
  // Bundlers know a file of a page by this form.
  const url = new URL('./generated/kernel.wasm', import.meta.url)
  if (url.protocol === 'file:') {
    const { readFile } = await import('node:fs/promises')
    return await readFile(url)
  }
  const response = await fetch(url)
  if (!response.ok) throw new Error(`${url.pathname}: ${response.status} ${response.statusText}`)
  return new Uint8Array(await response.arrayBuffer())
}

/** An instance of the kernel with its own memory and a bump allocator: buffers live as long as the arena. */
export class Arena {
  readonly kernel: KernelFunctions
  #next: Pointer

  constructor(module: WebAssembly.Module) {
    this.kernel = new WebAssembly.Instance(module, {}).exports as unknown as KernelFunctions
    this.#next = this.kernel.arenaStart()
  }

  /** Zeroed room for `length` 4-byte elements, aligned to 64 bytes and followed by at least 32 spare ones. Throws BAD_MODEL. */
  allocate(length: number): Pointer {
    const at = this.#next
    const next = Math.ceil((at + length * 4 + 32) / ALIGNMENT) * ALIGNMENT
    if (!(next <= LARGEST)) {
      throw new LearningError(
        'BAD_MODEL',
        'the model needs more than 2 GiB of working memory; reduce it or the batch size',
      )
    }
    const missing = next - this.kernel.memory.buffer.byteLength
    if (missing > 0) this.kernel.memory.grow(Math.ceil(missing / PAGE))
    this.#next = next
    return at
  }

  allocateTable(values: ArrayLike<number>): Pointer {
    const at = this.allocate(values.length)
    this.ints(at, values.length).set(values)
    return at
  }

  /** Views are cheap but become detached when the memory grows: take a new one for each use. */
  floats(at: Pointer, length: number): Float32Array<ArrayBuffer> {
    return new Float32Array(this.kernel.memory.buffer as ArrayBuffer, at, length)
  }

  ints(at: Pointer, length: number): Int32Array<ArrayBuffer> {
    return new Int32Array(this.kernel.memory.buffer as ArrayBuffer, at, length)
  }

  /** Bytes of memory held. */
  get size(): number {
    return this.kernel.memory.buffer.byteLength
  }
}
