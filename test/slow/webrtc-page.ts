// SPDX-License-Identifier: GPL-3.0-or-later
// What a page does that fetches from a keeper by WebRTC; test/slow/webrtc-browser.test.ts has it built for a browser.
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { withBitswap } from '@helia/bitswap'
import { withLibp2pLight } from '@helia/libp2p'
import { identify } from '@libp2p/identify'
import { webRTCDirect } from '@libp2p/webrtc'
import { multiaddr } from '@multiformats/multiaddr'
import { createHeliaLight } from 'helia'
import { CID } from 'multiformats/cid'

/** The bytes of one block, from the keeper at that address and from nobody else. */
async function fetchBlock(address: string, cid: string): Promise<number[]> {
  const helia = withBitswap(
    withLibp2pLight(createHeliaLight(), {
      addresses: { listen: [] },
      transports: [webRTCDirect()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      services: { identify: identify() },
      // Pages dial no private addresses by themselves; here the keeper is on the same machine.
      connectionGater: { denyDialMultiaddr: () => false },
    }),
  )
  await helia.start()
  try {
    await helia.libp2p.dial(multiaddr(address), { signal: AbortSignal.timeout(20_000) })
    const bytes: number[] = []
    for await (const part of helia.blockstore.get(CID.parse(cid), { signal: AbortSignal.timeout(20_000) })) {
      for (const byte of part) bytes.push(byte)
    }
    return bytes
  } finally {
    await helia.stop()
  }
}

Object.assign(globalThis, { fetchBlock })
