// SPDX-License-Identifier: GPL-3.0-or-later
import { noise } from '@chainsafe/libp2p-noise'
import { gatherWrites } from './gathered-writes.ts'
import type { LinkMeter } from './link-meter.ts'

type Encrypters = ReturnType<typeof noise>
type Secure = ReturnType<Encrypters>['secureOutbound']

/** noise that notes incoming bytes in a meter. WebRTC has its own encryption, so its bytes are not noted. */
export function meteredNoise(meter: LinkMeter): Encrypters {
  return (components) => {
    const inner = noise()(components)
    const metered =
      (secure: Secure): Secure =>
      async (connection, options) => {
        gatherWrites(connection)
        // The peer has agreed to this encryption, so it is there.
        if (options?.remotePeer !== undefined) meter.note(options.remotePeer.toString())
        const result = await secure.call(inner, connection, options)
        const peer = result.remotePeer.toString()
        meter.note(peer)
        // Added only now, because with a listener but no reader, the stream would hand out bytes that belong to the handshake.
        connection.addEventListener('message', () => meter.note(peer))
        return result
      }
    inner.secureOutbound = metered(inner.secureOutbound)
    inner.secureInbound = metered(inner.secureInbound)
    return inner
  }
}
