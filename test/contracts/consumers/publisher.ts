// SPDX-License-Identifier: GPL-3.0-or-later
// A publisher's P-256 key in the hands of OpenSSL (through Node), not of a line of ours.
import { createHash, createSign, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { concat, hexlify, toBeHex } from 'ethers'

export const KIND = { secp256k1: 1, p256: 2, rsa: 3, eddsa: 4 }
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

export type PressKey = { readonly material: string; sign(content: Uint8Array): string }

export function pressKey(): PressKey {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { x, y } = publicKey.export({ format: 'jwk' })
  return {
    material: hexlify(Buffer.concat([Buffer.from(x!, 'base64url'), Buffer.from(y!, 'base64url')])),
    sign: (content) => sign(privateKey, content),
  }
}

/** DER asked for as r ‖ s; a high s is mirrored, as any submitter can. */
function sign(key: KeyObject, content: Uint8Array): string {
  const raw = createSign('sha256').update(content).sign({ key, dsaEncoding: 'ieee-p1363' })
  const s = BigInt(hexlify(raw.subarray(32)))
  return concat([raw.subarray(0, 32), toBeHex(s > P256_ORDER / 2n ? P256_ORDER - s : s, 32)])
}

/** SHA-256, and what a circuit commits to: its upper 248 bits. */
export function digestOf(content: Uint8Array): { digest: string; inputCommitment: bigint } {
  const digest = `0x${createHash('sha256').update(content).digest('hex')}`
  return { digest, inputCommitment: BigInt(digest) >> 8n }
}
