// SPDX-License-Identifier: GPL-3.0-or-later
import { ponder } from 'ponder:registry'
import { event as eventTable, round as roundTable } from 'ponder:schema'
import { abi } from '../generated/service.ts'

/** Events of members' steps, and what each adds to its round. */
const COUNTED = {
  UpdateCommitted: 'committed',
  UpdateRevealed: 'revealed',
  AggregateAttested: 'attested',
  ShareSubmitted: 'shares',
  ModelVoted: 'votes',
} as const
const NONE = { committed: 0, revealed: 0, attested: 0, shares: 0, votes: 0, samples: 0n } as const

for (const name of Object.keys(COUNTED) as (keyof typeof COUNTED)[]) {
  const counter = COUNTED[name]
  ponder.on(`Service:${name}`, async ({ event, context }) => {
    const { args, log, block } = event
    const service = log.address
    const samples = 'samples' in args ? BigInt(args.samples) : 0n
    const last = { lastBlock: Number(block.number), lastHash: block.hash }
    await context.db
      .insert(roundTable)
      .values({
        ...{ id: `${service}/${args.round}`, service, round: args.round, ...last, ...NONE },
        ...{ block: Number(block.number), logIndex: log.logIndex, samples, [counter]: 1 },
      })
      .onConflictDoUpdate((row) => ({ ...last, samples: row.samples + samples, [counter]: row[counter] + 1 }))
  })
}

const others = abi.flatMap((entry) => (entry.type === 'event' && !(entry.name in COUNTED) ? [entry.name] : []))
for (const name of others as Exclude<(typeof others)[number], keyof typeof COUNTED>[]) {
  ponder.on(`Service:${name}`, async ({ event, context }) => {
    const { log, block, transaction } = event
    const service = log.address
    const values = {
      ...{ service, block: Number(block.number), blockHash: block.hash, logIndex: log.logIndex },
      ...{ transactionHash: transaction.hash, topics: log.topics.filter(Boolean).join(','), data: log.data },
    }
    // A round has half a dozen of these, and only the last one says where the service is now.
    const id = name === 'Transitioned' ? `${service}/state` : `${block.number}/${log.logIndex}`
    await context.db
      .insert(eventTable)
      .values({ id, ...values })
      .onConflictDoUpdate(values)
  })
}
