// SPDX-License-Identifier: GPL-3.0-or-later
// Derives the keys of a local chain's accounts without a library. Hardhat stretches the phrase again for each account (2,048 hashes by BIP 39), in
// JavaScript, which takes a second for all accounts of a local chain.
import { createECDH, createHmac, pbkdf2Sync } from 'node:crypto'

/** The phrase of the accounts with which Hardhat's node and anvil start. Worth nothing anywhere else. */
export const TEST_PHRASE = 'test test test test test test test test test test test junk'

/** Accounts with coins on a local chain: Hardhat's own twenty, and more for services of many keepers. */
export const TEST_ACCOUNTS = 68

/** Order of secp256k1. */
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
const HARDENED = 2 ** 31

type Node = { readonly key: Buffer; readonly chainCode: Buffer }

/** @returns private keys, hexadecimal, of m/44'/60'/0'/0/0 and so on (BIP 44, Ethereum's branch) */
export function testAccountKeys(count = TEST_ACCOUNTS): string[] {
  const seed = pbkdf2Sync(TEST_PHRASE, 'mnemonic', 2048, 64, 'sha512')
  const parent = [44 + HARDENED, 60 + HARDENED, HARDENED, 0].reduce(child, split('Bitcoin seed', seed))
  return Array.from({ length: count }, (_, index) => `0x${child(parent, index).key.toString('hex')}`)
}

function split(key: string | Buffer, data: Buffer): Node {
  const made = createHmac('sha512', key).update(data).digest()
  return { key: made.subarray(0, 32), chainCode: made.subarray(32) }
}

/** BIP 32, private parent to private child. */
function child({ key, chainCode }: Node, index: number): Node {
  const number = Buffer.alloc(4)
  number.writeUInt32BE(index)
  const made = split(chainCode, Buffer.concat([index < HARDENED ? publicKey(key) : Buffer.concat([ZERO, key]), number]))
  const sum = (BigInt(`0x${made.key.toString('hex')}`) + BigInt(`0x${key.toString('hex')}`)) % ORDER
  return { key: Buffer.from(sum.toString(16).padStart(64, '0'), 'hex'), chainCode: made.chainCode }
}

const ZERO = Buffer.alloc(1)

function publicKey(key: Buffer): Buffer {
  const pair = createECDH('secp256k1')
  pair.setPrivateKey(key)
  return pair.getPublicKey(null, 'compressed')
}
