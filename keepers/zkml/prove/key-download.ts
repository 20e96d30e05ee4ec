// SPDX-License-Identifier: GPL-3.0-or-later
// A proving key from a web server, for pages: with progress, and kept in the browser's Cache API for the next visit. Its hash decides
// whether it is the right one, wherever it comes from.
import { ProveError } from './errors.ts'

export type KeyDownload = {
  /** `zkeySha256` of the key's metadata: 0x and 64 hexadecimal digits. */
  readonly sha256: string
  /** Bytes so far, and of all where the server says. Not called for a key from the cache. */
  readonly onProgress?: (progress: { readonly loaded: number; readonly total: number | null }) => void
  /** Rejects with its reason. */
  readonly signal?: AbortSignal
  /** Name of the cache; null to keep nothing. */
  readonly cache?: string | null
  /** Most bytes that are taken from the server; 512 MiB unless told (100,000 constraints of plain Groth16 take some 63 MB). */
  readonly maxBytes?: number
}

const MAX_BYTES = 512 << 20

export type DownloadedKey = { readonly bytes: Uint8Array<ArrayBuffer>; readonly fromCache: boolean }

/**
 * The key at `url`. A kept key with another hash, such as an earlier circuit's, is thrown away. If the browser offers no cache (pages
 * without https, private windows) or its disk is full, the key is downloaded each time. Throws ProveError `malformed` when the server's key
 * has another hash, `backend-failed` when the server does not answer with one.
 */
export async function downloadKey(url: string | URL, options: KeyDownload): Promise<DownloadedKey> {
  const { sha256, signal, cache = 'cohort-proving-keys' } = options
  if (!/^0x[0-9a-f]{64}$/.test(sha256))
    throw new ProveError('malformed', `sha256 is ${sha256}; give zkeySha256 of the key's metadata`)
  signal?.throwIfAborted()
  const kept = cache === null || typeof caches === 'undefined' ? null : await caches.open(cache).catch(() => null)
  const bytesHeld = await kept
    ?.match(url)
    .then(async (held) => (held === undefined ? null : new Uint8Array(await held.arrayBuffer())))
    .catch(() => null)
  if (bytesHeld != null) {
    if ((await hashOf(bytesHeld)) === sha256) return { bytes: bytesHeld, fromCache: true }
    await kept!.delete(url).catch(() => false)
  }
  const response = await fetch(url, signal === undefined ? {} : { signal })
  if (!response.ok) throw new ProveError('backend-failed', `${url}: ${response.status} ${response.statusText}`)
  const bytes = await readBody(response, options)
  const found = await hashOf(bytes)
  if (found !== sha256) {
    throw new ProveError('malformed', `${url} is another key: its SHA-256 is ${found}, asked for was ${sha256}`)
  }
  await kept?.put(url, new Response(bytes)).catch(() => undefined)
  return { bytes, fromCache: false }
}

async function readBody(
  response: Response,
  { onProgress, signal, maxBytes = MAX_BYTES }: KeyDownload,
): Promise<Uint8Array<ArrayBuffer>> {
  // For a compressed body, this is the length of its compressed form.
  const stated = response.headers.has('content-encoding') ? null : response.headers.get('content-length')
  const total = stated === null ? null : Number(stated)
  const chunks: Uint8Array[] = []
  let loaded = 0
  const reader = response.body!.getReader()
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    signal?.throwIfAborted()
    chunks.push(next.value)
    loaded += next.value.byteLength
    if (loaded > maxBytes) {
      await reader.cancel().catch(() => undefined)
      throw new ProveError('malformed', `the key is longer than ${maxBytes} bytes: raise maxBytes if that is right`)
    }
    onProgress?.({ loaded, total })
  }
  const bytes = new Uint8Array(loaded)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.byteLength
  }
  return bytes
}

async function hashOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return `0x${Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('')}`
}
