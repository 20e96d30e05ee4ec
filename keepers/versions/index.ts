// SPDX-License-Identifier: GPL-3.0-or-later
// The public face of the versions room: everything about a version on which members and provers must agree. The manifest, the bounds, the blob of a
// model, and the commitment to its weights.

export {
  type AgreedDigests,
  agreedDigests,
  digestOf,
  disagreement,
  type ManifestSource,
  requireAgreed,
} from './agreed.ts'
export {
  contradictionInPrivacy,
  declaredWeight,
  entryBound,
  meanBound,
  noiseDeviation,
  updateBound,
} from './bounds.ts'
export { clip } from './clip.ts'
export { commitApart } from './commitment-thread.ts'
export { Coverage, type Covered } from './coverage.ts'
export { type EncryptionRequest, planFor } from './encryption.ts'
export { VersionError, type VersionErrorCode } from './errors.ts'
export { type ExampleChanges, exampleManifest, modelPart, USUAL_VOTE } from './examples.ts'
export {
  fetchManifest,
  fetchStart,
  fetchStrategy,
  fetchVersion,
  type VersionSource,
  type VersionWeights,
} from './fetch.ts'
export { rowsOfInput, type ServiceInput, tensorOfInput } from './input.ts'
export {
  decodeManifest,
  encodeManifest,
  MAX_MANIFEST_BYTES,
  manifestCid,
  manifestDigest,
  manifestHash,
  type ServiceManifest,
} from './manifest.ts'
export { readManifestFile } from './manifest-file.ts'
export { contradictionInModule } from './manifest-strategy.ts'
export { decodeModel, decodeModelState, encodeModel, modelBytes } from './model-blob.ts'
export { type OnnxForm, specOfOnnx } from './onnx.ts'
export {
  commitToWeights,
  endsInAffine,
  openManifest,
  type PlannedModel,
  type ProvableModel,
  provableGraph,
  provableModel,
  saltOf,
  specOf,
} from './provable.ts'
export { kindOfSamples, samplesOf, samplesText, takesDigits } from './samples.ts'
export { stalenessWeight, weighed, whyNotCarried } from './staleness.ts'
export { checkStart, firstWeights, startOf } from './start.ts'
export { answersOf, arrayReading, labelReading, lossOfTask, outputsOf, type ServiceTask } from './task.ts'
export { type RoundTerms, USUAL_TERMS } from './terms.ts'
