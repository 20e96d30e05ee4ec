// SPDX-License-Identifier: GPL-3.0-or-later
// The smallest circuit with the public signals of an inference: a "model" of one weight that multiplies its one feature.
// Its set-up, proofs and verifier are real, so that the hub's tests verify what a chain would.
import { ContractFactory, hexlify, type Signer, toBeHex } from 'ethers'
import { type Proof, type TinyCircuit, tinyCircuit } from './tiny-circuit.ts'

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

export type { Proof }

export type ProductCircuit = Omit<TinyCircuit, 'prove'> & {
  /** A real proof that weight · feature is what the hub is told, for one context. */
  prove(weight: bigint, feature: bigint, context: bigint): Promise<Proof>
}

/** What a model of this weight, or an input of this feature, commits to. */
export function commitment(value: bigint): string {
  return toBeHex((value * value) % FIELD_ORDER, 32)
}

async function build(): Promise<ProductCircuit> {
  const circuit = await tinyCircuit('product', SOURCE)
  return {
    ...circuit,
    prove: (weight, feature, context) =>
      circuit.prove({
        model: BigInt(commitment(weight)),
        inputCommitment: BigInt(commitment(feature)),
        result: (weight * feature) % FIELD_ORDER,
        context,
        weight,
        feature,
      }),
  }
}

let built: Promise<ProductCircuit> | undefined

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
