// SPDX-License-Identifier: GPL-3.0-or-later

/** What a keeper spent. Bytes are payload fetched from others and served to them. */
export type Account = {
  processor: number
  fetched: number
  served: number
  gas: number
  transactions: number
  /** Sums that it added up together with others; below, by itself. */
  sliced: number
  alone: number
}
export const emptyAccount = (): Account => ({
  ...{ processor: 0, fetched: 0, served: 0, gas: 0, transactions: 0, sliced: 0, alone: 0 },
})
