// SPDX-License-Identifier: GPL-3.0-or-later
import type { Provider } from 'ethers'
import type { Logger } from 'pino'
import {
  ChainError,
  type Clock,
  decodeAddress,
  type OperatorSigner,
  RemoteSigner,
  type ServiceContracts,
  SignerError,
} from '../chain/index.ts'
import { FheError } from '../fhe/index.ts'
import { presenceAt } from '../network/index.ts'
import { planFor, type RoundTerms } from '../versions/index.ts'
import { AgentError } from './errors.ts'
import { whyNotSigned } from './operator.ts'

/** Seconds that this machine's clock may differ from the chain's. The age of the latest block counts. */
const MAX_SKEW_SECONDS = 300
/** Wei. A smaller balance does not pay for one round: the keeper starts, but warns. */
export const LOW_BALANCE = 10n ** 15n

/** Refuses to start with a clock that is behind the chain: windows would close before the keeper thinks they open. */
export async function checkClock(provider: Provider, clock: Clock): Promise<void> {
  const block = await provider.getBlock('latest')
  if (block === null) throw new ChainError('UNREACHABLE', 'the endpoint has no latest block')
  // A chain may stand still, so only a clock that is behind the chain is certainly wrong.
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

/**
 * Refuses a remote signer without the operator's key. A signer that is out of reach may come back: the keeper starts, and its steps wait.
 * @throws AgentError NO_KEYS, SignerError SIGNER_ALTERED
 */
export async function checkSigner(signer: OperatorSigner, log: Pick<Logger, 'warn'>): Promise<void> {
  if (!(signer instanceof RemoteSigner)) return
  try {
    const reason = await whyNotSigned(signer)
    if (reason !== null) throw new AgentError('NO_KEYS', reason)
  } catch (error) {
    if (!(error instanceof SignerError) || error.code !== 'SIGNER_UNREACHABLE') throw error
    log.warn({ event: 'not signed', code: error.code, reason: error.message }, 'the remote signer does not answer yet')
  }
}

/** Parameters of a service that determine its encryption. */
export type KeyTerms = {
  readonly minKeepers: number
  readonly maxKeepers: number
  readonly decryptionBps: number
  readonly decryptionsPerEpoch: number
}

/**
 * Refuses a service with parameters that allow an epoch without any safe encryption parameters: once enough keepers have joined, it would
 * lose its rounds, or leak. @throws AgentError PLAN naming the parameters and values that would work.
 */
export function checkKeyPlan(terms: KeyTerms, roundTerms: RoundTerms, vectorLength: number): void {
  const { maxKeepers, minKeepers, decryptionBps, decryptionsPerEpoch } = terms
  const reasonAgainst = (members: number): string | null => {
    const threshold = Math.floor((members * decryptionBps) / 10_000) + 1
    try {
      planFor({ members, threshold, decryptionsPerKey: decryptionsPerEpoch, vectorLength, terms: roundTerms })
      return null
    } catch (error) {
      if (error instanceof FheError) return error.message
      throw error
    }
  }
  const reason = reasonAgainst(maxKeepers)
  if (reason === null) return
  let most = maxKeepers - 1
  while (most >= minKeepers && reasonAgainst(most) !== null) most--
  const advice =
    most >= minKeepers
      ? `${most} keepers would do: have the DAO lower maxKeepers to that, or decryptionsPerEpoch`
      : 'no number of keepers would do: have the DAO lower decryptionsPerEpoch, or agree on another manifest'
  throw new AgentError(
    'PLAN',
    `the service allows maxKeepers ${maxKeepers} and decryptionsPerEpoch ${decryptionsPerEpoch}, which no parameters of ` +
      `the encryption serve for ${vectorLength} weights (${reason}); ${advice}`,
  )
}

/** The same for the parameters in force, and for those that the DAO has set for the next epoch. */
export async function checkServicePlan(
  contracts: ServiceContracts,
  roundTerms: RoundTerms,
  vectorLength: number,
): Promise<void> {
  const [current, [pending, next]] = await Promise.all([
    contracts.service.parameters(),
    contracts.service.pendingParameters(),
  ])
  for (const terms of pending ? [current, next] : [current]) {
    const { minKeepers, maxKeepers, decryptionBps, decryptionsPerEpoch } = terms
    checkKeyPlan(
      {
        minKeepers: Number(minKeepers),
        maxKeepers: Number(maxKeepers),
        decryptionBps: Number(decryptionBps),
        decryptionsPerEpoch: Number(decryptionsPerEpoch),
      },
      roundTerms,
      vectorLength,
    )
  }
}

/**
 * Refuses to start while this keeper's peer answers at the address that the registry has for it: another process runs with the
 * same keys, here or elsewhere, and the two would contradict each other. Another peer at that address is only a conflict of ports.
 * Call before listening.
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
  if ((await presenceAt(address, timeout)) === 'peer') {
    throw new AgentError(
      'DOPPELGANGER',
      `a node already answers at ${address}, the address of this keeper: another process runs with the same keys. ` +
        'Stop it, wait until it is gone, then start this one',
    )
  }
}
