// SPDX-License-Identifier: GPL-3.0-or-later
// A keeper's record of encryptions and decryptions as a file. It carries the once rules from one folder to another, as EIP-3076 does for a
// validator.
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { StoreError } from './errors.ts'

const hash = z.string().regex(/^0x[0-9a-f]{64}$/, 'takes 0x and 64 hex digits')

/**
 * Version 1. A claim states: for the act `nonce` (SHA-256 of its subject: epoch, round, member), this keeper has made the bytes with hash
 * `digest` and will make no others. Neither reveals anything. `digest` of the metadata is the SHA-256 of all nonces and digests in order.
 */
const schema = z.strictObject({
  metadata: z.strictObject({
    format: z.literal('cohort-slashing-protection'),
    version: z.literal(1, 'is of another version: use the release that wrote it'),
    chainId: z.string().regex(/^\d+$/, 'takes a decimal number'),
    /** In lower case. */
    service: z.string().regex(/^0x[0-9a-f]{40}$/, 'takes an address in lower case'),
    digest: hash,
  }),
  claims: z.array(z.strictObject({ nonce: hash, digest: hash })),
})

export type ProtectionRecord = z.infer<typeof schema>
export type Claim = { readonly nonce: Uint8Array; readonly digest: Uint8Array }

const hex = (bytes: Uint8Array): string => `0x${Buffer.from(bytes).toString('hex')}`
const bytesOf = (text: string): Uint8Array => Buffer.from(text.slice(2), 'hex')

/** The claims as a record, sorted by nonce, so that equal claims make equal files. */
export function protectionRecord(
  place: { readonly chainId: bigint | string; readonly service: string },
  claims: readonly Claim[],
): ProtectionRecord {
  const sorted = claims
    .map(({ nonce, digest }) => ({ nonce: hex(nonce), digest: hex(digest) }))
    .sort((a, b) => (a.nonce < b.nonce ? -1 : 1))
  const metadata = {
    format: 'cohort-slashing-protection',
    version: 1,
    chainId: String(place.chainId),
    service: place.service.toLowerCase(),
    digest: digestOf(sorted),
  } as const
  return { metadata, claims: sorted }
}

function digestOf(claims: ProtectionRecord['claims']): string {
  const all = createHash('sha256')
  for (const { nonce, digest } of claims) all.update(bytesOf(nonce)).update(bytesOf(digest))
  return hex(all.digest())
}

/**
 * The claims of a record, after checking that it is complete and belongs to this chain and service.
 * @throws StoreError BAD_INPUT for another format or version, or damage; WRONG_FOLDER for another chain or service
 */
export function claimsOf(
  value: unknown,
  place: { readonly chainId: bigint; readonly service: string },
): readonly Claim[] {
  const { success, data, error } = schema.safeParse(value)
  if (!success) {
    const [issue] = error.issues
    throw new StoreError('BAD_INPUT', `not a slashing protection record: ${issue?.path.join('.')} ${issue?.message}`)
  }
  const { metadata, claims } = data
  if (metadata.chainId !== String(place.chainId) || metadata.service !== place.service.toLowerCase()) {
    throw new StoreError(
      'WRONG_FOLDER',
      `the record is of service ${metadata.service} on chain ${metadata.chainId}, this folder of ` +
        `${place.service.toLowerCase()} on chain ${place.chainId}: use the record of the same keeper`,
    )
  }
  if (digestOf(claims) !== metadata.digest) {
    throw new StoreError('BAD_INPUT', 'the record is damaged: its claims do not have the digest that it names')
  }
  return claims.map(({ nonce, digest }) => ({ nonce: bytesOf(nonce), digest: bytesOf(digest) }))
}
