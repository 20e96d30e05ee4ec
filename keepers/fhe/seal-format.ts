// SPDX-License-Identifier: GPL-3.0-or-later
// SEAL 4.1 bytes, ComprModeType.none: sums that SEAL loads.
//
//   header 16: 5E A1 · 10 · major 4 · minor 1 · compression 0 · u16 0 · u64 total size
//   Ciphertext: header · parms_id 32 · is_ntt u8 · size u64 · N u64 · primes u64 · scale f64 · correction factor u64 (1) ·
//     array header 16 · count u64 · residues (polynomial-major, then prime-major)
import { blake2b } from '@noble/hashes/blake2.js'
import { ByteWriter } from './encoding.ts'
import { dataPrimes, type ParameterSet } from './parameters.ts'

const SEAL_HEADER_BYTES = 16
const MAGIC = 0xa15e
const CKKS = 2n
/** Offset of the residues. */
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

function sealHeader(size: number): Uint8Array {
  return new ByteWriter().u16(MAGIC).u8(SEAL_HEADER_BYTES).u8(4).u8(1).u8(0).u16(0).u64(size).finish()
}
