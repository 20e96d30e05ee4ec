// SPDX-License-Identifier: GPL-3.0-or-later
// The public face of the versions room for pages: a bundler takes it in place of index.ts. In a page, manifests and weights come as bytes.

export { rowsOfInput, tensorOfInput } from './input.ts'
export { decodeManifest, MAX_MANIFEST_BYTES } from './manifest.ts'
export { decodeModel, modelBytes } from './model-blob.ts'
export { commitToWeights, openManifest, provableModel, saltOf } from './provable.ts'
