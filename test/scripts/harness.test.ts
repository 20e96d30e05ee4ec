// SPDX-License-Identifier: GPL-3.0-or-later
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import {
  createContext,
  formatTable,
  median,
  mergeRows,
  time,
  timeBeside,
  writeResults,
} from '../../scripts/bench/harness.ts'

describe('bench harness', () => {
  it('takes the median of odd and even numbers of runs, and refuses none', () => {
    expect(median([3, 1, 2])).to.equal(2)
    expect(median([4, 1, 2, 3])).to.equal(2.5)
    expect(() => median([])).to.throw(RangeError)
  })

  it('discards the warm-up and measures as many runs as asked', async () => {
    let calls = 0
    const timing = await time(() => calls++, { warmup: 2, runs: 3 })
    expect(calls).to.equal(5)
    expect(timing.runs).to.have.length(3)
  })

  it('alternates between the two sides', async () => {
    const order: string[] = []
    await timeBeside(
      () => order.push('ours'),
      () => order.push('peer'),
      { warmup: 1, runs: 2 },
    )
    expect(order.join(' ')).to.equal('ours peer ours peer ours peer')
  })

  it('gives a row its ratio to the peer, and none without one', () => {
    const context = createContext({ quick: true, args: [], dataDir: null })
    context.record({ metric: 'a.b', value: 10, unit: 'ms', peer: 'naive', peerValue: 40 })
    context.record({ metric: 'a.c', value: 3, unit: 'count' })
    expect(context.rows.map((row) => row.ratio)).to.deep.equal([0.25, null])
    expect(formatTable(context.rows).split('\n')).to.have.length(3)
  })

  it('replaces a subject’s repeated measurements, keeps the others with their time, and appends new ones', () => {
    const row = (metric: string, value: number) => ({
      metric,
      value,
      unit: 's',
      peer: null,
      peerValue: null,
      ratio: null,
    })
    const before = { when: 'monday', rows: [row('a', 1), { ...row('b', 2), when: 'sunday' }, row('c', 3)] }
    expect(mergeRows(before, [row('d', 9), row('c', 8)])).to.deep.equal([
      { ...row('a', 1), when: 'monday' },
      { ...row('b', 2), when: 'sunday' },
      row('c', 8),
      row('d', 9),
    ])
    expect(mergeRows(null, [row('d', 9)])).to.deep.equal([row('d', 9)])
  })

  it('never mixes quick rows, or those of another machine, with full ones', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cohort-bench-'))
    try {
      const file = join(folder, 'area.json')
      await writeResults(file, 'area', [], false, true)
      const written = JSON.parse(await readFile(file, 'utf8'))
      const refused = async (quick: boolean) =>
        writeResults(file, 'area', [], quick, true).then(
          () => null,
          (error: Error) => error.message,
        )
      expect(await refused(true)).to.match(/--out DIR/)
      await writeFile(file, JSON.stringify({ ...written, machine: { ...written.machine, cores: 1000 } }))
      expect(await refused(false)).to.match(/another machine/)
      await writeResults(file, 'area', [], true)
      expect(JSON.parse(await readFile(file, 'utf8')).quick).to.equal(true)
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
