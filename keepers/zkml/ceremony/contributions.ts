// SPDX-License-Identifier: GPL-3.0-or-later
// The contributions that a zkey itself records (snarkjs src/zkey_utils.js), and the hash that names each.
import { createHash } from 'node:crypto'
import { loadCurve, POINT_BYTES } from '../setup/curve-memory.ts'
import { parseZkey } from '../setup/zkey.ts'
import { CeremonyError } from './errors.ts'

export type RecordedContribution = {
  readonly kind: 'contribution' | 'beacon'
  readonly name: string
  /** BLAKE2b-512, 0x and 128 hexadecimal digits. */
  readonly hash: string
  /** Only of a beacon. */
  readonly beacon: { readonly value: string; readonly iterationsExponent: number } | null
}

const TRANSCRIPT_BYTES = 64
const PARAMETER = { name: 1, iterations: 2, beacon: 3 } as const

/** Reads section 10 of a key. Throws CeremonyError `invalid-contribution` for a record that does not parse. */
export async function recordedContributions(
  file: Uint8Array,
): Promise<{ circuitHash: string; contributions: RecordedContribution[] }> {
  const { sections, circuitHash } = parseZkey(file)
  const section = sections.contributions
  const reader = new Reader(section.subarray(64))
  const contributions: RecordedContribution[] = []
  const { G1, G2 } = await loadCurve()
  const g1 = (bytes: Uint8Array) => {
    const output = new Uint8Array(POINT_BYTES.g1.affine)
    G1.toRprUncompressed(output, 0, G1.fromRprLEM(bytes, 0))
    return output
  }
  const g2 = (bytes: Uint8Array) => {
    const output = new Uint8Array(POINT_BYTES.g2.affine)
    G2.toRprUncompressed(output, 0, G2.fromRprLEM(bytes, 0))
    return output
  }
  for (let remaining = reader.word(); remaining > 0; remaining--) {
    const hash = createHash('blake2b512')
    for (let point = 0; point < 3; point++) hash.update(g1(reader.take(POINT_BYTES.g1.affine)))
    hash.update(g2(reader.take(POINT_BYTES.g2.affine)))
    hash.update(reader.take(TRANSCRIPT_BYTES))
    const kind = reader.word() === 1 ? 'beacon' : 'contribution'
    const parameters = new Reader(reader.take(reader.word()))
    let name = ''
    let iterationsExponent = 0
    let value = ''
    while (!parameters.atEnd) {
      const type = parameters.byte()
      if (type === PARAMETER.name) name = new TextDecoder().decode(parameters.take(parameters.byte()))
      else if (type === PARAMETER.iterations) iterationsExponent = parameters.byte()
      else if (type === PARAMETER.beacon) value = Buffer.from(parameters.take(parameters.byte())).toString('hex')
      else throw new CeremonyError('invalid-contribution', `the key records a parameter of unknown type ${type}`)
    }
    contributions.push({
      kind,
      name,
      hash: `0x${hash.digest('hex')}`,
      beacon: kind === 'beacon' ? { value, iterationsExponent } : null,
    })
  }
  return { circuitHash: `0x${Buffer.from(circuitHash).toString('hex')}`, contributions }
}

class Reader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.byteLength
  }

  take(length: number): Uint8Array {
    if (this.#at + length > this.#bytes.byteLength) {
      throw new CeremonyError('invalid-contribution', 'the record of contributions in the key is truncated')
    }
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  byte(): number {
    return this.take(1)[0]!
  }

  word(): number {
    const bytes = this.take(4)
    return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true)
  }
}
