// SPDX-License-Identifier: GPL-3.0-or-later
// Builds the console into a folder of static files: relative paths only, so that it works at any place of any host, IPFS included.
import { existsSync, readFileSync } from 'node:fs'
import { resolve, sep } from 'node:path'
import { defineConfig, type Plugin } from 'vite'
import { parse } from 'yaml'
import { artifactFiles } from '../keepers/chain/artifacts.ts'

const ROOT = resolve(import.meta.dirname, '..')
const ROOMS = resolve(ROOT, 'keepers') + sep
const ABIS = 'virtual:abis'
const RULES = 'virtual:alert-rules'
const ON_DISK = resolve(ROOT, 'keepers/chain/artifacts.ts')
const IN_PAGE = resolve(import.meta.dirname, 'src/chain/artifacts.ts')

/** Gives the page the ABIs of the contracts that `keepers/chain` talks to, in place of the artifacts on a disk. */
function contractAbis(): Plugin {
  return {
    name: 'contract-abis',
    enforce: 'pre',
    async resolveId(source, importer, options) {
      if (source === ABIS) return `\0${ABIS}`
      if (!source.endsWith('/artifacts.ts')) return null
      const found = await this.resolve(source, importer, { ...options, skipSelf: true })
      return found?.id === ON_DISK ? IN_PAGE : found
    },
    load(id) {
      if (id !== `\0${ABIS}`) return null
      const abis = artifactFiles().map((file) => {
        const { contractName, abi } = JSON.parse(readFileSync(resolve(ROOT, file), 'utf8'))
        return [contractName, abi.map(withoutInternalTypes)]
      })
      // A text to parse is smaller for a bundler to carry, and faster for a browser to read, than an object literal.
      return `export const abis = JSON.parse(${JSON.stringify(JSON.stringify(Object.fromEntries(abis)))})`
    },
  }
}

/** Gives the operator's screen the alert rules that Prometheus gets. */
function alertRules(): Plugin {
  return {
    name: 'alert-rules',
    resolveId: (source) => (source === RULES ? `\0${RULES}` : null),
    load(id) {
      if (id !== `\0${RULES}`) return null
      const { groups } = parse(readFileSync(resolve(ROOT, 'deploy/monitoring/rules.yml'), 'utf8'))
      return `export const rules = ${JSON.stringify(groups.flatMap(({ rules }: { rules: unknown[] }) => rules))}`
    },
  }
}

/** Enters each room of keepers/ by its door for pages, and takes `x.browser.ts` where it stands beside `x.ts`. */
function doorsForPages(): Plugin {
  return {
    name: 'doors-for-pages',
    enforce: 'pre',
    async resolveId(source, importer, options) {
      if (!source.startsWith('.') || !source.endsWith('.ts')) return null
      const found = await this.resolve(source, importer, { ...options, skipSelf: true })
      if (found?.id.startsWith(ROOMS) !== true) return found
      const door = found.id.replace(/index\.ts$/, 'browser.ts')
      const inPage = door === found.id ? found.id.replace(/\.ts$/, '.browser.ts') : door
      return existsSync(inPage) ? inPage : found
    },
  }
}

/** Names of Solidity's own types, which no reader of an ABI needs. */
function withoutInternalTypes(entry: unknown): unknown {
  if (Array.isArray(entry)) return entry.map(withoutInternalTypes)
  if (entry === null || typeof entry !== 'object') return entry
  const kept = Object.entries(entry).filter(([key]) => key !== 'internalType')
  return Object.fromEntries(kept.map(([key, value]) => [key, withoutInternalTypes(value)]))
}

// biome-ignore lint/style/noDefaultExport: Vite reads its configuration from there.
export default defineConfig({
  root: import.meta.dirname,
  base: './',
  plugins: [contractAbis(), alertRules(), doorsForPages()],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  worker: { format: 'es', plugins: () => [contractAbis(), doorsForPages()] },
  build: { outDir: resolve(ROOT, 'web/dist'), emptyOutDir: true, target: 'esnext', modulePreload: { polyfill: false } },
  server: { fs: { allow: [ROOT] } },
})
