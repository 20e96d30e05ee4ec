// SPDX-License-Identifier: GPL-3.0-or-later
// A keeper on this machine, asked over HTTP. Its config says which pages may, and with which token: `monitoring.page`.
import { MOST_BYTES, parseMetrics, type Sample } from './metrics.ts'

/** Of /healthz, what is shown. Another keeper's answer may have any shape. */
export type Health = Readonly<Record<string, unknown>>
export type Reading = { readonly at: number; readonly health: Health | null; readonly samples: readonly Sample[] }

/** Milliseconds for an answer. */
const PATIENCE = 5_000

/** A keeper that does not answer, or does not let this page read; the message says the fix. */
export class KeeperError extends Error {
  override readonly name = 'KeeperError'
}

/** The keeper's address, as a URL without a path. @throws KeeperError for one that is not on this machine: the token would leave it */
export function keeperUrl(text: string): URL {
  const url = URL.parse(text.trim())
  const local = url !== null && ['127.0.0.1', 'localhost'].includes(url.hostname)
  if (
    url === null ||
    !local ||
    url.protocol !== 'http:' ||
    url.username !== '' ||
    url.pathname !== '/' ||
    url.search !== ''
  ) {
    throw new KeeperError(
      `'${text.slice(0, 100)}' is no address such as http://127.0.0.1:9464: the token goes to this machine only (ssh -L brings another one's port here)`,
    )
  }
  return url
}

/** Asks a keeper for both of its answers. @throws KeeperError, MetricsError */
export async function readKeeper(address: string, token: string, signal: AbortSignal): Promise<Reading> {
  const url = keeperUrl(address)
  if (!/^[\x21-\x7e]{1,512}$/.test(token))
    throw new KeeperError('the token is one line of visible characters: that of monitoring.page.tokenFile')
  const ask = async (path: string): Promise<string> => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)])
    let response: Response
    try {
      const headers = { authorization: `Bearer ${token}` }
      response = await fetch(new URL(path, url), {
        headers,
        signal: limit,
        credentials: 'omit',
        redirect: 'error',
        cache: 'no-store',
      })
    } catch (cause) {
      signal.throwIfAborted()
      // A browser does not tell a page which of these it was.
      throw new KeeperError(
        `${url.origin} gives this page nothing: either no keeper runs there, or its monitoring.page.origins lacks ${location.origin}, or the browser was not allowed to reach this machine`,
        { cause },
      )
    }
    if (response.status === 401)
      throw new KeeperError('the keeper refused the token: it is not that of monitoring.page.tokenFile')
    // An unhealthy keeper answers 503, with its health.
    if (!response.ok && !(path === '/healthz' && response.status === 503)) {
      throw new KeeperError(`${url.origin}${path} answered HTTP ${response.status}`)
    }
    const text = await response.text()
    if (text.length > MOST_BYTES)
      throw new KeeperError(`${path} has ${text.length} characters, at most ${MOST_BYTES} are read`)
    return text
  }
  const [health, metrics] = await Promise.all([ask('/healthz'), ask('/metrics')])
  return { at: Date.now() / 1000, health: healthOf(health), samples: parseMetrics(metrics) }
}

function healthOf(text: string): Health | null {
  try {
    const json: unknown = JSON.parse(text)
    return json !== null && typeof json === 'object' ? (json as Health) : null
  } catch {
    return null
  }
}
