// SPDX-License-Identifier: GPL-3.0-or-later
// The public face of the identity app: credentials, drawn faces and the network that reads them, lists, and proofs for a gate.

export { type CircuitChoice, identityCircuit, listCircuit } from './circuit.ts'
export { type CountryWords, countriesText, countrySet } from './countries.ts'
export {
  type Capture,
  type Credential,
  type CredentialFields,
  documentKey,
  holderOf,
  issueCredential,
  nullifierOf,
  signCapture,
} from './credential.ts'
export { dateOfDay, parseDate } from './dates.ts'
export { IdentityError, type IdentityErrorCode } from './errors.ts'
export { BRIGHTEST, drawFace, FACE_SIDE } from './faces.ts'
export {
  type PassProof,
  parseKeyMaterial,
  readCapture,
  readCredential,
  readPassProof,
  readPicture,
  readWallet,
  writeCapture,
  writeCredential,
  writePassProof,
  writePicture,
  writeWallet,
} from './files.ts'
export { deployGate, type ExpectedPolicy, GateClient, type GatePolicy, type GateStatement } from './gate-client.ts'
export { IntervalList, LIST_DEPTH, type ListChange } from './interval-list.ts'
export { deployLists, ListClient, type ListView } from './list-client.ts'
export { PEOPLE, trainFaceModel } from './model.ts'
export { embeddingOf, enrol, faceProgram, isNear, NEARNESS, nearness } from './network.ts'
export { ENROLMENT_SHOTS, type FaceScores, faceScores, type RatePoint, ratesAt, thresholdFor } from './rates.ts'
export { CHOSEN_ON, faceModel, JUDGED, savedFaceModel } from './saved.ts'
export { commitPicture, identitySource, listSource } from './source.ts'
export { type GateQuestion, type IdentityInputs, identityInputs } from './statement.ts'
