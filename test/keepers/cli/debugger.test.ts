// SPDX-License-Identifier: GPL-3.0-or-later
// A process of the keeper's own user, such as a strategy that got out of its context, may send it signals. One of them has Node open its
// debugger, which reads all memory, to every user of the machine.
import { spawn } from 'node:child_process'
import { expect } from 'chai'

const STOPPING = new URL('../../../keepers/cli/stopping.ts', import.meta.url).href
const UNTIL_STOPPED = `
  import { untilStopped } from '${STOPPING}'
  await untilStopped(async (signal) => {
    console.log('ready')
    const work = setInterval(() => undefined, 1_000)
    await new Promise((done) => signal.addEventListener('abort', done))
    clearInterval(work)
  })`
const PLAIN = "console.log('ready'); process.once('SIGTERM', () => process.exit()); setInterval(() => undefined, 1_000)"

/** What a program says on standard error after the signal. */
async function afterSignal(program: string): Promise<string> {
  // A port of the system's choice, where a debugger opens after all.
  const flags = [
    '--disable-warning=ExperimentalWarning',
    '--inspect-port=127.0.0.1:0',
    '--input-type=module-typescript',
  ]
  const child = spawn(process.execPath, [...flags, '--eval', program], { stdio: ['pipe', 'pipe', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  const closed = new Promise((done) => child.once('close', done))
  await new Promise((ready) => child.stdout.once('data', ready))
  child.kill('SIGUSR1')
  await new Promise((done) => setTimeout(done, 500))
  child.kill('SIGTERM')
  await closed
  return said
}

describe('a daemon`s memory', function () {
  this.timeout(20_000)

  it('is open to no debugger for a signal', async () => {
    expect(await afterSignal(UNTIL_STOPPED)).to.equal('')
  })

  it('would be, as Node has it', async () => {
    expect(await afterSignal(PLAIN)).to.contain('Debugger listening on ws://127.0.0.1')
  })
})
