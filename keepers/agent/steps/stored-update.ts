// SPDX-License-Identifier: GPL-3.0-or-later
import { encryptUpdate, FheError, type MemberKey, onceNonce } from '../../fhe/index.ts'
import type { Step } from '../context.ts'
import { type EpochFrame, hasKey, loadKey, onceGuard } from '../epoch.ts'

/** An encrypted update and the sample count that is declared with it. */
type StoredUpdate = { readonly samples: number; readonly bytes: Uint8Array }

/** Bytes before the update in its stored form: u32 little-endian samples · update. */
const HEAD = 4

function encode({ samples, bytes }: StoredUpdate): readonly Uint8Array[] {
  const head = Buffer.alloc(HEAD)
  head.writeUInt32LE(samples)
  return [head, bytes]
}

function decode(payload: Uint8Array): StoredUpdate {
  const samples = new DataView(payload.buffer, payload.byteOffset, HEAD).getUint32(0, true)
  return { samples, bytes: payload.subarray(HEAD) }
}

/**
 * The only update that this member encrypts in a round: taken from the store, or made from the result of `train`. It is stored first, so
 * that a crash, or a reorganisation that runs the round again, finds the same bytes. Null if this round's update was encrypted and its
 * bytes are gone, or if the encryption key is missing: then this member abstains.
 */
export async function storedUpdate(
  step: Pick<Step, 'context' | 'snapshot' | 'signal'>,
  frame: EpochFrame,
  keyHash: Uint8Array,
  train: () => Promise<{ readonly update: Float32Array; readonly samples: number }>,
): Promise<StoredUpdate | null> {
  const { store, log } = step.context
  const { round } = step.snapshot
  const context = { ...frame.context, round }
  const nonce = onceNonce('encryption', { context, keyHash, self: frame.self })
  const kept = store.claims.kept(nonce)
  if (kept !== null) return decode(kept)
  const abstain = (): null => {
    log.error(
      { event: 'already encrypted', round },
      'an update of this round was encrypted before and is gone: abstaining',
    )
    return null
  }
  if (store.claims.has(nonce)) return abstain()
  // Without a key, training would be wasted, so check first. During training the key is not in memory.
  if (!hasKey(store, frame, log)) return null
  const { update, samples } = await train()
  let memberKey: MemberKey | null = null
  try {
    memberKey = loadKey(store, frame, log)
    if (memberKey === null) return null
    const payload = (bytes: Uint8Array) => encode({ samples, bytes })
    const bytes = await encryptUpdate(frame.engine, {
      context,
      memberKey,
      vector: update,
      weight: samples,
      guard: onceGuard(store, { epoch: frame.context.epoch, round, payload }),
      signal: step.signal,
    })
    return { samples, bytes }
  } catch (error) {
    if (error instanceof FheError && error.code === 'already-encrypted') return abstain()
    if (error instanceof FheError && error.code === 'pads-used-up') {
      log.error({ event: 'pads used up', round, reason: error.message }, 'no update until the next epoch')
      return null
    }
    throw error
  } finally {
    update.fill(0)
    memberKey?.material.dispose()
  }
}
