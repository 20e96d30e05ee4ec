// SPDX-License-Identifier: GPL-3.0-or-later
// `npm run docs`: builds the documentation as a site with search: guides, rooms, and references of libraries and contracts.
import { join, resolve } from 'node:path'
import { commandLine } from '../arguments.ts'
import { ROOT } from '../bootstrap/paths.mjs'
import { buildSite, writeReference } from './site.ts'
import { collectPages } from './sources.ts'
import { documentationTools } from './tools.ts'

const HELP = `usage: npm run docs [-- [--out DIR] [--markdown]]

  --out DIR   folder for the site (default: build/docs); any web server can serve it
  --markdown  only collect the pages and the contracts' reference, in build/docs-pages; needs no network

The first run installs typedoc and VitePress into .cache/docs-tools (150 MB).
`

const { values } = commandLine({ options: { out: { type: 'string' }, markdown: { type: 'boolean' } } }, HELP)
const site = join(ROOT, 'build', 'docs-pages')
const out = resolve(values.out ?? join(ROOT, 'build', 'docs'))
try {
  const { pages, solidity } = await collectPages(site)
  if (values.markdown) {
    process.stdout.write(`${pages.length} pages and ${solidity.length} interfaces in ${site}\n`)
  } else {
    const tools = await documentationTools()
    const libraries = await writeReference(tools, site)
    await buildSite(tools, site, out, { pages, solidity, libraries })
    process.stdout.write(
      `${pages.length} pages, ${libraries.length} libraries and ${solidity.length} interfaces in ${out}\n`,
    )
  }
} catch (error) {
  process.stderr.write(`docs: ${(error as Error).message}\n`)
  process.exitCode = 1
}
