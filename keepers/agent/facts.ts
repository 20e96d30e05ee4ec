// SPDX-License-Identifier: GPL-3.0-or-later
import type { EventFragment, Interface } from 'ethers'
import type { ServiceEvent, ServiceEventArguments } from '../chain/index.ts'
import type { LogRow, LogStore } from '../store/index.ts'

/** An event of the service, decoded. Integers are numbers where they fit, else bigints. */
export type Fact = {
  readonly name: string
  readonly block: number
  readonly blockHash: string
  /** Hash of its transaction; absent in facts that did not come from a log. */
  readonly transaction?: string
  readonly args: Readonly<Record<string, unknown>>
}

/** An event of that name. */
export type FactOf<N extends ServiceEvent> = Fact & { readonly name: N; readonly args: ServiceEventArguments<N> }

/**
 * The service's events of the branch that counts, in memory and by name. Rebuilt from the store when the keeper starts
 * or the chain reorganises.
 */
export class Facts {
  readonly #interface: Interface
  readonly #logs: LogStore
  /** Events by topic. `parseLog` would hash one event signature after another to find a log's, which takes most of the time of decoding. */
  readonly #events = new Map<string, EventFragment>()
  #byName = new Map<string, Fact[]>()

  constructor(contract: Interface, logs: LogStore) {
    this.#interface = contract
    this.#logs = logs
    contract.forEachEvent((event) => this.#events.set(event.topicHash, event))
    this.rebuild()
  }

  rebuild(): void {
    this.#byName = new Map()
    this.add(this.#logs.all())
  }

  /** @returns the rows that are events of the service. A row with an event's topic that does not decode is an endpoint's invention: it is skipped. */
  add(rows: readonly LogRow[]): Fact[] {
    const added: Fact[] = []
    for (const row of rows) {
      const event = this.#events.get(row.topics[0] ?? '')
      const args = event === undefined ? null : this.#argsOf(event, row)
      if (event === undefined || args === null) continue
      const { block, blockHash, transactionHash: transaction } = row
      const fact = { name: event.name, block, blockHash, transaction, args }
      const list = this.#byName.get(event.name)
      if (list) list.push(fact)
      else this.#byName.set(event.name, [fact])
      added.push(fact)
    }
    return added
  }

  #argsOf(event: EventFragment, { data, topics }: LogRow): Record<string, unknown> | null {
    try {
      const values = this.#interface.decodeEventLog(event, data, topics)
      return Object.fromEntries(event.inputs.map(({ name, type }, index) => [name, simplify(type, values[index])]))
    } catch {
      return null
    }
  }

  /** Facts of that name with arguments equal to `match`, oldest first. */
  all<N extends ServiceEvent>(name: N, match: Partial<ServiceEventArguments<N>> = {}): FactOf<N>[] {
    const wanted = Object.entries(match)
    const found = (this.#byName.get(name) ?? []).filter((fact) =>
      wanted.every(([key, value]) => fact.args[key] === value),
    )
    return found as FactOf<N>[]
  }

  last<N extends ServiceEvent>(name: N, match: Partial<ServiceEventArguments<N>> = {}): FactOf<N> | null {
    return this.all(name, match).at(-1) ?? null
  }

  /** Whether the transaction has left an event in that block. */
  has({ blockNumber, hash }: { readonly blockNumber: number; readonly hash: string }): boolean {
    return [...this.#byName.values()].some((list) =>
      list.some(({ block, transaction }) => block === blockNumber && transaction === hash),
    )
  }

  /** Forgets facts below a block, here and in the store. Keep the block of the oldest round still of interest. */
  prune(block: number): void {
    if (this.#logs.dropBelow(block) === 0) return
    // What stays need not be decoded again.
    for (const [name, facts] of this.#byName) {
      this.#byName.set(
        name,
        facts.filter((fact) => fact.block >= block),
      )
    }
  }
}

function simplify(type: string, value: unknown): unknown {
  const width = /^u?int(\d+)$/.exec(type)
  return width && Number(width[1]) <= 48 ? Number(value) : value
}
