// SPDX-License-Identifier: GPL-3.0-or-later
import { AbiCoder, keccak256 } from 'ethers'
import { z } from 'zod'
import type { Step } from '../context.ts'
import { epochName } from '../members.ts'
import type { Snapshot } from '../snapshot.ts'

/** A member attests a sum, the seats of its contributors, and the seats that a dispute has shown to lie. */
export type Attested = { readonly hash: string; readonly included: bigint; readonly convicted: bigint }

type Where = { readonly chainId: bigint; readonly serviceAddress: string }

const coder = AbiCoder.defaultAbiCoder()

/** Computed as the contract does, 26 bytes. It is bound to the seat, so nobody can use or learn from another member's seal. */
export function attestationSeal(where: Where, round: number, seat: number, of: Attested): string {
  const { hash, included, convicted } = of
  const digest = keccak256(
    coder.encode(
      ['uint256', 'address', 'uint32', 'uint8', 'bytes32', 'uint256', 'uint256'],
      [where.chainId, where.serviceAddress, round, seat, hash, included, convicted],
    ),
  )
  return digest.slice(0, 2 + 2 * 26)
}

const schema = z.array(z.object({ hash: z.string(), included: z.string(), convicted: z.string() }))
const recordName = ({ epochInfo, round }: Snapshot): string => `attested/${epochName(epochInfo)}/${round}`

function attestedIn({ context, snapshot }: Step): Attested[] {
  const record = context.store.getRecord(recordName(snapshot))
  return schema.parse(record ?? []).map(({ hash, included, convicted }) => ({
    hash,
    included: BigInt(included),
    convicted: BigInt(convicted),
  }))
}

const equal = (a: Attested, b: Attested): boolean =>
  a.hash === b.hash && a.included === b.included && a.convicted === b.convicted

/** Puts on record what this keeper is about to attest. A dispute voids attestations, so there may be two in a round. */
export function noteAttested(step: Step, what: Attested): void {
  const all = [...attestedIn(step).filter((entry) => !equal(entry, what)), what].map(
    ({ hash, included, convicted }) => ({
      hash,
      included: included.toString(),
      convicted: convicted.toString(),
    }),
  )
  step.context.store.putRecord(recordName(step.snapshot), all)
}

/** This keeper's last attestation in the round, by its own records. */
export function lastAttested(step: Step): Attested | null {
  return attestedIn(step).at(-1) ?? null
}

/** Whether this keeper has attested exactly this in the round, by its own records. */
export function hasAttested(step: Step, what: Attested): boolean {
  return attestedIn(step).some((entry) => equal(entry, what))
}
