// SPDX-License-Identifier: GPL-3.0-or-later
// The public face of the serving room: asks the hub for proven inferences and posts proving jobs, and answers both.

export {
  BYTE_CIRCUIT,
  byteProgram,
  proveBytes,
  type Reading,
  readBytes,
  readingOf,
  requireByteCircuit,
  TAG_BYTES,
} from './byte-circuit.ts'
export { listModels, type ModelEntry, type Offer, offerModel } from './catalogue.ts'
export { ServingError, type ServingErrorCode } from './errors.ts'
export {
  answersIn,
  type JobStatus,
  type JobView,
  type LoggedAnswer,
  readJob,
  type SlotView,
  type SubmittedAnswer,
} from './job-state.ts'
export { OUTPUT_FORMS, type OutputForm, outputSchemaOf, readScore } from './output-schema.ts'
export {
  commitmentOf,
  decodePayload,
  encodePayload,
  type InputPayload,
  integersOf,
  type PreparedInput,
  prepareInput,
} from './payload.ts'
export { type CommittedInput, commitRounded, type PreparedSegment, prepareSegment } from './prepare-segment.ts'
export type { ProverEvent, ProverTotals } from './prover-account.ts'
export { readWitness } from './prover-jobs.ts'
export { awaitJob, type JobResult, type PostedJob, type ProvingOrder, postJob } from './prover-post.ts'
export { ProverService, type ProverServiceOptions } from './prover-service.ts'
export { CircuitShelf, circuitsOf, type ShelfOptions } from './prover-shelf.ts'
export { type ReleasedCircuit, type ReleasedCircuitOptions, releasedCircuit } from './released-circuit.ts'
export {
  type InferenceOrder,
  postRequest,
  type RequestStatus,
  type RequestView,
  readRequest,
  refundRequest,
  requestInference,
  waitForAnswer,
  withdrawBalance,
} from './requester.ts'
export { type ServeOptions, serveRequests } from './serve.ts'
export { type Answer, InferenceServer, type ServerOptions } from './server.ts'
export { type DeployedVerifier, deployKeyVerifier, deployVerifier } from './verifier-contract.ts'
