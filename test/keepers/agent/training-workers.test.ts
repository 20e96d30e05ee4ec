// SPDX-License-Identifier: GPL-3.0-or-later
// A worker thread of a keeper's training that is killed, in a process of its own: a hook that Node loads in every thread is in the training
// thread, too, and ends the first gradient worker in the middle of the work.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'
import { expect } from 'chai'
import { ROOT } from '../../../scripts/bootstrap/paths.mjs'

const KILL = `
import process from 'node:process'
import { isMainThread } from 'node:worker_threads'
let kills = 1
process.on('worker', (worker) => {
  if (!isMainThread) worker.once('message', () => kills-- > 0 && setTimeout(() => worker.terminate(), 20))
})
`

const SCRIPT = (folder: string) => `
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Trainer } from '${ROOT}/keepers/agent/training/trainer.ts'
import { parseConfig } from '${ROOT}/keepers/agent/index.ts'
import { LearningError } from '${ROOT}/keepers/learning/index.ts'
import { exampleManifest } from '${ROOT}/keepers/versions/index.ts'
const input = { kind: 'table', shape: [2], features: ['x', 'y'], label: 'label', delimiter: ',' }
const manifest = exampleManifest('logistic', { classes: ['a', 'b'], input })
const example = readFileSync('${ROOT}/keepers/agent/keeper.example.yaml', 'utf8')
const text = example.replace('source: digits ', 'source: csv\\n  path: rows.csv ').replace('  workers: 1 ', '  workers: 2 ')
const config = parseConfig(text, ${JSON.stringify(folder)}, manifest)
const trainer = await Trainer.start(config)
const outcomes = []
for (let i = 0; i < 3; i++) {
  const training = { ...config.training, epochs: 1000, batchSize: 4 }
  await trainer.train(trainer.shard.initialWeights, { round: 1, epoch: 1 }, training).then(
    ({ weights }) => outcomes.push(createHash('sha256').update(weights).digest('hex')),
    (error) => outcomes.push([error instanceof LearningError, error.code, error.message]),
  )
}
console.log(JSON.stringify(outcomes))
await trainer.stop()
`

describe('a worker thread of a keeper`s training', function () {
  this.timeout(120_000)
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-workers-'))
    const rows = Array.from({ length: 40 }, (_, i) => `${(i * 37) % 41},${(i * 17) % 23},${i % 2 ? 'a' : 'b'}`)
    writeFileSync(join(folder, 'rows.csv'), `x,y,label\n${rows.join('\n')}\n`)
    writeFileSync(join(folder, 'kill.mjs'), KILL)
    writeFileSync(join(folder, 'run.mjs'), SCRIPT(folder))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  /** Three trainings, one after the other, of one keeper: hashes of the weights, or [LearningError?, code, message]. */
  async function trainings(killed: boolean): Promise<unknown[]> {
    const hook = killed ? ['--import', pathToFileURL(join(folder, 'kill.mjs')).href] : []
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...hook, join(folder, 'run.mjs')])
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)])
    expect(out, err).to.match(/^\[.*\]\n$/)
    return JSON.parse(out)
  }

  it('that is killed fails the training and not the keeper, which trains again to the same bits', async () => {
    const [unharmed, harmed] = [await trainings(false), await trainings(true)]
    expect(unharmed[0]).to.match(/^[0-9a-f]{64}$/)
    expect(unharmed).to.deep.equal([unharmed[0], unharmed[0], unharmed[0]])
    const [failure, ...rest] = harmed
    expect(failure).to.be.an('array').with.length(3)
    const [learning, code, message] = failure as [boolean, string, string]
    expect([learning, code]).to.deep.equal([true, 'WORKER_DIED'])
    expect(message).to.match(/^training worker 2 of 2 ended with code 1; /)
    expect(rest).to.deep.equal([unharmed[0], unharmed[0]])
  })
})
