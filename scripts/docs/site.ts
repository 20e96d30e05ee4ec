// SPDX-License-Identifier: GPL-3.0-or-later
// Makes the reference with typedoc, and the site with VitePress.
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ROOT } from '../bootstrap/paths.mjs'
import { PACKAGES, SCOPE } from '../packages/list.ts'
import { runNode } from '../run-node.ts'
import { REFERENCE } from './sources.ts'

/** A tool failed; the message is the tool's output. */
export class SiteError extends Error {
  override readonly name = 'SiteError'
}

const libraries = PACKAGES.filter(({ content }) => content.kind === 'library')

/** One page for each library, from its index and the docstrings. @returns their names */
export async function writeReference(tools: string, site: string): Promise<string[]> {
  const entries = libraries.map(({ folder }) => join(ROOT, folder, 'index.ts'))
  const tsconfig = join(tools, 'tsconfig.json')
  await writeFile(
    tsconfig,
    JSON.stringify({
      extends: join(ROOT, 'tsconfig.json'),
      compilerOptions: { types: ['node'], typeRoots: [join(ROOT, 'node_modules/@types')] },
      files: [...entries, join(ROOT, 'keepers/zkml/iden3.d.ts')],
      include: [],
    }),
  )
  const options = join(tools, 'typedoc.json')
  await writeFile(
    options,
    JSON.stringify({
      entryPoints: entries,
      tsconfig,
      plugin: ['typedoc-plugin-markdown'],
      out: join(site, REFERENCE, 'typescript'),
      outputFileStrategy: 'modules',
      entryFileName: 'index',
      name: 'TypeScript',
      readme: 'none',
      basePath: join(ROOT, 'keepers'),
      ...{ excludePrivate: true, excludeInternal: true, disableSources: true },
      ...{ hidePageHeader: true, hideBreadcrumbs: true, logLevel: 'Error' },
      // tsc has checked the types already, with another version.
      skipErrorChecking: true,
    }),
  )
  await run(tools, 'typedoc/bin/typedoc', ['--options', options])
  return libraries.map(({ name }) => name)
}

/** Builds the site. Fails when a page links to one that does not exist. */
export async function buildSite(
  tools: string,
  site: string,
  out: string,
  content: {
    readonly pages: readonly string[]
    readonly solidity: readonly string[]
    readonly libraries: readonly string[]
  },
): Promise<void> {
  await symlink(join(tools, 'node_modules'), join(site, 'node_modules'), 'dir')
  const item = (text: string, link: string) => ({ text, link })
  const under = (folder: string) => content.pages.filter((page) => page.startsWith(folder))
  const titled = (pages: readonly string[]) =>
    pages.map((page) =>
      item(page.replace(/(^docs\/|\/?index\.md$|\.md$)/g, '') || 'index', `/${page.replace(/(index)?\.md$/, '')}`),
    )
  const config = {
    title: 'Cohort',
    description: 'Machine learning that its participants own together.',
    outDir: out,
    cleanUrls: true,
    // An apparent tag is a placeholder or a type, and an apparent attribute is mathematics.
    markdown: { html: false, attrs: { disable: true } },
    // Links to sources lead out of the site.
    ignoreDeadLinks: ['@source'],
    themeConfig: {
      search: { provider: 'local' },
      nav: [
        item('Guides', '/docs/architecture'),
        item('Rooms', '/keepers/'),
        item('Reference', `/${REFERENCE}/typescript/`),
      ],
      sidebar: [
        { text: 'Guides', items: titled(under('docs/').filter((page) => !page.startsWith('docs/adr/'))) },
        { text: 'Decisions', collapsed: true, items: titled(under('docs/adr/')) },
        {
          text: 'Rooms',
          collapsed: true,
          items: titled([...under('keepers/'), ...under('contracts/'), ...under('circuits/')]),
        },
        {
          text: 'TypeScript',
          items: content.libraries.map((name) => item(`${SCOPE}/${name}`, `/${REFERENCE}/typescript/${name}`)),
        },
        {
          text: 'Solidity',
          collapsed: true,
          items: content.solidity.map((name) => item(name, `/${REFERENCE}/solidity/${name}`)),
        },
        { text: 'Project', items: titled(content.pages.filter((page) => !page.includes('/'))) },
      ],
    },
  }
  // Only a function or a pattern can say which dead links are meant.
  const text = JSON.stringify(config, null, 2).replace('"@source"', '/\\.(sol|ts|mjs|yaml|json|circom)$/, /LICENSE/')
  await mkdir(join(site, '.vitepress'), { recursive: true })
  await writeFile(join(site, '.vitepress', 'config.mjs'), `export default ${text}\n`)
  await run(tools, 'vitepress/bin/vitepress.js', ['build', site])
}

async function run(tools: string, script: string, args: readonly string[]): Promise<void> {
  const { code, output } = await runNode([join(tools, 'node_modules', script), ...args], { cwd: tools })
  if (code !== 0) throw new SiteError(`${script.split('/')[0]} failed:\n${output}`)
}
