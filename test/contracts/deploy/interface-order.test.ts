// SPDX-License-Identifier: GPL-3.0-or-later
// Every interface in one order: errors, types, events, actions. Who looks for one of them knows where.

import { readdirSync, readFileSync } from 'node:fs'
import { expect } from 'chai'

const FOLDER = new URL('../../../contracts/interfaces/', import.meta.url)
const PLACES: Readonly<Record<string, string>> = {
  error: 'errors',
  enum: 'types',
  struct: 'types',
  event: 'events',
  function: 'actions',
}
const ORDER = ['errors', 'types', 'events', 'actions']

/** What the members of each interface of a file are, in order. */
function membersOf(source: string): Map<string, string[]> {
  const found = new Map<string, string[]>()
  let members: string[] = []
  for (const line of source.split('\n')) {
    const [, name] = /^interface (\w+)/.exec(line) ?? []
    if (name !== undefined) {
      members = []
      found.set(name, members)
    }
    const [, keyword = ''] = /^ {4}(\w+)\b/.exec(line) ?? []
    const place = PLACES[keyword]
    if (place !== undefined) members.push(place)
  }
  return found
}

function isOrdered(members: readonly string[]): boolean {
  return members.every((place, i) => i === 0 || ORDER.indexOf(place) >= ORDER.indexOf(members[i - 1]!))
}

describe('interfaces', () => {
  it('have their errors first, then types, events and actions', () => {
    const files = readdirSync(FOLDER).filter((file) => file.endsWith('.sol'))
    const otherwise: string[] = []
    let seen = 0
    for (const file of files) {
      for (const [name, members] of membersOf(readFileSync(new URL(file, FOLDER), 'utf8'))) {
        seen += members.length
        if (!isOrdered(members)) otherwise.push(name)
      }
    }
    expect(otherwise).to.deep.equal([])
    expect(seen).to.be.greaterThan(500)
  })

  it('are found out of order when an event comes before an error', () => {
    const source = 'interface I {\n    event E();\n    error Z();\n    function f() external;\n}\n'
    expect([...membersOf(source).values()].map(isOrdered)).to.deep.equal([false])
  })
})
