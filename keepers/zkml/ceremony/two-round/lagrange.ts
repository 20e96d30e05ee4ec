// SPDX-License-Identifier: GPL-3.0-or-later
// The parts of a prepared powers-of-tau file that a circuit needs, read by range: such a file can have many gigabytes.
import { type FileHandle, open } from 'node:fs/promises'
import { POINT_BYTES } from '../../setup/curve-memory.ts'
import { CeremonyError } from '../errors.ts'

/** Section numbers of snarkjs' ptau format. From 12 on: Lagrange bases at τ: for 1, 2, 4, … points, one behind the other. */
const SECTION = { alpha: 4, beta: 5, beta2: 6, tau: 12, tau2: 13, alphaTau: 14, betaTau: 15 } as const

/** Points in the zkey's form: affine, Montgomery, little endian. */
export type LagrangePoints = {
  readonly alpha: Uint8Array
  readonly beta: Uint8Array
  /** β in G2. */
  readonly beta2: Uint8Array
  /** L_k(τ), α·L_k(τ), β·L_k(τ) for the roots of unity of the domain. */
  readonly tau: Uint8Array
  readonly alphaTau: Uint8Array
  readonly betaTau: Uint8Array
  /** L_k(τ) in G2. */
  readonly tau2: Uint8Array
  /** The odd Lagrange polynomials of the doubled domain at τ: the H query over δ = 1, as snarkjs takes it. */
  readonly h: Uint8Array
}

/**
 * Reads the Lagrange bases for a domain of 2^power points. `wanted` names those that are needed; the others come out empty.
 * Throws CeremonyError `ptau-refused` when the file holds none for this power.
 */
export async function readLagrangePoints(
  path: string,
  power: number,
  wanted: readonly (keyof LagrangePoints)[],
): Promise<LagrangePoints> {
  const handle = await open(path)
  try {
    const sections = await sectionStarts(handle)
    const size = 2 ** power
    const read = async (id: number, first: number, count: number, bytes: number): Promise<Uint8Array> => {
      const section = sections.get(id)
      const [from, length] = [first * bytes, count * bytes]
      if (section === undefined || from + length > section.length) {
        throw new CeremonyError('ptau-refused', `${path}: has no points for 2^${power} constraints; get a larger file`)
      }
      const buffer = new Uint8Array(length)
      for (let at = 0; at < length; ) {
        const { bytesRead } = await handle.read(buffer, at, length - at, section.start + from + at)
        if (bytesRead === 0) throw new CeremonyError('ptau-refused', `${path}: is truncated`)
        at += bytesRead
      }
      return buffer
    }
    const [g1, g2] = [POINT_BYTES.g1.affine, POINT_BYTES.g2.affine]
    const readers: Record<keyof LagrangePoints, () => Promise<Uint8Array>> = {
      alpha: () => read(SECTION.alpha, 0, 1, g1),
      beta: () => read(SECTION.beta, 0, 1, g1),
      beta2: () => read(SECTION.beta2, 0, 1, g2),
      tau: () => read(SECTION.tau, size - 1, size, g1),
      alphaTau: () => read(SECTION.alphaTau, size - 1, size, g1),
      betaTau: () => read(SECTION.betaTau, size - 1, size, g1),
      tau2: () => read(SECTION.tau2, size - 1, size, g2),
      h: async () => everySecond(await read(SECTION.tau, 2 * size - 1, 2 * size, g1), g1),
    }
    const found = {} as Record<keyof LagrangePoints, Uint8Array>
    for (const name of Object.keys(readers) as (keyof LagrangePoints)[]) {
      found[name] = wanted.includes(name) ? await readers[name]() : new Uint8Array()
    }
    return found
  } finally {
    await handle.close()
  }
}

function everySecond(points: Uint8Array, bytes: number): Uint8Array {
  const odd = new Uint8Array(points.byteLength / 2)
  for (let i = 0; i < odd.byteLength; i += bytes) odd.set(points.subarray(2 * i + bytes, 2 * (i + bytes)), i)
  return odd
}

/** The frame was checked by `checkPowersOfTau`. */
async function sectionStarts(handle: FileHandle): Promise<Map<number, { start: number; length: number }>> {
  const found = new Map<number, { start: number; length: number }>()
  const head = Buffer.alloc(12)
  await handle.read(head, 0, 12, 0)
  for (let at = 12, remaining = head.readUInt32LE(8); remaining > 0; remaining--) {
    const frame = Buffer.alloc(12)
    await handle.read(frame, 0, 12, at)
    const length = Number(frame.readBigUInt64LE(4))
    found.set(frame.readUInt32LE(0), { start: at + 12, length })
    at += 12 + length
  }
  return found
}
