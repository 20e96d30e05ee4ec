// SPDX-License-Identifier: GPL-3.0-or-later
import { decodeBytes32String } from 'ethers'

/** Reasons of penalties that a quorum imposed on evidence; the others are silence that the chain sees. */
export const CONVICTIONS: ReadonlySet<string> = new Set(['CONVICTED_AT_KEY_GENERATION', 'CONVICTED_AT_CHECK'])

/** The reason of a penalty as text. */
export function reasonText(reason: unknown): string {
  try {
    return decodeBytes32String(String(reason))
  } catch {
    return String(reason)
  }
}
