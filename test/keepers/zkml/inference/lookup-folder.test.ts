// SPDX-License-Identifier: GPL-3.0-or-later
// A folder of Groth16 in two rounds, from the program to a proof; and manifests and proofs that pass one system off as the other.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import {
  type CircuitManifest,
  circuitIdOf,
  compileFolder,
  InferenceCircuit,
  InferenceError,
  InferenceProver,
  openFolder,
  parseProof,
  proofToJson,
  readFolderKey,
  setupFolder,
  verifyProof,
} from '../../../../keepers/zkml/index.ts'
import { smallClassifier } from '../circuit/programs.ts'

describe('a folder of Groth16 in two rounds', function () {
  this.timeout(120_000)
  let home = ''
  let genuine: CircuitManifest
  const manifestPath = () => join(home, 'circuit.json')

  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'cohort-lookup-'))
    const made = await compileFolder({ folder: home, program: smallClassifier(), system: 'groth16-lookup' })
    genuine = made.manifest
    await setupFolder(home, { threads: 1 })
  })
  after(() => rm(home, { recursive: true }))
  afterEach(() => writeFile(manifestPath(), JSON.stringify(genuine)))

  it('proves and verifies, and its proof is none of the other system', async () => {
    const prover = await InferenceProver.open(home)
    try {
      const input = Array.from({ length: 16 }, (_, i) => 15 * i)
      const { proof, publicSignals } = await prover.prove({ input, integers: true, context: 5n })
      expect(await verifyProof(prover.key, proof, publicSignals)).to.equal(true)
      expect(await verifyProof(prover.key, proof, [...publicSignals.slice(0, 3), 6n])).to.equal(false)
      const { a, b, c } = proof
      expect(await verifyProof(prover.key, { a, b, c }, publicSignals)).to.equal(false)
      const json = proofToJson(proof)
      expect(parseProof(JSON.parse(JSON.stringify(json)))).to.deep.equal(proof)
      expect(() => parseProof({ ...json, protocol: 'groth16' })).to.throw(/pi_c/)
    } finally {
      await prover.close()
    }
  })

  it('is refused with a manifest that lies', async () => {
    const { rounds, circuitId, ...rest } = genuine
    const wider = { challenges: 1, firstRound: rounds!.firstRound + 1 }
    const shape = { publicSignals: 4, ...wider }
    const refused = async (manifest: object, open: (folder: string) => Promise<unknown>, message: RegExp) => {
      await writeFile(manifestPath(), JSON.stringify(manifest))
      const error = await open(home).then(
        () => null,
        (reason: unknown) => reason,
      )
      expect(error).to.be.instanceOf(InferenceError).with.property('message').that.matches(message)
    }
    const another = circuitIdOf(`0x${'12'.repeat(32)}`)
    await refused({ ...genuine, circuitId: another }, openFolder, /circuitId is not that of its r1csSha256/)
    await refused({ ...genuine, system: 'groth16' }, openFolder, /circuitId is not that of its r1csSha256/)
    await refused({ ...genuine, rounds: wider }, openFolder, /circuitId is not that of its r1csSha256/)
    await refused({ ...rest, circuitId }, openFolder, /without its rounds/)
    const consistent = { ...genuine, rounds: wider, circuitId: circuitIdOf(genuine.r1csSha256, shape) }
    await refused(consistent, InferenceCircuit.open, /or its rounds differ/)
    await refused(consistent, async (folder) => readFolderKey(await openFolder(folder)), /wires before 1 challenges/)
    await writeFile(manifestPath(), JSON.stringify(genuine))
    await openFolder(home)
  })
})
