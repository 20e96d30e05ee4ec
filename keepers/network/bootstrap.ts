// SPDX-License-Identifier: GPL-3.0-or-later
import { peerIdFromString } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { NetworkError } from './errors.ts'

/** Stands for {@link PUBLIC_BOOTSTRAP} in a list of bootstrap peers. */
export const PUBLIC = 'public'

/**
 * Bootstrap nodes of the public IPFS network that are reachable over TCP.
 * Source: kubo, config/bootstrap_peers.go.
 */
const PUBLIC_BOOTSTRAP: readonly string[] = [
  '/dnsaddr/bootstrap.libp2p.io/p2p/QmNnooDu7bfjPFoTZYxMNLWUQJyrVwtbZg5gBMjTezGAJN',
  '/dnsaddr/bootstrap.libp2p.io/p2p/QmbLHAnMoJPWSCR5Zhtx6BHJX9KiKNN6tpvbUcqanj75Nb',
  '/dnsaddr/bootstrap.libp2p.io/p2p/QmcZf59bWwK5XFi76CZX8cbJ4BhTzzA3gU1ZjYZcYW3dwt',
  '/ip4/104.131.131.82/tcp/4001/p2p/QmaCpDMGvV2BGHeYERUEnRQAwe3N8SzbUtfsmvsqQLuvuJ',
]

const HOSTS: ReadonlySet<string> = new Set(['ip4', 'ip6', 'dns', 'dns4', 'dns6'])
const FORM = 'give /ip4/<address>/tcp/<port>/p2p/<peer id>'

/**
 * Parses where to join a DHT: a TCP address or a /dnsaddr name, either with the peer id that must answer there.
 * @throws NetworkError BAD_ADDRESS naming the text and the form it should have.
 */
export function parseBootstrap(text: string): Multiaddr {
  const shown = `"${text.slice(0, 120).replace(/\s+/g, ' ')}"`
  let address: Multiaddr
  try {
    address = multiaddr(text)
  } catch (cause) {
    throw new NetworkError('BAD_ADDRESS', `${shown} is not a multiaddr: ${FORM}, or "${PUBLIC}"`, { cause })
  }
  const parts = address.getComponents()
  const id = parts.at(-1)
  const names = parts.map((part) => part.name)
  const tcp = names.length === 3 && HOSTS.has(names[0]!) && names[1] === 'tcp'
  const named = names.length === 2 && names[0] === 'dnsaddr'
  if (id?.name !== 'p2p' || id.value === undefined) {
    throw new NetworkError('BAD_ADDRESS', `${shown} does not say who answers there: ${FORM}`)
  }
  if (!tcp && !named) throw new NetworkError('BAD_ADDRESS', `${shown} is not a plain TCP address: ${FORM}`)
  try {
    peerIdFromString(id.value)
  } catch (cause) {
    throw new NetworkError('BAD_ADDRESS', `${shown} ends in "${id.value}", which is not a peer id: ${FORM}`, { cause })
  }
  return address
}

/** A list of bootstrap peers with `public` spelt out. @throws NetworkError BAD_ADDRESS. */
export function bootstrapAddresses(list: readonly string[]): Multiaddr[] {
  return list.flatMap((text) => (text === PUBLIC ? PUBLIC_BOOTSTRAP : [text])).map(parseBootstrap)
}

/** The address of a node behind this relay, without the node's own peer id. @throws NetworkError BAD_ADDRESS */
export function relayedAddress(relay: string): string {
  return `${parseBootstrap(relay)}/p2p-circuit`
}
