// SPDX-License-Identifier: GPL-3.0-or-later
// `npm run packages`: builds and packs the parts that can be installed by themselves.
import { join } from 'node:path'
import { commandLine, refuse } from '../arguments.ts'
import { ROOT } from '../bootstrap/paths.mjs'
import { PACKAGES, type Package, SCOPE } from './list.ts'
import { packAll } from './pack.ts'

const HELP = `usage: npm run packages [-- [package…] [--out DIR]]

${PACKAGES.map(({ name, description }) => `  ${name.padEnd(9)} ${description}`).join('\n')}

  --out DIR  folder for the packages and tarballs (default: build/packages)
`

const { values, positionals } = commandLine({ allowPositionals: true, options: { out: { type: 'string' } } }, HELP)
const chosen: Package[] = positionals.map(
  (name) => PACKAGES.find((pkg) => pkg.name === name) ?? refuse(`no package '${name}'`, HELP),
)
const packed = await packAll(values.out ?? join(ROOT, 'build/packages'), chosen.length > 0 ? chosen : PACKAGES)
for (const { name, version, tarball, files, size } of packed) {
  const kilobytes = (size / 1024).toFixed(0)
  process.stdout.write(
    `${`${name}@${version}`.padEnd(SCOPE.length + 18)} ${String(files).padStart(4)} files ${kilobytes.padStart(5)} KiB  ${tarball}\n`,
  )
}
