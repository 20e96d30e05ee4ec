// SPDX-License-Identifier: GPL-3.0-or-later
import type { ContractTransactionResponse, Interface, Signer } from 'ethers'
import { type ContractName, contractInterface } from '../artifacts.ts'
import { decodeRevert } from '../errors.ts'
import { DaoError } from './errors.ts'
import type { Sent } from './terms.ts'

const DAO_CONTRACTS: readonly ContractName[] = [
  'CohortGovernor',
  'ModelRegistry',
  'VerifierRegistry',
  'CohortToken',
  'TimelockController',
]

/** Sends a member's transactions one at a time, and says in the contracts' own words why one was refused. */
export class Sender {
  readonly #signer: Signer | undefined
  readonly #interfaces: readonly Interface[]

  /** @param contracts ABIs that decode the errors of a refusal */
  constructor(signer: Signer | undefined, contracts: readonly ContractName[] = DAO_CONTRACTS) {
    this.#signer = signer
    this.#interfaces = contracts.map(contractInterface)
  }

  /** Throws DaoError `no-signer`. */
  async address(): Promise<string> {
    if (this.#signer === undefined) {
      throw new DaoError('no-signer', 'this needs an account: give --keystore FILE, or --account N of a local node')
    }
    return await this.#signer.getAddress()
  }

  /**
   * Sends and waits for one confirmation.
   * @param what names the call in messages
   * @throws DaoError `reverted`, caused by a RevertError with the decoded custom error; `no-signer`
   */
  async send(what: string, call: () => Promise<ContractTransactionResponse>): Promise<Sent> {
    await this.address()
    try {
      const response = await call()
      const receipt = await response.wait()
      if (receipt === null) throw new DaoError('reverted', `${response.hash} was not mined`)
      return { hash: receipt.hash, gasUsed: receipt.gasUsed }
    } catch (error) {
      const revert = decodeRevert(error, this.#interfaces, what)
      if (revert !== null) throw new DaoError('reverted', revert.message, { cause: revert })
      throw error
    }
  }
}
