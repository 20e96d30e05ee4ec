// SPDX-License-Identifier: GPL-3.0-or-later
// `npm run release`: shows the next release. With --apply it makes the commit and the tag, here and nowhere else.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import root from '../../package.json' with { type: 'json' }
import { commandLine, refuse } from '../arguments.ts'
import { ROOT } from '../bootstrap/paths.mjs'
import { PACKAGES } from '../packages/list.ts'
import { packAll } from '../packages/pack.ts'
import { applyRelease, planRelease } from './release.ts'

const HELP = `usage: npm run release [-- [VERSION] [--apply]]

  VERSION   by SemVer, above the last one (default: ${root.version}, from package.json)
  --apply   write package.json, package-lock.json and CHANGELOG.md, commit, and tag the commit; without it nothing changes

Checks version, changelog and checkout, packs every package, and prints what it would tag. It never pushes or publishes.
`

const { values, positionals } = commandLine({ allowPositionals: true, options: { apply: { type: 'boolean' } } }, HELP)
if (positionals.length > 1) refuse('one version at a time', HELP)
const version = positionals[0] ?? root.version
const folder = await mkdtemp(join(tmpdir(), 'cohort-release-'))
try {
  const plan = await planRelease(ROOT, version, new Date().toISOString().slice(0, 10))
  const packed = await packAll(folder, PACKAGES, version)
  process.stdout.write(`${plan.tag} would say:\n\n${plan.notes.replace(/^/gm, '  ')}\n\n`)
  for (const { name, files, size } of packed) {
    process.stdout.write(`${`${name}@${version}`.padEnd(32)} ${files} files, ${Math.round(size / 1024)} KiB\n`)
  }
  if (values.apply) {
    await applyRelease(ROOT, plan)
    process.stdout.write(
      `\nTagged ${plan.tag}. Next: git push --follow-tags, npm run packages, npm publish build/packages/*.tgz\n`,
    )
  } else {
    process.stdout.write(
      `\nNothing was changed. \`npm run release -- ${version} --apply\` makes the commit and the tag.\n`,
    )
  }
} catch (error) {
  process.stderr.write(`${(error as Error).message.replace(/^/gm, 'release: ')}\n`)
  process.exitCode = 1
} finally {
  await rm(folder, { recursive: true, force: true })
}
