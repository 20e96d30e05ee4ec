// SPDX-License-Identifier: GPL-3.0-or-later
// What an index of `npm run index` knows of a service, over GraphQL. Nothing is believed here: the shape alone is checked.
import { z } from 'zod'
import type { StoredLog } from '../chain/history.ts'
import type { RoundCounts } from '../service/counts.ts'

/** Rows that Ponder gives at once, at most. */
const PAGE = 1_000
/** Rows of a service at most: 100,000 rounds with what is said of each. */
const MOST_ROWS = 500_000
/** Milliseconds for one answer. */
const PATIENCE = 15_000
/** Characters of one answer at most. */
const MOST_CHARACTERS = 32 << 20

/** The index gives no answer, or one that cannot be of this chain; the message says which. */
export class IndexError extends Error {
  override readonly name = 'IndexError'
}

export type IndexedRound = RoundCounts & { readonly lastBlock: number; readonly lastHash: string }
export type IndexedEvent = StoredLog & { readonly blockHash: string }
export type Indexed = {
  /** The last block that it has read. */
  readonly block: number
  readonly rounds: readonly IndexedRound[]
  readonly events: readonly IndexedEvent[]
}

const count = z
  .int()
  .min(0)
  .max(2 ** 53 - 1)
const hash = z.string().regex(/^0x[0-9a-f]{64}$/)
const page = <T extends z.ZodType>(item: T) =>
  z.object({
    items: z.array(item).max(PAGE),
    pageInfo: z.object({ hasNextPage: z.boolean(), endCursor: z.string().nullable() }),
  })
const roundSchema = z.object({
  ...{ round: count, block: count, logIndex: count, lastBlock: count, lastHash: hash },
  ...{ committed: count, revealed: count, attested: count, shares: count, votes: count },
  samples: z
    .string()
    .regex(/^\d{1,30}$/)
    .transform(Number),
})
const eventSchema = z.object({
  ...{ block: count, logIndex: count, blockHash: hash, transactionHash: hash },
  topics: z.string().regex(/^0x[0-9a-f]{64}(,0x[0-9a-f]{64}){0,3}$/),
  data: z.string().regex(/^0x([0-9a-f]{2})*$/),
})
const statusSchema = z.object({
  _meta: z.object({ status: z.record(z.string(), z.object({ id: count, block: z.object({ number: count }) })) }),
})

const FIELDS = {
  rounds: Object.keys(roundSchema.shape).join(' '),
  events: Object.keys(eventSchema.shape).join(' '),
} as const

/** All that the index has of a service. @throws IndexError */
export async function readIndexed(
  url: string,
  { service, chainId, signal }: { readonly service: string; readonly chainId: number; readonly signal?: AbortSignal },
): Promise<Indexed> {
  const ask = async <T extends z.ZodType>(schema: T, query: string, variables: object = {}): Promise<z.infer<T>> => {
    const limit = AbortSignal.any([AbortSignal.timeout(PATIENCE), ...(signal === undefined ? [] : [signal])])
    let text: string
    try {
      const response = await fetch(url, {
        ...{
          method: 'POST',
          body: JSON.stringify({ query, variables }),
          headers: { 'content-type': 'application/json' },
        },
        ...{ signal: limit, credentials: 'omit' as const, cache: 'no-store' as const },
      })
      if (!response.ok) throw new Error(`HTTP ${response.status}`)
      text = await response.text()
    } catch (cause) {
      signal?.throwIfAborted()
      throw new IndexError(`it does not answer (${(cause as Error).message})`, { cause })
    }
    if (text.length > MOST_CHARACTERS)
      throw new IndexError(`an answer has ${text.length} characters, at most ${MOST_CHARACTERS} are read`)
    let json: { readonly data?: unknown; readonly errors?: unknown }
    try {
      json = JSON.parse(text)
    } catch (cause) {
      throw new IndexError('its answer is not JSON', { cause })
    }
    const parsed = schema.safeParse(json?.data)
    if (parsed.success) return parsed.data
    const issue = parsed.error.issues[0]!
    throw new IndexError(`its answer has another form: ${issue.path.join('.') || 'document'}: ${issue.message}`)
  }
  const all = async <T extends z.ZodType>(name: 'rounds' | 'events', order: string, item: T): Promise<z.infer<T>[]> => {
    const rows: z.infer<T>[] = []
    const query = `query ($service: String!, $after: String) { ${name}(where: { service: $service }, orderBy: "${order}", limit: ${PAGE}, after: $after) { items { ${FIELDS[name]} } pageInfo { hasNextPage endCursor } } }`
    for (let after: string | null = null; ; ) {
      const answer: { readonly [key: string]: z.infer<ReturnType<typeof page<T>>> } = await ask(
        z.object({ [name]: page(item) }),
        query,
        { service: service.toLowerCase(), after },
      )
      const { items, pageInfo } = answer[name]!
      rows.push(...items)
      if (!pageInfo.hasNextPage) return rows
      if (pageInfo.endCursor === null || pageInfo.endCursor === after || items.length === 0) {
        throw new IndexError(`its pages of ${name} lead nowhere`)
      }
      if (rows.length > MOST_ROWS) throw new IndexError(`it has more than ${MOST_ROWS} ${name}`)
      after = pageInfo.endCursor
    }
  }
  // First, so that rows can only be of this block or later ones.
  const { _meta } = await ask(statusSchema, '{ _meta { status } }')
  const chains = Object.values(_meta.status)
  if (chains.length === 0) throw new IndexError('it has read nothing yet')
  const status = chains.find(({ id }) => id === chainId)
  if (status === undefined) throw new IndexError(`it is of another chain than ${chainId}`)
  const [rounds, events] = [await all('rounds', 'round', roundSchema), await all('events', 'block', eventSchema)]
  return {
    block: status.block.number,
    rounds: rounds.map(({ logIndex, ...row }) => ({ ...row, index: logIndex })),
    events: events.map(({ logIndex, topics, ...row }) => ({ ...row, index: logIndex, topics: topics.split(',') })),
  }
}
