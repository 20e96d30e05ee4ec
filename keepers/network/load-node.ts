// SPDX-License-Identifier: GPL-3.0-or-later
import { registerHooks } from 'node:module'
import { LEFT_OUT_IMPORTERS, leftOutFunction, standIn } from './left-out.ts'

/**
 * Imports `node.ts` and a node's libraries, which take longer to load than everything else, only when a node is started. If Helia renames its files,
 * nothing is left out.
 */
export async function loadNode(): Promise<typeof import('./node.ts')> {
  const hooks = registerHooks({
    resolve(specifier, context, next) {
      const name = leftOutFunction(specifier)
      if (name === undefined || !LEFT_OUT_IMPORTERS.test(context.parentURL ?? '')) return next(specifier, context)
      const url = `data:text/javascript,${encodeURIComponent(standIn(name))}`
      return { url, format: 'module', shortCircuit: true }
    },
  })
  try {
    return await import('./node.ts')
  } finally {
    hooks.deregister()
  }
}
