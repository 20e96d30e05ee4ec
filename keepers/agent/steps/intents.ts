// SPDX-License-Identifier: GPL-3.0-or-later
import { id } from 'ethers'
import { z } from 'zod'
import { epochName } from '../members.ts'
import type { Snapshot } from '../snapshot.ts'

const salt = z.string().regex(/^0x[0-9a-f]{64}$/)
const keyIntent = z.object({ cid: z.string(), salt })
const updateIntent = z.object({
  cid: z.string(),
  size: z.int().positive(),
  samples: z.int().min(0),
  salt,
  /** The version that its training started from, where it may be an earlier one. */
  base: z.int().min(0).optional(),
})
const complaintIntent = z.object({
  accused: z.int().nonnegative(),
  evidence: z.string().regex(/^0x([0-9a-f]{2})*$/),
  /** The dealings that the complaint is about; absent in intents of earlier releases. */
  reveals: z.string().optional(),
})
const ballotIntent = z.object({ convicted: z.string(), excused: z.string() })
const shareIntent = z.object({ cid: z.string(), size: z.int().positive() })

/** A member's commitment in key generation. */
export type KeyIntent = z.infer<typeof keyIntent>
/** The seat that a member accuses in key generation, and the evidence. */
export type ComplaintIntent = z.infer<typeof complaintIntent>
/** How a member judges the complaints of an epoch: two bitmaps, in decimal. */
export type BallotIntent = z.infer<typeof ballotIntent>
/** A member's commitment in a round. */
export type UpdateIntent = z.infer<typeof updateIntent>
/** The decryption share a drafted member posts. */
export type ShareIntent = z.infer<typeof shareIntent>

type EpochInfo = Snapshot['epochInfo']

export const keyIntentName = (info: EpochInfo): string => `key/${epochName(info)}`
export const complaintIntentName = (info: EpochInfo): string => `complaint/${epochName(info)}`
export const ballotIntentName = (info: EpochInfo): string => `judge/${epochName(info)}`
/** @param reveals Names the updates that the scalars are for. Posted for other updates, the scalars would contradict every one. */
export const checkIntentName = (info: EpochInfo, round: number, reveals: string): string =>
  `check/${epochName(info)}/${round}/${id(reveals).slice(2, 18)}`
export const updateIntentName = (info: EpochInfo, round: number): string => `update/${epochName(info)}/${round}`
export const shareIntentName = (info: EpochInfo, round: number, included: bigint, drafted: bigint): string =>
  `share/${epochName(info)}/${round}/${included.toString(16)}/${drafted.toString(16)}`
/** Records of results. They can be computed again, so they are not intents. */
export const aggregateRecord = (info: EpochInfo, round: number): string => `aggregate/${epochName(info)}/${round}`
export const othersSumRecord = (info: EpochInfo, round: number): string => `others/${epochName(info)}/${round}`
export const candidateRecord = (info: EpochInfo, round: number): string => `candidate/${epochName(info)}/${round}`

const decode = (payload: Uint8Array): unknown => JSON.parse(Buffer.from(payload).toString())
export const parseKeyIntent = (payload: Uint8Array): KeyIntent => keyIntent.parse(decode(payload))
export const parseComplaintIntent = (payload: Uint8Array): ComplaintIntent => complaintIntent.parse(decode(payload))
export const parseBallotIntent = (payload: Uint8Array): BallotIntent => ballotIntent.parse(decode(payload))
export const parseUpdateIntent = (payload: Uint8Array): UpdateIntent => updateIntent.parse(decode(payload))
export const parseShareIntent = (payload: Uint8Array): ShareIntent => shareIntent.parse(decode(payload))
