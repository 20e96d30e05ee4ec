// SPDX-License-Identifier: GPL-3.0-or-later

/**
 * The network that `npx hardhat node` and the demo run. Each transaction is a block there; were each a second later than the last, a
 * service at work would carry the chain's clock minutes ahead of everybody's. And a block comes every second without any: a keeper
 * that waits for confirmations, or for a window to pass, would wait for ever on an idle chain.
 */
export const PUNCTUAL_NETWORK = {
  type: 'edr-simulated',
  chainType: 'l1',
  allowBlocksWithSameTimestamp: true,
  mining: { auto: true, interval: 1_000 },
} as const
