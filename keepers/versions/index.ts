// SPDX-License-Identifier: GPL-3.0-or-later
// The public face of the versions room: what the members of a service, and whoever proves its models, agree on.

export {
  contradictionInPrivacy,
  declaredWeight,
  entryBound,
  meanBound,
  noiseDeviation,
  updateBound,
} from './bounds.ts'
export { VersionError, type VersionErrorCode } from './errors.ts'
export { fetchVersion, type VersionSource, type VersionWeights } from './fetch.ts'
export { decodeModel, decodeModelState, encodeModel, modelBytes } from './model-blob.ts'
export { profileHash, profileSchema, type ServiceProfile, specOf } from './profile.ts'
export { commitToWeights, type NamedModel, type ProvableModel, planOf, provableModel, saltOf } from './provable.ts'
