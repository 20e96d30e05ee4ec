// SPDX-License-Identifier: GPL-3.0-or-later
// An agent loop on a chain and a clock that a test sets.
import { pino } from 'pino'
import type { AgentContext, Behaviour, Step, StepResult } from '../../../keepers/agent/context.ts'
import { AgentLoop } from '../../../keepers/agent/loop.ts'
import { KeeperMetrics } from '../../../keepers/agent/metrics.ts'
import { STATES, type StateName } from '../../../keepers/agent/states.ts'
import type { Clock } from '../../../keepers/chain/index.ts'

/** Time that passes only when the loop sleeps. */
class ManualClock implements Clock {
  time = 1_000_000
  onSleep: () => void | Promise<void> = () => undefined
  now(): number {
    return this.time
  }
  async sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    this.time += milliseconds
    await new Promise((done) => setImmediate(done))
    await this.onSleep()
  }
}

/** A chain of one service whose state a test sets, seen through the calls that the loop makes. */
export function stage() {
  const chain = {
    block: 1,
    state: 'Registration' as StateName,
    epoch: 1,
    round: 1,
    rolledBackTo: null as number | null,
    /** First letter of its blocks' hashes. */
    branch: 'a',
    /** Of the operator. */
    wei: 10n ** 18n,
    /** Unix seconds; 0: every block may have changed the state. */
    end: 0,
    seat: 1,
    /** Bitmap of the seats that have revealed in the round, and the seats whose events the logs have. */
    revealed: 0n,
    told: [] as number[],
    /** Transactions of which no log tells. */
    forged: [] as string[],
    /** The block that opened the epoch, and an event that only reading from its block on finds. */
    opened: 3,
    hidden: null as { readonly block: number; readonly seat: number } | null,
    /** Blocks whose events the next look finds. */
    events: 0,
    /** Names of events that the next look finds beside them. */
    acts: [] as string[],
    /** How often the state was read. */
    readings: 0,
    /** Seconds between blocks as the watch tells it, in milliseconds; and what it was asked for. */
    slot: 0,
    patience: [] as number[],
  }
  const failing: { look: unknown } = { look: null }
  const refuse: { reading: unknown } = { reading: null }
  const service = {
    snapshot: async () => {
      if (refuse.reading !== null) throw refuse.reading
      chain.readings += 1
      return {
        current: BigInt(STATES.indexOf(chain.state)),
        currentEpoch: BigInt(chain.epoch),
        currentRound: BigInt(chain.round),
        end: BigInt(chain.end),
        due: false,
        epoch: {
          epoch: BigInt(chain.epoch),
          members: 3n,
          decryptionThreshold: 2n,
          quorum: 2n,
          crsSeed: '0xaa',
          keyHash: '0x',
        },
        key: { committed: 0n, revealed: chain.state.startsWith('Key') ? chain.revealed : 0n, spoken: 0n },
        round: {
          round: BigInt(chain.round),
          committed: 0n,
          revealed: chain.revealed,
          included: 0n,
          drafted: 0n,
          shared: 0n,
          lateRound: 0n,
        },
        seated: 3n,
        seat: BigInt(chain.seat),
      }
    },
    runner: {
      provider: {
        getBlock: async (number = chain.block) => ({ number, timestamp: number, hash: `${chain.branch}${number}` }),
        getBalance: async () => chain.wei,
      },
    },
  }
  const reread: number[] = []
  const left: string[] = []
  const cursor = {
    position: 0,
    rereadFrom: (block: number) => {
      reread.push(block)
      if (chain.hidden !== null && block <= chain.hidden.block) chain.told.push(chain.hidden.seat)
    },
    step: async (patience = 0) => {
      if (failing.look !== null) throw failing.look
      chain.patience.push(patience)
      const { rolledBackTo } = chain
      chain.rolledBackTo = null
      const added = [...Array.from({ length: chain.events }, () => ''), ...chain.acts]
      chain.events = 0
      chain.acts = []
      const head = { number: chain.block, timestamp: chain.block, hash: `${chain.branch}${chain.block}` }
      return { added, rolledBackTo, head, caughtUp: true }
    },
  }
  const clock = new ManualClock()
  const stopping = new AbortController()
  const rebuilt = { times: 0 }
  const context = {
    config: { chain: { pollSeconds: 1 } },
    clock,
    stopping: stopping.signal,
    log: pino({ level: 'silent' }),
    metrics: new KeeperMetrics({ process: false }),
    plane: { connections: 0, relayedConnections: 0, dhtPeers: 0 },
    contracts: { service },
    operator: '0x',
    facts: {
      rebuild: () => rebuilt.times++,
      add: (names: readonly string[]) => names.filter((name) => name !== '').map((name) => ({ name, args: {} })),
      last: () => null,
      has: ({ hash }: { hash: string }) => !chain.forged.includes(hash),
      all: (name: string) => {
        if (name === 'EpochOpened') return [{ block: chain.opened }]
        return name.endsWith('Revealed') ? chain.told.map((seat) => ({ args: { seat } })) : []
      },
    },
    leaveEndpoint: (reason: string) => left.push(reason),
    model: { accepted: null },
    remembered: { reread: null },
  } as unknown as AgentContext
  const calls: string[] = []
  const behave = (
    name: StateName,
    body: (step: Step) => Promise<StepResult>,
  ): Partial<Record<StateName, Behaviour>> => ({
    [name]: (step: Step) => {
      calls.push(name)
      return body(step)
    },
  })
  const run = (behaviours: Partial<Record<StateName, Behaviour>>): { loop: AgentLoop; ended: Promise<void> } => {
    const heads = {
      get slot() {
        return chain.slot
      },
      wait: 0,
    }
    const loop = new AgentLoop(context, { cursor: cursor as never, heads }, behaviours)
    return { loop, ended: loop.run() }
  }
  return {
    chain,
    failing,
    refuse,
    clock,
    stopping,
    calls,
    behave,
    run,
    rebuilt,
    reread,
    left,
    metrics: context.metrics,
  }
}
