// SPDX-License-Identifier: GPL-3.0-or-later
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
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
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true })
      writeFileSync(join(folder, name), text)
    }
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

  it('refuses to pass a room by the window, and lets it in by the door', () => {
    const through = (door: string) => lint({ 'keepers/agent/a.ts': `export { x } from '${door}'\n` })
    expect(through('../zkml/index.ts').status).to.equal(0)
    for (const deep of ['../zkml/circuit/compile.ts', '../chain/errors.ts', '../store/schema.ts']) {
      const { status, output } = through(deep)
      expect([status, output.includes('noRestrictedImports')], deep).to.deep.equal([1, true])
    }
  })

  it('refuses a library that knows another room, and rooms below that know the agent', () => {
    for (const [file, door] of [
      ['keepers/fhe/a.ts', '../learning/index.ts'],
      ['keepers/learning/engine/a.ts', '../../zkml/index.ts'],
      ['keepers/zkml/circuit/write/a.ts', '../../../chain/index.ts'],
      ['keepers/serving/a.ts', '../agent/index.ts'],
      ['keepers/versions/a.ts', '../apps/story/index.ts'],
    ] as const) {
      expect(lint({ [file]: `export { x } from '${door}'\n` }).status, `${file} → ${door}`).to.equal(1)
      rmSync(join(folder, file))
    }
  })
})
