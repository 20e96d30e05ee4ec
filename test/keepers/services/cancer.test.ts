// SPDX-License-Identifier: GPL-3.0-or-later
// Somebody's table, from the file to a proof that a contract would take: nothing on the way knows a model by name.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { evenLayerGroups, initialWeights, LocalTrainer } from '../../../keepers/learning/index.ts'
import {
  chooseArchitecture,
  type DraftReport,
  draftService,
  readSample,
  type Sample,
} from '../../../keepers/services/index.ts'
import { rowsOf } from '../../../keepers/services/sample.ts'
import {
  commitToWeights,
  decodeManifest,
  encodeManifest,
  openManifest,
  provableModel,
  type ServiceManifest,
  saltOf,
  VersionError,
} from '../../../keepers/versions/index.ts'
import {
  argMax,
  compileFolder,
  folderPaths,
  InferenceProver,
  openFolder,
  parseVerificationKey,
  programScores,
  setupFolder,
  verifyProof,
  withWeights,
} from '../../../keepers/zkml/index.ts'

const CELLS = 'examples/breast-cancer/cells.csv'

describe('a service of cells', function () {
  this.timeout(300_000)
  let sample: Sample
  let manifest: ServiceManifest
  let report: DraftReport

  before(async () => {
    sample = await readSample(CELLS)
    const spec = await chooseArchitecture(undefined, sample)
    const options = { name: 'cells', spec, sample, keepers: 16, decryptionsPerEpoch: 64, rounds: 50 }
    const drafted = await draftService(options)
    // As a member has it, who has the bytes alone.
    manifest = decodeManifest(encodeManifest(drafted.manifest))
    report = drafted.report
  })

  it('has the form of its file', () => {
    expect(manifest.task).to.deep.equal({ kind: 'classification', classes: ['benign', 'malignant'] })
    expect(manifest.input).to.deep.include({ kind: 'table', label: 'diagnosis', shape: [30] })
    expect(sample.train.count + sample.test.count).to.equal(569)
  })

  it('learns, and loses next to nothing by being provable; no weight is clipped in 50 rounds', () => {
    expect(report.accuracy.float).to.be.at.least(0.95)
    expect(report.accuracy.proven).to.be.at.least(report.accuracy.float - 0.01)
    expect(report.headroom.clippedShare).to.equal(0)
    expect(report.proof.constraints).to.be.within(1_000, 20_000)
    expect(report.encryption.precisionBits).to.be.at.least(10)
  })

  it('is proven: one circuit, made before any round, proves a diagnosis by weights that were trained since', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'cohort-cells-'))
    try {
      const model = await openManifest(manifest)
      const before = provableModel(model, initialWeights(model.spec, 1)).program
      const circuit = join(folder, 'circuit')
      await compileFolder({
        folder: circuit,
        program: before,
        options: { input: 'committed', output: 'public' },
        modelSalt: 0n,
      })
      await setupFolder(circuit)

      const trainer = await LocalTrainer.create({ spec: model.spec })
      trainer.loadData(sample.train)
      trainer.setWeights(initialWeights(model.spec, 1))
      trainer.setParameters({ epochs: 20, batchSize: 32, optimizer: { kind: 'adam', learningRate: 0.005 }, seed: 1 })
      const { weights } = await trainer.train()
      const { program } = provableModel(model, weights)
      const { inputs, labels } = rowsOf(sample.test, 3)
      const made = await openFolder(circuit)
      const prover = await InferenceProver.open(await withWeights(made, program, saltOf(weights)))
      try {
        const key = parseVerificationKey(JSON.parse(readFileSync(folderPaths(circuit).verificationKey, 'utf8')))
        for (const [row, input] of inputs.entries()) {
          const { proof, publicSignals } = await prover.prove({ input, context: 42n })
          expect(await verifyProof(key, proof, publicSignals)).to.equal(true)
          expect(Number(publicSignals[2])).to.equal(argMax(programScores(program, [input])[0]!))
          expect(Number(publicSignals[2])).to.equal(labels[row])
          expect(BigInt(commitToWeights(model, weights).commitment)).to.equal(publicSignals[0])
          const lie = [...publicSignals]
          lie[2] = 1n - lie[2]!
          expect(await verifyProof(key, proof, lie as unknown as typeof publicSignals)).to.equal(false)
        }
      } finally {
        await prover.close()
      }
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  it('has rounds of layer groups, with bounds and messages of these', async () => {
    const spec = await chooseArchitecture(undefined, sample)
    const options = { name: 'cells', spec, sample, keepers: 4, decryptionsPerEpoch: 64, rounds: 3 }
    const whole = await draftService(options)
    const grouped = await draftService({ ...options, layerGroups: 2 })
    const { spec: opened } = await openManifest(decodeManifest(encodeManifest(grouped.manifest)))
    expect(grouped.manifest.rounds.layerGroups).to.deep.equal(evenLayerGroups(opened.parameters, 2))
    // Three rounds of each group.
    expect(grouped.report.accuracy.rounds).to.equal(6)
    expect(grouped.manifest.rounds.clipNorm).to.be.below(whole.manifest.rounds.clipNorm)
    expect(whole.manifest.rounds).to.not.have.property('layerGroups')
  })

  it('is refused where it cannot be encrypted for so many', async () => {
    const spec = await chooseArchitecture(undefined, sample)
    const options = { name: 'cells', spec, sample, keepers: 256, decryptionsPerEpoch: 65_535, rounds: 1 }
    const error = await draftService(options).catch((caught: unknown) => caught)
    expect(error).to.be.instanceOf(VersionError)
    expect((error as VersionError).message).to.match(/no parameters of the encryption serve 256 keepers and 65535/)
  })
})
