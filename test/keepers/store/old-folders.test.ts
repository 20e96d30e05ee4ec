// SPDX-License-Identifier: GPL-3.0-or-later
// Folders that earlier versions wrote open in this one with everything in them, and the rules that their rows stand for hold on.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect } from 'chai'
import { ROOT } from '../../../scripts/bootstrap/paths.mjs'
import { bytes, refusal, StoreFolder } from './folder.ts'

const FIXTURES = join(ROOT, 'test/keepers/store/fixtures')

describe('folders of earlier versions', () => {
  const folder = new StoreFolder()
  const file = () => join(folder.path, 'journal.sqlite')
  const restore = (name: string) => {
    const database = new DatabaseSync(file())
    database.exec(readFileSync(join(FIXTURES, name), 'utf8'))
    database.close()
  }

  for (const name of readdirSync(FIXTURES)) {
    describe(name, () => {
      beforeEach(() => restore(name))

      it('keeps its secrets, its records and its place in the chain', () => {
        const store = folder.open()
        expect(store.getSecret('peer-identity')).to.deep.equal(bytes('thirty-two bytes of an identity!'))
        expect(store.getSecret('epoch-3/share')).to.deep.equal(bytes('a share of epoch three'))
        expect(store.getRecord('head')).to.deep.equal({ epoch: 3, round: 7, version: 6 })
        expect(store.getCursor('service')).to.include({ block: 120 })
      })

      it('gives no second share of what it gave one of', () => {
        const store = folder.open()
        const [given, other] = [new Uint8Array(32).fill(9), new Uint8Array(32).fill(8)]
        for (const nonce of [1, 2].map((value) => new Uint8Array(32).fill(value))) {
          expect(store.claims.claim(nonce, given)).to.equal(true)
          expect(store.claims.claim(nonce, other)).to.equal(false)
        }
        expect(store.claims.count).to.equal(2)
      })

      it('takes up what it had sent, and counts nonces on', () => {
        const { transactions } = folder.open()
        expect(transactions.open().map(({ key }) => key)).to.deep.equal(['revealUpdate/3/7/def'])
        expect(transactions.find('commitUpdate/3/7/abc')!.receipt).to.include({ block: 5, status: 1 })
        expect(transactions.nextNonce()).to.equal(2)
      })

      it('is refused under another passphrase, and then still opens', () => {
        expect(refusal(() => folder.open({ passphrase: 'another one' })).code).to.equal('WRONG_PASSPHRASE')
        expect(folder.open().getRecord('head')).to.not.equal(null)
      })

      it('stays as it was when a step of the way fails', () => {
        const database = new DatabaseSync(file())
        // Something in the way of a table that a later version makes.
        database.exec('CREATE TABLE keepsakes (surprise TEXT)')
        database.close()
        expect(() => folder.open()).to.throw(/keepsakes/)
        const after = new DatabaseSync(file())
        expect(after.prepare('PRAGMA user_version').get()).to.deep.include({ user_version: 1 })
        expect(after.prepare('SELECT count(*) AS n FROM shares').get()).to.deep.include({ n: 2 })
        after.close()
      })
    })
  }
})
