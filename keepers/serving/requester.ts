// SPDX-License-Identifier: GPL-3.0-or-later
import type { Signer } from 'ethers'
import type { InferenceHub } from '../../types/index.ts'
import { type Clock, clients, decodeRevert, systemClock } from '../chain/index.ts'
import type { IntegerProgram } from '../zkml/index.ts'
import { ServingError } from './errors.ts'
import { readScore } from './output-schema.ts'
import { type PreparedInput, prepareInput } from './payload.ts'

export type InferenceOrder = {
  readonly signer: Signer
  readonly hub: string
  readonly modelId: bigint
  /** The program of the model's circuit, which decides how the input is rounded. */
  readonly program: IntegerProgram
  /** Real values, row-major. */
  readonly input: ArrayLike<number>
  /** Wei for the first valid proof. */
  readonly price: bigint
  /** Seconds from now, by the chain's clock. */
  readonly seconds: number
}

/**
 * Posts a request with a public input and its price in escrow. Returns the request's id.
 * @throws ServingError wrong-circuit when an input value does not fit a byte, refused when the hub refuses
 */
export async function requestInference(order: InferenceOrder): Promise<{ requestId: string; gasUsed: bigint }> {
  return await postRequest(order, prepareInput(order.program, order.input))
}

/** Posts a request with a prepared input. @throws ServingError refused when the hub refuses */
export async function postRequest(
  order: Omit<InferenceOrder, 'program' | 'input'>,
  { inputCommitment, payload }: PreparedInput,
): Promise<{ requestId: string; gasUsed: bigint }> {
  const { signer, modelId } = order
  const hub = clients.hub(order.hub, signer)
  const latest = await signer.provider!.getBlock('latest')
  try {
    const sent = await hub.request(modelId, inputCommitment, BigInt(latest!.timestamp + order.seconds), 0, payload, {
      value: order.price,
    })
    const receipt = await sent.wait()
    const posted = receipt!.logs
      .map((log) => hub.interface.parseLog(log))
      .find((log) => log?.name === 'InferenceRequested')
    return { requestId: posted!.args.requestId, gasUsed: receipt!.gasUsed }
  } catch (cause) {
    throw refusal(hub, cause, 'request')
  }
}

export type RequestStatus = 'none' | 'open' | 'expired' | 'fulfilled' | 'refunded'

/** In the order of IInferenceHub.RequestStatus. */
const STATUSES: readonly RequestStatus[] = ['none', 'open', 'expired', 'fulfilled', 'refunded']

export type RequestView = {
  readonly requestId: string
  readonly status: RequestStatus
  readonly modelId: bigint
  readonly version: bigint
  readonly requester: string
  readonly price: bigint
  /** Unix seconds. */
  readonly deadline: bigint
  /** The proven output; null until fulfilled. */
  readonly output: bigint | null
  /** For a score, the output as a number in the unit that the model's owner states; otherwise null. */
  readonly value: number | null
}

/** The hub's record of a request. @throws ServingError bad-payload for an id that it does not know */
export async function readRequest(hub: InferenceHub, requestId: string): Promise<RequestView> {
  const status = STATUSES[Number(await hub.statusOf(requestId))]!
  if (status === 'none') throw new ServingError('bad-payload', `the hub knows no request ${requestId}`)
  const { modelId, version, requester, price, deadline, output } = await hub.getRequest(requestId)
  const answered = status === 'fulfilled' ? output : null
  const { scale } = await hub.modelOf(modelId)
  const value = answered === null || scale === 0n ? null : readScore(answered, scale)
  return { requestId, status, modelId, version, requester, price, deadline, output: answered, value }
}

/** Waits until a request is answered. @throws ServingError unanswered when it expired or was refunded instead */
export async function waitForAnswer(
  hub: InferenceHub,
  requestId: string,
  options: { readonly signal?: AbortSignal; readonly interval?: number; readonly clock?: Clock } = {},
): Promise<RequestView> {
  const { clock = systemClock, interval = 1_000 } = options
  for (;;) {
    const view = await readRequest(hub, requestId)
    if (view.status === 'fulfilled') return view
    if (view.status !== 'open') {
      throw new ServingError(
        'unanswered',
        `request ${requestId} is ${view.status}; \`cohort infer refund\` returns its price`,
      )
    }
    await clock.sleep(interval, options.signal)
  }
}

/** Credits the price of an expired request to its requester. @throws ServingError refused */
export async function refundRequest(hub: InferenceHub, requestId: string): Promise<void> {
  try {
    await (await hub.refund(requestId)).wait()
  } catch (cause) {
    throw refusal(hub, cause, 'refund')
  }
}

/** Sends the signer its credit at the hub, in wei. @throws ServingError refused */
export async function withdrawBalance(hub: InferenceHub, account: string): Promise<bigint> {
  const amount = await hub.balanceOf(account)
  try {
    await (await hub.withdraw(account, account)).wait()
    return amount
  } catch (cause) {
    throw refusal(hub, cause, 'withdraw')
  }
}

function refusal(hub: InferenceHub, cause: unknown, what: string): ServingError {
  const reason = decodeRevert(cause, [hub.interface], what)
  return new ServingError('refused', (reason ?? (cause as Error)).message, { cause })
}
