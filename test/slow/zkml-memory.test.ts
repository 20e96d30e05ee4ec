// SPDX-License-Identifier: GPL-3.0-or-later
// The memory that a whole process needs to prove the article's CNN: Node (45 MB), its threads, the circuit and the key.
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { initialWeights, modelSpec, saveModel } from '../../keepers/learning/index.ts'
import {
  calibrate,
  compileFolder,
  folderPaths,
  importModelFile,
  setupFolder,
  writeTables,
} from '../../keepers/zkml/index.ts'
import { nodeFlags } from '../../scripts/bootstrap/flags.mjs'
import { ROOT, runtimeEnvironment } from '../../scripts/bootstrap/paths.mjs'

const run = promisify(execFile)
const MB = 1_000_000

describe('a process that proves the article’s CNN with lookups', function () {
  this.timeout(300_000)
  let folder: string

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cohort-memory-'))
    const spec = modelSpec('article-cnn')
    await saveModel({ spec, weights: initialWeights(spec, 1) }, join(folder, 'model'))
    const graph = await importModelFile(join(folder, 'model', 'model.json'))
    const image = (k: number) => Float64Array.from({ length: 784 }, (_, i) => ((i * 31 + k * 17) % 97) / 96)
    const knobs = { weightBits: { default: 6 }, activationBits: { default: 6 } }
    const { program } = calibrate(graph, [image(0), image(1)], { mode: 'released', knobs })
    await compileFolder({ folder: join(folder, 'net'), program, system: 'groth16-lookup' })
    await setupFolder(join(folder, 'net'))
    await writeFile(join(folder, 'input.json'), JSON.stringify([...image(0)]))
  })

  after(() => rm(folder, { recursive: true }))

  it('needs at most 250 MB as the launcher starts it', () => measure())

  it('needs at most 250 MB with the tables that `zkml tables` makes', async () => {
    const { bytes } = await writeTables(folderPaths(join(folder, 'net')).zkey)
    expect(bytes).to.be.greaterThan(MB)
    await measure()
  })

  async function measure(): Promise<void> {
    const cli = join(ROOT, 'keepers', 'cli', 'main.ts')
    const options = ['--input', join(folder, 'input.json'), '--runs', '1', '--json']
    const command = [cli, 'zkml', 'bench', join(folder, 'net'), ...options]
    const env = runtimeEnvironment(process.execPath)
    // The first run fills Node's cache of stripped sources; the stripper alone takes 28 MB.
    await run(process.execPath, [...nodeFlags(command), ...command], { env })
    const { stdout } = await run(process.execPath, [...nodeFlags(command), ...command], { env })
    const { peakMemoryBytes } = JSON.parse(stdout)
    console.log(`      ${Math.round(peakMemoryBytes / MB)} MB`)
    expect(peakMemoryBytes).to.be.within(60 * MB, 250 * MB)
  }
})
