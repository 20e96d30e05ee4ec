// SPDX-License-Identifier: GPL-3.0-or-later
// The sum of a round's updates: the same addition modulo each prime as SEAL's Evaluator, so equal bytes on every keeper.

import { readCheckedUpdate } from './encryption.ts'
import { type Engine, eachOf } from './engine.ts'
import { blaming, FheError } from './errors.ts'
import { checkIndex } from './members.ts'
import { shapeOf } from './packing.ts'
import type { Aggregate, AggregateRequest, RoundContext } from './types.ts'
import { aggregatePrefix, hashAggregate, loadCiphertext, type RoundFrame, readAggregate } from './vector-messages.ts'

/** What an aggregate was checked to be. Only objects in here are decrypted: their hashes are known to be theirs. */
type Checked = { readonly frame: RoundFrame; readonly ciphertexts: Uint8Array }
const checkedAggregates = new WeakMap<Aggregate, Checked>()

/**
 * Adds up updates, one at a time, in any order. An update that is malformed or bound to something else stops the call
 * with its named error and `detail.sender` (`checkUpdate` tells beforehand which to leave out). Throws 'duplicate-sender', 'no-updates',
 * 'transparent-ciphertext'.
 */
export async function aggregate(engine: Engine, request: AggregateRequest): Promise<Aggregate> {
  const { plan } = engine
  const { context, collectiveKeyHash } = request
  const { ciphertexts: count } = shapeOf(plan, context.round)
  const frame = { plan, context, collectiveKeyHash, ciphertexts: count }
  const size = 2 * plan.bytes.polynomial
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
    const ciphertexts = blaming(sender, () => readCheckedUpdate(engine, frame, sender, update))
    if (contributors.size === 0) sum.set(ciphertexts)
    else await addCiphertexts(engine, sum, ciphertexts, count, request)
    contributors.add(sender)
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
  expected: { readonly context: RoundContext; readonly collectiveKeyHash: Uint8Array },
): Aggregate {
  const { plan } = engine
  const { context, collectiveKeyHash } = expected
  const frame = { plan, context, collectiveKeyHash, ciphertexts: shapeOf(plan, context.round).ciphertexts }
  const { contributors, ciphertexts } = readAggregate(frame, bytes)
  return checkedAggregate(engine, frame, bytes, bytes.length - ciphertexts.length, contributors)
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
  const size = 2 * frame.plan.bytes.polynomial
  engine.kernel.borrow([size], (room) => {
    for (let index = 0; index < frame.ciphertexts; index++) {
      // Sums can become transparent when a member sends the negative of another's update.
      loadCiphertext(
        engine,
        room!,
        ciphertexts.subarray(size * index, size * (index + 1)),
        `aggregate, ciphertext ${index}`,
      )
    }
  })
  const { hash, c1Hashes } = hashAggregate(frame.plan, bytes.subarray(0, prefixLength), ciphertexts)
  const value: Aggregate = Object.freeze({ bytes, hash, contributors, c1Hashes })
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
  const size = 2 * plan.bytes.polynomial
  const progress = request.signal === undefined ? {} : { signal: request.signal }
  const [total, input] = [kernel.allocate(size), kernel.allocate(size)]
  try {
    await eachOf(count, 1, progress, (index) => {
      const [from, to] = [size * index, size * (index + 1)]
      kernel.write(total, sum.subarray(from, to))
      kernel.write(input, ciphertexts.subarray(from, to))
      for (let polynomial = 0; polynomial < 2; polynomial++) {
        for (let l = 0; l < kernel.dataPrimeCount; l++) {
          const at = kernel.residues(input, l, polynomial)
          kernel.calls.addInto(kernel.records[l]!, kernel.residues(total, l, polynomial), at, kernel.degree)
        }
      }
      sum.set(kernel.view(total), from)
    })
  } finally {
    kernel.release(total)
    kernel.release(input)
  }
}
