// SPDX-License-Identifier: GPL-3.0-or-later
// docs/services.md as somebody new to it types it, from the top: whatever needs no chain.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { commandsIn } from '../../scripts/check/documented-commands.ts'
import { command } from './command-line.ts'

const PAGE = 'docs/services.md'
/** Commands that make or read files alone. */
const ALONE = new Set(['new', 'service new', 'service show', 'service row', 'service circuit', 'zkml provable'])
/** The page's 50 rounds are for figures. */
const FEW = ['--rounds', '2']

describe('the commands of docs/services.md', function () {
  this.timeout(300_000)
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-page-'))
    const signals = Array.from({ length: 60 }, (_, i) => [(i * 37) % 41, (i * 17) % 23])
    const states = signals.map(([first, second]) => (first! > second! ? 'up' : 'down'))
    writeFileSync(join(folder, 'arrays.json'), JSON.stringify({ signals, states }))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  it('run in their order, each on what those before it have made', async () => {
    const shown = commandsIn(PAGE, readFileSync(PAGE, 'utf8')).filter(
      ({ whole, words }) => whole && words[0] === 'cohort',
    )
    const nameOf = ([, area = '', what = '']: readonly string[]) => (area === 'new' ? area : `${area} ${what}`)
    const run = shown.filter(({ words }) => ALONE.has(nameOf(words)))
    expect(new Set(run.map(({ words }) => nameOf(words)))).to.deep.equal(ALONE)
    for (const { line, words } of run) {
      // Keys take as long as all the rest, and are tried elsewhere.
      const args = words
        .filter((word, at) => at > 0 && word !== '--local')
        .map((word) =>
          // NumPy writes the page's file; this one has the same arrays.
          word === 'waves.npz' ? join(folder, 'arrays.json') : word.replace(/^build\//, `${folder}/`),
        )
      const { code, stderr } = await command(...args, ...(nameOf(words).endsWith('new') ? FEW : []))
      expect(code, `${PAGE}:${line}: ${words.join(' ')}: ${stderr}`).to.equal(0)
      const out = args[args.indexOf('--out') + 1]!
      if (args.includes('--out')) expect(existsSync(out), out).to.equal(true)
    }
  })
})
