// SPDX-License-Identifier: GPL-3.0-or-later
// The public face of the network room for pages: a bundler takes it in place of index.ts. In a page, blobs come from gateways, not over libp2p.

export { assemble, collectBytes } from './assembly.ts'
export { cidBytes, cidFromBytes, cidFromDigest, cidFromHex, cidHex } from './cid.ts'
export { NetworkError } from './errors.ts'
export { blobCid, MAX_BLOB_BYTES, parseBlobCid } from './file-format.ts'
