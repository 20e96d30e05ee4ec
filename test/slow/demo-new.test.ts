// SPDX-License-Identifier: GPL-3.0-or-later
// The services of the demo's five examples are those that `cohort new` makes of the same file: the same manifests, by their hash.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { head, loadIdxFolder } from '../../keepers/learning/index.ts'
import { manifestDigest, readManifestFile, type ServiceManifest } from '../../keepers/versions/index.ts'
import { parseOptions } from '../../scripts/demo/options.ts'
import { subjectOf } from '../../scripts/demo/subject.ts'
import { EXAMPLES } from '../../scripts/examples/examples.ts'
import { NoExampleError } from '../../scripts/examples/missing.ts'
import { command } from '../commands/command-line.ts'
import { writeIdxPair } from '../keepers/learning/idx-writer.ts'

/** What is typed besides `--data`, `--name` and `--out`. */
const TYPED: Readonly<Record<'cancer' | 'diabetes' | 'mail' | 'sklearn', readonly string[]>> = {
  cancer: [],
  diabetes: ['--unit', 'points'],
  mail: ['--text', 'text', '--target', 'kind'],
  sklearn: ['--model', EXAMPLES.sklearn.model, '--weights'],
}

describe('the services of the demo`s examples', function () {
  this.timeout(600_000)
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-demo-new-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  async function demoManifest(example: keyof typeof EXAMPLES): Promise<ServiceManifest | null> {
    try {
      return (await subjectOf(parseOptions(['--example', example])!, folder, () => undefined)).manifest
    } catch (error) {
      if (error instanceof NoExampleError) return null
      throw error
    }
  }

  async function made(...words: readonly string[]): Promise<ServiceManifest> {
    const out = join(folder, 'made')
    const { code, stderr } = await command('new', ...words, '--out', out)
    expect(code, stderr).to.equal(0)
    return readManifestFile(join(out, 'manifest.json'))
  }

  for (const [example, words] of Object.entries(TYPED)) {
    it(`${example} is what cohort new makes of the rows that the demo deals`, async function () {
      const demo = await demoManifest(example as keyof typeof TYPED)
      if (demo === null) return this.skip()
      const own = await made('--data', join(folder, 'data/all.csv'), '--name', demo.name, ...words)
      expect(manifestDigest(own)).to.equal(manifestDigest(demo))
    })
  }

  it('fashion is what cohort new makes of the same part of the pictures, but for the names of classes', async () => {
    const demo = (await demoManifest('fashion'))!
    const { folder: pictures } = await EXAMPLES.fashion.pictures(undefined)
    const { train, test } = await loadIdxFolder(pictures)
    const part = join(folder, 'part')
    await writeIdxPair(part, { train: head(train, 6_000), test: head(test!, 2_000) })
    const own = await made(
      ...['--data', part, '--model', EXAMPLES.fashion.model, '--name', demo.name],
      ...['--rounds', '5', '--total', String(train.count)],
    )
    expect(manifestDigest({ ...own, task: demo.task })).to.equal(manifestDigest(demo))
  })
})
