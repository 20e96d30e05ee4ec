// SPDX-License-Identifier: GPL-3.0-or-later
// The smallest circuit with the public signals of an inference: a "model" of one weight that multiplies its one feature.
// Its set-up, proofs and verifier are real, so that the hub's tests verify what a chain would.
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ContractFactory, hexlify, id, type Signer, toBeHex } from 'ethers'
import { curves, groth16, powersOfTau, wtns, zKey } from 'snarkjs'
import { exportVerifier } from '../../../keepers/zkml/verifier/solidity.ts'
import { parseVerificationKey, verificationKeyHash } from '../../../keepers/zkml/verifier/verification-key.ts'
import { compile } from './compile.ts'

export const FIELD_ORDER = 21888242871839275222246405745257275088548364400416034343698204186575808495617n
export const BASE_ORDER = 21888242871839275222246405745257275088696311157297823662689037894645226208583n

const SOURCE = `pragma circom 2.1.9;
template Product() {
    signal input model;
    signal input inputCommitment;
    signal input result;
    signal input context;
    signal input weight;
    signal input feature;
    // Squares stand in for the hashes that commit in a real circuit.
    model === weight * weight;
    inputCommitment === feature * feature;
    result === weight * feature;
    // Binds the context: a public signal in no constraint could be changed at will.
    signal bound;
    bound <== context * context;
}
component main {public [model, inputCommitment, result, context]} = Product();
`

export type Proof = { a: [bigint, bigint]; b: [[bigint, bigint], [bigint, bigint]]; c: [bigint, bigint] }

export type ProductCircuit = {
  /** Circuit id in the VerifierRegistry. */
  readonly id: string
  readonly vkHash: string
  deployVerifier(signer: Signer): Promise<{ getAddress(): Promise<string> }>
  /** A real proof that weight · feature is what the hub is told, for one context. */
  prove(weight: bigint, feature: bigint, context: bigint): Promise<Proof>
}

/** What a model of this weight, or an input of this feature, commits to. */
export function commitment(value: bigint): string {
  return toBeHex((value * value) % FIELD_ORDER, 32)
}

const memory = () => ({ type: 'mem' as const })

async function build(): Promise<ProductCircuit> {
  const folder = await mkdtemp(join(tmpdir(), 'cohort-product-'))
  try {
    await writeFile(join(folder, 'product.circom'), SOURCE)
    const circom = createRequire(import.meta.url).resolve('circom2/cli.js')
    await promisify(execFile)(process.execPath, [circom, 'product.circom', '--r1cs', '--wasm', '-o', '.'], {
      cwd: folder,
    })
    const wasm = new Uint8Array(await readFile(join(folder, 'product_js', 'product.wasm')))
    const [accumulator, contributed, phase2, initial, key] = Array.from({ length: 5 }, memory) as ReturnType<
      typeof memory
    >[]
    const curve = await curves.getCurveFromName('bn128')
    await powersOfTau.newAccumulator(curve, 4, accumulator!)
    await powersOfTau.contribute(accumulator!, contributed!, 'test', 'entropy of a test')
    await powersOfTau.preparePhase2(contributed!, phase2!)
    await zKey.newZKey(join(folder, 'product.r1cs'), phase2!, initial!)
    await zKey.contribute(initial!, key!, 'test', 'more entropy of a test')
    const vkey = parseVerificationKey(await zKey.exportVerificationKey(key!))
    const contract = compile(exportVerifier(vkey, { name: 'ProductVerifier', setupKind: 'local' })).ProductVerifier!
    return {
      id: id('cohort test circuit: product'),
      vkHash: verificationKeyHash(vkey),
      async deployVerifier(signer) {
        const deployed = await new ContractFactory(contract.abi, contract.bytecode, signer).deploy()
        await deployed.waitForDeployment()
        return deployed
      },
      async prove(weight, feature, context) {
        const witness = memory()
        const inputs = {
          model: BigInt(commitment(weight)),
          inputCommitment: BigInt(commitment(feature)),
          result: (weight * feature) % FIELD_ORDER,
          context,
          weight,
          feature,
        }
        await wtns.calculate(inputs, wasm, witness)
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

let built: Promise<ProductCircuit> | undefined

// snarkjs keeps one curve and its worker threads for the process, which could not end with them.
after(async () => {
  if (built !== undefined) await (await curves.getCurveFromName('bn128')).terminate()
})

/** The circuit, set up once in a process (about a second). */
export function productCircuit(): Promise<ProductCircuit> {
  built ??= build()
  return built
}

/** A contract that answers every call with the 32 bytes of `word`: for verifiers that state a wrong key. */
export async function deployConstant(signer: Signer, word: bigint): Promise<string> {
  // push32 word, mstore at 0, return 32 bytes.
  const runtime = `7f${hexlify(toBeHex(word, 32)).slice(2)}60005260206000f3`
  const initCode = `0x6029600c60003960296000f3${runtime}`
  const deployed = await new ContractFactory([], initCode, signer).deploy()
  return await (await deployed.waitForDeployment()).getAddress()
}
