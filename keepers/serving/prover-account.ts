// SPDX-License-Identifier: GPL-3.0-or-later
// A prover's account at the market: its transactions, its bond, and its reports.
import type { ContractTransactionReceipt, ContractTransactionResponse, Signer } from 'ethers'
import type { ProverMarket } from '../../types/index.ts'
import { clients, decodeRevert, type RevertError } from '../chain/index.ts'

export type ProverEvent =
  | 'started'
  | 'bonded'
  | 'claimed'
  | 'proving'
  | 'submitted'
  | 'settled'
  | 'accused'
  | 'closed'
  | 'ended'
  | 'skipped'
  | 'refused'
  | 'retrying'
  | 'stopped'

/** The results of a run. */
export type ProverTotals = { submitted: number; settled: number; accused: number; refused: number }

export type ProverReport = (event: ProverEvent, fields: Readonly<Record<string, unknown>>) => void

export class ProverAccount {
  readonly market: ProverMarket
  readonly address: string
  readonly signer: Signer
  readonly say: ProverReport
  readonly totals: ProverTotals = { submitted: 0, settled: 0, accused: 0, refused: 0 }

  private constructor(market: string, signer: Signer, address: string, say: ProverReport) {
    this.market = clients.proverMarket(market, signer)
    this.signer = signer
    this.address = address
    this.say = say
  }

  static async open(market: string, signer: Signer, say: ProverReport): Promise<ProverAccount> {
    return new ProverAccount(market, signer, await signer.getAddress(), say)
  }

  /** Sends and waits. Null when the market refuses, mostly because somebody was faster. */
  async send(
    what: string,
    act: () => Promise<ContractTransactionResponse>,
  ): Promise<ContractTransactionReceipt | null> {
    try {
      return await (await act()).wait()
    } catch (error) {
      this.totals.refused++
      this.say('refused', { act: what, reason: this.revertOf(error, what).message })
      return null
    }
  }

  /** Decodes a revert. @throws any other error: then the endpoint is at fault, and the service waits */
  revertOf(error: unknown, what: string): RevertError {
    const revert = decodeRevert(error, [this.market.interface], what)
    if (revert === null) throw error
    return revert
  }

  /**
   * Deposits the part of a bond (wei) that the free bond does not cover.
   * @returns `too-high` when the account would have more than `most` wei at stake, and `refused` when the market took nothing
   */
  async fillBond(bond: bigint, most: bigint): Promise<'filled' | 'refused' | 'too-high'> {
    const { free, reserved, unbonding } = await this.market.bondOf(this.address)
    if (free >= bond) return 'filled'
    const missing = bond - free
    if (free + reserved + unbonding + missing > most) return 'too-high'
    const receipt = await this.send('bond', () => this.market.bond({ value: missing }))
    if (receipt === null) return 'refused'
    this.say('bonded', { amount: missing })
    return 'filled'
  }
}
