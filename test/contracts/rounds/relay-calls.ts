// SPDX-License-Identifier: GPL-3.0-or-later
// The calls and signatures that tests of relaying hand over.
import { toBeHex } from 'ethers'
import { contractInterface } from '../../../keepers/chain/index.ts'
import { handOver } from '../../../keepers/relay/client.ts'
import type { RelayError } from '../../../keepers/relay/errors.ts'
import type { RelayRequest } from '../../../keepers/relay/protocol.ts'
import { type SignedCall, signCall } from '../../../keepers/relay/signed-call.ts'
import { operatorWallet, type Player, type World } from './fixture.ts'
import { numbers } from './play.ts'
import { CALLS } from './relay.ts'

/** What members sign in the round that the world is in. */
export function relayCalls(world: () => World) {
  const commit = async (player: Player): Promise<string> =>
    CALLS.commitUpdate(world(), player, 0, (await numbers(world())).round)

  const committed = async (): Promise<bigint> => (await world().service.roundInfo()).committed

  const domain = async () => ({ chainId: 31337n, service: await world().service.getAddress() })

  const signed = async (player: Player, call: string, disputed = false): Promise<SignedCall> =>
    signCall(operatorWallet(world().players.indexOf(player)), await domain(), call, disputed)

  const wire = async (player: Player, changes: Partial<RelayRequest> = {}): Promise<RelayRequest> => {
    const call = changes.call ?? (await commit(player))
    const { chainId, service } = await domain()
    const { timestamp } = (await world().ethers.provider.getBlock('latest'))!
    return { ...(await signed(player, call)), chainId: Number(chainId), service, until: timestamp + 600, ...changes }
  }

  const keyCall = async (player: Player, key: bigint, given?: string): Promise<string> => {
    const [owner, next] = [await player.owner.getAddress(), toBeHex(key, 32)]
    const digest = await world().registry.encryptionKeyDigest(owner, next)
    const signature = given ?? operatorWallet(world().players.indexOf(player)).signingKey.sign(digest).serialized
    return contractInterface('KeeperRegistry').encodeFunctionData('setEncryptionKeyFor', [owner, next, signature])
  }

  return { commit, committed, domain, signed, wire, keyCall }
}

/** The code and message of the RelayError that something fails with. */
export const refusal = async (sent: Promise<unknown>): Promise<[string, string]> => {
  try {
    await sent
  } catch (error) {
    return [(error as RelayError).code, (error as RelayError).message]
  }
  throw new Error('expected a RelayError')
}

/** Hands a request to a relayer. */
export const ask = (url: string, request: unknown) => handOver(url, request as RelayRequest, AbortSignal.timeout(5_000))
