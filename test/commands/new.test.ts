// SPDX-License-Identifier: GPL-3.0-or-later
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { initialWeights, saveModel } from '../../keepers/learning/index.ts'
import { openManifest, readManifestFile } from '../../keepers/versions/index.ts'
import { encodeInput, openFolder } from '../../keepers/zkml/index.ts'
import { command } from './command-line.ts'

const PATIENTS = 'examples/diabetes/patients.csv'

/** The words that a shell makes of a line with single quotes. */
const wordsOf = (line: string): string[] =>
  (line.match(/(?:'[^']*'|\\.|[^\s'\\])+/g) ?? []).map((word) =>
    word.replaceAll(/'([^']*)'|\\(.)/g, (_, quoted?: string, escaped?: string) => quoted ?? escaped ?? ''),
  )

describe('cohort new', function () {
  this.timeout(120_000)
  let folder: string
  let out: string
  before(() => {
    // The commands that it writes have to work in a folder of any name.
    folder = mkdtempSync(join(tmpdir(), "cohort's new "))
    out = join(folder, 'diabetes')
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  it('writes a folder from a file: the manifest, a sample to ask about, and commands that run', async () => {
    const made = await command('new', '--data', PATIENTS, '--unit', 'points', '--rounds', '5', '--out', out)
    expect(made.code, made.stderr).to.equal(0)
    expect(made.stdout)
      .to.match(/R² +-?[\d.]+ after 5 rounds.*\n/)
      .and.to.contain(join(out, 'README.md'))
    expect(readdirSync(out).sort()).to.deep.equal(['README.md', 'asked.json', 'manifest.json'])
    expect(readManifestFile(join(out, 'manifest.json')).task).to.deep.include({ kind: 'regression', unit: 'points' })

    const text = readFileSync(join(out, 'README.md'), 'utf8').replaceAll('\\\n', '')
    const commands = [...text.matchAll(/^cohort (.*)$/gm)].map(([, line]) => wordsOf(line!))
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

  it('evaluates a model on samples read as its own manifest says, and on no others', async () => {
    const { spec } = await openManifest(readManifestFile(join(out, 'manifest.json')))
    const model = join(folder, 'model')
    await saveModel({ spec, weights: initialWeights(spec, 1) }, model)
    const by = ['learning', 'evaluate', model, '--manifest', join(out, 'manifest.json'), '--data']
    const said = await command(...by, PATIENTS)
    expect(said.code, said.stderr).to.equal(0)
    expect(said.stdout).to.match(/R² -?[\d.]+ of 442, off by [\d.]+ points on average/)
    const { figures } = JSON.parse((await command(...by, PATIENTS, '--json')).stdout)
    expect(figures.rmse).to.be.above(figures.mae).and.above(20)
    const other = await command(...by, 'examples/breast-cancer/cells.csv')
    expect([other.code, other.stderr.trim().split('\n').at(-1)]).to.satisfy(
      ([code, text]: [number, string]) => code === 65 && /no column 'age'; the columns are mean radius/.test(text),
    )
    const foreign = await command('learning', 'evaluate', model, '--manifest', 'mlp', '--data', PATIENTS)
    expect([foreign.code, foreign.stderr]).to.satisfy(
      ([code, text]: [number, string]) => code === 65 && /take the model of this service/.test(text),
    )
  })

  it('evaluates a model of several labels by each of them', async () => {
    const place = mkdtempSync(join(tmpdir(), 'cohort-labels-'))
    try {
      const data = join(place, 'rows.csv')
      const rows = Array.from({ length: 80 }, (_, i) => {
        const [x, y] = [(i * 37) % 41, (i * 17) % 23]
        return `${x},${y},${[...(x > 20 ? ['hot'] : []), ...(y > 15 ? ['loud'] : [])].join('|')}`
      })
      writeFileSync(data, `x,y,kind\n${rows.join('\n')}\n`)
      const manifest = join(place, 'labels.json')
      const made = await command(
        'service',
        'new',
        '--data',
        data,
        '--task',
        'labels',
        '--rounds',
        '2',
        '--out',
        manifest,
      )
      expect(made.code, made.stderr).to.equal(0)
      const { spec } = await openManifest(readManifestFile(manifest))
      await saveModel({ spec, weights: initialWeights(spec, 1) }, join(place, 'model'))
      const by = ['learning', 'evaluate', join(place, 'model'), '--manifest', manifest, '--data', data]
      const said = await command(...by)
      expect(said.stdout).to.match(/% of 80 right, loss [\d.]+, f1 [\d.]+\n/)
      expect(said.stdout).to.match(/label \| samples \| recall, precision, f1\n +hot \| +\d+ \|.*\n +loud \| +\d+ \|/)
      const { classes, confusion, figures } = JSON.parse((await command(...by, '--json')).stdout)
      expect(classes.map((one: { name: string }) => one.name)).to.deep.equal(['hot', 'loud'])
      expect(confusion).to.deep.equal([])
      const f1 = classes.reduce((sum: number, one: { f1: number | null }) => sum + (one.f1 ?? 0), 0) / 2
      expect(figures.f1).to.be.closeTo(f1, 1e-9)
    } finally {
      rmSync(place, { recursive: true, force: true })
    }
  })

  it('does the same for arrays, from the file to an input of the circuit', async () => {
    const place = mkdtempSync(join(tmpdir(), 'cohort-arrays-'))
    try {
      const signals = Array.from({ length: 80 }, (_, i) => [(i * 37) % 41, (i * 17) % 23].map((value) => value / 4))
      const states = signals.map(([first, second]) => (first! > second! ? 'up' : 'down'))
      const data = join(place, 'waves.json')
      writeFileSync(data, JSON.stringify({ signals, states }))
      const made = join(place, 'waves')
      const arrays = ['--array', 'signals', '--target', 'states']
      const said = await command('new', '--data', data, ...arrays, '--rounds', '3', '--out', made)
      expect(said.code, said.stderr).to.equal(0)
      expect(said.stderr).to.match(
        /tensors of 2 \(array 'signals', numbers from .* 2 scales\), label 'states'; 2 classes/,
      )
      const manifest = join(made, 'manifest.json')
      expect(readFileSync(join(made, 'README.md'), 'utf8')).to.contain(`--samples ${data}`)
      const provable = JSON.parse((await command('zkml', 'provable', manifest, '--json')).stdout)
      const circuit = await command('service', 'circuit', manifest, '--out', join(made, 'circuit'), '--json')
      expect(JSON.parse(circuit.stdout).constraints, circuit.stderr).to.equal(provable.total)
      // The file of somebody who asks has no labels.
      const asked = join(place, 'asked.json')
      writeFileSync(asked, JSON.stringify({ signals: signals.slice(0, 2) }))
      const row = join(place, 'row.json')
      const scaled = await command('service', 'row', manifest, '--data', asked, '--row', '2', '--out', row)
      expect(scaled.code, scaled.stderr).to.equal(0)
      const { program } = await openFolder(join(made, 'circuit'))
      expect(encodeInput(program, JSON.parse(readFileSync(row, 'utf8')))).to.have.length(2)
      const beyond = await command('service', 'row', manifest, '--data', asked, '--row', '3', '--out', row)
      expect([beyond.code, beyond.stderr]).to.deep.equal([
        65,
        "cohort: asked.json: no sample 3 in 'signals'; it has 2\n",
      ])
      const { spec } = await openManifest(readManifestFile(manifest))
      await saveModel({ spec, weights: initialWeights(spec, 1) }, join(place, 'model'))
      const by = ['learning', 'evaluate', join(place, 'model'), '--manifest', manifest, '--data']
      expect((await command(...by, data)).stdout).to.match(/of 80 right.*\n.*\n +down \|/)
      writeFileSync(asked, JSON.stringify({ signals: [[1000, 1]], states: ['up'] }))
      const refused = await command(...by, asked)
      expect([refused.code, refused.stderr]).to.satisfy(
        ([code, text]: [number, string]) =>
          code === 65 && /signals\[0, 0\] is 1000, takes .* \(input\.scale\.0\)/.test(text),
      )
    } finally {
      rmSync(place, { recursive: true, force: true })
    }
  })

  it('shows the requested output of a proof where the task has it', async () => {
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

  it('names the fault in one line, and leaves no files', async () => {
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
    expect(readdirSync(folder).sort()).to.deep.equal(['diabetes', 'gap.csv', 'model'])
  })
})
