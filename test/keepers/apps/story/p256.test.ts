// SPDX-License-Identifier: GPL-3.0-or-later
import { createSign, generateKeyPairSync, verify } from 'node:crypto'
import { expect } from 'chai'
import { p256Material, p256Signature } from '../../../../keepers/apps/story/index.ts'
import { ServingError } from '../../../../keepers/serving/index.ts'

const HALF_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n / 2n
const CONTENT = Buffer.from('a story')

describe('P-256 as OpenSSL writes it', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const sign = () => createSign('sha256').update(CONTENT).sign(privateKey)

  it('becomes r and s, s in the lower half, still a signature of the same content', () => {
    // Half of all signatures have a high s; a short r or s (1 in 128) exercises the padding.
    for (let i = 0; i < 300; i++) {
      const signature = p256Signature(sign())
      expect(signature).to.match(/^0x[0-9a-f]{128}$/)
      expect(BigInt(`0x${signature.slice(66)}`) <= HALF_ORDER).to.equal(true)
      const raw = Buffer.from(signature.slice(2), 'hex')
      expect(verify('sha256', CONTENT, { key: publicKey, dsaEncoding: 'ieee-p1363' }, raw)).to.equal(true)
    }
  })

  it('becomes the coordinates of the key', () => {
    const { x, y } = publicKey.export({ format: 'jwk' })
    const coordinates = Buffer.concat([Buffer.from(x!, 'base64url'), Buffer.from(y!, 'base64url')])
    expect(p256Material(publicKey.export({ format: 'der', type: 'spki' }))).to.equal(`0x${coordinates.toString('hex')}`)
  })

  it('is refused when malformed, for what is wrong', () => {
    const der = sign()
    const edited = (edit: (bytes: Buffer) => Uint8Array | undefined) => {
      const copy = Buffer.from(der)
      return () => p256Signature(edit(copy) ?? copy)
    }
    const integers = (...values: string[]) => {
      const body = values.map((hex) => `02${(hex.length / 2).toString(16).padStart(2, '0')}${hex}`).join('')
      return () => p256Signature(Buffer.from(`30${(body.length / 2).toString(16).padStart(2, '0')}${body}`, 'hex'))
    }
    expect(() => p256Signature(new Uint8Array(0))).to.throw(ServingError, /no DER sequence/)
    expect(edited((bytes) => bytes.subarray(0, -1))).to.throw(ServingError, /no DER sequence/)
    expect(edited((bytes) => Buffer.concat([bytes, Buffer.alloc(1)]))).to.throw(ServingError, /no DER sequence/)
    expect(edited((bytes) => void bytes.writeUInt8(3, 2))).to.throw(ServingError, /r is not a DER integer/)
    expect(integers('01')).to.throw(ServingError, /s is not a DER integer/)
    expect(integers('01', '80')).to.throw(ServingError, /s is negative/)
    expect(integers('0001', '01')).to.throw(ServingError, /r is negative or not in its shortest form/)
    expect(integers('00', '01')).to.throw(ServingError, /r is not in \[1, order\)/)
    expect(integers('01', `00${'ff'.repeat(32)}`)).to.throw(ServingError, /s is not in/)
    expect(integers('01', '01', '01')).to.throw(ServingError, /3 bytes after s/)
    const other = generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey.export({
      format: 'der',
      type: 'spki',
    })
    expect(() => p256Material(other)).to.throw(ServingError, /no DER of an uncompressed P-256 point/)
  })
})
