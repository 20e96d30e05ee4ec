// SPDX-License-Identifier: GPL-3.0-or-later
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Step } from '../../../keepers/agent/context.ts'
import type { Fact } from '../../../keepers/agent/facts.ts'
import { encodeAddress, PeerBook } from '../../../keepers/agent/peers.ts'
import { isKeyBroken, noteLostRound } from '../../../keepers/agent/steps/key-health.ts'
import { pokeInTurn } from '../../../keepers/agent/steps/poke.ts'
import { hasLeft, notePutOut } from '../../../keepers/agent/steps/seat.ts'
import { FheError } from '../../../keepers/fhe/index.ts'
import { KeeperStore } from '../../../keepers/store/index.ts'

/** Facts from a list, as the class gives them. */
function factsOf(list: Fact[]) {
  const all = (name: string, match: Record<string, unknown> = {}) =>
    list.filter((fact) => fact.name === name && Object.entries(match).every(([key, value]) => fact.args[key] === value))
  return { all, last: (name: string, match?: Record<string, unknown>) => all(name, match).at(-1) ?? null }
}

describe('a key that does not decrypt', () => {
  let folder: string
  let store: KeeperStore
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-health-'))
    const binding = { chainId: 1n, service: '0x1', operator: '0x2' }
    store = KeeperStore.open({ folder, passphrase: 'p', binding, log2N: 10 })
  })
  afterEach(() => {
    store.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const opened: Fact = { name: 'EpochOpened', block: 50, blockHash: '0x', args: { epoch: 2 } }
  const step = (round: number, facts: Fact[] = [opened]): Step =>
    ({
      context: { store, facts: factsOf(facts) },
      snapshot: { round, epoch: 2, epochInfo: { epoch: 2, crsSeed: '0x5e' } },
    }) as unknown as Step
  const lost = new FheError('integrity-failed', 'not a sum')

  it('is given up after two rounds that nothing came of, and not after one', () => {
    noteLostRound(step(5), lost)
    noteLostRound(step(5), lost)
    expect(isKeyBroken(step(6))).to.equal(false)
    noteLostRound(step(6), lost)
    expect(isKeyBroken(step(7))).to.equal(true)
  })

  it('is kept when a round of its epoch has succeeded, whatever came before the epoch', () => {
    for (const round of [5, 6]) noteLostRound(step(round), lost)
    const before: Fact = { name: 'UpdateCompleted', block: 40, blockHash: '0x', args: { round: 3 } }
    const since: Fact = { name: 'UpdateCompleted', block: 60, blockHash: '0x', args: { round: 4 } }
    expect(isKeyBroken(step(7, [opened, before]))).to.equal(true)
    expect(isKeyBroken(step(7, [opened, since]))).to.equal(false)
  })

  it('is not blamed for a share that is malformed or missing', () => {
    for (const round of [5, 6, 7]) {
      noteLostRound(step(round), new FheError('bad-magic', 'rubbish'))
      noteLostRound(step(round), new Error('timeout'))
    }
    expect(isKeyBroken(step(8))).to.equal(false)
  })
})

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

describe('recording what is due', () => {
  it('is one keeper`s turn first, and everybody`s in the end', async () => {
    const pokes: number[][] = [[], [], []]
    const contexts = [0, 1, 2].map(() => ({ facts: factsOf([]) }))
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

describe('addresses of peers', () => {
  it('are looked up once a minute, the announcing seat first, without ourselves and without rubbish', async () => {
    const peer = '12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp'
    let time = 0
    let asked = 0
    const service = { seatInfo: async (seat: number) => ({ keeper: `keeper ${seat}` }) }
    const registry = {
      keeperOf: async (keeper: string) => {
        asked++
        const seat = Number(keeper.split(' ')[1])
        return { multiaddr: seat === 3 ? '0xdead' : encodeAddress(`/ip4/127.0.0.1/tcp/${4000 + seat}/p2p/${peer}`) }
      },
    }
    const clock = { now: () => time, sleep: async () => undefined }
    const book = new PeerBook(service as never, registry as never, clock)
    const ports = async () =>
      (await book.providers(2, [0, 1, 2, 3], 1)).map((address) => Number(/tcp\/(\d+)/.exec(address)![1]))
    expect(await ports()).to.deep.equal([4002, 4000])
    expect(asked).to.equal(3)
    await ports()
    expect(asked).to.equal(3)
    time += 61_000
    await ports()
    expect(asked).to.equal(6)
    book.refresh()
    await ports()
    expect(asked).to.equal(9)
  })
})
