// SPDX-License-Identifier: GPL-3.0-or-later
// Messages and exit codes of `cohort relay` when it cannot begin.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { Wallet } from 'ethers'
import { writeKeystore } from '../../keepers/chain/index.ts'
import { command } from './command-line.ts'

describe('cohort relay', function () {
  this.timeout(60_000)
  let folder: string
  let keystore: string
  let passphrase: string
  const service = '0x00000000000000000000000000000000000000aa'
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-relay-'))
    keystore = join(folder, 'relayer.json')
    passphrase = join(folder, 'passphrase')
    writeFileSync(passphrase, 'relayer\n')
    await writeKeystore(keystore, Wallet.createRandom(), 'relayer', { scryptN: 4096 })
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  const relay = (...args: string[]) => command('relay', '--data', join(folder, 'data'), '--port', '0', ...args)
  // Nobody listens there.
  const nowhere = ['--rpc', 'http://127.0.0.1:1']
  const place = ['--service', service, '--chain-id', '31337']

  it('shows examples and exit codes', async () => {
    const { code, stdout } = await command('relay', '--help')
    expect(code).to.equal(0)
    expect(stdout).to.match(/Examples:\n {2}cohort relay --deployment/)
    expect(stdout).to.contain('Exit codes: ')
  })

  it('names in one line why it cannot begin', async () => {
    const other = join(folder, 'other')
    writeFileSync(other, 'another\n')
    const cases: [string[], number, RegExp][] = [
      [[...nowhere, '--keystore', keystore], 64, /give --deployment FILE, or --service and --chain-id/],
      [[...nowhere, ...place, '--keystore', keystore, '--port', '70000'], 64, /a port from 0 to 65535/],
      [[...nowhere, ...place, '--keystore', keystore, '--wait-seconds', 'x'], 64, /0 to 600 seconds/],
      [[...place, '--keystore', keystore], 64, /--rpc <url...>/],
      [[...nowhere, '--deployment', join(folder, 'none.json'), '--keystore', keystore], 66, /none.json/],
      [
        [...nowhere, ...place, '--keystore', join(folder, 'none'), '--passphrase-file', passphrase],
        66,
        /cannot read the keystore/,
      ],
      [
        [...nowhere, ...place, '--keystore', passphrase, '--passphrase-file', passphrase],
        65,
        /is not an Ethereum keystore/,
      ],
      [[...nowhere, ...place, '--keystore', keystore, '--passphrase-file', other], 77, /passphrase/],
    ]
    await Promise.all(
      cases.map(async ([args, code, message]) => {
        const run = await relay(...args)
        expect([run.code, run.stdout], `${args.join(' ')}: ${run.stderr}`).to.deep.equal([code, ''])
        expect(run.stderr).to.match(message)
        expect(run.stderr).not.to.contain('    at ')
      }),
    )
  })
})
