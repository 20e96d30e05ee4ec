// SPDX-License-Identifier: GPL-3.0-or-later
// The payload of a request with a public input: version (1 byte) ‖ salt (32 bytes, big-endian) ‖ one byte for each value.
// The input commitment on the chain is salted Poseidon over those values; the salt is public here, and lets the same
// request format carry inputs that are sent to one prover in private.
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import { commitInput, elementCount, encodeInput, type IntegerProgram, randomSalt, tensorOf } from '../zkml/index.ts'
import { ServingError } from './errors.ts'

const VERSION = 1
const HEAD_BYTES = 33
/** A payload has one byte for each value. */
const PAYLOAD_BITS = 8

export type InputPayload = {
  /** The circuit's integers minus their specified minimum: 0 … 2^bits − 1, row-major. */
  readonly values: Uint8Array
  readonly salt: bigint
}

export function encodePayload({ values, salt }: InputPayload): Uint8Array {
  const bytes = new Uint8Array(HEAD_BYTES + values.length)
  bytes[0] = VERSION
  bytes.set(hexToBytes(salt.toString(16).padStart(64, '0')), 1)
  bytes.set(values, HEAD_BYTES)
  return bytes
}

/**
 * Parses a payload for a program and checks that it opens `inputCommitment`.
 * @throws ServingError bad-payload naming the length, value or commitment that is wrong
 */
export function decodePayload(bytes: Uint8Array, program: IntegerProgram, inputCommitment: bigint): InputPayload {
  const count = elementCount(tensorOf(program, program.input.tensor).shape)
  const bad = (what: string): never => {
    throw new ServingError('bad-payload', `payload: ${what}`)
  }
  if (bytes[0] !== VERSION) bad(`version ${bytes[0]}, expected ${VERSION}`)
  if (bytes.length !== HEAD_BYTES + count)
    bad(`${bytes.length} bytes, expected ${HEAD_BYTES + count} for ${count} values`)
  const salt = BigInt(`0x${bytesToHex(bytes.subarray(1, HEAD_BYTES))}`)
  const values = bytes.slice(HEAD_BYTES)
  const limit = 2 ** program.input.bits
  const outside = values.findIndex((value) => value >= limit)
  if (outside >= 0) bad(`value ${outside} is ${values[outside]}, above ${limit - 1}`)
  const payload = { values, salt }
  if (commitmentOf(payload, program) !== inputCommitment) bad('does not open the input commitment of the request')
  return payload
}

/** The input commitment that a request with this payload must carry. */
export function commitmentOf({ values, salt }: InputPayload, { input }: IntegerProgram): bigint {
  return commitInput(integersOf({ values, salt }, input.min), { bits: input.bits, min: input.min }, salt)
}

/** The integers that the circuit takes. */
export function integersOf({ values }: InputPayload, min: number): Float64Array {
  return Float64Array.from(values, (value) => value + min)
}

/** A public input as a request carries it. */
export type PreparedInput = {
  /** 32 bytes, 0x… */
  readonly inputCommitment: string
  /** Opens the commitment: salt and input. 0x… */
  readonly payload: string
}

/**
 * Rounds an input and commits to it, for a request in which everybody will be able to read it.
 * @param clamp whether to move values outside the calibrated range to its edge instead of refusing them
 * @throws ServingError wrong-circuit when an input does not fit a byte, bad-payload when it does not fit the circuit
 */
export function prepareInput(program: IntegerProgram, input: ArrayLike<number>, clamp = false): PreparedInput {
  if (program.input.bits > PAYLOAD_BITS) {
    throw new ServingError(
      'wrong-circuit',
      `the circuit's inputs have ${program.input.bits} bits, a payload carries ${PAYLOAD_BITS}`,
    )
  }
  const values = Uint8Array.from(roundedInput(program, input, clamp), (value) => value - program.input.min)
  const payload = { values, salt: randomSalt() }
  const commitment = commitmentOf(payload, program).toString(16).padStart(64, '0')
  return { inputCommitment: `0x${commitment}`, payload: `0x${bytesToHex(encodePayload(payload))}` }
}

/** The circuit's integers. @throws ServingError bad-payload when the input does not fit the circuit */
export function roundedInput(program: IntegerProgram, input: ArrayLike<number>, clamp: boolean): Float64Array {
  try {
    return encodeInput(program, input, { clamp })
  } catch (cause) {
    throw new ServingError('bad-payload', (cause as Error).message, { cause })
  }
}
