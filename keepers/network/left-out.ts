// SPDX-License-Identifier: GPL-3.0-or-later

/**
 * Modules that are left out when a node is loaded. Helia's packages bring them for callers without options: HTTP gateways, and a libp2p with WebRTC,
 * UPnP, certificates from Let's Encrypt and more. Their light assembly imports them without ever calling them: 1,100 modules, half of a node's loading
 * time, and 50 MB. Maps the specifier of each import to the function that is imported.
 */
const LEFT_OUT: ReadonlyMap<string, string> = new Map([
  ['@helia/http', 'withHTTP'],
  ['./utils/libp2p-defaults.js', 'libp2pDefaults'],
])

/** The files that import it. */
export const LEFT_OUT_IMPORTERS: RegExp =
  /[\\/]node_modules[\\/](@helia[\\/]libp2p|helia)[\\/]dist[\\/]src[\\/]index\.js$/

/** The function that is imported from a module, if the module is left out. */
export const leftOutFunction = (specifier: string): string | undefined => LEFT_OUT.get(specifier)

/** The source of a module that stands in for one that is left out. A call throws an error that says why. */
export const standIn = (name: string): string =>
  `export function ${name}() { throw new Error('${name}: left out by keepers/network/load-node.ts') }`
