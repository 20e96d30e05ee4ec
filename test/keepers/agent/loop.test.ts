// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import type { Step, StepResult } from '../../../keepers/agent/context.ts'
import { ChainError } from '../../../keepers/chain/index.ts'
import { stage } from './loop-stage.ts'

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
        onConfirmed?.({ blockNumber: chain.block + 2, blockHash: `${chain.branch}${chain.block + 2}`, hash: '0x1' })
        return 'done'
      }
      await run(behave('Reveal', reveal)).ended
      expect(calls, `on branch ${branch}`).to.have.length(times)
      const { values } = await metrics.errors.get()
      const reorganised = values.find(({ labels }) => labels.code === 'REORGANISED')
      expect(reorganised?.value).to.equal(times - 1)
    }
  })

  it('acts again, by another endpoint, when a receipt is of a transaction that left no event', async () => {
    const { chain, clock, stopping, calls, behave, run, left } = stage()
    chain.state = 'Decrypt'
    chain.forged = ['0xfa15e']
    clock.onSleep = () => {
      chain.block++
      if (clock.time > 1_010_000) stopping.abort()
    }
    // Of a block that is on the chain: the first endpoint lies once, and the second one has the true receipt.
    const share = async ({ onConfirmed }: Step): Promise<StepResult> => {
      const hash = left.length === 0 ? '0xfa15e' : '0x70e'
      onConfirmed?.({ blockNumber: chain.block, blockHash: `${chain.branch}${chain.block}`, hash })
      return 'done'
    }
    await run(behave('Decrypt', share)).ended
    expect(calls).to.deep.equal(['Decrypt', 'Decrypt'])
    expect(left).to.deep.equal(['a receipt of a transaction that left no event'])
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

  it('reads no state after acts of members while its behaviour is at work or done, and before it calls it again', async () => {
    const { chain, clock, stopping, behave, run } = stage()
    chain.state = 'Training'
    chain.end = 1_000
    const work = Promise.withResolvers<StepResult>()
    const seen: bigint[] = []
    const readings: number[] = []
    clock.onSleep = () => {
      readings.push(chain.readings)
      chain.block++
      if (chain.block === 3 || chain.block === 4) chain.acts = ['UpdateCommitted', 'UpdateCommitted']
      if (chain.block === 5) {
        chain.revealed = 0b10n
        chain.told = [1]
        work.resolve('again')
      }
      if (chain.block === 8) chain.acts = ['UpdateCommitted']
      if (chain.block === 10) chain.acts = ['UpdateCommitted', 'Transitioned']
      if (chain.block === 11) chain.acts = ['ModelVoted']
      if (chain.block === 25) stopping.abort()
    }
    const train = async ({ snapshot }: Step): Promise<StepResult> => {
      seen.push(snapshot.roundInfo.revealed)
      return seen.length === 1 ? work.promise : 'done'
    }
    await run(behave('Training', train)).ended
    // At the end of the work; at once for the end of a state; within ten seconds for an act that nobody waits for.
    expect(readings).to.deep.equal([
      ...Array(4).fill(1),
      ...Array(5).fill(2),
      ...Array(10).fill(3),
      ...Array(5).fill(4),
    ])
    expect(seen).to.deep.equal([0n, 0b10n])
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
    // From the first block after the last that was whole, then from the epoch's, every five seconds, and no more once all are told.
    expect(reread).to.deep.equal([4, 3, 3, 3])
    expect(left).to.deep.equal(Array(4).fill('no log of UpdateRevealed, which the state knows of'))
    expect(looks.at(-1)).to.equal(looks.at(-15))
    const { values } = await metrics.errors.get()
    expect(values.find(({ labels }) => labels.code === 'LOGS_MISSING')?.value).to.equal(4)
  })

  it('finds what an endpoint hid from state and logs alike, once another one has the word', async () => {
    const { chain, clock, stopping, behave, run, reread } = stage()
    chain.state = 'KeyConfirm'
    chain.opened = 5
    chain.block = 10
    // In block 12: the endpoint in use until block 30 tells of it neither in the state nor in a log.
    chain.hidden = { block: 12, seat: 2 }
    let silentAt = 0
    clock.onSleep = () => {
      chain.block++
      chain.events = 1
      if (chain.block === 30) chain.revealed = 0b100n
      if (chain.block > 30 && !chain.told.includes(2)) silentAt = chain.block
      if (chain.block === 60) stopping.abort()
    }
    await run(behave('KeyConfirm', async () => 'again')).ended
    expect(reread[0]).to.equal(30)
    expect(reread.slice(1)).to.deep.equal([5])
    expect(silentAt).to.be.below(40)
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

  it('collects its garbage in a new round, where Node lets it and there is some', async () => {
    const { chain, clock, stopping, behave, run } = stage()
    const given = globalThis.gc
    let collections = 0
    const seen: number[] = []
    const held: Uint8Array[] = []
    globalThis.gc = (async () => void collections++) as NonNullable<typeof given>
    try {
      clock.onSleep = () => {
        seen.push(collections)
        chain.block++
        if (seen.length === 3 || seen.length === 6) chain.round++
        if (seen.length === 6) held.push(new Uint8Array(32 << 20))
        if (seen.length === 8) stopping.abort()
      }
      await run(behave('Registration', async () => 'done')).ended
    } finally {
      globalThis.gc = given
    }
    expect(seen).to.deep.equal([1, 1, 1, 1, 1, 1, 2, 2])
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
