// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { pino } from 'pino'
import type { AgentContext, Behaviour, Step, StepResult } from '../../../keepers/agent/context.ts'
import { AgentLoop } from '../../../keepers/agent/loop.ts'
import { KeeperMetrics } from '../../../keepers/agent/metrics.ts'
import { STATES, type StateName } from '../../../keepers/agent/states.ts'
import { ChainError, type Clock } from '../../../keepers/chain/index.ts'

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
function stage() {
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
    /** Blocks whose events the next look finds. */
    events: 0,
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
        key: { committed: 0n, revealed: 0n, spoken: 0n },
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
    rereadFrom: (block: number) => reread.push(block),
    step: async (patience = 0) => {
      if (failing.look !== null) throw failing.look
      chain.patience.push(patience)
      const { rolledBackTo } = chain
      chain.rolledBackTo = null
      const added = Array.from({ length: chain.events })
      chain.events = 0
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
      add: () => [],
      last: () => null,
      all: (name: string) => (name === 'UpdateRevealed' ? chain.told.map((seat) => ({ args: { seat } })) : []),
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

describe('agent loop', () => {
  it('calls the behaviour of the state until it is done, and not again', async () => {
    const { chain, clock, stopping, calls, behave, run } = stage()
    chain.state = 'Reveal'
    let left = 3
    clock.onSleep = () => {
      chain.block++
      if (clock.time > 1_020_000) stopping.abort()
    }
    await run(behave('Reveal', async () => (--left === 0 ? 'done' : 'again'))).ended
    expect(calls).to.deep.equal(['Reveal', 'Reveal', 'Reveal'])
  })

  it('acts again when its transaction was in a block that is gone before the cursor came to it', async () => {
    for (const [branch, times] of [
      ['a', 1],
      ['b', 2],
    ] as const) {
      const { chain, clock, stopping, calls, behave, run, metrics } = stage()
      chain.state = 'Reveal'
      clock.onSleep = () => {
        // The chain goes on from the block before, which is all that the cursor has seen.
        chain.branch = branch
        chain.block++
        if (clock.time > 1_010_000) stopping.abort()
      }
      const reveal = async ({ onConfirmed }: Step): Promise<StepResult> => {
        onConfirmed?.({ blockNumber: chain.block + 2, blockHash: `${chain.branch}${chain.block + 2}` })
        return 'done'
      }
      await run(behave('Reveal', reveal)).ended
      expect(calls, `on branch ${branch}`).to.have.length(times)
      const { values } = await metrics.errors.get()
      const reorganised = values.find(({ labels }) => labels.code === 'REORGANISED')
      expect(reorganised?.value).to.equal(times - 1)
    }
  })

  it('reads the state when an event, a deadline or a minute may have changed it, and then alone', async () => {
    const { chain, clock, stopping, behave, run } = stage()
    chain.end = 200
    const readings: number[] = []
    clock.onSleep = () => {
      readings.push(chain.readings)
      chain.block += 10
      if (chain.block === 31) chain.events = 1
      if (chain.block === 211) stopping.abort()
    }
    const { loop, ended } = run(behave('Registration', async () => 'done'))
    await ended
    // By blocks of ten seconds: the first one, an event at 31, a minute after it twice, the end at 200.
    expect(readings).to.deep.equal([1, 1, 1, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4, 5])
    expect(loop.snapshot).to.include({ block: 201, time: 201 })
    expect(loop.seat).to.equal(1)
  })

  it('reads events again, elsewhere, when the state counts some that no log tells, until they are there', async () => {
    const { chain, clock, stopping, behave, run, reread, left, metrics } = stage()
    chain.state = 'Aggregate'
    const looks: number[] = []
    clock.onSleep = () => {
      chain.block++
      chain.events = 1
      if (chain.block === 4) chain.revealed = 0b110n
      if (chain.block === 6) chain.told = [1]
      if (chain.block === 20) chain.told = [1, 2]
      looks.push(reread.length)
      if (chain.block === 40) stopping.abort()
    }
    await run(behave('Aggregate', async () => 'again')).ended
    // From the first block after the last that was whole, every five seconds, and no more once all are told.
    expect(reread).to.deep.equal([4, 4, 4, 4])
    expect(left).to.deep.equal(Array(4).fill('no log of UpdateRevealed, which the state knows of'))
    expect(looks.at(-1)).to.equal(looks.at(-15))
    const { values } = await metrics.errors.get()
    expect(values.find(({ labels }) => labels.code === 'LOGS_MISSING')?.value).to.equal(4)
  })

  it('reads the state that an event changed, also when the first reading failed', async () => {
    const { chain, clock, stopping, calls, behave, run, refuse } = stage()
    chain.end = 200
    clock.onSleep = () => {
      chain.block += 1
      if (chain.block === 11) {
        // KeyCommit opens; the endpoint answers the question for the logs, and not the one for the state.
        chain.state = 'KeyCommit'
        chain.events = 1
        refuse.reading = new ChainError('UNKNOWN' as never, 'HTTP 502')
      } else refuse.reading = null
      if (chain.block === 50) stopping.abort()
    }
    const { ended } = run({ ...behave('Registration', async () => 'done'), ...behave('KeyCommit', async () => 'done') })
    await ended
    expect(calls).to.include('KeyCommit')
  })

  it('looks at blocks some at a time where nothing happens, and in time for the end of a window', async () => {
    const { chain, clock, stopping, behave, run } = stage()
    chain.slot = 12_000
    chain.events = 1
    chain.end = 390
    clock.onSleep = () => {
      chain.block += 12
      if (chain.block > 400) stopping.abort()
    }
    await run(behave('Registration', async () => 'done')).ended
    expect(chain.patience.slice(0, 26).every((patience) => patience === 0)).to.equal(true)
    expect(chain.patience.slice(26, 31)).to.deep.equal([30_000, 30_000, 30_000, 30_000, 30_000])
    expect(chain.patience.slice(-2)).to.deep.equal([17_000, 5_000])
  })

  it('has no seat when the chain says so', async () => {
    const { chain, clock, stopping, behave, run } = stage()
    chain.seat = 0xffff
    clock.onSleep = () => stopping.abort()
    const { loop, ended } = run(behave('Registration', async () => 'done'))
    await ended
    expect(loop.seat).to.equal(null)
  })

  it('shows what the operator has left for gas, anew in each round', async () => {
    const { chain, clock, stopping, behave, run, metrics } = stage()
    const seen: number[] = []
    clock.onSleep = async () => {
      seen.push((await metrics.balance.get()).values[0]!.value)
      chain.block++
      chain.wei -= 10n ** 17n
      if (seen.length === 3) chain.round++
      if (seen.length === 5) stopping.abort()
    }
    await run(behave('Registration', async () => 'done')).ended
    expect(seen).to.deep.equal([1, 1, 1, 0.7, 0.7])
  })

  it('collects its garbage once a round, where Node lets it', async () => {
    const { chain, clock, stopping, behave, run } = stage()
    const given = globalThis.gc
    let collections = 0
    const seen: number[] = []
    globalThis.gc = (async () => void collections++) as NonNullable<typeof given>
    try {
      clock.onSleep = () => {
        seen.push(collections)
        chain.block++
        if (seen.length === 3) chain.round++
        if (seen.length === 5) stopping.abort()
      }
      await run(behave('Registration', async () => 'done')).ended
    } finally {
      globalThis.gc = given
    }
    expect(seen).to.deep.equal([1, 1, 1, 2, 2])
  })

  it('ends what a state left running when the state is over, before the next one acts', async () => {
    const { chain, clock, stopping, calls, behave, run } = stage()
    chain.state = 'Training'
    const order: string[] = []
    const behaviours = {
      ...behave('Training', async ({ signal }) => {
        await new Promise((done) => signal.addEventListener('abort', done))
        order.push('training aborted')
        return 'again'
      }),
      ...behave('Reveal', async () => {
        order.push('reveal')
        return 'done'
      }),
    }
    clock.onSleep = () => {
      chain.block++
      if (clock.time > 1_003_000) chain.state = 'Reveal'
      if (clock.time > 1_010_000) stopping.abort()
    }
    await run(behaviours).ended
    expect(calls).to.deep.equal(['Training', 'Reveal'])
    expect(order).to.deep.equal(['training aborted', 'reveal'])
  })

  it('keeps looking at the chain while a behaviour works for long', async () => {
    const { chain, clock, stopping, behave, run } = stage()
    chain.state = 'Training'
    const { loop, ended } = run(
      behave('Training', async ({ signal }) => {
        await new Promise((done) => signal.addEventListener('abort', done))
        return 'again'
      }),
    )
    clock.onSleep = () => {
      chain.block++
      if (chain.block > 20) stopping.abort()
    }
    await ended
    expect(loop.snapshot!.block).to.be.at.least(19)
  })

  it('spaces out what keeps failing', async () => {
    const { chain, clock, stopping, calls, behave, run } = stage()
    chain.state = 'Vote'
    clock.onSleep = () => {
      if (clock.time > 1_120_000) stopping.abort()
    }
    const { loop, ended } = run(behave('Vote', async () => Promise.reject(new Error('no luck'))))
    await ended
    expect(calls.length).to.be.within(4, 12)
    expect(loop.lastError).to.equal('no luck')
  })

  it('acts again in the same state after a reorganisation', async () => {
    const { chain, clock, stopping, calls, behave, run, rebuilt } = stage()
    chain.state = 'Reveal'
    clock.onSleep = () => {
      chain.block++
      if (clock.time === 1_005_000) chain.rolledBackTo = 1
      if (clock.time > 1_012_000) stopping.abort()
    }
    await run(behave('Reveal', async () => 'done')).ended
    expect(calls).to.deep.equal(['Reveal', 'Reveal'])
    expect(rebuilt.times).to.equal(1)
  })

  it('reads events again that an endpoint was outvoted on', async () => {
    const { chain, clock, stopping, behave, run, rebuilt, reread } = stage()
    chain.state = 'Reveal'
    clock.onSleep = () => {
      if (clock.time > 1_012_000) stopping.abort()
    }
    await run(
      behave('Reveal', async ({ context }) => {
        context.remembered.reread = 7
        return 'done'
      }),
    ).ended
    expect(reread).to.deep.equal([7])
    expect(rebuilt.times).to.equal(1)
    expect(chain.readings).to.equal(2)
  })

  it('goes on after errors that pass, and ends on those that do not', async () => {
    const { failing, clock, run, behave } = stage()
    failing.look = new Error('a hiccup')
    clock.onSleep = () => {
      if (clock.time > 1_010_000) failing.look = new ChainError('FOREIGN_TRANSACTION', 'two of us')
    }
    const { loop, ended } = run(behave('Registration', async () => 'again'))
    const error = await ended.then(
      () => null,
      (caught: ChainError) => caught,
    )
    expect(error?.code).to.equal('FOREIGN_TRANSACTION')
    expect(loop.lastError).to.equal('two of us')
  })
})
