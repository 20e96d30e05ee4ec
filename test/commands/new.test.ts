// SPDX-License-Identifier: GPL-3.0-or-later
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { readManifestFile } from '../../keepers/versions/index.ts'
import { encodeInput, openFolder } from '../../keepers/zkml/index.ts'
import { command } from './command-line.ts'

const PATIENTS = 'examples/diabetes/patients.csv'

describe('cohort new', function () {
  this.timeout(120_000)
  let folder: string
  let out: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-new-'))
    out = join(folder, 'diabetes')
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  it('writes a folder from a file: the manifest, what to ask about, and commands that run', async () => {
    const made = await command('new', '--data', PATIENTS, '--unit', 'points', '--rounds', '5', '--out', out)
    expect(made.code, made.stderr).to.equal(0)
    expect(made.stdout)
      .to.match(/R² +-?[\d.]+ after 5 rounds.*\n/)
      .and.to.contain(join(out, 'README.md'))
    expect(readdirSync(out).sort()).to.deep.equal(['README.md', 'asked.json', 'manifest.json'])
    expect(readManifestFile(join(out, 'manifest.json')).task).to.deep.include({ kind: 'regression', unit: 'points' })

    const text = readFileSync(join(out, 'README.md'), 'utf8').replaceAll('\\\n', '')
    const commands = [...text.matchAll(/^cohort (.*)$/gm)].map(([, line]) => line!.trim().split(/\s+/))
    const about = (...words: string[]) => commands.filter((line) => words.every((word, at) => line[at] === word))
    expect(commands.map(([area, what]) => `${area} ${what}`)).to.include.members(['keeper init', 'infer request'])
    for (const line of [...about('service', 'show'), ...about('service', 'row'), ...about('service', 'circuit')]) {
      const run = await command(...line.filter((word) => word !== '--local'))
      expect(run.code, `${line.join(' ')}: ${run.stderr}`).to.equal(0)
    }
    // Whatever needs a chain is at least spelled as the commands are.
    for (const line of commands) {
      const help = await command(...line.slice(0, 2), '--help')
      const flags = line.filter((word) => word.startsWith('--'))
      for (const flag of flags) expect(help.stdout, line.join(' ')).to.contain(flag)
    }
    const { program } = await openFolder(join(out, 'circuit'))
    expect(program.output).to.deep.equal({ kind: 'value' })
    for (const name of ['asked.json', 'row.json']) {
      expect(encodeInput(program, JSON.parse(readFileSync(join(out, name), 'utf8')))).to.have.length(10)
    }
  })

  it('shows of a proof what is asked for, where the task has it', async () => {
    const wrong = await command(
      'service',
      'circuit',
      join(out, 'manifest.json'),
      '--out',
      join(folder, 'c'),
      '--output',
      'label',
    )
    expect([wrong.code, wrong.stderr]).to.deep.equal([65, "cohort: --output is 'label': a regression shows value\n"])
  })

  it('says in one line what is wrong, and leaves nothing', async () => {
    const gap = join(folder, 'gap.csv')
    writeFileSync(gap, `a,b\n${Array.from({ length: 60 }, (_, i) => `${i === 7 ? 'NaN?' : i},${i}`).join('\n')}\n`)
    const cases: [string[], number, RegExp][] = [
      [['--data', PATIENTS, '--out', out], 64, /diabetes is there already: give another --out/],
      [[], 64, /--data is needed/],
      [
        ['--data', PATIENTS, '--target', 'outcome', '--out', join(folder, 'no')],
        65,
        /--target 'outcome': the columns are/,
      ],
      [['--data', gap, '--out', join(folder, 'no')], 65, /line 9: column 'a' is 'NaN\?', not a number/],
      [
        ['--data', PATIENTS, '--model', 'mlp', '--out', join(folder, 'no')],
        65,
        /mlp tells classes apart, the sample is of amounts/,
      ],
    ]
    for (const [args, code, message] of cases) {
      const { code: found, stderr } = await command('new', ...args)
      expect(stderr.trim().split('\n').at(-1), args.join(' ')).to.match(message)
      expect(found, args.join(' ')).to.equal(code)
    }
    expect(existsSync(join(folder, 'no'))).to.equal(false)
    expect(readdirSync(folder).sort()).to.deep.equal(['diabetes', 'gap.csv'])
  })
})
