// SPDX-License-Identifier: GPL-3.0-or-later
// Powers of tau: accepted by the hash of the file, because whoever made the powers alone could forge proofs under every
// key that rests on them.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { BASE_FIELD, FIELD_BYTES } from '../bn254.ts'
import { bytesToField } from '../setup/curve-memory.ts'
import { CeremonyError } from './errors.ts'
import { PUBLISHED_PTAU } from './published-ptau.ts'

export type PowersOfTau = {
  /** Serves circuits of up to 2^power constraints. */
  readonly power: number
  /** BLAKE2b-512 of the file, hexadecimal. */
  readonly blake2b: string
  /** Whether a published file has this hash. */
  readonly published: boolean
}

const HEADER_SECTION = 1
const PREPARED_SECTION = 12

/**
 * Reads the header and hashes the file. Throws CeremonyError `ptau-refused` for anything but the published files of
 * the Hermez ceremony, unless `allowUnpublished` is set: then the result says that the powers are not published.
 */
export async function checkPowersOfTau(
  path: string,
  options: { readonly allowUnpublished?: boolean; readonly signal?: AbortSignal } = {},
): Promise<PowersOfTau> {
  const power = await readPower(path)
  const hash = createHash('blake2b512')
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    options.signal?.throwIfAborted()
    hash.update(chunk as Buffer)
  }
  const blake2b = hash.digest('hex')
  const published = PUBLISHED_PTAU.get(power) === blake2b
  if (!published && options.allowUnpublished !== true) {
    const known = PUBLISHED_PTAU.has(power)
      ? `the published file of power ${power} has ${PUBLISHED_PTAU.get(power)}`
      : `no file of power ${power} is published`
    throw new CeremonyError(
      'ptau-refused',
      `${path}: hash ${blake2b}, but ${known}; get powersOfTau28_hez_final_${String(power).padStart(2, '0')}.ptau, or allow unpublished powers for a test`,
    )
  }
  return { power, blake2b, published }
}

async function readPower(path: string): Promise<number> {
  const refuse = (what: string) => new CeremonyError('ptau-refused', `${path}: ${what}`)
  const handle = await open(path).catch((error: Error) => {
    throw new CeremonyError('ptau-refused', error.message, { cause: error })
  })
  try {
    const { size } = await handle.stat()
    const read = async (at: number, length: number) => {
      const buffer = Buffer.alloc(length)
      const { bytesRead } = await handle.read(buffer, 0, length, at)
      if (bytesRead !== length) throw refuse('is truncated')
      return buffer
    }
    const head = await read(0, 12)
    if (head.toString('latin1', 0, 4) !== 'ptau') throw refuse('is not a powers-of-tau file')
    let power: number | null = null
    let prepared = false
    for (let at = 12, remaining = head.readUInt32LE(8); remaining > 0; remaining--) {
      const frame = await read(at, 12)
      const [id, length] = [frame.readUInt32LE(0), Number(frame.readBigUInt64LE(4))]
      if (at + 12 + length > size) throw refuse('is truncated')
      if (id === HEADER_SECTION) {
        const header = await read(at + 12, 4 + FIELD_BYTES + 4)
        if (bytesToField(header, 4) !== BASE_FIELD) throw refuse('is not over BN254')
        power = header.readUInt32LE(4 + FIELD_BYTES)
      }
      prepared ||= id === PREPARED_SECTION
      at += 12 + length
    }
    if (power === null || power < 1 || power > 28) throw refuse('states no power from 1 to 28')
    if (!prepared) throw refuse('is not prepared for phase 2; get the file whose name says final')
    return power
  } finally {
    await handle.close()
  }
}
