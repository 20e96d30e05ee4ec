// SPDX-License-Identifier: GPL-3.0-or-later
import { globSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect } from 'chai'
import { MNIST_FILES } from '../../keepers/learning/data/mnist.ts'
import { ROOT } from '../../scripts/bootstrap/paths.mjs'
import { formatLoad, Lanes } from '../../scripts/test/lanes.ts'
import { filesOf, jobsOf, runJob } from '../../scripts/test/runner.ts'
import { SUITES, type Suite } from '../../scripts/test/suites.ts'
import { cpuSecondsOf, dearestFiles, timesOfSuites } from '../../scripts/test/timings.ts'
import { unpackedMnist } from '../../scripts/test/unpacked-mnist.ts'

describe('the runner of the tests', function () {
  this.timeout(30_000)
  const suite: Suite = { name: 'some', folder: 'some', runner: 'mocha' }

  it('runs a suite in one process, and what mostly waits a file at a time, the longest first', () => {
    expect(jobsOf(suite, ['a', 'b'])).to.deep.equal([{ suite, files: ['a', 'b'] }])
    expect(jobsOf(suite, [])).to.deep.equal([])
    const waiting = { ...suite, waits: ['c', 'b'] }
    expect(jobsOf(waiting, ['a', 'b', 'c']).map(({ files }) => files)).to.deep.equal([['c'], ['b'], ['a']])
  })

  it('knows which files take longest by names that they have', () => {
    for (const suite of SUITES) {
      for (const part of suite.waits ?? []) expect(filesOf(suite, part), part).to.have.length(1)
    }
  })

  it('has each test file in one suite', () => {
    const all = globSync('test/**/*.{test.ts,t.sol}', { cwd: ROOT }).sort()
    expect(SUITES.flatMap((suite) => filesOf(suite)).sort()).to.deep.equal(all)
  })

  it('unpacks MNIST once, and nothing where a file is missing', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cohort-runner-'))
    try {
      const to = join(folder, 'unpacked')
      const [first, ...others] = Object.keys(MNIST_FILES)
      for (const name of others) await writeFile(join(folder, `${name}.gz`), gzipSync(name))
      expect(await unpackedMnist(folder, to)).to.equal(null)
      await writeFile(join(folder, `${first}.gz`), gzipSync(first!))
      expect(await unpackedMnist(folder, to)).to.equal(to)
      expect(await readFile(join(to, first!), 'utf8')).to.equal(first)
      expect(await readdir(to)).to.have.members([first!, ...others])
      expect(await unpackedMnist('nowhere', to)).to.equal(to)
      expect((await readdir(folder)).filter((name) => name.startsWith('unpacked'))).to.deep.equal(['unpacked'])
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })

  it('counts a file that cannot run as a failure, and notes what the others took of the processors, children included', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cohort-runner-'))
    try {
      // Of the processor, not of the clock: on a busy machine the clock goes on without it.
      const burn = 'for (let all = 0; all < 4e5; ) { const { user, system } = process.cpuUsage(); all = user + system }'
      const parent = `import { spawnSync } from 'node:child_process'
describe('a parent', () => it('waits', () => { spawnSync(process.execPath, ['-e', ${JSON.stringify(burn)}]) }))`
      const [good, bad] = [join(folder, 'good.test.ts'), join(folder, 'bad.test.ts')]
      await writeFile(good, parent)
      await writeFile(bad, "throw new Error('broken')")
      const ran = await runJob({ suite, files: [good] }, 11)
      expect(ran.tally).to.deep.equal({ passed: 1, failed: 0, skipped: 0 })
      expect(ran.timings.map(({ file }) => file)).to.deep.equal(['(loading)', good])
      const { seconds, cpuSeconds } = ran.timings[1]!
      expect(seconds).to.be.at.least(0.4)
      // Counted in hundredths. Hardly any if children did not count.
      if (process.platform === 'linux') expect(cpuSeconds).to.be.at.least(0.35)
      expect((await runJob({ suite, files: [bad] }, 11)).tally).to.deep.equal({ passed: 0, failed: 1, skipped: 0 })
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('adds up what a file took in several parts, and names the dearest first', () => {
    const timings = [
      { file: join(ROOT, 'test/a.ts'), seconds: 1, cpuSeconds: 1 },
      { file: join(ROOT, 'test/b.ts'), seconds: 3, cpuSeconds: 2 },
      { file: join(ROOT, 'test/a.ts'), seconds: 2, cpuSeconds: 1.5 },
    ]
    expect(cpuSecondsOf(timings)).to.equal(4.5)
    expect(dearestFiles(timings, 5)).to.deep.equal(['    2.5     3.0  test/a.ts', '    2.0     3.0  test/b.ts'])
    expect(dearestFiles(timings, 1)).to.have.length(1)
    const parts = timings.map((timing) => ({ suite: 'some', timings: [timing] }))
    expect(timesOfSuites([...parts, { suite: 'other', timings: timings.slice(1, 2) }])).to.deep.equal([
      { suite: 'some', file: 'test/a.ts', seconds: 3, cpuSeconds: 2.5 },
      { suite: 'some', file: 'test/b.ts', seconds: 3, cpuSeconds: 2 },
      { suite: 'other', file: 'test/b.ts', seconds: 3, cpuSeconds: 2 },
    ])
  })

  it('says what each lane did when, how long it did nothing, and how much of the processors was used', async () => {
    let now = 1
    const lanes = new Lanes(() => now)
    const work = async (seconds: number): Promise<void> => {
      await Promise.resolve()
      now += seconds
    }
    await lanes.note('lane 0', 'zkml', work(4))
    await lanes.note('lane 1', 'fhe', work(2))
    const failed = await lanes.note('lane 0', 'cli', Promise.reject(new Error('broken'))).catch(String)
    expect(failed).to.equal('Error: broken')
    expect(lanes.lines()).to.deep.equal(['lane 0: zkml 1–5, cli 7–7; idle 3 s', 'lane 1: fhe 5–7; idle 5 s'])
    expect(formatLoad(1200, 750, 2)).to.equal('1200 s of the processors in 750 s of the clock, 80 % of 2 cores')
  })
})
