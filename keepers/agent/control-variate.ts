// SPDX-License-Identifier: GPL-3.0-or-later
// The control variate that this keeper carries from round to round, for strategies that use one.
import { hasSeat } from '../chain/index.ts'
import { type Control, type KeeperStrategy, nextControl } from '../learning/index.ts'
import type { KeeperStore } from '../store/index.ts'
import type { KeeperConfig } from './config.ts'
import type { Facts } from './facts.ts'

type Secrets = Pick<KeeperStore, 'getSecret' | 'putSecret'>

const VARIATE = 'control variate'
const PROPOSED = 'control variate/proposed'
/** Bytes before the values of a proposed variate. The stored form is: u32 little-endian round · values. */
const HEAD = 4

/**
 * This keeper's control variate (SCAFFOLD). As private as its samples, so it is kept where its keys are, and never sent. The variate from a
 * training replaces it only when that round's accepted model includes this keeper's update.
 */
export class ControlVariate {
  readonly #store: Secrets
  readonly #localRate: number
  readonly #length: number

  constructor(store: Secrets, localRate: number, length: number) {
    this.#store = store
    this.#localRate = localRate
    this.#length = length
  }

  /** The variate for the next training, which depends on whether the last update was accepted. @param moments the strategy's vectors */
  settled(now: Now, moments: readonly Float32Array[]): Control {
    const proposed = this.#store.getSecret(PROPOSED)
    if (proposed !== null && proposed.length === HEAD + 4 * this.#length) {
      const round = new DataView(proposed.buffer, proposed.byteOffset).getUint32(0, true)
      if (hasEntered(now, round)) this.#store.putSecret(VARIATE, proposed.subarray(HEAD))
      // One proposed in the running round stays: this training replaces it.
      if (round < now.round) this.#store.putSecret(PROPOSED, new Uint8Array())
    }
    const kept = this.#store.getSecret(VARIATE)
    const own =
      kept === null || kept.length !== 4 * this.#length ? null : new Float32Array(Uint8Array.from(kept).buffer)
    return { localRate: this.#localRate, server: moments[0] ?? new Float32Array(this.#length), own }
  }

  /** Keeps the variate that follows from an update, until it is known whether the round's accepted model includes that update. */
  propose(round: number, control: Control, update: Float32Array): void {
    const bytes = new Uint8Array(HEAD + 4 * this.#length)
    new DataView(bytes.buffer).setUint32(0, round, true)
    bytes.set(new Uint8Array(nextControl(control, update).buffer), HEAD)
    this.#store.putSecret(PROPOSED, bytes)
  }
}

/** Where a keeper is when it trains. */
type Now = { readonly round: number; readonly seat: number | null; readonly facts: Pick<Facts, 'last'> }

/** Whether the members accepted a model in that round, with this keeper's update in it. */
function hasEntered({ facts, seat }: Now, round: number): boolean {
  const draft = facts.last('MembersDrafted', { round })
  if (seat === null || draft === null || facts.last('UpdateCompleted', { round }) === null) return false
  return hasSeat(draft.args.included as bigint, seat)
}

/** Null unless the strategy has the built-in trainer correct gradients. An operator's own program keeps its own variate. */
export function controlVariate(
  { training }: Pick<KeeperConfig, 'training'>,
  store: Secrets,
  strategy: KeeperStrategy | null,
  length: number,
): ControlVariate | null {
  const rate = strategy?.localRate ?? null
  return rate === null || training.command !== undefined ? null : new ControlVariate(store, rate, length)
}
