// SPDX-License-Identifier: GPL-3.0-or-later
// A page that Vite builds from our sources, as a product would: one module, its workers and the kernel, beside files to fetch.
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { openFolderInBrowser } from './browser.ts'

const ROOT = resolve(import.meta.dirname, '../../../..')

/** Hears of failures before any module is loaded. */
const HTML = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
<script>
window.report = (body) => fetch('/result', { method: 'POST', body: JSON.stringify(body) })
addEventListener('error', ({ message, target }) => report({ failure: message ?? 'not loaded: ' + target.src }), true)
addEventListener('unhandledrejection', ({ reason }) => report({ failure: String(reason?.stack ?? reason) }))
</script>
<script type="module" src="./page.ts"></script>
`

export type PageResult = {
  /** What the page gave to `report`. */
  readonly result: unknown
  /** Bytes of all modules, workers and kernels that the build made. */
  readonly codeBytes: number
}

/**
 * Builds a page of `script`, a module that may import `keepers/zkml/…` and calls `report` once, and opens it in Chromium with
 * `files` beside it. Without a Chromium nothing is opened: the result is undefined.
 */
export async function runBuiltPage(
  chromium: string | null,
  script: string,
  files: Readonly<Record<string, Uint8Array | string>>,
): Promise<PageResult> {
  const folder = await mkdtemp(join(tmpdir(), 'cohort-page-'))
  try {
    await mkdir(join(folder, 'public'))
    for (const [name, content] of Object.entries(files)) await writeFile(join(folder, 'public', name), content)
    await writeFile(join(folder, 'index.html'), HTML)
    await writeFile(join(folder, 'page.ts'), script.replaceAll("'keepers/", `'${ROOT}/keepers/`))
    const { build } = await import('vite')
    const assets = 'assets'
    await build({
      root: folder,
      base: './',
      configFile: false,
      logLevel: 'error',
      worker: { format: 'es' },
      build: { outDir: 'dist', assetsDir: assets, target: 'esnext' },
    })
    const dist = join(folder, 'dist')
    const built = await readdir(join(dist, assets))
    const sizes = await Promise.all(built.map(async (name) => (await stat(join(dist, assets, name))).size))
    const codeBytes = sizes.reduce((sum, size) => sum + size, 0)
    return { result: chromium === null ? undefined : await openFolderInBrowser(chromium, dist), codeBytes }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
