// SPDX-License-Identifier: GPL-3.0-or-later
// A circuit with lookups at the hub: registered, verified and recorded like any other, alone and in batches, by the same calls.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { ContractFactory, toBeHex } from 'ethers'
import {
  compileFolder,
  exportVerifier,
  InferenceProver,
  setupFolder,
  toSolidityProof,
} from '../../../keepers/zkml/index.ts'
import { compile } from '../../../scripts/solc.ts'
import { smallClassifier } from '../../keepers/zkml/circuit/programs.ts'
import { createHub } from './hub.ts'
import { OUTPUT } from './output-schema.ts'
import type { Proof } from './tiny-circuit.ts'

describe('a circuit with lookups at the hub', function () {
  this.timeout(60_000)
  let folder: string
  let prover: InferenceProver

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cohort-lookup-'))
    await compileFolder({ folder, program: smallClassifier(), system: 'groth16-lookup' })
    await setupFolder(folder)
    prover = await InferenceProver.open(folder)
  })
  after(async () => {
    await prover.close()
    await rm(folder, { recursive: true, force: true })
  })

  async function world() {
    const hub = await createHub()
    const { manifest } = prover.circuit.folder
    const { Lookups } = compile(exportVerifier(prover.key, { name: 'Lookups', setupKind: 'local' }))
    const verifier = await new ContractFactory(Lookups!.abi, Lookups!.bytecode, hub.dao).deploy()
    const [circuitHash, { vkHash }] = [manifest.circuitId, prover.metadata]
    await hub.verifiers.register(circuitHash, await verifier.getAddress(), vkHash, 1, '0x')
    const model = toBeHex(BigInt(manifest.modelCommitment), 32)
    await hub.keepers.publish(1, 4, model, hub.CID, 7)
    const described = hub.described(model, { circuitHash, vkHash })
    await hub.hub.connect(hub.owner).registerModel(described, hub.service, 4, OUTPUT.labelAndMargin)
    const modelId = 3
    const prove = async (context: bigint, seed: number) => {
      const input = Float64Array.from({ length: 16 }, (_, i) => (i * 37 + seed) % 256)
      const { proof, publicSignals } = await prover.prove({ input, integers: true, context })
      const { a, b, c } = toSolidityProof(proof)
      const solidity = { a: [...a], b: b.map((row) => [...row]), c: [...c] } as Proof
      return { proof: solidity, input: toBeHex(publicSignals[1]!, 32), output: publicSignals[2]! }
    }
    return { ...hub, modelId, prove }
  }

  it('is verified and recorded, and a changed proof or statement is not', async () => {
    const { hub, user, ticket, contextFor, encode, word, modelId, prove } = await world()
    const asked = await ticket({ version: 4n })
    const { proof, input, output } = await prove(await contextFor(user.address, modelId, asked), 1)
    const send = (said: bigint, with_: Proof) =>
      hub.connect(user).verifyInference(modelId, input, word(said), encode(with_, asked))
    await expect(send(output + 1n, proof)).to.be.revertedWithCustomError(hub, 'InvalidProof')
    const swapped: Proof = { ...proof, c: [proof.c[1], proof.c[0]] }
    await expect(send(output, swapped)).to.be.revertedWithCustomError(hub, 'InvalidProof')
    await expect(send(output, proof)).to.emit(hub, 'InferenceVerified').withArgs(modelId, input, word(output), user)
  })

  it('is verified in batches', async () => {
    const { hub, user, ticket, contextFor, modelId, prove } = await world()
    const asked = await ticket({ version: 4n })
    const made = await Promise.all(
      [1, 2, 3].map(async (seed, i) =>
        prove(await contextFor(user.address, modelId, { ...asked, nonce: await hub.batchNonce(asked.nonce, i) }), seed),
      ),
    )
    const [inputs, outputs, proofs] = [
      made.map(({ input }) => input),
      made.map(({ output }) => output),
      made.map(({ proof }) => proof),
    ]
    const send = (with_: Proof[]) => hub.connect(user).verifyInferenceBatch(modelId, inputs, outputs, with_, asked)
    await expect(send([proofs[1]!, proofs[0]!, proofs[2]!])).to.be.revertedWithCustomError(hub, 'InvalidProof')
    await send(proofs)
  })
})
