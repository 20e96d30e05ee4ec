// SPDX-License-Identifier: GPL-3.0-or-later
// Between a picture's file and the circuit there is one fixed step, which the manifest states: pixels 0 … 255, row by row, channels together,
// as sixteen greys of 0 … 1. Training gets the same pixels by a factor of 1/255, and a proof commits to these integers and no others.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { initialWeights, openSamples } from '../../../keepers/learning/index.ts'
import { chooseArchitecture, draftService, readSample, serviceCircuit } from '../../../keepers/services/index.ts'
import { rowsOf } from '../../../keepers/services/sample.ts'
import { openManifest, provableModel, type ServiceManifest, saltOf } from '../../../keepers/versions/index.ts'
import {
  commitInput,
  encodeInput,
  folderPaths,
  InferenceProver,
  parseVerificationKey,
  setupFolder,
  verifyProof,
  withWeights,
} from '../../../keepers/zkml/index.ts'

const [HEIGHT, WIDTH, CHANNELS] = [4, 6, 3]
const SIZE = HEIGHT * WIDTH * CHANNELS

describe('the preprocessing of pictures', function () {
  this.timeout(60_000)
  let folder: string
  let manifest: ServiceManifest
  /** Bytes of a picture of a class, every value of a byte in one or another. */
  const pixels = (dark: boolean, i: number): Buffer =>
    Buffer.from(Array.from({ length: SIZE }, (_, at) => (dark ? 0 : 128) + ((at * 7 + i * 31) % 128)))

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-pictures-'))
    for (const name of ['dark', 'light']) {
      mkdirSync(join(folder, 'data', name), { recursive: true })
      for (let i = 0; i < 30; i++) {
        const file = Buffer.concat([Buffer.from(`P6 ${WIDTH} ${HEIGHT} 255\n`), pixels(name === 'dark', i)])
        writeFileSync(join(folder, 'data', name, `${10 + i}.ppm`), file)
      }
    }
    const sample = await readSample(join(folder, 'data'))
    const spec = await chooseArchitecture(undefined, sample)
    const options = { name: 'pictures', spec, sample, rounds: 2, keepers: 4, decryptionsPerEpoch: 4 }
    manifest = (await draftService(options)).manifest
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  it('is in the manifest: shape, range and step, whatever the sample`s brightest pixel', () => {
    expect(manifest.input).to.deep.equal({ kind: 'picture', shape: [HEIGHT, WIDTH, CHANNELS] })
    expect(manifest.plan.input).to.deep.include({ bits: 4, min: 0, scale: 1 / 15 })
  })

  it('is what a proof commits to: the integers of the file`s own bytes, and no others', async () => {
    const classes = manifest.task.kind === 'classification' ? manifest.task.classes : []
    const form = { inputShape: manifest.input.shape, classes }
    const { train } = await openSamples({ kind: 'images', path: join(folder, 'data') }, form)
    const { inputs } = rowsOf(train, train.count)
    const model = await openManifest(manifest)
    const weights = initialWeights(model.spec, 1)
    const { program } = provableModel(model, weights)
    const integersOf = (bytes: Uint8Array) => Float64Array.from(bytes, (byte) => Math.round((byte * 15) / 255))
    const seen = new Set<number>()
    for (const [i, input] of inputs.entries()) {
      const bytes = pixels(i < 30, i % 30)
      for (const byte of bytes) seen.add(byte)
      expect([...input]).to.deep.equal([...bytes].map((byte) => byte * train.scale))
      expect(encodeInput(program, input)).to.deep.equal(integersOf(bytes))
    }
    expect(train.scale).to.be.closeTo(1 / 255, 1e-9)
    expect(seen.size).to.equal(256)

    const circuit = join(folder, 'circuit')
    const made = await serviceCircuit(manifest, circuit)
    await setupFolder(circuit)
    const prover = await InferenceProver.open(await withWeights(made, program, saltOf(weights)))
    try {
      const key = parseVerificationKey(JSON.parse(readFileSync(folderPaths(circuit).verificationKey, 'utf8')))
      const { proof, publicSignals } = await prover.prove({ input: inputs[3]!, context: 1n, salts: { input: 7n } })
      expect(await verifyProof(key, proof, publicSignals)).to.equal(true)
      const integers = integersOf(pixels(true, 3))
      expect(publicSignals[1]).to.equal(commitInput(integers, { bits: 4 }, 7n))
      // One grey less in one pixel is another picture: neither the same commitment, nor a proof of it.
      const other = integers.with(0, integers[0]! + 1)
      expect(publicSignals[1]).not.to.equal(commitInput(other, { bits: 4 }, 7n))
      const lie = [...publicSignals]
      lie[1] = commitInput(other, { bits: 4 }, 7n)
      expect(await verifyProof(key, proof, lie as unknown as typeof publicSignals)).to.equal(false)
    } finally {
      await prover.close()
    }
  })
})
