// SPDX-License-Identifier: GPL-3.0-or-later
// Which web pages may read a keeper's monitoring through the browser of its operator. Any site that the operator visits can send requests to
// this machine: a page reads an answer only if the keeper named its origin and the page has the token, and only under a name of this machine.
// Sources: Fetch, "CORS protocol"; Private Network Access (https://wicg.github.io/private-network-access/), "CORS preflight".
import { createHash, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { IncomingHttpHeaders } from 'node:http'
import { isIP } from 'node:net'
import { z } from 'zod'
import { AgentError } from './errors.ts'

/** Characters of a token: 32 random ones cannot be guessed, and a header holds 512. */
const TOKEN = { least: 32, most: 512 } as const
/** Seconds for which a browser may reuse the answer to a preflight request. */
const PREFLIGHT_SECONDS = 600

const origin = z.string().superRefine((text, context) => {
  const complain = (message: string) => context.addIssue({ code: 'custom', message })
  const url = URL.parse(text)
  if (url === null || url.origin !== text) {
    return complain("takes a page's origin, such as https://console.example.org: scheme, host and port, no path")
  }
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopbackName(url.hostname))) return
  complain('takes https://, or http:// of this machine: anybody on the way could put a script of theirs into the page')
})

/** `monitoring` of a keeper's config. */
export const monitoringSchema = z
  .strictObject({
    host: z.string().default('127.0.0.1'),
    port: z.int().min(0).max(65_535).default(9464),
    /** Further host names under which requests may reach it, such as that of a proxy before it. */
    hosts: z
      .array(z.string().regex(/^[a-z0-9.-]{1,253}$/, 'takes a host name in lower case, without a port'))
      .max(16)
      .default([]),
    /** Web pages that may read it in the operator's browser. Off unless given. */
    page: z.strictObject({ origins: z.array(origin).min(1).max(16), tokenFile: z.string().min(1) }).optional(),
  })
  .superRefine(({ host, page }, context) => {
    if (page === undefined || isLoopbackName(host)) return
    context.addIssue({
      code: 'custom',
      path: ['page'],
      message: `beside monitoring.host ${host}: the token would go over the network in the clear; listen on 127.0.0.1, and reach it through ssh or a proxy with TLS`,
    })
  })

export type PageAccess = {
  /** Host names that requests may be for, beside those of this machine; null where any will do. */
  readonly hosts: readonly string[] | null
  /** Origins of pages, exactly as browsers write them. */
  readonly origins: readonly string[]
  /** What pages must send; null where no page may read. */
  readonly token: (() => string) | null
}

/**
 * The config's terms. The token's file is read with each request: a token that was renewed needs no restart.
 * @throws AgentError CONFIG for a token that cannot be read now, or that could be guessed
 */
export function pageAccessOf({ host, hosts, page }: z.infer<typeof monitoringSchema>): PageAccess {
  // A keeper that listens beyond loopback cannot know by which names others reach it: any will do unless the config lists some.
  const names = isLoopbackName(host) || hosts.length > 0 ? hosts : null
  if (page === undefined) return { hosts: names, origins: [], token: null }
  const token = (): string => readToken(page.tokenFile)
  token()
  return { hosts: names, origins: page.origins, token }
}

/** What to do with a request: go on, with these headers in the answer, or answer at once. */
export type Admission =
  | { readonly admitted: true; readonly headers: Readonly<Record<string, string>> }
  | {
      readonly admitted: false
      readonly status: number
      readonly headers: Readonly<Record<string, string>>
      readonly text: string
    }

/** Judges a request by its method and headers. Those without an Origin, such as Prometheus', need no token. */
export function admit(method: string, headers: IncomingHttpHeaders, { hosts, origins, token }: PageAccess): Admission {
  const refuse = (status: number, text: string, more: Record<string, string> = {}): Admission => {
    return { admitted: false, status, text, headers: { vary: 'origin', ...more } }
  }
  // A site can have its own name lead to 127.0.0.1 (DNS rebinding): then its page is of the "same origin", and only the name tells.
  if (hosts !== null && !isNameOf(headers.host, hosts)) {
    return refuse(421, 'this is not a name of this keeper: use 127.0.0.1, or add the name to monitoring.hosts')
  }
  const from = headers.origin
  if (from === undefined) return { admitted: true, headers: { vary: 'origin' } }
  if (token === null || !origins.includes(from)) {
    return refuse(403, 'pages of this origin may not read this keeper: see monitoring.page in its config')
  }
  const cors = { 'access-control-allow-origin': from }
  if (method === 'OPTIONS') {
    return refuse(204, '', {
      ...cors,
      'access-control-allow-methods': 'GET',
      'access-control-allow-headers': 'authorization',
      'access-control-max-age': String(PREFLIGHT_SECONDS),
      ...(headers['access-control-request-private-network'] === 'true'
        ? { 'access-control-allow-private-network': 'true' }
        : {}),
    })
  }
  let wanted: string
  try {
    wanted = token()
  } catch {
    return refuse(503, 'the file of monitoring.page.tokenFile cannot be read now', cors)
  }
  if (!sameText(headers.authorization ?? '', `Bearer ${wanted}`)) {
    return refuse(401, 'the token is not that of monitoring.page.tokenFile', { ...cors, 'www-authenticate': 'Bearer' })
  }
  return { admitted: true, headers: { vary: 'origin', ...cors } }
}

/** Compares in constant time, whatever the lengths and wherever the two differ. */
function sameText(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}

/** Whether a Host header names this machine: loopback, or one of the config's names. */
function isNameOf(header: string | undefined, hosts: readonly string[]): boolean {
  const name = URL.parse(`http://${header ?? ''}`)?.hostname ?? ''
  return isLoopbackName(name) || hosts.includes(name)
}

function isLoopbackName(name: string): boolean {
  const bare = name.replace(/^\[(.*)\]$/, '$1')
  return name === 'localhost' || bare === '::1' || (isIP(bare) === 4 && bare.startsWith('127.'))
}

function readToken(file: string): string {
  const wrong = (reason: string, cause?: unknown): AgentError =>
    new AgentError('CONFIG', `monitoring.page.tokenFile: ${reason}: \`openssl rand -hex 32 > ${file}\` makes one`, {
      cause,
    })
  let token: string
  try {
    token = readFileSync(file, 'utf8').trim()
  } catch (cause) {
    throw wrong((cause as Error).message, cause)
  }
  if (!/^[\x21-\x7e]+$/.test(token)) throw wrong(`${file} must hold the token alone, on one line`)
  if (token.length >= TOKEN.least && token.length <= TOKEN.most) return token
  throw wrong(`${file} has a token of ${token.length} characters, it takes ${TOKEN.least} to ${TOKEN.most}`)
}
