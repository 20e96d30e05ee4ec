// SPDX-License-Identifier: GPL-3.0-or-later
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
