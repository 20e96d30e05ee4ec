// SPDX-License-Identifier: GPL-3.0-or-later
// A two-layer transformer all the way: from the ONNX file to a proof that verifies, and one that does not.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { zKey } from 'snarkjs'
import {
  compileCircuit,
  expectedSignals,
  WitnessProgram,
  witnessInputs,
  writeCircuit,
} from '../../keepers/zkml/circuit/index.ts'
import { calibrate, encodeInput, importOnnx, interpret } from '../../keepers/zkml/index.ts'
import { verifyProof } from '../../keepers/zkml/prove/verify.ts'
import { wasmBackend } from '../../keepers/zkml/prove/wasm.ts'
import { setupLocal } from '../../keepers/zkml/setup/local.ts'
import { parseVerificationKey } from '../../keepers/zkml/verifier/verification-key.ts'
import { onnxFile } from '../keepers/zkml/import/onnx-file.ts'
import { transformer } from '../keepers/zkml/import/transformer.ts'
import { Random } from '../keepers/zkml/random.ts'

const SIZES = { layers: 2, width: 32, heads: 2, length: 4, features: 6, hidden: 64, classes: 3 }

describe('a transformer, two layers of 32', function () {
  this.timeout(600_000)

  it('is proven from its ONNX file, and another label is not', async () => {
    const random = new Random(3)
    const graph = importOnnx(onnxFile(transformer(random, SIZES)))
    const draw = () => random.list(SIZES.length * SIZES.features, -1, 1)
    const samples = Array.from({ length: 64 }, draw)
    const { program } = calibrate(graph, samples, { mode: 'released', inputRange: { min: -1, max: 1 } })
    const directory = await mkdtemp(join(tmpdir(), 'cohort-transformer-'))
    try {
      const circuit = await compileCircuit(writeCircuit(program, {}), { directory, name: 'transformer' })
      const zkey = join(directory, 'transformer.zkey')
      await setupLocal(circuit.r1cs, zkey)
      const key = parseVerificationKey(await zKey.exportVerificationKey(await readFile(zkey)))
      const witness = await WitnessProgram.load(await readFile(circuit.wasm))
      const sample = { input: encodeInput(program, draw()), context: 42n, salts: { model: 5n, input: 6n } }
      const prover = await wasmBackend({ threads: 2 }).open(zkey)
      try {
        const { proof, publicSignals } = await prover.prove(witness.calculate(witnessInputs(program, sample, {})))
        const { scores } = interpret(program, sample.input)
        expect(publicSignals).to.deep.equal([...expectedSignals(program, sample, scores, {})])
        expect(await verifyProof(key, proof, publicSignals)).to.equal(true)
        const other = publicSignals.with(2, (publicSignals[2]! + 1n) % 3n)
        expect(await verifyProof(key, proof, other)).to.equal(false)
      } finally {
        await prover.close()
      }
    } finally {
      await rm(directory, { recursive: true })
    }
  })
})
