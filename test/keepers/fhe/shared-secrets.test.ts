// SPDX-License-Identifier: GPL-3.0-or-later
import { ED25519_TORSION_SUBGROUP, ed25519, x25519 } from '@noble/curves/ed25519.js'
import { expect } from 'chai'
import { isUsableKey, openSharedSecret, proveSharedSecret } from '../../../keepers/fhe/curve.ts'

describe('fhe proofs of shared secrets', () => {
  const binding = Uint8Array.of(1, 2, 3)
  const pair = (secretKey = x25519.utils.randomSecretKey()) => ({
    secretKey,
    publicKey: x25519.getPublicKey(secretKey),
  })
  const pointOf = (key: Uint8Array) => ed25519.Point.BASE.multiply(1n + BigInt(key[0]!)).toBytes()
  const u = (point: Uint8Array) => ed25519.utils.toMontgomery(point)

  it('show what X25519 gives, for keys of either sign', () => {
    for (let run = 0; run < 8; run++) {
      const own = pair()
      const point = pointOf(own.publicKey)
      const proof = proveSharedSecret(own, point, binding)!
      const shown = openSharedSecret(own.publicKey, point, proof, binding)
      expect(shown).to.deep.equal(x25519.getSharedSecret(own.secretKey, u(point)))
      expect(openSharedSecret(own.publicKey, point, proof, Uint8Array.of(1, 2, 4))).to.equal(null)
      expect(openSharedSecret(pair().publicKey, point, proof, binding)).to.equal(null)
    }
  })

  it('show what X25519 gives when the ephemeral point or the key has a component of small order', () => {
    for (const hex of ED25519_TORSION_SUBGROUP) {
      const torsion = ed25519.Point.fromHex(hex, true)
      const own = pair()
      const point = ed25519.Point.fromBytes(pointOf(own.publicKey)).add(torsion).toBytes()
      const proof = proveSharedSecret(own, point, binding)!
      expect(openSharedSecret(own.publicKey, point, proof, binding)).to.deep.equal(
        x25519.getSharedSecret(own.secretKey, u(point)),
      )
      // A member registers its key with such a component: it still shows the point that a dealer sealed under.
      const lifted = ed25519.Point.BASE.multiply(ed25519.Point.Fn.create(scalarOf(own.secretKey)))
      const shifted = { ...own, publicKey: u(lifted.add(torsion).toBytes()) }
      if (!isUsableKey(shifted.publicKey)) continue
      const dealer = pair()
      const again = proveSharedSecret(
        shifted,
        ed25519.Point.BASE.multiply(scalarOf(dealer.secretKey) % ed25519.Point.Fn.ORDER).toBytes(),
        binding,
      )!
      const ephemeral = ed25519.Point.BASE.multiply(scalarOf(dealer.secretKey) % ed25519.Point.Fn.ORDER).toBytes()
      expect(openSharedSecret(shifted.publicKey, ephemeral, again, binding)).to.deep.equal(
        x25519.getSharedSecret(dealer.secretKey, shifted.publicKey),
      )
    }
  })

  it('a shared point with a component of small order is refused, and so is a small one', () => {
    const own = pair()
    const point = pointOf(own.publicKey)
    const proof = proveSharedSecret(own, point, binding)!
    for (const hex of ED25519_TORSION_SUBGROUP.slice(1)) {
      const torsion = ed25519.Point.fromHex(hex, true)
      const shifted = proof.slice()
      shifted.set(ed25519.Point.fromBytes(proof.subarray(0, 32)).add(torsion).toBytes())
      expect(openSharedSecret(own.publicKey, point, shifted, binding)).to.equal(null)
      shifted.set(torsion.toBytes())
      expect(openSharedSecret(own.publicKey, point, shifted, binding)).to.equal(null)
    }
    expect(proveSharedSecret(own, ed25519.Point.ZERO.toBytes(), binding)).to.equal(null)
    expect(openSharedSecret(own.publicKey, ed25519.Point.ZERO.toBytes(), proof, binding)).to.equal(null)
    expect(proveSharedSecret({ ...own, publicKey: pair().publicKey }, point, binding)).to.equal(null)
    expect(proveSharedSecret({ ...own, publicKey: new Uint8Array(32) }, point, binding)).to.equal(null)
  })

  function scalarOf(secretKey: Uint8Array): bigint {
    const clamped = secretKey.slice()
    clamped[0]! &= 248
    clamped[31] = (clamped[31]! & 127) | 64
    return BigInt(`0x${Buffer.from(clamped.reverse()).toString('hex')}`)
  }
})
