// SPDX-License-Identifier: GPL-3.0-or-later
// The public face of the serving room: requests for proven inferences, and their answers.
export { ServingError, type ServingErrorCode } from './errors.ts'
export { commitmentOf, decodePayload, encodePayload, type InputPayload, integersOf } from './payload.ts'
export { type InferenceOrder, requestInference } from './requester.ts'
export { type Answer, InferenceServer, type ServerOptions } from './server.ts'
export { fetchVersion, type VersionSource, type VersionWeights } from './version.ts'
