// SPDX-License-Identifier: GPL-3.0-or-later
// The public face of the network room: blobs by CID over libp2p and bitswap, with the DHT, relays, gateways and pinning services around them.

export { assemble, collectBytes } from './assembly.ts'
export { PUBLIC, parseBootstrap, relayedAddress } from './bootstrap.ts'
export { cidBytes, cidFromBytes, cidFromDigest, cidFromHex, cidHex } from './cid.ts'
export { type BlobWriter, DataPlane } from './data-plane.ts'
export type { DhtEvent, DhtOptions } from './dht.ts'
export { NetworkError, type NetworkErrorCode } from './errors.ts'
export { blobCid, CHUNK_BYTES, MAX_BLOB_BYTES, parseBlobCid } from './file-format.ts'
export { BlockGateway, type GatewayOptions, type LocalBlocks } from './gateway.ts'
export type { FetchOptions } from './gathering.ts'
export type { NodeOptions } from './node.ts'
export { isLoopback } from './pinning.ts'
export { parseProvider } from './provider.ts'
export { type Presence, portAnswers, presenceAt } from './reach.ts'
export type { StoredBlob } from './stored-blob.ts'
export { isWebRtc } from './webrtc.ts'
