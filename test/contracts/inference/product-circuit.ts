// SPDX-License-Identifier: GPL-3.0-or-later
// The smallest circuit with the public signals of an inference: a "model" of one weight that multiplies its one feature.
// Its set-up, proofs and verifier are real, so that the hub's tests verify what a chain would.
import { ContractFactory, hexlify, id, type Signer, toBeHex } from 'ethers'
import { buildBn128 } from 'ffjavascript'
import { type Proof, type TinyCircuit, tinyCircuit } from './tiny-circuit.ts'

export const FIELD_ORDER = 21888242871839275222246405745257275088548364400416034343698204186575808495617n
export const BASE_ORDER = 21888242871839275222246405745257275088696311157297823662689037894645226208583n

/**
 * `product` gives weight · feature. `link` gives what commits to it, so that its output is the input commitment of the
 * next circuit in a chain.
 */
export type ProductKind = 'product' | 'link'

const RESULT: Readonly<Record<ProductKind, string>> = { product: 'product', link: 'product * product' }

const source = (kind: ProductKind) => `pragma circom 2.1.9;
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
    signal product;
    product <== weight * feature;
    result === ${RESULT[kind]};
    // Binds the context: a public signal in no constraint could be changed at will.
    signal bound;
    bound <== context * context;
}
component main {public [model, inputCommitment, result, context]} = Product();
`

export type { Proof }

export type ProductCircuit = Omit<TinyCircuit, 'prove'> & {
  /** The third public signal for this weight and feature. */
  resultOf(weight: bigint, feature: bigint): bigint
  /** A real proof that weight · feature is what the hub is told, for one context. */
  prove(weight: bigint, feature: bigint, context: bigint): Promise<Proof>
}

/** What a model of this weight, or an input of this feature, commits to. */
export function commitment(value: bigint): string {
  return toBeHex((value * value) % FIELD_ORDER, 32)
}

async function build(kind: ProductKind): Promise<ProductCircuit> {
  const circuit = await tinyCircuit(kind, source(kind))
  const resultOf = (weight: bigint, feature: bigint) => {
    const product = (weight * feature) % FIELD_ORDER
    return kind === 'product' ? product : (product * product) % FIELD_ORDER
  }
  return {
    ...circuit,
    resultOf,
    prove: (weight, feature, context) =>
      circuit.prove({
        model: BigInt(commitment(weight)),
        inputCommitment: BigInt(commitment(feature)),
        result: resultOf(weight, feature),
        context,
        weight,
        feature,
      }),
  }
}

const built = new Map<ProductKind, Promise<ProductCircuit>>()

/** The circuit, set up once in a process (about a second). */
export function productCircuit(kind: ProductKind = 'product'): Promise<ProductCircuit> {
  const known = built.get(kind)
  if (known !== undefined) return known
  const circuit = build(kind)
  built.set(kind, circuit)
  return circuit
}

/** Another proof of the same statement, made from the proof alone: (A/s, s·B, C). */
export async function rerandomise({ a, b, c }: Proof, s = 12345n): Promise<Proof> {
  const { G1, G2, Fr } = await buildBn128(true)
  const scale = Fr.e(s)
  const [ax, ay] = G1.toObject(G1.toAffine(G1.timesFr(G1.fromObject([...a, 1n]), Fr.inv(scale)))) as bigint[]
  const point = G2.fromObject([
    [b[0][1], b[0][0]],
    [b[1][1], b[1][0]],
    [1n, 0n],
  ])
  const [bx, by] = G2.toObject(G2.toAffine(G2.timesFr(point, scale))) as bigint[][]
  return {
    a: [ax!, ay!],
    b: [
      [bx![1]!, bx![0]!],
      [by![1]!, by![0]!],
    ],
    c,
  } as Proof
}

/** A contract that answers `SETUP_KIND()` with `setup` and every other call with `word`: a verifier as far as a registry looks. */
export async function deployStub(signer: Signer, word: bigint, setup: 1 | 2): Promise<string> {
  // selector == SETUP_KIND() ? setup : word
  const branch = `5f3560e01c63${id('SETUP_KIND()').slice(2, 10)}14603557`
  const runtime = `${branch}7f${toBeHex(word, 32).slice(2)}5f5260205ff35b600${setup}5f5260205ff3`
  const deployed = await new ContractFactory([], `0x603e600c600039603e6000f3${runtime}`, signer).deploy()
  return await (await deployed.waitForDeployment()).getAddress()
}

/** A contract that answers every call with the 32 bytes of `word`: for verifiers that state a wrong key. */
export async function deployConstant(signer: Signer, word: bigint): Promise<string> {
  // push32 word, mstore at 0, return 32 bytes.
  const runtime = `7f${hexlify(toBeHex(word, 32)).slice(2)}60005260206000f3`
  const initCode = `0x6029600c60003960296000f3${runtime}`
  const deployed = await new ContractFactory([], initCode, signer).deploy()
  return await (await deployed.waitForDeployment()).getAddress()
}
