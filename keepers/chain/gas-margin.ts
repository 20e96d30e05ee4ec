// SPDX-License-Identifier: GPL-3.0-or-later
import type { AbstractSigner } from 'ethers'

/** In hundredths of the estimate. Gas that is not used costs nothing. */
const MARGIN = 125n
/** More gas than this no transaction may carry on Ethereum and whoever follows it (EIP-7825), and with a margin beyond it none would be taken. */
const MOST_GAS = 1n << 24n

/**
 * Makes an account's transactions carry a quarter more gas than their estimate. An endpoint estimates in the block that it has; the
 * transaction runs in a later one, where a price that falls with time takes its first step of arithmetic, or somebody else
 * has written first, and ran out of gas by a few units.
 */
export function withGasMargin<T extends AbstractSigner>(signer: T): T {
  const estimate = signer.estimateGas.bind(signer)
  signer.estimateGas = async (transaction) => withMargin(await estimate(transaction))
  return signer
}

function withMargin(estimate: bigint): bigint {
  const wanted = (estimate * MARGIN) / 100n
  // Beyond it anyway: a chain without that bound.
  return estimate <= MOST_GAS && wanted > MOST_GAS ? MOST_GAS : wanted
}
