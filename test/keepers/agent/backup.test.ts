// SPDX-License-Identifier: GPL-3.0-or-later
// A keeper in one file, and back.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { parseDocument } from 'yaml'
import { heldEncryptionKeys } from '../../../keepers/agent/encryption-keys.ts'
import {
  AgentError,
  backUp,
  exportProtection,
  importProtection,
  initKeeper,
  loadConfig,
  restore,
} from '../../../keepers/agent/index.ts'
import { PEER_IDENTITY } from '../../../keepers/agent/steps/secrets.ts'
import { openKeystore } from '../../../keepers/chain/index.ts'
import { KeeperStore, SecretBox, StoreError } from '../../../keepers/store/index.ts'
import { exampleManifest } from '../../../keepers/versions/index.ts'

const hash = (fill: number) => new Uint8Array(32).fill(fill)
const PASSPHRASE = 'of this test only'
const NAME = 'cohort-keeper-backup'
/** What the text is the base64 of, a byte a character. */
const atob64 = (text: string): string => Buffer.from(text, 'base64').toString('latin1')

describe('a keeper’s backup', function () {
  this.timeout(60_000)
  let folder: string
  let home: string
  let operator: string
  let running: KeeperStore
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-backup-'))
    home = join(folder, 'keeper')
    const made = await initKeeper({
      ...{ folder: home, passphrase: PASSPHRASE, scryptLog2N: 10, manifest: exampleManifest('mlp') },
      values: { 'service.address': `0x${'11'.repeat(20)}` },
    })
    operator = made.operator
    running = open(home)
    running.claims.claim(hash(1), hash(101))
    running.putSecret('epoch/7/secret', hash(9))
  })
  afterEach(() => {
    running.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const open = (at: string): KeeperStore => {
    const { chain, service } = loadConfig(at)
    const binding = { chainId: BigInt(chain.id), service: service.address, operator }
    return KeeperStore.open({ folder: at, passphrase: PASSPHRASE, binding })
  }
  const save = (name = 'backup.json'): string => {
    backUp(home, PASSPHRASE, join(folder, name), { log2N: 10 })
    return join(folder, name)
  }
  const boxOf = (file: string): SecretBox => {
    const { kdf } = JSON.parse(readFileSync(file, 'utf8'))
    return new SecretBox(PASSPHRASE, { salt: Buffer.from(kdf.salt, 'base64'), log2N: kdf.log2N })
  }
  const contentOf = (file: string) => {
    const { sealed } = JSON.parse(readFileSync(file, 'utf8'))
    return JSON.parse(Buffer.from(boxOf(file).open(NAME, Buffer.from(sealed, 'base64'))).toString('utf8'))
  }
  const sealedAs = (file: string, content: object): string =>
    Buffer.from(boxOf(file).seal(NAME, Buffer.from(JSON.stringify(content)))).toString('base64')
  const failure = (body: () => unknown): Error & { code: string } => {
    try {
      body()
    } catch (error) {
      if (error instanceof AgentError || error instanceof StoreError) return error
      throw error
    }
    throw new Error('expected a failure')
  }

  it('of a running keeper becomes one with the same operator, peer and claims, and no key of an epoch', async () => {
    const file = save()
    running.claims.claim(hash(2), hash(102))
    const later = exportProtection(home)
    const identity = running.getSecret(PEER_IDENTITY)
    const keys = heldEncryptionKeys(running)
    running.close()
    rmSync(home, { recursive: true })

    const result = restore({ file, folder: home, passphrase: PASSPHRASE, protection: later, log2N: 10 })
    expect(result).to.include({ operator, claims: 2 })
    expect((await openKeystore(loadConfig(home).keys.operator, PASSPHRASE)).address).to.equal(operator)
    running = open(home)
    expect(running.getSecret(PEER_IDENTITY)).to.deep.equal(identity)
    // What it did before, it does not do otherwise; and it could not, without the epoch's secret.
    for (const act of [1, 2]) {
      expect(running.claims.claim(hash(act), hash(50))).to.equal(false)
      expect(running.claims.claim(hash(act), hash(100 + act))).to.equal(true)
    }
    expect(running.getSecret('epoch/7/secret')).to.equal(null)
    const [fresh] = heldEncryptionKeys(running)
    expect(keys.some((key) => Buffer.compare(key, fresh!) === 0)).to.equal(false)
    expect(running.transactions.nextNonce()).to.equal(0)
  })

  it('holds no secret in the clear, nor one of an epoch at all: also none of what the config has, or names beside it', () => {
    const config = join(home, 'keeper.yaml')
    const document = parseDocument(readFileSync(config, 'utf8'))
    document.setIn(['chain', 'rpc'], ['https://rpc.example/key-of-the-endpoint'])
    document.deleteIn(['keys', 'operator'])
    document.setIn(['keys', 'remote'], { url: 'https://signer.example', address: operator, tokenFile: 'signer.token' })
    writeFileSync(config, document.toString())
    writeFileSync(join(home, 'signer.token'), 'the-token-of-the-signer', { mode: 0o600 })
    const file = save()
    const text = readFileSync(file, 'utf8')
    const inClear = [text, ...(text.match(/[A-Za-z0-9+/]{24,}=*/g) ?? []).map((part) => atob64(part))]
    for (const secret of [hash(9), running.getSecret(PEER_IDENTITY)!]) {
      for (const part of inClear) expect(part.includes(Buffer.from(secret).toString('base64'))).to.equal(false)
      for (const part of inClear) expect(part.includes(Buffer.from(secret).toString('latin1'))).to.equal(false)
    }
    for (const secret of ['the-token-of-the-signer', 'key-of-the-endpoint', 'signer.token'])
      for (const part of inClear) expect(part.includes(secret), secret).to.equal(false)
    expect(Object.keys(contentOf(file).files).sort()).to.deep.equal(['keeper.yaml', 'manifest.json', 'signer.token'])
  })

  it('is refused with a wrong passphrase, damaged, over anything, or with names of elsewhere; nothing is written then', () => {
    const file = save()
    const empty = join(folder, 'other')
    const outer = JSON.parse(readFileSync(file, 'utf8'))
    const attempt = (changes: object, more: object = {}) => {
      const changed = join(folder, 'changed.json')
      writeFileSync(changed, JSON.stringify({ ...outer, ...changes }))
      return failure(() => restore({ file: changed, folder: empty, passphrase: PASSPHRASE, log2N: 10, ...more }))
    }
    const content = contentOf(file)
    const within = (changes: object, more: object = {}) =>
      attempt({ sealed: sealedAs(file, { ...content, ...changes }) }, more)
    const { files } = content
    expect(attempt({}, { passphrase: 'wrong' }).code).to.equal('WRONG_PASSPHRASE')
    expect(attempt({ version: 2 }).message).to.match(/version is of another version/)
    // Nobody without the passphrase gives it another config, which would name programs that the keeper runs.
    const flipped = Buffer.from(outer.sealed, 'base64')
    flipped[flipped.length - 40]! ^= 1
    expect(attempt({ sealed: flipped.toString('base64') }).code).to.equal('WRONG_PASSPHRASE')
    expect(within({ files: { ...files, '../evil': 'AAAA' } }).message).to.match(/files\.\.\.\/evil/)
    expect(within({ files: {} }).message).to.match(/has no keeper\.yaml/)
    expect(within({ protection: {} }).message).to.match(/not a slashing protection record/)
    expect(attempt({}, { protection: [] }).code).to.equal('BAD_INPUT')
    expect(attempt({}, { folder: home }).message).to.match(/exists: restore overwrites nothing/)
    expect(failure(() => backUp(home, PASSPHRASE, file)).message).to.match(/exists: give another name/)
    expect(existsSync(empty) ? readdirSync(empty) : []).to.deep.equal([])
    // A file of somebody's that has the name of one in the backup.
    const busy = join(folder, 'busy')
    mkdirSync(busy)
    writeFileSync(join(busy, 'manifest.json'), 'mine')
    expect(attempt({}, { folder: busy }).message).to.match(/manifest\.json exists/)
    expect(readFileSync(join(busy, 'manifest.json'), 'utf8')).to.equal('mine')
    expect(readdirSync(busy)).to.deep.equal(['manifest.json'])
  })

  it('goes into a file of its own, whatever lies under the name that it is written to first', () => {
    const out = join(folder, 'shared.json')
    const victim = join(folder, 'victim')
    writeFileSync(victim, 'mine')
    symlinkSync(victim, `${out}.${process.pid}.tmp`)
    save('shared.json')
    expect(readFileSync(victim, 'utf8')).to.equal('mine')
    expect(statSync(out).mode & 0o777).to.equal(0o600)
    expect(contentOf(out).files).to.have.property('keeper.yaml')
  })

  it('has its record taken over by a stopped keeper only', () => {
    const record = exportProtection(home)
    expect(failure(() => importProtection(home, PASSPHRASE, record)).code).to.equal('LOCKED')
    running.close()
    expect(importProtection(home, PASSPHRASE, record)).to.deep.equal({ added: 0, claims: 1 })
  })
})
