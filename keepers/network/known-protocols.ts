// SPDX-License-Identifier: GPL-3.0-or-later
// Skips notes that say nothing new. With each stream, at either end, libp2p notes that the peer speaks its protocol: it reads the peer's record,
// parses all its addresses, sorts its protocols, and writes the record. A keeper opens hundreds of streams per round to the same few peers, for the
// same two protocols.
import type { PeerId, PeerStore } from '@libp2p/interface'

/** Milliseconds after which a note is repeated, because libp2p forgets peers without notes after hours. */
const AGAIN_MS = 600_000

/** Most peers to remember: more than a keeper has connections. */
const MOST = 1_024

/**
 * A libp2p service that makes the peer store skip a note that says nothing new. After a peer's record was replaced or removed, the next note is written
 * again.
 */
export function knownProtocols(now: () => number = () => performance.now()) {
  return ({ peerStore }: { readonly peerStore: PeerStore }): object => {
    /** By peer, when each protocol was last noted. */
    const known = new Map<string, Map<string, number>>()
    const { merge, patch, save, delete: remove } = peerStore
    const forgetting =
      <A extends unknown[], R>(method: (id: PeerId, ...rest: A) => R) =>
      (id: PeerId, ...rest: A): R => {
        known.delete(id.toString())
        return method.call(peerStore, id, ...rest)
      }
    peerStore.patch = forgetting(patch)
    peerStore.save = forgetting(save)
    peerStore.delete = forgetting(remove)
    peerStore.merge = async (id, data, options) => {
      const protocols = data.protocols ?? []
      const isNote = protocols.length > 0 && Object.keys(data).length === 1
      if (!isNote) return merge.call(peerStore, id, data, options)
      const name = id.toString()
      const noted = known.get(name)
      const isKnown = protocols.every((protocol) => now() - (noted?.get(protocol) ?? -Infinity) < AGAIN_MS)
      // Callers do not read the result of a note, so this need not be the whole record.
      if (isKnown) return { id, addresses: [], protocols: [...noted!.keys()], metadata: new Map(), tags: new Map() }
      const peer = await merge.call(peerStore, id, data, options)
      const all = known.get(name) ?? new Map<string, number>()
      for (const protocol of protocols) all.set(protocol, now())
      known.delete(name)
      known.set(name, all)
      for (const oldest of known.keys()) {
        if (known.size <= MOST) break
        known.delete(oldest)
      }
      return peer
    }
    return {}
  }
}
