// SPDX-License-Identifier: GPL-3.0-or-later
// A keeper in one file, and back.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
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
import { KeeperStore, StoreError } from '../../../keepers/store/index.ts'
import { exampleManifest } from '../../../keepers/versions/index.ts'

const hash = (fill: number) => new Uint8Array(32).fill(fill)
const PASSPHRASE = 'of this test only'

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

  it('holds no secret in the clear, nor one of an epoch at all', () => {
    const text = readFileSync(save(), 'utf8')
    for (const secret of [hash(9), running.getSecret(PEER_IDENTITY)!]) {
      expect(text).not.to.contain(Buffer.from(secret).toString('base64'))
      expect(text).not.to.contain(Buffer.from(secret).toString('hex'))
    }
    expect(Object.keys(JSON.parse(text).files).sort()).to.deep.equal(['keeper.yaml', 'manifest.json', 'operator.json'])
  })

  it('is refused with a wrong passphrase, damaged, over a keeper, or with names of elsewhere; nothing is written then', () => {
    const file = save()
    const empty = join(folder, 'other')
    const attempt = (changes: object, more: object = {}) => {
      const changed = join(folder, 'changed.json')
      writeFileSync(changed, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), ...changes }))
      return failure(() => restore({ file: changed, folder: empty, passphrase: PASSPHRASE, log2N: 10, ...more }))
    }
    const { files } = JSON.parse(readFileSync(file, 'utf8'))
    expect(attempt({}, { passphrase: 'wrong' }).code).to.equal('WRONG_PASSPHRASE')
    expect(attempt({ version: 2 }).message).to.match(/version is of another version/)
    expect(attempt({ files: { ...files, '../evil': 'AAAA' } }).message).to.match(/files\.\.\.\/evil/)
    expect(attempt({ files: {} }).message).to.match(/has no keeper\.yaml/)
    expect(attempt({ protection: {} }).message).to.match(/not a slashing protection record/)
    expect(attempt({}, { protection: [] }).code).to.equal('BAD_INPUT')
    expect(attempt({}, { folder: home }).message).to.match(/is a keeper already/)
    expect(failure(() => backUp(home, PASSPHRASE, file)).message).to.match(/exists: give another name/)
    expect(existsSync(empty) ? readdirSync(empty) : []).to.deep.equal([])
  })

  it('has its record taken over by a stopped keeper only', () => {
    const record = exportProtection(home)
    expect(failure(() => importProtection(home, PASSPHRASE, record)).code).to.equal('LOCKED')
    running.close()
    expect(importProtection(home, PASSPHRASE, record)).to.deep.equal({ added: 0, claims: 1 })
  })
})
