// SPDX-License-Identifier: GPL-3.0-or-later
// The public face of the circuit room: integer program → circom → constraints, witness program and commitments.
export { type Batch, batchInputs, batchSignals, commitBatch } from './batch.ts'
export {
  type CommitmentDomain,
  commitInput,
  commitModel,
  commitmentHeader,
  commitSegments,
  commitWeights,
  packSegments,
  randomSalt,
  type Segment,
} from './commitment.ts'
export {
  type CompiledCircuit,
  type CompileOptions,
  circuitKey,
  compileCached,
  compileCircuit,
  type Simplification,
} from './compile.ts'
export { commitBytes, digestSignal } from './digest.ts'
export {
  type BabyPoint,
  type EddsaSignature,
  eddsaMaterial,
  eddsaPublicKey,
  eddsaSign,
  isEddsaKey,
  isEddsaSignature,
  SEED_BYTES,
} from './eddsa.ts'
export { CircuitError, type CircuitErrorCode } from './errors.ts'
export { isInParts, type PartCommitment, type PartVisibilities, partsFault, placedParts, saltedParts } from './parts.ts'
export { poseidon, poseidonChain } from './poseidon.ts'
export {
  expectedSignals,
  inputParts,
  inputSignal,
  modelCommitmentOf,
  outputParts,
  plainResult,
  type Salts,
  type Sample,
  witnessInputs,
} from './prepare.ts'
export { type ContentSignature, isSignedContent, signContent, signedCommitment, signedMessage } from './signed.ts'
export { type CircuitInputs, WitnessProgram } from './witness.ts'
export { type BatchOptions, type BatchStatement, type Bin, markOf, writeBatchCircuit } from './write/batch.ts'
export { writeCircuit } from './write/main.ts'
export { networkSource } from './write/network.ts'
export { type CircuitOptions, PUBLIC_SIGNALS } from './write/statement.ts'
