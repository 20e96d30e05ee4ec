// SPDX-License-Identifier: GPL-3.0-or-later

/**
 * The network that `npx hardhat node` and the demo run. Each transaction is a block. If each block were a second later than the last, a busy service
 * would move the chain's clock minutes ahead of the real time. Without transactions, a block still comes every second, because on an idle chain, a
 * keeper that waits for confirmations or for the end of a window would wait for ever.
 */
export const PUNCTUAL_NETWORK = {
  type: 'edr-simulated',
  chainType: 'l1',
  allowBlocksWithSameTimestamp: true,
  mining: { auto: true, interval: 1_000 },
} as const
