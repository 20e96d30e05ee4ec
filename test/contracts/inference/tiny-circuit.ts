// SPDX-License-Identifier: GPL-3.0-or-later
// Circuits of a few constraints with the public signals of an inference. Their set-ups, proofs and verifiers are real, so
// that the contracts' tests verify what a chain would.
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ContractFactory, id, type Signer } from 'ethers'
import { curves, groth16, powersOfTau, wtns, zKey } from 'snarkjs'
import { exportVerifier } from '../../../keepers/zkml/verifier/solidity.ts'
import { parseVerificationKey, verificationKeyHash } from '../../../keepers/zkml/verifier/verification-key.ts'
import { compile } from '../../../scripts/solc.ts'

export type Proof = { a: [bigint, bigint]; b: [[bigint, bigint], [bigint, bigint]]; c: [bigint, bigint] }

export type TinyCircuit = {
  /** Circuit id in the VerifierRegistry. */
  readonly id: string
  readonly vkHash: string
  /** The verifier says of itself that its key is from a local set-up, which is true, or from a ceremony. */
  deployVerifier(signer: Signer, setup?: 'local' | 'ceremony'): Promise<{ getAddress(): Promise<string> }>
  prove(inputs: Record<string, bigint>): Promise<Proof>
}

let used = false
const memory = () => ({ type: 'mem' as const })

/** Compiles and sets up `source`, whose public signals are the four of an inference (about a second). */
export async function tinyCircuit(name: string, source: string): Promise<TinyCircuit> {
  used = true
  const folder = await mkdtemp(join(tmpdir(), `cohort-${name}-`))
  try {
    await writeFile(join(folder, 'tiny.circom'), source)
    const circom = createRequire(import.meta.url).resolve('circom2/cli.js')
    await promisify(execFile)(process.execPath, [circom, 'tiny.circom', '--r1cs', '--wasm', '-o', '.'], { cwd: folder })
    const wasm = new Uint8Array(await readFile(join(folder, 'tiny_js', 'tiny.wasm')))
    const [accumulator, contributed, phase2, initial, key] = Array.from({ length: 5 }, memory) as ReturnType<
      typeof memory
    >[]
    const curve = await curves.getCurveFromName('bn128')
    await powersOfTau.newAccumulator(curve, 4, accumulator!)
    await powersOfTau.contribute(accumulator!, contributed!, 'test', 'entropy of a test')
    await powersOfTau.preparePhase2(contributed!, phase2!)
    await zKey.newZKey(join(folder, 'tiny.r1cs'), phase2!, initial!)
    await zKey.contribute(initial!, key!, 'test', 'more entropy of a test')
    const vkey = parseVerificationKey(await zKey.exportVerificationKey(key!))
    const contractOf = (setupKind: 'local' | 'ceremony') =>
      compile(exportVerifier(vkey, { name: 'TinyVerifier', setupKind })).TinyVerifier!
    const local = contractOf('local')
    return {
      id: id(`cohort test circuit: ${name}`),
      vkHash: verificationKeyHash(vkey),
      async deployVerifier(signer, setup = 'local') {
        const contract = setup === 'local' ? local : contractOf(setup)
        const deployed = await new ContractFactory(contract.abi, contract.bytecode, signer).deploy()
        await deployed.waitForDeployment()
        return deployed
      },
      async prove(inputs) {
        const witness = memory()
        await wtns.calculate(inputs, wasm, witness, { memorySize: 1 })
        const { proof } = await groth16.prove(key!, witness)
        return toCalldata(proof)
      },
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** snarkjs' proof in the order of the precompile: imaginary parts first. */
function toCalldata(proof: { pi_a: string[]; pi_b: string[][]; pi_c: string[] }): Proof {
  const g1 = ([x, y]: string[]): [bigint, bigint] => [BigInt(x!), BigInt(y!)]
  const flip = ([re, im]: string[]): [bigint, bigint] => [BigInt(im!), BigInt(re!)]
  return { a: g1(proof.pi_a), b: [flip(proof.pi_b[0]!), flip(proof.pi_b[1]!)], c: g1(proof.pi_c) }
}

// snarkjs keeps one curve and its worker threads for the process, which could not end with them.
after(async () => {
  if (used) await (await curves.getCurveFromName('bn128')).terminate()
})
