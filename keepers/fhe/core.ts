// SPDX-License-Identifier: GPL-3.0-or-later
// What one thread does with one ciphertext: encrypt, give a share, decode. The main thread has one core, and so has
// each worker of the pool.
import { createCipheriv } from 'node:crypto'
import type { Block } from './kernel/kernel.ts'
import { Kernel } from './kernel/kernel.ts'
import type { Plan } from './plan.ts'
import { SealContext, type SealEncryptor } from './seal.ts'

/** Node allocates what a cipher returns: pieces of this size come from the heap and go back to it, and stay in cache. */
const STREAM_PIECE = 1 << 15

/** Slots of a decrypted ciphertext. */
export type Slots = { readonly real: Float64Array; readonly imaginary: Float64Array }

/** A share in the making: λ_j·x_j prepared for multiplication, the key of the noise stream, room to work in. */
type OpenShare = {
  readonly noiseKey: Uint8Array
  readonly pairs: Block
  readonly input: Block
  readonly noise: Block
  readonly random: Block
  readonly sums: Block
  stream: ReturnType<typeof createCipheriv> | null
  next: number
}

/** Room for `decode`. Its contents become public to the members, so it is not wiped. */
type DecodeRoom = { readonly message: Block; readonly leaves: Block; readonly real: Block; readonly imaginary: Block }

export class Core implements Disposable {
  readonly plan: Plan
  readonly kernel: Kernel
  readonly seal: SealContext
  #encryptor: SealEncryptor | null = null
  #share: OpenShare | null = null
  #decodeRoom: DecodeRoom | null = null
  /** Uniform bytes for the flooding of one ciphertext. */
  readonly #randomBytes: number
  /** What is encrypted to get a stream of uniform bytes. */
  readonly #zeros = new Uint8Array(STREAM_PIECE)

  private constructor(plan: Plan, kernel: Kernel, seal: SealContext) {
    this.plan = plan
    this.kernel = kernel
    this.seal = seal
    this.#randomBytes = floodingBytes(plan)
  }

  static async open(plan: Plan): Promise<Core> {
    const [kernel, seal] = await Promise.all([Kernel.open(plan), SealContext.open(plan.set)])
    return new Core(plan, kernel, seal)
  }

  /** Sets the key that `encrypt` uses: SEAL PublicKey bytes. */
  useKey(publicKey: Uint8Array): void {
    this.#encryptor?.[Symbol.dispose]()
    this.#encryptor = this.seal.encryptor(publicKey, this.plan.scaleBits)
  }

  /** Writes c0 · c1 of the slots, under the key in use, to `out`. */
  encrypt(slots: Float64Array, out: Uint8Array): void {
    if (this.#encryptor === null) throw new Error('encrypt before useKey')
    out.set(this.#encryptor.encrypt(slots))
  }

  /**
   * Opens a share: `material` is x_j (8·N·L bytes), `lambdas` the Lagrange coefficient modulo each data prime, `noiseKey`
   * 32 bytes. Nothing is kept of `material` but λ_j·x_j inside the kernel, until `closeShare`.
   */
  openShare(material: Uint8Array, lambdas: readonly bigint[], noiseKey: Uint8Array): void {
    this.closeShare()
    const { kernel } = this
    const pairs = kernel.allocate(2 * kernel.polynomialBytes)
    kernel.borrow([kernel.polynomialBytes], (share) => {
      kernel.write(share!, material)
      for (const [l, lambda] of lambdas.entries()) {
        kernel.calls.prepareShare(
          kernel.records[l]!,
          this.#pairsAt(pairs, l),
          kernel.residues(share!, l),
          lambda,
          kernel.degree,
        )
      }
    })
    this.#share = {
      noiseKey: noiseKey.slice(),
      pairs,
      input: kernel.allocate(kernel.polynomialBytes),
      noise: kernel.allocate(kernel.polynomialBytes),
      random: kernel.allocate(this.#randomBytes),
      sums: kernel.allocate(16 * kernel.degree),
      stream: null,
      next: 0,
    }
  }

  /**
   * h_j = c1·(λ_j·x_j) + e of ciphertext number `index`, written to `out`. e is the flooding: bytes
   * [index·b, (index + 1)·b) of AES-256-CTR under the noise key, so the same request has the same noise, and no two
   * ciphertexts share any.
   */
  share(c1: Uint8Array, index: number, out: Uint8Array): void {
    if (this.#share === null) throw new Error('share before openShare')
    const { kernel } = this
    const { calls, degree } = kernel
    const { pairs, input, noise, random, sums } = this.#share
    this.#stream(this.#share, index)
    calls.floodingSums(sums.at, random.at, kernel.uniformBits, degree)
    kernel.write(input, c1)
    for (let l = 0; l < kernel.dataPrimeCount; l++) {
      const record = kernel.records[l]!
      const at = kernel.residues(noise, l)
      calls.floodingResidues(record, at, sums.at, degree)
      calls.forwardLazy(record, at, kernel.logDegree)
      calls.maskedProduct(record, at, kernel.residues(input, l), this.#pairsAt(pairs, l), at, degree)
    }
    out.set(kernel.view(noise))
  }

  /** Wipes the open share, if there is one. */
  closeShare(): void {
    if (this.#share === null) return
    const { noiseKey, pairs, input, noise, random, sums } = this.#share
    noiseKey.fill(0)
    for (const block of [pairs, input, noise, random, sums]) this.kernel.release(block)
    this.#share = null
  }

  /** Decodes m in NTT form (8·N·L bytes, residues below their primes) into slots at the plan's scale. */
  decode(message: Uint8Array): Slots {
    const { kernel } = this
    const { calls, degree } = kernel
    const slots = degree / 2
    this.#decodeRoom ??= {
      message: kernel.allocate(kernel.polynomialBytes),
      leaves: kernel.allocate(16 * slots),
      real: kernel.allocate(8 * slots),
      imaginary: kernel.allocate(8 * slots),
    }
    const room = this.#decodeRoom
    kernel.write(room.message, message)
    for (let l = 0; l < kernel.dataPrimeCount; l++) {
      calls.inverse(kernel.records[l]!, kernel.residues(room.message, l), kernel.logDegree)
    }
    const inverseScale = 2 ** -this.plan.scaleBits
    calls.compose(kernel.records[0]!, kernel.dataPrimeCount, room.message.at, room.leaves.at, inverseScale, degree)
    calls.embed(room.leaves.at, kernel.embedTwiddles.at, kernel.logDegree - 1)
    calls.gather(room.leaves.at, kernel.embedPlaces.at, room.real.at, room.imaginary.at, slots)
    return {
      real: new Float64Array(kernel.read(room.real).buffer),
      imaginary: new Float64Array(kernel.read(room.imaginary).buffer),
    }
  }

  [Symbol.dispose](): void {
    this.closeShare()
    this.#encryptor?.[Symbol.dispose]()
    this.#encryptor = null
    this.seal[Symbol.dispose]()
  }

  #pairsAt(pairs: Block, l: number): number {
    return pairs.at + 16 * this.kernel.degree * l
  }

  /** Bytes [index·b, (index + 1)·b) of the noise stream. The cipher is kept, for the next index is the usual one. */
  #stream(share: OpenShare, index: number): void {
    if (share.stream === null || share.next !== index) {
      const counter = new Uint8Array(16)
      // 16 bytes a block, big-endian: block numbers stay far below 2^64.
      new DataView(counter.buffer).setBigUint64(8, BigInt(index) * BigInt(this.#randomBytes / 16), false)
      share.stream = createCipheriv('aes-256-ctr', share.noiseKey, counter)
    }
    share.next = index + 1
    const target = this.kernel.view(share.random)
    for (let at = 0; at < target.length; at += STREAM_PIECE) {
      const rest = target.length - at
      const piece = share.stream.update(rest >= STREAM_PIECE ? this.#zeros : this.#zeros.subarray(0, rest))
      target.set(piece, at)
      piece.fill(0)
    }
  }
}

/** Random bytes that the flooding of one ciphertext takes: three terms of 8 or 12 bytes a coefficient. */
function floodingBytes(plan: Pick<Plan, 'set' | 'flooding'>): number {
  return 3 * plan.set.degree * (plan.flooding.uniformBits > 64 ? 12 : 8)
}
