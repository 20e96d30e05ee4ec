// SPDX-License-Identifier: GPL-3.0-or-later
// Help is made when it is asked for: a default that cannot be shown is noticed by nobody else.
import { globSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect } from 'chai'
import { Command } from 'commander'

const CLI = resolve(import.meta.dirname, '../../../keepers/cli')

describe('the command line', function () {
  this.timeout(60_000)

  it('has help for every command, every option described', async () => {
    const program = new Command('cohort')
    for (const file of globSync('*.ts', { cwd: CLI }).filter((name) => name !== 'main.ts')) {
      const area: Record<string, unknown> = await import(join(CLI, file))
      for (const [name, register] of Object.entries(area)) {
        if (name.startsWith('register')) (register as (to: Command) => void)(program)
      }
    }
    const seen: string[] = []
    const visit = (command: Command, path: string): void => {
      expect(() => command.helpInformation(), path).to.not.throw()
      for (const { flags, description } of command.options) expect(description, `${path} ${flags}`).to.not.equal('')
      seen.push(path)
      for (const child of command.commands) visit(child, `${path} ${child.name()}`)
    }
    visit(program, 'cohort')
    expect(seen).to.include.members([
      'cohort spend prove',
      'cohort prover run',
      'cohort story prove',
      'cohort dao vote',
    ])
  })
})
