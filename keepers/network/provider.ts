// SPDX-License-Identifier: GPL-3.0-or-later
import type { PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { NetworkError } from './errors.ts'

/** Parses a provider's address. @throws NetworkError BAD_ADDRESS unless it is a multiaddr that ends in a peer id. */
export function parseProvider(text: string): Multiaddr {
  let address: Multiaddr
  try {
    address = multiaddr(text)
  } catch (cause) {
    throw new NetworkError('BAD_ADDRESS', `"${text.slice(0, 120)}" is not a multiaddr`, { cause })
  }
  if (address.getComponents().at(-1)?.name !== 'p2p') {
    throw new NetworkError('BAD_ADDRESS', `${text.slice(0, 120)} must end in /p2p/<peer id>`)
  }
  return address
}

/** A provider, parsed: its address and peer id. */
export type Provider = { readonly address: Multiaddr; readonly peer: PeerId }

/** Most parsed providers that are kept: more than a service has members. */
const MOST = 512
const parsed = new Map<string, Provider>()

/** Parses a provider's address and peer id. Results are kept, because a keeper asks the same few again and again. @throws NetworkError BAD_ADDRESS */
export function providerOf(text: string): Provider {
  const known = parsed.get(text)
  if (known !== undefined) return known
  const address = parseProvider(text)
  let peer: PeerId
  try {
    peer = peerIdFromString(address.getComponents().at(-1)!.value ?? '')
  } catch (cause) {
    throw new NetworkError('BAD_ADDRESS', `${text.slice(0, 120)} must end in /p2p/<peer id>`, { cause })
  }
  const provider = { address, peer }
  parsed.set(text, provider)
  for (const oldest of parsed.keys()) {
    if (parsed.size <= MOST) break
    parsed.delete(oldest)
  }
  return provider
}
