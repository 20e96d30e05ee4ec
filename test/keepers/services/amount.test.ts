// SPDX-License-Identifier: GPL-3.0-or-later
// A service about an amount: the model puts out deviations, the proof the amount itself with its scale.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { initialWeights, LocalTrainer } from '../../../keepers/learning/index.ts'
import {
  chooseArchitecture,
  type DraftReport,
  draftService,
  readSample,
  type Sample,
  serviceCircuit,
} from '../../../keepers/services/index.ts'
import { rowsOf } from '../../../keepers/services/sample.ts'
import { outputSchemaOf, readScore } from '../../../keepers/serving/index.ts'
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
  folderPaths,
  InferenceProver,
  parseVerificationKey,
  programScores,
  setupFolder,
  verifyProof,
  withWeights,
} from '../../../keepers/zkml/index.ts'

const PATIENTS = 'examples/diabetes/patients.csv'

describe('a service about an amount', function () {
  this.timeout(120_000)
  let sample: Sample
  let manifest: ServiceManifest
  let report: DraftReport

  before(async () => {
    sample = await readSample(PATIENTS, { unit: 'points' })
    const spec = await chooseArchitecture(undefined, sample)
    const options = { name: 'diabetes', spec, sample, keepers: 16, decryptionsPerEpoch: 64, rounds: 50 }
    const drafted = await draftService(options)
    manifest = decodeManifest(encodeManifest(drafted.manifest))
    report = drafted.report
  })

  it('has an amount with its unit, is judged by its loss and proven as a value', () => {
    expect(manifest.task).to.deep.equal({
      kind: 'regression',
      unit: 'points',
      target: { mean: 152, deviation: 77 },
      loss: { kind: 'mse' },
    })
    expect([manifest.vote.metric, manifest.plan.output.kind]).to.deep.equal(['loss', 'value'])
  })

  it('learns, loses next to nothing by being provable, and clips no weight in 50 rounds', () => {
    expect(report.accuracy.float).to.be.at.least(0.3)
    expect(report.accuracy.proven).to.be.at.least(report.accuracy.float - 0.02)
    expect(report.headroom.clippedShare).to.equal(0)
  })

  it('is proven in the amount’s own unit, by a scale on the chain that is exact', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'cohort-amount-'))
    try {
      const model = await openManifest(manifest)
      const circuit = join(folder, 'circuit')
      const made = await serviceCircuit(manifest, circuit)
      await setupFolder(circuit)
      const trainer = await LocalTrainer.create({ spec: model.spec })
      trainer.loadData(sample.train)
      trainer.setWeights(initialWeights(model.spec, 1))
      trainer.setParameters({ epochs: 40, batchSize: 32, optimizer: { kind: 'adam', learningRate: 0.005 }, seed: 1 })
      const { weights } = await trainer.train()
      const { program } = provableModel(model, weights)
      const { scale } = outputSchemaOf(program)
      const tensor = program.tensors.find(({ id }) => id === program.scores)!
      expect(Number(scale) * tensor.scale).to.equal(1)
      const prover = await InferenceProver.open(await withWeights(made, program, saltOf(weights)))
      try {
        const key = parseVerificationKey(JSON.parse(readFileSync(folderPaths(circuit).verificationKey, 'utf8')))
        const { inputs, targets } = rowsOf(sample.test, 3)
        for (const [row, input] of inputs.entries()) {
          const { proof, publicSignals } = await prover.prove({ input, context: 42n })
          expect(await verifyProof(key, proof, publicSignals)).to.equal(true)
          const proven = readScore(publicSignals[2]!, scale)
          expect(proven).to.be.closeTo(programScores(program, [input])[0]![0]!, 1e-9)
          // What the float network says, put into the unit by hand.
          const float = (await trainer.predict(Float32Array.from(input)))[0]! * 77 + 152
          expect(proven).to.be.closeTo(float, 6)
          expect(Math.abs(proven - (targets[row]![0]! * 77 + 152))).to.be.below(200)
          expect(BigInt(commitToWeights(model, weights).commitment)).to.equal(publicSignals[0])
          const lie = [...publicSignals]
          lie[2] = lie[2]! + 1n
          expect(await verifyProof(key, proof, lie as unknown as typeof publicSignals)).to.equal(false)
        }
      } finally {
        await prover.close()
      }
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  it('has room for large units, and is refused where its steps could not be told on the chain', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'cohort-prices-'))
    try {
      const draftOf = async (factor: number) => {
        const rows = Array.from({ length: 120 }, (_, i) => `${i % 13},${(20 + (i % 13)) * factor}`)
        const file = join(folder, 'prices.csv')
        writeFileSync(file, `rooms,price\n${rows.join('\n')}\n`)
        const prices = await readSample(file, { task: 'regression' })
        const spec = await chooseArchitecture(undefined, prices)
        return await draftService({
          ...{ name: 'prices', spec, sample: prices, rounds: 3 },
          ...{ keepers: 4, decryptionsPerEpoch: 8 },
        })
      }
      const drafted = await draftOf(50_000)
      const model = await openManifest(drafted.manifest)
      const { program } = provableModel(model, initialWeights(model.spec, 1))
      const { scale } = program.tensors.find(({ id }) => id === program.scores)!
      expect(Number(outputSchemaOf(program).scale) * scale).to.equal(1)
      const error = await draftOf(1e12).catch((caught: unknown) => caught)
      expect((error as Error).message).to.match(
        /steps of \d+, and no whole number of steps makes one unit: state them in a larger unit/,
      )
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  it('reads amounts below zero, which are large field elements', () => {
    const field = 21888242871839275222246405745257275088548364400416034343698204186575808495617n
    expect([readScore(field - 96n, 64n), readScore(96n, 64n)]).to.deep.equal([-1.5, 1.5])
  })

  it('is refused where its parts contradict each other', async () => {
    const wrong: [Partial<ServiceManifest>, RegExp][] = [
      [
        { vote: { ...manifest.vote, metric: 'accuracy' } },
        /vote\.metric: accuracy, of an amount members judge the loss/,
      ],
      [{ plan: { ...manifest.plan, output: { kind: 'label' } } }, /plan\.output: label, an amount is proven as value/],
      [
        { task: { kind: 'classification', classes: ['a', 'b'] }, vote: { ...manifest.vote, metric: 'accuracy' } },
        /plan\.output: value, of a classification there are several scores/,
      ],
      [{ input: { kind: 'picture', shape: [2, 5, 1] } }, /task\.kind: regression, of pictures only classes/],
    ]
    for (const [part, message] of wrong) {
      expect(() => decodeManifest(encodeManifest({ ...manifest, ...part })), `${message}`)
        .to.throw(VersionError, message)
        .with.property('code', 'BAD_MANIFEST')
    }
    const two = { ...manifest, task: { kind: 'labels', labels: ['a', 'b'], separator: '|' } } as ServiceManifest
    const plan = { ...manifest.plan, output: { kind: 'score', index: 0, threshold: 0 } } as ServiceManifest['plan']
    const error = await openManifest({ ...two, plan }).catch((caught: unknown) => caught)
    expect((error as Error).message).to.match(/task\.labels: 2 names, but the model has 1 outputs/)
  })
})
