// SPDX-License-Identifier: GPL-3.0-or-later
// Segments as folders: proven on their own from nothing but their sample, verified under their own keys, chained.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import {
  calibrate,
  chainFault,
  encodeInput,
  InferenceError,
  InferenceProver,
  interpret,
  openSegments,
  setupFolder,
  splitFolder,
  traceFolders,
  verifyProof,
} from '../../../../keepers/zkml/index.ts'
import { samples, twoLayers } from '../quantise/networks.ts'
import { Random } from '../random.ts'

describe('segments as folders', function () {
  this.timeout(120_000)
  let home = ''
  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'cohort-segments-'))
  })
  after(() => rm(home, { recursive: true }))

  it('are set up and proven apart, and their proofs make one inference', async () => {
    const random = new Random(9)
    const inputs = samples(random, 6, 6)
    const { program } = calibrate(twoLayers(random, 6, 5, 3, { kind: 'relu' }), inputs, { mode: 'committed' })
    // Each of its own proof system: the commitments between them are the same.
    await splitFolder({
      folder: home,
      program,
      count: 2,
      systemOf: ({ index }) => (index === 0 ? 'groth16-lookup' : 'groth16'),
    })
    const opened = await openSegments(home)
    expect(opened.manifest.segments.map(({ layers }) => layers.length).reduce((a, b) => a + b)).to.equal(
      program.layers.length,
    )
    const traced = traceFolders(opened, { input: inputs[2]!, context: 31n })
    expect(traced[1]!.scores).to.deep.equal(interpret(program, encodeInput(program, inputs[2]!)).scores)
    const chain = await Promise.all(
      opened.circuits.map(async ({ folder }, index) => {
        await setupFolder(folder, { threads: 1 })
        const prover = await InferenceProver.open(folder)
        try {
          const { input, context, salts } = traced[index]!.sample
          const { model: _, ...own } = salts!
          const made = await prover.prove({ input, integers: true, context, salts: own })
          expect(made.publicSignals).to.deep.equal([...traced[index]!.publicSignals])
          expect(await verifyProof(prover.key, made.proof, made.publicSignals)).to.equal(true)
          return made.publicSignals
        } finally {
          await prover.close()
        }
      }),
    )
    const modelCommitments = opened.manifest.segments.map(({ modelCommitment }) => BigInt(modelCommitment))
    expect(chainFault(chain, { modelCommitments, context: 31n })).to.equal(null)
  })

  it('are refused when a folder is another segment, or the manifest is half there', async () => {
    const path = join(home, 'segments.json')
    const text = await readFile(path, 'utf8')
    const manifest = JSON.parse(text)
    const refused = (change: string) =>
      writeFile(path, change)
        .then(() => openSegments(home))
        .then(
          () => null,
          (error: unknown) => error,
        )
    const swapped = [...manifest.segments].reverse().map((each, i) => ({ ...each, folder: `segment-${i + 1}` }))
    for (const [change, message] of [
      [JSON.stringify({ ...manifest, segments: swapped }), /segment-1 is not the segment/],
      [text.slice(0, 100), /segments\.json/],
      [JSON.stringify({ ...manifest, segments: [{ ...manifest.segments[0], folder: '../elsewhere' }] }), /folder/],
      [JSON.stringify({ ...manifest, segments: [] }), /segments/],
    ] as const) {
      const error = await refused(change)
      expect(error).to.be.instanceOf(InferenceError)
      expect((error as Error).message).to.match(message)
    }
    await rm(path)
    expect(await openSegments(home).catch((error: Error) => error.message)).to.match(/run cohort zkml split first/)
  })
})
