// SPDX-License-Identifier: GPL-3.0-or-later
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { inspect } from 'node:util'
import { expect } from 'chai'
import { newKdfParameters, SecretBox } from '../../../keepers/store/secret-box.ts'
import { bytes, passphrase, refusal, StoreFolder } from './folder.ts'

describe('secrets of a keeper', () => {
  const folder = new StoreFolder()
  const { open } = folder

  it('keeps secrets unreadable in every file, and out of printed values', () => {
    const store = open()
    const secret = 'the plaintext that nobody may find'
    store.putSecret('x', bytes(secret))
    store.putSecret('x', bytes(`${secret} again`))
    expect(store.eraseSecrets('y')).to.equal(0)
    store.close()
    for (const name of readdirSync(folder.path)) {
      expect(readFileSync(join(folder.path, name)).includes(secret), name).to.equal(false)
    }
    expect(statSync(join(folder.path, 'journal.sqlite')).size).to.be.greaterThan(0)
    const box = new SecretBox(passphrase, newKdfParameters(10))
    expect(`${box} ${JSON.stringify(box)} ${inspect(box)}`).to.equal('[secret] "[secret]" [secret]')
  })

  describe('what is erased', () => {
    /** The sealed form of a secret, as anyone who reads the folder sees it. */
    const sealedForm = (name: string): Uint8Array => {
      const file = new DatabaseSync(join(folder.path, 'journal.sqlite'), { readOnly: true })
      const row = file.prepare('SELECT sealed FROM secrets WHERE name = ?').get(name) as { sealed: Uint8Array }
      file.close()
      return row.sealed
    }
    /** Files of the folder in which any piece of the bytes is found. */
    const holding = (sealed: Uint8Array, where = folder.path): string[] =>
      readdirSync(where).filter((name) => {
        const content = readFileSync(join(where, name))
        // A page holds a part only of a long value.
        for (let at = 0; at + 64 <= sealed.length; at += 512) {
          if (content.includes(Buffer.from(sealed.subarray(at, at + 64)))) return true
        }
        return false
      })
    const long = () => new Uint8Array(20_000).fill(7)

    it('leaves every file of the folder while the keeper runs, the write-ahead log too', () => {
      const store = open()
      store.putSecret('epoch/1/key', long())
      store.putSecret('epoch/2/key', long())
      const [old, kept] = [sealedForm('epoch/1/key'), sealedForm('epoch/2/key')]
      expect(holding(old)).to.not.deep.equal([])
      expect(store.eraseSecrets('epoch/1/')).to.equal(1)
      expect(holding(old)).to.deep.equal([])
      expect(holding(kept)).to.not.deep.equal([])
    })

    it('also when the erasure is part of a transaction, and what was overwritten with it', () => {
      const store = open()
      store.putSecret('epoch/1/key', long())
      store.putSecret('peer', long())
      const forms = [sealedForm('epoch/1/key'), sealedForm('peer')]
      store.putSecret('peer', long().fill(8))
      store.transaction(() => {
        store.eraseSecrets('epoch/1/')
        store.putRecord('erased', 1)
      })
      for (const form of forms) expect(holding(form)).to.deep.equal([])
      expect(store.getRecord('erased')).to.equal(1)
    })

    it('when the process was killed between erasing and clearing the log: at the next start', () => {
      const store = open()
      store.putSecret('epoch/1/key', long())
      const form = sealedForm('epoch/1/key')
      store.close()
      const killed = new DatabaseSync(join(folder.path, 'journal.sqlite'))
      killed.exec('PRAGMA secure_delete = ON; PRAGMA wal_autocheckpoint = 0')
      killed.exec("DELETE FROM secrets WHERE name LIKE 'epoch/%'")
      const image = mkdtempSync(join(tmpdir(), 'cohort-killed-'))
      try {
        cpSync(folder.path, image, { recursive: true })
        expect(holding(form, image)).to.not.deep.equal([])
        open({ folder: image })
        expect(holding(form, image)).to.deep.equal([])
      } finally {
        killed.close()
        folder.close()
        rmSync(image, { recursive: true, force: true })
      }
    })
  })

  it('detects secrets that were swapped or altered in the file', () => {
    const store = open()
    store.putSecret('a', bytes('value of a'))
    store.putSecret('b', bytes('value of b'))
    store.close()
    const raw = new DatabaseSync(join(folder.path, 'journal.sqlite'))
    raw.exec("UPDATE secrets SET sealed = (SELECT sealed FROM secrets WHERE name = 'b') WHERE name = 'a'")
    raw.close()
    const again = open()
    expect(refusal(() => again.getSecret('a')).code).to.equal('WRONG_PASSPHRASE')
    expect(Buffer.from(again.getSecret('b')!).toString()).to.equal('value of b')
    expect(again.eraseSecrets('b')).to.equal(1)
    expect(again.getSecret('b')).to.equal(null)
  })
})
