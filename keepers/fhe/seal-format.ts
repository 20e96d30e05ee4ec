// SPDX-License-Identifier: GPL-3.0-or-later
// SEAL 4.1 bytes, ComprModeType.none: what we write SEAL loads, what SEAL saves we parse, strictly.
//
//   header 16: 5E A1 · 10 · major 4 · minor 1 · compression 0 · u16 0 · u64 total size
//   Ciphertext and PublicKey: header · parms_id 32 · is_ntt u8 · size u64 · N u64 · primes u64 · scale f64 ·
//     correction factor u64 (1) · array header 16 · count u64 · residues (polynomial-major, then prime-major)
import { blake2b } from '@noble/hashes/blake2.js'
import { ByteReader, ByteWriter, equalBytes } from './encoding.ts'
import { FheError } from './errors.ts'
import { dataPrimes, type ParameterSet } from './parameters.ts'

const SEAL_HEADER_BYTES = 16
const MAGIC = 0xa15e
const CKKS = 2n
/** Offset of the residues in a Ciphertext or PublicKey. */
const RESIDUES_AT = 113

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

type Expected = {
  readonly what: string
  readonly degree: number
  readonly primes: readonly bigint[]
  readonly scale: number
}

/** SEAL PublicKey of the two polynomials over all primes, NTT form, b first. */
export function encodePublicKey(set: ParameterSet, b: Uint8Array, a: Uint8Array): Uint8Array {
  return encode({ what: 'public key', degree: set.degree, primes: set.primes, scale: 1 }, b, a)
}

/** The two polynomials of a SEAL PublicKey, as views. Ranges of residues are the caller's to check. */
export function decodePublicKey(set: ParameterSet, bytes: Uint8Array): { b: Uint8Array; a: Uint8Array } {
  const [b, a] = decode({ what: 'public key', degree: set.degree, primes: set.primes, scale: 1 }, bytes)
  return { b, a }
}

/** SEAL Ciphertext of (c0, c1) over the data primes. */
export function encodeCiphertext(set: ParameterSet, scaleBits: number, c0: Uint8Array, c1: Uint8Array): Uint8Array {
  return encode(ciphertextShape(set, scaleBits), c0, c1)
}

/**
 * c0 · c1 of a SEAL Ciphertext, as one view. Throws 'wrong-parms-id', or 'malformed-seal-object' naming the field, for
 * anything but two polynomials in NTT form over the data primes at this scale.
 */
export function decodeCiphertext(set: ParameterSet, scaleBits: number, bytes: Uint8Array): Uint8Array {
  decode(ciphertextShape(set, scaleBits), bytes)
  return bytes.subarray(RESIDUES_AT)
}

function ciphertextShape(set: ParameterSet, scaleBits: number): Expected {
  return { what: 'ciphertext', degree: set.degree, primes: dataPrimes(set), scale: 2 ** scaleBits }
}

function encode(shape: Expected, first: Uint8Array, second: Uint8Array): Uint8Array {
  const words = 2 * shape.degree * shape.primes.length
  return new ByteWriter()
    .bytes(sealHeader(RESIDUES_AT + 8 * words))
    .bytes(parmsId(shape.degree, shape.primes))
    .u8(1)
    .u64(2)
    .u64(shape.degree)
    .u64(shape.primes.length)
    .f64(shape.scale)
    .u64(1)
    .bytes(sealHeader(SEAL_HEADER_BYTES + 8 + 8 * words))
    .u64(words)
    .bytes(first)
    .bytes(second)
    .finish()
}

function sealHeader(size: number): Uint8Array {
  return new ByteWriter().u16(MAGIC).u8(SEAL_HEADER_BYTES).u8(4).u8(1).u8(0).u16(0).u64(size).finish()
}

function decode(shape: Expected, bytes: Uint8Array): [Uint8Array, Uint8Array] {
  const reader = new ByteReader(bytes, `SEAL ${shape.what}`)
  const insist = (field: string, found: bigint | number, wanted: bigint | number) => {
    if (found === wanted) return
    throw new FheError('malformed-seal-object', `${field} of this SEAL ${shape.what} is ${found}, not ${wanted}`, {
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
  const words = 2 * shape.degree * shape.primes.length
  readSealHeader(RESIDUES_AT + 8 * words)
  if (!equalBytes(reader.bytes(32, 'parms_id'), parmsId(shape.degree, shape.primes))) {
    throw new FheError('wrong-parms-id', `this SEAL ${shape.what} belongs to other encryption parameters`)
  }
  insist('is_ntt_form', reader.u8('is_ntt_form'), 1)
  insist('size', reader.u64('size'), 2n)
  insist('poly_modulus_degree', reader.u64('poly_modulus_degree'), BigInt(shape.degree))
  insist('coeff_modulus_size', reader.u64('coeff_modulus_size'), BigInt(shape.primes.length))
  insist('scale', reader.f64('scale'), shape.scale)
  insist('correction_factor', reader.u64('correction_factor'), 1n)
  readSealHeader(SEAL_HEADER_BYTES + 8 + 8 * words)
  insist('residue count', reader.u64('residue count'), BigInt(words))
  const first = reader.bytes(4 * words, 'first polynomial')
  const second = reader.bytes(4 * words, 'second polynomial')
  reader.end()
  return [first, second]
}
