// SPDX-License-Identifier: GPL-3.0-or-later
// Decides which answers of several endpoints settle a question that must not rest on one endpoint alone.
import { z } from 'zod'
import type { Clock } from './clock.ts'
import { hostOf } from './endpoint.ts'
import type { EndpointAnswer, FailoverProvider } from './rpc.ts'

/** The endpoints of a keeper, asked one by one. */
export type Endpoints = Pick<FailoverProvider, 'count' | 'everywhere' | 'prefer'>

/** Endpoints of different hosts that must agree, unless one of them is the operator's own. */
const WITNESSES = 2
/** Seconds after which an endpoint's newest block is too old for it to deny anything. */
const MAX_AGE = 120
/** Blocks by which the endpoint in use may be behind others before one of those takes its place. */
const MAX_LAG = 5

/** Whether there is an endpoint on a different host from the one in use. */
export function hasWitnesses(endpoints: Pick<Endpoints, 'count'>): boolean {
  return endpoints.count >= WITNESSES
}

/**
 * Whether the endpoints in `agree` settle the question: they include the operator's own, or two of different hosts and the operator's own
 * gave no answer.
 * @param heard All answers that say anything; `agree` is a part of them.
 */
export function settles(agree: readonly EndpointAnswer[], heard: readonly EndpointAnswer[]): boolean {
  const own = heard.find((answer) => answer.own)
  return own === undefined ? hostsOf(agree) >= WITNESSES : agree.includes(own)
}

/** Counts hosts, because whoever runs a host can answer for all of its URLs. */
function hostsOf(answers: readonly EndpointAnswer[]): number {
  return new Set(answers.map(({ endpoint }) => hostOf(endpoint))).size
}

/** Matching answers that settle the question; null if no group of them does. */
export function settled(heard: readonly EndpointAnswer[], textOf: (answer: EndpointAnswer) => string) {
  for (const answer of heard) {
    const alike = heard.filter((other) => textOf(other) === textOf(answer))
    if (settles(alike, heard)) return alike
  }
  return null
}

const quantity = z
  .string()
  .regex(/^0x[0-9a-f]{1,12}$/)
  .transform(Number)
const headSchema = z.object({ number: quantity, timestamp: quantity })

async function headsOf(endpoints: Pick<Endpoints, 'everywhere'>, signal?: AbortSignal) {
  const answers = await endpoints.everywhere('eth_getBlockByNumber', ['latest', false], signal)
  return answers.map((answer) => ({ answer, head: headSchema.safeParse(answer.result).data ?? null }))
}

/** Blocks by which a live endpoint may lag another one's events without contradicting them. */
const SHORT = 2

/** For each endpoint: whether it denies that the chain has reached `block`, because its newest block is recent and yet more than two below. */
export async function denyHeight(
  endpoints: Pick<Endpoints, 'everywhere'>,
  clock: Pick<Clock, 'now'>,
  block: number,
  signal?: AbortSignal,
): Promise<boolean[]> {
  const oldest = clock.now() / 1000 - MAX_AGE
  const heads = await headsOf(endpoints, signal)
  return heads.map(({ head }) => head !== null && head.timestamp >= oldest && head.number + SHORT < block)
}

/**
 * Puts calls to every endpoint, all at the newest block that any of them has, or the operator's own one if there is one. An endpoint that lacks
 * that block, or whose newest block is more than two minutes old, gets a reason instead of a result: its answer would describe another time, and
 * could look like a second witness of a lie.
 * @returns for each call the answers, in the order of the endpoints
 */
export async function callsAtOneBlock(
  endpoints: Pick<Endpoints, 'everywhere'>,
  clock: Pick<Clock, 'now'>,
  calls: readonly { readonly to: string; readonly data: string }[],
): Promise<EndpointAnswer[][]> {
  const heads = await headsOf(endpoints)
  const oldest = clock.now() / 1000 - MAX_AGE
  const fresh = heads.map(({ head }) => head !== null && head.timestamp >= oldest)
  const own = heads.find(({ answer }, i) => answer.own && fresh[i])
  const top = own?.head?.number ?? Math.max(...heads.map(({ head }, i) => (fresh[i] ? head!.number : -1)))
  const behind = ({ endpoint, own: isOwn }: EndpointAnswer): EndpointAnswer => ({
    ...{ endpoint, reason: 'no recent block' },
    ...(isOwn ? { own: true } : {}),
  })
  if (top < 0) return calls.map(() => heads.map(({ answer }) => behind(answer)))
  return Promise.all(
    calls.map(async (call) => {
      const answers = await endpoints.everywhere('eth_call', [call, `0x${top.toString(16)}`])
      return answers.map((answer, i) => (fresh[i] ? answer : behind(answer)))
    }),
  )
}

/** The answer to a call on which enough endpoints agree at one block; null when there is none. */
export async function settledCall(
  endpoints: Pick<Endpoints, 'everywhere'>,
  clock: Pick<Clock, 'now'>,
  call: { readonly to: string; readonly data: string },
): Promise<string | null> {
  const [answers] = await callsAtOneBlock(endpoints, clock, [call])
  const heard = answers!.filter(({ result }) => typeof result === 'string')
  const [first] = settled(heard, ({ result }) => String(result)) ?? []
  return first === undefined ? null : String(first.result)
}

/**
 * Leaves an endpoint that stands still while others advance: a keeper that follows it would miss every state and deadline.
 * Nothing happens while its newest block is recent.
 */
export async function leaveStale(
  endpoints: Endpoints,
  clock: Pick<Clock, 'now'>,
  head: { readonly number: number; readonly timestamp: number },
): Promise<void> {
  if (!hasWitnesses(endpoints) || head.timestamp >= clock.now() / 1000 - MAX_AGE) return
  const ahead = (await headsOf(endpoints))
    .filter((one) => one.head !== null && one.head.number > head.number + MAX_LAG)
    .sort((a, b) => b.head!.number - a.head!.number)
  // With several hosts, the second-highest head counts, so no single host can put itself first by inventing a number.
  const [first] = ahead
  const second = ahead.find(({ answer }) => hostOf(answer.endpoint) !== hostOf(first!.answer.endpoint))
  const next = ahead.find(({ answer }) => answer.own) ?? second ?? first
  if (next !== undefined) endpoints.prefer(next.answer.endpoint, `stands still at block ${head.number}`)
}
