// SPDX-License-Identifier: GPL-3.0-or-later
// A keeper of a service whose first weights come from a file: it starts from them, and with no other file.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { initKeeper } from '../../../keepers/agent/index.ts'
import { hasStart } from '../../../keepers/agent/operations/service-manifest.ts'
import { Trainer } from '../../../keepers/agent/training/trainer.ts'
import {
  decodeManifest,
  encodeManifest,
  firstWeights,
  openManifest,
  type ServiceManifest,
} from '../../../keepers/versions/index.ts'
import { parseOptions } from '../../../scripts/demo/options.ts'
import { subjectOf } from '../../../scripts/demo/subject.ts'
import { PYTHON, pythonHas } from '../learning/python.ts'

const FILE = readFileSync('examples/scikit-learn/cells.onnx')

describe('a service that starts from an ONNX file`s weights', function () {
  this.timeout(120_000)
  let folder: string
  let manifest: ServiceManifest
  let values: Readonly<Record<string, unknown>>
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-start-'))
    const subject = await subjectOf(parseOptions(['--example', 'cancer'])!, folder, () => undefined, {
      model: 'examples/scikit-learn/cells.onnx',
      startsTrained: true,
    })
    manifest = subject.manifest
    values = subject.values(0, 4)
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  it('has the file`s CID in its manifest, which reads back as it was written', () => {
    expect(manifest.model.weights?.format).to.equal('onnx')
    expect(decodeManifest(encodeManifest(manifest))).to.deep.equal(manifest)
    const weights = { format: 'onnx', cid: 'Qm123' }
    const text = JSON.stringify({ ...manifest, model: { ...manifest.model, weights } })
    expect(() => decodeManifest(new TextEncoder().encode(text))).to.throw(
      /model\.weights\.cid: takes a CID of version 1/,
    )
  })

  it('gives every keeper the file`s weights before the first round', async () => {
    const options = { folder: join(folder, 'keeper'), passphrase: 'p', scryptLog2N: 10, manifest, values }
    const { config } = await initKeeper({ ...options, start: FILE })
    const { spec } = await openManifest(manifest)
    const trainer = await Trainer.start(config)
    try {
      expect(trainer.shard.initialWeights).to.deep.equal(await firstWeights(manifest, spec, FILE))
      // They are a beginning: nothing has been trained yet.
      expect((await trainer.evaluate(trainer.shard.initialWeights)).accuracy).to.be.at.least(0.8)
    } finally {
      await trainer.stop()
    }
  })

  it('refuses a keeper without the file, or with another, and writes nothing', async () => {
    const options = { folder: join(folder, 'refused'), passphrase: 'p', scryptLog2N: 10, manifest, values }
    const refusal = async (start?: Uint8Array): Promise<string> =>
      ((await initKeeper({ ...options, ...(start === undefined ? {} : { start }) }).catch((e: Error) => e)) as Error)
        .message
    expect(await refusal()).to.match(/the manifest starts from bafk\w+: give that file/)
    expect(await refusal(Uint8Array.from(FILE, (byte, i) => (i === 100 ? byte ^ 1 : byte)))).to.match(
      /the file of weights is bafk\w+, the manifest names bafk\w+/,
    )
    expect(existsSync(options.folder)).to.equal(false)
  })

  it('does not run when the file has gone or was altered', async () => {
    const options = { folder: join(folder, 'altered'), passphrase: 'p', scryptLog2N: 10, manifest, values }
    const { config } = await initKeeper({ ...options, start: FILE })
    const start = async (): Promise<Error> => (await Trainer.start(config).catch((error: Error) => error)) as Error
    writeFileSync(config.service.weightsFile, FILE.subarray(1))
    expect(await start()).to.include({ code: 'CONFIG' })
    expect((await start()).message).to.match(/keeper\.yaml: service\.weights: the file of weights is bafk\w+/)
    rmSync(config.service.weightsFile)
    expect((await start()).message).to.match(/service\.weights: cannot read .*weights\.onnx \(ENOENT\)/)
  })

  it('fetches the file of a new manifest although the folder has the old one`s', async () => {
    const file = join(folder, 'weights.onnx')
    expect(await hasStart(manifest, file)).to.equal(false)
    writeFileSync(file, FILE)
    expect(await hasStart(manifest, file)).to.equal(true)
    writeFileSync(file, FILE.subarray(1))
    expect(await hasStart(manifest, file)).to.equal(false)
  })

  it('is scikit-learn`s example of the demo', async function () {
    if (!pythonHas('sklearn')) return this.skip()
    process.env.COHORT_PYTHON ??= PYTHON
    const subject = await subjectOf(parseOptions(['--example', 'sklearn'])!, folder, () => undefined)
    expect(subject.manifest.model.weights).to.deep.equal(manifest.model.weights)
    expect(subject.start).to.deep.equal(FILE)
  })
})
