// SPDX-License-Identifier: GPL-3.0-or-later
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { Wallet } from 'ethers'
import {
  KeystoreError,
  keystoreAddress,
  openKeystore,
  readPassphrase,
  writeKeystore,
} from '../../../keepers/chain/index.ts'

describe('keystore', () => {
  let folder: string
  const passphrase = 'a passphrase'
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-keys-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  it('round-trips a key, readable by its owner only, and never overwrites one', async () => {
    const wallet = Wallet.createRandom()
    const file = join(folder, 'operator.json')
    await writeKeystore(file, wallet, passphrase, { scryptN: 1024 })
    expect(statSync(file).mode & 0o077).to.equal(0)
    expect(readFileSync(file, 'utf8')).not.to.contain(wallet.privateKey.slice(2))
    expect((await openKeystore(file, passphrase)).privateKey).to.equal(wallet.privateKey)
    const again = await writeKeystore(file, wallet, passphrase, { scryptN: 1024 }).catch((error: Error) => error)
    expect(again).to.be.instanceOf(KeystoreError).with.property('code', 'NOT_WRITTEN')
    expect(readdirSync(folder)).to.deep.equal(['operator.json'])
  })

  it('distinguishes a wrong passphrase, a foreign file and a missing one in code, exit code and message', async () => {
    const file = join(folder, 'operator.json')
    await writeKeystore(file, Wallet.createRandom(), passphrase, { scryptN: 1024 })
    writeFileSync(join(folder, 'foreign.json'), '{"hello": 1}')
    const cases = [
      [file, 'wrong', 'WRONG_PASSPHRASE', 77, /passphrase does not open/],
      [join(folder, 'foreign.json'), passphrase, 'FOREIGN', 65, /not an Ethereum keystore/],
      [join(folder, 'missing.json'), passphrase, 'MISSING', 66, /cohort keeper init/],
    ] as const
    for (const [path, phrase, code, exitCode, message] of cases) {
      const error: unknown = await openKeystore(path, phrase).catch((caught: unknown) => caught)
      expect(error).to.be.instanceOf(KeystoreError).that.includes({ code, exitCode })
      expect((error as Error).message).to.match(message)
    }
  })

  it('looks at the file before it asks for a passphrase', async () => {
    writeFileSync(join(folder, 'foreign.json'), '{"hello": 1}')
    let asked = 0
    const ask = async () => {
      asked++
      return passphrase
    }
    for (const name of ['foreign.json', 'missing.json']) {
      expect(await openKeystore(join(folder, name), ask).catch((caught: unknown) => caught)).to.be.instanceOf(
        KeystoreError,
      )
    }
    expect(asked).to.equal(0)
    await writeKeystore(join(folder, 'operator.json'), Wallet.createRandom(), passphrase, { scryptN: 1024 })
    await openKeystore(join(folder, 'operator.json'), ask)
    expect(asked).to.equal(1)
  })

  it('says the address without the passphrase', async () => {
    const wallet = Wallet.createRandom()
    const file = join(folder, 'operator.json')
    await writeKeystore(file, wallet, passphrase, { scryptN: 1024 })
    expect(keystoreAddress(file)).to.equal(wallet.address)
  })

  it('reads the passphrase from a file without its line end, and refuses an empty one', async () => {
    const file = join(folder, 'phrase')
    writeFileSync(file, 'word and word\n')
    expect(await readPassphrase({ file })).to.equal('word and word')
    writeFileSync(file, '\n')
    expect(await readPassphrase({ file }).catch((error: Error) => error.message)).to.contain('empty')
  })
})
