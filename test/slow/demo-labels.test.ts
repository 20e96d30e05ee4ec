// SPDX-License-Identifier: GPL-3.0-or-later
// A service of several labels from the file to the hub: a manifest of the user's own, keepers as processes, a release by the DAO, and
// a proof of whether one label holds. The demo's own code path (`--manifest`).
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { chooseArchitecture, draftService, readSample } from '../../keepers/services/index.ts'
import { encodeManifest } from '../../keepers/versions/index.ts'
import { parseOptions } from '../../scripts/demo/options.ts'
import type { DemoReport } from '../../scripts/demo/report.ts'
import { runDemo } from '../../scripts/demo/run.ts'

const ROUNDS = 3

/** Machines with four measures; any number of three faults, each decided by its own measures. */
function faults(rows: number): string {
  const wave = (row: number, column: number): number => Math.sin(12.9898 * (row + 1) + 78.233 * (column + 1)) * 3
  const lines = Array.from({ length: rows }, (_, row) => {
    const [heat, hum, drift, load] = [0, 1, 2, 3].map((column) => wave(row, column))
    const found = [
      ...(heat! + load! > 0.5 ? ['fan'] : []),
      ...(hum! > 0.8 ? ['bearing'] : []),
      ...(drift! - load! > 0.5 ? ['belt'] : []),
    ]
    return [heat, hum, drift, load]
      .map((value) => value!.toFixed(3))
      .join(',')
      .concat(`,${found.join('|')}`)
  })
  return `heat,hum,drift,load,faults\n${lines.join('\n')}\n`
}

describe('a service of several labels, from the file to the hub', function () {
  this.timeout(900_000)
  let folder: string
  let report: DemoReport

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-labels-'))
    const data = join(folder, 'faults.csv')
    writeFileSync(data, faults(500))
    const sample = await readSample(data, { task: 'labels' })
    const spec = await chooseArchitecture(undefined, sample)
    const { manifest } = await draftService({
      ...{ name: 'faults', spec, sample, rounds: 20, keepers: 16, decryptionsPerEpoch: 100 },
    })
    const file = join(folder, 'manifest.json')
    writeFileSync(file, encodeManifest(manifest))
    const options = parseOptions(['--manifest', file, '--data', data, '--rounds', String(ROUNDS)])!
    await runDemo(options, folder, new AbortController().signal, async (made) => {
      report = made
    })
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  it('is learned by four keepers, all with the same weights', () => {
    expect(report.task.kind).to.equal('labels')
    expect(report.rounds.map(({ agreeing }) => agreeing)).to.deep.equal(Array(ROUNDS).fill(4))
    expect(report.rounds.at(-1)!.testAccuracy).to.be.at.least(0.8)
  })

  it('is released, and the hub has a proven answer to whether the first label holds', () => {
    const { provenLabel, trueLabel, fulfilGas } = report.inference
    expect([0, 1]).to.include(provenLabel)
    expect(provenLabel).to.equal(trueLabel)
    expect(fulfilGas).to.be.above(100_000)
    expect(report.release.version).to.be.above(0)
  })
})
