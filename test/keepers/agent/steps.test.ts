// SPDX-License-Identifier: GPL-3.0-or-later
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { ZeroAddress } from 'ethers'
import type { Step } from '../../../keepers/agent/context.ts'
import type { Fact } from '../../../keepers/agent/facts.ts'
import { pokeInTurn } from '../../../keepers/agent/steps/poke.ts'
import { ensureSeat, hasLeft, notePutOut } from '../../../keepers/agent/steps/seat.ts'
import { RevertError } from '../../../keepers/chain/index.ts'
import { KeeperStore } from '../../../keepers/store/index.ts'
import { factsOf } from './round-stage.ts'

describe('a seat that is gone', () => {
  let folder: string
  let store: KeeperStore
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-seat-'))
    const binding = { chainId: 1n, service: '0x1', operator: '0x2' }
    store = KeeperStore.open({ folder, passphrase: 'p', binding, log2N: 10 })
  })
  afterEach(() => {
    store.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const at = (block: number, name: string, keeper = '0xme'): Fact => ({
    name,
    block,
    blockHash: '0x',
    args: { keeper },
  })
  const left = (...facts: Fact[]): boolean =>
    hasLeft({ context: { store, facts: factsOf(facts) } } as unknown as Pick<Step, 'context'>, '0xme')

  it('is not taken again by a keeper that gave it up, also when the events are forgotten', () => {
    expect(left(at(5, 'Joined'))).to.equal(false)
    expect(left(at(5, 'Joined'), at(9, 'Left', '0xother'))).to.equal(false)
    expect(left(at(5, 'Joined'), at(9, 'Left'))).to.equal(true)
    expect(left()).to.equal(true)
  })

  it('is the owner`s to take again', () => {
    expect(left(at(5, 'Joined'), at(9, 'Left'))).to.equal(true)
    expect(left(at(12, 'Joined'))).to.equal(false)
  })

  it('is taken again by a keeper that lost it: dropped for its silence, or struck out', () => {
    expect(left()).to.equal(false)
    expect(left(at(5, 'Joined'), at(9, 'Dropped'), at(9, 'Left'))).to.equal(false)
    expect(left(at(5, 'Joined'), at(7, 'StruckOut'), at(9, 'Left'))).to.equal(false)
    expect(left(at(5, 'Dropped'), at(5, 'Left'), at(7, 'Joined'), at(9, 'Left'))).to.equal(true)
  })

  it('is remembered as lost when the event that says so is forgotten before the epoch ends', () => {
    notePutOut({ store }, 7)
    expect(left(at(5, 'Joined'), at(9, 'Left'))).to.equal(false)
    expect(left(at(11, 'Joined'), at(13, 'Left'))).to.equal(true)
  })
})

describe('a seat that is not to be had yet', () => {
  const join = async (error: string): Promise<string[]> => {
    const warned: string[] = []
    const context = {
      contracts: {
        registry: { ownerOfOperator: async () => `0x${'a1'.repeat(20)}` },
        service: { parameters: async () => ({ admission: ZeroAddress }) },
      },
      remembered: {},
      store: { getRecord: () => null },
      facts: factsOf([]),
      clock: { now: () => 0 },
      queue: { send: () => Promise.reject(new RevertError('join', error, {}, '0x', null)) },
      metrics: { errors: { inc: () => undefined } },
      log: { debug: () => undefined, warn: ({ event }: { event: string }) => warned.push(event) },
      config: { chain: { pollSeconds: 1 } },
      stopping: new AbortController().signal,
    }
    const step = { context, snapshot: { epoch: 1, round: 1 }, seat: null, signal: new AbortController().signal }
    await ensureSeat(step as unknown as Step)
    return warned
  }

  it('is waited for: until there is room, until the owner lets the service, until its admission does', async () => {
    const waits = ['ServiceFull', 'NotOptedIn', 'NotAdmitted', 'PartyFull']
    for (const error of waits) expect(await join(error), error).to.deep.equal(['no seat'])
    expect(await join('KeeperIsBanned').catch((error: RevertError) => error.error)).to.equal('KeeperIsBanned')
  })
})

describe('recording what is due', () => {
  it('is one keeper`s turn first, and everybody`s in the end', async () => {
    const pokes: number[][] = [[], [], []]
    const contexts = [0, 1, 2].map(() => ({
      facts: factsOf([]),
      remembered: { reread: null, parameters: null, due: null, final: null },
    }))
    for (let time = 100; time <= 112; time++) {
      for (const seat of [0, 1, 2]) {
        const snapshot = { time, seated: 0b111n, epoch: 1, round: 0 }
        const step = { context: contexts[seat], snapshot, seat } as unknown as Step
        await pokeInTurn(step, async () => {
          pokes[seat]!.push(time)
          return true
        })
      }
    }
    const firsts = pokes.map((times) => times[0]!)
    expect(new Set(firsts).size).to.equal(3)
    for (const first of firsts) expect(first).to.be.within(100, 110)
  })
})
