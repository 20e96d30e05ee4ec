// SPDX-License-Identifier: GPL-3.0-or-later
// Pages in a headless Chromium: one that loads our TypeScript as it is (a server strips the types, an import map stands in
// for a bundler), or a folder that a bundler made.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import { stripTypeScriptTypes } from 'node:module'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, extname, join, normalize, resolve, sep } from 'node:path'

const ROOT = resolve(import.meta.dirname, '../../../..')
const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
const IMPORTS = {
  snarkjs: '/node_modules/snarkjs/build/browser.esm.js',
  ffjavascript: '/node_modules/ffjavascript/build/browser.esm.js',
  zod: '/node_modules/zod/index.js',
  '@noble/hashes/': '/node_modules/@noble/hashes/',
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
}

/** COHORT_CHROMIUM, or the first of the usual names on the path. */
export function findChromium(): string | null {
  const configured = process.env.COHORT_CHROMIUM
  if (configured !== undefined) return configured
  const folders = (process.env.PATH ?? '').split(delimiter)
  return NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find(existsSync) ?? null
}

/**
 * Serves the repository and `files`, runs `script` as a module of a page, and resolves with the JSON that it posts to
 * /result. Rejects when the page throws or the browser ends before.
 */
export async function runInBrowser(
  chromium: string,
  script: string,
  files: Readonly<Record<string, Uint8Array>>,
): Promise<unknown> {
  const page = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
<script type="importmap">${JSON.stringify({ imports: IMPORTS })}</script>
<script type="module">
const report = (body) => fetch('/result', { method: 'POST', body: JSON.stringify(body) })
addEventListener('error', (event) => report({ failure: event.message }))
addEventListener('unhandledrejection', (event) => report({ failure: String(event.reason?.stack ?? event.reason) }))
${script}
</script>`
  return await openPage(chromium, async (path, response) => {
    if (path === '/') send(response, 'text/html', page)
    else if (path.startsWith('/files/')) send(response, 'application/octet-stream', files[path.slice(7)])
    else await sendSource(response, path)
  })
}

/**
 * Serves a folder as any static host would, opens its index.html, and resolves with the JSON that the page posts to /result.
 * Rejects as `runInBrowser` does.
 */
export async function openFolderInBrowser(chromium: string, folder: string): Promise<unknown> {
  return await openPage(chromium, async (path, response) => {
    const file = normalize(join(folder, path === '/' ? 'index.html' : path))
    if (!file.startsWith(folder + sep) || !existsSync(file)) return send(response, 'text/plain', undefined)
    send(response, TYPES[extname(file)] ?? 'application/octet-stream', await readFile(file))
  })
}

async function openPage(
  chromium: string,
  answer: (path: string, response: ServerResponse) => Promise<void>,
): Promise<unknown> {
  const result = Promise.withResolvers<unknown>()
  const server = createServer(async (request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname
    if (request.method === 'POST') {
      let body = ''
      for await (const chunk of request) body += chunk
      response.end()
      const posted = JSON.parse(body)
      if (posted.failure === undefined) result.resolve(posted)
      else result.reject(new Error(`in the browser: ${posted.failure}`))
    } else await answer(path, response)
  })
  server.listen(0, '127.0.0.1')
  await new Promise((done) => server.once('listening', done))
  const profile = await mkdtemp(join(tmpdir(), 'cohort-chromium-'))
  // A container has no user namespaces for the sandbox; the page is our own.
  const flags = ['--headless=new', '--no-sandbox', '--no-zygote', '--disable-gpu', '--disable-dev-shm-usage']
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const browser = spawn(chromium, [...flags, `--user-data-dir=${profile}`, url], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  browser.stderr.on('data', (chunk) => {
    said = `${said}${chunk}`.slice(-2000)
  })
  const ended = new Promise<void>((done) => browser.once('exit', () => done()))
  browser.once('error', (error) => result.reject(error))
  void ended.then(() => result.reject(new Error(`the browser ended: ${said}`)))
  try {
    return await result.promise
  } finally {
    browser.kill('SIGKILL')
    await ended
    server.closeAllConnections()
    server.close()
    await rm(profile, { recursive: true, force: true, maxRetries: 5 })
  }
}

async function sendSource(response: ServerResponse, path: string): Promise<void> {
  const file = normalize(join(ROOT, path))
  const allowed = ['keepers', 'node_modules'].some((folder) => file.startsWith(join(ROOT, folder) + sep))
  if (!allowed || !existsSync(file)) {
    response.statusCode = 404
    response.end()
    return
  }
  if (file.endsWith('.wasm')) return send(response, 'application/wasm', await readFile(file))
  const text = await readFile(file, 'utf8')
  send(response, 'text/javascript', file.endsWith('.ts') ? stripTypeScriptTypes(text) : text)
}

function send(response: ServerResponse, type: string, body: string | Uint8Array | undefined): void {
  response.statusCode = body === undefined ? 404 : 200
  response.setHeader('content-type', type)
  response.end(body)
}
