// SPDX-License-Identifier: GPL-3.0-or-later
// Blobs by CID in a page: block by block from IPFS gateways, each block checked against its hash. Source: IPFS Trustless Gateway
// (https://specs.ipfs.tech/http-gateways/trustless-gateway/), blocks as application/vnd.ipld.raw.
import type { CID } from 'multiformats/cid'
import { sha256 } from 'multiformats/hashes/sha2'
import {
  assemble,
  collectBytes,
  type FetchOptions,
  NetworkError,
  parseBlobCid,
} from '../../../keepers/network/index.ts'

/** Where blocks are kept for the next visit. */
export type BlockShelf = {
  get(cid: string): Promise<Uint8Array | undefined>
  put(cid: string, bytes: Uint8Array): Promise<unknown>
}

export type GatewayPlaneOptions = {
  /** Gateways, asked in turn. */
  readonly gateways: readonly string[]
  readonly shelf?: BlockShelf
}

/** Least time one gateway gets for a block before the next is asked, in milliseconds. */
const MIN_TURN_MS = 3_000

/** Fetches blobs as the keepers' data plane does, and has the same `fetch`. */
export class GatewayPlane {
  readonly #options: GatewayPlaneOptions
  /** In the order in which they are asked: those that failed go to the end. */
  #gateways: readonly string[]

  constructor(options: GatewayPlaneOptions) {
    this.#options = options
    this.#gateways = options.gateways
  }

  /**
   * The blob of a CID, whole and checked.
   * @throws NetworkError BAD_CID, TOO_LARGE, MALFORMED, UNAVAILABLE (no gateway has it), TIMEOUT
   */
  async fetch(text: string, { maxBytes, timeout, signal }: Omit<FetchOptions, 'providers'>): Promise<Uint8Array> {
    const cid = parseBlobCid(text)
    const limit = AbortSignal.any([AbortSignal.timeout(timeout), ...(signal === undefined ? [] : [signal])])
    try {
      // One that is silent must not use up the time of those that could still deliver.
      const turn = Math.max(MIN_TURN_MS, timeout / Math.max(1, this.#gateways.length))
      return await assemble(cid, (block) => this.#block(block, { maxBytes, turn, limit }), maxBytes)
    } catch (cause) {
      signal?.throwIfAborted()
      if (!limit.aborted) throw cause
      throw new NetworkError('TIMEOUT', `${text}: not complete after ${timeout} ms`, { cause })
    }
  }

  async #block(
    cid: CID,
    { maxBytes, turn, limit }: { readonly maxBytes: number; readonly turn: number; readonly limit: AbortSignal },
  ): Promise<Uint8Array> {
    const { shelf } = this.#options
    const gateways = this.#gateways
    const name = cid.toString()
    const kept = await shelf?.get(name).catch(() => undefined)
    if (kept instanceof Uint8Array && (await hasDigest(kept, cid))) return kept
    let last = 'the console names no gateway: add one to `gateways` in cohort.json'
    for (const gateway of gateways) {
      try {
        const bytes = await download(gateway, name, maxBytes, AbortSignal.any([limit, AbortSignal.timeout(turn)]))
        if (await hasDigest(bytes, cid)) {
          await shelf?.put(name, bytes).catch(() => undefined)
          return bytes
        }
        last = `${new URL(gateway).origin} sent bytes that do not match the CID`
      } catch (error) {
        limit.throwIfAborted()
        last = `${new URL(gateway).origin}: ${(error as Error).message}`
      }
      this.#gateways = [...this.#gateways.filter((one) => one !== gateway), gateway]
    }
    throw new NetworkError('UNAVAILABLE', `${name}: none of ${gateways.length} gateways delivered it (${last})`)
  }
}

async function download(gateway: string, cid: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
  const url = new URL(`ipfs/${cid}?format=raw`, gateway.endsWith('/') ? gateway : `${gateway}/`)
  const response = await fetch(url, { signal, headers: { accept: 'application/vnd.ipld.raw' }, credentials: 'omit' })
  if (!response.ok || response.body === null) throw new Error(`HTTP ${response.status}`)
  return await collectBytes(chunksOf(response.body), maxBytes)
}

/** As an async iterable: not every browser's streams are one. */
async function* chunksOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      yield value
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}

async function hasDigest(bytes: Uint8Array, cid: CID): Promise<boolean> {
  const { digest } = await sha256.digest(bytes)
  return cid.multihash.digest.every((byte, i) => byte === digest[i])
}
