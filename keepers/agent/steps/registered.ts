// SPDX-License-Identifier: GPL-3.0-or-later
// Whether this keeper is registered. An unregistered keeper exits for good, so the check takes more than one endpoint's word.
import { ZeroAddress } from 'ethers'
import {
  ChainError,
  callsAtOneBlock,
  contractInterface,
  hasWitnesses,
  settled,
  settles,
  steady,
} from '../../chain/index.ts'
import type { AgentContext } from '../context.ts'
import { AgentError } from '../errors.ts'

/** The answer for an operator without an owner. */
const NONE = /^0x0{64}$/

/** What the check needs. */
export type RegistrationCheck = Pick<AgentContext, 'clock' | 'endpoints' | 'log' | 'operator'> & {
  readonly contracts: Pick<AgentContext['contracts'], 'registry'>
}

/**
 * The owner that the operator acts for, by the endpoint in use. Null if only that endpoint reports none: ask again.
 * @throws AgentError NOT_REGISTERED if two endpoints at one recent block, the operator's own one, or the only one that is configured,
 * report none
 */
export async function ownerHere({
  clock,
  contracts,
  endpoints,
  log,
  operator,
}: RegistrationCheck): Promise<string | null> {
  const { registry } = contracts
  const owner = await registry.ownerOfOperator(operator)
  if (owner !== ZeroAddress) return owner
  if (hasWitnesses(endpoints)) {
    const iface = contractInterface('KeeperRegistry')
    const call = { to: await registry.getAddress(), data: iface.encodeFunctionData('ownerOfOperator', [operator]) }
    const [answers] = await callsAtOneBlock(endpoints, clock, [call])
    const heard = answers!.filter(({ result }) => typeof result === 'string')
    const none = heard.filter(({ result }) => NONE.test(String(result)))
    if (!settles(none, heard)) {
      await leaveLiar(endpoints, call)
      log.warn(
        { event: 'registration not witnessed', operator },
        'one endpoint alone says that nobody has registered this keeper: waiting for a second',
      )
      return null
    }
  }
  throw new AgentError(
    'NOT_REGISTERED',
    `${operator} acts for no registered keeper: run \`cohort keeper register\` with the owner's key`,
  )
}

/** Switches to an endpoint that knows the owner, if a second one does too. Asks each at its own newest block, because a liar may claim any block. */
async function leaveLiar(endpoints: RegistrationCheck['endpoints'], call: object): Promise<void> {
  const latest = await endpoints.everywhere('eth_call', [call, 'latest'])
  const heard = latest.filter(({ result }) => typeof result === 'string')
  const [other] = settled(heard, ({ result }) => String(result)) ?? []
  if (other === undefined || NONE.test(String(other.result))) return
  endpoints.prefer(other.endpoint, 'others know who has registered this keeper')
}

/**
 * The same check at start, repeated until an endpoint knows the owner, or until a second one reports none.
 * @throws AgentError NOT_REGISTERED; ChainError UNREACHABLE when neither comes within the keeper's patience
 */
export async function checkRegistered(
  check: RegistrationCheck & Pick<AgentContext, 'config' | 'stopping'>,
): Promise<string> {
  const { clock, config, stopping } = check
  const until = steady(clock) + config.chain.patienceSeconds * 1000
  for (;;) {
    const owner = await ownerHere(check)
    if (owner !== null) return owner
    if (steady(clock) >= until) {
      throw new ChainError('UNREACHABLE', 'only one endpoint says that this keeper is not registered')
    }
    await clock.sleep(config.chain.pollSeconds * 1000, stopping)
  }
}
