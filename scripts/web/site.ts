// SPDX-License-Identifier: GPL-3.0-or-later
// The console as static files: the built page, `cohort.json` that says what it is about, and the files of circuits that it may prove.

import { createReadStream } from 'node:fs'
import { copyFile, mkdir, stat, writeFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join, resolve } from 'node:path'
import type { Plugin } from 'vite'
import { type DeploymentFile, readDeployment } from '../../keepers/chain/index.ts'
import { folderPaths, readManifest } from '../../keepers/zkml/index.ts'
import { ROOT } from '../bootstrap/paths.mjs'

/** Of a circuit's folder: what a page needs to prove, and to check proofs. */
const CIRCUIT_FILES = [
  'circuit.json',
  'circuit.zkey',
  'circuit.zkey.json',
  'circuit.wasm',
  'verification_key.json',
] as const

export const CONFIG = join(ROOT, 'web/vite.config.ts')

/** What a page cannot say of itself, and a server should: that no other page frames it, and that files are what their types say. */
const HEADERS = {
  'content-security-policy': "frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
} as const

export type SiteTerms = {
  /** JSON-RPC endpoints, the preferred one first. */
  readonly rpc: readonly string[]
  readonly gateways: readonly string[]
  /** GraphQL endpoint of an index, if there is one. */
  readonly index?: string | undefined
  /** Address of a claim registry, if there is one. */
  readonly claims?: string | undefined
  readonly deployment: DeploymentFile
  /** Folders of compiled circuits with keys. */
  readonly circuits: readonly string[]
  /** Public samples by service, as web/src/service/samples.ts reads them. */
  readonly samples?: ReadonlyMap<string, PublicSamples>
}

export type PublicSamples = {
  /** Real values as the model takes them. */
  readonly inputs: readonly (readonly number[])[]
  /** Index of the class of each. */
  readonly labels: readonly number[]
}

/** The description that the page reads, where the files of each circuit are, by its id, and samples by service. */
export type PreparedSite = {
  readonly description: string
  readonly folders: ReadonlyMap<string, string>
  readonly samples: ReadonlyMap<string, PublicSamples>
}

/** @throws InferenceError for a folder that is no circuit */
export async function prepareSite({
  rpc,
  gateways,
  index,
  claims,
  deployment,
  circuits,
  samples = new Map(),
}: SiteTerms): Promise<PreparedSite> {
  const folders = new Map<string, string>()
  for (const folder of circuits) folders.set((await readManifest(folder)).circuitId, resolve(folder))
  const places = Object.fromEntries([...folders.keys()].map((id) => [id, `./circuits/${id}/`]))
  const lists = Object.fromEntries([...samples.keys()].map((service) => [service, `./samples/${service}.json`]))
  const description = { rpc, gateways, index, claims, deployment, circuits: places, samples: lists }
  return { description: `${JSON.stringify(description, null, 2)}\n`, folders, samples }
}

/** The site of a deployment file. @throws DeploymentFileError */
export async function siteOf(options: {
  readonly deployment: string
  readonly rpc: readonly string[]
  readonly gateways: readonly string[]
  readonly index?: string | undefined
  readonly claims?: string | undefined
  readonly circuits: readonly string[]
}): Promise<PreparedSite> {
  return await prepareSite({ ...options, deployment: await readDeployment(options.deployment) })
}

/** Builds the page into a folder. @param quiet for a caller that has its own screen */
export async function buildPage(out: string, quiet = false): Promise<void> {
  const { build } = await import('vite')
  await build({ configFile: CONFIG, logLevel: quiet ? 'error' : 'warn', build: { outDir: resolve(out) } })
}

/** Writes the description and the circuits' files beside the built page. */
export async function writeSite({ description, folders, samples }: PreparedSite, out: string): Promise<void> {
  for (const [id, folder] of folders) {
    await mkdir(join(out, 'circuits', id), { recursive: true })
    for (const name of CIRCUIT_FILES) {
      const from = pathOf(folder, name)
      if (await isFile(from)) await copyFile(from, join(out, 'circuits', id, name))
    }
  }
  for (const [service, content] of samples) {
    await mkdir(join(out, 'samples'), { recursive: true })
    await writeFile(join(out, 'samples', `${service}.json`), JSON.stringify(content))
  }
  await writeFile(join(out, 'cohort.json'), description)
}

/** Serves description and circuits to the page of a development or preview server; they stay where they are. */
export function siteFiles({ description, folders, samples }: PreparedSite): Plugin {
  const serve = async (request: IncomingMessage, response: ServerResponse, next: () => void): Promise<void> => {
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value)
    const path = new URL(request.url ?? '/', 'http://page').pathname
    if (path === '/cohort.json') {
      response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache' }).end(description)
      return
    }
    const wanted = samples.get(/^\/samples\/(0x[0-9a-fA-F]{40})\.json$/.exec(path)?.[1] ?? '')
    if (wanted !== undefined) {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(wanted))
      return
    }
    const [, id, name] = /^\/circuits\/(0x[0-9a-f]{64})\/([a-z_.]+)$/.exec(path) ?? []
    const folder = folders.get(id ?? '')
    if (folder === undefined || !CIRCUIT_FILES.some((one) => one === name)) return next()
    const file = pathOf(folder, name!)
    if (!(await isFile(file))) {
      response.writeHead(404).end()
      return
    }
    const type = name!.endsWith('.json') ? 'application/json' : 'application/octet-stream'
    response.writeHead(200, { 'content-type': type, 'content-length': (await stat(file)).size })
    createReadStream(file).pipe(response)
  }
  return {
    name: 'site-files',
    configureServer: ({ middlewares }) => void middlewares.use(serve),
    configurePreviewServer: ({ middlewares }) => void middlewares.use(serve),
  }
}

function pathOf(folder: string, name: string): string {
  const { zkey, wasm } = folderPaths(folder)
  return name === 'circuit.zkey' ? zkey : name === 'circuit.wasm' ? wasm : join(folder, name)
}

async function isFile(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isFile(),
    () => false,
  )
}

/** Serves a built page with a site's files. @param port 0 for any free one @returns its address, and what stops it */
export async function servePage(
  site: PreparedSite,
  { folder, port }: { readonly folder: string; readonly port: number },
): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const { preview } = await import('vite')
  // Port 0 means "the usual one" to Vite.
  const server = await preview({
    root: folder,
    configFile: false,
    base: '/',
    logLevel: 'error',
    plugins: [siteFiles(site)],
    build: { outDir: '.' },
    preview: { port, strictPort: true, host: '127.0.0.1' },
  })
  return { url: `http://127.0.0.1:${port}/`, stop: async () => await server.close() }
}
