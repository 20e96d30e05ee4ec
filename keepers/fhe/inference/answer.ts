// SPDX-License-Identifier: GPL-3.0-or-later
// A keeper's part of an answer, and the answer from all parts.
//
// Keeper j holds f(α_j), a Shamir share of the requester's secret s in NTT form, where products are slot by slot: f(α_j)^i is a share of s^i,
// on a polynomial of degree i·(t − 1) (Ben-Or, Goldwasser, Wigderson, STOC 1988: a product of shares, without the reduction of its degree).
// So k·(t − 1) + 1 keepers have h_j = λ_j·Σ_{i≥1} c_i·f(α_j)^i with Σ_j h_j = Σ_{i≥1} c_i·s^i. Each adds flooding and a mask; the masks
// cancel. The first keeper adds c_0, too, which would otherwise show the weights to the reader: c_0 is a linear map of known inputs.
import { hkdfSync } from 'node:crypto'
import { ByteStream } from '../byte-stream.ts'
import { ByteReader, ByteWriter, equalBytes, HASH_BYTES, hash } from '../encoding.ts'
import { isKeyOf, openSealed, sealTo } from '../envelope.ts'
import { FheError } from '../errors.ts'
import type { Block } from '../kernel/kernel.ts'
import { addMasks, derivePairKeys } from '../masks.ts'
import { powMod } from '../parameters.ts'
import { lagrangeAtZero } from '../shamir.ts'
import type { EncryptionKeyPair, Progress } from '../types.ts'
import { type Components, withOutputs } from './evaluation.ts'
import { hashOf, type SquareNetwork } from './network.ts'
import { type RequestParts, readRequest, shareBinding, shareHash } from './request.ts'
import type { InferenceRing } from './ring.ts'

const FLOODING_INFO = new TextEncoder().encode('cohort/fhe/inference flooding/1')
/** Random bytes of one coefficient's term: three words, and three half words above 64 bits. */
const termBytes = (uniformBits: number) => 3 * (uniformBits > 64 ? 12 : 8)

export type AnswerRequest = Progress & {
  readonly network: SquareNetwork
  readonly request: Uint8Array
  /** The share sealed to this keeper. */
  readonly share: Uint8Array
  readonly self: number
  readonly own: EncryptionKeyPair
  /** X25519 public keys of all keepers, in their order. */
  readonly keepers: readonly Uint8Array[]
}

/**
 * This keeper's part of the answer, sealed to the reader: request hash 32 · keeper u16 · 8·N·L bytes for each output. The same request
 * always has the same flooding, of the same network: asking twice averages nothing out. Of another network it has another one, since the
 * difference of the parts would show that of the weights.
 * @throws FheError wrong-plan, wrong-active-set, not-in-active-set, sealed-share-unreadable, sealed-share-mismatch,
 * coefficient-out-of-range, invalid-argument
 */
export async function answerInference(ring: InferenceRing, of: AnswerRequest): Promise<Uint8Array> {
  const { kernel, terms } = ring
  const { self, own, keepers } = of
  if (keepers.length !== terms.members || !isKeyOf(own.secretKey, keepers[self] ?? new Uint8Array())) {
    throw new FheError('invalid-argument', `own: it is not the key of keeper ${self}`, { field: 'own' })
  }
  const request = readRequest(ring, of.request)
  if (!request.answering.includes(self)) {
    throw new FheError('not-in-active-set', `keeper ${self} is not among the answering ones, ${request.answering}`, {
      self,
    })
  }
  const members = keepers.map((encryptionKey) => ({ address: '0x' as const, encryptionKey }))
  const pairKeys = await derivePairKeys({ members, self, keyHash: request.hash }, own.secretKey, of.signal)
  const salt = hash('inference flooding', request.hash, hashOf(of.network))
  const noiseSeed = own.secretKey.reveal((key) => new Uint8Array(hkdfSync('sha256', key, salt, FLOODING_INFO, 32)))
  try {
    const key = { publicKey: keepers[self]!, secretKey: own.secretKey }
    const polynomials = openSealed(key, of.share, shareBinding(request.hash, self), (share) => {
      if (share.length !== kernel.polynomialBytes) {
        throw new FheError('malformed-message', `a share of a request has ${kernel.polynomialBytes} bytes`)
      }
      if (!equalBytes(shareHash(self, share), request.shareHashes[request.answering.indexOf(self)]!)) {
        throw new FheError('sealed-share-mismatch', `keeper ${self} was sent another share than its request says`, {
          self,
        })
      }
      ring.insistInRange(share, 'the share of a request')
      return kernel.borrow([kernel.polynomialBytes], (f) => {
        kernel.write(f!, share)
        return withOutputs(
          ring,
          of.network,
          request,
          (outputs) => outputs.map((output, o) => part(ring, request, { self, pairKeys, noiseSeed, f: f!, output, o })),
          of,
        )
      })
    })
    const plain = new ByteWriter().bytes(request.hash).u16(self)
    for (const polynomial of polynomials) plain.bytes(polynomial)
    return sealTo(request.reader, plain.finish(), answerBinding(request.hash, self))
  } finally {
    pairKeys.fill(0)
    noiseSeed.fill(0)
  }
}

type PartOf = {
  readonly self: number
  readonly pairKeys: Uint8Array
  readonly noiseSeed: Uint8Array
  readonly f: Block
  readonly output: Components
  readonly o: number
}

/** h = λ·Σ_{i≥1} c_i·f^i + z + e, and c_0 from the first keeper. */
function part(
  ring: InferenceRing,
  request: RequestParts,
  { self, pairKeys, noiseSeed, f, output, o }: PartOf,
): Uint8Array {
  const { kernel } = ring
  const { calls, degree, dataPrimeCount, polynomialBytes } = kernel
  return kernel.borrow([polynomialBytes, polynomialBytes], (sum, room) => {
    // Horner: ((c_k·f + c_{k−1})·f + …)·f.
    kernel.view(sum!).fill(0)
    for (const component of output.slice(1).toReversed()) {
      ring.add(sum!, component)
      kernel.view(room!).fill(0)
      ring.addProduct(room!, sum!, f)
      kernel.write(sum!, kernel.view(room!))
    }
    for (let l = 0; l < dataPrimeCount; l++) {
      const lambda = lagrangeAtZero(request.answering, self, kernel.primes[l]!)
      calls.scale(kernel.records[l]!, kernel.residues(sum!, l), lambda, degree)
    }
    if (self === request.answering[0]) ring.add(sum!, output[0]!)
    addFlooding(ring, noiseSeed, o, sum!)
    const label = hash('inference masks', new ByteWriter().bytes(request.hash).u32(o).finish())
    addMasks(kernel, pairKeys, { self, activeSet: request.answering, request: label }, sum!)
    return kernel.read(sum!)
  })
}

/** Terms of uniformBits bits, one above the other: together three uniform integers of all their bits. */
function addFlooding(ring: InferenceRing, seed: Uint8Array, o: number, sum: Block): void {
  const { kernel, terms } = ring
  const { calls, degree, dataPrimeCount, polynomialBytes } = kernel
  const { uniformBits, limbs } = terms.flooding
  const bytes = termBytes(uniformBits) * degree
  const stream = new ByteStream(seed, bytes, 'secret')
  try {
    kernel.borrow([bytes, 16 * degree, polynomialBytes], (random, sums, noise) => {
      for (let limb = 0; limb < limbs; limb++) {
        stream.read(o * limbs + limb, kernel.view(random!))
        calls.floodingSums(sums!.at, random!.at, uniformBits, degree)
        for (let l = 0; l < dataPrimeCount; l++) {
          const [record, at] = [kernel.records[l]!, kernel.residues(noise!, l)]
          calls.floodingResidues(record, at, sums!.at, degree)
          calls.forward(record, at, kernel.logDegree)
          const factor = powMod(2n, BigInt(uniformBits * limb), kernel.primes[l]!)
          calls.scaleAdd(record, kernel.residues(sum, l), at, factor, degree)
        }
      }
    })
  } finally {
    stream.close()
  }
}

export type ReadRequest = {
  /** The reader's key pair, of whose public key the request speaks. */
  readonly reader: EncryptionKeyPair
  readonly request: Uint8Array
  /** One of each answering keeper, in their order. */
  readonly answers: readonly Uint8Array[]
}

/**
 * The outputs for each sample. Nothing shows that a keeper computed its part rightly: one that lies adds whatever it likes to an answer.
 * @throws FheError too-few-shares, sealed-share-unreadable, wrong-sender, malformed-message, coefficient-out-of-range
 */
export function readInference(ring: InferenceRing, of: ReadRequest): Float64Array[] {
  const { kernel, terms } = ring
  const request = readRequest(ring, of.request)
  if (of.answers.length !== request.answering.length) {
    throw new FheError('too-few-shares', `${of.answers.length} answers of ${request.answering.length} keepers`, {
      found: of.answers.length,
      needed: request.answering.length,
    })
  }
  const sums = Array.from({ length: terms.outputs }, () => kernel.allocate(kernel.polynomialBytes))
  try {
    for (const sum of sums) kernel.view(sum).fill(0)
    for (const [i, keeper] of request.answering.entries()) {
      openSealed(of.reader, of.answers[i]!, answerBinding(request.hash, keeper), (plain) => {
        const bytes = new ByteReader(plain, `answer of keeper ${keeper}`)
        const named = bytes.bytes(HASH_BYTES, 'request hash')
        if (!equalBytes(named, request.hash) || bytes.u16('keeper') !== keeper) {
          throw new FheError('wrong-sender', `this is not keeper ${keeper}’s answer to this request`, { keeper })
        }
        for (const sum of sums) {
          const polynomial = bytes.bytes(kernel.polynomialBytes, 'polynomial')
          ring.insistInRange(polynomial, `the answer of keeper ${keeper}`)
          kernel.borrow([kernel.polynomialBytes], (room) => {
            kernel.write(room!, polynomial)
            ring.add(sum, room!)
          })
        }
        bytes.end()
      })
    }
    const outputs = sums.map((sum) => decoded(ring, sum, request.samples))
    return Array.from({ length: request.samples }, (_, s) => Float64Array.from(outputs, (values) => values[s]!))
  } finally {
    for (const sum of sums) kernel.release(sum)
  }
}

function decoded(ring: InferenceRing, sum: Block, samples: number): Float64Array {
  const { kernel, slots, terms } = ring
  const { calls, degree, dataPrimeCount } = kernel
  for (let l = 0; l < dataPrimeCount; l++) {
    calls.inverse(kernel.records[l]!, kernel.residues(sum, l), kernel.logDegree)
  }
  const coefficients = kernel.borrow([8 * degree], (reals) => {
    const inverseScale = 2 ** -terms.outputScaleBits
    calls.compose(kernel.records[0]!, dataPrimeCount, sum.at, 8 * degree, reals!.at, inverseScale, degree)
    return new Float64Array(kernel.read(reals!).buffer)
  })
  return slots.decode(coefficients, samples)
}

/** What a keeper's part is bound to. */
export function answerBinding(request: Uint8Array, keeper: number): Uint8Array {
  return hash('inference answer', new ByteWriter().bytes(request).u16(keeper).finish())
}
