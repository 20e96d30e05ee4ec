// SPDX-License-Identifier: GPL-3.0-or-later
import { registerHooks } from 'node:module'
import { LEFT_OUT_IMPORTERS, leftOutFunction, standIn } from './left-out.ts'

/**
 * Imports `node.ts` with the libraries that a node uses, which take longer to load than all else: for those alone who start one. Where
 * Helia calls its files something else, nothing is left out.
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
