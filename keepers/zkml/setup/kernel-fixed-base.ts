// SPDX-License-Identifier: GPL-3.0-or-later
// Many scalars times one generator in the prover's kernel: the same tables as fixed-base.ts, with affine points and a batch of
// additions for each inversion. A scalar's table entries are a run of cells, as a bucket's points are in a proof.
import { BASE_FIELD, FIELD_BYTES } from '../bn254.ts'
import { ELEMENT_BYTES, type Kernel, PAIR_BYTES } from '../kernel/kernel.ts'
import { fieldToBytes, type GroupName, POINT_BYTES } from './curve-memory.ts'
import { signedDigits, windowCount } from './fixed-base.ts'

/** Scalars that are summed at once: their points stay in a core's second cache. */
const SCALARS_AT_ONCE = 512

/** EIP-196, EIP-197: x and y; of G2 the real part first. */
const GENERATORS: Record<GroupName, readonly bigint[]> = {
  g1: [1n, 2n],
  g2: [
    10857046999023057135944570762232829481370756359578518086990519993285655852781n,
    11559732032986387107991004021392285783925812861821192530917403151452391805634n,
    8495653923123431417604973247489272438418190587263600148770280649306958101930n,
    4082367875863433681332203403145435568316851327593401208105741076214120093531n,
  ],
}

export class KernelFixedBase {
  readonly #kernel: Kernel
  readonly #group: GroupName
  readonly #window: number
  readonly #windows: number
  readonly #table: number

  /** Computes the table: 2^(window−1) points for each window. */
  constructor(kernel: Kernel, group: GroupName, window: number) {
    this.#kernel = kernel
    this.#group = group
    this.#window = window
    this.#windows = windowCount(window)
    this.#table = kernel.allocate(this.#windows * 2 ** (window - 1) * this.#size)
    this.#fillTable()
  }

  get #size(): number {
    return 2 * (this.#group === 'g1' ? ELEMENT_BYTES : PAIR_BYTES)
  }

  get #flag(): number {
    return this.#group === 'g1' ? 0 : 1
  }

  /** As FixedBase.multiply: n × 32 bytes, each < r, to n affine points in the zkey's form. Leaves nothing in the memory. */
  multiply(scalars: Uint8Array): Uint8Array<ArrayBuffer> {
    const { affine } = POINT_BYTES[this.#group]
    const count = scalars.byteLength / FIELD_BYTES
    const points = new Uint8Array(count * affine)
    for (let from = 0; from < count; from += SCALARS_AT_ONCE) {
      const end = Math.min(count, from + SCALARS_AT_ONCE)
      points.set(this.#multiplyBatch(scalars.subarray(from * FIELD_BYTES, end * FIELD_BYTES)), from * affine)
    }
    return points
  }

  #multiplyBatch(scalars: Uint8Array): Uint8Array {
    const kernel = this.#kernel
    const { calls } = kernel
    const count = scalars.byteLength / FIELD_BYTES
    const [size, windows, half] = [this.#size, this.#windows, 2 ** (this.#window - 1)]
    const mark = kernel.mark()
    const [starts, counts] = [kernel.allocate(4 * count), kernel.allocate(4 * count)]
    const cells = kernel.allocate(4 * count * windows)
    const slotBytes = size * count * Math.ceil(windows / 2)
    const slots = kernel.allocate(slotBytes)
    const [firsts, lengths] = [kernel.words(starts, count), kernel.words(counts, count)]
    const entries = kernel.words(cells, count * windows)
    let at = 0
    for (let i = 0; i < count; i++) {
      firsts[i] = at
      signedDigits(scalars, i, this.#window, (j, digit) => {
        const entry = this.#table + (j * half + Math.abs(digit) - 1) * size
        entries[at++] = digit < 0 ? entry | 1 : entry
      })
      lengths[i] = at - firsts[i]!
    }
    calls.useGroup(this.#flag, kernel.base.at)
    calls.sumRuns(starts, counts, count, cells, slots, slots + slotBytes, this.#flag)
    const result = this.#export(starts, counts, cells, count)
    kernel.release(mark)
    return result
  }

  #export(starts: number, counts: number, cells: number, count: number): Uint8Array {
    const kernel = this.#kernel
    const { affine } = POINT_BYTES[this.#group]
    const size = this.#size
    const [work, points] = [kernel.allocate(size * count), kernel.allocate(affine * count)]
    const memory = kernel.view(0, points + affine * count)
    const [firsts, lengths, all] = [starts, counts, cells].map((from) => new Uint32Array(memory.buffer, from))
    const addresses = Array.from({ length: count }, (_, i) => (lengths![i] === 0 ? 0 : all![firsts![i]!]!))
    for (const [i, address] of addresses.entries()) {
      // Infinity is exported as some point, and overwritten below.
      const from = address === 0 ? this.#table : address & ~1
      const to = work + size * i
      memory.copyWithin(to, from, from + size)
      if ((address & 1) === 0) continue
      const y = new Float64Array(memory.buffer, to + size / 2, size / 16)
      for (let k = 0; k < y.length; k++) y[k] = -y[k]!
    }
    const { base, calls } = kernel
    if (this.#group === 'g1') calls.exportElements(points, work, 2 * count, base.toFile, base.at)
    else calls.exportPairs(points, work, 2 * count, base.toFile, base.at)
    for (const [i, address] of addresses.entries())
      if (address === 0) memory.fill(0, points + affine * i, points + affine * (i + 1))
    return kernel.read(points, affine * count)
  }

  /** Window j begins with 2^(j·w)·G; then m entries become 2m, in all windows at once. */
  #fillTable(): void {
    const kernel = this.#kernel
    const { calls } = kernel
    const [size, half] = [this.#size, 2 ** (this.#window - 1)]
    const entry = (window: number, digit: number) => this.#table + (window * half + digit - 1) * size
    calls.useGroup(this.#flag, kernel.base.at)
    const mark = kernel.mark()
    const cell = kernel.allocate(4)
    const doubled = kernel.allocate(size)
    this.#import(doubled)
    for (let window = 0; window < this.#windows; window++) {
      const first = entry(window, 1)
      kernel.view(0, doubled + size).copyWithin(first, doubled, doubled + size)
      for (let bit = 0; bit < this.#window; bit++) {
        calls.queueSum(doubled, doubled, doubled, cell)
        calls.flush()
      }
    }
    for (let filled = 1; filled < half; filled *= 2) {
      for (let window = 0; window < this.#windows; window++)
        for (let digit = 1; digit <= filled; digit++)
          calls.queueSum(entry(window, digit), entry(window, filled), entry(window, filled + digit), cell)
      calls.flush()
    }
    kernel.release(mark)
  }

  #import(to: number): void {
    const kernel = this.#kernel
    const coordinates = GENERATORS[this.#group]
    const bytes = kernel.allocate(FIELD_BYTES * coordinates.length)
    for (const [i, value] of coordinates.entries())
      kernel.view(bytes + FIELD_BYTES * i, FIELD_BYTES).set(fieldToBytes((value << 256n) % BASE_FIELD))
    const { base, calls } = kernel
    if (this.#group === 'g1') calls.importElements(to, bytes, FIELD_BYTES, 2, base.fromFile, base.at)
    else calls.importPairs(to, bytes, 2, base.fromFile, base.at)
  }
}
