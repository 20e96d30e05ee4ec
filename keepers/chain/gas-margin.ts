// SPDX-License-Identifier: GPL-3.0-or-later
import type { AbstractSigner } from 'ethers'

/** Gas limit in hundredths of the estimate. Unused gas costs nothing. */
const MARGIN = 125n
/** Most gas of a transaction on Ethereum and on chains that follow it (EIP-7825). A margin must not exceed this, or the transaction is refused. */
const MOST_GAS = 1n << 24n

/**
 * Makes an account's transactions carry a quarter more gas than their estimate. An endpoint estimates as of its latest block, but the
 * transaction runs in a later one. There it may take a little more: a price that falls with time needs another step of arithmetic, or somebody
 * else has written first.
 */
export function withGasMargin<T extends AbstractSigner>(signer: T): T {
  const estimate = signer.estimateGas.bind(signer)
  signer.estimateGas = async (transaction) => withMargin(await estimate(transaction))
  return signer
}

function withMargin(estimate: bigint): bigint {
  const wanted = (estimate * MARGIN) / 100n
  // An estimate beyond the bound shows a chain without one.
  return estimate <= MOST_GAS && wanted > MOST_GAS ? MOST_GAS : wanted
}
