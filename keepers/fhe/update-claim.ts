// SPDX-License-Identifier: GPL-3.0-or-later
// An update's claim about every member's share, and the check of that claim by a share. The sender of an update publishes the polynomial H.
// Member j compares H(α_j) with its shares from key generation; a difference proves that the proof is false.
import { claimSums, ownSums } from './claim-sums.ts'
import { ByteReader, ByteWriter, equalBytes, HASH_BYTES, hash } from './encoding.ts'
import { readCheckedUpdate } from './encryption.ts'
import type { Engine } from './engine.ts'
import { FheError } from './errors.ts'
import { contextBytes } from './header.ts'
import { withDealt } from './member-key.ts'
import { checkIndex, insistSameEpoch } from './members.ts'
import { type Coefficients, sourceOf } from './message-source.ts'
import { shapeOf } from './packing.ts'
import type { Plan } from './plan.ts'
import type { ClaimSums } from './projection.ts'
import { roundSeed } from './round-polynomial.ts'
import { evaluate } from './shamir.ts'
import { claimColumns, claimOf, padOf, scalarBytes } from './shortness.ts'
import {
  combinationOf,
  combineRows,
  PROJECTED,
  projectionSeedOf,
  rootOfProof,
  type ShortnessProof,
} from './shortness-format.ts'
import type { MemberKey, MessageSource, OnceGuard, Progress, RoundContext } from './types.ts'
import { readCiphertexts, readEnds, type UpdateEnds, type UpdateHashes } from './update-message.ts'

/** The part of an update that a verdict needs: `bytes` can be stored and read back with `readClaim`. */
export type UpdateClaim = {
  readonly sender: number
  /** Hash of the update. */
  readonly digest: Uint8Array
  /** Forward differences of H at 0, by repeat, then by data prime. */
  readonly differences: readonly (readonly bigint[])[]
  /** sender u16 · digest · differences */
  readonly bytes: Uint8Array
}

type UpdateOf = {
  readonly context: RoundContext
  readonly keyHash: Uint8Array
  readonly sender: number
  readonly bytes: Uint8Array
}

/** Throws the errors of `checkUpdate`, and 'invalid-argument' for the trial decryption, since its updates carry no claim. */
export function updateClaim(engine: Engine, of: UpdateOf): UpdateClaim {
  const { plan } = engine
  const { context, keyHash, sender, bytes } = of
  checkIndex(sender, plan.members, 'sender')
  const frame = { plan, context, keyHash, shape: shapeOf(plan, context.round) }
  const { prefix, ciphertexts, shortness } = readCheckedUpdate(engine, frame, sender, bytes)
  const hashes = { digest: hash('update', bytes), projected: hash(PROJECTED, ciphertexts) }
  return openClaim(engine, sender, { prefix, shortness }, hashes).claim
}

/** The same for an update that is read in pieces. Throws what its source throws, too. */
export async function updateMessageClaim(
  engine: Engine,
  of: Omit<UpdateOf, 'bytes'> & Pick<Progress, 'signal'> & { readonly message: MessageSource },
): Promise<UpdateClaim> {
  return (await openMessageClaim(engine, of)).claim
}

/** A claim from its bytes. Throws 'truncated', 'trailing-bytes', 'invalid-argument' for the sender and 'coefficient-out-of-range'. */
export function readClaim(plan: Plan, bytes: Uint8Array): UpdateClaim {
  const reader = new ByteReader(bytes, 'claim')
  const sender = reader.u16('sender')
  checkIndex(sender, plan.members, 'sender')
  const digest = reader.bytes(HASH_BYTES, 'digest').slice()
  const differences = Array.from({ length: plan.threshold }, (_, k) =>
    Array.from({ length: claimColumns(plan) }, (_, column) => {
      const residue = reader.u64(`coefficient ${k} of H`)
      const p = plan.set.primes[column % (plan.set.primes.length - 1)]!
      if (residue < p) return residue
      throw new FheError('coefficient-out-of-range', `claim has a coefficient of H not below the prime ${p}`, {
        sender,
      })
    }),
  )
  reader.end()
  return { sender, digest, differences, bytes: bytes.slice() }
}

/** The scalar that a claim says member j must find: `plan.bytes.checkScalar` bytes, 8 for each repeat and data prime. */
export function claimedScalar(plan: Plan, claim: UpdateClaim, member: number): Uint8Array {
  checkIndex(member, plan.members, 'member')
  const primes = plan.set.primes.slice(0, -1)
  const values = Array.from({ length: claimColumns(plan) }, (_, column) => {
    const differences = claim.differences.map((difference) => difference[column]!)
    return evaluate(differences, member, primes[column % primes.length]!)
  })
  return scalarBytes(values)
}

/** The result of a member's check of an update. */
export type UpdatePoint = {
  readonly agrees: boolean
  /** Published in a dispute. */
  readonly scalar: Uint8Array
  readonly claim: UpdateClaim
  /** Whether this process has computed it without a helper. */
  readonly own: boolean
}

/**
 * The caller's part of the check: the scalar that its share gives for this update, to be published in a dispute, and whether
 * the update claims the same. An update that passes `checkUpdate` and is not short disagrees with all but t − 1 members.
 * The scalar is the caller's own until `claimScalar` allows it to be published, and then should be computed `alone`, without the engine's
 * helper: a helper's wrong sums can make a false update agree. Throws what `checkUpdate` throws, and what a source throws: an update that is
 * read in pieces is read twice.
 */
export async function checkUpdatePoint(
  engine: Engine,
  request: Progress & {
    readonly context: RoundContext
    readonly memberKey: MemberKey
    readonly sender: number
    readonly bytes: Uint8Array | MessageSource
    readonly alone?: boolean
  },
): Promise<UpdatePoint> {
  const { plan, kernel } = engine
  const { context, memberKey, sender } = request
  const { keyHash, self } = memberKey
  insistSameEpoch(memberKey.context, context)
  const message = sourceOf(request.bytes)
  const signal = request.signal === undefined ? {} : { signal: request.signal }
  const opened = await openMessageClaim(engine, { context, keyHash, sender, message, ...signal })
  const { claim, proof, rho, projection, ciphertexts } = opened
  const seeds = { projection, rho, round: roundSeed(plan.hash, keyHash, context) }
  const corrections = new DataView(proof.corrections.buffer, proof.corrections.byteOffset, proof.corrections.length)
  const rows = proof.z.length
  const ofCorrections = combineRows(kernel, rho, (row, l) => corrections.getBigUint64(8 * (rows * l + row), true))
  const pointFrom = (sums: readonly ClaimSums[], own: boolean): UpdatePoint => {
    const ofShare = withDealt(plan, memberKey, sender, (dealt) =>
      claimOf(kernel, plan, dealt, padOf(plan, context), rho, sums),
    )
    const values = ofShare.map((value, column) => {
      const constants = sums.reduce((sum, part) => sum + part.constants[column]!, ofCorrections[column]!)
      return (value + constants) % kernel.primes[column % kernel.dataPrimeCount]!
    })
    const scalar = scalarBytes(values)
    return { agrees: equalBytes(scalar, claimedScalar(plan, claim, self)), scalar, claim, own }
  }
  if (request.alone !== true) {
    const { sums, helped } = await claimSums(engine, seeds, ciphertexts, request)
    const point = pointFrom(sums, !helped)
    // A dispute costs stake: nothing speaks against an update that this process has not computed itself.
    if (point.agrees || !helped) return point
  }
  return pointFrom(await ownSums(engine, seeds, ciphertexts, request), true)
}

/**
 * Whether the caller may publish its scalar of this update. For one sender and the pads of one round, only the first claimed update
 * qualifies, for ever (rule 8). Otherwise anyone could invent about seventy updates in the sender's name, and if the caller believed in
 * them, its scalars would cancel the pads and leave equations in the share that the sender dealt it.
 */
export async function claimScalar(
  plan: Plan,
  of: {
    readonly context: RoundContext
    readonly memberKey: Pick<MemberKey, 'context' | 'self' | 'keyHash'>
    readonly sender: number
    readonly guard: OnceGuard
    /** The update, or the hash of it that `checkUpdateMessage` returned. */
  } & ({ readonly bytes: Uint8Array } | { readonly update: Uint8Array }),
): Promise<boolean> {
  const { context, memberKey, sender, guard } = of
  const update = 'update' in of ? of.update : hash('update', of.bytes)
  insistSameEpoch(memberKey.context, context)
  checkIndex(sender, plan.members, 'sender')
  const { chainId, service, epoch } = memberKey.context
  const places = new ByteWriter().u16(memberKey.self).u16(sender).u16(padOf(plan, context)).finish()
  const nonce = hash('once/check', contextBytes({ chainId, service, epoch }), memberKey.keyHash, places)
  const digest = hash('checked update', contextBytes(context), update)
  return guard.claim({ act: 'check', nonce, digest })
}

/** Everything public about an update's proof. */
type OpenClaim = {
  readonly claim: UpdateClaim
  readonly proof: ShortnessProof
  readonly projection: Uint8Array
  readonly rho: Uint8Array
}

function openClaim(
  engine: Engine,
  sender: number,
  { prefix, shortness: proof }: Pick<UpdateEnds, 'prefix' | 'shortness'>,
  { digest, projected }: UpdateHashes,
): OpenClaim {
  const { plan, kernel } = engine
  if (proof === null) {
    throw new FheError('invalid-argument', 'updates of the trial decryption claim nothing', { field: 'context' })
  }
  const projection = projectionSeedOf(prefix, projected, rootOfProof(proof))
  const rho = combinationOf(kernel, plan, projection, proof)
  const differences = [combineRows(kernel, rho, (row) => proof.z[row]!), ...proof.differences]
  const writer = new ByteWriter().u16(sender).bytes(digest)
  for (const difference of differences) for (const value of difference) writer.u64(value)
  return { claim: { sender, digest, differences, bytes: writer.finish() }, proof, projection, rho }
}

/** The same of an update that is read in pieces, after a check of every coefficient. */
async function openMessageClaim(
  engine: Engine,
  of: Omit<UpdateOf, 'bytes'> & Pick<Progress, 'signal'> & { readonly message: MessageSource },
): Promise<OpenClaim & { readonly ciphertexts: Coefficients }> {
  const { plan } = engine
  const { context, keyHash, sender, message } = of
  checkIndex(sender, plan.members, 'sender')
  const frame = { plan, context, keyHash, shape: shapeOf(plan, context.round) }
  const ends = await readEnds(frame, sender, message)
  const hashes = await readCiphertexts(engine, frame, sender, ends, of)
  return { ...openClaim(engine, sender, ends, hashes), ciphertexts: ends.ciphertexts }
}
