// SPDX-License-Identifier: GPL-3.0-or-later
// A "model" whose reading of an input the test chooses: whoever knows its weight can prove any output. What the circuit
// binds is what a real one binds, the four public signals; so a contract that takes its proofs is tested for real.
import { FIELD_ORDER } from '../inference/product-circuit.ts'
import { type Proof, type TinyCircuit, tinyCircuit } from '../inference/tiny-circuit.ts'

const SOURCE = `pragma circom 2.1.9;
template Reading() {
    signal input model;
    signal input inputCommitment;
    signal input result;
    signal input context;
    signal input weight;
    model === weight * weight;
    // Binds the other three: a public signal in no constraint could be changed at will.
    signal bound[3];
    bound[0] <== inputCommitment * inputCommitment;
    bound[1] <== result * result;
    bound[2] <== context * context;
}
component main {public [model, inputCommitment, result, context]} = Reading();
`

/** What a model of this circuit read: [model, inputCommitment, output, context] but for the model, given by its weight. */
export type Reading = { weight: bigint; inputCommitment: bigint; output: bigint; context: bigint }

export type ReadingCircuit = Omit<TinyCircuit, 'prove'> & { prove(reading: Reading): Promise<Proof> }

let built: Promise<ReadingCircuit> | undefined

/** The circuit, set up once in a process (about a second). */
export function readingCircuit(): Promise<ReadingCircuit> {
  built ??= tinyCircuit('reading', SOURCE).then((circuit) => ({
    ...circuit,
    prove: ({ weight, inputCommitment, output, context }) =>
      circuit.prove({
        model: (weight * weight) % FIELD_ORDER,
        inputCommitment,
        result: output,
        context,
        weight,
      }),
  }))
  return built
}

/** The output of a circuit that gives a label and its margin. */
export function labelled(label: bigint | number, margin: bigint | number): bigint {
  return BigInt(label) + (BigInt(margin) << 16n)
}
