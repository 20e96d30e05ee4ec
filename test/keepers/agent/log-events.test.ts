// SPDX-License-Identifier: GPL-3.0-or-later
// docs/log-events.md and the keeper's source name the same events.
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { ROOT } from '../../../scripts/bootstrap/paths.mjs'

/** Written with a name that the code puts together, or from a contract's event. */
const MADE = [
  'StruckOut',
  'Dropped',
  'diverged',
  'trainer failed',
  'handed over',
  'not relayed',
  'own transaction',
  'transaction …',
]

const page = readFileSync(join(ROOT, 'docs/log-events.md'), 'utf8')
const documented = new Set(
  [...page.matchAll(/^\| (`[^|]+) \|/gm)].flatMap(([, cell]) =>
    [...cell!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!),
  ),
)
const source = globSync('keepers/agent/**/*.ts', { cwd: ROOT }).map((file) => readFileSync(join(ROOT, file), 'utf8'))
const logged = new Set(
  source.flatMap((text) => [...text.matchAll(/\bevent: '([a-z][a-z ]*)'/g)].map(([, name]) => name!)),
)

describe('the page of log events', () => {
  it('has every event that a keeper logs', () => {
    expect(logged.size).to.be.above(50)
    expect([...logged].filter((name) => !documented.has(name))).to.deep.equal([])
  })

  it('has none that no keeper logs', () => {
    const known = (name: string): boolean => logged.has(name) || MADE.includes(name)
    expect([...documented].filter((name) => !known(name))).to.deep.equal([])
  })
})
