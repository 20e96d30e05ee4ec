// SPDX-License-Identifier: GPL-3.0-or-later
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { expect } from 'chai'
import { ROOT } from '../../scripts/bootstrap/paths.mjs'
import { nameOf, OTHERS, programOf, startOf } from '../../scripts/bootstrap/program.mjs'

const MAIN = join(ROOT, 'keepers/cli/main.ts')

describe('the program that the sources of cohort are put together to', function () {
  this.timeout(60_000)
  let folder: string

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-program-'))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  const run = (program: string, flags: readonly string[], ...args: readonly string[]) =>
    spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', ...flags, MAIN, ...args], {
      encoding: 'utf8',
      env: { ...process.env, NODE_COMPILE_CACHE: '', COHORT_PROGRAM: program },
    })

  it('has another name after any change of a source, and the same after its undoing', async () => {
    const write = (path: string, text: string): void => {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), text)
    }
    write('keepers/fhe/a.ts', 'export const a = 1')
    write('keepers/agent/b.ts', 'export const b = 1')
    write('package-lock.json', '{}')
    const name = await nameOf(folder)
    expect(name).to.match(/^[0-9a-f]{32}$/)
    for (const path of ['keepers/fhe/a.ts', 'keepers/agent/b.ts', 'package-lock.json', 'keepers/agent/new.ts']) {
      write(path, '{ }')
      expect(await nameOf(folder), path).to.not.equal(name)
      if (path.endsWith('new.ts')) rmSync(join(folder, path))
      else write(path, path.endsWith('json') ? '{}' : `export const ${path.at(-4)} = 1`)
      expect(await nameOf(folder), path).to.equal(name)
    }
  })

  it('runs in place of the sources, says the same as they, and fails as they do', async () => {
    const name = await programOf(process.execPath)
    if (name === null) throw new Error('no program was made')
    const lines: readonly (readonly string[])[] = [
      ['--help'],
      ['keeper', 'init', '--help'],
      ['fsm', 'check'],
      ['zkml', 'nonsense'],
    ]
    for (const args of lines) {
      const [together, apart] = [run(name, [], ...args), run('', [], ...args)]
      expect(together.stdout, args.join(' ')).to.equal(apart.stdout)
      expect([together.status, together.stderr]).to.deep.equal([apart.status, apart.stderr])
    }
    // Neither the sources nor the libraries may be read: they cannot have answered.
    const readable = [MAIN, join(ROOT, 'circuits/*'), join(ROOT, '.cache/program', name, '*')]
    const confined = ['--permission', ...readable.map((path) => `--allow-fs-read=${path}`)]
    const alone = run(name, confined, '--version')
    expect([alone.stdout, alone.status], alone.stderr).to.deep.equal(['0.1.0\n', 0])
    expect(run('', confined, '--version').status).to.not.equal(0)
  })

  it('holds the keepers of another kind, which start from it, and from their sources where there is none', async () => {
    const name = await programOf(process.execPath)
    const before = process.env.COHORT_PROGRAM
    const starts = (program: string | null): string[] => {
      process.env.COHORT_PROGRAM = program ?? ''
      return OTHERS.map(startOf)
    }
    try {
      const together = starts(name)
      expect(
        together.every((file) => dirname(file) === join(ROOT, '.cache/program', name!) && existsSync(file)),
      ).to.equal(true)
      expect(new Set(together).size).to.equal(OTHERS.length)
      for (const none of ['', '0'.repeat(32), folder]) {
        expect(starts(none)).to.deep.equal(OTHERS.map((script) => join(ROOT, script)))
      }
    } finally {
      process.env.COHORT_PROGRAM = before ?? ''
    }
  })

  it('goes only where programs are: a folder of another name is refused, and nothing beside it is deleted', () => {
    const beside = Array.from({ length: 8 }, (_, i) => join(folder, `file-${i}`))
    for (const file of beside) writeFileSync(file, 'of somebody')
    for (const name of ['--help', 'out']) {
      const script = join(ROOT, 'scripts/build-program.mjs')
      const { status, stderr } = spawnSync(process.execPath, [script, name], { cwd: folder, encoding: 'utf8' })
      expect([status, stderr]).to.satisfy(([code, text]: [number, string]) => code === 64 && text.startsWith('usage: '))
    }
    expect(beside.every((file) => existsSync(file))).to.equal(true)
  })

  it('is not looked for anywhere but below its checkout: an unknown name, and a path, leave the sources to run', () => {
    writeFileSync(join(folder, 'cli.run.mjs'), "process.stdout.write('somebody else')")
    for (const name of ['0'.repeat(32), folder]) {
      const { stdout, status } = run(name, [], '--version')
      expect([stdout, status], name).to.deep.equal(['0.1.0\n', 0])
    }
  })
})
