// SPDX-License-Identifier: GPL-3.0-or-later
// The doctor's checks of the service, of the keeper's registration, and of the other members.
import { formatEther, ZeroAddress } from 'ethers'
import { FailoverProvider, openService, PeerBook, systemClock } from '../../chain/index.ts'
import { portAnswers } from '../../network/index.ts'
import { agreedDigests, disagreement } from '../../versions/index.ts'
import type { KeeperConfig } from '../config.ts'
import { RENEW } from '../frame.ts'
import { operatorAddress } from '../operator.ts'
import { LOW_BALANCE } from '../preflight.ts'
import { takeSnapshot } from '../snapshot.ts'
import { type Check, fail, ok, reasonOf, warn } from './check.ts'
import { seatsOfMembers } from './status.ts'

/** Milliseconds without an answer before an endpoint, or a peer, counts as silent. */
const PATIENCE_MS = 5_000
const PEER_MS = 2_000

/** Checks the manifest, the operator's coins, its registration and its peers. Stops at the first check that others depend on. */
export async function checkService(config: KeeperConfig): Promise<Check[]> {
  const { chain, service } = config
  const provider = new FailoverProvider({ urls: chain.rpc, chainId: BigInt(chain.id), patience: PATIENCE_MS })
  const checks: Check[] = []
  try {
    const contracts = await openService(service.address, provider)
    const apart = disagreement(await agreedDigests(contracts.service), service.manifest)
    checks.push(apart === null ? ok('manifest', 'is the one that the chain names') : fail('manifest', apart, RENEW))
    const crowded = noPlaceWithoutSamples(config, await contracts.service.parameters())
    if (crowded !== null) checks.push(crowded)
    const operator = operatorAddress(config.keys)
    const balance = await provider.getBalance(operator)
    const ether = `${formatEther(balance)} ether for gas at ${operator}`
    if (balance === 0n) checks.push(fail('funds', ether, 'send it some, or `cohort keeper register --fund`'))
    else checks.push(balance < LOW_BALANCE ? warn('funds', ether, 'send it some') : ok('funds', ether))
    const owner = await contracts.registry.ownerOfOperator(operator)
    if (owner === ZeroAddress) {
      checks.push(fail('registration', 'it is not registered', 'run `cohort keeper register`'))
      return checks
    }
    const { jailedUntil, stake } = await contracts.registry.keeperOf(owner)
    const block = (await provider.getBlock('latest'))!
    const { seat, snapshot } = await takeSnapshot(contracts.service, operator, block.number, block.timestamp)
    const held = `owner ${owner}, stake ${formatEther(stake)}, ${seat === null ? 'no seat' : `seat ${seat}`}`
    if (jailedUntil > 0n)
      checks.push(fail('registration', `${held}; in jail`, 'resolve the cause, then `cohort keeper unjail`'))
    else if (seat === null) checks.push(warn('registration', held, '`cohort keeper run` takes a seat whenever it can'))
    else checks.push(ok('registration', held))
    checks.push(await checkPeers(contracts, seatsOfMembers(snapshot), seat))
  } catch (error) {
    checks.push(fail('service', reasonOf(error), 'correct service.address, chain.id or chain.rpc'))
  } finally {
    provider.destroy()
  }
  return checks
}

/** A service with a buffer may need every update that its buffer takes to be of samples. Then a keeper without samples has no place in it. */
export function noPlaceWithoutSamples(
  { data }: Pick<KeeperConfig, 'data'>,
  terms: { readonly buffer: bigint; readonly minKeepers: bigint; readonly maxKeepers: bigint },
): Check | null {
  const isWithout = data.source === 'none' || data.use === 'judge'
  // The quorum of a full service. With fewer members, fewer updates are needed.
  const quorum = (2n * terms.maxKeepers) / 3n + 1n
  const needed = quorum > terms.minKeepers ? quorum : terms.minKeepers
  if (!isWithout || terms.buffer === 0n || terms.buffer > needed) return null
  const found = `rounds take ${terms.buffer} updates and need ${needed} with samples: there is no place without`
  return fail('samples', found, 'give the keeper samples (data), or have it leave')
}

async function checkPeers(
  { service, registry }: Awaited<ReturnType<typeof openService>>,
  members: readonly number[],
  self: number | null,
): Promise<Check> {
  const [first, ...others] = members
  if (first === undefined) return ok('peers', 'the service has no members yet')
  const addresses = await new PeerBook(service, registry, systemClock).providers(first, others, self)
  const answers = await Promise.all(addresses.map((address) => portAnswers(address, PEER_MS)))
  const there = answers.filter(Boolean).length
  const found = `${there} of ${addresses.length} other members answer at their addresses`
  if (there * 2 > addresses.length || addresses.length === 0) return ok('peers', found)
  return warn('peers', found, 'look at this machine’s way out (firewall, DNS), then ask the others')
}
