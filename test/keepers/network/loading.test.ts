// SPDX-License-Identifier: GPL-3.0-or-later
import { execFileSync } from 'node:child_process'
import { expect } from 'chai'

/** What a fresh process loads of libp2p and Helia for some of our code: package names. */
function peersLoadedBy(code: string): string[] {
  const listing = `
    import { registerHooks } from 'node:module'
    const loaded = new Set()
    registerHooks({
      load(url, context, next) {
        const name = /node_modules\\/(helia|libp2p)\\//.exec(url)?.[1]
        if (name !== undefined) loaded.add(name)
        return next(url, context)
      },
    })
    ${code}
    console.log(JSON.stringify([...loaded].sort()))`
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', listing]
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }))
}

const module = (path: string): string => JSON.stringify(new URL(`../../../keepers/${path}`, import.meta.url).href)

describe('libp2p and its two thousand modules', function () {
  this.timeout(60_000)

  it('are not loaded for a command that meets no peer', () => {
    expect(peersLoadedBy(`await import(${module('agent/index.ts')})`)).to.deep.equal([])
  })

  it('are loaded by whoever starts a node', () => {
    expect(peersLoadedBy(`await import(${module('network/node.ts')})`)).to.deep.equal(['helia', 'libp2p'])
  })
})
