// SPDX-License-Identifier: GPL-3.0-or-later

/**
 * What Helia's packages bring for callers that give them no options: HTTP gateways, and a libp2p with WebRTC, UPnP, certificates from
 * Let's Encrypt and more. Their light assembly never calls it, and imports it all the same: 1,100 modules, half of the time that a node
 * takes to load, and 50 MB. By the specifier of the import: the function that it is imported for.
 */
const LEFT_OUT: ReadonlyMap<string, string> = new Map([
  ['@helia/http', 'withHTTP'],
  ['./utils/libp2p-defaults.js', 'libp2pDefaults'],
])

/** The files that import it. */
export const LEFT_OUT_IMPORTERS: RegExp =
  /[\\/]node_modules[\\/](@helia[\\/]libp2p|helia)[\\/]dist[\\/]src[\\/]index\.js$/

/** The function that a module is imported for, if it is one that is left out. */
export const leftOutFunction = (specifier: string): string | undefined => LEFT_OUT.get(specifier)

/** The source of a module in place of one that is left out: whoever calls it after all reads why it is not there. */
export const standIn = (name: string): string =>
  `export function ${name}() { throw new Error('${name}: left out by keepers/network/load-node.ts') }`
