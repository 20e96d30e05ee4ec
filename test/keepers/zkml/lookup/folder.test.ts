// SPDX-License-Identifier: GPL-3.0-or-later
// A folder of a circuit with lookups: compiled without circom, set up, proven, verified; keys and proofs of the other system refused.
import { existsSync } from 'node:fs'
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { elementCount, tensorOf } from '../../../../keepers/zkml/graph/program.ts'
import {
  checkFolder,
  compileFolder,
  folderPaths,
  InferenceCircuit,
  InferenceProver,
  openFolder,
  parseProof,
  parseVerificationKey,
  programToJson,
  proofToJson,
  setupFolder,
  snarkjsBackend,
  toSolidityProof,
  verificationKeyHash,
  verifyProof,
  withWeights,
} from '../../../../keepers/zkml/index.ts'
import { circuitIdOf, optionsOf } from '../../../../keepers/zkml/inference/manifest.ts'
import { WrittenCircuit } from '../../../../keepers/zkml/lookup/circuit.ts'
import { writeStatement } from '../../../../keepers/zkml/lookup/statement.ts'
import { sha256 } from '../../../../keepers/zkml/setup/metadata.ts'
import { everyLayer } from '../circuit/every-layer.ts'
import { randomInput } from '../circuit/forgery.ts'
import { seeded, smallClassifier } from '../circuit/programs.ts'

describe('a folder of a circuit with lookups', function () {
  this.timeout(120_000)
  let root: string
  let folder: string
  const program = smallClassifier()
  const input = randomInput(program, seeded(11))

  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'cohort-lookup-'))
    folder = join(root, 'classifier')
    await compileFolder({ folder, program, system: 'groth16-lookup' })
    await setupFolder(folder)
  })
  after(() => rm(root, { recursive: true, force: true }))

  it('proves what the interpreter says; the proof is read back, and verifies under its key alone', async () => {
    const prover = await InferenceProver.open(folder)
    const made = await prover.prove({ input, integers: true, context: 77n })
    await prover.close()
    const key = parseVerificationKey(JSON.parse(await readFile(folderPaths(folder).verificationKey, 'utf8')))
    expect(verificationKeyHash(key)).to.equal(prover.metadata.vkHash)
    const proof = parseProof(JSON.parse(JSON.stringify(proofToJson(made.proof))))
    expect(await verifyProof(key, proof, made.publicSignals)).to.equal(true)
    expect(await verifyProof(key, proof, made.publicSignals.with(3, 78n))).to.equal(false)
    // As many words as a plain proof has, so that contracts take both.
    expect(toSolidityProof(proof).c).to.have.length(2)

    const plain = join(root, 'plain')
    await compileFolder({ folder: plain, program })
    await setupFolder(plain)
    const other = await InferenceProver.open(plain)
    const theirs = await other.prove({ input, integers: true, context: 77n })
    await other.close()
    // The same statement but for the salt of the input; neither system takes the other's proof.
    expect(theirs.publicSignals[2]).to.equal(made.publicSignals[2])
    expect(await verifyProof(key, theirs.proof, theirs.publicSignals)).to.equal(false)
    expect(await verifyProof(other.key, made.proof, made.publicSignals)).to.equal(false)
    expect(other.circuit.folder.manifest.circuitId).to.not.equal(prover.circuit.folder.manifest.circuitId)

    const mixed = join(root, 'mixed')
    await compileFolder({ folder: mixed, program, system: 'groth16-lookup' })
    const [from, to] = [folderPaths(plain), folderPaths(mixed)]
    for (const suffix of ['', '.json']) await copyFile(`${from.zkey}${suffix}`, `${to.zkey}${suffix}`)
    await expectRejection(InferenceProver.open(mixed), /a key for another circuit/)
  })

  it('keeps nothing but constraints, and writes the circuit anew: an altered program is found out', async () => {
    const circuit = await InferenceCircuit.open(folder)
    const witness = circuit.witness({ input, integers: true, context: 1n })
    expect(await circuit.violation(witness.values)).to.equal(null)
    const text = await readFile(folderPaths(folder).program, 'utf8')
    const altered = { ...program, layers: structuredClone(program.layers) }
    const [layer] = altered.layers
    if (layer?.kind !== 'dense') throw new TypeError('the first layer is dense')
    layer.weights.values[0]! += 1
    await writeFile(folderPaths(folder).program, programToJson(altered))
    await expectRejection(InferenceCircuit.open(folder), /its r1cs is not what its program gives|model commitment/)
    await writeFile(folderPaths(folder).program, text)
  })

  it('takes the weights of a later version in committed mode, and those of another architecture not', async () => {
    const committed = join(root, 'committed')
    const first = everyLayer('committed', { kind: 'label' })
    await compileFolder({ folder: committed, program: first, system: 'groth16-lookup' })
    const opened = await openFolder(committed)
    const later = structuredClone(first)
    const layer = later.layers.find(({ kind }) => kind === 'dense')
    if (layer?.kind !== 'dense') throw new TypeError('there is a dense layer')
    layer.weights.values[0] = layer.weights.values[0] === 1 ? 2 : 1
    const other = await withWeights(opened, later, 9n)
    const circuit = await InferenceCircuit.open(other)
    circuit.witness({ input: randomInput(first, seeded(12)), integers: true, context: 1n })
    await expectRejection(
      withWeights(opened, everyLayer('committed', { kind: 'margin' }), 9n),
      /another architecture or plan/,
    )
  })

  it('is checked by writing its circuit anew: a range that its maker left out is found', async () => {
    expect((await checkFolder(folder)).program.name).to.equal(program.name)
    const hostile = join(root, 'hostile')
    await compileFolder({ folder: hostile, program, system: 'groth16-lookup' })
    const written = writeStatement(program, optionsOf((await openFolder(hostile)).manifest))
    written.builder.ranges.pop()
    const circuit = new WrittenCircuit(written)
    const paths = folderPaths(hostile)
    await writeFile(paths.r1cs, circuit.r1cs())
    const manifest = JSON.parse(await readFile(paths.manifest, 'utf8'))
    const rounds = { challenges: 1, firstRound: circuit.shape.firstRound }
    const r1csSha256 = sha256(circuit.r1cs())
    const circuitId = circuitIdOf(r1csSha256, circuit.shape)
    await writeFile(paths.manifest, JSON.stringify({ ...manifest, rounds, r1csSha256, circuitId }))
    // Whole by itself, and a key can be made: only the program says what is missing.
    expect((await openFolder(hostile)).manifest.circuitId).to.equal(circuitId)
    await expectRejection(checkFolder(hostile), /its constraints are not those of its program/)
  })

  it('is checked with what its manifest says of parts and mode, which no constraint repeats', async () => {
    const count = elementCount(tensorOf(program, program.input.tensor).shape)
    const parts = [
      { name: 'age', count: 1 },
      { name: 'income', count: count - 1 },
    ]
    const several = { ...program, input: { ...program.input, parts } }
    const target = join(root, 'parts')
    const options = { input: ['public', 'committed'] } as const
    await compileFolder({ folder: target, program: several, options, system: 'groth16-lookup' })
    await checkFolder(target)
    const { manifest: path } = folderPaths(target)
    const manifest = JSON.parse(await readFile(path, 'utf8'))
    const [first, second] = manifest.input.parts
    const swapped = [
      { ...first, name: second.name },
      { ...second, name: first.name },
    ]
    for (const change of [{ input: { ...manifest.input, parts: swapped } }, { input: { ...manifest.input, min: 1 } }]) {
      await writeFile(path, JSON.stringify({ ...manifest, ...change }))
      await expectRejection(checkFolder(target), /other inputs, outputs or another mode/)
    }
  })

  it('is not written for a program with a bound that does not hold', async () => {
    const tensors = program.tensors.map((each, i) =>
      i === 1 ? { ...each, bounds: { min: each.bounds.min, max: each.bounds.max - 1 } } : each,
    )
    for (const system of ['groth16', 'groth16-lookup'] as const) {
      const tampered = join(root, 'tampered')
      await expectRejection(
        compileFolder({ folder: tampered, program: { ...program, tensors }, system }),
        /values reach .*, outside the stated/,
      )
      expect(existsSync(tampered)).to.equal(false)
    }
  })

  it('says what it cannot do', async () => {
    await expectRejection(InferenceProver.open(folder, { backend: snarkjsBackend }), /snarkjs proves groth16 alone/)
    const target = join(root, 'hashed')

    await expectRejection(
      compileFolder({ folder: target, program, options: { input: 'sha256' }, system: 'groth16-lookup' }),
      /--system groth16/,
    )
  })
})

async function expectRejection(promise: Promise<unknown>, message: RegExp): Promise<void> {
  const error = await promise.then(
    () => null,
    (reason: Error) => reason,
  )
  expect(error?.message).to.match(message)
}
