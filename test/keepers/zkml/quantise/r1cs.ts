// SPDX-License-Identifier: GPL-3.0-or-later
// Number of constraints of an r1cs file, read from its header alone.
import { readFile } from 'node:fs/promises'

/** iden3's binary format: 'r1cs', version, sections of [type, size, bytes]; section 1 ends in the constraint count. */
export async function readR1csHeader(path: string): Promise<number> {
  const bytes = await readFile(path)
  if (bytes.toString('latin1', 0, 4) !== 'r1cs') throw new Error(`${path} is no r1cs file`)
  let at = 12
  while (at < bytes.length) {
    const type = bytes.readUInt32LE(at)
    const size = Number(bytes.readBigUInt64LE(at + 4))
    if (type === 1) return bytes.readUInt32LE(at + 12 + size - 4)
    at += 12 + size
  }
  throw new Error(`${path} has no header section`)
}
