// SPDX-License-Identifier: GPL-3.0-or-later
// The sum of a round's updates: the same addition modulo each prime as SEAL's Evaluator, so equal bytes on every keeper.
import { hash } from './encoding.ts'
import { readCheckedUpdate } from './encryption.ts'
import { type Engine, eachOf } from './engine.ts'
import { blaming, FheError } from './errors.ts'
import { checkIndex } from './members.ts'
import { shapeOf } from './packing.ts'
import { roundPolynomial, roundSeed } from './round-polynomial.ts'
import { encodeCiphertext } from './seal-format.ts'
import type { Aggregate, AggregateRequest, RoundContext } from './types.ts'
import { aggregatePrefix, loadPolynomial, type RoundFrame, readAggregate } from './vector-messages.ts'

/** The checked properties of an aggregate. Only objects in here are decrypted: their hashes are known to be theirs. */
type Checked = { readonly frame: RoundFrame; readonly ciphertexts: Uint8Array }
const checkedAggregates = new WeakMap<Aggregate, Checked>()

/**
 * Adds up updates, one at a time, in any order. An update that is malformed or bound to something else stops the call with its named error and
 * `detail.sender` (call `checkUpdate` before to find the updates to leave out). Throws 'duplicate-sender', 'no-updates'.
 */
export async function aggregate(engine: Engine, request: AggregateRequest): Promise<Aggregate> {
  const { plan } = engine
  const { context, keyHash } = request
  const { ciphertexts: count } = shapeOf(plan, context.round)
  const frame = { plan, context, keyHash, ciphertexts: count }
  const size = plan.bytes.polynomial
  // The prefix has a fixed length; its contents are known at the end.
  const prefixLength = aggregatePrefix(frame, []).length
  const bytes = new Uint8Array(prefixLength + size * count)
  const sum = bytes.subarray(prefixLength)
  const contributors = new Set<number>()
  for await (const { sender, bytes: update } of request.updates) {
    request.signal?.throwIfAborted()
    checkIndex(sender, plan.members, 'sender')
    if (contributors.has(sender)) {
      throw new FheError('duplicate-sender', `member ${sender} has two updates in this sum`, { sender })
    }
    const { ciphertexts } = blaming(sender, () => readCheckedUpdate(engine, frame, sender, update))
    if (contributors.size === 0) sum.set(ciphertexts)
    else await addCiphertexts(engine, sum, ciphertexts, count, request)
    contributors.add(sender)
    request.release?.(update)
  }
  if (contributors.size === 0) throw new FheError('no-updates', 'there is nothing to add up')
  const senders = [...contributors].sort((a, b) => a - b)
  bytes.set(aggregatePrefix(frame, senders))
  return checkedAggregate(engine, frame, bytes, prefixLength, senders)
}

/** An aggregate from its bytes, checked as strictly as an update. Its hash is computed, not believed. */
export function decodeAggregate(
  engine: Engine,
  bytes: Uint8Array,
  expected: { readonly context: RoundContext; readonly keyHash: Uint8Array },
): Aggregate {
  const { plan } = engine
  const { context, keyHash } = expected
  const frame = { plan, context, keyHash, ciphertexts: shapeOf(plan, context.round).ciphertexts }
  const { contributors, ciphertexts } = readAggregate(frame, bytes)
  return checkedAggregate(engine, frame, bytes, bytes.length - ciphertexts.length, contributors)
}

/**
 * The sum as SEAL Ciphertexts (uncompressed bytes), with the round's polynomials as their second halves. Any SEAL decrypts them with the
 * sum of the contributors' secrets.
 */
export function aggregateAsSeal(engine: Engine, value: Aggregate): Uint8Array[] {
  const { frame, ciphertexts } = openAggregate(value)
  const { set, scaleBits, bytes, hash: planHash } = frame.plan
  const seed = roundSeed(planHash, frame.keyHash, frame.context)
  return Array.from({ length: frame.ciphertexts }, (_, index) => {
    const c0 = ciphertexts.subarray(bytes.polynomial * index, bytes.polynomial * (index + 1))
    return encodeCiphertext(set, scaleBits, c0, roundPolynomial(engine.kernel, seed, index))
  })
}

/** The frame and ciphertexts behind an aggregate. Throws 'invalid-argument' for an object made elsewhere. */
export function openAggregate(value: Aggregate): Checked {
  const checked = checkedAggregates.get(value)
  if (checked === undefined) {
    throw new FheError('invalid-argument', 'this aggregate was not made by aggregate() or decodeAggregate()', {
      field: 'aggregate',
    })
  }
  return checked
}

function checkedAggregate(
  engine: Engine,
  frame: RoundFrame,
  bytes: Uint8Array,
  prefixLength: number,
  contributors: readonly number[],
): Aggregate {
  const ciphertexts = bytes.subarray(prefixLength)
  const size = frame.plan.bytes.polynomial
  engine.kernel.borrow([size], (room) => {
    for (let index = 0; index < frame.ciphertexts; index++) {
      const c0 = ciphertexts.subarray(size * index, size * (index + 1))
      loadPolynomial(engine, room!, c0, `aggregate, ciphertext ${index}`)
    }
  })
  const value: Aggregate = Object.freeze({ bytes, hash: hash('aggregate', bytes), contributors })
  checkedAggregates.set(value, { frame, ciphertexts })
  return value
}

/** sum ← sum + ciphertexts, both checked. */
async function addCiphertexts(
  engine: Engine,
  sum: Uint8Array,
  ciphertexts: Uint8Array,
  count: number,
  request: AggregateRequest,
): Promise<void> {
  const { kernel, plan } = engine
  const size = plan.bytes.polynomial
  const progress = request.signal === undefined ? {} : { signal: request.signal }
  const [total, input] = [kernel.allocate(size), kernel.allocate(size)]
  try {
    await eachOf(count, 1, progress, (index) => {
      const [from, to] = [size * index, size * (index + 1)]
      kernel.write(total, sum.subarray(from, to))
      kernel.write(input, ciphertexts.subarray(from, to))
      for (let l = 0; l < kernel.dataPrimeCount; l++) {
        kernel.calls.addInto(kernel.records[l]!, kernel.residues(total, l), kernel.residues(input, l), kernel.degree)
      }
      sum.set(kernel.view(total), from)
    })
  } finally {
    kernel.release(total)
    kernel.release(input)
  }
}
