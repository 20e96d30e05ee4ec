// SPDX-License-Identifier: GPL-3.0-or-later
// Seals a witness so that only one chosen prover of one job can read it: ephemeral secp256k1 Diffie-Hellman with the prover's account key,
// HKDF-SHA256, ChaCha20-Poly1305 (SEC 1 §6.3 and RFC 5869, 8439, combined as in HPKE's base mode). Every transaction of the account shows its
// public key, so nobody has to register it. An endpoint cannot give a wrong key, because the address is the key's hash.
import { chacha20poly1305 } from '@noble/ciphers/chacha.js'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import {
  AbiCoder,
  computeAddress,
  concat,
  getAddress,
  getBytes,
  id,
  keccak256,
  type Provider,
  Transaction,
} from 'ethers'
import type { ProverMarket } from '../../types/index.ts'
import { ServingError } from './errors.ts'

const POINT_BYTES = 33
const TAG_BYTES = 16
/** How many bytes sealing adds. */
export const SEALED_OVERHEAD = POINT_BYTES + TAG_BYTES
const INFO = new TextEncoder().encode('cohort/prover-witness/1')
const DOMAIN = id('cohort.prover.witness.v1')
/** Fixed, because a key encrypts one message only: it comes from a fresh ephemeral key. */
const NONCE = new Uint8Array(12)

const TERMS = 'tuple(uint96 startPrice, uint96 maxPrice, uint48 deadline, uint32 claimSeconds, uint8 copies)'
const SEGMENTS = 'tuple(bytes32 circuitId, uint256 modelCommitment, uint256 inputCommitment)[]'

/** The purpose of a sealed witness. A job has no number before it is posted, so its terms and segments identify it. */
export type SealedFor = {
  readonly chainId: bigint
  readonly market: string
  readonly poster: string
  readonly prover: string
  /** The terms in the form in which the market takes and logs them. */
  readonly terms: unknown
  readonly segments: unknown
}

function bindingOf({ chainId, market, poster, prover, terms, segments }: SealedFor): Uint8Array {
  const coder = AbiCoder.defaultAbiCoder()
  const job = keccak256(coder.encode([TERMS, SEGMENTS], [terms, segments]))
  const types = ['bytes32', 'uint256', 'address', 'address', 'address', 'bytes32']
  return getBytes(keccak256(coder.encode(types, [DOMAIN, chainId, market, poster, prover, job])))
}

function keyOf(shared: Uint8Array, ephemeral: Uint8Array, receiver: Uint8Array, binding: Uint8Array): Uint8Array {
  const salt = getBytes(concat([ephemeral, receiver, binding]))
  // Without the first byte, which is only the sign of the point's y.
  return hkdf(sha256, shared.subarray(1), salt, INFO, 32)
}

/**
 * ephemeral point 33 · ciphertext · tag 16.
 * @param publicKey Of the prover's account, compressed or not. @throws ServingError bad-payload when it is of another account
 */
export function sealWitness(plain: Uint8Array, publicKey: string, what: SealedFor): Uint8Array {
  const receiver = pointOf(publicKey)
  if (computeAddress(publicKey) !== getAddress(what.prover)) {
    throw new ServingError('bad-payload', `the public key is not that of ${what.prover}`)
  }
  const secret = secp256k1.utils.randomSecretKey()
  const ephemeral = secp256k1.getPublicKey(secret)
  const binding = bindingOf(what)
  const shared = secp256k1.getSharedSecret(secret, receiver)
  const key = keyOf(shared, ephemeral, receiver, binding)
  const sealed = chacha20poly1305(key, NONCE, binding).encrypt(plain)
  for (const bytes of [secret, shared, key]) bytes.fill(0)
  return getBytes(concat([ephemeral, sealed]))
}

/** @param privateKey Of the prover's account. @throws ServingError bad-payload unless it was sealed for exactly this */
export function openWitness(sealed: Uint8Array, privateKey: string, what: SealedFor): Uint8Array {
  const refused = (cause?: unknown): ServingError =>
    new ServingError('bad-payload', `the witness is not sealed for ${what.prover} in this job of this market`, {
      cause,
    })
  if (sealed.length < SEALED_OVERHEAD) throw refused()
  const secret = getBytes(privateKey)
  const ephemeral = sealed.subarray(0, POINT_BYTES)
  const binding = bindingOf(what)
  try {
    const shared = secp256k1.getSharedSecret(secret, ephemeral)
    const key = keyOf(shared, ephemeral, secp256k1.getPublicKey(secret), binding)
    return chacha20poly1305(key, NONCE, binding).decrypt(sealed.subarray(POINT_BYTES))
  } catch (cause) {
    throw refused(cause)
  }
}

function pointOf(publicKey: string): Uint8Array {
  try {
    return secp256k1.Point.fromBytes(getBytes(publicKey)).toBytes(true)
  } catch (cause) {
    throw new ServingError('bad-payload', `'${publicKey}' is not a public key of secp256k1`, { cause })
  }
}

/**
 * The public key of a prover's account, from a transaction that put up a bond.
 * @throws ServingError unanswered when none is in the log that shows it: contracts have no key
 */
export async function sealingKeyOf(
  market: ProverMarket,
  provider: Provider,
  prover: string,
  fromBlock: number,
): Promise<string> {
  const bonds = await market.queryFilter(market.filters.Bonded(prover), fromBlock)
  for (const { transactionHash } of bonds.reverse()) {
    const sent = await provider.getTransaction(transactionHash)
    if (sent === null || sent.from !== getAddress(prover)) continue
    const publicKey = publicKeyOf(sent)
    // Checked against the address, which is the hash of the key, so the endpoint need not be trusted.
    if (publicKey !== null && computeAddress(publicKey) === getAddress(prover)) return publicKey
  }
  throw new ServingError(
    'unanswered',
    `no transaction of ${prover} on this market shows its key: it must put up a bond first (\`cohort prover bond\`), or give its public key`,
  )
}

function publicKeyOf(sent: Parameters<typeof Transaction.from>[0]): string | null {
  try {
    return Transaction.from(sent as never).fromPublicKey
  } catch {
    return null
  }
}
