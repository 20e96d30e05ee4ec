// SPDX-License-Identifier: GPL-3.0-or-later
// Calls on which a holder's wallet relies. What a gate requires and what a list contains decide whether a proof exists. An endpoint that changed
// either would learn a bit of the credential from whether a proof comes.
import type { Interface, Provider, Result } from 'ethers'
import { type Endpoints, hasWitnesses, settledCall, systemClock } from '../../chain/index.ts'
import { IdentityError } from './errors.ts'

/** Endpoints that are asked one by one. */
export type Witnesses = Pick<Endpoints, 'count' | 'everywhere'>

export class Asking {
  readonly provider: Provider
  readonly #witnesses: Witnesses | undefined

  /** @param witnesses endpoints of which two of different hosts must agree; with fewer than two, the provider's word counts */
  constructor(provider: Provider, witnesses?: Witnesses) {
    this.provider = provider
    this.#witnesses = witnesses !== undefined && hasWitnesses(witnesses) ? witnesses : undefined
  }

  /**
   * What a function of a contract returns now.
   * @throws IdentityError unheard when no two endpoints say the same
   */
  async ask(iface: Interface, to: string, method: string, args: readonly unknown[] = []): Promise<Result> {
    const data = iface.encodeFunctionData(method, args)
    if (this.#witnesses === undefined) return iface.decodeFunctionResult(method, await this.provider.call({ to, data }))
    const said = await settledCall(this.#witnesses, systemClock, { to, data })
    if (said === null)
      throw new IdentityError(
        'unheard',
        `${method} of ${to}: no two endpoints of --rpc say the same at one recent block; nothing was proven, add another`,
      )
    return iface.decodeFunctionResult(method, said)
  }
}
