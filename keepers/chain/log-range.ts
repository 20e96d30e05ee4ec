// SPDX-License-Identifier: GPL-3.0-or-later
// Providers bound `eth_getLogs` by blocks or by results, each with its own number, code and wording. Callers ask for the range of logs that
// they need; this module cuts it into pages that the endpoint in use accepts, and learns their size.
import type { JsonRpcError, JsonRpcPayload, JsonRpcResult } from 'ethers'

export type Answer = JsonRpcResult | JsonRpcError

/** Blocks per page until an endpoint refuses. */
export const DEFAULT_LOG_SPAN = 2_000

/** The filter of an `eth_getLogs` over numbered blocks. */
export type LogRange = {
  readonly filter: Record<string, unknown>
  readonly from: number
  readonly to: number | 'latest'
}

/** The block range of a request for logs; null for any other request, and for one with a block hash or a tag without a number. */
export function logRangeOf(payload: JsonRpcPayload | JsonRpcPayload[]): LogRange | null {
  if (Array.isArray(payload) || payload.method !== 'eth_getLogs' || !Array.isArray(payload.params)) return null
  const filter: unknown = payload.params[0]
  if (typeof filter !== 'object' || filter === null || 'blockHash' in filter) return null
  const { fromBlock, toBlock = 'latest' } = filter as { fromBlock?: unknown; toBlock?: unknown }
  const from = blockNumber(fromBlock)
  const to = toBlock === 'latest' ? toBlock : blockNumber(toBlock)
  return from === null || to === null ? null : { filter: { ...filter }, from, to }
}

function blockNumber(value: unknown): number | null {
  if (typeof value !== 'string' || !/^0x[0-9a-f]+$/i.test(value)) return value === 'earliest' ? 0 : null
  return Number(value)
}

/** The same request for one page. */
export function pageOf(payload: JsonRpcPayload, range: LogRange, from: number, to: number): JsonRpcPayload {
  const blocks = { fromBlock: `0x${from.toString(16)}`, toBlock: `0x${to.toString(16)}` }
  return { ...payload, params: [{ ...range.filter, ...blocks }] }
}

/**
 * Sends a request to one endpoint; reads logs of numbered blocks in pages as large as the endpoint allows.
 * @param blocks Size of the first pages. @param isOver Returns whether it is too late for another page.
 * @returns the endpoint's refusal if it refuses even a single block
 */
export async function askInPages(
  payload: JsonRpcPayload,
  ask: (page: JsonRpcPayload) => Promise<Answer>,
  { blocks, isOver }: { blocks: number; readonly isOver: () => boolean },
): Promise<Answer> {
  const range = logRangeOf(payload)
  if (range === null || range.to === 'latest') return await ask(payload)
  const logs: unknown[] = []
  for (let from = range.from; from <= range.to; ) {
    const end = Math.min(range.to, from + blocks - 1)
    const answer = await ask(pageOf(payload, range, from, end))
    if ('error' in answer) {
      const fewer = isOver() ? null : smallerSpan(end - from + 1, String(answer.error.message))
      if (fewer === null) return answer
      blocks = fewer
      continue
    }
    if (!Array.isArray(answer.result)) return answer
    for (const log of answer.result) logs.push(log)
    from = end + 1
    if (from <= range.to && isOver()) throw new Error(`only the logs up to block ${end} in that time`)
  }
  return { id: payload.id, result: logs }
}

/**
 * The span to try after an endpoint refused a page of `span` blocks: the number in its message if that is smaller, otherwise half. Null if
 * it refused a single block, so that the range cannot be the reason. Any refusal counts as a complaint about the range: their codes
 * (−32600, −32602, −32614, −32000 …) mean other things elsewhere.
 */
export function smallerSpan(span: number, message: string): number | null {
  if (span <= 1) return null
  const half = Math.floor(span / 2)
  const named = [...message.matchAll(/(\d[\d,_]*)\s*(k)?[\s-]*block/gi)]
    .map(([, digits, kilo]) => Number(digits!.replaceAll(/[,_]/g, '')) * (kilo === undefined ? 1 : 1_000))
    .filter((blocks) => Number.isSafeInteger(blocks) && blocks >= 1 && blocks < span)
  return named.length > 0 ? Math.max(...named) : half
}

/** Whether the request is a page of logs that can be cut smaller. */
export function isWide(payload: JsonRpcPayload | JsonRpcPayload[]): boolean {
  const range = logRangeOf(payload)
  return range !== null && range.to !== 'latest' && range.to > range.from
}
