// SPDX-License-Identifier: GPL-3.0-or-later
// The Markdown of the site: the repository's own pages where they are, and a page for every Solidity interface.
import { existsSync } from 'node:fs'
import { cp, glob, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { ROOT } from '../bootstrap/paths.mjs'
import { SCOPE } from '../packages/list.ts'
import { declarationsOf, solidityPage } from './solidity.ts'

const PAGES = [
  '*.md',
  'docs/**/*.md',
  '{contracts,circuits}/**/README.md',
  'keepers/**/README.md',
  '{scripts,test,bench,examples,trainers}/**/README.md',
  'deploy/README.md',
  'index/README.md',
]

/** Where the reference is in the site. */
export const REFERENCE = 'reference'

/**
 * Empties `site` and copies every page to its place below it. A README is the index of its folder.
 * @returns the pages' paths below `site`, and the names of the Solidity pages
 */
export async function collectPages(site: string): Promise<{ pages: string[]; solidity: string[] }> {
  await rm(site, { recursive: true, force: true })
  const pages: string[] = []
  for await (const file of glob(PAGES, { cwd: ROOT })) {
    const target = join(dirname(file), basename(file) === 'README.md' ? 'index.md' : basename(file))
    await mkdir(join(site, dirname(target)), { recursive: true })
    const text = await readFile(join(ROOT, file), 'utf8')
    await writeFile(join(site, target), siteLinks(text, dirname(file)))
    pages.push(target)
  }
  const solidity: string[] = []
  await mkdir(join(site, REFERENCE, 'solidity'), { recursive: true })
  for await (const file of glob('contracts/interfaces/*.sol', { cwd: ROOT })) {
    const name = basename(file, '.sol')
    const declared = declarationsOf(await readFile(join(ROOT, file), 'utf8'))
    const page = solidityPage(`${SCOPE}/${file}`, declared)
    await writeFile(join(site, REFERENCE, 'solidity', `${name}.md`), page)
    solidity.push(name)
  }
  // Pictures that the pages show.
  for await (const file of glob('**/*.{png,svg}', { cwd: join(ROOT, 'docs') })) {
    await cp(join(ROOT, 'docs', file), join(site, 'docs', file))
  }
  return { pages: pages.sort(), solidity: solidity.sort() }
}

/**
 * Links to READMEs and to folders lead to the index of the folder. A link to any other file of the repository becomes its text, because
 * the site has no page for it.
 * @param folder of the page, relative to the root
 */
function siteLinks(text: string, folder: string): string {
  return text
    .replace(/(\]\([^)\s]*)README\.md(#[^)]*)?\)/g, '$1index.md$2)')
    .replace(/(?<!!)\[([^\][]*)\]\((?!https?:|mailto:|#)([^)\s#]+)(#[^)\s]*)?\)/g, (link, words, target) => {
      if (/\.(md|png|svg)$/.test(target) || !existsSync(join(ROOT, folder, target))) return link
      return existsSync(join(ROOT, folder, target, 'README.md')) ? `[${words}](${join(target, 'index.md')})` : words
    })
}
