// SPDX-License-Identifier: GPL-3.0-or-later
// Requests that this browser posted, kept for the next visit: their price may have to be taken back. The inputs themselves are not kept.
import { z } from 'zod'
import type { Site } from '../site/site.ts'

const KEY = 'cohort/requests'
/** So many are remembered, the newest first. */
const MOST_REQUESTS = 20

const askedSchema = z.object({
  requestId: z.string().regex(/^0x[0-9a-f]{64}$/),
  chainId: z.int(),
  hub: z.string(),
  modelId: z.string(),
  /** Of the request or before it. */
  block: z.int().min(0),
  inputCommitment: z.string().regex(/^0x[0-9a-f]{64}$/),
  /** Values of the input, and the bytes that the chain was given of it. */
  values: z.int().min(0),
  payloadBytes: z.int().min(0),
})

/** A request that this browser posted. */
export type Asked = z.infer<typeof askedSchema>

/** Where texts are kept between visits: the browser's own storage. */
export type TextShelf = Pick<Storage, 'getItem' | 'setItem'>

/** Those of one model, the newest first. Whatever does not read is left out: other pages of this origin may write there. */
export function rememberedRequests(site: Site, modelId: bigint, shelf = usualShelf()): Asked[] {
  const { chainId, contracts } = site.deployment
  return all(shelf).filter(
    (one) => one.chainId === chainId && one.hub === contracts.InferenceHub && one.modelId === String(modelId),
  )
}

/** A full disk, or a window without storage, forgets. */
export function rememberRequest(asked: Asked, shelf = usualShelf()): void {
  try {
    shelf.setItem(KEY, JSON.stringify([asked, ...all(shelf)].slice(0, MOST_REQUESTS)))
  } catch {
    // See above.
  }
}

/** Where a browser denies storage, nothing is kept: asking for it would throw. */
function usualShelf(): TextShelf {
  try {
    return localStorage
  } catch {
    return { getItem: () => null, setItem: () => undefined }
  }
}

function all(shelf: TextShelf): Asked[] {
  try {
    const found: unknown = JSON.parse(shelf.getItem(KEY) ?? '[]')
    return Array.isArray(found) ? found.flatMap((one) => askedSchema.safeParse(one).data ?? []) : []
  } catch {
    return []
  }
}
