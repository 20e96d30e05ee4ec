// SPDX-License-Identifier: GPL-3.0-or-later
// Help is made when it is asked for: a default that cannot be shown is noticed by nobody else.
import { expect } from 'chai'
import type { Command } from 'commander'
import { cohortProgram } from '../../../keepers/cli/program.ts'

describe('the command line', () => {
  it('has help for every command, every option described', () => {
    const seen: string[] = []
    const visit = (command: Command, path: string): void => {
      expect(() => command.helpInformation(), path).to.not.throw()
      for (const { flags, description } of command.options) expect(description, `${path} ${flags}`).to.not.equal('')
      seen.push(path)
      for (const child of command.commands) visit(child, `${path} ${child.name()}`)
    }
    visit(cohortProgram(), 'cohort')
    expect(seen).to.include.members([
      'cohort spend prove',
      'cohort prover run',
      'cohort story prove',
      'cohort dao vote',
      'cohort relay',
    ])
  })
})
