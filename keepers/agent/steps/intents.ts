// SPDX-License-Identifier: GPL-3.0-or-later
import { z } from 'zod'
import { epochName } from '../members.ts'
import type { Snapshot } from '../snapshot.ts'

const salt = z.string().regex(/^0x[0-9a-f]{64}$/)
const keyIntent = z.object({ cid: z.string(), salt })
const updateIntent = z.object({ cid: z.string(), size: z.int().positive(), samples: z.int().positive(), salt })
const shareIntent = z.object({ cid: z.string(), size: z.int().positive() })

/** What a member committed to in key generation. */
export type KeyIntent = z.infer<typeof keyIntent>
/** What a member committed to in a round. */
export type UpdateIntent = z.infer<typeof updateIntent>
/** The decryption share a drafted member posts. */
export type ShareIntent = z.infer<typeof shareIntent>

type EpochInfo = Snapshot['epochInfo']

export const keyIntentName = (info: EpochInfo): string => `key/${epochName(info)}`
export const updateIntentName = (info: EpochInfo, round: number): string => `update/${epochName(info)}/${round}`
export const shareIntentName = (info: EpochInfo, round: number, included: bigint, drafted: bigint): string =>
  `share/${epochName(info)}/${round}/${included.toString(16)}/${drafted.toString(16)}`
/** Records of what was worked out: it can be worked out again, so these are no intents. */
export const aggregateRecord = (info: EpochInfo, round: number): string => `aggregate/${epochName(info)}/${round}`
export const candidateRecord = (info: EpochInfo, round: number): string => `candidate/${epochName(info)}/${round}`

const decode = (payload: Uint8Array): unknown => JSON.parse(Buffer.from(payload).toString())
export const parseKeyIntent = (payload: Uint8Array): KeyIntent => keyIntent.parse(decode(payload))
export const parseUpdateIntent = (payload: Uint8Array): UpdateIntent => updateIntent.parse(decode(payload))
export const parseShareIntent = (payload: Uint8Array): ShareIntent => shareIntent.parse(decode(payload))
