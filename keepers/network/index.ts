// SPDX-License-Identifier: GPL-3.0-or-later

export { assemble, collectBytes } from './assembly.ts'
export { PUBLIC, parseBootstrap, relayedAddress } from './bootstrap.ts'
export { cidBytes, cidFromBytes, cidFromDigest, cidFromHex, cidHex } from './cid.ts'
export { DataPlane, type FetchOptions, parseProvider } from './data-plane.ts'
export type { DhtEvent, DhtOptions } from './dht.ts'
export { NetworkError, type NetworkErrorCode } from './errors.ts'
export { blobCid, MAX_BLOB_BYTES, parseBlobCid } from './file-format.ts'
export { BlockGateway, type GatewayOptions, type LocalBlocks } from './gateway.ts'
export type { NodeOptions } from './node.ts'
export { isLoopback } from './pinning.ts'
export { type Presence, portAnswers, presenceAt } from './reach.ts'
export { isWebRtc } from './webrtc.ts'
