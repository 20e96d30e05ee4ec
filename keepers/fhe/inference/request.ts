// SPDX-License-Identifier: GPL-3.0-or-later
// A requester's inputs under a secret of its own, dealt to the keepers for this one request: as members of a round encrypt under secrets of
// their own, so that no key outlives an answer, and a malformed request spoils nothing but its own answer.
//
//   terms hash 32 · seed 32 · samples u32 · answering keepers u16 each · reader's X25519 key 32 · hash of each one's share, 32 each ·
//   c0 of each input, 8·N·L each
//
// The hashes of shares make a keeper's part a function of the request. Flooding and masks are drawn from the request alone, so the parts for
// two shares under one request would differ by c_1·(f − f'), bare.
import { randomFillSync } from 'node:crypto'
import { ByteReader, ByteWriter, equalBytes, HASH_BYTES, hash } from '../encoding.ts'
import { sealTo } from '../envelope.ts'
import { FheError } from '../errors.ts'
import { FixedPoint } from '../fixed-point.ts'
import { sortedSet } from '../members.ts'
import { roundPolynomial } from '../round-polynomial.ts'
import { deal } from '../shamir.ts'
import { DEALING_SEED_BYTES } from '../sizes.ts'
import { sampleSecret } from '../ternary.ts'
import type { InferenceRing } from './ring.ts'
import type { InferenceTerms } from './terms.ts'

const SEED_BYTES = 32
const KEY_BYTES = 32
const ERROR_BYTES = 6

export type InferenceInputs = {
  /** X25519 public keys of all keepers, in their order. */
  readonly keepers: readonly Uint8Array[]
  /** Indices of the keepers that are to answer: exactly `terms.answering`. */
  readonly answering: readonly number[]
  /** X25519 public key of whoever is to read the answer. */
  readonly reader: Uint8Array
  /** One vector of `terms.inputs` numbers within ±clipBound for each sample, 1 to `terms.batch`. */
  readonly samples: readonly ArrayLike<number>[]
}

export type InferenceRequest = {
  /** For every answering keeper. */
  readonly bytes: Uint8Array
  /** `shares[i]` is for keeper `answering[i]` alone. */
  readonly shares: readonly Uint8Array[]
}

/** Public parts of a request. */
export type RequestParts = {
  readonly hash: Uint8Array
  readonly samples: number
  readonly answering: readonly number[]
  readonly reader: Uint8Array
  /** Of the share of each answering keeper, in their order. */
  readonly shareHashes: readonly Uint8Array[]
  /** c0 of each input. */
  readonly ciphertexts: readonly Uint8Array[]
  /** Of the second halves, which everybody expands. */
  readonly polynomialSeed: Uint8Array
}

/**
 * Encrypts samples for the keepers. Every call draws a new secret; it is wiped before the call returns.
 * @throws FheError invalid-argument naming the field
 */
export function requestInference(ring: InferenceRing, inputs: InferenceInputs): InferenceRequest {
  const { kernel, terms, slots } = ring
  const { keepers, samples, reader } = inputs
  const answering = checkAnswering(terms, inputs.answering)
  if (keepers.length !== terms.members) throw refuse('keepers', `${keepers.length} keys for ${terms.members} keepers`)
  if (keepers.some((key) => key.length !== KEY_BYTES)) throw refuse('keepers', `keys must have ${KEY_BYTES} bytes`)
  if (reader.length !== KEY_BYTES) throw refuse('reader', `an X25519 key has ${KEY_BYTES} bytes, not ${reader.length}`)
  checkSamples(terms, samples)

  const start = new ByteWriter()
    .bytes(terms.hash)
    .bytes(randomFillSync(new Uint8Array(SEED_BYTES)))
    .u32(samples.length)
  for (const keeper of answering) start.u16(keeper)
  const head = start.bytes(reader).finish()
  const seed = polynomialSeed(head)
  const inputsAt = head.length + HASH_BYTES * answering.length
  const bytes = new Uint8Array(inputsAt + terms.inputs * kernel.polynomialBytes)
  bytes.set(head)
  const dealingSeed = randomFillSync(new Uint8Array(DEALING_SEED_BYTES))
  const [digits, secret] = [kernel.allocate(kernel.degree), kernel.allocate(kernel.polynomialBytes)]
  try {
    sampleSecret(kernel, digits, secret)
    const scale = new FixedPoint(terms.set, terms.scaleBits, terms.clipBound)
    for (let i = 0; i < terms.inputs; i++) {
      const values = slots.encode(samples.map((sample) => sample[i]!))
      const a = roundPolynomial(kernel, seed, i)
      kernel.borrow(
        [kernel.polynomialBytes, kernel.polynomialBytes, ERROR_BYTES * kernel.degree],
        (c0, room, random) => {
          scale.write(kernel, values, c0!)
          randomFillSync(kernel.view(random!))
          for (const [l, record] of kernel.records.slice(0, kernel.dataPrimeCount).entries()) {
            const [sum, at] = [kernel.residues(c0!, l), kernel.residues(room!, l)]
            kernel.calls.binomialResidues(record, at, random!.at, kernel.degree)
            kernel.calls.addInto(record, sum, at, kernel.degree)
            kernel.calls.forward(record, sum, kernel.logDegree)
          }
          ring.subtractProduct(c0!, a, secret)
          bytes.set(kernel.view(c0!), inputsAt + i * kernel.polynomialBytes)
        },
      )
      values.fill(0)
    }
    const of = { secret, seed: dealingSeed, extras: 0, members: answering.at(-1)! + 1, threshold: terms.threshold }
    const eachShare = (give: (at: number, member: number, share: Uint8Array) => void) =>
      deal(kernel, of, (member, share) => {
        const at = answering.indexOf(member)
        if (at !== -1) give(at, member, share)
      })
    // Twice, because shares are sealed under the hash of the request that holds their hashes: no copies of them lie about meanwhile.
    eachShare((at, member, share) => bytes.set(shareHash(member, share), head.length + HASH_BYTES * at))
    const binding = requestHash(bytes)
    const shares: Uint8Array[] = []
    eachShare((at, member, share) => {
      shares[at] = sealTo(keepers[member]!, share, shareBinding(binding, member))
    })
    return { bytes, shares }
  } finally {
    dealingSeed.fill(0)
    kernel.release(digits)
    kernel.release(secret)
  }
}

/** The parts of a request's bytes. @throws FheError truncated, wrong-plan, wrong-active-set, malformed-message, coefficient-out-of-range */
export function readRequest(ring: InferenceRing, bytes: Uint8Array): RequestParts {
  const { kernel, terms } = ring
  const reader = new ByteReader(bytes, 'inference request')
  if (!equalBytes(reader.bytes(HASH_BYTES, 'terms hash'), terms.hash)) {
    throw new FheError('wrong-plan', 'this request was made for other terms than these keepers’')
  }
  reader.bytes(SEED_BYTES, 'seed')
  const samples = reader.u32('samples')
  if (samples < 1 || samples > terms.batch) {
    throw new FheError('malformed-message', `samples is ${samples}; 1 to ${terms.batch} are possible`, { samples })
  }
  const named = Array.from({ length: terms.answering }, () => reader.u16('answering keepers'))
  const answering = checkAnswering(terms, named)
  if (answering.some((keeper, i) => keeper !== named[i])) {
    throw new FheError('wrong-active-set', `answering keepers must be in order: ${answering}, not ${named}`)
  }
  const key = reader.bytes(KEY_BYTES, 'reader').slice()
  const head = bytes.subarray(0, reader.offset)
  const shareHashes = answering.map((keeper) => reader.bytes(HASH_BYTES, `hash of share ${keeper}`).slice())
  const ciphertexts = Array.from({ length: terms.inputs }, (_, i) => {
    const c0 = reader.bytes(kernel.polynomialBytes, `ciphertext ${i}`)
    ring.insistInRange(c0, `ciphertext ${i} of a request`)
    return c0
  })
  reader.end()
  return {
    hash: requestHash(bytes),
    samples,
    answering,
    reader: key,
    shareHashes,
    ciphertexts,
    polynomialSeed: polynomialSeed(head),
  }
}

/** What a sealed share of a request is bound to. */
export function shareBinding(request: Uint8Array, keeper: number): Uint8Array {
  return hash('inference share', new ByteWriter().bytes(request).u16(keeper).finish())
}

/** What a request says of a keeper's share. To find a share by it means to find the secret, which is ternary of N digits. */
export function shareHash(keeper: number, share: Uint8Array): Uint8Array {
  return hash('inference share hash', new ByteWriter().u16(keeper).finish(), share)
}

function requestHash(bytes: Uint8Array): Uint8Array {
  return hash('inference request', bytes)
}

function polynomialSeed(head: Uint8Array): Uint8Array {
  return hash('inference polynomials', head)
}

function checkAnswering(terms: InferenceTerms, answering: readonly number[]): number[] {
  const sorted = sortedSet(answering, terms.members, 'wrong-active-set', 'answering')
  if (sorted.length === terms.answering) return sorted
  throw new FheError(
    'wrong-active-set',
    `${sorted.length} keepers cannot answer: outputs of degree ${terms.degree} take exactly ${terms.answering}`,
    { found: sorted.length, needed: terms.answering },
  )
}

function checkSamples(terms: InferenceTerms, samples: readonly ArrayLike<number>[]): void {
  if (samples.length < 1 || samples.length > terms.batch) {
    throw refuse('samples', `${samples.length} given; 1 to ${terms.batch} are possible`)
  }
  for (const [s, sample] of samples.entries()) {
    if (sample.length !== terms.inputs) {
      throw refuse(`samples[${s}]`, `${sample.length} numbers for ${terms.inputs} inputs`)
    }
    for (let i = 0; i < sample.length; i++) {
      // NaN fails, too.
      if (Math.abs(sample[i]!) <= terms.clipBound) continue
      throw refuse(`samples[${s}][${i}]`, `${sample[i]} is not within ±${terms.clipBound}`)
    }
  }
}

function refuse(field: string, why: string): FheError {
  return new FheError('invalid-argument', `${field}: ${why}`, { field })
}
