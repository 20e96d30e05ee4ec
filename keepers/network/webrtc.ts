// SPDX-License-Identifier: GPL-3.0-or-later
// WebRTC, for pages that may dial nothing else: it needs no host name and no certificate of an authority, because the hash of the port's own
// certificate is in the address. Its native part is a separate package that few keepers need, and it is loaded only by those.
import { NetworkError } from './errors.ts'

type Transports = typeof import('@libp2p/webrtc')

/** Whether a multiaddr is one to listen on for browsers by WebRTC: /ip4/…/udp/…/webrtc-direct. */
export const isWebRtc = (address: string): boolean => /^\/ip[46]\/[^/]+\/udp\/\d+\/webrtc-direct$/.test(address)

/**
 * The transports that these addresses need, in addition to those of every node.
 * @param load Loads the library. Tests replace it by one that fails.
 * @throws NetworkError BAD_ADDRESS when one asks for WebRTC, and its native part is not installed
 */
export async function webRtcTransports(
  listen: readonly string[],
  load: () => Promise<Transports> = () => import('@libp2p/webrtc'),
): Promise<ReturnType<Transports['webRTCDirect']>[]> {
  if (!listen.some(isWebRtc)) return []
  try {
    return [(await load()).webRTCDirect()]
  } catch (cause) {
    const reason = String((cause as Error).message).split('\n')[0]
    const platform = `${process.platform}-${process.arch}`
    throw new NetworkError(
      'BAD_ADDRESS',
      `network.listen: WebRTC cannot be used here: ${reason}: install the package node-datachannel with its optional dependencies (one for ${platform}), or remove ${listen.find(isWebRtc)}`,
      { cause },
    )
  }
}
