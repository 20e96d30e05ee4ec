// SPDX-License-Identifier: GPL-3.0-or-later
// docs/uses/nested.md says nothing that is not there: the tests that it names, the gas of the snapshot, the figures of the bench.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { isHidden } from '../../../keepers/agent/steps/exposure.ts'
import { ROOT } from '../../../scripts/bootstrap/paths.mjs'

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
/** Either apostrophe will do. */
const plain = (text: string): string => text.replaceAll('’', "'")
const page = read('docs/uses/nested.md')
const section = (title: string): string => page.split(`\n## ${title}\n`)[1]!.split('\n## ')[0]!
const rowsOf = (text: string): string[][] =>
  [...text.matchAll(/^\| (.*) \|$/gm)].map(([, row]) => row!.split(' | ').map((cell) => cell.trim()))
const FOLDERS = ['', 'test/contracts/nested/', 'test/keepers/agent/', 'test/keepers/nested/']

describe('the page on services of services', () => {
  it('names tests that exist, for everything that a liar can do', () => {
    let file = ''
    const rows = rowsOf(section('What a liar can do')).slice(1)
    expect(rows.length).to.be.above(20)
    for (const cells of rows) {
      for (const part of cells
        .at(-1)!
        .split(';')
        .map((text) => text.trim())) {
        const [, named] = /^`([^`]+\.test\.ts)`/.exec(part) ?? []
        if (named !== undefined)
          file = FOLDERS.map((folder) => folder + named).find((path) => existsSync(join(ROOT, path)))!
        expect(file, part).to.match(/\.test\.ts$/)
        const name = part.replace(/^(`[^`]+`|the same)(: |$)/, '').replace(/\s*\([^)]*\)$/, '')
        for (const piece of name.split('…').map((text) => text.trim())) {
          expect(plain(read(file)), `${file}: ${piece}`).to.include(plain(piece))
        }
      }
    }
  })

  it('has the gas of the snapshot', () => {
    const { gas } = JSON.parse(read('snapshots/nested.json')) as { gas: Record<string, number> }
    const known = new Set(Object.values(gas).map((value) => value.toLocaleString('en-US')))
    const figures = rowsOf(section('Costs'))
      .slice(1)
      .filter(([, figure]) => /\d,\d{3}/.test(figure!))
      .flatMap(([, figure]) => figure!.split(' · '))
    expect(figures.filter((figure) => !known.has(figure))).to.deep.equal([])
    expect(figures).to.have.length(Object.keys(gas).length)
  })

  it('has the accuracy of the committed bench', () => {
    const { rows } = JSON.parse(read('bench/results/nested.json')) as {
      rows: { metric: string; value: number; spread: number | null }[]
    }
    const found = rowsOf(section('Accuracy'))
      .slice(1)
      .map(([, figure]) => figure)
    const measured = ['flat', 'nested', 'handed-back', 'region', 'vote', 'student', 'taught'].map((name) => {
      const row = rows.find(({ metric }) => metric === `nested.accuracy.${name}`)!
      return `${row.value.toFixed(1)} % ± ${row.spread!.toFixed(1)}`
    })
    expect(found).to.deep.equal(measured)
  })

  it('says beside how many representatives others train, as the rule has it', () => {
    const [members, most] = rowsOf(page.split('others train beside at most this many representatives:')[1]!)
      .slice(0, 3)
      .filter(([first]) => first !== '---') as [string[], string[]]
    const counted = members.slice(1).map((count) => {
      let representatives = 0
      while (isHidden({ members: Number(count), minKeepers: 2, representatives: representatives + 1 }))
        representatives++
      return String(representatives)
    })
    expect(most.slice(1)).to.deep.equal(counted)
  })
})
