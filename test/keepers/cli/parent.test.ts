// SPDX-License-Identifier: GPL-3.0-or-later
// An operator's process is killed: the process that does the work stops. Real processes, real SIGKILL.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'

const PARENT = fileURLToPath(new URL('../../../keepers/cli/parent.ts', import.meta.url))

/** The one that works: says its process id, then says when its parent is gone. */
const WORKER = `
import { watchParent } from ${JSON.stringify(PARENT)}
watchParent(() => { console.log('gone'); process.exit() })
console.log(process.pid)
setTimeout(() => { console.log('still here'); process.exit() }, 6000)
`
/** The one in front, as scripts/bootstrap.mjs is. */
const front = (told: boolean): string => `
import { spawn } from 'node:child_process'
const env = { ...process.env, ${told ? 'COHORT_PARENT: String(process.pid)' : ''} }
spawn(process.execPath, ['--input-type=module', '--disable-warning=ExperimentalWarning', '-e', ${JSON.stringify(WORKER)}], { stdio: 'inherit', env })
`

async function killFront(told: boolean): Promise<string | undefined> {
  const env: NodeJS.ProcessEnv = { ...process.env }
  delete env.COHORT_PARENT
  const stdio = ['ignore', 'pipe', 'inherit'] as const
  const child = spawn(process.execPath, ['--input-type=module', '-e', front(told)], { stdio: [...stdio], env })
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  expect((await lines.next()).value).to.match(/^\d+$/)
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
  return (await lines.next()).value
}

describe('a process after its starter was killed', function () {
  this.timeout(30_000)

  it('notices, when it was started for an operator', async () => {
    expect(await killFront(true)).to.equal('gone')
  })

  it('goes on, when it was started directly: a shell may end', async () => {
    expect(await killFront(false)).to.equal('still here')
  })
})
