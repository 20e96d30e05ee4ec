// SPDX-License-Identifier: GPL-3.0-or-later
import { createHash, createSign, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { expect } from 'chai'
import { AbiCoder, concat, hexlify, toBeHex, Wallet } from 'ethers'
import { createRegistry, DAY, KIND } from './publishers.ts'

const STORY = Buffer.from('Storm closes the harbour for a week')
const DIGEST = `0x${createHash('sha256').update(STORY).digest('hex')}`
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

/** OpenSSL through Node, not a line of ours: DER is asked for as r ‖ s. High s is mirrored, as any submitter can. */
function signP256(key: KeyObject, content = STORY): string {
  const raw = createSign('sha256').update(content).sign({ key, dsaEncoding: 'ieee-p1363' })
  const s = BigInt(hexlify(raw.subarray(32)))
  return concat([raw.subarray(0, 32), toBeHex(s > P256_ORDER / 2n ? P256_ORDER - s : s, 32)])
}

function pointOf(key: KeyObject): string {
  const { x, y } = key.export({ format: 'jwk' })
  return hexlify(Buffer.concat([Buffer.from(x!, 'base64url'), Buffer.from(y!, 'base64url')]))
}

function rsaMaterial(key: KeyObject): string {
  const { e, n } = key.export({ format: 'jwk' })
  return AbiCoder.defaultAbiCoder().encode(
    ['bytes', 'bytes'],
    [Buffer.from(e!, 'base64url'), Buffer.from(n!, 'base64url')],
  )
}

describe('PublisherRegistry', () => {
  describe('publishers', () => {
    it('register with a name and get the next number', async () => {
      const { registry, owner, stranger } = await createRegistry()
      await expect(registry.connect(stranger).registerPublisher('Other'))
        .to.emit(registry, 'PublisherRegistered')
        .withArgs(2, stranger, 'Other')
      expect(await registry.publisherCount()).to.equal(2)
      const [holder, pending, name] = await registry.publisherOf(1)
      expect([holder, BigInt(pending), name]).to.deep.equal([owner.address, 0n, 'Harbour Gazette'])
    })

    it('are refused without a name, or with one that is too long', async () => {
      const { registry } = await createRegistry()
      for (const name of ['', 'x'.repeat(65)]) {
        await expect(registry.registerPublisher(name))
          .to.be.revertedWithCustomError(registry, 'NameLength')
          .withArgs(name.length, 64)
      }
    })

    it('are unknown by any other number', async () => {
      const { registry } = await createRegistry()
      await expect(registry.publisherOf(9)).to.be.revertedWithCustomError(registry, 'UnknownPublisher').withArgs(9, 1)
      await expect(registry.acceptOwnership(0)).to.be.revertedWithCustomError(registry, 'UnknownPublisher')
    })

    it('change hands in two steps', async () => {
      const { registry, owner, stranger } = await createRegistry()
      await expect(registry.connect(stranger).offerOwnership(1, stranger))
        .to.be.revertedWithCustomError(registry, 'NotPublisherOwner')
        .withArgs(1, stranger)
      await expect(registry.offerOwnership(1, stranger)).to.emit(registry, 'OwnershipOffered')
      await expect(registry.acceptOwnership(1))
        .to.be.revertedWithCustomError(registry, 'NotPendingOwner')
        .withArgs(1, owner)
      await expect(registry.connect(stranger).acceptOwnership(1))
        .to.emit(registry, 'OwnershipTransferred')
        .withArgs(1, owner, stranger)
      await expect(registry.connect(stranger).acceptOwnership(1)).to.be.revertedWithCustomError(
        registry,
        'NotPendingOwner',
      )
    })
  })

  describe('signatures', () => {
    it('of a P-256 key over the SHA-256 of the content hold, made by OpenSSL', async () => {
      const { registry, add } = await createRegistry()
      const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const keyId = await add(KIND.p256, pointOf(publicKey))
      await registry.requireSigned(1, keyId, DIGEST, signP256(privateKey))
      const altered = Buffer.from(STORY)
      altered[0]! ^= 1
      await expect(registry.requireSigned(1, keyId, DIGEST, signP256(privateKey, altered)))
        .to.be.revertedWithCustomError(registry, 'SignatureMismatch')
        .withArgs(keyId, DIGEST)
    })

    it('of an RSA key hold (PKCS #1 v1.5, SHA-256), and not when one byte is changed', async () => {
      const { registry, add } = await createRegistry()
      const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
      const keyId = await add(KIND.rsa, rsaMaterial(publicKey))
      const signature = createSign('sha256').update(STORY).sign(privateKey)
      await registry.requireSigned(1, keyId, DIGEST, signature)
      signature[100]! ^= 1
      await expect(registry.requireSigned(1, keyId, DIGEST, signature)).to.be.revertedWithCustomError(
        registry,
        'SignatureMismatch',
      )
    })

    it('of a secp256k1 key hold over the bare digest', async () => {
      const { registry, add } = await createRegistry()
      const wallet = Wallet.createRandom()
      const keyId = await add(KIND.secp256k1, wallet.address)
      await registry.requireSigned(1, keyId, DIGEST, wallet.signingKey.sign(DIGEST).serialized)
      const other = Wallet.createRandom().signingKey.sign(DIGEST).serialized
      await expect(registry.requireSigned(1, keyId, DIGEST, other)).to.be.revertedWithCustomError(
        registry,
        'SignatureMismatch',
      )
    })

    it('of the wrong length are malformed, whatever the kind', async () => {
      const { registry, add } = await createRegistry()
      const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
      const lengths: [number, string, number][] = [
        [KIND.p256, pointOf(publicKey), 64],
        [KIND.rsa, rsaMaterial(rsa.publicKey), 256],
        [KIND.secp256k1, Wallet.createRandom().address, 65],
      ]
      for (const [kind, material, expected] of lengths) {
        const keyId = await add(kind, material)
        await expect(registry.requireSigned(1, keyId, DIGEST, '0x1234'))
          .to.be.revertedWithCustomError(registry, 'MalformedSignature')
          .withArgs(kind, 2, expected)
      }
    })

    it('count for the publisher that the key belongs to, and for no other', async () => {
      const { registry, add } = await createRegistry()
      const wallet = Wallet.createRandom()
      const keyId = await add(KIND.secp256k1, wallet.address)
      await registry.registerPublisher('Second')
      await expect(registry.requireSigned(2, keyId, DIGEST, wallet.signingKey.sign(DIGEST).serialized))
        .to.be.revertedWithCustomError(registry, 'KeyOfAnotherPublisher')
        .withArgs(keyId, 1, 2)
    })
  })

  describe('keys', () => {
    const MATERIAL = `0x${'22'.repeat(20)}`

    it('count within their window only', async () => {
      const { registry, add, now, networkHelpers } = await createRegistry()
      const wallet = Wallet.createRandom()
      const keyId = await add(KIND.secp256k1, wallet.address, now + DAY, now + 2 * DAY)
      const signature = wallet.signingKey.sign(DIGEST).serialized
      await expect(registry.requireSigned(1, keyId, DIGEST, signature)).to.be.revertedWithCustomError(
        registry,
        'KeyNotValid',
      )
      await networkHelpers.time.increaseTo(now + DAY)
      await registry.requireSigned(1, keyId, DIGEST, signature)
      await networkHelpers.time.increaseTo(now + 2 * DAY)
      await expect(registry.requireSigned(1, keyId, DIGEST, signature)).to.be.revertedWithCustomError(
        registry,
        'KeyNotValid',
      )
    })

    it('retire early, never late, and not in the past', async () => {
      const { registry, add, now } = await createRegistry()
      const keyId = await add(KIND.secp256k1, MATERIAL)
      for (const until of [now + DAY + 1, now - 10]) {
        await expect(registry.retireKey(keyId, until)).to.be.revertedWithCustomError(registry, 'InvalidWindow')
      }
      await expect(registry.retireKey(keyId, now + 3600))
        .to.emit(registry, 'KeyRetired')
        .withArgs(1, keyId, now + 3600)
      expect((await registry.keyOf(keyId)).validUntil).to.equal(now + 3600)
    })

    it('are revoked for good', async () => {
      const { registry, add, stranger } = await createRegistry()
      const keyId = await add(KIND.secp256k1, MATERIAL)
      expect(await registry.isRevoked(keyId)).to.equal(false)
      await expect(registry.connect(stranger).revokeKey(keyId)).to.be.revertedWithCustomError(
        registry,
        'NotPublisherOwner',
      )
      await expect(registry.revokeKey(keyId)).to.emit(registry, 'KeyRevocation')
      expect(await registry.isRevoked(keyId)).to.equal(true)
      await expect(registry.requireSigned(1, keyId, DIGEST, '0x')).to.be.revertedWithCustomError(registry, 'KeyRevoked')
      await expect(registry.revokeKey(keyId)).to.be.revertedWithCustomError(registry, 'KeyRevoked')
    })

    it('are the publisher’s own to add, once each', async () => {
      const { registry, add, stranger, now } = await createRegistry()
      await expect(
        registry.connect(stranger).addKey(1, KIND.secp256k1, now, now + DAY, MATERIAL),
      ).to.be.revertedWithCustomError(registry, 'NotPublisherOwner')
      const keyId = await add(KIND.secp256k1, MATERIAL)
      await expect(registry.addKey(1, KIND.secp256k1, now, now + DAY, MATERIAL))
        .to.be.revertedWithCustomError(registry, 'DuplicateKey')
        .withArgs(1, keyId)
      await expect(registry.keyOf(7)).to.be.revertedWithCustomError(registry, 'UnknownKey').withArgs(7, 1)
    })

    it('need a window that is not over', async () => {
      const { registry, now } = await createRegistry()
      for (const [from, until] of [
        [now, now],
        [now - 2 * DAY, now - DAY],
      ] as const) {
        await expect(registry.addKey(1, KIND.secp256k1, from, until, MATERIAL)).to.be.revertedWithCustomError(
          registry,
          'InvalidWindow',
        )
      }
    })

    it('are refused when they are not valid keys of their kind', async () => {
      const { registry, now } = await createRegistry()
      const rsa = rsaMaterial(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey)
      const abi = AbiCoder.defaultAbiCoder()
      const modulus = Buffer.alloc(256, 0xff)
      const even = Buffer.alloc(256, 0xfe)
      const weak = Buffer.concat([Buffer.from([0x7f]), Buffer.alloc(255, 0xff)])
      const wrong: [number, string][] = [
        [KIND.secp256k1, '0x1234'],
        [KIND.secp256k1, `0x${'00'.repeat(20)}`],
        [KIND.p256, `0x${'00'.repeat(64)}`],
        [KIND.p256, '0x12'],
        [KIND.rsa, '0x12'],
        [KIND.rsa, `${rsa}00`],
        [KIND.rsa, `0x${'00'.repeat(31)}41${rsa.slice(66)}`],
        [KIND.rsa, abi.encode(['bytes', 'bytes'], ['0x', modulus])],
        [KIND.rsa, abi.encode(['bytes', 'bytes'], ['0x010001', modulus.subarray(0, 128)])],
        [KIND.rsa, abi.encode(['bytes', 'bytes'], ['0x010001', even])],
        [KIND.rsa, abi.encode(['bytes', 'bytes'], ['0x010001', weak])],
        [KIND.rsa, abi.encode(['bytes', 'bytes'], ['0x01', modulus])],
        [KIND.rsa, abi.encode(['bytes', 'bytes'], ['0x04', modulus])],
      ]
      for (const [kind, material] of wrong) {
        await expect(registry.addKey(1, kind, now, now + DAY, material))
          .to.be.revertedWithCustomError(registry, 'InvalidKeyMaterial')
          .withArgs(kind, (material.length - 2) / 2)
      }
      await expect(registry.addKey(1, KIND.none, now, now + DAY, '0x')).to.be.revertedWithCustomError(
        registry,
        'UnsupportedKeyKind',
      )
    })
  })
})
