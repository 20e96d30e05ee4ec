// SPDX-License-Identifier: GPL-3.0-or-later
import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { sliceCount } from '../../../keepers/fhe/index.ts'
import { encodeBlob } from '../../../keepers/network/file-format.ts'
import { leanLinks } from '../../../keepers/network/lean-links.ts'
import {
  CHAINS,
  messagesOf,
  NETWORKS,
  parseServiceSettings,
  roundGas,
  type ServiceSettings,
  SizingError,
  serviceChart,
  serviceCsv,
  simulateService,
  WINDOWS,
} from '../../../keepers/sizing/index.ts'
import { planFor, USUAL_TERMS } from '../../../keepers/versions/index.ts'

const planOf = (members: number, vectorLength = 2_410) =>
  planFor({
    ...{ members, threshold: Math.floor(members / 2) + 1, decryptionsPerKey: 32, vectorLength },
    terms: { ...USUAL_TERMS, minTotalSamples: 100 * members },
  })
const quick = { network: NETWORKS.datacentre, chain: CHAINS.second, trainingSeconds: 1, rounds: 2 } as const

describe('rounds of a simulated service', () => {
  it('fetch what the encryption’s plan counts, on the full path: every other update and share', () => {
    for (const keepers of [4, 8, 16, 48]) {
      const { rounds, threshold } = simulateService({ ...quick, keepers, parameters: 2_410, rounds: 1 })
      const { bytes } = planOf(keepers)
      const { fetched, served } = rounds[0]!
      // A drafted keeper has its own share: threshold of n do.
      const shares = threshold - threshold / keepers
      expect(fetched.mean, `${keepers}`).to.be.closeTo((keepers - 1) * bytes.update + shares * bytes.decryptionShare, 1)
      expect(served.mean).to.equal(fetched.mean)
      expect(fetched.most).to.equal((keepers - 1) * bytes.update + threshold * bytes.decryptionShare)
    }
  })

  it('fetch what decision 0010 counts', () => {
    const text = readFileSync(new URL('../../../docs/adr/0010-slices.md', import.meta.url), 'utf8')
    const bytesIn = (cell: string): number => Number.parseFloat(cell) * (cell.includes('MB') ? 1e6 : 1e3)
    // Beyond 144 members there are fewer slices than a third of them, so that the table counts more links than the mean keeper fetches.
    const rows = [...text.matchAll(/^\| (\d+) \| (\d+) \| ([\d.]+ [kM]B) \| ([\d.]+ [kM]B)[^|]*\| \d+/gm)].filter(
      ([, n]) => Number(n) <= 144,
    )
    expect(rows.map(([, n]) => Number(n))).to.deep.equal([8, 16, 48])
    for (const [, n, t, full, bySlices] of rows) {
      const keepers = Number(n)
      const { bytes } = planOf(keepers)
      // The table counts a keeper's own messages, and slices that it added up itself, which travel nowhere.
      expect(keepers * bytes.update + Number(t) * bytes.decryptionShare, `${n}`).to.be.closeTo(
        bytesIn(full!),
        0.04 * bytesIn(full!),
      )
      const { rounds, threshold } = simulateService({ ...quick, keepers, parameters: 2_410, slices: true, rounds: 1 })
      expect(threshold).to.equal(Number(t))
      expect(rounds[0]!.sliced).to.equal(1)
      const parts = messagesOf(planOf(keepers), true).slices
      const sums = parts.reduce((sum, part) => sum + 2 * part.sum + (1 + threshold / keepers) * part.update, 0)
      const own = (3 / keepers) * sums
      expect(rounds[0]!.fetched.mean + own).to.be.closeTo(bytesIn(bySlices!), 0.05 * bytesIn(bySlices!))
    }
  })

  it('count the roots of blobs as the data plane writes them', async () => {
    const plan = planOf(48)
    const { update } = messagesOf(plan, true)
    const [whole, part] = [update.asked!.whole, update.asked!.part]
    const cuts = Array.from({ length: sliceCount(plan) }, (_, i) => 148 + i * 900)
    const { blocks } = await encodeBlob(new Uint8Array(update.bytes).fill(1), [...cuts, cuts.at(-1)! + 900])
    const DAG_PB = 0x70
    const nodes = blocks.filter(({ cid }) => cid.code === DAG_PB)
    expect(nodes.reduce((sum, { bytes }) => sum + bytes.length, 0)).to.be.closeTo(update.root, 0.03 * update.root)
    // In an answer each item has its length before it.
    const items = (of: typeof blocks): number => of.reduce((sum, { bytes }) => sum + 4 + leanLinks(bytes).length, 0)
    expect(items([nodes[0]!, nodes.at(-1)!]) + 4).to.be.closeTo(part, 0.05 * part)
    expect(items(blocks) - update.bytes).to.be.closeTo(whole, 0.05 * whole)
  })

  it('are the same for the same seed, and others for another', () => {
    const play = (seed: number) => {
      const settings = { ...quick, keepers: 12, slices: true, faults: { killed: 0.1, lying: 0.1, slow: 0.1 }, seed }
      return serviceCsv([simulateService(settings)])
    }
    expect(play(3)).to.equal(play(3))
    expect(play(3)).not.to.equal(play(4))
  })

  it('take the gas of snapshots/rounds.json', () => {
    for (const keepers of [4, 10, 64] as const) {
      const snapshot = JSON.parse(readFileSync(new URL('../../../snapshots/rounds.json', import.meta.url), 'utf8'))
      const { rounds } = simulateService({ ...quick, keepers, rounds: 1 })
      const expected = keepers * snapshot[`keepers-${keepers}`]['member.mean']
      expect(rounds[0]!.roundGas).to.be.closeTo(expected, 0.05 * expected)
      expect(roundGas(keepers, 1).round).to.be.closeTo(expected, 1)
    }
  })

  it('wait for the block, a block deep enough for shares, and blocks full of their transactions', () => {
    const seconds = (chain: Partial<ServiceSettings['chain']>) =>
      simulateService({ ...quick, keepers: 10, chain: { ...CHAINS.ethereum, ...chain } }).rounds[1]!.seconds
    expect(seconds({ finalitySeconds: 780 }) - seconds({})).to.be.closeTo(780 - 2 * 12, 12)
    // Eight services that do the same at the same time: room for two keepers of each in a block.
    expect(seconds({ blockGas: 2_000_000, services: 8 })).to.be.greaterThan(seconds({}) + 4 * 3 * 12)
  })
})

describe('faults of a simulated service', () => {
  it('cost a window for a keeper that is killed, once, and no more rounds', () => {
    const { rounds } = simulateService({ ...quick, keepers: 10, rounds: 4, faults: { killed: 0.1, lying: 0, slow: 0 } })
    const windows = WINDOWS.sepolia
    expect(rounds[0]!.seconds).to.be.greaterThan(0.4 * windows.reveal)
    expect(rounds.at(-1)!).to.include({ lost: false })
    expect(rounds.at(-1)!.seconds).to.be.lessThan(100)
  })

  it('end the service when more than a third are killed', () => {
    const { rounds } = simulateService({ ...quick, keepers: 9, rounds: 3, faults: { killed: 0.5, lying: 0, slow: 0 } })
    expect(rounds.at(-1)!.lost).to.equal(true)
  })

  it('send everybody to the full path for a false sum of a slice, and then nobody hears its author', () => {
    const { rounds } = simulateService({
      ...{ ...quick, keepers: 24, rounds: 4, slices: true },
      faults: { killed: 0, lying: 1 / 24, slow: 0 },
    })
    expect(rounds[0]!.sliced).to.be.lessThan(0.6)
    expect(rounds.at(-1)!.sliced).to.equal(1)
    expect(rounds[0]!.fetched.mean).to.be.greaterThan(2 * rounds.at(-1)!.fetched.mean)
  })

  it('let the others wait for a slow keeper’s link', () => {
    const of = (slow: number) =>
      simulateService({ ...quick, keepers: 10, network: NETWORKS.poor, faults: { killed: 0, lying: 0, slow } })
    expect(of(0.1).rounds[1]!.phases.aggregate).to.be.greaterThan(of(0).rounds[1]!.phases.aggregate + 5)
  })
})

describe('a simulated service with a buffer', () => {
  const straggling = {
    ...quick,
    keepers: 8,
    rounds: 20,
    trainingSeconds: 60,
    faults: { killed: 0, lying: 0, slow: 1 / 8 },
  }
  const seconds = ({ rounds }: ReturnType<typeof simulateService>, index = 1) => rounds[index]!.seconds

  it('does not wait for a slow keeper, which the same service without one does', () => {
    const waiting = simulateService({ ...straggling, rounds: 3 })
    const buffered = simulateService({ ...straggling, buffer: 7, maxStaleness: 7 })
    const healthy = simulateService({ ...straggling, rounds: 3, faults: { killed: 0, lying: 0, slow: 0 } })
    expect(seconds(waiting)).to.be.greaterThan(600)
    expect(seconds(buffered)).to.be.lessThan(1.1 * seconds(healthy))
    expect(buffered.rounds.every(({ lost, updates }) => !lost && updates === 7)).to.equal(true)
  })

  it('has the slow keeper’s updates in later rounds, as far as they are not too far behind', () => {
    const stale = (maxStaleness: number) =>
      simulateService({ ...straggling, buffer: 7, maxStaleness }).rounds.reduce((sum, round) => sum + round.stale, 0)
    // It trains for ten minutes, which are eight or nine rounds of the others.
    expect(stale(7)).to.be.greaterThan(0)
    expect(stale(1)).to.be.lessThan(stale(7))
  })

  it('brings what came too late for a full buffer to the next round, from the fast as well', () => {
    const { rounds } = simulateService({
      ...straggling,
      buffer: 6,
      maxStaleness: 2,
      faults: { killed: 0, lying: 0, slow: 0 },
    })
    expect(rounds[0]!.stale).to.equal(0)
    for (const { updates, stale } of rounds.slice(2)) expect([updates, stale]).to.deep.equal([6, 2])
  })
})

describe('settings of a simulated service', () => {
  it('are refused with the field, its value and the fix', () => {
    const refused = (settings: Parameters<typeof parseServiceSettings>[0], text: RegExp) =>
      expect(() => parseServiceSettings(settings)).to.throw(SizingError, text)
    refused({ keepers: 1_024 }, /keepers: a service has 256 seats/)
    refused({ keepers: 8, buffer: 9, maxStaleness: 1 }, /buffer: 9 updates of 8 keepers/)
    refused({ keepers: 8, buffer: 6 }, /maxStaleness: 0 with a buffer of 6/)
    refused({ keepers: 8, faults: { killed: 0.5, lying: 0.5, slow: 0.5 } }, /faults: 0.5 \+ 0.5 \+ 0.5/)
    expect(parseServiceSettings({ keepers: 8 }).terms.minTotalSamples).to.equal(800)
  })
})

describe('a picture of a simulated service', () => {
  it('has a bar for each round, of all that its seconds went to', () => {
    const result = simulateService({ ...quick, keepers: 8 })
    const chart = serviceChart([result], 'eight <keepers>')
    expect(chart).to.contain('eight &#60;keepers&#62;').and.not.to.contain('NaN')
    const heights = [...chart.matchAll(/height="([\d.]+)" fill="#(?!fff)/g)].map(([, height]) => Number(height))
    expect(heights.length).to.be.greaterThan(4)
    for (const { seconds, spent, phases } of result.rounds) {
      const sum = (of: object) => Object.values(of).reduce((a: number, b) => a + Number(b), 0)
      expect(sum(spent)).to.be.closeTo(seconds, 1e-6)
      expect(sum(phases)).to.be.closeTo(seconds, 1e-6)
    }
  })
})
