// SPDX-License-Identifier: GPL-3.0-or-later
// A JSON-RPC request by Node's own HTTP client, which keeps connections open between requests. A keeper asks a hundred times in a round, and `fetch`
// takes several times its processor time. Pages have `fetch` alone.
import { type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { gunzipSync } from 'node:zlib'
import { answerOf, type Post, postTo, requestTo, shownEndpoint } from './endpoint.ts'

/** Statuses with another address in place of an answer, which `fetch` follows. */
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

type Answer = { readonly status: number; readonly text: string }

/** As {@link postTo}. @throws Error that names the endpoint and what failed */
export const nodePost: Post = async (url, payload, signal) => {
  const { status, text } = await exchange(url, payload, signal).catch((cause: unknown) => {
    throw new Error(`${shownEndpoint(url)}: ${messageOf(cause)}`, { cause })
  })
  if (REDIRECTS.has(status)) return await postTo(url, payload, signal)
  return answerOf(url, status, text)
}

function exchange(url: string, payload: Parameters<Post>[1], signal: AbortSignal): Promise<Answer> {
  const { target, headers, body } = requestTo(url, payload)
  const bytes = Buffer.from(body)
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const take = (response: IncomingMessage): void => {
      const pieces: Buffer[] = []
      response.on('data', (piece: Buffer) => pieces.push(piece))
      response.on('error', reject)
      response.on('end', () => {
        const whole = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
        const isPacked = response.headers['content-encoding'] === 'gzip'
        try {
          resolve({ status: response.statusCode ?? 0, text: (isPacked ? gunzipSync(whole) : whole).toString() })
        } catch (error) {
          reject(error)
        }
      })
    }
    const options = {
      method: 'POST',
      headers: { ...headers, 'content-length': bytes.length, 'accept-encoding': 'gzip' },
    }
    const request = (target.protocol === 'https:' ? requestHttps : requestHttp)(target, options, take)
    const abort = (): void => void request.destroy(signal.reason as Error)
    signal.addEventListener('abort', abort, { once: true })
    request.on('close', () => signal.removeEventListener('abort', abort))
    request.on('error', reject)
    request.end(bytes)
  })
}

/** Of several addresses that were tried, each with an error of its own, the first one's. */
function messageOf(cause: unknown): string {
  const inner = cause instanceof AggregateError ? cause.errors[0] : cause
  return inner instanceof Error ? inner.message : String(inner)
}
