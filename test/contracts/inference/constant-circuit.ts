// SPDX-License-Identifier: GPL-3.0-or-later
// A classifier that says the same of every input: its one weight. Unlike the product's, its input commitment can be any number,
// a contract's hash for example; which inputs a commitment stands for is a matter of the circuits' own tests.
import { commitment } from './product-circuit.ts'
import { type Proof, type TinyCircuit, tinyCircuit } from './tiny-circuit.ts'

const SOURCE = `pragma circom 2.1.9;
template Constant() {
    signal input model;
    signal input inputCommitment;
    signal input result;
    signal input context;
    signal input weight;
    // A square stands in for the hash that commits in a real circuit.
    model === weight * weight;
    result === weight;
    // Bind both: a public signal in no constraint could be changed at will.
    signal bound[2];
    bound[0] <== inputCommitment * inputCommitment;
    bound[1] <== context * context;
}
component main {public [model, inputCommitment, result, context]} = Constant();
`

export type ConstantCircuit = Omit<TinyCircuit, 'prove'> & {
  /** A real proof that the model of this weight says so of the input, for one context. */
  prove(weight: bigint, inputCommitment: bigint, context: bigint): Promise<Proof>
}

let built: Promise<ConstantCircuit> | undefined

async function build(): Promise<ConstantCircuit> {
  const circuit = await tinyCircuit('constant', SOURCE)
  return {
    ...circuit,
    prove: (weight, inputCommitment, context) =>
      circuit.prove({ model: BigInt(commitment(weight)), inputCommitment, result: weight, context, weight }),
  }
}

/** The circuit, set up once in a process (about a second). */
export function constantCircuit(): Promise<ConstantCircuit> {
  built ??= build()
  return built
}
