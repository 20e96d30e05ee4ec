// SPDX-License-Identifier: GPL-3.0-or-later
// What the console asks for. Members' steps, which are most of a service's log, are counted by round; everything else is kept as the chain
// has it, so that one program alone, the console's, says what it means.
import { index, onchainTable } from 'ponder'

export const round = onchainTable(
  'round',
  (t) => ({
    id: t.text().primaryKey(),
    service: t.hex().notNull(),
    round: t.integer().notNull(),
    /** Where its first step is in the chain. */
    block: t.integer().notNull(),
    logIndex: t.integer().notNull(),
    /** Where its last one is so far; the page compares the hash with the chain's. */
    lastBlock: t.integer().notNull(),
    lastHash: t.hex().notNull(),
    committed: t.integer().notNull(),
    revealed: t.integer().notNull(),
    attested: t.integer().notNull(),
    shares: t.integer().notNull(),
    votes: t.integer().notNull(),
    samples: t.bigint().notNull(),
  }),
  (table) => ({ ofService: index().on(table.service, table.round) }),
)

export const event = onchainTable(
  'event',
  (t) => ({
    id: t.text().primaryKey(),
    service: t.hex().notNull(),
    block: t.integer().notNull(),
    blockHash: t.hex().notNull(),
    logIndex: t.integer().notNull(),
    transactionHash: t.hex().notNull(),
    /** Separated by commas. */
    topics: t.text().notNull(),
    data: t.hex().notNull(),
  }),
  (table) => ({ ofService: index().on(table.service, table.block) }),
)
