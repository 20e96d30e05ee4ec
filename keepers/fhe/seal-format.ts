// SPDX-License-Identifier: GPL-3.0-or-later
// SEAL 4.1 bytes, ComprModeType.none: strict parsing of plaintexts that SEAL's encoder saves, and sums that SEAL loads.
//
//   header 16: 5E A1 · 10 · major 4 · minor 1 · compression 0 · u16 0 · u64 total size
//   Plaintext: header · parms_id 32 · coefficient count u64 · scale f64 · array header 16 · count u64 · residues
//   Ciphertext: header · parms_id 32 · is_ntt u8 · size u64 · N u64 · primes u64 · scale f64 · correction factor u64 (1) ·
//     array header 16 · count u64 · residues (polynomial-major, then prime-major)
import { blake2b } from '@noble/hashes/blake2.js'
import { ByteReader, ByteWriter, equalBytes } from './encoding.ts'
import { FheError } from './errors.ts'
import { dataPrimes, type ParameterSet } from './parameters.ts'

const SEAL_HEADER_BYTES = 16
const MAGIC = 0xa15e
const CKKS = 2n
/** Offsets of the residues. */
const PLAINTEXT_AT = 88
const CIPHERTEXT_AT = 113

/** parms_id = BLAKE2b-256 of the u64s scheme, N, primes…, plain modulus 0 (SEAL encryptionparams.cpp). */
export function parmsId(degree: number, primes: readonly bigint[]): Uint8Array {
  const words = new ByteWriter().u64(CKKS).u64(degree)
  for (const prime of primes) words.u64(prime)
  return blake2b(words.u64(0).finish(), { dkLen: 32 })
}

/** parms_id of ciphertexts: the data primes. */
export function dataParmsId(set: ParameterSet): Uint8Array {
  return parmsId(set.degree, dataPrimes(set))
}

/** SEAL Ciphertext of (c0, c1) over the data primes. */
export function encodeCiphertext(set: ParameterSet, scaleBits: number, c0: Uint8Array, c1: Uint8Array): Uint8Array {
  const primes = dataPrimes(set).length
  const words = 2 * set.degree * primes
  return new ByteWriter()
    .bytes(sealHeader(CIPHERTEXT_AT + 8 * words))
    .bytes(dataParmsId(set))
    .u8(1)
    .u64(2)
    .u64(set.degree)
    .u64(primes)
    .f64(2 ** scaleBits)
    .u64(1)
    .bytes(sealHeader(SEAL_HEADER_BYTES + 8 + 8 * words))
    .u64(words)
    .bytes(c0)
    .bytes(c1)
    .finish()
}

/**
 * The residues of a SEAL Plaintext, as a view. Throws 'wrong-parms-id', or 'malformed-seal-object' naming the field, for
 * anything but a polynomial over the data primes at this scale.
 */
export function decodePlaintext(set: ParameterSet, scaleBits: number, bytes: Uint8Array): Uint8Array {
  const reader = new ByteReader(bytes, 'SEAL plaintext')
  const insist = (field: string, found: bigint | number, wanted: bigint | number) => {
    if (found === wanted) return
    throw new FheError('malformed-seal-object', `${field} of this SEAL plaintext is ${found}, not ${wanted}`, {
      field,
      found: String(found),
    })
  }
  const readSealHeader = (size: number) => {
    insist('magic', reader.u16('magic'), MAGIC)
    insist('header size', reader.u8('header size'), SEAL_HEADER_BYTES)
    insist('major version', reader.u8('major version'), 4)
    insist('minor version', reader.u8('minor version'), 1)
    insist('compression', reader.u8('compression'), 0)
    insist('reserved', reader.u16('reserved'), 0)
    insist('total size', reader.u64('total size'), BigInt(size))
  }
  const words = set.degree * dataPrimes(set).length
  readSealHeader(PLAINTEXT_AT + 8 * words)
  if (!equalBytes(reader.bytes(32, 'parms_id'), dataParmsId(set))) {
    throw new FheError('wrong-parms-id', 'this SEAL plaintext belongs to other encryption parameters')
  }
  insist('coeff_count', reader.u64('coeff_count'), BigInt(words))
  insist('scale', reader.f64('scale'), 2 ** scaleBits)
  readSealHeader(SEAL_HEADER_BYTES + 8 + 8 * words)
  insist('residue count', reader.u64('residue count'), BigInt(words))
  const residues = reader.bytes(8 * words, 'residues')
  reader.end()
  return residues
}

function sealHeader(size: number): Uint8Array {
  return new ByteWriter().u16(MAGIC).u8(SEAL_HEADER_BYTES).u8(4).u8(1).u8(0).u16(0).u64(size).finish()
}
