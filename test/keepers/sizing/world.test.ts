// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { Chain } from '../../../keepers/sizing/chain.ts'
import { type Link, lossyRate, Network, slowStart, wireBytes } from '../../../keepers/sizing/network.ts'
import { CHAINS, PROTOCOL } from '../../../keepers/sizing/presets.ts'
import { Processor } from '../../../keepers/sizing/processor.ts'
import { all, Condition, type Process, start, World } from '../../../keepers/sizing/world.ts'

const MBIT = 1e6
const wide = { delay: 10, up: 1e9, down: 1e9, loss: 0 }
/** Bits of a payload of so many bytes on the wire. */
const bitsOf = (bytes: number): number => 8 * wireBytes(bytes, 0)

/** When each process ends that begins at 0. */
function endsOf(world: World, processes: readonly Process[]): number[] {
  const ends = processes.map(() => Number.NaN)
  for (const [i, process] of processes.entries()) start(process, () => (ends[i] = world.now))
  world.run()
  return ends
}

describe('a simulated world', () => {
  it('runs events in the order of their times, and those of one time in the order in which they were set', () => {
    const world = new World()
    const order: string[] = []
    for (const [time, name] of [
      [2, 'c'],
      [1, 'a'],
      [1, 'b'],
      [3, 'd'],
    ] as const) {
      world.at(time, () => order.push(`${name} ${world.now}`))
    }
    world.run()
    expect(order).to.deep.equal(['a 1', 'b 1', 'c 2', 'd 3'])
  })

  it('has so many processes under way at a time, and their results in order', () => {
    const world = new World()
    let [now, most] = [0, 0]
    const one = (seconds: number) =>
      function* (): Process<number> {
        most = Math.max(most, ++now)
        yield* world.sleep(seconds)
        now--
        return seconds
      }
    let results: number[] = []
    start(all([3, 1, 2, 0, 1].map(one), 2), (found) => (results = found))
    world.run()
    expect({ results, most, end: world.now }).to.deep.equal({ results: [3, 1, 2, 0, 1], most: 2, end: 4 })
  })

  it('wakes those that wait for something when it is so, or when their time is over', () => {
    const world = new World()
    const changed = new Condition()
    let isSo = false
    const found: [boolean, number][] = []
    for (const until of [5, 1])
      start(
        changed.wait(world, () => isSo, until),
        (so) => found.push([so, world.now]),
      )
    world.at(2, () => changed.change())
    world.at(3, () => {
      isSo = true
      changed.change()
    })
    world.run()
    expect(found).to.deep.equal([
      [false, 1],
      [true, 3],
    ])
  })
})

describe('a simulated network', () => {
  const network = (world: World, links: readonly Link[]) => new Network(world, links, PROTOCOL)

  it('takes bytes over bandwidth for one transfer, by the slower of the two links', () => {
    const world = new World()
    const net = network(world, [
      { ...wide, up: 2 * MBIT },
      { ...wide, down: 8 * MBIT },
    ])
    const [end] = endsOf(world, [net.transfer(0, 1, 100_000)])
    expect(end).to.be.closeTo(bitsOf(100_000) / (2 * MBIT), 1e-9)
  })

  it('takes round trips, those of slow start, and bytes over bandwidth for an answer', () => {
    const world = new World()
    const net = network(world, [
      { ...wide, delay: 100 },
      { ...wide, delay: 25, up: 8 * MBIT },
    ])
    const roundTrip = 0.25
    // 14,480 bytes, then 28,960: two thirds of the third window.
    expect(slowStart(100_000, roundTrip, 8 * MBIT)).to.equal(2)
    const [end] = endsOf(world, [net.ask(0, 1, 100_000, 3)])
    expect(end).to.be.closeTo((3 + 2) * roundTrip + bitsOf(100_000 + PROTOCOL.askBytes) / (8 * MBIT), 1e-9)
  })

  it('gives each of k transfers over a link a k-th of it', () => {
    for (const k of [2, 7, 40]) {
      const world = new World()
      const net = network(world, [{ ...wide, up: 10 * MBIT }, ...Array.from({ length: k }, () => wide)])
      const ends = endsOf(
        world,
        Array.from({ length: k }, (_, i) => net.transfer(0, i + 1, 50_000)),
      )
      for (const end of ends) expect(end).to.be.closeTo((k * bitsOf(50_000)) / (10 * MBIT), 0.035 * ends[0]!)
    }
  })

  it('lets a long transfer go on faster when a short one is done', () => {
    const world = new World()
    const net = network(world, [wide, wide, { ...wide, down: 4 * MBIT }])
    const [short, long] = endsOf(world, [net.transfer(0, 2, 10_000), net.transfer(1, 2, 30_000)])
    expect(short).to.be.closeTo((2 * bitsOf(10_000)) / (4 * MBIT), 1e-9)
    expect(long).to.be.closeTo((bitsOf(10_000) + bitsOf(30_000)) / (4 * MBIT), 1e-9)
  })

  it('counts what a link carried, headers and what was lost included', () => {
    const world = new World()
    const lossy = { ...wide, loss: 0.05 }
    const net = network(world, [lossy, wide])
    endsOf(world, [net.transfer(0, 1, 14_480)])
    expect(net.carried(0).up).to.be.closeTo((14_480 + 66 * 10) / 0.95, 1e-6)
    expect(net.carried(1)).to.deep.equal({ up: 0, down: net.carried(0).up })
  })

  it('is held back by loss as Mathis and others say: 1.22 packets a round trip over √p', () => {
    expect(lossyRate(0.1, 0.01)).to.be.closeTo(((8 * 1448) / 0.1) * 12.247, 100)
    const world = new World()
    const net = network(world, [{ ...wide, loss: 0.01 }, wide])
    const [end] = endsOf(world, [net.transfer(0, 1, 100_000)])
    expect(end).to.be.closeTo((8 * wireBytes(100_000, 0.01)) / lossyRate(0.04, 0.01), 1e-9)
  })

  it('dials once, and again after a minute of silence', () => {
    const world = new World()
    const net = network(world, [wide, wide])
    const times: number[] = []
    start(
      (function* (): Process {
        for (const pause of [0, 59, 61]) {
          yield* world.sleep(pause)
          const before = world.now
          yield* net.connect(0, 1)
          times.push(world.now - before)
        }
      })(),
    )
    world.run()
    expect(times.map((time) => time > 0)).to.deep.equal([true, false, true])
    expect(times[0]).to.be.closeTo(PROTOCOL.dial * 0.04 + bitsOf(PROTOCOL.dialBytes) / 1e9, 1e-9)
  })
})

describe('a simulated processor', () => {
  it('gives no job more than a core, and shares what there is evenly', () => {
    const world = new World()
    const two = new Processor(world, 2)
    expect(endsOf(world, [two.work(3)])).to.deep.equal([3])
    const shared = new World()
    const machine = new Processor(shared, 2)
    // All four at half speed until the short ones are done at 2; then two cores for two.
    const ends = endsOf(
      shared,
      [1, 1, 3, 3].map((seconds) => machine.work(seconds)),
    )
    expect(ends).to.deep.equal([2, 2, 4, 4])
  })
})

describe('a simulated chain', () => {
  const terms = { ...CHAINS.ethereum, taken: 0, blockGas: 1_000_000 }
  const send = (world: World, chain: Chain, gas: number, at: number, seen: [number, number][]) =>
    (function* (): Process {
      yield* world.until(at)
      yield* chain.send(gas, () => seen.push([at, world.now]))
    })()

  it('includes a transaction in the next block, and never more gas than a block has, in the order of arrival', () => {
    const world = new World()
    const chain = new Chain(world, terms)
    const seen: [number, number][] = []
    endsOf(
      world,
      [1, 2, 3, 4, 5].map((at) => send(world, chain, 400_000, at, seen)),
    )
    expect(seen).to.deep.equal([
      [1, 12],
      [2, 12],
      [3, 24],
      [4, 24],
      [5, 36],
    ])
  })

  it('has less room when others take a part, and when several services do the same', () => {
    for (const [changes, blocks] of [
      [{ taken: 0.6 }, 10],
      [{ services: 2 }, 10],
      [{ services: 1 }, 5],
    ] as const) {
      const world = new World()
      const chain = new Chain(world, { ...terms, ...changes })
      endsOf(
        world,
        Array.from({ length: 10 }, () => send(world, chain, 400_000, 0, [])),
      )
      expect(chain.blocks, JSON.stringify(changes)).to.equal(blocks)
    }
  })
})
