// SPDX-License-Identifier: GPL-3.0-or-later
// The door of the learning room for pages: a bundler takes it in place of index.ts. It names only what needs no Node.

export { columnsSchema, columnsWidth, contradictionInColumns } from './data/columns.ts'
export { contradictionInTensor, tensorSchema } from './data/tensors.ts'
export { bagSize, contradictionInTokenizer, tokenizerSchema } from './data/words.ts'
export { LearningError } from './errors.ts'
export { modelJson } from './model/artifacts.ts'
export { parseModelSpec, specHash } from './model/spec.ts'
export { initialWeights } from './model/vector.ts'
export { clientPrivacySchema } from './privacy/ledger.ts'
export { NOISE_TAIL, noiseShare } from './privacy/mechanism.ts'
export { meanNormBound } from './strategy/bound.ts'
export { strategyTermsSchema } from './strategy/module.ts'
export { serverSettingsSchema } from './strategy/server.ts'
