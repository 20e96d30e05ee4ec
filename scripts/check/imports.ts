// SPDX-License-Identifier: GPL-3.0-or-later
// `node scripts/check/imports.ts`: counts imports within and between the rooms of keepers/, for docs/house.md. It is not a gate: Biome refuses
// circular imports, and imports past a room's index.ts.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { commandLine } from '../arguments.ts'
import { ROOT } from '../bootstrap/paths.mjs'

const HELP = `usage: node scripts/check/imports.ts [--root DIR]

  --root DIR  read another checkout
`
const RELATIVE = /(?:from\s*|import\(\s*)['"](\.[^'"]+)['"]/g
/** Longer files are listed. */
const LINES_AT_MOST = 330

const { values } = commandLine({ options: { root: { type: 'string' } } }, HELP)
const root = resolve(values.root ?? ROOT)
const listed = spawnSync('git', ['ls-files', '*.ts'], { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 })
const files = listed.stdout.split('\n').filter((file) => file !== '' && existsSync(join(root, file)))
const within = new Map<string, number>()
let between = 0
let pastDoor = 0
for (const file of files.filter((name) => name.startsWith('keepers/') && !name.includes('/assembly/'))) {
  for (const [, path] of readFileSync(join(root, file), 'utf8').matchAll(RELATIVE)) {
    const target = join(file, '..', path!)
    if (!target.startsWith('keepers/')) continue
    const room = roomOf(file)
    if (room === roomOf(target)) within.set(room, (within.get(room) ?? 0) + 1)
    else {
      between++
      if (!target.endsWith('/index.ts')) pastDoor++
    }
  }
}
for (const [room, count] of [...within].sort((a, b) => b[1] - a[1])) process.stdout.write(`${count}\twithin ${room}\n`)
process.stdout.write(`${between}\tbetween rooms\n${pastDoor}\tof those past the door\n`)
const long = files
  .map((file) => ({ file, lines: readFileSync(join(root, file), 'utf8').split('\n').length - 1 }))
  .filter(({ lines }) => lines > LINES_AT_MOST)
process.stdout.write(`${long.length}\tfiles of more than ${LINES_AT_MOST} lines\n`)
for (const { file, lines } of long) process.stdout.write(`\t${lines}\t${file}\n`)

/** The room of a file below keepers/; each app is one. */
function roomOf(file: string): string {
  const [, first, second] = file.split('/')
  return first === 'apps' ? `apps/${second}` : first!
}
