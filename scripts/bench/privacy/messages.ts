// SPDX-License-Identifier: GPL-3.0-or-later
import type { InferenceTermsOptions, SquareNetwork } from '../../../keepers/fhe/index.ts'

/** What a keeper's process is told first. */
export type KeeperStart = {
  readonly network: SquareNetwork
  readonly options: InferenceTermsOptions
  readonly self: number
  readonly keepers: readonly Uint8Array[]
}
export type RequestMessage = { readonly request: Uint8Array; readonly share: Uint8Array }
export type KeeperAnswer = {
  readonly answer: Uint8Array
  /** Seconds. */
  readonly processor: number
  /** Largest resident size, bytes. */
  readonly memory: number
}
