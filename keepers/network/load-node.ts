// SPDX-License-Identifier: GPL-3.0-or-later
import { registerHooks } from 'node:module'

/**
 * What Helia's packages bring for callers that give them no options: HTTP gateways, and a libp2p with WebRTC, UPnP, certificates from
 * Let's Encrypt and more. Their light assembly never calls it, and imports it all the same: 1,100 modules, half of the time that a node
 * takes to load, and 50 MB. By the specifier of the import: the function that it is imported for.
 */
const LEFT_OUT: ReadonlyMap<string, string> = new Map([
  ['@helia/http', 'withHTTP'],
  ['./utils/libp2p-defaults.js', 'libp2pDefaults'],
])
const IMPORTERS = /\/node_modules\/(@helia\/libp2p|helia)\/dist\/src\/index\.js$/

/** A module in place of one that is left out: whoever calls it after all reads why it is not there. */
const standIn = (name: string): string =>
  `data:text/javascript,${encodeURIComponent(`export function ${name}() { throw new Error('${name}: left out by keepers/network/load-node.ts') }`)}`

/**
 * Imports `node.ts` with the libraries that a node uses, which take longer to load than all else: for those alone who start one. Where
 * Helia calls its files something else, nothing is left out.
 */
export async function loadNode(): Promise<typeof import('./node.ts')> {
  const hooks = registerHooks({
    resolve(specifier, context, next) {
      const name = LEFT_OUT.get(specifier)
      if (name === undefined || !IMPORTERS.test(context.parentURL ?? '')) return next(specifier, context)
      return { url: standIn(name), format: 'module', shortCircuit: true }
    },
  })
  try {
    return await import('./node.ts')
  } finally {
    hooks.deregister()
  }
}
