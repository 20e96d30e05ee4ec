// SPDX-License-Identifier: GPL-3.0-or-later
// JSON-RPC requests with Node's own HTTP client, which keeps connections open between requests. A keeper sends a hundred in a round, and `fetch`
// takes several times as much CPU time. Pages have only `fetch`.
import { type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { answerOf, MOST_ANSWER_BYTES, type Post, postTo, requestTo, shownEndpoint, tooLong } from './endpoint.ts'

/** Statuses with another address in place of an answer, which `fetch` follows. */
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

const unpacked = promisify(gunzip)

type Answer = { readonly status: number; readonly body: Buffer; readonly isPacked: boolean }

/** As {@link postTo}. @throws Error that names the endpoint and what failed */
export const nodePost: Post = async (url, payload, signal) => {
  const named = (cause: unknown): never => {
    throw new Error(`${shownEndpoint(url)}: ${messageOf(cause)}`, { cause })
  }
  const { status, body, isPacked } = await exchange(url, payload, signal).catch(named)
  if (REDIRECTS.has(status)) return await postTo(url, payload, signal)
  const text = isPacked ? await unpacked(body, { maxOutputLength: MOST_ANSWER_BYTES }).catch(named) : body
  return answerOf(url, status, text.toString())
}

function exchange(url: string, payload: Parameters<Post>[1], signal: AbortSignal): Promise<Answer> {
  const { target, headers, body } = requestTo(url, payload)
  const bytes = Buffer.from(body)
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const take = (response: IncomingMessage): void => {
      const pieces: Buffer[] = []
      let size = 0
      response.on('data', (piece: Buffer) => {
        size += piece.length
        if (size > MOST_ANSWER_BYTES) response.destroy(tooLong())
        else pieces.push(piece)
      })
      response.on('error', reject)
      response.on('end', () => {
        const body = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
        const isPacked = response.headers['content-encoding'] === 'gzip'
        resolve({ status: response.statusCode ?? 0, body, isPacked })
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

/** The message of an error. When several addresses of a host were tried, each with an error of its own, this is the first one's. */
function messageOf(cause: unknown): string {
  const inner = cause instanceof AggregateError ? cause.errors[0] : cause
  return inner instanceof Error ? inner.message : String(inner)
}
