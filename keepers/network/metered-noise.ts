// SPDX-License-Identifier: GPL-3.0-or-later
import { noise } from '@chainsafe/libp2p-noise'
import { gatherWrites } from './gathered-writes.ts'
import type { LinkMeter } from './link-meter.ts'

type Encrypters = ReturnType<typeof noise>
type Secure = ReturnType<Encrypters>['secureOutbound']

/** noise, with all that comes over its connections noted. WebRTC has an encryption of its own, and is not. */
export function meteredNoise(meter: LinkMeter): Encrypters {
  return (components) => {
    const inner = noise()(components)
    const metered =
      (secure: Secure): Secure =>
      async (connection, options) => {
        gatherWrites(connection)
        // It has agreed to this encryption.
        if (options?.remotePeer !== undefined) meter.note(options.remotePeer.toString())
        const result = await secure.call(inner, connection, options)
        const peer = result.remotePeer.toString()
        meter.note(peer)
        // Only from here on: with a listener but no reader, a stream would give away what belongs to the handshake.
        connection.addEventListener('message', () => meter.note(peer))
        return result
      }
    inner.secureOutbound = metered(inner.secureOutbound)
    inner.secureInbound = metered(inner.secureInbound)
    return inner
  }
}
