// SPDX-License-Identifier: GPL-3.0-or-later
// A client of the IPFS Pinning Service API 0.1.2 (github.com/ipfs/pinning-services-api-spec): a paid service, or another node of the
// operator, also keeps the models.
import { lookup, resolveTxt } from 'node:dns/promises'
import { BlockList, isIPv4 } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import type { CID } from 'multiformats/cid'
import { z } from 'zod'
import { Deadline } from './deadline.ts'
import type { DhtEvent } from './dht.ts'
import { NetworkError } from './errors.ts'

export type PinningOptions = {
  /** Where the API is, without `/pins`. */
  readonly url: string
  /** Returns the access token. Called for each request, so that the token can be renewed. */
  readonly token: () => string
  /** Name of the pins, by which this keeper recognises its own. */
  readonly name: string
  /** Called with the numbers of pinned and failed models. Must not throw. */
  readonly onEvent?: (event: DhtEvent) => void
  /** Milliseconds between two checks of a pin in progress. */
  readonly lookEvery?: number
}

/** The parts of the node that pinning uses. */
export type PinningNode = {
  /** The addresses from which the service can fetch. */
  readonly addresses: () => readonly string[]
  readonly dial: (address: Multiaddr, signal: AbortSignal) => Promise<unknown>
  /** By default the system's resolver. */
  readonly names?: Names
}

type Names = {
  /** The IP addresses of a host. */
  readonly addresses: (host: string) => Promise<readonly string[]>
  /** The TXT records of a name. */
  readonly texts: (name: string) => Promise<readonly string[]>
}
const NAMES: Names = {
  addresses: async (host) => (await lookup(host, { all: true })).map(({ address }) => address),
  texts: async (name) => (await resolveTxt(name)).map((parts) => parts.join('')),
}
/** Most steps from one named address to the next (multiformats, DNSADDR). */
const MOST_NAMES = 3

/** Largest list that the specification allows. */
const MOST_ADDRESSES = 20
const MOST_RESULTS = 100
/** Largest answer, in bytes. */
const MOST_BYTES = 1 << 20
/** Milliseconds for one request, and between two checks of a pin in progress. */
const REQUEST_MS = 30_000
const LOOK_EVERY = 5_000
const DIAL_MS = 10_000

/** Private and special networks. IPv4 addresses within IPv6 count like IPv4. Source: IANA's special-purpose address registries. */
const PRIVATE = new BlockList()
for (const [network, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const)
  PRIVATE.addSubnet(network, bits)
for (const [network, bits] of [
  ['::', 127],
  ['fc00::', 7],
  ['fe80::', 10],
] as const)
  PRIVATE.addSubnet(network, bits, 'ipv6')

const statusSchema = z.object({
  requestid: z.string().min(1).max(1024),
  status: z.enum(['queued', 'pinning', 'pinned', 'failed']),
  pin: z.object({ cid: z.string().max(256), name: z.string().nullish() }),
  delegates: z.array(z.string().max(1024)).max(MOST_ADDRESSES).catch([]),
  info: z.record(z.string(), z.unknown()).nullish(),
})
type PinStatus = z.infer<typeof statusSchema>
const resultsSchema = z.object({ results: z.array(statusSchema).max(1000) })
const failureSchema = z.object({ error: z.object({ reason: z.string(), details: z.string().optional() }) })

/** One remote service. An announcer sends it models as it does to a DHT: in the background and repeatedly, without anybody waiting. */
export class PinningService {
  readonly #options: PinningOptions
  readonly #node: PinningNode

  constructor(options: PinningOptions, node: PinningNode) {
    this.#options = options
    this.#node = node
  }

  /**
   * Requests a pin for a blob unless it is pinned already, and waits until it is.
   * @throws NetworkError UNAVAILABLE with the service's message; the signal's reason. The next call continues with the same pin.
   */
  async provide(cid: CID, signal: AbortSignal): Promise<void> {
    const known = (await this.#pinsOf(cid, 'queued,pinning,pinned', signal)).at(0)
    let pin = known ?? (await this.#add(cid, signal))
    if (pin.status !== 'pinned') await this.#meet(pin, signal)
    while (pin.status !== 'pinned') {
      if (pin.status === 'failed') throw this.#complaint(`${cid}: failed: ${shown(pin.info?.status_details)}`)
      await sleep(this.#options.lookEvery ?? LOOK_EVERY, undefined, { signal }).catch(() => signal.throwIfAborted())
      pin = await this.#request('GET', `/${encodeURIComponent(pin.requestid)}`, statusSchema, signal)
    }
  }

  /** Removes this keeper's pins of a blob, as far as the service answers; a remaining pin only costs money. */
  async withdraw(cid: CID): Promise<void> {
    using deadline = new Deadline(REQUEST_MS, [])
    try {
      const pins = await this.#pinsOf(cid, 'queued,pinning,pinned,failed', deadline.signal)
      for (const { requestid, pin } of pins) {
        if (pin.name !== this.#options.name) continue
        await this.#request('DELETE', `/${encodeURIComponent(requestid)}`, null, deadline.signal)
      }
    } catch {
      // Models are rarely given up, and nothing waits for this.
    }
  }

  async #pinsOf(cid: CID, status: string, signal: AbortSignal): Promise<PinStatus[]> {
    const query = new URLSearchParams({ cid: cid.toString(), status, limit: String(MOST_RESULTS) })
    const { results } = await this.#request('GET', `?${query}`, resultsSchema, signal)
    return results.filter(({ pin }) => pin.cid === cid.toString())
  }

  async #add(cid: CID, signal: AbortSignal): Promise<PinStatus> {
    const origins = this.#node.addresses().slice(0, MOST_ADDRESSES)
    const pin = { cid: cid.toString(), name: this.#options.name, origins }
    return await this.#request('POST', '', statusSchema, signal, pin)
  }

  /** Dials the nodes that will fetch, because they cannot dial a keeper behind a NAT. */
  async #meet({ delegates }: PinStatus, signal: AbortSignal): Promise<void> {
    using deadline = new Deadline(DIAL_MS, [signal])
    const near = isLoopback(this.#options.url)
    const dials = delegates.map(async (text) => {
      const address = multiaddr(text)
      // An answer of a public service must not lead into the keeper's own network.
      if (near || (await isPublic(address, this.#node.names ?? NAMES))) await this.#node.dial(address, deadline.signal)
    })
    await Promise.allSettled(dials)
  }

  async #request<T>(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    schema: z.ZodType<T> | null,
    signal: AbortSignal,
    content?: object,
  ): Promise<T> {
    using deadline = new Deadline(REQUEST_MS, [signal])
    let status: number
    let text: string
    try {
      const response = await fetch(`${this.#options.url.replace(/\/+$/, '')}/pins${path}`, {
        method,
        // Sends the token to no other host.
        redirect: 'error',
        headers: { authorization: `Bearer ${this.#options.token()}`, 'content-type': 'application/json' },
        signal: deadline.signal,
        ...(content === undefined ? {} : { body: JSON.stringify(content) }),
      })
      status = response.status
      text = await boundedText(response)
    } catch (error) {
      signal.throwIfAborted()
      throw this.#complaint(reasonOf(error))
    }
    const json = parse(text)
    if (status < 200 || status >= 300) {
      const failure = failureSchema.safeParse(json)
      const { reason, details } = failure.success ? failure.data.error : { reason: 'no reason', details: undefined }
      throw this.#complaint(`HTTP ${status}: ${shown(reason)}${details === undefined ? '' : `: ${shown(details)}`}`)
    }
    if (schema === null) return undefined as T
    const parsed = schema.safeParse(json)
    if (parsed.success) return parsed.data
    throw this.#complaint(`it does not speak the IPFS Pinning Service API: ${parsed.error.issues[0]?.path.join('.')}`)
  }

  #complaint(reason: string): NetworkError {
    return new NetworkError('UNAVAILABLE', `pinning service ${new URL(this.#options.url).host}: ${reason}`)
  }
}

/**
 * Whether an address leads out of the keeper's own network, for everything to which its names resolve now. A name may resolve to something else when
 * it is dialled, but the node there must still prove that it is the peer of the address.
 */
async function isPublic(address: Multiaddr, names: Names, left: number = MOST_NAMES): Promise<boolean> {
  const [place] = address.getComponents()
  const value = String(place?.value)
  if (place?.name === 'ip4' || place?.name === 'ip6') return !PRIVATE.check(value, isIPv4(value) ? 'ipv4' : 'ipv6')
  if (place?.name === 'dnsaddr') {
    if (left === 0) return false
    const texts = (await names.texts(`_dnsaddr.${value}`)).filter((text) => text.startsWith('dnsaddr='))
    const each = texts.map((text) => isPublic(multiaddr(text.slice('dnsaddr='.length)), names, left - 1))
    return (await Promise.all(each)).every(Boolean)
  }
  if (!['dns', 'dns4', 'dns6'].includes(place?.name ?? '')) return true
  const found = await names.addresses(value)
  return found.every((one) => !PRIVATE.check(one, isIPv4(one) ? 'ipv4' : 'ipv6'))
}

/** Whether a URL leads to this machine itself. */
export function isLoopback(url: string): boolean {
  const { hostname } = new URL(url)
  return hostname === 'localhost' || hostname === '[::1]' || (isIPv4(hostname) && hostname.startsWith('127.'))
}

async function boundedText(response: Response): Promise<string> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of response.body ?? []) {
    length += part.length
    if (length > MOST_BYTES) throw new Error(`an answer of more than ${MOST_BYTES} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts).toString()
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function reasonOf(error: unknown): string {
  const { message, cause } = error as Error
  return cause instanceof Error ? `${message}: ${cause.message}` : message
}

/** A stranger's text in a safe form, on one line. */
const shown = (text: unknown): string =>
  String(text ?? 'no reason')
    .slice(0, 200)
    .replace(/[^\x20-\x7e]+/g, ' ')
