// SPDX-License-Identifier: GPL-3.0-or-later
// Requests that this browser posted, kept for the next visit: their price may have to be taken back. The inputs themselves are not kept.
import { z } from 'zod'
import type { Site } from '../site/site.ts'

const KEY = 'cohort/requests'
const UNSEEN_KEY = 'cohort/requests/unseen'
/** So many are remembered, the newest first. */
const MOST_REQUESTS = 20

const WORD = /^0x[0-9a-f]{64}$/

const orderSchema = z.object({
  chainId: z.int(),
  hub: z.string(),
  modelId: z.string(),
  /** Of the request or before it. */
  block: z.int().min(0),
  inputCommitment: z.string().regex(WORD),
  /** Values of the input, and the bytes that the chain was given of it. */
  values: z.int().min(0),
  payloadBytes: z.int().min(0),
})
const askedSchema = orderSchema.extend({ requestId: z.string().regex(WORD) })
const unseenSchema = orderSchema.extend({
  /** Whose money it is. */
  account: z.string().regex(/^0x[0-9a-fA-F]{40}$/),
  /** Unix seconds of the chain after which the hub takes it no more. */
  until: z.int().min(0),
})

/** A request that this browser posted. */
export type Asked = z.infer<typeof askedSchema>
/** One that a wallet was asked to post, and that nobody has seen on the chain yet. */
export type Unseen = z.infer<typeof unseenSchema>

/** Where texts are kept between visits: the browser's own storage. */
export type TextShelf = Pick<Storage, 'getItem' | 'setItem'>

/** Those of one model, the newest first. Whatever does not read is left out: other pages of this origin may write there. */
export function rememberedRequests(site: Site, modelId: bigint, shelf = usualShelf()): Asked[] {
  return all(shelf, KEY, askedSchema).filter(isOf(site, modelId))
}

/** A full disk, or a window without storage, forgets. */
export function rememberRequest(asked: Asked, shelf = usualShelf()): void {
  const others = all(shelf, KEY, askedSchema).filter((one) => !isSame(one, asked) || one.requestId !== asked.requestId)
  keep(shelf, KEY, [asked, ...others])
}

/** Those of one model that may be under way, the newest first. */
export function unseenRequests(site: Site, modelId: bigint, shelf = usualShelf()): Unseen[] {
  return all(shelf, UNSEEN_KEY, unseenSchema).filter(isOf(site, modelId))
}

/** Kept before the wallet is asked: a tab may be closed, and the wallet sends all the same. */
export function rememberUnseen(unseen: Unseen, shelf = usualShelf()): void {
  keep(shelf, UNSEEN_KEY, [unseen, ...all(shelf, UNSEEN_KEY, unseenSchema)])
}

/** Whatever has become a request, or never will. */
export function forgetUnseen(unseen: Unseen, shelf = usualShelf()): void {
  const others = all(shelf, UNSEEN_KEY, unseenSchema).filter((one) => !isSame(one, unseen))
  keep(shelf, UNSEEN_KEY, others)
}

type Order = z.infer<typeof orderSchema>

function isOf({ deployment: { chainId, contracts } }: Site, modelId: bigint): (one: Order) => boolean {
  return (one) => one.chainId === chainId && one.hub === contracts.InferenceHub && one.modelId === String(modelId)
}

/** A commitment is salted, so that there is one of it. */
function isSame(one: Order, other: Order): boolean {
  return one.chainId === other.chainId && one.hub === other.hub && one.inputCommitment === other.inputCommitment
}

/** Where a browser denies storage, nothing is kept: asking for it would throw. */
function usualShelf(): TextShelf {
  try {
    return localStorage
  } catch {
    return { getItem: () => null, setItem: () => undefined }
  }
}

function keep(shelf: TextShelf, key: string, list: readonly unknown[]): void {
  try {
    shelf.setItem(key, JSON.stringify(list.slice(0, MOST_REQUESTS)))
  } catch {
    // A full disk.
  }
}

function all<T>(shelf: TextShelf, key: string, schema: z.ZodType<T>): T[] {
  try {
    const found: unknown = JSON.parse(shelf.getItem(key) ?? '[]')
    return Array.isArray(found) ? found.flatMap((one) => schema.safeParse(one).data ?? []) : []
  } catch {
    return []
  }
}
