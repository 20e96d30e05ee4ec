// SPDX-License-Identifier: GPL-3.0-or-later
// Steps that operators sign and somebody else sends.

import { type BytesLike, concat, dataLength, Signature, toBeHex } from 'ethers'
import type { ILearningService } from '../../../types/index.ts'
import { cid, operatorWallet, type Player, salt, type World } from './fixture.ts'
import { keyCid, keyHash, modelOf, numbers, samplesOf, sealOf } from './play.ts'

export type SignedStep = { readonly call: string; readonly r: string; readonly vs: string }

/** The EIP-712 domain of a service. */
export async function domainOf(world: World, service: ILearningService = world.service) {
  const { chainId } = await world.ethers.provider.getNetwork()
  return { name: 'Cohort LearningService', version: '1', chainId, verifyingContract: await service.getAddress() }
}

const STEP = {
  Step: [
    { name: 'call', type: 'bytes' },
    { name: 'disputed', type: 'bool' },
  ],
}

/** `call`, signed by the player's operator for the service, or for another domain. */
export async function sign(
  world: World,
  player: Player,
  call: string,
  options: { disputed?: boolean; domain?: Awaited<ReturnType<typeof domainOf>> } = {},
): Promise<SignedStep> {
  const { disputed = false, domain = await domainOf(world) } = options
  const wallet = operatorWallet(world.players.indexOf(player))
  const signature = Signature.from(await wallet.signTypedData(domain, STEP, { call, disputed }))
  return { call, r: signature.r, vs: signature.yParityAndS }
}

/** The arguments of each step of an honest member. */
export const CALLS = {
  async commitKey({ service }: World, { seat }: Player, epoch: number): Promise<string> {
    const commitment = await service.keyCommitment(epoch, seat, keyCid(epoch, seat), salt('key'))
    const { crsSeed } = await service.epochInfo()
    return service.interface.encodeFunctionData('commitKey', [epoch, crsSeed, commitment])
  },
  async revealKey({ service }: World, { seat }: Player, epoch: number): Promise<string> {
    return service.interface.encodeFunctionData('revealKey', [epoch, keyCid(epoch, seat), salt('key')])
  },
  async confirmKey({ service }: World, _: Player, epoch: number): Promise<string> {
    return service.interface.encodeFunctionData('confirmKey', [epoch, keyHash(epoch)])
  },
  async commitUpdate({ service }: World, { seat }: Player, _: number, round: number): Promise<string> {
    const blob = cid(`update ${round} ${seat}`)
    const sealed = await service.updateCommitment(round, seat, blob, 1000, samplesOf(seat), salt('update'))
    return service.interface.encodeFunctionData('commitUpdate', [round, sealed])
  },
  async revealUpdate({ service }: World, { seat }: Player, _: number, round: number): Promise<string> {
    const blob = cid(`update ${round} ${seat}`)
    return service.interface.encodeFunctionData('revealUpdate', [round, blob, 1000, samplesOf(seat), salt('update')])
  },
  async attest(world: World, player: Player, _: number, round: number): Promise<string> {
    return world.service.interface.encodeFunctionData('attest', [round, await sealOf(world, player)])
  },
  async submitShare({ service }: World, { seat }: Player, _: number, round: number): Promise<string> {
    return service.interface.encodeFunctionData('submitShare', [round, cid(`share ${round} ${seat}`), 500])
  },
  async vote({ service }: World, _: Player, __: number, round: number): Promise<string> {
    return service.interface.encodeFunctionData('vote', [round, modelOf(round), cid(`model ${round}`)])
  },
}

/** Each player's step, signed. */
export async function signAll(
  world: World,
  step: keyof typeof CALLS,
  players: readonly Player[] = world.players,
): Promise<SignedStep[]> {
  const { epoch, round } = await numbers(world)
  return await Promise.all(
    players.map(async (player) => await sign(world, player, await CALLS[step](world, player, epoch, round))),
  )
}

/** The argument of `relay`. */
export function packed(steps: readonly SignedStep[]): string {
  return concat(steps.flatMap(({ r, vs, call }) => [r, vs, toBeHex(dataLength(call), 2), call]))
}

/** All players' steps in one transaction of a stranger's. */
export async function relayAll(world: World, step: keyof typeof CALLS, players?: readonly Player[]) {
  return await world.service.connect(world.stranger).relay(packed(await signAll(world, step, players)))
}

/** The signers of refused steps, with the service's errors, in the order of the transaction. */
export async function refusedIn(
  world: World,
  sent: { wait(): Promise<{ logs: readonly { topics: readonly string[]; data: string }[] } | null> },
): Promise<{ index: number; operator: string; error: string; args: unknown[] }[]> {
  const { interface: abi } = world.service
  const logs = (await sent.wait())!.logs
    .map(({ topics, data }) => abi.parseLog({ topics: [...topics], data }))
    .filter((log) => log?.name === 'StepRefused')
  return logs.map((log) => {
    const { index, operator, reason } = log!.args as unknown as { index: bigint; operator: string; reason: BytesLike }
    const error = reason === '0x' ? null : abi.parseError(reason)
    return { index: Number(index), operator, error: error?.name ?? '', args: [...(error?.args ?? [])] }
  })
}
