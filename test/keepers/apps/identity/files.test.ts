// SPDX-License-Identifier: GPL-3.0-or-later
// The files between the parties: what was written is read, and nothing else.
import { expect } from 'chai'
import { countrySet } from '../../../../keepers/apps/identity/countries.ts'
import {
  type Credential,
  documentKey,
  holderOf,
  issueCredential,
} from '../../../../keepers/apps/identity/credential.ts'
import { dateOfDay, parseDate } from '../../../../keepers/apps/identity/dates.ts'
import {
  parseKeyMaterial,
  readCapture,
  readCredential,
  readPassProof,
  readPicture,
  readWallet,
  writeCapture,
  writeCredential,
  writePicture,
  writeWallet,
} from '../../../../keepers/apps/identity/files.ts'
import { EMBEDDING } from '../../../../keepers/apps/identity/model.ts'
import { eddsaMaterial, eddsaPublicKey } from '../../../../keepers/zkml/index.ts'
import { SECRET, SEEDS } from './tiny.ts'

const FIELDS = {
  ...{ holder: holderOf(SECRET), document: documentKey(276, 'C01X00T47'), born: 1990_12_31, country: 276 },
  ...{
    expires: 2031_05_01,
    face: Array.from({ length: EMBEDDING }, (_, i) => i - 8),
    camera: eddsaPublicKey(SEEDS.camera),
  },
}

describe('files of identities', () => {
  const credential: Credential = issueCredential(SEEDS.issuer, FIELDS)
  const text = writeCredential(credential)
  const changed = (change: object) => JSON.stringify({ ...JSON.parse(text), ...change })

  it('give back what was written', () => {
    expect(readCredential(text)).to.deep.equal(credential)
    expect(readWallet(writeWallet(SECRET))).to.equal(SECRET)
    const pixels = Array.from({ length: 256 }, (_, i) => i % 64)
    expect(readPicture(writePicture(pixels))).to.deep.equal(pixels)
    const { signature, camera } = { signature: credential.signature, camera: FIELDS.camera }
    const capture = { pixels, salt: 5n, context: 6n, camera, signature }
    expect(readCapture(writeCapture(capture))).to.deep.equal(capture)
    const key = eddsaPublicKey(SEEDS.issuer)
    expect(parseKeyMaterial(eddsaMaterial(key), 'key')).to.deep.equal(key)
  })

  it('are refused by the name of the field', () => {
    for (const [change, why] of [
      [{ born: 20200230.5 }, /credential: born/],
      [{ country: 1000 }, /country/],
      [{ country: 250 }, /signature is not the issuer's/],
      [{ face: [1] }, /face/],
      [{ id: '0x0' }, /id: a value of 31 bytes/],
      [{ holder: `0x${'f'.repeat(64)}` }, /holder: below the order/],
      [{ camera: ['0x0', '0x1'] }, /camera: a public key/],
      [{ version: 2 }, /version/],
      [{ format: 'cohort-wallet' }, /format/],
      [{ extra: 1 }, /Unrecognized key/],
    ] as const) {
      expect(() => readCredential(changed(change)), JSON.stringify(change)).to.throw(why)
    }
    expect(() => readCredential('{"a":1,"a":2}')).to.throw(/credential/)
    expect(() => readPassProof('[]', 'p.json')).to.throw(/p\.json/)
    for (const key of ['', '0x12', `0x${'0'.repeat(128)}`])
      expect(() => parseKeyMaterial(key, '--camera')).to.throw(/--camera/)
  })

  it('never quote a wallet’s secret', () => {
    for (const bad of [{ secret: '0xabc' }, { secret: 0xabc }, { secret: '0xabc', more: 1 }]) {
      const file = JSON.stringify({ format: 'cohort-wallet', version: 1, ...bad })
      expect(() => readWallet(file)).to.throw(/wallet: (secret|root)/)
      try {
        readWallet(file)
      } catch (error) {
        expect((error as Error).message).to.not.match(/abc|2748/)
      }
    }
  })

  it('come from an issuer that checks what it certifies', () => {
    for (const [change, why] of [
      [{ holder: -1n }, /holder/],
      [{ document: 0n }, /document/],
      [{ born: 19901231.5 }, /born/],
      [{ expires: 1 }, /expires/],
      [{ country: 0 }, /country/],
      [{ face: [128] }, /face/],
      [{ camera: [0n, 1n] as const }, /camera/],
    ] as const) {
      expect(() => issueCredential(SEEDS.issuer, { ...FIELDS, ...change })).to.throw(why)
    }
    expect(issueCredential(SEEDS.issuer, FIELDS).id, 'fresh each time').to.not.equal(credential.id)
  })
})

describe('what credentials are made of', () => {
  it('documents are the same however they are typed, and others in another country', () => {
    expect(documentKey(276, 'c01 x00-t47')).to.equal(FIELDS.document)
    expect(documentKey(250, 'C01X00T47')).to.not.equal(FIELDS.document)
    for (const bad of ['', 'a/b', 'x'.repeat(33)]) expect(() => documentKey(276, bad)).to.throw(/letters and digits/)
  })

  it('dates are those of the calendar', () => {
    expect(parseDate('2024-02-29', 'born')).to.equal(2024_02_29)
    for (const bad of ['2023-02-29', '2024-13-01', '24-01-01', '2024-1-1', '']) {
      expect(() => parseDate(bad, '--born')).to.throw(/--born is/)
    }
    expect(dateOfDay(0)).to.equal(1970_01_01)
  })

  it('sets of countries have codes from 1 to 999', () => {
    expect(countrySet([1])[0]).to.equal(2n)
    for (const bad of [0, 1000, 1.5, Number.NaN]) expect(() => countrySet([bad])).to.throw(/from 1 to 999/)
  })
})
