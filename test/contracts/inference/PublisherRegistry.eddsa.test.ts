// SPDX-License-Identifier: GPL-3.0-or-later
// Keys that sign for circuits: the registry tells what a proof shows of a signature, and circuits check it.
import { createHash } from 'node:crypto'
import { babyjubjub } from '@noble/curves/misc.js'
import { expect } from 'chai'
import { toBeHex } from 'ethers'
import {
  type BabyPoint,
  eddsaMaterial,
  eddsaPublicKey,
  isEddsaKey,
  signedCommitment,
} from '../../../keepers/zkml/index.ts'
import { createRegistry, DAY, KIND } from './publishers.ts'

const DIGEST = `0x${createHash('sha256').update('Storm closes the harbour for a week').digest('hex')}`
const SEED = new Uint8Array(32).fill(6)
const FIELD = 21888242871839275222246405745257275088548364400416034343698204186575808495617n

/** The first key at or below a y. Nobody knows its secret. */
function eddsaNear(y: bigint): BabyPoint {
  const { Fp } = babyjubjub.Point
  for (; ; y--) {
    const x2 = Fp.div(Fp.sub(1n, Fp.sqr(y)), Fp.sub(168700n, Fp.mul(168696n, Fp.sqr(y))))
    try {
      const key = [Fp.sqrt(x2), y] as const
      if (isEddsaKey(key)) return key
    } catch {
      // No square root.
    }
  }
}

/** Aliases of a key's coordinates, a pair off the curve, and all points of small order. */
function notEddsaKeys(): BabyPoint[] {
  const [x, y] = eddsaPublicKey(SEED)
  const generator = babyjubjub.Point.fromAffine({
    x: 995203441582195749578291179787384436505546430278305826713579947235728471134n,
    y: 5472060717959818805561601436314318772137091100104008585924551046643952123905n,
  })
  const eighth = generator.multiplyUnsafe(babyjubjub.Point.Fn.ORDER - 1n).add(generator)
  const small: BabyPoint[] = []
  for (let k = 0, point = babyjubjub.Point.ZERO; k < 8; k++, point = point.add(eighth)) {
    const affine = point.toAffine()
    small.push([affine.x, affine.y])
  }
  return [[x + FIELD, y], [x, y + FIELD], [x, y + 1n], [y, x], ...small]
}

describe('signatures of an EdDSA-Poseidon key', () => {
  it('are a circuit’s business', async () => {
    const { registry, add } = await createRegistry()
    const keyId = await add(KIND.eddsa, eddsaMaterial(eddsaPublicKey(SEED)))
    await expect(registry.requireSigned(1, keyId, DIGEST, '0x'))
      .to.be.revertedWithCustomError(registry, 'UnsupportedKeyKind')
      .withArgs(KIND.eddsa)
  })

  it('are told by key and tag, as circuits show them', async () => {
    const { registry, add } = await createRegistry()
    const keyId = await add(KIND.eddsa, eddsaMaterial(eddsaPublicKey(SEED)))
    for (const tag of [0n, 1n, 0x0123456789abcdefn, (1n << 64n) - 1n]) {
      const shown = await registry.signedCommitment(1, keyId, toBeHex(tag, 8))
      expect(BigInt(shown)).to.equal(signedCommitment(eddsaPublicKey(SEED), tag))
    }
  })

  it('are told modulo the field', async () => {
    const { registry, add } = await createRegistry()
    const key = eddsaNear(FIELD - 1n)
    const keyId = await add(KIND.eddsa, eddsaMaterial(key))
    const tag = FIELD - key[1]
    expect(BigInt(await registry.signedCommitment(1, keyId, toBeHex(tag, 8)))).to.equal(0n)
    expect(signedCommitment(key, tag)).to.equal(0n)
  })

  it('follow the rules of all keys: publisher, window, revocation, kind', async () => {
    const { registry, add, now, networkHelpers } = await createRegistry()
    const keyId = await add(KIND.eddsa, eddsaMaterial(eddsaPublicKey(SEED)), now + DAY, now + 3 * DAY)
    const other = await add(KIND.secp256k1, `0x${'22'.repeat(20)}`)
    const asked = (publisher: number, key: bigint | number) =>
      expect(registry.signedCommitment(publisher, key, '0x0000000000000001'))
    await asked(1, keyId).to.be.revertedWithCustomError(registry, 'KeyNotValid')
    await asked(1, other).to.be.revertedWithCustomError(registry, 'UnsupportedKeyKind').withArgs(KIND.secp256k1)
    await asked(1, 9).to.be.revertedWithCustomError(registry, 'UnknownKey').withArgs(9, 2)
    await asked(2, keyId).to.be.revertedWithCustomError(registry, 'KeyOfAnotherPublisher').withArgs(keyId, 1, 2)
    await networkHelpers.time.increaseTo(now + DAY)
    await registry.signedCommitment(1, keyId, '0x0000000000000001')
    const valid = await networkHelpers.takeSnapshot()
    await registry.revokeKey(keyId)
    await asked(1, keyId).to.be.revertedWithCustomError(registry, 'KeyRevoked')
    await valid.restore()
    await networkHelpers.time.increaseTo(now + 3 * DAY)
    await asked(1, keyId).to.be.revertedWithCustomError(registry, 'KeyNotValid')
  })

  it('are of a key on the curve, of large order, with coordinates in the field', async () => {
    const { registry, now } = await createRegistry()
    for (const material of ['0x12', `0x${'11'.repeat(64)}`, ...notEddsaKeys().map(eddsaMaterial)]) {
      await expect(registry.addKey(1, KIND.eddsa, now, now + DAY, material))
        .to.be.revertedWithCustomError(registry, 'InvalidKeyMaterial')
        .withArgs(KIND.eddsa, (material.length - 2) / 2)
    }
  })
})
