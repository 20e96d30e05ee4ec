// SPDX-License-Identifier: GPL-3.0-or-later
// Actions on data offers: offer, attest, admit, settle.
import { ContractFactory, type JsonRpcApiProvider, type Signer } from 'ethers'
import type { DataOffers } from '../../../types/index.ts'
import { contractArtifact } from '../artifacts.ts'
import { clients } from '../contracts.ts'
import { countOf } from '../count.ts'
import { Sender } from '../dao/sender.ts'
import type { Sent } from '../dao/terms.ts'
import { DataMarketError, OFFER_STATUSES, type OfferTerms, type OfferView } from './terms.ts'

type Groth16Proof = Parameters<DataOffers['attest']>[5]
export type DeviceSummary = Parameters<DataOffers['attest']>[3]

export class OffersClient {
  readonly #offers: DataOffers
  readonly #provider: JsonRpcApiProvider
  readonly #sender: Sender

  private constructor(offers: DataOffers, provider: JsonRpcApiProvider, signer: Signer | undefined) {
    this.#offers = offers
    this.#provider = provider
    this.#sender = new Sender(signer, ['DataOffers', 'VerifierRegistry', 'ClaimRegistry'])
  }

  /** @throws DataMarketError wrong-contract, also for offers on another registry of models */
  static async open(
    address: string,
    models: string,
    provider: JsonRpcApiProvider,
    signer?: Signer,
  ): Promise<OffersClient> {
    const offers = clients.dataOffers(address, signer ?? provider)
    const found = await Promise.all([offers.MODELS(), offers.depositOf()]).then(
      ([registry]) => registry,
      (cause) => {
        throw new DataMarketError('wrong-contract', `there are no data offers at ${address}: correct --offers`, {
          cause,
        })
      },
    )
    if (found.toLowerCase() !== models.toLowerCase())
      throw new DataMarketError(
        'wrong-contract',
        `${address} admits to services of the registry at ${found}, the deployment’s is ${models}: correct --offers or --deployment`,
      )
    return new OffersClient(offers, provider, signer)
  }

  static async deploy(
    signer: Signer,
    terms: Record<'keepers' | 'models' | 'claims' | 'rewards' | 'verifiers' | 'circuitId' | 'treasury', string> & {
      readonly deposit: bigint
    },
  ): Promise<string> {
    const { abi, bytecode } = contractArtifact('DataOffers')
    const { keepers, models, claims, rewards, verifiers, circuitId, treasury, deposit } = terms
    const factory = new ContractFactory(abi as string[], bytecode, signer)
    const made = await factory.deploy(keepers, models, claims, rewards, verifiers, circuitId, treasury, deposit)
    await made.waitForDeployment()
    return await made.getAddress()
  }

  async offer(terms: OfferTerms): Promise<Sent & { readonly offerId: number }> {
    const value = await this.#offers.depositOf()
    const sent = await this.#sender.send('offer', () => this.#offers.offer(terms, { value }))
    const receipt = await this.#provider.getTransactionReceipt(sent.hash)
    const logs = (receipt?.logs ?? []).map((log) => this.#offers.interface.parseLog(log))
    return { ...sent, offerId: Number(logs.find((log) => log?.name === 'Offered')!.args.offerId) }
  }

  /** The fourth signal of an attestation's proof. */
  async contextOf(offerId: number, index: number): Promise<bigint> {
    return await this.#offers.contextOf(await this.#sender.address(), offerId, index)
  }

  async attest(
    offerId: number,
    index: number,
    given: { commitment: bigint; summary: DeviceSummary; path: readonly string[]; proof: Groth16Proof },
  ): Promise<Sent> {
    const { commitment, summary, path, proof } = given
    return await this.#sender.send('attest', () =>
      this.#offers.attest(offerId, index, commitment, summary, [...path], proof),
    )
  }

  async listDevices(root: string): Promise<Sent> {
    return await this.#sender.send('listDevices', () => this.#offers.listDevices(root))
  }

  async buyIn(offerId: number, service: string): Promise<Sent> {
    const { price } = await this.view(offerId)
    return await this.#sender.send('buyIn', () => this.#offers.buyIn(offerId, service, { value: price }))
  }

  /** Gives an admitted offer’s price to the seller if an improvement was proven, else back once its time is over. */
  async settle(offerId: number): Promise<Sent & { readonly proven: boolean }> {
    const proven = await this.#isProven(offerId)
    const what = proven ? 'release' : 'refund'
    return { ...(await this.#sender.send(what, () => this.#offers[what](offerId))), proven }
  }

  /** Proves that an offer has fewer samples than it states. @param path of a padding leaf whose index is below the stated size */
  async disproveSize(offerId: number, index: number, path: readonly string[]): Promise<Sent> {
    return await this.#sender.send('disproveSize', () => this.#offers.disproveSize(offerId, index, [...path]))
  }

  async retire(offerId: number): Promise<Sent> {
    return await this.#sender.send('retire', () => this.#offers.retire(offerId))
  }

  /** Sends the signer what the contract owes it. */
  async withdraw(): Promise<Sent> {
    const account = await this.#sender.address()
    return await this.#sender.send('withdraw', () => this.#offers.withdraw(account, account))
  }

  async count(): Promise<number> {
    return countOf(await this.#offers.offerCount(), 'offers')
  }

  /** @throws DataMarketError unknown */
  async view(offerId: number): Promise<OfferView> {
    const given = await this.#offer(offerId)
    const [reputation, current] = await Promise.all([
      this.#offers.reputationOf(given.seller),
      this.#offers.isAttestationCurrent(offerId),
    ])
    const { terms } = given
    return {
      ...{ offerId, status: OFFER_STATUSES[Number(given.status)]!, seller: given.seller, schema: terms.schema },
      ...{ size: Number(terms.size), price: terms.price, maker: terms.maker, attested: Number(given.attested) },
      ...{ signedByKey: BigInt(given.keyHash) !== 0n, current, service: given.service },
      ...{ expiresAt: Number(terms.expiresAt), uri: terms.uri },
      ...{ copyOf: Number(given.copyOf), minEarned: terms.minEarned },
      reputation: {
        ...{ since: Number(reputation.since), offers: Number(reputation.offers), proven: Number(reputation.proven) },
        ...{ unproven: Number(reputation.unproven), struck: Number(reputation.struck) },
        fallen: Number(reputation.fallen),
      },
    }
  }

  /** Root of an offer, so that leaves can be compared before anything is proven. */
  async rootOf(offerId: number): Promise<string> {
    return (await this.#offer(offerId)).terms.root
  }

  async #offer(offerId: number) {
    const count = await this.count()
    if (offerId < 1 || offerId > count)
      throw new DataMarketError('unknown', `there is no offer ${offerId}: the contract has ${count}`)
    return await this.#offers.offerOf(offerId)
  }

  /** Whether an improvement was proven, by the contract's own rule. */
  async #isProven(offerId: number): Promise<boolean> {
    const { service, seller, admittedAt, earnedBefore, terms } = await this.#offer(offerId)
    const rewards = clients.improvementRewards(await this.#offers.REWARDS(), this.#provider)
    const [last, earned] = await Promise.all([
      rewards.lastImprovementOf(service, seller),
      rewards.earnedOf(service, seller),
    ])
    return last > admittedAt && earned >= earnedBefore + terms.minEarned
  }
}
