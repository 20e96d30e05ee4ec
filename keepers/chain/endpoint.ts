// SPDX-License-Identifier: GPL-3.0-or-later
// One JSON-RPC endpoint: a request to it, its name in messages, and the chain that it is on.
import {
  encodeBase64,
  type JsonRpcError,
  type JsonRpcPayload,
  type JsonRpcResult,
  keccak256,
  toUtf8Bytes,
} from 'ethers'
import { z } from 'zod'
import { ChainError } from './errors.ts'

/** An endpoint without credentials, path or query: those may hold an access key. */
export function shownEndpoint(url: string): string {
  return new URL(url).origin
}

/** Names of this machine, where each port may have another node behind it. */
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/

/**
 * The party behind an endpoint, as far as its URL shows: its host, regardless of port, path and key. On this machine, each port counts as a
 * party of its own, because the operator has put the node there.
 */
export function hostOf(url: string): string {
  const parsed = URL.parse(url)
  // Anything but a URL, such as a custom provider, is identified by its name.
  if (parsed === null) return url
  const name = parsed.hostname.replace(/\.$/, '')
  return LOOPBACK.test(name) ? parsed.host : name
}

/** Sends a request and parses its answer, errors of JSON-RPC included. @throws Error that names the endpoint and what failed */
export type Post = (url: string, payload: JsonRpcPayload | JsonRpcPayload[], signal: AbortSignal) => Promise<unknown>

/** The HTTP request for a payload. Credentials in the URL become a header. */
export function requestTo(url: string, payload: JsonRpcPayload | JsonRpcPayload[]) {
  const target = new URL(url)
  const headers: Record<string, string> = { 'content-type': 'application/json' }
  if (target.username !== '') {
    const credentials = `${decodeURIComponent(target.username)}:${decodeURIComponent(target.password)}`
    headers.authorization = `Basic ${encodeBase64(toUtf8Bytes(credentials))}`
    target.username = ''
    target.password = ''
  }
  return { target, headers, body: JSON.stringify(payload) }
}

/** Characters up to which an answer is parsed without counting its values; below, the most values of a longer one. 100,000 logs have two million. */
const SHORT = 1 << 20
const MOST_VALUES = 2_000_000

/**
 * The JSON of an answer. In a long answer, the values are counted first. A value of three characters takes forty bytes of memory, so a few
 * compressed kilobytes could cost seconds of CPU time. @throws Error that names the endpoint
 */
export function answerOf(url: string, status: number, text: string): unknown {
  if (text.length > SHORT && hasManyValues(text)) {
    throw new Error(`${shownEndpoint(url)}: an answer of more than ${MOST_VALUES} values`)
  }
  try {
    return JSON.parse(text)
  } catch {
    throw new Error(`${shownEndpoint(url)}: HTTP ${status}, no JSON`)
  }
}

/** Whether the text has more than {@link MOST_VALUES} values, by counting commas and opening brackets, including those inside strings. */
function hasManyValues(text: string): boolean {
  let count = 0
  for (let i = 0; i < text.length; i++) {
    const character = text.charCodeAt(i)
    if ((character === COMMA || character === BRACKET || character === BRACE) && ++count > MOST_VALUES) return true
  }
  return false
}
const [COMMA, BRACKET, BRACE] = [0x2c, 0x5b, 0x7b]

/** Most bytes of an answer, uncompressed. The logs of the widest range take a few MiB. An endpoint that sends more is replaced by the next. */
export const MOST_ANSWER_BYTES = 64 << 20

export const tooLong = (): Error => new Error(`an answer of more than ${MOST_ANSWER_BYTES >> 20} MiB`)

/** Posts with `fetch`, which pages have as well. */
export const postTo: Post = async (url, payload, signal) => {
  const { target, headers, body } = requestTo(url, payload)
  let response: Response
  try {
    response = await fetch(target, { method: 'POST', headers, body, signal })
  } catch (cause) {
    const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause.message : String(cause)
    throw new Error(`${shownEndpoint(url)}: ${inner}`, { cause })
  }
  return answerOf(url, response.status, await textOf(url, response))
}

async function textOf(url: string, { body }: Response): Promise<string> {
  if (body === null) return ''
  const text = new TextDecoder()
  const reader = body.getReader()
  let all = ''
  for (let size = 0; ; ) {
    const { done, value } = await reader.read()
    if (done) return all + text.decode()
    size += value.length
    if (size > MOST_ANSWER_BYTES) {
      await reader.cancel()
      throw new Error(`${shownEndpoint(url)}: ${tooLong().message}`)
    }
    all += text.decode(value, { stream: true })
  }
}

const chainIdAnswer = z.object({ result: z.string().regex(/^0x[0-9a-f]{1,13}$/i) })

/**
 * The chain that the first endpoint that answers is on.
 * @param timeout milliseconds for each
 * @throws ChainError UNREACHABLE when none answers
 */
export async function chainIdOf(urls: readonly string[], timeout = 10_000): Promise<number> {
  let cause: unknown
  for (const url of urls) {
    try {
      const payload = { jsonrpc: '2.0', id: 1, method: 'eth_chainId', params: [] } as const
      const answer = await postTo(url, { ...payload, params: [] }, AbortSignal.timeout(timeout))
      return Number(chainIdAnswer.parse(answer).result)
    } catch (error) {
      cause = error
    }
  }
  const named = urls.map(shownEndpoint).join(', ')
  throw new ChainError('UNREACHABLE', `${named} does not say which chain it is on: start the node, or give its URL`, {
    cause,
  })
}

/** The answer to a request that was sent before, when that answer was lost: if a node already knows a signed transaction, it is the one that was sent. */
export function takenBefore(
  payload: JsonRpcPayload | JsonRpcPayload[],
  { id, error }: JsonRpcError,
): JsonRpcResult | null {
  if (Array.isArray(payload) || payload.method !== 'eth_sendRawTransaction' || !Array.isArray(payload.params))
    return null
  if (!/already known|already imported|known transaction/i.test(String(error?.message))) return null
  return { id, result: keccak256(String(payload.params[0])) }
}
