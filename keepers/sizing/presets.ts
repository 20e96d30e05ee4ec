// SPDX-License-Identifier: GPL-3.0-or-later
// Networks, chains and windows that can be chosen by name.
import arbitrum from '../../deploy/parameters/arbitrum.json' with { type: 'json' }
import localhost from '../../deploy/parameters/localhost.json' with { type: 'json' }
import opStack from '../../deploy/parameters/op-stack.json' with { type: 'json' }
import sepolia from '../../deploy/parameters/sepolia.json' with { type: 'json' }
import type { ChainTerms } from './chain.ts'
import type { Link, Protocol } from './network.ts'

const MBIT = 1e6

/** How keepers are connected. Delays are one way, to the middle of the network: 20 ms are 80 ms there and back between two keepers. */
export const NETWORKS = {
  datacentre: { delay: 0.25, up: 1_000 * MBIT, down: 1_000 * MBIT, loss: 0 },
  fibre: { delay: 10, up: 100 * MBIT, down: 300 * MBIT, loss: 0.0001 },
  poor: { delay: 125, up: MBIT, down: MBIT, loss: 0.005 },
} as const satisfies Record<string, Link>

/**
 * Round trips, measured between two nodes with 300 ms there and back (`npm run bench -- scale trips`). libp2p closes a connection that is unused for
 * a minute (keepers/network/node.ts), and a peer closes a stream without a question for half a minute (parts.ts).
 */
export const PROTOCOL: Protocol = {
  dial: 3.1,
  blob: 3.2,
  level: 4.3,
  part: 2.1,
  again: 1,
  kept: 30,
  idle: 60,
  dialBytes: 2300,
  askBytes: 900,
}

const ONE_SERVICE = { taken: 0, services: 1, finalitySeconds: 0 } as const

/** Chains: Ethereum with a gas limit of 36 million, an L2, and two for experiments. On the public ones, others use part of each block. */
export const CHAINS = {
  local: { ...ONE_SERVICE, blockSeconds: 0, blockGas: 30e6, confirmations: 1, requestSeconds: 0.005, gasGwei: 0 },
  second: { ...ONE_SERVICE, blockSeconds: 1, blockGas: 30e6, confirmations: 3, requestSeconds: 0.05, gasGwei: 0 },
  ethereum: {
    ...{ ...ONE_SERVICE, blockSeconds: 12, blockGas: 36e6, taken: 0.5 },
    ...{ confirmations: 3, requestSeconds: 0.1, gasGwei: 1 },
  },
  l2: {
    ...{ ...ONE_SERVICE, blockSeconds: 2, blockGas: 60e6, taken: 0.3 },
    ...{ confirmations: 3, requestSeconds: 0.1, gasGwei: 0.005 },
  },
} satisfies Record<string, ChainTerms>

/** Seconds that the states of a round may last. */
export type Windows = Readonly<Record<'training' | 'reveal' | 'aggregate' | 'decrypt' | 'vote', number>>

const windowsOf = ({ service }: { readonly service: Readonly<Record<`${keyof Windows}Window`, number>> }): Windows => ({
  training: service.trainingWindow,
  reveal: service.revealWindow,
  aggregate: service.aggregateWindow,
  decrypt: service.decryptWindow,
  vote: service.voteWindow,
})

/** Windows of the deployments that ship (deploy/parameters). */
export const WINDOWS = {
  localhost: windowsOf(localhost),
  sepolia: windowsOf(sepolia),
  'op-stack': windowsOf(opStack),
  arbitrum: windowsOf(arbitrum),
} as const satisfies Record<string, Windows>
