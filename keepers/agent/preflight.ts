// SPDX-License-Identifier: GPL-3.0-or-later
import { connect } from 'node:net'
import { multiaddr } from '@multiformats/multiaddr'
import { type Provider, ZeroAddress } from 'ethers'
import { ChainError, type Clock, type ServiceContracts } from '../chain/index.ts'
import { AgentError } from './errors.ts'
import { decodeAddress } from './peers.ts'

/** Seconds by which this machine's clock may differ from the chain's, latest block's age included. */
const MAX_SKEW_SECONDS = 300
/** Less than this, in wei, does not pay for one round: start, but say so. */
export const LOW_BALANCE = 10n ** 15n

/** Refuses to start with a clock that is behind the chain: windows would close before the keeper thinks they open. */
export async function checkClock(provider: Provider, clock: Clock): Promise<void> {
  const block = await provider.getBlock('latest')
  if (block === null) throw new ChainError('UNREACHABLE', 'the endpoint has no latest block')
  // A chain may stand still, so only a clock that is behind can be told for certain.
  const ahead = block.timestamp - clock.now() / 1000
  if (ahead > MAX_SKEW_SECONDS) {
    throw new AgentError(
      'CLOCK_SKEW',
      `this machine's clock is ${Math.round(ahead)} s behind the chain: synchronise it (NTP) and start again`,
    )
  }
}

/** @throws ChainError UNFUNDED when the operator cannot pay for anything. */
export async function checkFunds(provider: Provider, operator: string): Promise<void> {
  const balance = await provider.getBalance(operator)
  if (balance === 0n) {
    throw new ChainError('UNFUNDED', `the operator ${operator} has no funds for gas: send it some, then start again`)
  }
}

/** The owner that the operator acts for. @throws AgentError NOT_REGISTERED. */
export async function checkRegistered(contracts: ServiceContracts, operator: string): Promise<string> {
  const owner = await contracts.registry.ownerOfOperator(operator)
  if (owner === ZeroAddress) {
    throw new AgentError(
      'NOT_REGISTERED',
      `${operator} acts for no registered keeper: run \`cohort keeper register\` with the owner's key`,
    )
  }
  return owner
}

/**
 * Refuses to start while something answers at the address that the registry has for this keeper: another process runs
 * with the same keys, here or elsewhere, and two would sign against each other. Call before listening.
 */
export async function checkDoppelganger(
  contracts: ServiceContracts,
  owner: string,
  self: { readonly peerId: string },
  timeout = 1_500,
): Promise<void> {
  const { multiaddr: binary } = await contracts.registry.keeperOf(owner)
  const address = decodeAddress(binary)
  if (address === null || !address.endsWith(self.peerId)) return
  if (await answers(address, timeout)) {
    throw new AgentError(
      'DOPPELGANGER',
      `a node already answers at ${address}, the address of this keeper: another process runs with the same keys. ` +
        'Stop it, wait until it is gone, then start this one',
    )
  }
}

function answers(address: string, timeout: number): Promise<boolean> {
  const parts = multiaddr(address).getComponents()
  const host = parts[0]?.value
  const port = Number(parts.find((part) => part.name === 'tcp')?.value)
  if (host === undefined || !Number.isInteger(port)) return Promise.resolve(false)
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout })
    const end = (answer: boolean): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => end(true))
    socket.once('timeout', () => end(false))
    socket.once('error', () => end(false))
  })
}
