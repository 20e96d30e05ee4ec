// SPDX-License-Identifier: GPL-3.0-or-later
// JSON over HTTP(S) to a remote signer: bounded in time and size, without redirects, with TLS and a token where they are configured.
import { readFileSync } from 'node:fs'
import { type IncomingMessage, request as plainRequest, type RequestOptions } from 'node:http'
import { request as tlsRequest } from 'node:https'
import { SignerError } from './signer.ts'

export type SignerEndpoint = {
  /** http:// or https://, with a path where the signer has one. */
  readonly url: string
  /** Milliseconds for one answer. Somebody may have to press a button on a device. */
  readonly timeout: number
  /** File of a bearer token, which is read anew for each request: it may be rotated. */
  readonly tokenFile?: string | undefined
  readonly tls?:
    | {
        /** PEM files: the authority against which the signer's certificate is checked, and this side's certificate and key. */
        readonly ca?: string | undefined
        readonly certificate?: string | undefined
        readonly key?: string | undefined
      }
    | undefined
}

/** Most bytes of an answer. It is a signature, or a transaction in two forms of at most some dozen KB each. */
const MAX_ANSWER = 2 ** 20
/** Characters of a signer's own words in a message of ours. */
const MAX_QUOTE = 200

/** Whether requests to it leave this machine. */
export function isLoopback(url: string): boolean {
  const { hostname } = new URL(url)
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname)
}

/** The endpoint in a form for logs: without path and query, which may contain secrets. */
export function endpointName(url: string): string {
  return new URL(url).origin
}

/** A signer's message, as one line without control characters. */
export function quoted(text: unknown): string {
  const line = String(text)
    .replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .trim()
  return line.length > MAX_QUOTE ? `${line.slice(0, MAX_QUOTE)}…` : line
}

/**
 * GET, or POST of a body.
 * @returns the body of an answer with status 200, parsed where it is JSON, else the text
 * @throws SignerError SIGNER_UNREACHABLE, SIGNER_REFUSED, SIGNER_CONFIG
 */
export async function askSigner(endpoint: SignerEndpoint, path: string, body?: unknown): Promise<unknown> {
  const { status, text } = await exchange(endpoint, path, body === undefined ? null : JSON.stringify(body))
  const name = endpointName(endpoint.url)
  if (status === 200) {
    try {
      return JSON.parse(text)
    } catch {
      return text.trim()
    }
  }
  const words = quoted(text)
  const said = `the signer at ${name} answers ${status}${words === '' ? '' : `: ${words}`}`
  if (status === 401 || status === 403) {
    throw new SignerError(
      'SIGNER_REFUSED',
      `${said}; check its allowed hosts and clients, and the token file or certificate of this side`,
    )
  }
  if (status >= 500 || status === 429) throw new SignerError('SIGNER_UNREACHABLE', said)
  throw new SignerError('SIGNER_REFUSED', said)
}

async function exchange(
  endpoint: SignerEndpoint,
  path: string,
  body: string | null,
): Promise<{ readonly status: number; readonly text: string }> {
  const base = endpoint.url.replace(/\/+$/, '')
  const url = new URL(`${base}${path}`)
  const name = endpointName(endpoint.url)
  const options = optionsOf(endpoint, url, body)
  try {
    return await new Promise((resolve, reject) => {
      const send = url.protocol === 'https:' ? tlsRequest : plainRequest
      const request = send(url, options, (response) => readAll(response).then(resolve, reject))
      request.once('error', reject)
      request.end(body ?? undefined)
    })
  } catch (cause) {
    const reason = options.signal?.aborted
      ? `no answer within ${endpoint.timeout / 1000} s`
      : ((cause as NodeJS.ErrnoException).code ?? quoted((cause as Error).message))
    throw new SignerError(
      'SIGNER_UNREACHABLE',
      `the signer at ${name} cannot be reached (${reason}): start it, or correct its URL`,
      { cause },
    )
  }
}

function optionsOf({ timeout, tokenFile, tls }: SignerEndpoint, url: URL, body: string | null): RequestOptions {
  const read = (file: string | undefined, what: string): string | undefined => {
    if (file === undefined) return undefined
    try {
      return readFileSync(file, 'utf8')
    } catch (cause) {
      throw new SignerError('SIGNER_CONFIG', `cannot read the signer's ${what} ${file}`, { cause })
    }
  }
  const token = read(tokenFile, 'token file')?.trim()
  const certificates = {
    ca: read(tls?.ca, 'ca file'),
    cert: read(tls?.certificate, 'certificate'),
    key: read(tls?.key, 'key file'),
  }
  return {
    method: body === null ? 'GET' : 'POST',
    signal: AbortSignal.timeout(timeout),
    // No pool: a connection that a signer has closed meanwhile would fail the next request.
    agent: false,
    headers: {
      accept: 'application/json',
      ...(body === null ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(url.protocol === 'https:'
      ? Object.fromEntries(Object.entries(certificates).filter(([, pem]) => pem !== undefined))
      : {}),
  }
}

async function readAll(response: IncomingMessage): Promise<{ readonly status: number; readonly text: string }> {
  const parts: Buffer[] = []
  let length = 0
  for await (const part of response as AsyncIterable<Buffer>) {
    length += part.length
    if (length > MAX_ANSWER) throw new Error(`an answer of more than ${MAX_ANSWER} bytes`)
    parts.push(part)
  }
  return { status: response.statusCode ?? 0, text: Buffer.concat(parts).toString('utf8') }
}
