// SPDX-License-Identifier: GPL-3.0-or-later
// The door of the zkml room for pages: a bundler takes it in place of index.ts. It names only what needs no Node.

export { SCALAR_FIELD } from './bn254.ts'
export * from './circuit/index.ts'
export { CompileError } from './graph/errors.ts'
export * from './graph/program.ts'
export { importTfjs } from './import/tfjs/import.ts'
export { InferenceError } from './inference/errors.ts'
export { parseManifest } from './inference/manifest.ts'
export { PageProver } from './inference/page.ts'
export {
  isTwoRoundKey,
  keyHash as verificationKeyHash,
  parseKey as parseVerificationKey,
  verifyAny as verifyProof,
} from './inference/systems.ts'
export { downloadKey } from './prove/key-download.ts'
export { encodeReals } from './quantise/input.ts'
export { interpret } from './quantise/interpret.ts'
export { planSchema } from './quantise/plan.ts'
export { buildWithPlan, encodeInput } from './quantise/quantise.ts'
export { parseKeyMetadata } from './setup/metadata.ts'
export { fromSolidityProof, type SolidityProof, toSolidityProof } from './verifier/calldata.ts'
