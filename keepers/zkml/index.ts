// SPDX-License-Identifier: GPL-3.0-or-later
// The public face of zkML: import → quantise → circuit → set-up → prove → verify.

// The back half. Browsers import prove/wasm.ts, prove/verify.ts and circuit/witness.ts by themselves: those need no Node.
export { SCALAR_FIELD } from './bn254.ts'
export { applyBeacon, contribute, startCeremony } from './ceremony/ceremony.ts'
export { CeremonyError, type CeremonyErrorCode } from './ceremony/errors.ts'
export { type CeremonyStep, readTranscript, type Transcript } from './ceremony/transcript.ts'
export type { Rounds } from './ceremony/two-round/steps.ts'
export { finalizeCeremony, verifyCeremony } from './ceremony/verify.ts'
export * from './circuit/index.ts'
export { type ByteReading, readingBytes } from './graph/bytes.ts'
export { CompileError, type CompileErrorCode, type ErrorPlace } from './graph/errors.ts'
export { argMax, evaluate } from './graph/evaluate.ts'
export type * from './graph/layers.ts'
export * from './graph/program.ts'
export { programFromJson, programToJson } from './graph/serialise.ts'
export type * from './graph/types.ts'
export { importModelFile } from './import/files.ts'
export { importOnnx, type OnnxOptions } from './import/onnx/import.ts'
export { onnxOperators } from './import/onnx/run.ts'
export { importTfjs, importTfjsArtifacts, type TfjsArtifacts, tfjsLayers } from './import/tfjs/import.ts'
export { chooseSystem, proofSeconds, type SystemChoice } from './inference/choose-system.ts'
export {
  batchCommitment,
  type ClaimProof,
  ClaimProver,
  type ClaimRequest,
  integersOf,
  type MarkedBatch,
  strongestClaim,
} from './inference/claim.ts'
export { InferenceError, type InferenceErrorCode } from './inference/errors.ts'
export { type CircuitFolder, checkFolder, compileFolder, openFolder, withWeights } from './inference/folder.ts'
export {
  exportVerificationKey,
  readFolderKey,
  readKeyFor,
  setupFolder,
  statesItsKey,
  withFolderKey,
} from './inference/keys.ts'
export {
  type CircuitManifest,
  type Claim,
  circuitIdOf,
  folderPaths,
  optionsOf,
  parseManifest,
  readManifest,
  shapeBeside,
} from './inference/manifest.ts'
export { type PageCircuit, type PageProof, PageProver, type PageRequest } from './inference/page.ts'
export {
  InferenceCircuit,
  type InferenceProof,
  InferenceProver,
  type InferenceRequest,
  type InferenceWitness,
} from './inference/prover.ts'
export {
  compileSource,
  isSourceFolder,
  openSource,
  readSourceKey,
  type SourceCircuit,
  SourceProver,
  setupSource,
} from './inference/source.ts'
// Keys and proofs of either system. Functions for one system alone are imported from their own files.
export {
  type AnyKey as VerificationKey,
  type AnyProof as Proof,
  type AnyProofWithSignals as ProofWithSignals,
  anyProofToJson as proofToJson,
  exportAnyVerifier as exportVerifier,
  isTwoRoundKey,
  keyHash as verificationKeyHash,
  keyToJson as verificationKeyToJson,
  type ProofSystem,
  parseAnyProof as parseProof,
  parseKey as parseVerificationKey,
  verifyAny as verifyProof,
} from './inference/systems.ts'
export { LookupCircuit } from './lookup/circuit.ts'
export { domainOf, type LookupCost, lookupCost } from './lookup/cost.ts'
export type { ProveOptions, Prover, ProverBackend } from './prove/backend.ts'
export { proveAll, verifyBatch } from './prove/batch.ts'
export { ProveError, type ProveErrorCode } from './prove/errors.ts'
export { downloadKey } from './prove/key-download.ts'
export { PROOF_BYTES, type PublicSignals, parsePublicSignals, publicSignalsToJson } from './prove/proof.ts'
export { rapidsnarkBackend } from './prove/rapidsnark.ts'
export { snarkjsBackend } from './prove/snarkjs.ts'
export { tablesPath } from './prove/tables.ts'
export { openTwoRound, type TwoRoundProver } from './prove/two-round.ts'
export {
  parseTwoRoundProof,
  type TwoRoundProof,
  type TwoRoundProofWithSignals,
  twoRoundProofToJson,
} from './prove/two-round-proof.ts'
export { verifyTwoRound, verifyTwoRoundBatch } from './prove/two-round-verify.ts'
export { packValues, type TwoPassWitness } from './prove/two-round-witness.ts'
export { wasmBackend } from './prove/wasm.ts'
export { encodeWitnessFile } from './prove/witness-file.ts'
export {
  accuracyOf,
  countHeld,
  floatScores,
  programScores,
  relativeError,
  type Samples,
  targetLabels,
} from './quantise/accuracy.ts'
export { type CostOptions, type CostReport, programCost } from './quantise/cost.ts'
export { type Encoded, encodeReals } from './quantise/input.ts'
export { interpret, type Trace } from './quantise/interpret.ts'
export {
  type BitChoice,
  DEFAULT_KNOBS,
  type Knobs,
  type LayerPlan,
  type Plan,
  planFromJson,
  planSchema,
  planToJson,
} from './quantise/plan.ts'
export { proveBounds } from './quantise/prove.ts'
export { buildWithPlan, type Calibrated, calibrate, encodeInput, type QuantiseOptions } from './quantise/quantise.ts'
export { type SearchOptions, type SearchResult, type SearchStep, searchBits } from './quantise/search.ts'
export { formatProgramTable, programTable, type TableRow } from './quantise/table.ts'
export {
  type ChainFault,
  chainFault,
  type SegmentedSample,
  type SegmentSample,
  traceSegments,
} from './segment/chain.ts'
export {
  openSegments,
  readSegmentsManifest,
  type SegmentFolders,
  type SegmentsManifest,
  type SplitFolderOptions,
  splitFolder,
  traceFolders,
} from './segment/folder.ts'
export { type ProgramSegment, splitProgram } from './segment/split.ts'
export { SetupError, type SetupErrorCode } from './setup/errors.ts'
export { type LocalSetupOptions, type SetupProgress, setupLocal } from './setup/local.ts'
export { type KeyMetadata, metadataPath, parseKeyMetadata, readKeyMetadata, type SetupKind } from './setup/metadata.ts'
export { checkPartition, type Definition, type Partition } from './setup/partition.ts'
export { writeAtomically } from './setup/section-file.ts'
export { type TablesOptions, type TablesWritten, writeTables } from './setup/tables.ts'
export { setupTwoRound } from './setup/two-round.ts'
export { bordersOf, type TwoRoundShape } from './setup/two-round-shape.ts'
export { parseTwoRoundZkey, type TwoRoundZkey } from './setup/two-round-zkey.ts'
export { parseZkey, type Zkey } from './setup/zkey.ts'
export {
  encodeBatchCalldata,
  encodeVerifyCalldata,
  fromSolidityProof,
  type SolidityProof,
  toSolidityProof,
} from './verifier/calldata.ts'
export type { ExportVerifierOptions } from './verifier/solidity.ts'
export {
  challengesOf,
  parseTwoRoundKey,
  TWO_ROUND_SYSTEM,
  type TwoRoundKey,
  twoRoundKeyHash,
  twoRoundKeyOf,
  twoRoundKeyToJson,
} from './verifier/two-round-key.ts'
export { verificationKeyOf } from './verifier/verification-key.ts'
