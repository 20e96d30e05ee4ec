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
        const name = /node_modules\\/(helia|libp2p|@helia\\/http|@libp2p\\/(?:webrtc|upnp-nat|kad-dht)|@ipshipyard\\/libp2p-auto-tls)\\//.exec(url)?.[1]
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

  it('are loaded by whoever starts a node, without half of them that no node of ours uses', () => {
    const load = `await (await import(${module('network/load-node.ts')})).loadNode()`
    expect(peersLoadedBy(load)).to.deep.equal(['helia', 'libp2p'])
    // The control: Helia names them all.
    expect(peersLoadedBy(`await import('helia')`)).to.include.members(['@helia/http', '@libp2p/webrtc'])
  })

  it('say so when somebody calls one that is left out', () => {
    const code = `
      const { loadNode } = await import(${module('network/load-node.ts')})
      await loadNode()
      const { createHelia } = await import('helia')
      try { createHelia() } catch (error) { console.log(JSON.stringify([error.message])); process.exit() }`
    expect(peersLoadedBy(code)).to.deep.equal(['withHTTP: left out by keepers/network/load-node.ts'])
  })
})
