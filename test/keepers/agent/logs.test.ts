// SPDX-License-Identifier: GPL-3.0-or-later
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'

const AGENT = new URL('../../../keepers/agent/index.ts', import.meta.url).href
/** Writes lines to standard output and to a data folder, waits for a turn of the event loop, and ends by itself. */
const SCRIPT = `
const { createLog, openLogFiles } = await import(${JSON.stringify(AGENT)})
const log = createLog('info', openLogFiles(process.argv[1]))
for (let i = 0; i < 50; i++) { log.info({ event: 'line', i }, 'x'.repeat(200)); await new Promise(setImmediate) }
log.info({ event: 'end' }, 'done')
`

describe('log lines of a keeper', function () {
  this.timeout(60_000)
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-logs-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  function start(stdout: 'pipe' | number) {
    const args = ['--input-type=module', '-e', SCRIPT, folder]
    const child = spawn(process.execPath, args, { stdio: ['ignore', stdout, 'pipe'], timeout: 30_000 })
    let errors = ''
    child.stderr!.on('data', (chunk: Buffer) => {
      errors += chunk
    })
    const end = once(child, 'close').then(([code]) => [code, errors.replace(/^.*Warning.*\n|^\(Use .*\n/gm, '')])
    return { child, end }
  }
  const kept = (): unknown[] =>
    readFileSync(join(folder, 'logs', 'keeper.log'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).event)

  it('go to standard output and into the data folder', async () => {
    const { child, end } = start('pipe')
    let output = ''
    child.stdout!.on('data', (chunk: Buffer) => {
      output += chunk
    })
    expect(await end).to.deep.equal([0, ''])
    expect(output.trimEnd().split('\n')).to.have.length(51)
    expect(kept()).to.have.length(51)
  })

  it('neither end nor hold up a keeper whose standard output takes none: a full disk, a terminal that is gone', async () => {
    const full = openSync('/dev/full', 'w')
    try {
      expect(await start(full).end).to.deep.equal([0, ''])
    } finally {
      closeSync(full)
    }
    expect(kept().at(-1)).to.equal('end')
  })

  it('go on into the data folder when their reader ends', async () => {
    const { child, end } = start('pipe')
    child.stdout!.once('data', () => child.stdout!.destroy())
    expect(await end).to.deep.equal([0, ''])
    expect(kept().at(-1)).to.equal('end')
  })
})
