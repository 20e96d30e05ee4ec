// SPDX-License-Identifier: GPL-3.0-or-later
// Threshold CKKS over SEAL: the public face of this library. README.md states its guarantees, and against whom they hold.

// Rounds
export { aggregate, aggregateAsSeal, decodeAggregate } from './aggregation.ts'
export { aggregateInChunks, openAggregateMessage } from './chunked-aggregation.ts'
// Work that may be done elsewhere
export { ClaimCalculator, type ClaimHelper, type ClaimTask, checkClaimSums, claimTaskBytes } from './claim-task.ts'
export { combine } from './combination.ts'
// Keys
export { type ComplaintSubject, EVIDENCE_BYTES, judgeComplaint, keyHashOfEpoch, openComplaint } from './complaints.ts'
export { checkDecryptionShare, partialDecrypt } from './decryption.ts'
export { checkUpdate, encryptUpdate } from './encryption.ts'
// Engine
export { type Engine, type EngineOptions, openEngine } from './engine.ts'
export { generateEncryptionKey, importEncryptionKey } from './envelope.ts'
// Values
export { FheError, type FheErrorCode, type FheErrorDetail } from './errors.ts'
export { MemoryOnceGuard, onceNonce } from './guard.ts'
export { KEY_TEST_ROUND } from './header.ts'
// Inference on inputs that nobody but their owner sees
export { type AnswerRequest, answerInference, type ReadRequest, readInference } from './inference/answer.ts'
export { type DenseLayer, denseLayer, evaluateClear, type SquareNetwork } from './inference/network.ts'
export { type InferenceInputs, type InferenceRequest, requestInference } from './inference/request.ts'
export { InferenceRing } from './inference/ring.ts'
export { type InferenceTerms, type InferenceTermsOptions, inferenceTerms } from './inference/terms.ts'
// Keys
export { finishKeyGeneration, startKeyGeneration } from './key-generation.ts'
export { checkKeyTest, keyTestVector } from './key-test.ts'
export { exportMemberKey, importMemberKey } from './member-key.ts'
export { rosterHash } from './members.ts'
// Planning
export { PARAMETER_SET_NAMES, type ParameterSet, parameterSet, validateParameterSet } from './parameters.ts'
export { type Plan, type PlanOptions, plan, sumErrorBound } from './plan.ts'
export type { ClaimSeeds, ClaimSums } from './projection.ts'
export { Secret } from './secret.ts'
export { absentScalar, type Settlement, settleCheck } from './settlement.ts'
export {
  aggregateOfSlices,
  SLICE_MEMBERS,
  type SlicedMessage,
  sliceBytes,
  sliceCount,
  sliceCuts,
  sliceSumBytes,
  sliceSumOf,
  sumSlice,
} from './slices.ts'
export type * from './types.ts'
export {
  checkUpdatePoint,
  claimedScalar,
  claimScalar,
  readClaim,
  type UpdateClaim,
  updateClaim,
  updateMessageClaim,
} from './update-claim.ts'
export { checkUpdateMessage } from './update-message.ts'
