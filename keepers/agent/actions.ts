// SPDX-License-Identifier: GPL-3.0-or-later
import { keccak256 } from 'ethers'
import {
  ChainError,
  contractInterface,
  RevertError,
  type ServiceArguments,
  type ServiceMethod,
  steady,
} from '../chain/index.ts'
import { cidFromHex } from '../network/index.ts'
import type { Step } from './context.ts'
import type { Fact } from './facts.ts'
import type { Snapshot } from './snapshot.ts'

/** Refusals that mean: somebody (perhaps we, before a crash) was faster, the state is over, or it is not time yet. Nothing is wrong. */
const OUT_OF_TIME: ReadonlySet<string> = new Set([
  'AlreadyDone',
  'UnexpectedState',
  'WrongEpoch',
  'WrongRound',
  'NothingDue',
  'AgainstOutcome',
  'BaseOutOfRange',
  'EpochUsedUp',
  'AlreadySeated',
  'AlreadyDisputed',
  'AttestationsClosed',
  'LeftOut',
  'DraftTooEarly',
  'DraftInSameBlock',
])

/**
 * A call of the service: its data, and the key under which the queue knows it, which follows from the content.
 * @param occasion Distinguishes calls with equal content that must each be sent.
 */
export function callKey<M extends ServiceMethod>(
  { epoch, round }: { readonly epoch: number; readonly round: number },
  method: M,
  args: ServiceArguments<M>,
  occasion?: string,
): { readonly key: string; readonly data: string } {
  const data = contractInterface('ILearningService').encodeFunctionData(method, [...args])
  const key = `${method}/${epoch}/${round}/${keccak256(data).slice(2, 18)}`
  return { key: occasion === undefined ? key : `${key}/${occasion}`, data }
}

/**
 * Calls the service as this keeper's operator and waits until the transaction is in a block. The key of the
 * transaction follows from its content, so the same act is never sent twice.
 * @returns false when the contract answered that the call is too late, too early or done already.
 */
export async function act<M extends ServiceMethod>(
  step: Step,
  method: M,
  args: ServiceArguments<M>,
  occasion?: string,
): Promise<boolean> {
  const { context, snapshot } = step
  const { key, data } = callKey(snapshot, method, args, occasion)
  const started = steady(context.clock)
  try {
    const receipt = await context.queue.send(
      // A keeper reveals secrets only for events that are deep (steps/witness.ts, behaviours/decrypt.ts). Its own step need not be deep
      // before the next one.
      { key, to: context.serviceAddress, data, window: windowOf(snapshot), told: 'included' },
      patience(step),
    )
    step.onConfirmed?.(receipt)
    context.metrics.stepsDone.inc({ step: method })
    const gas = paidBy(context.operator, receipt)
    context.metrics.gas.inc({ step: method }, gas)
    context.metrics.stepSeconds.observe({ step: method }, (steady(context.clock) - started) / 1000)
    context.log.info(
      { event: 'acted', method, epoch: snapshot.epoch, round: snapshot.round, gas },
      `${method} confirmed`,
    )
    return true
  } catch (error) {
    if (error instanceof RevertError && OUT_OF_TIME.has(error.error)) {
      context.log.debug({ event: 'too late', method, reason: error.message }, 'too late, or done already')
      return false
    }
    if (error instanceof ChainError) context.metrics.errors.inc({ code: error.code })
    throw error
  }
}

/** The end of the state's window, in Unix seconds, and the seconds left until then. A step that comes later is useless. */
export function windowOf({ end, time }: Snapshot): { readonly end: number; readonly left: number } {
  return { end, left: Math.max(0, end - time) }
}

/** Gas that the operator paid for; nothing when a relayer did. */
export function paidBy(operator: string, receipt: { readonly from: string; readonly gasUsed: bigint }): number {
  return receipt.from === operator ? Number(receipt.gasUsed) : 0
}

/** Polls for which a transaction is still awaited after its state is over: the transaction itself may have ended the state. */
const LAST_LOOKS = 4

/**
 * How long a transaction is awaited: until a little after the state is over. One that is stuck keeps its place in the
 * queue, and the keeper sees the next state meanwhile.
 */
function patience({ context, signal }: Step): AbortSignal {
  const late = new AbortController()
  const grace = Math.max(2_000, LAST_LOOKS * context.config.chain.pollSeconds * 1000)
  const arm = (): void => {
    setTimeout(() => late.abort(signal.reason), grace).unref()
  }
  if (signal.aborted) arm()
  else signal.addEventListener('abort', arm, { once: true })
  return AbortSignal.any([context.stopping, late.signal])
}

/**
 * Publishes a blob for the round, safe from a power cut, and counts its bytes.
 * @param cuts Offsets between which it can be fetched in parts.
 */
export async function publish(
  step: Step,
  kind: string,
  bytes: Uint8Array,
  round: number,
  cuts: readonly number[] = [],
): Promise<string> {
  // A sum that a power cut destroys can be computed again by any member.
  const safe = kind !== 'aggregate'
  const cid = await step.context.plane.publish(bytes, { round, signal: step.signal, cuts, safe })
  step.context.metrics.bytesPublished.inc({ kind }, bytes.length)
  return cid
}

/**
 * Fetches the blob that the keeper at `seat` announced. Asks the other members too when that keeper does not deliver. Counts the bytes of a blob
 * that was not in the store yet.
 * @throws NetworkError as `DataPlane.fetch`.
 */
export async function fetchFrom(
  step: Step,
  kind: string,
  seat: number,
  cid: string,
  options: { maxBytes: number; round: number; others?: readonly number[]; timeout?: number },
): Promise<Uint8Array> {
  const { context, signal } = step
  const isHere = await context.plane.has(cid)
  const providers = await context.peers.providers(seat, options.others ?? [], step.seat)
  const bytes = await context.plane.fetch(cid, {
    maxBytes: options.maxBytes,
    timeout: options.timeout ?? context.config.network.fetchSeconds * 1000,
    providers,
    signal,
    round: options.round,
  })
  if (!isHere) context.metrics.bytesFetched.inc({ kind }, bytes.length)
  return bytes
}

/** The CID an event names, as text. @throws NetworkError BAD_CID. */
export function cidOf(fact: Fact): string {
  return cidFromHex(String(fact.args.cid))
}

/** Part of the state's window that has passed, 0 … 1, by the chain's time. */
export function elapsed(step: Step, window: number): number {
  const { end, time } = step.snapshot
  return window <= 0 ? 1 : Math.min(1, Math.max(0, 1 - (end - time) / window))
}
