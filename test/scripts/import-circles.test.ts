// SPDX-License-Identifier: GPL-3.0-or-later
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { ROOT } from '../../scripts/bootstrap/paths.mjs'

const BIOME = join(ROOT, 'node_modules/@biomejs/biome/bin/biome')

describe('the format gate', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-circle-'))
    const { $schema: _, ...config } = JSON.parse(readFileSync(join(ROOT, 'biome.json'), 'utf8'))
    writeFileSync(join(folder, 'biome.json'), JSON.stringify({ ...config, vcs: { enabled: false } }))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  /** What the gate's linter makes of files by name. */
  const lint = (files: Readonly<Record<string, string>>) => {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
    const { status, stdout, stderr } = spawnSync(process.execPath, [BIOME, 'lint', '.'], {
      cwd: folder,
      encoding: 'utf8',
    })
    return { status, output: stdout + stderr }
  }

  it('takes files that import one another in one direction', () => {
    const { status, output } = lint({
      'a.ts': "import { b } from './b.ts'\nexport const a = b\n",
      'b.ts': 'export const b = 1\n',
    })
    expect(status, output).to.equal(0)
  })

  it('refuses a circle, also one that only types close', () => {
    const { status, output } = lint({
      'a.ts': "import { b } from './b.ts'\nexport type A = number\nexport const a: A = b\n",
      'b.ts': "import type { A } from './a.ts'\nexport const b: A = 1\n",
    })
    expect(status, output).to.equal(1)
    expect(output).to.contain('noImportCycles')
  })
})
